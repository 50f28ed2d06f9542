"""What was measured of a lead on every date."""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True)
class Pixels:
    """The ground of a lead and around it on one solar day, as a caller read it."""

    day: dt.date
    data: NDArray[np.float32]
    """(C, H, W) reflectance, NaN = not observed."""

    bands: tuple[str, ...]
    """STAC common names of the C bands; a band that no scene has is all NaN."""

    geobox: GeoBox
    scenes: tuple[str, ...]
    sensor: str
    reflectance: bool = True
    """False where values are DN: indices of it are no indices."""


@dataclass(frozen=True)
class Sample:
    """Zonal means of one day, pixels on the outline counted by the part of them that lies inside."""

    day: dt.date
    scenes: tuple[str, ...]
    sensor: str
    inside: Mapping[str, float]
    """Index → mean inside the lead; NaN = none of it observed, or a band is missing."""

    ring: Mapping[str, float]
    seen_inside: float
    """Share of the lead that was observed, 0–1."""

    seen_ring: float

    def apart(self, index: str) -> float:
        """Inside minus ring: what the region did that day (drought, haze, sensor) is in both and falls out."""
        return self.inside.get(index, math.nan) - self.ring.get(index, math.nan)


@dataclass(frozen=True)
class Unread:
    """A day that could not be read, and why."""

    day: dt.date
    reason: str


@dataclass(frozen=True)
class Break:
    """When a lead's difference to its ring changed for good."""

    index: str
    """Which index shows it most clearly."""

    last_before: dt.date
    """Latest look that was still clearly as before …"""

    first_after: dt.date
    """… and the earliest that was clearly changed: the break lies in (last_before, first_after]."""

    step: float
    """Change of the difference, in units of the index."""

    noise: float
    """Standard deviation of the difference between looks of like season on one side of the break."""

    looks_before: int
    looks_after: int
    between: int
    """Looks inside the interval that were neither."""

    matched: float
    """Share of the later looks that have an earlier one within `leads.series.change.SEASON_DAYS` of their season."""

    stays: float
    """Share of the looks from `first_after` on that are still changed."""


@dataclass(frozen=True)
class History:
    """All looks at a lead, and what they say of its break."""

    samples: tuple[Sample, ...]
    """Clear enough to count, by day."""

    ring: BaseGeometry
    """EPSG:4326."""

    found: Break | None
    why_none: tuple[str, str] = ("", "")
    """Chinese and English reason where there is no break."""

    passed_over: int = 0
    """Days on which too little of the lead or its ring was observed."""

    unread: tuple[Unread, ...] = field(default=())

    @property
    def span(self) -> tuple[dt.date, dt.date] | None:
        """First and last day; None where there is none."""
        return (self.samples[0].day, self.samples[-1].day) if self.samples else None

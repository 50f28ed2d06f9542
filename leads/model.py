"""From polygon to lead."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from shapely.geometry.base import BaseGeometry

from aoi.conflicts import Conflict
from detectors.core.history import Opinion
from leads.area import Cut
from leads.rules.outcome import RuleFinding
from leads.standing import Known, MineAnswers, TemporaryUse


@dataclass(frozen=True)
class Patch:
    """A polygon of change that one detector saw."""

    detector: str
    geometry: BaseGeometry
    """Polygon in EPSG:4326, valid."""

    score_max: float
    score_mean: float
    transition: int
    """Index from 1 into the detector's transitions (the most common inside); 0 = none."""

    area_m2: float
    """Geodesic on the CGCS2000 ellipsoid."""

    area_low_m2: float
    area_high_m2: float
    """Interval of the area from the mixed pixels along its outline."""

    gsd_m: float
    """Pixel size it was seen at, metres."""

    clipped: bool = False
    """True when it touches the edge of what was analysed or observed: the true patch may be larger."""

    cut: Cut | None = None
    """Of an outline cut at half of its own contrast in the images; None where it is the score's."""


@dataclass(frozen=True)
class Crossing:
    """How much of a patch lies in one feature of a statutory layer."""

    kind: str
    feature_id: str
    name: str
    area_m2: float
    attributes: Mapping[str, str] = field(default_factory=dict)
    ground: BaseGeometry | None = None
    """What they share, EPSG:4326; None where only its area is known."""


@dataclass(frozen=True)
class Finding:
    """A patch with what it was crossed with and when it happened."""

    patch: Patch
    last_before: dt.date
    """Last clear day before the change, over the patch."""

    first_seen: dt.date
    """First clear day that shows it."""

    dates_seen: tuple[dt.date, ...]
    looks: int
    """Clear looks over the patch inside the after range."""

    crossings: tuple[Crossing, ...] = ()
    layers_missing: tuple[str, ...] = ()
    """Kinds of layer that the detector wanted and nobody gave."""

    conflicts: tuple[Conflict, ...] = ()
    """Ground of the patch that two maps claim for different things; all are shown, none is preferred."""

    rules: tuple[RuleFinding, ...] = ()
    """Rules in force while the conduct may have happened, the weightiest first."""

    known: Known | None = None
    """Against known patches and penalties; None where that was not asked."""

    permits: TemporaryUse | None = None
    """Against temporary-land permits; None where there are none to ask about."""

    mine: MineAnswers | None = None
    """A mine's three answers; None for any other model."""

    opinion: Opinion | None = None
    """What its model makes of its history; None where the model asks for none. Its name of the change wins."""

    origin: str = "pair"
    """What showed it: ``pair``, ``survey``, or ``watch:`` and the kind of layer whose site it is; joined by ``+`` where
    several did."""


@dataclass(frozen=True)
class Lead:
    """A finding with an identity. A lead (线索) is never a verdict."""

    id: str
    """监测编号, from detector, place and date: the same ground and day give the same id."""

    finding: Finding
    place: str = ""
    """坐落: the banner it lies in, where boundaries are known."""


@dataclass(frozen=True)
class Coverage:
    """What was seen, and what was not, of one block on one after date (or over the before range)."""

    block: str
    role: str
    """``before`` or ``after``."""

    date: dt.date
    """Solar day; for the before composite its last day."""

    geometry: BaseGeometry
    """The block's core inside the AOI and its zone, EPSG:4326."""

    observed: float
    """Shares of the pixels inside the AOI, together 1."""

    cloudy: float
    snow: float
    no_scene: float
    """Nodata, saturated, or no scene at all."""

    failed: str = ""
    """Why the block could not be worked; empty when it was."""

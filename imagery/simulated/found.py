"""What a decoy is made of, before it becomes truth."""

import datetime as dt
from dataclasses import dataclass, field

from shapely.geometry.base import BaseGeometry

from imagery.simulated.parts import Part


@dataclass(frozen=True)
class Puff:
    """A small cloud, a veil of haze, or a shadow alone, that the scene classification does not know."""

    date: dt.date
    x: float
    y: float
    """Ground coordinates of its middle."""

    radius_m: float
    thickness: float
    """Optical, at its middle."""

    haze: bool
    shade: bool = False
    """A shadow alone: its cloud, or the slope that throws it, is elsewhere."""


@dataclass(frozen=True)
class Found:
    """One decoy."""

    kind: str
    outline: BaseGeometry
    """Ground coordinates."""

    day: dt.date
    """First day on which it is there."""

    parts: list[Part] = field(default_factory=list)
    puffs: list[Puff] = field(default_factory=list)
    until: dt.date | None = None
    """Last day; None = it stays."""

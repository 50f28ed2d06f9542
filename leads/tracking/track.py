"""What tracking works with: sightings of a day, the looks behind them, and the tracks that they leave."""

import datetime as dt
from dataclasses import dataclass
from typing import Self

from shapely.geometry.base import BaseGeometry

from leads.store.records import Confidence

LOOKS_TO_CONFIRM = 2
"""Independent clear days that must show a change."""

LOOKS_TO_WITHDRAW = 2
"""Clear days in a row, after the last that showed it, that must not. One may be haze, a green week or a wet surface;
what it took two looks to believe is not dropped on one."""


@dataclass(frozen=True)
class Sighting:
    """One outline on one day."""

    key: str
    """Day and hash of the outline: the same sighting has the same key, whoever reports it and how often."""

    day: dt.date
    geometry: BaseGeometry
    area_m2: float
    area_low_m2: float
    area_high_m2: float
    score: float
    gsd_m: float
    last_before: dt.date
    """Last clear day before the change, as the finding itself has it."""

    inventory: bool
    befores: tuple[dt.date, ...] = ()
    """Where it was reported more than once: the last clear days before it of all the reports."""


@dataclass(frozen=True)
class ClearLook:
    """Ground on which a change would have shown, on one day."""

    ground: BaseGeometry
    before: dt.date | None
    """Last day of the image it was compared with; None: older than any change."""

    def tells_of(self, last_before: dt.date) -> bool:
        """Whether a change after `last_before` would show: one that is older than the image compared with would not."""
        return self.before is None or self.before <= last_before


@dataclass(frozen=True)
class Day:
    """All that is known of one solar day, for one detector."""

    day: dt.date
    sightings: tuple[Sighting, ...]
    looks: tuple[ClearLook, ...]


@dataclass(frozen=True)
class Track:
    """A lead as its observations up to a day leave it: everything that the next day needs."""

    root: str
    """Key of the sighting that it began with: what it is known by inside tracking."""

    newest: str
    """Key of the sighting that describes it."""

    last_before: dt.date
    first_seen: dt.date
    last_seen: dt.date
    looks: int
    """Days that showed it."""

    streak: int
    """Days that showed it since it was last withdrawn."""

    misses: int
    """Clear days in a row that did not, after the last that did; counted up to `LOOKS_TO_WITHDRAW`."""

    outline: BaseGeometry
    area_m2: float
    area_low_m2: float
    area_high_m2: float
    score: float
    gsd_m: float
    inventory: bool
    apart: BaseGeometry | None = None
    """What lay apart from its main piece on the last look, where it was seen in pieces."""

    parents: tuple[str, ...] = ()
    """Roots of tracks that it came off, or that have ended in it."""

    into: str = ""
    """Root of the track that goes on for it; empty while it stands for itself."""

    @classmethod
    def begun(cls, sighting: Sighting, last_before: dt.date) -> Self:
        """The track of a first sighting."""
        return cls(
            root=sighting.key,
            newest=sighting.key,
            last_before=last_before,
            first_seen=sighting.day,
            last_seen=sighting.day,
            looks=1,
            streak=1,
            misses=0,
            outline=sighting.geometry,
            area_m2=sighting.area_m2,
            area_low_m2=sighting.area_low_m2,
            area_high_m2=sighting.area_high_m2,
            score=sighting.score,
            gsd_m=sighting.gsd_m,
            inventory=sighting.inventory,
        )

    @property
    def confidence(self) -> Confidence:
        """What the looks support."""
        if self.misses >= LOOKS_TO_WITHDRAW:
            return Confidence.WITHDRAWN
        return Confidence.CONFIRMED if self.streak >= LOOKS_TO_CONFIRM else Confidence.PROVISIONAL

    @property
    def age(self) -> tuple[dt.date, str]:
        """Of two tracks that become one, the lower goes on: the longer known."""
        return self.first_seen, self.root

"""What a model asks of the past, and what it says of it. Arrays in, words out: nothing here opens a file."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from detectors.core.arrays import BoolArray, FloatArray, IntArray
from detectors.core.indices import band_of, index_of

SIX = ("blue", "green", "red", "nir", "swir16", "swir22")

SURVEY_HIGH, SURVEY_LOW = 0.5, 0.4
"""Scores of a survey that make a patch, and to which it is grown."""

SURVEY_REACH_PX = 64
"""How far a survey's score may look."""

ENOUGH = 0.5
"""A look has a level of a place when it observed at least this share of it."""


@dataclass(frozen=True)
class Season:
    """A part of the year, both ends inclusive. It may run over New Year."""

    first: tuple[int, int]
    """(month, day)."""

    last: tuple[int, int]

    def holds(self, day: dt.date) -> bool:
        """Whether a day lies in it."""
        here = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= here <= self.last
        return here >= self.first or here <= self.last

    def year_of(self, day: dt.date) -> int:
        """The year to which a day of the season counts: that in which the season began."""
        return day.year - (self.first > self.last and (day.month, day.day) < self.first)


@dataclass(frozen=True)
class Remark:
    """A sentence, or the name of a change, in both languages."""

    zh: str
    en: str


@dataclass(frozen=True)
class History:
    """Which looks of the past a model wants of a patch."""

    seasons: tuple[Season, ...]
    years: int
    """The year of the after look and so many − 1 before it."""

    ring_m: float = 300.0
    """Width of the ring of like ground around it."""

    bands: tuple[str, ...] = SIX
    """May add rededge1, rededge2, rededge3 where scenes have them; all NaN elsewhere."""

    most_looks: int = 40
    """Clearest first where there are more; every year keeps its share."""


@dataclass(frozen=True, eq=False)
class PatchSeries:
    """What was seen of a patch or site and of its surroundings through the years."""

    values: FloatArray
    """(T, C, H, W) reflectance, NaN = not observed; days ascending. T may be 0."""

    bands: tuple[str, ...]
    """Names of the C bands."""

    days: tuple[dt.date, ...]
    inside: BoolArray
    """(H, W) the patch, or the watched site."""

    ring: BoolArray
    """(H, W) within `ring_m` of it, 2 px clear of it and of every other patch of the run."""

    pixel_m: float
    last_before: dt.date | None
    """Of the patch; None for a watched site."""

    first_seen: dt.date | None
    transition: int = 0
    """Index from 1 into the detector's transitions; 0 = none."""

    def index(self, name: str) -> FloatArray:
        """(T, H, W) of an index of `detectors.core.indices`; NaN where not observed or a band of it is missing."""
        return index_of(name, self.values, self.bands)

    def band(self, name: str) -> FloatArray:
        """(T, H, W) reflectance of a band; NaN where not observed or missing."""
        return band_of(name, self.values, self.bands)

    def level(self, name: str, where: BoolArray) -> FloatArray:
        """(T,) median of an index or band over a place; NaN where less than half of it was observed.

        Args:
            name: an index, or one of `bands`.
            where: (H, W) the place; NaN throughout where it is empty.
        """
        if not where.any():
            return np.full(len(self.days), np.nan, np.float32)
        of = band_of if name in self.bands else index_of
        return np.array([_median(look) for look in of(name, self._at(where), self.bands)], np.float32)

    def _at(self, where: BoolArray) -> FloatArray:
        """(T, C, N, 1) of a place alone: the window is many times as large, and is asked for index after index."""
        if id(where) not in self._places:
            self._places[id(where)] = where, self.values[:, :, where, None]
        return self._places[id(where)][1]

    @cached_property
    def _places(self) -> dict[int, tuple[BoolArray, FloatArray]]:
        """By the identity of a mask, which is held so that no other takes it."""
        return {}

    def of(self, season: Season, year: int) -> BoolArray:
        """(T,) looks of a season and year. What runs over New Year counts to the year in which it began."""
        return np.array([season.holds(day) and season.year_of(day) == year for day in self.days], np.bool_)


def _median(values: FloatArray) -> float:
    seen = values[np.isfinite(values)]
    if seen.size < max(ENOUGH * values.size, 1):
        return float("nan")
    middle = seen.size // 2  # as `numpy.median`, which takes three times as long over a few hundred
    ordered = np.partition(seen, (middle - 1, middle)) if seen.size % 2 == 0 else np.partition(seen, middle)
    return float(ordered[middle]) if seen.size % 2 else float((ordered[middle - 1] + ordered[middle]) * np.float32(0.5))


@dataclass(frozen=True)
class Opinion:
    """What a model makes of a patch's or site's history."""

    stands: bool
    """False = dropped (a patch) or in order (a site)."""

    remarks: tuple[Remark, ...] = ()
    """What it rests on, for people; also of what does not stand, which is counted with its reason."""

    change: Remark | None = None
    """A better name for the change."""

    measures: Mapping[str, float] = field(default_factory=dict)
    """What it rests on, by name with unit (ndvi_gap, years_low, new_edge_m …)."""

    unsure: bool = False
    """Too few looks to tell. A patch then stands, and its lead says so; a watched site is no lead, and the run notes
    that it could not be told: not observed is neither restored nor left."""

    where: BoolArray | None = None
    """(H, W) for a watch: the part of the site that shows it; None = all of it."""


@dataclass(frozen=True)
class Site:
    """A feature of a layer that is watched."""

    kind: str
    id: str
    attributes: Mapping[str, str]
    """As `aoi.schema` reads them, dates in ISO."""

    today: dt.date
    """The day on which it is looked at: the last day of the after range, or that of the run if that comes first."""

    after: tuple[dt.date, dt.date]
    """The range of after days asked for, inclusive."""


@dataclass(frozen=True)
class Watch:
    """Sites of a layer that are looked at whether they changed or not."""

    kind: str
    """Layer kind."""

    history: History
    due: Callable[[Site], bool]
    """Whether it has to be looked at on that day at all, by its papers only."""

    judge: Callable[[PatchSeries, Site], Opinion]
    change: Remark
    """Name of what it finds."""


@dataclass(frozen=True, eq=False)
class Years:
    """A block's composites of one season, a year each."""

    values: FloatArray
    """(Y, C, H, W) reflectance, NaN = not observed."""

    bands: tuple[str, ...]
    """Names of the C bands."""

    years: tuple[int, ...]
    """Ascending."""

    days: IntArray
    """(Y, H, W) proleptic ordinal of the look used, 0 = none."""

    ground: BoolArray
    """(H, W) the model's own ground by the layers given; all True where none was given."""

    pixel_m: float

    def index(self, name: str) -> FloatArray:
        """(Y, H, W) of an index of `detectors.core.indices`; NaN where not observed or a band of it is missing."""
        return index_of(name, self.values, self.bands)

    def band(self, name: str) -> FloatArray:
        """(Y, H, W) reflectance of a band; NaN where not observed or missing."""
        return band_of(name, self.values, self.bands)


@dataclass(frozen=True)
class Survey:
    """Slow or passing things that no pair shows, sought in a block's yearly composites."""

    season: Season
    years: int
    """The year of the newest after day and so many − 1 before it."""

    bands: tuple[str, ...]
    ground: tuple[str, ...]
    """Layer kinds that make up `Years.ground`; it does not run where none of them was given."""

    score: Callable[[Years], FloatArray]
    """(H, W) 0–1, NaN = not observed. `SURVEY_HIGH` makes a patch, grown down to `SURVEY_LOW`. What a pixel scores may
    depend on the ground up to `SURVEY_REACH_PX` around it, not farther: blocks are cut without regard to it. It is also
    asked of the first years alone, to tell since when it shows: one year alone must not be an error."""

    change: Remark
    choose: str = "latest"
    """Which look of the season a pixel takes: "latest", "barest" (lowest NDVI), "greenest" (highest NDVI), "median"
    (per band)."""

    judged: bool = False
    """Whether its patches are held against their history by the model's `judge`, as a pair's are."""

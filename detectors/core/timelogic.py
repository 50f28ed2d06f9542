"""What several models ask of a patch's past: its level beside the ring's, season by season. Pure functions of arrays.

Rules that all of it keeps: a look that did not see the patch or its ring says nothing (NaN), so it counts neither for
nor against; a place is held against its ring on the same day, so drought, haze and rain, which come over both, cancel;
and "too few looks" is an answer of its own.
"""

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np

from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.history import PatchSeries, Season

# --- the year in Hulunbuir --------------------------------------------------------------------------------------------

SUMMER = Season((6, 15), (8, 10))
"""Full green, before hay and harvest."""

JULY = Season((7, 1), (7, 31))

PADS = Season((4, 25), (5, 15))
"""Before green-up: grass is litter, so pads of gravel stand out even under weeds."""

MAY = Season((5, 10), (6, 15))
"""While grass greens and what was ploughed does not."""

SPRING_SOIL = Season((4, 25), (5, 25))
AUTUMN_SOIL = Season((10, 10), (10, 31))
"""When fields are bare."""

MOWING = Season((8, 1), (9, 30))
"""From 15 August as a rule; the first meadows are cut a fortnight before."""

# --- levels -----------------------------------------------------------------------------------------------------------

BARE_NDVI = 0.15
"""Of dry bare soil; about 0.1 for gravel and concrete, 0.2 for dark soil."""

GREEN_NDVI = 0.28
"""A ring below it is itself too dry or too early to tell bare ground by."""

BARE_BSI = 0.18
"""Of dry bare soil (Rikimaru et al. 2002)."""

LEAST_SPAN = 0.12
"""Least distance between a ring's level and bare ground's over which a share of cover can be told."""


def levels(series: PatchSeries, name: str, looks: BoolArray) -> FloatArray:
    """(2, n) level of the patch and of its ring on the chosen looks; only looks that have both."""
    both = np.stack([series.level(name, series.inside)[looks], series.level(name, series.ring)[looks]])
    return np.asarray(both[:, np.isfinite(both).all(axis=0)], np.float32)


def median_gap(series: PatchSeries, name: str, looks: BoolArray) -> float:
    """Level of the patch minus level of its ring, each pair from one look, median over the looks.

    NaN where no look has both.

    Args:
        series: of a patch.
        name: an index or band.
        looks: (T,) which looks count, as `PatchSeries.of`, `since` or `until` give.
    """
    inside, ring = levels(series, name, looks)
    return float(np.median(inside - ring)) if inside.size else math.nan


def median_level(series: PatchSeries, name: str, looks: BoolArray, where: BoolArray | None = None) -> float:
    """Median over looks of a place's level (the patch's if no place is given); NaN where no look has one."""
    level = series.level(name, series.inside if where is None else where)[looks]
    seen = level[np.isfinite(level)]
    return float(np.median(seen)) if seen.size else math.nan


def since(series: PatchSeries, day: dt.date | None) -> BoolArray:
    """(T,) looks of a day or later; all of them where the day is not known."""
    return np.array([day is None or one >= day for one in series.days], np.bool_)


def until(series: PatchSeries, day: dt.date | None) -> BoolArray:
    """(T,) looks of a day or earlier; all of them where the day is not known."""
    return np.array([day is None or one <= day for one in series.days], np.bool_)


def green_looks(series: PatchSeries) -> BoolArray:
    """(T,) looks that saw patch and ring, with the ring green enough to tell bare ground by."""
    inside, ring = series.level("ndvi", series.inside), series.level("ndvi", series.ring)
    return np.asarray(np.isfinite(inside) & (np.nan_to_num(ring) >= GREEN_NDVI))


def within(series: PatchSeries, season: Season) -> BoolArray:
    """(T,) looks of a season, of any year."""
    return np.array([season.holds(day) for day in series.days], np.bool_)


def beside(series: PatchSeries, pixels: int = 4) -> BoolArray:
    """(H, W) the part of the ring within so many pixels of where it begins: what a pond lies in."""
    near = series.inside.copy()
    for _ in range(pixels + 2):
        grown = near.copy()
        grown[1:] |= near[:-1]
        grown[:-1] |= near[1:]
        grown[:, 1:] |= near[:, :-1]
        grown[:, :-1] |= near[:, 1:]
        near = grown
    return np.asarray(near & series.ring)


# --- seasons through the years ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Summer:
    """A patch beside its ring in one season of one year."""

    year: int
    looks: int
    """That saw both patch and ring."""

    ndvi: float
    """Median level of the patch."""

    ring: float
    gap: float
    """Patch minus ring, each pair from one look."""

    bsi_gap: float
    """The same of the bare-soil index; NaN where a band of it is missing."""

    ring_bsi: float

    @property
    def lacking(self) -> float:
        """Share of the ring's plant cover that the patch lacks, by NDVI: 0 = as green as its ring, 1 = bare.

        NaN where the ring itself is not green (drought, too early): then nothing can be told by it.
        """
        return lacking(self.gap, self.ring)

    @property
    def soil(self) -> float:
        """The same by the bare-soil index: 1 = as bare as soil; NaN without SWIR or blue."""
        return self.bsi_gap / max(BARE_BSI - self.ring_bsi, LEAST_SPAN) if self.ring >= GREEN_NDVI else math.nan


def lacking(gap: float, ring: float) -> float:
    """Share of a ring's plant cover that is lacking, from a gap of NDVI; NaN where the ring is not green."""
    if not ring >= GREEN_NDVI:
        return math.nan
    return -gap / max(ring - BARE_NDVI, LEAST_SPAN)


def summers(
    series: PatchSeries, season: Season = SUMMER, last: dt.date | None = None, of: BoolArray | None = None
) -> tuple[Summer, ...]:
    """Each year's season in which patch and ring were seen together, oldest first.

    Args:
        series: of a patch.
        season: which part of the year; the summer if not given.
        last: looks after this day are left out.
        of: (T,) looks that may count; all if not given.
    """
    allowed = until(series, last) if of is None else until(series, last) & of
    found = []
    for year in sorted({season.year_of(day) for day in series.days}):
        looks = series.of(season, year) & allowed
        inside, ring = levels(series, "ndvi", looks)
        if not inside.size:
            continue
        _, ring_bsi = levels(series, "bsi", looks)
        found.append(
            Summer(
                year,
                int(inside.size),
                float(np.median(inside)),
                float(np.median(ring)),
                float(np.median(inside - ring)),
                median_gap(series, "bsi", looks),
                float(np.median(ring_bsi)) if ring_bsi.size else math.nan,
            )
        )
    return tuple(found)


# --- bare soil --------------------------------------------------------------------------------------------------------

LIKE_MOISTURE = 0.04
"""Difference of NDMI over bare ground that is about half a soaking (soaked soil: Lobell & Asner 2002)."""

RESIDUE = 0.10
"""NDTI from which straw or litter, not soil, is what is seen (van Deventer et al. 1997)."""

CLAY_NDVI, CLAY_RESIDUE = 0.195, 0.13
"""Clay reaches an NDTI of 0.12 at an NDVI of 0.15 to 0.19; straw that is like it there has an NDVI above 0.2."""

SOIL_NDVI = 0.33
"""Highest NDVI of ground that is called bare here; dark soils reach 0.28."""


def ndti(series: PatchSeries, where: BoolArray) -> FloatArray:
    """(T,) normalised difference of both SWIR bands over a place.

    High for straw and litter, about 0.05 for soil, below 0 for char.
    """
    one, other = series.level("swir16", where), series.level("swir22", where)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((one - other) / np.maximum(one + other, np.float32(1e-3)), np.float32)


CHAR_NDTI = 0.036
CHAR_NBR = -0.02
"""Char reflects more at 2.2 µm than soil does for its greenness: both NDTI and NBR lie below these marks."""


def barest(series: PatchSeries, season: Season, of: BoolArray) -> dict[int, float]:
    """By year, the largest share of its ring's cover that a patch lacked on any look of a season; see `lacking`.

    What is sown in June closes within a fortnight, so the median of May and June would hide that it was bare.
    """
    inside, ring = series.level("ndvi", series.inside), series.level("ndvi", series.ring)
    found: dict[int, float] = {}
    for look in np.flatnonzero(of & green_looks(series) & within(series, season)):
        share = lacking(float(inside[look] - ring[look]), float(ring[look]))
        year = season.year_of(series.days[look])
        found[year] = max(share, found.get(year, -math.inf))
    return found


def below_soil(nbr: FloatArray, ndvi: FloatArray) -> FloatArray:
    """How far NBR lies from the line between bare soil and full grass, at the same NDVI; char lies below it."""
    return np.asarray(nbr - (-0.18 + 1.33 * (ndvi - 0.22)), np.float32)


def bare_looks(series: PatchSeries, where: BoolArray) -> BoolArray:
    """(T,) looks on which a place is bare soil: no plants, no straw, no water. False where that was not observed."""
    with np.errstate(invalid="ignore"):
        plants, straw, water = series.level("ndvi", where), ndti(series, where), series.level("mndwi", where)
        return np.asarray(soil_like(plants, straw) & (water < 0))


def soil_like(ndvi: FloatArray, straw: FloatArray) -> BoolArray:
    """Where ground is soil by NDVI and NDTI: clay is like straw in the second, but has less of the first."""
    with np.errstate(invalid="ignore"):
        plain = (ndvi < SOIL_NDVI) & (straw < RESIDUE)
        return np.asarray(plain | ((ndvi < CLAY_NDVI) & (straw < CLAY_RESIDUE)))


def like_moisture(
    series: PatchSeries, looks: BoolArray, reference: BoolArray, where: BoolArray | None = None,
    tolerance: float = LIKE_MOISTURE,
) -> BoolArray:  # fmt: skip
    """(T,) those of `looks` on which the ground is about as wet as on the reference looks.

    Told by the median NDMI of a place that itself did not change (the ring, if none is given); bare on all of these
    looks, or equally green. A look without it is not among them; without any reference none is.
    """
    wet = series.level("ndmi", series.ring if where is None else where)
    known = wet[reference & np.isfinite(wet)]
    if not known.size:
        return np.zeros(len(series.days), np.bool_)
    with np.errstate(invalid="ignore"):
        return np.asarray(looks & (np.abs(wet - np.median(known)) <= tolerance))


def brighter(series: PatchSeries, name: str, looks: BoolArray, reference: BoolArray) -> float:
    """Natural log of how much brighter a band of the patch became from the reference looks to others, beyond its ring.

    Rain darkens patch and ring by the same factor, so it cancels. NaN where either side has no look with both.
    """
    ratios = []
    for chosen in (looks, reference):
        inside, ring = levels(series, name, chosen)
        if not inside.size:
            return math.nan
        ratios.append(float(np.median(np.log(np.maximum(inside, 1e-3)) - np.log(np.maximum(ring, 1e-3)))))
    return ratios[0] - ratios[1]

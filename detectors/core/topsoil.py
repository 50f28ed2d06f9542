"""Topsoil that is gone: bare-soil looks of spring and autumn, at like moisture, that stay brighter in red and in SWIR.

Tillage and fallow move a field's brightness little and not for good; rain darkens the fields around as well; straw is
told by NDTI and left out. What lies below is lighter in both bands (less organic matter), whatever is grown on it.
"""

import datetime as dt
import math
from dataclasses import dataclass, replace

import numpy as np

from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.history import PatchSeries, Years
from detectors.core.surroundings import around, ramp, smooth
from detectors.core.timelogic import (
    AUTUMN_SOIL,
    SPRING_SOIL,
    bare_looks,
    brighter,
    like_moisture,
    since,
    soil_like,
    until,
    within,
)

STRIPPED = 0.20
"""Natural log by which red and swir16 must both exceed the field's own bare soil, beyond its ring's change."""

TILLED = 0.12
"""Below it in both: tillage, crusts and stones do as much."""

ALONE = 0.15
"""Added where the ring was green, so that rain can not be taken out."""

COLOUR = 0.25
"""Natural log by which blue over red changes where roofs, concrete, coal or plastic cover soil."""

BY_COMPOSITES = 0
"""Transition of a patch that composites of one season of several years showed."""

ONE_YEAR, STAYS = 0.75, 0.95
"""Highest score of soil brighter in the newest year alone, and in the year before as well."""


@dataclass(frozen=True)
class SoilChange:
    """A field's bare soil since a patch was first seen, beside its own before; natural logs, NaN = not seen."""

    red: float
    swir: float
    colour: float
    """Of blue over red, beyond the ring's where that was bare too."""

    looks: int
    """Bare-soil looks since."""

    before: int
    beside_ring: bool
    """Whether the ring was bare too, so that rain cancels."""

    like: bool = True
    """Whether the ring was as wet on looks before and since; where it was not, it may have dried sooner or later."""

    colour_alone: float = -math.inf
    """Of blue over red, of the patch alone."""

    @property
    def known(self) -> bool:
        """Whether red was compared at all."""
        return math.isfinite(self.red)

    @property
    def white(self) -> float:
        """The larger of both colours: thin cloud hazes the ring as well."""
        return max(self.colour, self.colour_alone)

    @property
    def least(self) -> float:
        """The smaller change of the two; of red alone where SWIR is missing."""
        return self.red if math.isnan(self.swir) else min(self.red, self.swir)

    @property
    def most(self) -> float:
        """The larger one."""
        return self.red if math.isnan(self.swir) else max(self.red, self.swir)


def soil_change(series: PatchSeries) -> SoilChange:
    """Compares bare-soil looks of one season at like moisture; where there are none, of both seasons.

    Springs come first: after harvest thin straw hides most of what changed. Where the ring was bare with the patch but
    as wet on no look before, both are compared all the same, since rain darkens both; where the ring was never bare
    with the patch, the patch alone.
    """
    bare = bare_looks(series, series.inside)
    before, after = sides(series)
    before, after = bare & before, bare & after
    spring, autumn = within(series, SPRING_SOIL), within(series, AUTUMN_SOIL)
    ring = bare_looks(series, series.ring)
    for season in (spring, autumn, spring | autumn):
        reference = before & ring & season
        both_after = _as_wet_as_some(series, after & ring & season, reference)
        if both_after.any():
            return _beside_ring(series, both_after, reference)
    # wet by another amount than on any look before, yet both bare on the day
    for season in (spring, autumn):
        reference, both_after = before & ring & season, after & ring & season
        if both_after.any() and reference.any():
            return replace(_beside_ring(series, both_after, reference), like=False)
    return SoilChange(
        _own(series, "red", after, before),
        _own(series, "swir16", after, before),
        _own(series, "blue", after, before) - _own(series, "red", after, before),
        int(after.sum()),
        int(before.sum()),
        False,
    )


def _as_wet_as_some(series: PatchSeries, looks: BoolArray, reference: BoolArray) -> BoolArray:
    """(T,) those of `looks` on which the ring is about as wet as on one of the reference looks."""
    found = np.zeros_like(looks)
    for look in np.flatnonzero(reference):
        one = np.zeros_like(looks)
        one[look] = True
        found |= like_moisture(series, looks, one)
    return found


def sides(series: PatchSeries) -> tuple[BoolArray, BoolArray]:
    """Looks before and since; where the composite of a season showed it, all later looks of that season are since."""
    first, last = series.first_seen, series.last_before
    season = next((one for one in (SPRING_SOIL, AUTUMN_SOIL) if first is not None and one.holds(first)), None)
    if first is None or last is None or season is None or series.transition != BY_COMPOSITES:
        return until(series, last), since(series, first)
    begun = dt.date(first.year, *season.first)
    if last < first:
        begun = max(begun, last + dt.timedelta(days=1))
    return until(series, last) & ~since(series, begun), since(series, begun)


def _beside_ring(series: PatchSeries, after: BoolArray, before: BoolArray) -> SoilChange:
    """Against the ring of the same days, which cancels rain in red and SWIR, and haze in blue."""
    red, swir = (brighter(series, name, after, before) for name in ("red", "swir16"))
    colour = brighter(series, "blue", after, before) - red
    alone = _own(series, "blue", after, before) - _own(series, "red", after, before)
    return SoilChange(red, swir, colour, int(after.sum()), int(before.sum()), True, colour_alone=alone)


def _own(series: PatchSeries, name: str, after: BoolArray, before: BoolArray) -> float:
    """Natural log of how much brighter a band of the patch itself became."""
    level = series.level(name, series.inside)
    sides = []
    for looks in (after, before):
        seen = level[looks & np.isfinite(level)]
        if not seen.size:
            return math.nan
        sides.append(float(np.median(np.log(np.maximum(seen, 1e-3)))))
    return sides[0] - sides[1]


def straightness(inside: BoolArray) -> float:
    """Share of its smallest rectangle that a patch fills: near 1 for a field or a cut, under 0.8 for a blob."""
    rows, columns = np.nonzero(inside)
    if rows.size < 4:
        return 1.0
    points = np.column_stack([columns, rows]).astype(np.float64)
    turns = np.deg2rad(np.arange(0, 90, 5))
    boxes = [np.ptp(points @ _turn(turn), axis=0) + np.abs(_turn(turn)).sum(axis=0) for turn in turns]
    return float(min(rows.size / min(float(np.prod(size)) for size in boxes), 1.0))


def _turn(angle: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


# --- the survey -------------------------------------------------------------------------------------------------------


def stripped_soil(years: Years) -> FloatArray:
    """(H, W) 0–1 of soil that is brighter in the newest year than in its own before, beyond what fields around did.

    Args:
        years: composites of `SPRING_SOIL` or `AUTUMN_SOIL`, two years or more.

    Returns:
        NaN where the newest year, or every year before, did not show bare soil.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        one, other = years.band("swir16"), years.band("swir22")
        straw = np.stack([smooth(look) for look in (one - other) / np.maximum(one + other, np.float32(1e-3))])
        seen = np.isfinite(one) & np.isfinite(years.band("red")) & years.ground
        plants = np.stack([smooth(look) for look in years.index("ndvi")])
        bare = seen & soil_like(plants, straw) & (years.index("mndwi") < 0)
    beside = [_beside(years, name, bare) for name in ("red", "swir16")]
    if len(years.years) < 2:
        return np.full(years.ground.shape, np.nan, np.float32)
    gained = np.fmin(*(band[-1] - _earliest(band[:-1]) for band in beside))
    score = ONE_YEAR * ramp(gained, TILLED, 1.6 * STRIPPED)
    if len(years.years) > 2:
        # two bright years after a dark one: neither rain nor a new crust
        stays = np.minimum(*(np.fmin(band[-1], band[-2]) - _earliest(band[:-2]) for band in beside))
        score = np.fmax(score, STAYS * ramp(stays, TILLED, 1.6 * STRIPPED))
    return np.asarray(np.where(np.isfinite(gained), score, np.nan), np.float32)


def _beside(years: Years, name: str, bare: BoolArray) -> FloatArray:
    """(Y, H, W) natural log of a band's brightness over that of bare soil around; NaN where not bare or not seen."""
    with np.errstate(invalid="ignore", divide="ignore"):
        log = np.where(bare, np.log(np.maximum(years.band(name), np.float32(1e-3))), np.nan).astype(np.float32)
    return np.stack([one - around(one, years.ground, days) for one, days in zip(log, years.days, strict=True)])


def _earliest(stack: FloatArray) -> FloatArray:
    """(H, W) the brightest of the years before: ground that was as bright once needs no stripping to be so again."""
    return np.asarray(np.fmax.reduce(stack, axis=0), np.float32)

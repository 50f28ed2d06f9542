"""Ploughed grass in a block's composites of 10 May to 15 June: bare while the grass around it greens.

Mowing shows nothing then, fire is char and not soil, drought keeps the surroundings from greening too, and what was
bare in every year (roads, villages, sand, old fields) did not turn over in these years.
"""

import numpy as np

from detectors.core.arrays import FloatArray
from detectors.core.history import Years
from detectors.core.surroundings import around, ramp, smooth
from detectors.core.timelogic import BARE_NDVI, CHAR_NBR, CHAR_NDTI, GREEN_NDVI, LEAST_SPAN, below_soil

ONCE, REPEATED = 0.62, 0.95
"""Highest score of ground that was bare in one May, and in two or more: the first is a lead, the second a sure one."""

BARE_SHARE = (0.3, 0.5)
"""Share lacking at which a May begins to count as bare, and from which on it is: half of these weeks may be green."""

SURE_SHARE = (0.55, 0.75)
"""The same for a May that stands alone: a burn that greens again and dry ground lack less."""

LITTER, SPROUTS = 0.11, 0.2
"""NDTI of dry grass; tilled soil is near 0.05. What sprouts on it raises that by so much for each 1 of NDVI above 0.2:
with a tenth of it green, tilled soil has 0.32 and 0.083."""

SOIL_GREEN = 0.2
"""NDVI of bare soil at most."""

WAS_GRASS = 0.25
"""Less than this share was lacking in a year before."""


def lacking_by_year(years: Years) -> FloatArray:
    """(Y, H, W) share of the surroundings' cover that is lacking; NaN where not observed or nothing was green yet."""
    ndvi = years.index("ndvi")
    ring = np.stack([around(picture, years.ground, days, 0.6) for picture, days in zip(ndvi, years.days, strict=True)])
    with np.errstate(invalid="ignore"):
        share = (ring - ndvi) / np.maximum(ring - BARE_NDVI, LEAST_SPAN)
        return np.asarray(np.where(ring >= GREEN_NDVI, share, np.nan), np.float32)


def _bare(years: Years, lacking: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(Y, H, W) how bare each May was, 0–1, and (H, W) how far the newest alone tells ploughing; NaN = not observed.

    Dry litter is straw and not soil, and char is neither. Without SWIR neither can be told: the lack alone counts, and
    one May alone tells nothing.
    """
    one, other = years.band("swir16"), years.band("swir22")
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (one - other) / np.maximum(one + other, np.float32(1e-3))
        green = years.index("ndvi")
        below = below_soil(years.index("nbr"), green)
        straw = np.stack([smooth(look) for look in ratio])
        sprouts = SPROUTS * np.maximum(np.stack([smooth(look) for look in green]) - SOIL_GREEN, 0)
        char = (straw < CHAR_NDTI) & np.stack([smooth(look) < CHAR_NBR for look in below])
        off = char | (straw >= LITTER + sprouts)
    seen = np.isfinite(lacking)
    bare, sure = (np.where(seen, np.where(off, 0, ramp(lacking, *span)), np.nan) for span in (BARE_SHARE, SURE_SHARE))
    alone = np.where(np.isfinite(straw[-1]) | ~seen[-1], sure[-1], 0)
    return np.asarray(bare, np.float32), np.asarray(alone, np.float32)


def may_bare(years: Years) -> FloatArray:
    """(H, W) 0–1 of ground newly bare in May within these years; NaN where the newest May, or all before, was not seen.

    Args:
        years: composites of `timelogic.MAY`, three years or more.
    """
    lacking = lacking_by_year(years)
    bare, sure = _bare(years, lacking)
    newest, before = bare[-1], bare[:-1]
    if not len(before):
        return np.full(newest.shape, np.nan, np.float32)
    was_seen = np.isfinite(before).any(axis=0)
    green = np.where(np.isfinite(lacking[:-1]), lacking[:-1] < WAS_GRASS, False)
    grass = green.any(axis=0)
    # a field is opened every year: a May that was bare before the last green one was drought, fire or grazing
    opened = ~np.logical_or.accumulate(green[::-1], axis=0)[::-1]
    again = np.where(np.isfinite(before) & opened, before, 0).max(axis=0)
    score = grass * np.maximum(ONCE * sure, REPEATED * newest * again)
    return np.asarray(np.where(was_seen & np.isfinite(newest), score, np.nan), np.float32)

"""Forest edges that are ploughed back 5 to 20 m a year: too little for any pair, plain over five years.

A pixel at the edge holds a share of trees, told from how dark it is between the forest within and the open ground
beside it in the same year, so that the year's air, drought, crop or caterpillars cancel. The shares of a belt along the
edge of the first years, summed across it, say where the edge stood to a fraction of a pixel.
"""

import numpy as np

from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.history import Years
from detectors.core.plant_cover import nan_median
from detectors.core.shapes import masked_mean

BELT_M = 110.0
"""How far from its first edge a forest is watched: five years at 20 m."""

DEEP_M = 60.0
"""From here on it is forest within, or open ground without."""

ALONG_M = 110.0
"""Length of edge over which shares are summed."""

LEAST_MOVE_M = 12.0
"""Least distance over all the years."""

STEADY = 0.75
"""Largest part of it that may fall into one year: what comes at once is seen by a pair."""

CONTRAST = 0.035
"""Least difference of open ground and forest, reflectance of green and SWIR together."""

LEAST_SUMMERS = 4


def crept(years: Years) -> FloatArray:
    """(H, W) share of trees lost at creeping edges, 0–1; NaN where not observed or outside the forest's ground.

    Args:
        years: composites in leaf; `ground` is the forest land.
    """
    share = _shares(years)
    known = np.isfinite(share).sum(axis=0) >= LEAST_SUMMERS
    share = _carried(np.where(known, share, np.float32(np.nan)))
    out = np.full(years.ground.shape, np.nan, np.float32)
    if len(share) < LEAST_SUMMERS:
        return out
    first = nan_median(share[:2])
    belt = _belt(first, years)
    with np.errstate(invalid="ignore"):
        lost = np.where(belt, first[None] - share, np.float32(np.nan))
    moved = _moved(lost, first, belt, years.pixel_m)
    steps = np.diff(np.concatenate([np.zeros_like(moved[:1]), moved]), axis=0)
    last = np.maximum(moved[-1], np.float32(1e-6))
    with np.errstate(invalid="ignore"):
        steady = (moved[-1] >= LEAST_MOVE_M) & (steps.max(axis=0) <= STEADY * last) & (moved[-2] >= 0.3 * last)
    seen = np.isfinite(lost[-1])
    out[np.isfinite(share[-1]) & years.ground] = 0
    here = steady & seen
    out[here] = np.clip(lost[-1][here], 0, 1)
    return out


def _shares(years: Years) -> FloatArray:
    """(Y, H, W) share of trees by year; NaN where not observed, or where forest and open ground look too much alike."""
    from scipy import ndimage

    dark = years.band("green") + years.band("swir16")
    deep = max(round(DEEP_M / years.pixel_m), 2)
    within = ndimage.binary_erosion(years.ground, iterations=deep)
    beyond = ~ndimage.binary_dilation(years.ground, iterations=2)
    shares = []
    for picture in dark:
        trees = masked_mean(picture, within, 2 * round(300 / years.pixel_m) + 1)
        open_ground = masked_mean(picture, beyond, 2 * round(220 / years.pixel_m) + 1)
        gap = open_ground - trees
        with np.errstate(invalid="ignore", divide="ignore"):
            one = np.where(gap >= CONTRAST, (open_ground - picture) / gap, np.nan)
        # deep within there is no open ground near enough to compare with, nor any edge
        shares.append(np.clip(one, -0.25, 1.25))
    return np.stack(shares).astype(np.float32)


def _carried(share: FloatArray) -> FloatArray:
    """A year that did not see a pixel takes what the year before it said, or the first one after."""
    out = share.copy()
    for year in range(1, len(out)):
        out[year] = np.where(np.isfinite(out[year]), out[year], out[year - 1])
    for year in range(len(out) - 2, -1, -1):
        out[year] = np.where(np.isfinite(out[year]), out[year], out[year + 1])
    return out


def _belt(first: FloatArray, years: Years) -> BoolArray:
    """(H, W) forest of the first years within `BELT_M` of its edge to open ground, and its mixed pixels."""
    from scipy import ndimage

    with np.errstate(invalid="ignore"):
        trees = ndimage.binary_opening(first >= 0.5, np.ones((3, 3), bool))
        open_ground = ndimage.binary_opening(first < 0.3, np.ones((3, 3), bool))
    far = ndimage.distance_transform_edt(~open_ground) if open_ground.any() else np.full(first.shape, np.inf)
    near = far * years.pixel_m <= BELT_M
    return np.asarray(near & years.ground & ndimage.binary_dilation(trees) & np.isfinite(first))


def _moved(lost: FloatArray, first: FloatArray, belt: BoolArray, pixel_m: float) -> FloatArray:
    """(Y, H, W) metres by which the edge nearby has moved: lost area in a window over the length of edge in it."""
    from scipy import ndimage

    window = 2 * round(ALONG_M / pixel_m / 2) + 1
    edge = belt & ndimage.binary_dilation(~belt & (first < 0.5)) if belt.any() else belt
    length = ndimage.uniform_filter(edge.astype(np.float32), window) * window**2
    moved = []
    for one in lost:
        area = ndimage.uniform_filter(np.where(np.isfinite(one), one, 0).astype(np.float32), window) * window**2
        moved.append(np.where(length >= window / 3, area / np.maximum(length, 1) * pixel_m, np.nan))
    return np.stack(moved).astype(np.float32)

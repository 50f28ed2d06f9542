"""Forest edges that are ploughed back 5 to 20 m a year: too little for any pair, plain over five years.

Every year's picture is held against the forest within, so that the year's air, drought and leaves cancel, and a pixel
against itself in the years before. What is ploughed leaves the forest's colour in one year, in whatever band its crop
differs from these trees (wheat beside larch in SWIR, beside birch in the near infrared alone), and does not come back:
insects and drought do. What marks an edge that creeps is the staircase: side by side lie strips of several years.
"""

from dataclasses import dataclass

import numpy as np

from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.history import Years
from detectors.core.shapes import masked_mean

NOISE = {"green": 0.003, "red": 0.003, "nir": 0.010, "swir16": 0.0045, "swir22": 0.003}
"""Standard deviation by which forest within moves from one year's composite to the next, beyond the forest around it:
measured on five development worlds, four of Sentinel-2 and one of Gaofen, which differ by a third at most."""

LEFT = 8.0
"""Standard deviations, over all five bands, by which every year since lies beyond every year before."""

UNLIKE = 0.6
"""Before, it lay nearer to the forest within than this share of how far it lies since: it was trees, at most thin ones.
A field that changes its crop lay as far."""

DEEP_M = 60.0
"""From here on it is forest within."""

AROUND_M = 300.0
"""Half of the window whose forest a pixel is held against."""

ALONG_M = 110.0
"""Length of edge over which years are counted."""

LEAST_MOVE_M = 10.0
"""Least distance over all the years."""

LEAST_YEARS, EVEN = 3, 0.25
"""In so many years at least the edge moved, in each by so much of what an even pace would be."""

STEADY = 0.75
"""Largest part of it that may fall into one year: what comes at once is seen by a pair."""

LEAST_SUMMERS = 4


@dataclass(frozen=True, eq=False)
class _Left:
    """Where the forest's colour was left for good."""

    size: FloatArray
    """(H, W) standard deviations between the years since and the years before; −inf where none."""

    steps: FloatArray
    """(Y − 1, H, W) the same of each year but the first: a mixed pixel loses its trees in more than one."""


def crept(years: Years) -> FloatArray:
    """(H, W) 0–1 at creeping edges, 0.5 and more where trees were lost; NaN where not observed or off forest land.

    Args:
        years: composites in leaf; `ground` is the forest land.
    """
    out = np.full(years.ground.shape, np.nan, np.float32)
    if len(years.years) < LEAST_SUMMERS:
        return out
    apart, count = _apart(years)
    if not count:
        return out
    seen = np.isfinite(apart).all(axis=1).sum(axis=0) >= LEAST_SUMMERS
    out[seen & years.ground] = 0
    limit = LEFT * np.sqrt(count / len(NOISE))
    left = _left(apart)
    gone = (left.size >= limit) & years.ground & seen
    here = gone & _staircase(gone, (left.steps >= limit) & gone, years.pixel_m)
    out[here] = np.clip(left.size[here] / (2 * limit), 0.5, 1)
    return out


def _apart(years: Years) -> tuple[FloatArray, int]:
    """(Y, C, H, W) standard deviations between a pixel and the forest within around it; how many bands there are."""
    from scipy import ndimage

    within = ndimage.binary_erosion(years.ground, iterations=max(round(DEEP_M / years.pixel_m), 2))
    window = 2 * round(AROUND_M / years.pixel_m) + 1
    bands = []
    for name, noise in NOISE.items():
        pictures = years.band(name)
        if not np.isfinite(pictures).any():
            continue
        one_year = np.float32(noise / np.sqrt(2))  # a difference holds that of two
        bands.append(np.stack([(one - masked_mean(one, within, window)) / one_year for one in pictures]))
    if not bands:
        return np.empty((len(years.years), 0, *years.ground.shape), np.float32), 0
    return np.stack(bands, axis=1), len(bands)


def _left(apart: FloatArray) -> _Left:
    """How far each pixel left the forest from each year on, where it was like the forest in all years before."""
    steps = np.full((len(apart) - 1, *apart.shape[2:]), -np.inf, np.float32)
    for year in range(1, len(apart)):
        before, after = _mean(apart[:year]), _mean(apart[year:])
        step = after - before
        with np.errstate(invalid="ignore", divide="ignore"):
            along = (apart * (step / np.sqrt((step**2).sum(axis=0)))).sum(axis=1)
            gap = np.fmin.reduce(along[year:]) - np.fmax.reduce(along[:year])
            was_forest = (before**2).sum(axis=0) <= UNLIKE**2 * (after**2).sum(axis=0)
        steps[year - 1] = np.where(was_forest & np.isfinite(gap), gap, -np.inf)  # never where one side was not seen
    return _Left(steps.max(axis=0), steps)


def _mean(stack: FloatArray) -> FloatArray:
    """(C, H, W) mean of the years that saw a pixel; NaN where none did."""
    known = np.isfinite(stack)
    count = known.sum(axis=0)
    total = np.where(known, stack, np.float32(0)).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _staircase(gone: BoolArray, steps: BoolArray, pixel_m: float) -> BoolArray:
    """(H, W) where the trees nearby went in several years, in none of them most of it, and wide enough in all."""
    from scipy import ndimage

    window = 2 * round(ALONG_M / pixel_m / 2) + 1

    def nearby(one: BoolArray) -> FloatArray:
        return np.asarray(ndimage.uniform_filter(one.astype(np.float32), window, mode="constant") * window**2)

    area = np.stack([nearby(one) for one in steps])
    share = area / np.maximum(area.sum(axis=0), np.float32(1e-3))
    several = (share >= EVEN / len(steps)).sum(axis=0) >= LEAST_YEARS
    wide = nearby(gone) * pixel_m >= window * LEAST_MOVE_M
    return np.asarray(wide & several & (share.max(axis=0) <= STEADY))

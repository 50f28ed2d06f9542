"""What radar alone can tell: what changed between two looks, and when a place was disturbed in a series of them.

Both limits are chosen without any truth: the pair's from its own picture, the series' from simulated noise. Neither
enters a score of the optical detectors. docs/design/radar.md holds what was measured.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from detectors.core.arrays import BoolArray, FloatArray

SMOOTH_PX = 1.5
"""Standard deviation of the averaging window of a pair: about 28 looks' worth of pixels."""

SEED = 5.0
"""Changed ground has a core this many noise deviations away: once in 10⁶ of what is only noise …"""

CORE = 2.5
"""… inside a patch that is this far away …"""

SEED_WINDOWS = 2.0
"""… and larger than so many averaging windows: speckle and moving points are not."""

LEAST = 2.0
"""No limit is nearer to unchanged ground, in noise deviations."""

WINDOW_PX = 5
"""Edge of the window whose mean power is one value of a series."""

DRIFT = 1.5
"""What a cumulative sum loses each look, in noise deviations: it answers to shifts of twice this."""

CAP = 9.0
"""One look counts for no more deviations than this."""

FALSE_ALARM = 0.10
"""Share of series of noise alone that reach the limit of a series."""

_GAUSS = 1.4826
_CLIPPED = 0.8796
"""Standard deviation of a normal variable cut at two deviations."""


@dataclass(frozen=True, eq=False)
class PairChange:
    """What changed between two looks."""

    log_ratio: FloatArray
    """(H, W) natural logarithm of after over before, averaged, less what is usual in the picture; NaN = not seen."""

    changed: BoolArray
    """(H, W)."""

    middle: float
    """What is usual in the picture: the log-ratio of unchanged ground."""

    noise: float
    """Standard deviation of the log-ratio of unchanged ground."""

    limits: tuple[float | None, float | None]
    """Log-ratio from which ground grew brighter, and below which (negative) darker; None = nothing did."""


def averaged(look: FloatArray, sigma_px: float = SMOOTH_PX) -> FloatArray:
    """(H, W) mean power, or DN, about each pixel; NaN where the pixel itself was not seen."""
    seen = np.isfinite(look)
    weight = ndimage.gaussian_filter(seen.astype(np.float32), sigma_px)
    total = ndimage.gaussian_filter(np.where(seen, look, np.float32(0)), sigma_px)
    return np.where(seen, total / np.maximum(weight, np.float32(1e-6)), np.float32(np.nan)).astype(np.float32)


def pair_change(before: FloatArray, after: FloatArray, floor: float) -> PairChange:
    """Ground that grew brighter or darker between two looks of one orbit.

    The log-ratio of averaged looks has normal noise whatever the brightness (Dekker 1998). Cores far beyond it are
    sought on either side; a side without any has no change. Otsu's limit (1979) is then taken between the cores and as
    much ground around them, where both classes are frequent: over a whole picture it would split the noise wherever
    change is rare (Bovolo and Bruzzone 2007 choose tiles for the same reason).

    Args:
        before: (H, W) linear power, or 8-bit DN; NaN = not seen.
        after: the same.
        floor: added to both, so that darkness has a logarithm: 1 for DN, about 1e-4 for power.

    Raises:
        ValueError: if the looks have different shapes.
    """
    if before.shape != after.shape:
        raise ValueError(f"looks of {before.shape} and {after.shape} pixels are no pair")
    ratio = np.log((averaged(after) + floor) / (averaged(before) + floor)).astype(np.float32)
    seen = np.isfinite(ratio)
    if not seen.any():
        return PairChange(ratio, np.zeros(ratio.shape, np.bool_), float("nan"), float("nan"), (None, None))
    middle, noise = _unchanged(ratio[seen])
    ratio -= np.float32(middle)
    sides = [_side(np.where(seen, sign * ratio / np.float32(noise), np.float32(-CAP))) for sign in (1, -1)]
    limits = [None if limit is None else sign * limit * noise for (_, limit), sign in zip(sides, (1, -1), strict=True)]
    return PairChange(ratio, sides[0][0] | sides[1][0], middle, noise, (limits[0], limits[1]))


def _unchanged(values: FloatArray) -> tuple[float, float]:
    """Middle and deviation of the unchanged: of what lies within two deviations, until that no longer moves."""
    middle = float(np.median(values))
    spread = max(_GAUSS * float(np.median(np.abs(values - middle))), 1e-6)
    for _ in range(30):
        near = values[np.abs(values - middle) < 2 * spread]
        was, spread = spread, max(float(near.std()) / _CLIPPED, 1e-6)
        middle = float(np.median(near))
        if abs(spread - was) < 1e-4 * spread:
            break
    return middle, spread


def _side(deviations: FloatArray) -> tuple[BoolArray, float | None]:
    """Changed ground of one sign, and its limit in deviations."""
    labels, count = ndimage.label(deviations > CORE)
    nothing = np.zeros(deviations.shape, np.bool_)
    if not count:
        return nothing, None
    peaks = ndimage.maximum(deviations, labels, np.arange(1, count + 1))
    least_px = SEED_WINDOWS * 4 * np.pi * SMOOTH_PX**2
    strong = (peaks > SEED) & (np.bincount(labels.ravel(), minlength=count + 1)[1:] >= least_px)
    seed = np.concatenate([[False], strong])[labels]
    if not seed.any():
        return nothing, None
    apart = ndimage.distance_transform_edt(~seed)
    beside = np.sort(apart[~seed])
    reach = max(float(beside[min(int(seed.sum()), beside.size - 1)]) if beside.size else 0.0, 3.0)
    # ground that changed the other way is no part of the question
    limit = max(_otsu(deviations[(apart <= reach) & (deviations > -1)]), LEAST)
    grown, _ = ndimage.label(deviations > limit)
    kept = np.unique(grown[seed & (grown > 0)])
    return np.isin(grown, kept[kept > 0]), limit


def _otsu(values: FloatArray) -> float:
    counts, edges = np.histogram(values, 256)
    middle, below = (edges[:-1] + edges[1:]) / 2, np.cumsum(counts)[:-1]
    above = values.size - below
    sums = np.cumsum(counts * middle)
    apart = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return float(edges[1 + int(np.argmax(below * above * apart**2))])


@dataclass(frozen=True, eq=False)
class Breaks:
    """The strongest lasting drop of backscatter of each place."""

    score: FloatArray
    """(...) highest cumulative sum, in noise deviations; NaN = too few looks."""

    since: FloatArray
    """(...) proleptic ordinal: midway between the last look without it and the first with it; NaN as `score`."""


LEAST_LOOKS = 12
"""With fewer looks a place has no noise of its own."""


def windowed_db(power: FloatArray, window_px: int = WINDOW_PX) -> FloatArray:
    """(..., H, W) decibels of the mean power of the window about each pixel; NaN where a third of it was not seen."""
    seen = np.isfinite(power)
    size = (*(1,) * (power.ndim - 2), window_px, window_px)
    share = ndimage.uniform_filter(seen.astype(np.float32), size, mode="nearest")
    total = ndimage.uniform_filter(np.where(seen, power, np.float32(0)), size, mode="nearest")
    enough = (share > 1 / 3) & (total > 0)
    mean = np.where(enough, total, 1) / np.where(enough, share, 1)
    return np.where(enough, 10 * np.log10(mean), np.nan).astype(np.float32)


def usual(decibels: FloatArray) -> FloatArray:
    """(T, P) the region's own course: the median over all places of a (T, P, H, W) stack, NaN where none was seen.

    Rain, season and a change of processor move a region together; a clearing does not.
    """
    return _median(decibels.reshape(*decibels.shape[:2], -1).transpose(2, 0, 1))


def breaks(decibels: FloatArray, course: FloatArray, days: Sequence[dt.date]) -> Breaks:
    """When each place lost backscatter against its region, and how clearly.

    Residuals from the region's course and the place's own median, over the place's own noise, both polarisations
    joined; their one-sided cumulative sum (Page 1954) rises where they stay low, and began where it was last zero.

    Args:
        decibels: (T, P, N) places, of `windowed_db`; NaN = not seen.
        course: (T, P) of `usual`.
        days: T, strictly ascending.

    Raises:
        ValueError: if days do not ascend, or there is not one for each look.
    """
    if len(days) != len(decibels) or any(later <= day for day, later in pairwise(days)):
        raise ValueError(f"{len(decibels)} looks need as many ascending days, not {len(days)}")
    rest = decibels - course[:, :, None]
    rest = rest - _median(rest)
    noise = _GAUSS * _median(np.abs(rest))
    # a place can be quiet by chance: it is not taken to be much quieter than its neighbours
    noise = np.maximum(noise, 0.8 * _median(noise.T)[:, None])
    with np.errstate(invalid="ignore", divide="ignore"):
        each = -rest / np.maximum(noise, np.float32(1e-3))
    seen = np.isfinite(each)
    count = seen.sum(axis=1)
    joined = np.where(seen, each, 0).sum(axis=1) / np.sqrt(np.maximum(count, 1))
    score, since = _cumulative(joined, count > 0, np.array([day.toordinal() for day in days], np.float64))
    few = (count > 0).sum(axis=0) < LEAST_LOOKS
    nan = np.float32(np.nan)
    return Breaks(np.where(few, nan, score).astype(np.float32), np.where(few, nan, since).astype(np.float32))


def _cumulative(
    joined: FloatArray, seen: BoolArray, ordinals: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N,) highest sum and when its rise began. A look that saw nothing moves neither."""
    shape = joined.shape[1]
    total, start = np.zeros(shape), np.full(shape, ordinals[0])
    best, since = np.zeros(shape), np.full(shape, np.nan)
    last = np.full(shape, ordinals[0])
    for look, looked, day in zip(joined, seen, ordinals, strict=True):
        grown = np.maximum(total + np.minimum(look, CAP) - DRIFT, 0)
        start = np.where(looked & (total <= 0) & (grown > 0), (last + day) / 2, start)
        total = np.where(looked, grown, total)
        last = np.where(looked, day, last)
        higher = total > best
        best, since = np.where(higher, total, best), np.where(higher, start, since)
    return best, since


def noise_limit(looks: int, false_alarm: float = FALSE_ALARM, series: int = 4000) -> float:
    """The score that so small a share of series of noise alone reaches, by simulation.

    Args:
        looks: length of the series.
        false_alarm: share, 0–1.
        series: how many are simulated, always the same ones.
    """
    noise = np.random.default_rng(1).standard_normal((looks, series)).astype(np.float32)
    best, _ = _cumulative(noise, np.ones(noise.shape, np.bool_), np.arange(looks, dtype=np.float64))
    return float(np.quantile(best, 1 - false_alarm))


def _median(values: FloatArray) -> FloatArray:
    """Median over the first axis of what is there; NaN where nothing is."""
    ordered = np.sort(values, axis=0)  # NaN last
    count = np.isfinite(ordered).sum(axis=0)
    places = (np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(values) - 1))
    low, high = (np.take_along_axis(ordered, place[None], axis=0)[0] for place in places)
    return np.asarray((low + high) / 2, np.float32)

"""Where water stood through the years, how high, and whether ground is dry or wet for another reason than that."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.arrays import BoolArray, FloatArray, IntArray
from detectors.core.history import PatchSeries, Remark, Years
from detectors.core.lasting_loss import lost

LIKE_LEVEL = 0.12
"""Looks whose water extents differ by no more than this share stand at like level."""

LEAST_WATER_PX = 20.0
"""Less water than this beside a patch says nothing of its level."""

LATEST, LATEST_DAYS = 6, 400
"""A before state is taken from at most so many of the latest looks that fit, none much more than a year older than the
last: a bank that moved years ago is past."""

ALWAYS, NEVER = 0.7, 0.3
"""Shares of looks from which ground counts as water, and below which as land."""

GONE, STOOD = 0.75, 0.3
"""Share of its ring's cover that ground lacks from which no plants stand on it, and below which they do."""

_BRIGHT, _NIR = 0.25, 0.30
"""Reflectance of green and near infrared above which it is ice, snow or cloud, not water."""

_DN = 2.0
"""A median above this is no reflectance but digital numbers."""

_APART = 0.4
"""Least distance of two Otsu classes of a water index: below it the picture holds one class only."""


def wet(series: PatchSeries | Years) -> FloatArray:
    """(T, H, W) 1 = open water, 0 = not, NaN = not observed.

    MNDWI (Xu 2006) above 0, NDWI (McFeeters 1996) where no SWIR was seen; ice and snow, which have both, are bright.
    Digital numbers of unknown scaling are split by Otsu's threshold of their own, if they hold two classes.
    """
    index = series.index("mndwi")
    green, nir = series.band("green"), series.band("nir")
    with np.errstate(invalid="ignore", divide="ignore"):
        simple = (green - nir) / np.maximum(green + nir, np.float32(1e-3))
        index = np.where(np.isfinite(index), index, simple)
        clear = (index > 0) & (green < _BRIGHT) & ~(nir >= _NIR)
        water = index > own_limit(index) if is_dn(series) else clear
    return np.where(np.isfinite(index), water, np.nan).astype(np.float32)


def level(series: PatchSeries, where: BoolArray) -> FloatArray:
    """(T,) water index of a place, above 0 under water: MNDWI, or NDWI on looks without SWIR; NaN = not observed."""
    index = series.level("mndwi", where)
    return np.where(np.isfinite(index), index, series.level("ndwi", where)).astype(np.float32)


def is_dn(series: PatchSeries | Years) -> bool:
    """Whether the values are digital numbers: thresholds on reflectance mean nothing then."""
    seen = series.values[np.isfinite(series.values)]
    return bool(seen.size) and float(np.median(seen)) > _DN


def own_limit(index: FloatArray) -> float:
    """Otsu's threshold of a water index; 0 where it does not fall into two classes."""
    seen = index[np.isfinite(index)]
    if seen.size < 2 * LEAST_WATER_PX:
        return 0.0
    counts, edges = np.histogram(seen, 128, (-1.0, 1.0))
    middle = (edges[:-1] + edges[1:]) / 2
    low = np.cumsum(counts)[:-1]
    high = seen.size - low
    sums = np.cumsum(counts * middle)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_low, mean_high = sums[:-1] / low, (sums[-1] - sums[:-1]) / high
        between = np.where((low > 0) & (high > 0), low * high * (mean_high - mean_low) ** 2, 0.0)
    best = int(np.argmax(between))
    return float(edges[best + 1]) if mean_high[best] - mean_low[best] >= _APART else 0.0


def share(stack: FloatArray, looks: NDArray[np.bool_ | np.integer[Any]] | slice = slice(None)) -> FloatArray:
    """(H, W) mean over looks of what was observed of a (T, H, W) stack, NaN where nothing was."""
    chosen = stack[looks]
    seen = np.isfinite(chosen)
    count = seen.sum(axis=0)
    total = np.where(seen, chosen, np.float32(0)).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def part(water: FloatArray, where: BoolArray) -> FloatArray:
    """(T,) share of a place that is water at each look; NaN where less than half of it was observed."""
    if not where.any():
        return np.full(len(water), np.nan, np.float32)
    here = water[:, where]
    seen = np.isfinite(here)
    enough = seen.mean(axis=1) >= 0.5
    total = np.where(seen, here, np.float32(0)).sum(axis=1)
    return np.where(enough, total / np.maximum(seen.sum(axis=1), 1), np.nan).astype(np.float32)


def levels(water: FloatArray, outside: BoolArray) -> FloatArray:
    """(T,) water seen outside over what is usual on the ground seen: 1 = as usual; NaN where there is too little.

    Args:
        water: (T, H, W) of `wet`.
        outside: (H, W) ground whose water stands for the level: not the patch itself.
    """
    here = water[:, outside]
    seen = np.isfinite(here)
    usual = np.where(seen.any(axis=0), np.where(seen, here, 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1), 0)
    due = (seen * usual).sum(axis=1)
    total = np.where(seen, here, 0).sum(axis=1)
    return np.where(due >= LEAST_WATER_PX, total / np.maximum(due, 1e-6), np.nan).astype(np.float32)


def levels_around(water: FloatArray, window_px: int) -> FloatArray:
    """(T, H, W) the same for each place, from the ground in a window about it.

    Args:
        water: (T, H, W) of `wet`.
        window_px: edge of the window, odd.
    """
    from scipy import ndimage

    usual = share(water)
    out = []
    for one in water:
        seen = np.isfinite(one)
        total, due = (
            ndimage.uniform_filter(np.where(seen & np.isfinite(what), what, 0).astype(np.float32), window_px)
            * window_px**2
            for what in (one, usual)
        )
        out.append(np.where(due >= LEAST_WATER_PX, total / np.maximum(due, 1e-6), np.nan))
    return np.stack(out).astype(np.float32)


@dataclass(frozen=True)
class Compared:
    """A patch's window before and after, at like water level."""

    was: FloatArray
    """(H, W) share of the like before looks that saw water, NaN = not observed."""

    now: FloatArray
    """(H, W) likewise of the after looks."""

    before: int
    """Looks before that stand at like level, or at one that makes the finding safer still."""

    after: int
    levelled: bool
    """False where there is too little water nearby to tell the level: every look was taken."""

    like: bool
    """False where every look before stood at another level, on the side that proves nothing: all of them were taken."""

    was_inside: float
    """Share of the patch that was water before at that level; NaN without a look."""

    now_inside: float

    before_level: float
    after_level: float
    """Median levels of the looks taken, 1 = usual; NaN where not levelled."""

    def remark(self) -> Remark:
        """How water stood before and after."""
        if not self.levelled:
            return Remark(
                f"图斑内水面占比：前 {self.was_inside:.0%}（{self.before} 期），后 {self.now_inside:.0%}"
                f"（{self.after} 期）；附近水面过小，无法比较水位",
                f"water in the patch: {self.was_inside:.0%} before ({self.before} looks), {self.now_inside:.0%} after "
                f"({self.after} looks); too little water nearby to compare levels",
            )
        zh, en = ("相近水位对比", "at like water level") if self.like else ("水位不同", "at unlike water levels")
        return Remark(
            f"{zh}：图斑内水面占比由 {self.was_inside:.0%}（{self.before} 期，水位 {self.before_level:.2f}）"
            f"变为 {self.now_inside:.0%}（{self.after} 期，水位 {self.after_level:.2f}；1 为多年平均水面）",
            f"{en}: water in the patch went from {self.was_inside:.0%} ({self.before} looks, level "
            f"{self.before_level:.2f}) to {self.now_inside:.0%} ({self.after} looks, level {self.after_level:.2f}; "
            "1 = usual extent)",
        )


def compare(series: PatchSeries, water: FloatArray) -> Compared | None:
    """The patch before and after, of looks at like water level; None where there is no look before or after.

    Ground that fell dry is held against before looks of like or lower water: had it been dry then too, it is dry only
    because the water is low. Ground that was drowned is held against like or higher water.
    """
    first, last = series.first_seen, series.last_before
    earlier = np.array([last is not None and day <= last for day in series.days], np.bool_)
    later = np.array([first is not None and day >= first for day in series.days], np.bool_)
    inside = part(water, series.inside)
    earlier, later = earlier & np.isfinite(inside), later & np.isfinite(inside)
    if not earlier.any() or not later.any():
        return None
    level = levels(water, ~series.inside)
    known = np.isfinite(level)
    levelled = bool((earlier & known).any() and (later & known).any())
    like = True
    if levelled:
        alike, fair = _like(inside, level, earlier & known, later & known)
        like = bool(alike.any())
        earlier, later = (alike, fair) if like else (earlier & known, later & known)
    taken = _latest(series, earlier)
    after = np.flatnonzero(later)
    return Compared(
        was=share(water, taken) if taken.size else np.full(water.shape[1:], np.nan, np.float32),
        now=share(water, after),
        before=int(taken.size),
        after=int(after.size),
        levelled=levelled,
        like=like,
        was_inside=float(np.mean(inside[taken])) if taken.size else float("nan"),
        now_inside=float(np.mean(inside[after])),
        before_level=float(np.median(level[taken])) if levelled and taken.size else float("nan"),
        after_level=float(np.median(level[after])) if levelled else float("nan"),
    )


def _latest(series: PatchSeries, looks: BoolArray) -> IntArray:
    """Indices of the latest of some looks."""
    found = np.flatnonzero(looks)[-LATEST:]
    return np.array([at for at in found if (series.days[found[-1]] - series.days[at]).days <= LATEST_DAYS], np.int32)


def _like(inside: FloatArray, level: FloatArray, earlier: BoolArray, later: BoolArray) -> tuple[BoolArray, BoolArray]:
    """The looks that tell: dry after at the highest water, or wet after at the lowest, and what is fair beside it."""
    dried = float(np.median(inside[later])) < float(np.median(inside[earlier]))
    if dried:
        bar = float(level[later].max())
        return earlier & (level <= bar + LIKE_LEVEL), later & (level >= bar - 2 * LIKE_LEVEL)
    bar = float(level[later].min())
    return earlier & (level >= bar - LIKE_LEVEL), later & (level <= bar + 2 * LIKE_LEVEL)


def gave_way(series: PatchSeries) -> Remark | None:
    """A sentence where plants stood before and none do since, on the last looks either; None where that is not so.

    A dug pond shows little water of its own: its rim is spoil, and half of its pixels hold both. Wet mud and shallow
    water have the NDTI of litter, so neither the share of water nor of soil tells; that nothing grows there does.
    """
    cover = lost(series)
    if not (cover.before < STOOD and cover.after >= GONE) or cover.latest < GONE:
        return None
    return Remark(
        f"此前植被与周边相当，其后缺失{cover.after:.0%}（{cover.looks} 期）：植被已被清除，非水位变化",
        f"as green as its surroundings before, {cover.after:.0%} of their cover lacking since ({cover.looks} looks): "
        "its plants are gone, whatever the water's level",
    )


def no_water(series: PatchSeries, least_m2: float) -> Remark | None:
    """A sentence where less open water than that lay in the window in most looks before; None where more may lie."""
    looks = np.array([series.last_before is not None and day <= series.last_before for day in series.days], np.bool_)
    if looks.sum() < 2:
        return None
    with np.errstate(invalid="ignore"):
        usual = share(wet(series), np.flatnonzero(looks)) >= 0.5
    area = float(usual.sum()) * series.pixel_m**2
    if area >= least_m2:
        return None
    return Remark(
        f"无图层覆盖；周边常年水面仅{area / 1e4:.1f}公顷",
        f"no layer covers it, and only {area / 1e4:.1f} ha of water around",
    )


def high_water(series: PatchSeries, water: FloatArray, until_before: bool = True) -> BoolArray:
    """(H, W) ground that water reached at least once in the years before: within the multi-year high-water line.

    A pixel needs two wet looks, or one of fewer than six: a shadow is taken for water now and then.
    """
    bound = series.last_before
    chosen = np.array([not until_before or bound is None or day <= bound for day in series.days], np.bool_)
    looks = water[chosen]
    count = np.where(np.isfinite(looks), looks, 0).sum(axis=0)
    seen = np.isfinite(looks).sum(axis=0)
    return np.asarray(count >= np.where(seen >= 6, 2, 1))


def near(mask: BoolArray, pixels: int) -> BoolArray:
    """(H, W) within so many pixels of a mask, itself included."""
    from scipy import ndimage

    return np.asarray(ndimage.binary_dilation(mask, iterations=pixels)) if mask.any() else mask


def retreat(moved_off: BoolArray, before: BoolArray, inside: BoolArray, depth_px: int) -> float:
    """How far the rest of the shore did what the patch did: share of the water within so many pixels of its edge.

    Args:
        moved_off: (H, W) water that became land.
        before: (H, W) water before.
        inside: (H, W) the patch.
        depth_px: how far from land it is looked at; the patch's own depth.

    Returns:
        0 = the patch alone, 1 = the whole shore; NaN where there is no other shore in the window.
    """
    rim = before & near(~before, max(depth_px, 1)) & ~near(inside, 2)
    return float(moved_off[rim].mean()) if rim.sum() >= LEAST_WATER_PX else float("nan")


def depth_of(mask: BoolArray) -> int:
    """How deep a piece of ground is, in pixels from its edge to its middle."""
    from scipy import ndimage

    return int(np.ceil(float(ndimage.distance_transform_edt(mask).max()))) if mask.any() else 0


def widest(picture: FloatArray, pixels: int) -> FloatArray:
    """(H, W) largest value within so many pixels: what lay a little aside on another day."""
    from scipy import ndimage

    return np.asarray(ndimage.maximum_filter(picture, 2 * pixels + 1), np.float32)

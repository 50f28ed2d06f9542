"""What a river did by itself, and what was done to it: banks that move, ground that was filled, pits that were dug.

A river that migrates takes on one bank what it builds on the other, over years, in crescents along its water. Fill
takes at once, in a compact shape, ground that was water in every year before. Chosen on the eight epochs of a migrating
river (docs/design/models.md): of 45 pieces that dried there by nature the squarest of those whose core had always been
water fills 0.59 of its rectangle, a planted one 0.79.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.history import PatchSeries, Remark
from detectors.core.open_water import ALWAYS, NEVER, share
from detectors.core.shapes import compactness

ALWAYS_WATER = 0.8
"""Mean over the years from which ground counts as water in every one of them."""

CORE = 0.55
"""Least part of newly dry ground that was always water, for fill; the rest is its margin."""

COMPACT = 0.65
"""Least part of its smallest rectangle that a fill or pit covers; an ellipse covers 0.79."""

PASSED = 0.3
"""Share of a patch of land over which the channel went in the years between."""

ALONG = 0.25
"""Share of a patch's rim at the water from which ragged ground is the bank's own."""

LAID_M, LAID_ALONG = 35.0, 0.4
"""A strip that reaches no farther from the water there was, and has this share of its rim at it, …"""

LAID_WIDE, LAID_LONG = 1.5, 4.0
"""… no wider and no longer than so many channels are wide, is a bar or a bank laid anew, whatever its shape: who fills
a river does it for ground that is worth having (docs/design/models.md)."""

LAID_WET = 0.75
"""What was water nearly throughout is a pool that went, or a channel that was filled: others look at that."""

CHANNEL_M = 150.0
"""Wider water is a lake or a great river, whose beaches are larger."""

NARROW_PX, NARROW_COMPENSATED = 8.0, 0.2
"""Of a channel that is no wider, mixed pixels hide a part of what either bank did: this much will do."""

LEAST_PX = 8
"""Fewer pixels have no shape to speak of."""

COMPENSATED = 0.35
"""Share of what one bank lost that the other took, from which the channel moved rather than shrank or grew."""

STEADY = 0.75
"""Largest part of a change that may fall into one year where it was a slow one."""

LONG = 4.0
"""Length over width from which a new water is a channel and no pit."""

LEAST_YEARS = 3
"""Fewer years before can not show that ground was always water."""

NEARBY_PX = 10
"""How far from a patch its channel lies."""

_MARGIN_PX = 6

_EIGHT = np.ones((3, 3), bool)


def by_year(water: FloatArray, years: tuple[int, ...]) -> tuple[tuple[int, ...], FloatArray]:
    """The years there are, ascending, and (Y, H, W) share of each year's looks that saw water.

    Args:
        water: (T, H, W) of `open_water.wet`.
        years: of the T looks.
    """
    found = tuple(sorted(set(years)))
    of = np.array(years)
    return found, np.stack([share(water, of == year) for year in found])


def width_px(water: BoolArray, within: BoolArray | None = None) -> float:
    """Usual width of a channel: four times the mean distance of its water to land; 0 where there is none.

    Args:
        water: (H, W).
        within: (H, W) where it is asked for; None = everywhere.
    """
    from scipy import ndimage

    asked = water if within is None else water & within
    if not asked.any():
        return 0.0
    return 4 * float(ndimage.distance_transform_edt(water)[asked].mean())


def _within(mask: BoolArray, pixels: int) -> BoolArray:
    """(H, W) no farther from a mask than so many pixels."""
    from scipy import ndimage

    return np.asarray(ndimage.distance_transform_edt(~mask) <= pixels)


@dataclass(frozen=True, eq=False)
class Banks:
    """What turned from water to land and back between two states of a window."""

    lost: BoolArray
    """(H, W) water that became land."""

    gained: BoolArray
    """(H, W) land that became water."""

    before: BoolArray
    """(H, W) water before."""

    @property
    def reach_px(self) -> int:
        """How far the other bank may lie: one and a half widths of the channel, and its margin."""
        return int(1.5 * width_px(self.before)) + 2

    def compensation(self, inside: BoolArray) -> float:
        """What the other bank did, over what the patch and its own bank did: 0 nothing, 1 as much; NaN for no change.

        Args:
            inside: (H, W) the patch.
        """
        from scipy import ndimage

        near = ndimage.binary_dilation(inside, iterations=self.reach_px)
        lost, gained = int((self.lost & near).sum()), int((self.gained & near).sum())
        return min(lost, gained) / max(lost, gained) if max(lost, gained) else float("nan")

    def moved_by_itself(self, inside: BoolArray) -> bool:
        """Whether the other bank did as much as a channel's does that moves.

        Args:
            inside: (H, W) the patch.
        """
        return self.compensation(inside) >= (NARROW_COMPENSATED if self.narrow(inside) else COMPENSATED)

    def narrow(self, inside: BoolArray) -> bool:
        """Whether the water beside a patch is a narrow channel."""
        return 0 < width_px(self.before, _within(inside, NEARBY_PX)) <= NARROW_PX


def banks(was: FloatArray, now: FloatArray) -> Banks:
    """What moved between two (H, W) shares of looks that saw water; what was not observed did not move."""
    with np.errstate(invalid="ignore"):
        before, after = was >= ALWAYS, now >= ALWAYS
        return Banks(before & (now <= NEVER), after & (was <= NEVER), before)


def filled(earlier: FloatArray, now: FloatArray) -> BoolArray:
    """(H, W) ground that was filled: water in every year before, dry at once, in a compact piece.

    Args:
        earlier: (Y, H, W) share of water by year, oldest first, NaN = not observed.
        now: (H, W) the same today.
    """
    from scipy import ndimage

    out = np.zeros(now.shape, np.bool_)
    if len(earlier) < LEAST_YEARS:
        return out
    with np.errstate(invalid="ignore"):
        before = earlier[-1]
        always = (share(earlier) >= ALWAYS_WATER) & ~(before < 0.5)
        always &= np.isfinite(earlier).sum(axis=0) >= LEAST_YEARS
        dry = (now <= NEVER) & (always | (before >= 0.5))
    core = ndimage.binary_opening(always & dry, _EIGHT)
    for window, piece in pieces(dry, least=core):
        if (piece & core[window]).sum() >= CORE * piece.sum() and compactness(piece).rectangle >= COMPACT:
            out[window] |= piece
    return out


def dug(moved: Banks, ever: BoolArray) -> BoolArray:
    """(H, W) pits and ponds: new water in a compact piece that lies apart from all other water, before and now.

    Less than a fifth of its outline touches any: a bank that the river takes lies along it. What the window cuts has no
    shape that could be told.

    Args:
        moved: what turned from land to water.
        ever: (H, W) ground that was water in an earlier year: there a pool came back, nobody dug it.
    """
    from scipy import ndimage

    out = np.zeros(moved.gained.shape, np.bool_)
    water = moved.before | moved.gained
    fresh = ndimage.binary_opening(moved.gained & ~ever, np.ones((2, 2), bool))
    for window, piece in pieces(fresh):
        rim = piece & ~ndimage.binary_erosion(piece, _EIGHT)
        other = water[window] & ~ndimage.binary_dilation(piece, _EIGHT)
        shape = compactness(piece)
        apart = (rim & ndimage.binary_dilation(other, _EIGHT, iterations=3)).sum() < 0.2 * rim.sum()
        if apart and not cut(piece) and shape.rectangle >= COMPACT and shape.elongation < LONG:
            out[window] |= piece
    return out


def passed(series: PatchSeries, water: FloatArray) -> float:
    """Share of a patch that was water in some year before and land in another: ground over which a channel went."""
    # of the year of the change nothing: it may have shown before its model's season let it be seen
    first = series.first_seen
    earlier = [number for number, day in enumerate(series.days) if first is None or day.year < first.year]
    if not earlier:
        return 0.0
    _, states = by_year(water[earlier], tuple(series.days[number].year for number in earlier))
    with np.errstate(invalid="ignore"):
        was = np.asarray((states >= 0.5).any(axis=0))
        dry = np.asarray((states <= 0.5).any(axis=0))
    return float((was & dry)[series.inside].mean())


def bar(series: PatchSeries, water: FloatArray) -> Remark | None:
    """A sentence where a patch is a bar laid anew: a channel went over it, and its shape is the river's."""
    part, shape = passed(series, water), compactness(series.inside)
    if part < PASSED or (shape.rectangle >= COMPACT and shape.elongation < 3):
        return None
    return Remark(
        f"图斑{part:.0%}在往年曾为水面，形状不规整：河槽摆动或洪水冲淤",
        f"{part:.0%} of it was water in other years and its shape is the river's: bars laid anew",
    )


def bank(series: PatchSeries, water: FloatArray) -> Remark | None:
    """A sentence where ragged ground lies along the water there was before: what a flood does to a bank."""
    from scipy import ndimage

    earlier = np.array([series.last_before is not None and day <= series.last_before for day in series.days], np.bool_)
    with np.errstate(invalid="ignore"):
        before = (share(water, np.flatnonzero(earlier)) >= ALWAYS) & ~series.inside
    rim = series.inside & ~ndimage.binary_erosion(series.inside, _EIGHT)
    along = float((rim & ndimage.binary_dilation(before, _EIGHT, iterations=2)).sum()) / max(float(rim.sum()), 1.0)
    if along < ALONG or compactness(series.inside).rectangle >= COMPACT:
        return None
    return Remark(
        f"边界{along:.0%}紧邻原有水面，形状不规整：岸滩冲淤",
        f"{along:.0%} of its rim lies at the water, ragged: a bank",
    )


def laid(series: PatchSeries, water: FloatArray) -> Remark | None:
    """A sentence where a patch is a short strip along a channel, as one flood lays it; None where it is not.

    Sand laid over a channel's edge and the grass beside it can be compact by chance, so that neither `bar` nor `bank`
    knows it. What is long and narrow is a dike or road.
    """
    from scipy import ndimage

    inside = series.inside
    looks = np.arange(len(series.days))
    earlier = looks[[series.last_before is not None and day <= series.last_before for day in series.days]]
    later = looks[[series.first_seen is not None and day >= series.first_seen for day in series.days]]
    with np.errstate(invalid="ignore"):
        before = share(water, earlier) >= 0.5
        drowned = share(water, later)[inside] >= 0.5
    wide = width_px(before, _within(inside, NEARBY_PX))
    if not 0 < wide * series.pixel_m <= CHANNEL_M or drowned.mean() > 0.5 or before[inside].mean() > LAID_WET:
        return None
    shape = compactness(inside)
    if shape.width_px > LAID_WIDE * wide or shape.length_px > LAID_LONG * wide or shape.elongation >= LONG:
        return None
    far_m = float(np.quantile(ndimage.distance_transform_edt(~before)[inside], 0.95)) * series.pixel_m
    rim = inside & ~ndimage.binary_erosion(inside, _EIGHT)
    along = float(ndimage.binary_dilation(before, _EIGHT, iterations=2)[rim].mean())
    if far_m > LAID_M or along < LAID_ALONG:
        return None
    return Remark(
        f"沿原有河槽的短条带，距原水边不超过{far_m:.0f}米，边界{along:.0%}临水：洪水冲淤，是否人为倾倒须现场核查",
        f"a short strip along the channel, within {far_m:.0f} m of the water there was, {along:.0%} of its rim at it: "
        "laid or taken by a flood; whether anybody dumped there is to be seen on the ground",
    )


def by_itself(series: PatchSeries, water: FloatArray) -> Remark | None:
    """A sentence where open ground is what a river made of its bars and banks; None where that can not be said."""
    return bar(series, water) or bank(series, water) or laid(series, water)


def beside_water(gained: BoolArray, before: BoolArray) -> bool:
    """Whether most of what became water lies in pieces that begin at the water there was: a bank that was taken."""
    from scipy import ndimage

    label, count = ndimage.label(gained, _EIGHT)
    if not count:
        return False
    at = np.unique(label[ndimage.binary_dilation(before, _EIGHT) & gained])
    return bool(np.isin(label[gained], at[at > 0]).mean() >= 0.5)


def cut(piece: BoolArray) -> bool:
    """Whether a piece touches the edge of its window."""
    return bool(piece[0].any() or piece[-1].any() or piece[:, 0].any() or piece[:, -1].any())


def pieces(mask: BoolArray, least: BoolArray | None = None) -> Iterator[tuple[tuple[slice, slice], BoolArray]]:
    """Each connected piece of a mask of at least `LEAST_PX` pixels: its box with a margin, and the piece in that box.

    Args:
        mask: (H, W).
        least: (H, W) pieces that hold no pixel of it are left out.
    """
    from scipy import ndimage

    label, count = ndimage.label(mask, _EIGHT)
    sizes = np.bincount(label.ravel(), minlength=count + 1)
    wanted = np.ones(count + 1, bool) if least is None else np.bincount(label[least], minlength=count + 1) > 0
    for number, found in enumerate(ndimage.find_objects(label), start=1):
        if sizes[number] >= LEAST_PX and wanted[number]:
            rows, columns = (
                slice(max(axis.start - _MARGIN_PX, 0), min(axis.stop + _MARGIN_PX, size))
                for axis, size in zip(found, mask.shape, strict=True)
            )
            yield (rows, columns), label[rows, columns] == number


Box = tuple[slice, slice]


def grown(box: Box, pixels: int, shape: tuple[int, ...]) -> Box:
    """A box with so many pixels around it, as far as there are any."""
    rows, columns = (
        slice(max(axis.start - pixels, 0), min(axis.stop + pixels, size)) for axis, size in zip(box, shape, strict=True)
    )
    return rows, columns


def placed(piece: BoolArray, box: Box, within: Box) -> BoolArray:
    """A piece of a box as a mask of a larger box."""
    rows, columns = ((slice(a.start - b.start, a.stop - b.start)) for a, b in zip(box, within, strict=True))
    out = np.zeros((within[0].stop - within[0].start, within[1].stop - within[1].start), np.bool_)
    out[rows, columns] = piece
    return out


def largest_step(states: FloatArray, where: BoolArray) -> float:
    """Largest part of a place's change that fell into one year; 1 = at once; NaN where fewer than three years tell.

    Args:
        states: (Y, H, W) share of water by year.
        where: (H, W) the place.
    """
    if not where.any():
        return float("nan")
    here = states[:, where]
    enough = np.isfinite(here).mean(axis=1) >= 0.5
    if enough.sum() < 3:
        return float("nan")
    level = np.array([float(np.nanmean(row)) for row in here[enough]])
    whole = level[-1] - level[0]
    if abs(whole) < 0.3:
        return float("nan")
    return float(np.max(np.diff(level) * np.sign(whole)) / abs(whole))

"""Whether what a pair saw is bare ground that lasts: beside its ring, beside its own years before, in later looks."""

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np

from detectors.core.arrays import BoolArray
from detectors.core.history import Opinion, PatchSeries, Remark
from detectors.core.timelogic import (
    CHAR_NBR,
    CHAR_NDTI,
    MOWING,
    SUMMER,
    below_soil,
    brighter,
    green_looks,
    lacking,
    median_gap,
    median_level,
    ndti,
    since,
    until,
    within,
)

WEAK = 0.3
"""Share of the ring's cover that must be lacking: voles, grazing along a fence and drought within a patch lack less."""

NO_MORE = 0.15
"""By how much more must be lacking than in the patch's own years before."""

BRIGHT = 0.3
"""Natural log of brightness beside the ring from which ground was covered with something, whatever its NDVI."""

LITTER = 0.125
"""NDTI of ground that lost its green and kept its litter."""

BLUER, DARKENED = 0.15, -0.15
"""Natural log, beside the ring, by which grass that dries up gets neither bluer (blue over red) nor darker at 1.6 µm:
straw is yellow, and it is water and green that go. Dry places lie within 0.04 and 0.05; pale gravel over litter was
bluer by 0.28, turned topsoil with sprouts or straw in it darker by 0.26, both with the NDTI of litter."""

SWARD = 0.5, 0.15
"""NDVI and NDTI from which ground is covered with plants; green tarpaulins stay below (0.46, 0.13)."""

BACK = 0.2
"""Lacking less than this again, on the last two looks, it has recovered."""

UNMOVED = 0.05
"""Natural log by which ground that nobody touched leaves its own level beside its ring, in any band."""

LEAST_SUMMERS = 2
"""Looks of summers before that such a level is taken from."""

STRAW = 0.12
"""NDTI of hay stubble and litter; bare ground stays below 0.1."""

CROP = 0.4
"""NDVI of a crop that covers the ground."""

STUBBLE = 0.10
"""NDTI of what a combine leaves on it."""

DARK = 0.95
"""Char is darker than the ground around it, in the visible by this factor at least …"""

DARK_NIR = 0.65
"""… and in the near infrared by this one."""

CHARRED_NDTI, CHARRED_NBR = 0.025, 0.08
"""Ground that is so dark in both is char with less ash on it, up to so much above the line of soil and grass. Of the
recorded works of five development worlds none is."""

SOOTY_NDTI, SOOTY_NBR, SOOTY_NIR, SOOTY_SWIR = 0.05, 0.08, 0.55, 0.8
"""Char that grows over: NDTI and height above the line of soil and grass as of ground less charred, darker in the near
and the short-wave infrared than its ring by these factors. Chernozem that was ploughed is as dark, with an NDTI of
0.07 and more; paler soil is brighter than grass in the short-wave infrared."""

STAINED_NDTI, STAINED_SLOPE, STAINED_LINE = 0.055, 0.2, 0.16
STAINED, STAINED_NIR = (0.65, 0.9), (0.55, 0.75)
"""Half-burnt grass is char, soil and the grass that was left or grows again. Plants raise NDTI, by this much and more
for each 1 of NDVI above 0.2: ground that is greener than soil and has the NDTI of soil has char in it. Such ground kept
between these factors of what it was itself beside its ring, in red and swir16, and in nir: the ring may be a crop, or
half burnt as well. Of the works of four development worlds none is like that in either. Black soil laid bare has lost
more (nir 0.42 to 0.54, or red 0.55 to 0.62), coal too (swir16 0.54 and less), and panels lie above the line."""

BLACKENED = 0.5
"""Without swir16 there is no NDTI, and char has to be so much darker in the near infrared; coal is as dark, and lies
above the line of soil and grass."""

NARROW_M, LONG_M = 45.0, 250.0
OLD, OLD_SHARE = 0.12, 0.25
"""Share of the ring's cover that a strip of old lacked before, and what part that is of what it lacks now at least:
grass along a fence lacks a little too, and a road laid over it everything."""


@dataclass(frozen=True)
class Lost:
    """How much of its ring's cover a patch lacks, before and since."""

    before: float
    """NaN where no look before saw both with the ring green."""

    after: float
    gap_before: float
    """Of NDVI, patch minus ring."""

    gap_after: float
    looks: int
    """Since it was first seen, with the ring green."""

    latest: float
    """Lacking on the last two looks of them; NaN with fewer than three."""

    brighter: float
    """Natural log of how much brighter beside its ring it became: roofs and tarpaulins need not lack NDVI."""

    bright: float
    """Natural log of how much brighter than its ring it is since."""


def lost(series: PatchSeries) -> Lost:
    """The patch's lack of cover before and since it was first seen."""
    green = green_looks(series)
    before, after = green & until(series, series.last_before), green & since(series, series.first_seen)
    if series.last_before is None:
        before = np.zeros_like(before)
    last = np.flatnonzero(after)[-2:]
    chosen = np.zeros_like(after)
    chosen[last] = True
    now = _log(_factor(series, "brightness", after))
    return Lost(
        _lack(series, before),
        _lack(series, after),
        median_gap(series, "ndvi", before),
        median_gap(series, "ndvi", after),
        int(after.sum()),
        _lack(series, chosen) if after.sum() >= 3 else math.nan,
        now - (_log(_factor(series, "brightness", before)) if before.any() else 0),
        now,
    )


def _log(factor: float) -> float:
    return math.log(factor) if factor > 0 else math.nan


def _lack(series: PatchSeries, looks: BoolArray) -> float:
    return lacking(median_gap(series, "ndvi", looks), median_level(series, "ndvi", looks, series.ring))


def lasting(series: PatchSeries, *, from_plants: bool = True) -> Opinion:
    """Whether a patch is ground that lost its plants for good, as far as the looks tell.

    Args:
        series: of the patch.
        from_plants: whether it was green before; what was bare before need not have lost any.
    """
    found = lost(series)
    if not found.looks:
        remark = Remark("首见后无周边返青的清晰影像，未能核对", "no clear look since with its surroundings green")
        ever = _beside_ring_as_ever(series)
        return Opinion(ever is None, (remark,) if ever is None else (remark, ever), unsure=ever is None)
    measures = {
        "ndvi_gap": found.gap_after,
        "lacking": found.after,
        "looks": float(found.looks),
    }
    if math.isfinite(found.gap_before):
        measures |= {"ndvi_gap_before": found.gap_before, "lacking_before": found.before}
    told = _told(found)
    straw = ndti(series, series.inside)[since(series, series.first_seen) & green_looks(series)]
    straw = straw[np.isfinite(straw)]
    # water has the NDTI of litter
    wet = median_level(series, "mndwi", since(series, series.first_seen)) > 0
    litter = bool(straw.size) and float(np.median(straw)) >= LITTER and not wet
    # trees are dark: what became grass, or char, is brighter than they were and covered with nothing
    ndvi = median_level(series, "ndvi", since(series, series.first_seen))
    sward = litter and ndvi >= SWARD[0] and float(np.median(straw)) >= SWARD[1]
    again = _back_now(series) if found.looks >= 2 else None
    if not from_plants or (found.brighter >= BRIGHT and found.bright > 0 and not sward):
        if from_plants and again is not None:
            return Opinion(False, (told, again), measures=measures)
        return Opinion(True, (told,), measures=measures, unsure=found.looks < 2)
    if found.after < WEAK:
        little = f"植被缺失仅{max(found.after, 0):.0%}，不足{WEAK:.0%}（鼠害、围栏内外放牧差异等）"
        why = f"only {max(found.after, 0):.0%} of its surroundings' cover is lacking (voles, grazing along a fence)"
        return Opinion(False, (told, Remark(little, why)), measures=measures)
    if found.after - found.before < NO_MORE:  # False where before was not seen
        same = Remark(
            "与其自身往年水平相当（干旱或原本稀疏）", "as in its own years before (drought, or always sparse)"
        )
        return Opinion(False, (told, same), measures=measures)
    if litter and not _no_straw(series):
        dry = Remark(
            f"枯草而非裸土（NDTI {np.median(straw):.2f}，裸土约0.05）：局部干旱",
            f"dry grass, not soil (NDTI {np.median(straw):.2f}, soil is near 0.05): a dry place",
        )
        return Opinion(False, (told, dry), measures=measures)
    if found.latest < BACK:
        back = Remark("最近两次已恢复到周边水平", "on the last two looks it was back at its surroundings' level")
        return Opinion(False, (told, back), measures=measures)
    if again is not None:
        return Opinion(False, (told, again), measures=measures)
    return Opinion(True, (told,), measures=measures, unsure=found.looks < 2)


def _no_straw(series: PatchSeries) -> bool:
    """Whether ground took on what straw has not: it got bluer, or darker at 1.6 µm. False where before was not seen."""
    now, was = since(series, series.first_seen), until(series, series.last_before)
    bluer = brighter(series, "blue", now, was) - brighter(series, "red", now, was)
    return bluer >= BLUER or brighter(series, "swir16", now, was) <= DARKENED


def _beside_ring_as_ever(series: PatchSeries) -> Remark | None:
    """A sentence where it is as bright beside its ring as in summers before, in red, near and short-wave infrared.

    In a drought no ring is green. Ground that was always sparser than what lies around it is so then as well.
    """
    summer = within(series, SUMMER) & np.isfinite(series.level("nir", series.inside))
    was, now = summer & until(series, series.last_before), summer & since(series, series.first_seen)
    if series.last_before is None or not now.any() or was.sum() < LEAST_SUMMERS:
        return None
    moved = [_log(_factor(series, name, now)) - _log(_factor(series, name, was)) for name in ("red", "nir", "swir16")]
    moved = [abs(one) for one in moved if math.isfinite(one)]
    if len(moved) < 2 or max(moved) >= UNMOVED:
        return None
    return Remark(
        f"红、近红外与短波红外相对周边的亮度与往年夏季相同（相差不超过{max(moved):.1%}）：原本稀疏",
        f"as bright beside its surroundings as in summers before, within {max(moved):.1%} in red, near and short-wave "
        "infrared: always sparse",
    )


def _back_now(series: PatchSeries) -> Remark | None:
    """A sentence where the newest look with the ring green shows as much cover as the ring, and no brighter ground."""
    newest = np.zeros(len(series.days), np.bool_)
    newest[np.flatnonzero(green_looks(series) & since(series, series.first_seen))[-1:]] = True
    if not (_lack(series, newest) < BACK and abs(_log(_factor(series, "brightness", newest))) < BRIGHT / 2):
        return None
    return Remark(
        "最近一次植被与亮度均已恢复到周边水平（虫害、薄云等）",
        "on the last look its cover and brightness were those of its surroundings (insects, thin cloud)",
    )


def _told(found: Lost) -> Remark:
    zh, en = (
        f"首见后{found.looks}次NDVI较周边{found.gap_after:+.2f}",
        f"NDVI {found.gap_after:+.2f} on {found.looks} looks",
    )
    if math.isfinite(found.gap_before):
        zh, en = f"{zh}（此前{found.gap_before:+.2f}）", f"{en} since ({found.gap_before:+.2f} before)"
    return Remark(zh, f"{en}, against its surroundings")


def burnt(series: PatchSeries) -> Remark | None:
    """A sentence where the patch is char since it was first seen; None where it is not, or can not be told."""
    after = since(series, series.first_seen)
    straw = ndti(series, series.inside)[after]
    straw = straw[np.isfinite(straw)]
    below = below_soil(series.level("nbr", series.inside), series.level("ndvi", series.inside))[after]
    below = below[np.isfinite(below)]
    dark = _factor(series, "brightness", after)
    dark_nir = _factor(series, "nir", after)
    if not below.size:
        return None
    line = float(np.median(below))
    if not straw.size:
        if not (dark < DARK and dark_nir < BLACKENED and line < CHAR_NBR):
            return None
        return Remark(
            f"过火迹象：亮度为周边的{dark:.0%}，近红外为周边的{dark_nir:.0%}",
            f"char: as bright as {dark:.0%} of its surroundings, near infrared {dark_nir:.0%}",
        )
    value = float(np.median(straw))
    if (dark < DARK and dark_nir < DARK_NIR) and _charred(series, value, line, dark_nir):
        return Remark(
            f"过火迹象：短波红外差异指数{value:+.2f}（土壤0.05—0.12），近红外为周边的{dark_nir:.0%}",
            f"char: NDTI {value:+.2f} (soil 0.05 to 0.12), near infrared {dark_nir:.0%} of its surroundings",
        )
    return _stained(series, value, line)


def _charred(series: PatchSeries, straw: float, line: float, dark_nir: float) -> bool:
    """Whether ground that is darker than its ring is char, by its NDTI and its place beside the line of soil."""
    if (straw < CHAR_NDTI and line < CHAR_NBR) or (straw < CHARRED_NDTI and line < CHARRED_NBR):
        return True
    sooty = straw < SOOTY_NDTI and line < SOOTY_NBR and dark_nir < SOOTY_NIR
    return sooty and _factor(series, "swir16", since(series, series.first_seen)) < SOOTY_SWIR


def _stained(series: PatchSeries, straw: float, line: float) -> Remark | None:
    """A sentence where char is mixed with grass: greener than soil, with its NDTI, and half as dark as char is."""
    before, after = until(series, series.last_before), since(series, series.first_seen)
    plants = median_level(series, "ndvi", after)
    if series.last_before is None or not (
        straw < STAINED_NDTI + STAINED_SLOPE * (plants - 0.2) and line < STAINED_LINE
    ):
        return None
    red, nir, swir = (_factor(series, name, after) / _factor(series, name, before) for name in ("red", "nir", "swir16"))
    kept = all(STAINED[0] <= one < STAINED[1] for one in (red, swir)) and STAINED_NIR[0] <= nir < STAINED_NIR[1]
    if not kept:
        return None
    return Remark(
        f"过火迹象：NDVI {plants:.2f}而短波红外差异指数仅{straw:+.2f}，较往年变暗：红{red:.0%}、近红外{nir:.0%}、"
        f"短波红外{swir:.0%}",
        f"char: NDTI {straw:+.2f} at an NDVI of {plants:.2f}, and darker than before beside its surroundings: red "
        f"{red:.0%}, near infrared {nir:.0%}, short-wave infrared {swir:.0%}",
    )


def _factor(series: PatchSeries, name: str, looks: BoolArray) -> float:
    inside, ring = series.level(name, series.inside)[looks], series.level(name, series.ring)[looks]
    both = np.isfinite(inside) & np.isfinite(ring)
    return float(np.median(inside[both] / np.maximum(ring[both], 1e-3))) if both.any() else math.nan


def mown(series: PatchSeries, may_lacking: float) -> Remark | None:
    """A sentence where the patch is hay stubble: first seen in the hay season, litter and not soil, nothing in May.

    Args:
        series: of the patch.
        may_lacking: what it lacked in May of the same year and since; NaN where that was not observed.
    """
    first = series.first_seen
    if first is None or first < dt.date(first.year, *MOWING.first) or may_lacking >= WEAK:
        return None
    after = since(series, first)
    plants = median_level(series, "ndvi", after)
    straw = ndti(series, series.inside)[after]
    straw = straw[np.isfinite(straw)]
    if not plants >= 0.25 or (straw.size and np.median(straw) < STRAW):
        return None
    zh, en = f"割草：首见于割草季，NDVI仍为{plants:.2f}，5月无裸露信号", f"hay: NDVI still {plants:.2f}, no sign in May"
    return Remark(zh, en)


def harvested(series: PatchSeries) -> Remark | None:
    """A sentence where a crop stood that summer and straw is what is left; None where that can not be said."""
    first = series.first_seen
    if first is None or (first.month, first.day) < (7, 15):
        return None
    after = since(series, first)
    plants = median_level(series, "ndvi", series.of(SUMMER, first.year) & ~after)
    straw = ndti(series, series.inside)[after]
    straw = straw[np.isfinite(straw)]
    if not plants >= CROP or not straw.size or np.median(straw) < STUBBLE:
        return None
    return Remark(
        f"收割：当年夏季NDVI达{plants:.2f}，其后为秸秆（NDTI {np.median(straw):.2f}）",
        f"harvest: NDVI was {plants:.2f} that summer, straw is left (NDTI {np.median(straw):.2f})",
    )


def width_and_length(series: PatchSeries) -> tuple[float, float]:
    """Mean width and length of a patch in metres, as of a rectangle along its main axis."""
    rows, columns = np.nonzero(series.inside)
    if rows.size < 3:
        return series.pixel_m, rows.size * series.pixel_m
    points = np.column_stack([rows, columns]).astype(np.float64)
    points -= points.mean(axis=0)
    axis = np.linalg.svd(points, full_matrices=False)[2][0]
    along = points @ axis
    length = float(np.ptp(along) + 1) * series.pixel_m
    return rows.size * series.pixel_m**2 / length, length


def old_strip(series: PatchSeries) -> Remark | None:
    """A sentence where the patch is a strip that was there in years before: a firebreak ploughed anew, a track."""
    width, length = width_and_length(series)
    found = lost(series)
    least = max(OLD, OLD_SHARE * found.after) if math.isfinite(found.after) else OLD
    if width > NARROW_M or length < LONG_M or not found.before >= least:
        return None
    return Remark(
        f"既有条带（宽约{width:.0f}米，长约{length:.0f}米）：往年NDVI已较周边{found.gap_before:+.2f}，似防火隔离带翻新",
        f"a strip about {width:.0f} m wide and {length:.0f} m long that was there before (NDVI "
        f"{found.gap_before:+.2f} then): a firebreak ploughed anew",
    )

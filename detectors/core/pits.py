"""What happens to ground that is a mine already: water, drying ponds, reshaping; and fields that look like one."""

import math

import numpy as np

from detectors.core import open_water, river_channel
from detectors.core.history import Opinion, PatchSeries, Remark, Season
from detectors.core.lasting_loss import lasting, lost
from detectors.core.timelogic import GREEN_NDVI, SUMMER, beside, brighter, median_level, since, summers, until, within
from detectors.core.topsoil import straightness

WAS_OPEN = 0.5
"""Share of the ring's cover lacking in a summer before: it was a pit, not grass."""

GREENER = 0.15
"""By how much less is lacking in the newest summer than before where ground is being put back."""

NOT_BARE = 0.7
"""And no more than this is lacking then: dark soil alone looks a little greener than spoil."""

TOPSOIL = 1.8
"""swir16 over red of dark soil; of spoil, rock, gravel and sand 1.5 to 1.75."""

TILLED, STRAIGHT = 1.95, 0.8
"""swir16 over red of tilled soil, and the share of its rectangle that a field fills; mines are ragged."""

BLACK, SPARSE = 2.15, 0.6
"""swir16 over red of black soil, and the share of its ring's cover that ground lacks on which something grows."""

DARKER = -0.1
"""Natural log of how bright in red topsoil that was only turned over is at most, to its sward before, beside the ring.
What lies under it is as bright or brighter: recorded works of soil's colour −0.02 and more, nine of eleven fields −0.14
and less. In a drought the ring pales, so that stripped ground is no brighter than its sward was either."""

NO_SOIL_BLUE = 0.73
"""Blue over red from which it is no soil that is seen: panels 0.76 to 0.86, turned topsoil 0.70 at most."""

AS_EVER = 0.08
"""Natural log by which ground may leave the range of its own looks before in red, near and short-wave infrared."""

ODD = 0.1
"""Natural log from which a look is not like the others."""

RAINS = Season((7, 1), (8, 31))

WET = 0.0
"""MNDWI (NDWI without SWIR) of mud and shallow water, which the surface may have been taken for bare ground."""


def ploughed(series: PatchSeries) -> Remark | None:
    """A sentence where the patch is a field: topsoil turned over, a rectangle of it, or black soil with plants."""
    now = since(series, series.first_seen)
    colour, straight = _soil_colour(series, now), straightness(series.inside)
    lacking = lost(series).after
    if colour >= BLACK and lacking < SPARSE:
        return Remark(
            f"黑土（短波红外与红波段之比{colour:.2f}）上仍有植被，仅缺失周边的{lacking:.0%}：休耕或稀疏作物，非剥离",
            f"plants on black soil (swir16 over red {colour:.2f}), {lacking:.0%} of the surroundings' cover lacking: "
            "fallow or a thin crop, nothing stripped",
        )
    turned = brighter(series, "red", now, until(series, series.last_before))
    soil = median_level(series, "blue", now) < NO_SOIL_BLUE * median_level(series, "red", now)
    if colour >= TOPSOIL and turned < DARKER and soil:  # False where before was not seen
        return Remark(
            f"似耕翻：表土色（短波红外与红波段之比{colour:.2f}），红波段亮度为此前草地的{math.exp(turned):.0%}，"
            "暗于草地，表土之下不会：非采矿剥离",
            f"ploughed by its look: topsoil (swir16 over red {colour:.2f}), in red {math.exp(turned):.0%} of the sward "
            "before; what lies under topsoil is no darker; no mine",
        )
    if not (colour >= TILLED and straight >= STRAIGHT):
        return None
    return Remark(
        f"似耕翻：边界平直（{straight:.0%}），表土色（短波红外与红波段之比{colour:.2f}），非采矿剥离",
        f"ploughed by its look: straight edges ({straight:.0%}), topsoil (swir16 over red {colour:.2f}); no mine",
    )


def flooded(series: PatchSeries) -> Opinion:
    """Water where a pit was open already is no new ground, nor is what a river took or what stood in the rains."""
    why = _of_a_river(series) or ponding(series)
    if why is not None:
        return Opinion(False, (why,))
    before = [one for one in summers(series, SUMMER) if _before(series, one.year)]
    lacked = [one.lacking for one in before if math.isfinite(one.lacking)]
    if not lacked:
        few = Remark("无此前夏季影像，不知是否原有矿坑", "no summer before was seen: it may have been a pit already")
        return Opinion(True, (few,), unsure=True)
    was = float(np.median(lacked))
    if was >= WAS_OPEN:
        why = Remark(
            f"原有矿坑积水：此前夏季已缺失周边植被{was:.0%}，未新占地",
            f"water in an old pit: {was:.0%} of its surroundings' cover was lacking before, no new ground",
        )
        return Opinion(False, (why,), measures={"lacking_before": was})
    told = Remark(
        f"此前为植被（缺失{max(was, 0):.0%}），现为水面", f"green before ({max(was, 0):.0%} lacking), water now"
    )
    return Opinion(True, (told,), measures={"lacking_before": was})


def _of_a_river(series: PatchSeries) -> Remark | None:
    """A sentence where the water begins at water that was there before; None where it lies apart, as in a pit."""
    water = open_water.wet(series)
    was = open_water.share(water, np.flatnonzero(until(series, series.last_before)))
    with np.errstate(invalid="ignore"):
        before = (was >= open_water.ALWAYS) & ~series.inside
    if before.sum() < open_water.LEAST_WATER_PX or not river_channel.beside_water(series.inside, before):
        return None
    return Remark("与原有水面相连：河湖涨落或河道摆动", "joined to water that was there: a river or lake that moved")


def ponding(series: PatchSeries) -> Remark | None:
    """A sentence where no look since outside the rains showed the water; None where one did."""
    water = open_water.level(series, series.inside)
    rains = np.array([RAINS.holds(day) for day in series.days], np.bool_)
    dry_season = since(series, series.first_seen) & np.isfinite(water) & ~rains
    if not dry_season.any():
        return Remark("仅见于7—8月：汛期积水不计，待秋季影像", "seen in July and August only: ponding, until autumn")
    if np.median(water[dry_season]) > WET:
        return None
    return Remark(
        f"汛期积水：7—8月以外{int(dry_season.sum())}次影像无水",
        f"ponding: no water on {int(dry_season.sum())} looks outside July and August",
    )


def dried(series: PatchSeries) -> Opinion:
    """A pond that falls dry, inside a mine or as it did before, is no new ground either."""
    water = open_water.level(series, series.inside)
    before = until(series, series.last_before) & np.isfinite(water) & within(series, Season((5, 1), (10, 10)))
    dry_before = float((water[before] < 0).mean()) if before.any() else math.nan
    ring = median_level(series, "ndvi", until(series, series.last_before) & within(series, SUMMER), beside(series))
    if dry_before >= 0.2:
        share = f"{dry_before:.0%}"
        why = Remark(
            f"此前{share}的影像已无水：尾矿库或坑水涨落", f"dry on {share} of the looks before: its water swings"
        )
        return Opinion(False, (why,), measures={"dry_before": dry_before})
    if ring < GREEN_NDVI:
        why = Remark(
            f"矿区内水面干涸：紧邻地面夏季NDVI仅{ring:.2f}，未新占地",
            f"a pond inside a mine fell dry (summer NDVI {ring:.2f} around it): no new ground",
        )
        return Opinion(False, (why,), measures={"ndvi_ring": ring})
    told = Remark(
        "水面变裸地而无新占地：尾矿库干涸或水位变化，回填由河湖湿地模型判断",
        "water to bare ground, no new ground: tailings that dry, or a bar; filling is what other models look for",
    )
    return Opinion(False, (told,), measures={"ndvi_ring": ring})


def reshaped(series: PatchSeries) -> Opinion:
    """Ground that was bare before: greening or covered with soil it is being put back, else it is worked on."""
    found = [one for one in summers(series) if math.isfinite(one.lacking)]
    before = [one for one in found if _before(series, one.year)]
    after = [one for one in found if not _before(series, one.year)]
    measures: dict[str, float] = {}
    if before and before[-1].lacking < WAS_OPEN:
        return lasting(series)  # green the summer before: only a spring image took it for bare
    if before and after:
        fell = before[-1].lacking - after[-1].lacking
        measures = {"lacking_before": before[-1].lacking, "lacking": after[-1].lacking}
        if fell >= GREENER and after[-1].lacking < NOT_BARE:
            why = Remark(
                f"整形复绿：植被缺失由{before[-1].year}年{before[-1].lacking:.0%}降至{after[-1].year}年{after[-1].lacking:.0%}",
                f"being restored: lacking {before[-1].lacking:.0%} in {before[-1].year}, {after[-1].lacking:.0%} since",
            )
            return Opinion(False, (why,), measures=measures)
    was = _soil_colour(series, until(series, series.last_before))
    now = _soil_colour(series, since(series, series.first_seen))
    if now >= TOPSOIL and math.log(now) - math.log(was) >= 0.12:
        why = Remark(
            f"覆土整形：短波红外与红波段之比由{was:.2f}升至{now:.2f}（表土约2.0以上），疑为修复，待下一个7月复核",
            f"covered with soil: swir16 over red rose from {was:.2f} to {now:.2f} (topsoil is above 2.0): it looks "
            "like restoration, to be seen again next July",
        )
        return Opinion(False, (why,), measures={**measures, "swir_red_before": was, "swir_red": now})
    if before and after and _as_ever(series):
        why = Remark(
            "红、近红外与短波红外亮度与往年相同：前期影像有薄云或阴影，地面未动",
            "as bright as on its own looks before in red, near and short-wave infrared: cloud or shade on the image "
            "before, nothing was moved",
        )
        return Opinion(False, (why,), measures=measures)
    told = Remark(
        f"原为裸地，{'两个夏季均未复绿' if before and after else '仅见一侧夏季'}",
        "bare before; " + ("not greener in either summer" if before and after else "only one side's summer was seen"),
    )
    return Opinion(True, (told,), measures=measures, unsure=not (before and after))


def _as_ever(series: PatchSeries) -> bool:
    """Whether it is as bright as it was on the looks before, all but the last, which was not.

    That look was then no clear one, or the ground was wet: nothing was moved.
    """
    last = np.array([day == series.last_before for day in series.days], np.bool_)
    was, now = until(series, series.last_before) & ~last, since(series, series.first_seen)
    ranges, odd = [], []
    for name in ("red", "nir", "swir16"):
        level = series.level(name, series.inside)
        past, at = level[was & np.isfinite(level)], median_level(series, name, now)
        if past.size and math.isfinite(at):
            ranges.append(_log(past.min(), at) < AS_EVER and _log(at, past.max()) < AS_EVER)
            odd.append(abs(_log(median_level(series, name, last), float(np.median(past)))) >= ODD)
    return bool(ranges) and all(ranges) and any(odd)


def _log(one: float, other: float) -> float:
    return math.log(max(one, 1e-3) / max(other, 1e-3)) if math.isfinite(one + other) else math.nan


def _soil_colour(series: PatchSeries, looks: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """swir16 over red; NaN without SWIR."""
    return median_level(series, "swir16", looks) / max(median_level(series, "red", looks), 1e-3)


def _before(series: PatchSeries, year: int) -> bool:
    """Whether a year's summer lies before the patch."""
    return series.first_seen is not None and year < series.first_seen.year

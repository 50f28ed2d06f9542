"""破坏黑土地: topsoil stripped, peat or sand dug, dumped on, built on in black-soil cropland."""

import datetime as dt
import math

import numpy as np

from detectors.core import open_water
from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.history import History, Opinion, PatchSeries, Remark, Season, Survey
from detectors.core.lasting_loss import burnt, harvested
from detectors.core.pits import RAINS
from detectors.core.timelogic import (
    AUTUMN_SOIL,
    SPRING_SOIL,
    SUMMER,
    bare_looks,
    lacking,
    median_gap,
    median_level,
    ndti,
    since,
    until,
    within,
)
from detectors.core.topsoil import (
    ALONE,
    COLOUR,
    STRIPPED,
    TILLED,
    SoilChange,
    sides,
    soil_change,
    straightness,
    stripped_soil,
)
from detectors.core.types import BARE, BUILT, VEGETATION, WATER, Detector, Left, Transition

TRANSITIONS = (
    Transition(VEGETATION, BUILT, 1.0, "黑土耕地变建设", "black-soil field built or paved over"),
    Transition(VEGETATION, BARE, 1.0, "黑土耕地表土剥离", "topsoil stripped from a black-soil field"),
    Transition(BARE, BUILT, 1.0, "耕地变建设", "field built or paved over"),
    Transition(BARE, BARE, 0.9, "表土剥离或堆弃", "topsoil stripped or spoil dumped"),
    Transition(VEGETATION | BARE, WATER, 0.8, "耕地挖塘积水", "pond or pit dug in a field"),
)

TO_WATER = 5

STRAIGHT = 0.75

UNLIKE = 0.16
"""Natural log by which humus that is gone brightens red more than SWIR; drying and tilling brighten both alike."""

LIKE = 0.02
"""Natural log within which both brightened alike."""

GLARE, WHITE, GREW = 0.6, 0.2, 0.3
"""Natural logs by which thin cloud brightens red, and blue more than red (subsoil and spoil blue less), and share of
the crop around that may be lacking in the summer after it, where that was seen: no roof or spoil bears one. A field
that was stripped in winter may bear one again, so its soil is asked as well."""

AS_AROUND = 0.15
"""Less than this share of the crop around lacking in summer, it grew there as anywhere."""

ALIKE = 0.06
"""NDVI off their usual difference within which a patch and its ring are compared by their soil, whatever straw lies on
either."""

LIKE_STRAW = 0.03
"""NDTI within which patch and ring bear as much straw: one of them ploughed and the other not is no comparison."""

UNMOVED = 0.04
"""Natural log; below it, red beside the ring is in October what it was before."""

NO_CROP = 0.6
"""Share of the crop around that must be lacking in summer."""

SODDEN = -0.15
"""MNDWI of mud, or of a crop that stands in water; bare dry soil lies near −0.4."""

STRIPPED_NAME = Remark("黑土表土剥离", "topsoil stripped")

_SIX = ("blue", "green", "red", "nir", "swir16", "swir22")


def judge(series: PatchSeries) -> Opinion:
    """Holds a patch against harvest, ponding, fallow and tillage, by the field's own bare soil before."""
    why = harvested(series)
    pond = _ponding(series) if why is None else None
    if pond is not None:
        return pond
    why = why or burnt(series)
    if why is not None:
        return Opinion(False, (why,))
    change = soil_change(series)
    return _by_its_soil(series, change) if change.known else _without_soil(series)


def no_field(series: PatchSeries) -> Remark | None:
    """A sentence where springs and autumns of two years before never showed soil: what is tilled is bare then."""
    windows = within(series, SPRING_SOIL) | within(series, AUTUMN_SOIL)
    straw = ndti(series, series.inside)
    looks = windows & until(series, series.last_before) & np.isfinite(straw)
    years = {day.year for day, look in zip(series.days, looks, strict=True) if look}
    if len(years) < 2 or bare_looks(series, series.inside)[looks].any():
        return None
    count = int(looks.sum())
    return Remark(
        f"未提供图层；此前春秋{count}期影像均未见裸土：不是耕地",
        f"no layer was given, and none of {count} looks of springs and autumns before shows soil: no field",
    )


def _never_tilled(series: PatchSeries) -> Remark | None:
    """A sentence where springs of two years saw soil around and none here: grass amid fields, whatever the layer says.

    Straw is left on a field in one spring or another, but fields of one place are tilled in the same weeks.
    """
    before, _ = sides(series)
    windows = within(series, SPRING_SOIL) | within(series, AUTUMN_SOIL)
    looks = before & windows & np.isfinite(ndti(series, series.inside))
    springs = looks & within(series, SPRING_SOIL) & bare_looks(series, series.ring)
    if len({day.year for day, look in zip(series.days, springs, strict=True) if look}) < 2:
        return None
    if bare_looks(series, series.inside)[looks].any():
        return None
    count = int(looks.sum())
    return Remark(
        f"此前春秋{count}期影像均未见裸土，而周边春季为裸土：不是耕地",
        f"none of {count} looks of springs and autumns before shows soil here, while that around was bare: no field",
    )


def _by_its_soil(series: PatchSeries, change: SoilChange) -> Opinion:
    """A patch whose bare soil was seen before and since."""
    measures = {
        "red_log": change.red,
        "swir16_log": change.swir,
        "bare_looks": float(change.looks),
        "bare_looks_before": float(change.before),
        "straightness": straightness(series.inside),
    }
    told = _told(change)
    margin = 0.0 if change.beside_ring else ALONE
    lacked = _lacked_in_summer(series)
    grown = _grew(series, change, lacked)
    if grown is not None:
        return Opinion(False, (told, grown), measures=measures)
    once_only = change.looks < 2 and not lacked >= GREW
    if abs(change.colour) >= COLOUR and change.most > -STRIPPED and (change.most >= TILLED or lacked >= GREW):
        covered = Remark("颜色已非土壤（建筑、塑料、煤矸等）", "its colour is not that of soil (roofs, plastic, coal)")
        return Opinion(True, (told, covered), measures=measures, unsure=once_only)
    if change.looks < 2 and change.most - change.least < UNLIKE and change.least >= TILLED + margin:
        once = Remark(
            "仅一期裸土影像，红与短波红外同幅增亮：表土干燥或新翻，待下一期",
            "one look only, brighter by as much in red as in SWIR: dry or newly tilled soil, until a second look",
        )
        return Opinion(False, (told, once), measures=measures)
    if change.swir > change.red + LIKE and change.most >= TILLED and (change.least >= TILLED or not lacked >= NO_CROP):
        dried = Remark("短波红外增亮多于红波段：表土变干", "brighter in SWIR more than in red: the soil is drier")
        return Opinion(False, (told, dried), measures=measures)
    if change.least >= STRIPPED + margin:
        return Opinion(True, (told,), STRIPPED_NAME, measures, unsure=once_only)
    if change.most <= -2 * STRIPPED - margin:
        dug = Remark("较自身裸土期明显变暗，周边未变（挖出泥炭、煤矸堆放等）", "darker than its own soil: peat, coal")
        return Opinion(True, (told, dug), measures=measures, unsure=not change.beside_ring)
    return _little_brighter(series, change, told, measures)


def _grew(series: PatchSeries, change: SoilChange, share: float) -> Remark | None:
    """A sentence where the summer since, or the want of one, speaks against it; None where neither does.

    Args:
        series: of the patch.
        change: of its soil.
        share: of the crop around that was lacking in summer since; NaN = not seen.
    """
    if not share >= GREW and _bright_springs(series) < 2 and _as_its_ring(series, share):
        zh, en = (
            ("尚无其后夏季影像", "no summer since was seen")
            if math.isnan(share)
            else ("夏季作物未缺失", "no crop was lacking")
        )
        return Remark(
            f"最近的裸土或茬地影像已与周边相同或如往年，{zh}：薄云、秸秆或表土干燥",
            f"on the last look of soil or stubble it is as the ground around, or beside it as ever, and {en}: thin "
            "cloud, straw, dry soil",
        )
    alone = change.looks < 2 and not (change.beside_ring and change.like)
    if share < AS_AROUND and alone and _in_october(series)[1] < UNMOVED:
        return Remark(
            "仅一期裸土影像，无同湿度的周边裸土可比，其后夏季作物与10月地表均与周边一样：待下一期",
            "one look only, with no soil around as wet as before to compare with, and since then a crop and an October "
            "as around: until a second look",
        )
    if share < AS_AROUND and change.white >= WHITE:
        return Remark(
            f"其后夏季作物与周边一样（仅缺失{max(share, 0):.0%}），裸土偏白：薄云",
            f"a crop stood there that summer as around ({max(share, 0):.0%} lacking), its soil was white: thin cloud",
        )
    if change.looks < 2 and change.red >= GLARE and change.white >= WHITE and not share >= NO_CROP:
        return Remark(
            "仅一期极亮偏白，其后夏季作物如常或尚无影像：疑为薄云，待下一期",
            "bright and white on one look, and no summer since that lacked its crop: thin cloud, until a second look",
        )
    return None


def _as_its_ring(series: PatchSeries, share: float) -> bool:
    """Whether the ground is beside its ring as it was before, in autumn where that was seen, or no brighter than it.

    Straw that lies thin over patch and ring lets a tenth of what changed below through; tillage, cloud and the straw
    of one spring leave nothing of theirs until October.

    Args:
        series: of the patch.
        share: of the crop around that was lacking in summer since.
    """
    grown, _ = _in_october(series)
    if abs(grown) < UNMOVED and share < AS_AROUND:
        return True
    if grown >= UNMOVED:
        return False
    plants = series.level("ndvi", series.inside) - series.level("ndvi", series.ring)
    bare, (before, after) = bare_looks(series, series.inside), sides(series)
    usual = plants[bare & before & np.isfinite(plants)]
    with np.errstate(invalid="ignore"):
        alike = np.abs(plants - (np.median(usual) if usual.size else 0.0)) < ALIKE
    looks = np.flatnonzero(bare & alike & after)
    if not looks.size:
        return False
    one, other = series.level("red", series.inside)[looks[-1]], series.level("red", series.ring)[looks[-1]]
    return bool(math.log(max(one, 1e-3) / max(other, 1e-3)) < TILLED)


def _in_october(series: PatchSeries) -> tuple[float, float]:
    """How far red beside the ring grew in October where both bore like straw, and where it stands; NaN = not seen.

    Of the looks before the lower median counts, since haze brightens, but none under its ring: one was ploughed then.
    Natural logs.
    """
    straw = ndti(series, series.inside) - ndti(series, series.ring)
    one, other = series.level("red", series.inside), series.level("red", series.ring)
    with np.errstate(invalid="ignore"):
        alike = within(series, AUTUMN_SOIL) & (np.abs(straw) < LIKE_STRAW) & np.isfinite(one) & np.isfinite(other)
        ratio = np.log(np.maximum(one, 1e-3)) - np.log(np.maximum(other, 1e-3))
    before, after = (np.sort(ratio[alike & side]) for side in sides(series))
    level = float(np.median(after)) if after.size else math.nan
    if not before.size:
        return math.nan, level
    return level - max(float(before[(before.size - 1) // 2]), 0.0), level


def _bright_springs(series: PatchSeries) -> int:
    """Springs since that saw its soil brighter than the soil around, in red and in SWIR.

    After harvest the same straw lies thin over all fields and hides what soil they have; neither cloud nor dry soil
    comes back in a second spring.
    """
    bare = bare_looks(series, series.inside) & bare_looks(series, series.ring)
    looks = bare & within(series, SPRING_SOIL) & since(series, series.first_seen)
    for name, least in (("red", STRIPPED), ("swir16", TILLED)):
        one, other = series.level(name, series.inside), series.level(name, series.ring)
        with np.errstate(invalid="ignore"):
            looks &= one >= math.exp(least) * other
    return len({day.year for day, look in zip(series.days, looks, strict=True) if look})


def _little_brighter(series: PatchSeries, change: SoilChange, told: Remark, measures: dict[str, float]) -> Opinion:
    """Soil that brightened in one band, or by little: what grew there in summer, and its edges, decide."""
    margin = 0.0 if change.beside_ring else ALONE
    if change.most < TILLED + margin:
        same = Remark("裸土亮度与往年相当：翻耕或休耕", "as bright as its own bare soil before: tillage or fallow")
        return Opinion(False, (told, same), measures=measures)
    bare = _bare_in_july(series)
    # what lies in a pit or a heap (rock, coal, wet sand) may be darker than soil in SWIR
    if bare is not None and change.red >= STRIPPED + margin:
        return Opinion(True, (told, bare), STRIPPED_NAME, measures, unsure=not change.beside_ring)
    if measures["straightness"] < STRAIGHT:
        vague = Remark("增亮不足且边界不规则", "little brighter, and no straight edge")
        return Opinion(False, (told, vague), measures=measures)
    edge = Remark("增亮不多，但边界平直，须核实", "not much brighter, but its edges are straight: to be checked")
    return Opinion(True, (told, edge), measures=measures, unsure=True)


def _bare_in_july(series: PatchSeries) -> Remark | None:
    """What a field lacked in summer since, where all around it a crop stood; None where it lacked little."""
    share = _lacked_in_summer(series)
    if not share >= NO_CROP:
        return None
    gap = median_gap(series, "ndvi", _summer_since(series))
    return Remark(
        f"首见后夏季缺失周边作物的{share:.0%}（NDVI {gap:+.2f}）",
        f"in summer since it lacked {share:.0%} of the crop around it (NDVI {gap:+.2f})",
    )


def _summer_since(series: PatchSeries) -> BoolArray:
    return since(series, series.first_seen) & within(series, SUMMER)


def _lacked_in_summer(series: PatchSeries) -> float:
    """Share of the ring's cover that was lacking in summer since; NaN where none was seen."""
    summer = _summer_since(series)
    gap, ring = median_gap(series, "ndvi", summer), median_level(series, "ndvi", summer, series.ring)
    return lacking(gap, ring)


def _told(change: SoilChange) -> Remark:
    red, swir = (math.expm1(value) for value in (change.red, change.swir))
    zh, en = f"裸土期（前{change.before}次、后{change.looks}次）红波段{red:+.0%}", f"bare soil: red {red:+.0%}"
    if math.isfinite(swir):
        zh, en = f"{zh}、短波红外{swir:+.0%}", f"{en}, swir16 {swir:+.0%}"
    beside = ("（已扣除周边变化）", " beyond its surroundings") if change.beside_ring else ("（周边无裸土可比）", "")
    return Remark(zh + beside[0], f"{en}{beside[1]} ({change.before} looks before, {change.looks} since)")


def _ponding(series: PatchSeries) -> Opinion | None:
    """Dropped where water stands only in the rains; a pond that was dug shows in spring and autumn as well."""
    water = open_water.level(series, series.inside)
    after = since(series, series.first_seen) & np.isfinite(water)
    drowned = _drowned(series, water)
    if drowned is not None:
        return Opinion(False, (drowned,))
    if series.transition != TO_WATER and not (after.any() and np.median(water[after]) > 0):
        return None
    rains = np.array([7 <= day.month <= 8 for day in series.days], np.bool_)
    dry_season = after & ~rains
    if dry_season.any() and np.median(water[dry_season]) > 0:
        lasts = Remark(
            f"汛期外{int(dry_season.sum())}次影像仍为水面",
            f"still water on {int(dry_season.sum())} looks outside the rains",
        )
        return Opinion(True, (lasts,), measures={"looks": float(after.sum())})
    why = (
        Remark("汛期积水：7—8月以外未见水面", "ponding: no water outside July and August")
        if dry_season.any()
        else Remark("仅见于7—8月：汛期积水不计，待春秋影像", "seen in July and August only: ponding, until spring")
    )
    return Opinion(False, (why,), measures={"looks": float(after.sum())})


def _drowned(series: PatchSeries, water: FloatArray) -> Remark | None:
    """A sentence where water stood on what is bare now in the rains of that year, and at no other time."""
    first = series.first_seen
    if first is None or series.transition == TO_WATER:
        return None
    with np.errstate(invalid="ignore"):
        wet = (water > 0) | (series.level("mndwi", series.inside) > SODDEN)
    rains = series.of(RAINS, first.year) & np.isfinite(water)
    other = since(series, dt.date(first.year, 1, 1)) & np.isfinite(water) & ~within(series, RAINS)
    if not wet[rains].any() or not other.any() or wet[other].any():
        return None
    return Remark(
        f"{first.year}年7—8月积水，其余{int(other.sum())}次无水：作物淹没，非剥离",
        f"under water in July or August {first.year}, on none of {int(other.sum())} other looks: a crop drowned",
    )


def _without_soil(series: PatchSeries) -> Opinion:
    """No bare-soil looks on both sides: only a field that is green again, and what was never tilled, are told."""
    never = _never_tilled(series)
    if never is not None:
        return Opinion(False, (never,))
    after = since(series, series.first_seen)
    july = after & np.array([SUMMER.holds(day) for day in series.days], np.bool_)
    plants = median_level(series, "ndvi", july)
    bright = median_level(series, "brightness", july)
    ring = median_level(series, "brightness", july, series.ring)
    if plants >= SPARSE and not bright >= 1.6 * ring:
        green = Remark(
            f"首见后夏季NDVI仍为{plants:.2f}：作物稀疏或休耕", f"NDVI {plants:.2f} since: thin crop or fallow"
        )
        return Opinion(False, (green,), measures={"ndvi_summer": plants})
    few = Remark("缺少前后裸土期影像，未能与自身裸土比较", "no bare-soil looks on both sides to compare with")
    return Opinion(True, (few,), unsure=True)


SPARSE = 0.36
"""NDVI above that of any bare soil: something grows, fallow at least."""


DETECTOR = Detector(
    id="black_soil",
    name_zh="破坏黑土地",
    name_en="Black soil",
    # Bare soil in spring and late autumn, closed crops between; from mid August fields are cut one by one.
    seasons=(SPRING_SOIL, Season((6, 20), (8, 10)), AUTUMN_SOIL),
    transitions=TRANSITIONS,
    layers=("black_soil", "basic_farmland", "dltb", "land_approvals", "temporary_land_permits"),
    ground=("black_soil", "basic_farmland"),
    # as of grassland: use inside a permit's outline is what was permitted, and its terms are the other model's
    leaves=(Left("temporary_land_permits", "temporary_land", least_share=0.8),),
    history=History(seasons=(SPRING_SOIL, SUMMER, AUTUMN_SOIL), years=4, most_looks=48),
    judge=judge,
    own_by_look=no_field,
    surveys=tuple(
        Survey(
            season=season,
            years=3,
            bands=_SIX,
            ground=("black_soil",),
            score=stripped_soil,
            change=Remark(
                f"疑似表土剥离（{zh}裸土增亮）", f"topsoil stripped by its look (bare soil brighter in {en})"
            ),
            choose="median",
            judged=True,
        )
        for season, zh, en in ((SPRING_SOIL, "春季", "spring"), (AUTUMN_SOIL, "秋季", "autumn"))
    ),
)

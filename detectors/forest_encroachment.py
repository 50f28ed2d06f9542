"""林地侵占: tree cover turned into bare ground, buildings, crop, pit or road; and edges that creep.

Caterpillars strip larch and it flushes again in the same or the next summer, thinned stands stay green, a fire is a
fire: each goes by its own name or is dropped.
"""

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np

from detectors.core import plant_cover
from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.creeping_edges import crept
from detectors.core.history import SIX, History, Opinion, PatchSeries, Remark, Season, Survey, Years
from detectors.core.timelogic import bare_looks, within
from detectors.core.types import BARE, BUILT, Detector, Surface, Transition

FIRE = Remark("林地过火", "forest fire")
CLEARED = Remark("林地剥离（毁林、采挖）", "forest cleared to bare ground")
CREEP = Remark("林缘蚕食开垦", "forest edge ploughed back year by year")
TILLED = Remark("毁林开垦", "forest cleared and sown")

LITTER = Season((5, 5), (5, 28))
"""Before green-up: grass is pale litter, crowns are dark even without leaves."""

OPEN_RED = 0.105
"""Red reflectance that crowns stay below, with or without leaves."""

PALE_NDVI = 0.4
NOTHING = 0.05
"""A fall of NBR below it is none."""

BRIGHTER = 0.012
"""Green reflectance by which a crop is brighter than the trees were."""

LEAF_ON = Season((6, 10), (8, 25))
"""Larch is bare from October to the middle of May; at the end of August it begins to yellow."""

WOODED_NBR, WOODED_GREEN = 0.45, 0.075
"""Trees in leaf have an NBR above the first and reflect less green than the second: meadows and crops are brighter."""

THINNED = 0.12
"""A fall of NBR (beyond the ring's) no greater than this leaves a stand that only was thinned."""

CLEARED_NDVI = 0.5
"""Below it no closed crown is left."""

DIMMED = 0.9
"""A fire takes more of the near infrared than it leaves of this; slash and weeds may reflect as much as crowns."""

PALED_RED, PALED_SWIR, CHARRED_MIRBI = 0.03, 0.035, 0.3
"""Reflectance by which soil is brighter than the crowns that stood on it; rise of MIRBI where it burnt."""

BACK = 0.7
"""Share of what was lost that is back again, from which it was leaves and not trees."""


@dataclass(frozen=True)
class Stand:
    """A stand's summers before and since: NBR beyond what the ring did, and what else tells trees from none."""

    before: float
    """NBR in the summers before; NaN without a look."""

    green: float
    """Green reflectance in the summers before."""

    fall: float
    """How far NBR fell beyond the ring, median over all looks since."""

    worst: float
    """The greatest fall of any look since."""

    last_fall: float
    """The same over the last two looks."""

    ndvi: float
    """NDVI over the last two looks."""

    green_now: float
    """Green reflectance over the last two looks."""

    red_now: float
    """Red reflectance over them."""

    nir_kept: float
    """Near infrared since, over that of the summers before."""

    summers: int
    """Summers since with a look, the first seen one included."""

    looks: int


def judge(series: PatchSeries) -> Opinion:
    """A patch of forest: burnt, thinned, stripped by insects, or cleared."""
    stand = _stand(series)
    measures = {
        "nbr_before": stand.before,
        "nbr_fall": stand.fall,
        "nbr_fall_last": stand.last_fall,
        "ndvi": stand.ndvi,
    }
    if not (math.isfinite(stand.before) and math.isfinite(stand.fall)):
        return Opinion(True, (_FEW,), measures=measures, unsure=True)
    said = _said(stand)
    open_before = _open_before(series, stand)
    if open_before is not None:
        return Opinion(False, (open_before, said), measures=measures)
    looks, past = _leafy(series, since=True), _leafy(series, since=False)
    bare = plant_cover.bare_soil(series, series.inside)[looks]
    bare = bare[np.isfinite(bare)]
    # crowns without leaves are dark: pale ground without plants is slash or stubble, even where SWIR takes it for straw
    pale = stand.ndvi < PALE_NDVI and stand.red_now > OPEN_RED - 0.01
    laid_bare = pale or (bool(bare.size) and float(bare.mean()) >= 0.5)
    measures |= {"bare_looks": float(bare.mean()) if bare.size else math.nan}
    found = DETECTOR.transitions[series.transition - 1] if series.transition else None
    named = found is not None and Surface.BURNT in found.after
    burnt = plant_cover.charred(series, looks, past, plant_cover.CHAR_MIRBI if named else plant_cover.SURE_MIRBI)
    if burnt or (named and not laid_bare and not stand.nir_kept >= DIMMED and not _paled(series, looks, past)):
        return Opinion(True, (_CHAR, said), FIRE, measures)
    change = _sown(series)
    if change is None and (easy := _unharmed(stand)) is not None:
        return Opinion(False, (easy, said), measures=measures)
    change = change or (CLEARED if named else None)  # else it would go by the name of what it is not
    if laid_bare or change is TILLED:
        return Opinion(True, (said, *([_SOIL] if laid_bare else [])), change, measures)
    if stand.summers < 2:
        return Opinion(True, (said, _ONE_SUMMER), change, measures, unsure=True)
    return Opinion(True, (said,), change, measures)


_FEW = Remark(
    "变化前或变化后没有盛夏（6月10日至8月25日）清晰影像", "no clear look in leaf (10 June to 25 August) before or since"
)
_CHAR = Remark(
    "近红外下降、短波红外不升、地面发黑：过火，不计为侵占",
    "near infrared fell, SWIR did not rise, the ground is black: fire",
)
_FLUSHED = Remark(
    "NBR 在同一或次年夏季恢复：虫害失叶", "NBR came back in the same or the next summer: stripped by insects"
)
_SAME = Remark("NBR 与往年盛夏一致", "NBR is what it was in the summers before")
_THIN = Remark("NBR 略降而植被仍郁闭：抚育间伐", "NBR fell a little and the crowns stay closed: thinned")
_SOIL = Remark("变化后为裸土、采伐迹地或硬化地面", "soil, slash or sealed ground since")
_ONE_SUMMER = Remark(
    "变化后只有一个夏季、地面未裸露：尚不能排除虫害或间伐，待次年夏季复核",
    "one summer only and no bare ground: insects or thinning can not be ruled out yet",
)


def _unharmed(stand: Stand) -> Remark | None:
    """Why a stand is as good as it was; None where it is not."""
    if stand.fall < NOTHING and stand.last_fall < NOTHING:
        return _FLUSHED if stand.worst > THINNED else _SAME
    if stand.looks >= 2 and stand.last_fall < (1 - BACK) * max(stand.fall, THINNED):
        return _FLUSHED
    # a crop's green may hide that the trees are gone, but it is brighter than they were
    closed = stand.ndvi >= CLEARED_NDVI and not stand.green_now > stand.green + BRIGHTER
    return _THIN if closed and stand.fall <= THINNED else None


def _open_before(series: PatchSeries, stand: Stand) -> Remark | None:
    """What it was, where it was no forest; None where it was, or where that can not be told."""
    if stand.before < WOODED_NBR or stand.green > WOODED_GREEN:
        return Remark(
            f"此前盛夏 NBR {stand.before:.2f}、绿光 {stand.green:.3f}：变化前不是有林地",
            f"NBR {stand.before:.2f} and green {stand.green:.3f} in the summers before: it was no forest",
        )
    last = series.last_before or dt.date.min
    spring = np.array([LITTER.holds(day) and day <= last for day in series.days], np.bool_)
    red = plant_cover.median_of(series.level("red", series.inside), spring)
    if red > OPEN_RED:
        return Remark(
            f"此前五月红光反射率 {red:.3f}（林冠不超过 {OPEN_RED}）：变化前为草地或耕地",
            f"red reflectance of {red:.3f} in May before (crowns stay below {OPEN_RED}): it was grass or a field",
        )
    # larch has little green in May and the litter shows under it: soil alone is a field's
    soil = bare_looks(series, series.inside) & within(series, plant_cover.SOWING)
    tilled = sorted({day.year for day, bare in zip(series.days, soil, strict=True) if bare and day <= last})
    sown = sum(plant_cover.crop_of(series, year).grown for year in tilled)
    if sown >= 2:
        return Remark(
            f"此前 {sown} 年春季裸土、夏季有作物：变化前已是耕地",
            f"bare in May and sown in {sown} years before: it was a field",
        )
    return None


def _said(stand: Stand) -> Remark:
    return Remark(
        f"盛夏 NBR 由 {stand.before:.2f} 起，较周边净降 {stand.fall:.2f}（{stand.summers} 个夏季 {stand.looks} 期），"
        f"最近两期净降 {stand.last_fall:.2f}、NDVI {stand.ndvi:.2f}",
        f"summer NBR of {stand.before:.2f} fell by {stand.fall:.2f} beyond its surroundings ({stand.looks} looks in "
        f"{stand.summers} summers), by {stand.last_fall:.2f} on the last two, with NDVI {stand.ndvi:.2f}",
    )


def _paled(series: PatchSeries, looks: BoolArray, past: BoolArray) -> bool:
    """Whether a patch became brighter in red and in SWIR as soil does under weeds, and no more like char.

    Char is as dark as crowns in red, and grass that comes up through it is green: it darkens red again. MIRBI, which
    tells char from whatever else is as bright, rises by 0.3 and more where it burnt.
    """
    rises = {
        name: plant_cover.median_of(level, looks) - plant_cover.median_of(level, past)
        for name, level in ((name, series.level(name, series.inside)) for name in ("red", "swir16", "swir22"))
    }
    mirbi = 10 * rises["swir22"] - 9.8 * rises["swir16"]
    return rises["red"] > PALED_RED and rises["swir16"] > PALED_SWIR and mirbi < CHARRED_MIRBI


def _leafy(series: PatchSeries, since: bool) -> BoolArray:
    """(T,) looks in leaf since the patch was first seen, or until the last look before."""
    first, last = series.first_seen or dt.date.max, series.last_before or dt.date.min
    return np.array([LEAF_ON.holds(day) and (day >= first if since else day <= last) for day in series.days], np.bool_)


def _stand(series: PatchSeries) -> Stand:
    inside, ring = series.level("nbr", series.inside), series.level("nbr", series.ring)
    plants, green = series.level("ndvi", series.inside), series.level("green", series.inside)
    nir = series.level("nir", series.inside)
    past, now = _leafy(series, since=False), _leafy(series, since=True)
    seen = np.flatnonzero(now & np.isfinite(inside))
    last = np.zeros(len(series.days), np.bool_)
    last[seen[-2:]] = True
    # a ring that is not forest says nothing of what forest did: then the patch is held against itself alone
    usual_ring = plant_cover.median_of(ring, past)
    beside = ring - usual_ring if usual_ring >= WOODED_NBR else np.zeros_like(ring)
    before = plant_cover.median_of(inside, past)
    fall = before - inside + np.where(np.isfinite(beside), beside, np.float32(0))
    return Stand(
        before=before,
        green=plant_cover.median_of(green, past),
        fall=plant_cover.median_of(fall, now),
        worst=float(np.max(fall[now & np.isfinite(fall)], initial=-1.0)),
        last_fall=plant_cover.median_of(fall, last),
        ndvi=plant_cover.median_of(plants, last),
        green_now=plant_cover.median_of(green, last),
        red_now=plant_cover.median_of(series.level("red", series.inside), last),
        nir_kept=plant_cover.median_of(nir, now) / max(plant_cover.median_of(nir, past), 1e-3),
        summers=len({series.days[at].year for at in seen}),
        looks=int(seen.size),
    )


def _sown(series: PatchSeries) -> Remark | None:
    """Ground that is bare at sowing and green in high summer is a field now."""
    years = sorted({day.year for day in series.days if series.first_seen and day >= series.first_seen})
    return TILLED if any(plant_cover.crop_of(series, year).grown for year in years) else None


def creeping(years: Years) -> FloatArray:
    """Edges that crept: strips side by side that left the forest's colour for good, each in another year."""
    return crept(years)


DETECTOR = Detector(
    id="forest_encroachment",
    name_zh="林地侵占",
    name_en="Forest encroachment",
    seasons=(LEAF_ON,),
    transitions=(
        Transition(
            frozenset({Surface.TREE, Surface.WET_VEGETATION}), frozenset({Surface.BURNT}), 1.0, FIRE.zh, FIRE.en
        ),
        Transition(frozenset({Surface.TREE}), BUILT, 1.0, "林地变建设或道路", "forest to built or road"),
        Transition(frozenset({Surface.TREE}), BARE, 1.0, CLEARED.zh, CLEARED.en),
        Transition(frozenset({Surface.TREE}), frozenset({Surface.CROP}), 0.8, TILLED.zh, TILLED.en),
        Transition(frozenset({Surface.TREE}), frozenset({Surface.WATER}), 0.9, "林地变水塘", "forest to pond"),
        # the surface alone takes dark moist larch for wet plants, and open larch for grass; the judge asks what it was
        Transition(
            frozenset({Surface.WET_VEGETATION, Surface.GRASS, Surface.CROP}), BARE | BUILT, 0.9, CLEARED.zh, CLEARED.en
        ),
        Transition(frozenset({Surface.TREE}), frozenset({Surface.GRASS}), 0.8, "林地变草地", "forest to grass"),
    ),
    layers=("forest_land", "harvest_permits", "forest_use_permits"),
    ground=("forest_land",),
    sure_looks=0,  # slash and weeds are likely and never sure; how far NBR fell since tells them
    history=History(seasons=(Season((5, 5), (8, 25)),), years=5),
    judge=judge,
    surveys=(Survey(LEAF_ON, 5, SIX, ("forest_land",), creeping, CREEP, "median"),),
)

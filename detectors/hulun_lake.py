"""呼伦湖保护监督: shore works, digging and reclaimed shore above the multi-year high water, and bloom.

The lake's level swings by metres within a decade and wind tilts it within a day: what falls dry or wet along the whole
shore is the lake's own doing, and so is reed.
"""

import datetime as dt

import numpy as np

from detectors.core import open_water, pits, plant_cover, river_channel
from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.history import SIX, History, Opinion, PatchSeries, Remark, Season, Survey, Years
from detectors.core.lasting_loss import burnt
from detectors.core.shapes import compactness
from detectors.core.types import BARE, BUILT, VEGETATION, WATER, Detector, Surface, Transition

BLOOM = Remark("水华", "algal bloom")
RECLAIMED = Remark("湖岸围填", "shore reclaimed")
PIT = Remark("湖岸挖沙取土成坑", "pit dug on the shore")

BLOOM_SEASON = Season((7, 1), (9, 30))

FLOATING = 0.02
"""FAI (Hu 2009) from which algae float; clear and turbid water lie below 0."""

PLANTS = 0.15
"""NDVI of algae that float; mud, which has their FAI, lies below it."""

CHLOROPHYLL = 0.10
"""NDCI (Mishra & Mishra 2012) from which water holds a bloom that does not float yet."""

BLOOM_SHARE = 0.2
"""Share of the patch, or as much water near it, that must show algae on a date."""

LAKE_M2 = 20e4
"""Usual water in the window of a patch by which it may lie at a lake, where no reserve was given."""

SHORE_M = 300.0
"""How far beyond the reserve's outline the shore still is the lake's: the line was drawn at one level of it."""

APART_DAYS = 3
"""Dates nearer than this are one."""

SURELY_WATER = 0.65
"""Share of a patch that was water before from which on it was the lake, and no river's mouth."""

RETREAT = 0.3
"""Share of the rest of the shore that did the same, from which it was the lake."""

MOVED = 0.3
"""Share of a patch that must have turned from water to land or back for water to be what it is about."""

EDGE_PX, WIDE_PX, LEVEL_PX = 2, 5, 97
"""Width of the water's mixed edge, least width of land that was made, edge of the window whose water is the level."""

FIXED = 0.5
"""Share of earlier summers' looks with plants in the same place, from which they are rooted."""


def judge(series: PatchSeries) -> Opinion:
    """A patch at the lake: bloom, reclaimed shore, pit, works, or the lake's own swing."""
    found = DETECTOR.transitions[series.transition - 1] if series.transition else None
    water = open_water.wet(series)
    if found and (Surface.BLOOM in found.after or (found.before == WATER and found.after == VEGETATION)):
        return _bloom(series, water)
    if found is None and _floats(series, water):
        return _bloom(series, water)
    hay = plant_cover.mown(series)
    if hay is not False:
        return Opinion(hay is None, (plant_cover.HAY_OR_NOT if hay is None else plant_cover.HAY,), unsure=hay is None)
    why = burnt(series) or river_channel.laid(series, water)
    if why is not None:
        return Opinion(False, (why,))
    compared = open_water.compare(series, water)
    if compared is None:
        return Opinion(True, (_FEW,), unsure=True)
    moved, inside = river_channel.banks(compared.was, compared.now), series.inside
    lost, gained = (float((one & inside).sum()) / float(inside.sum()) for one in (moved.lost, moved.gained))
    high = open_water.high_water(series, water)
    below = float(high[inside].mean())
    measures = {"water_before": compared.was_inside, "water_after": compared.now_inside, "below_high_water": below}
    if lost >= MOVED:
        return _reclaimed(series, compared, moved, measures)
    if gained >= MOVED:
        return _dug(series, compared, moved, high, measures)
    return _works(series, found, compared, measures)


_FEW = Remark("变化前或变化后没有清晰影像，无法比较水面", "no clear look before or after: water can not be compared")


_RIVER = Remark("流入河道两岸同时变化：河道自然变迁", "both banks of a narrow river moved: natural channel change")


def _reclaimed(
    series: PatchSeries, compared: open_water.Compared, moved: river_channel.Banks, measures: dict[str, float]
) -> Opinion:
    elsewhere = open_water.retreat(
        moved.lost, moved.before, series.inside, open_water.depth_of(moved.lost & series.inside)
    )
    measures |= {"retreat_elsewhere": elsewhere}
    text = compared.remark()
    if moved.narrow(series.inside) and moved.moved_by_itself(series.inside):
        return Opinion(False, (_RIVER, text), measures=measures)
    if elsewhere >= RETREAT:
        level = Remark(
            f"附近其他岸线有 {elsewhere:.0%} 同样退水：湖面涨落或风壅水",
            f"{elsewhere:.0%} of the rest of the shore fell dry as well: the lake's level, or wind",
        )
        return Opinion(False, (level, text), measures=measures)
    alone = Remark(
        f"附近其他岸线仅 {max(elsewhere, 0):.0%} 退水，只有本处成陆"
        if elsewhere == elsewhere
        else "附近无其他岸线可比",
        f"only {max(elsewhere, 0):.0%} of the rest of the shore fell dry: this place alone"
        if elsewhere == elsewhere
        else "no other shore nearby to compare with",
    )
    unsure = not compared.like or compared.after < 2 or compared.was_inside < SURELY_WATER
    return Opinion(True, (alone, text), RECLAIMED, measures, unsure=unsure)


def _dug(
    series: PatchSeries,
    compared: open_water.Compared,
    moved: river_channel.Banks,
    high: BoolArray,
    measures: dict[str, float],
) -> Opinion:
    text = compared.remark()
    dug = float(river_channel.dug(moved, high)[series.inside].mean())
    measures |= {"dug": dug}
    if dug >= MOVED:
        if (rain := pits.ponding(series)) is not None:
            return Opinion(False, (rain, text), measures=measures)
        apart = Remark(
            "形状规整、与湖面不相连、历年从未过水：开挖", "compact, apart from the lake, never under water before: dug"
        )
        return Opinion(True, (apart, text), PIT, measures)
    if measures["below_high_water"] >= 0.5 or river_channel.beside_water(moved.gained & series.inside, moved.before):
        level = Remark(
            "与湖面相连或位于多年高水位线以内：湖面上涨",
            "joined to the lake or within its high-water line: the lake rose",
        )
        return Opinion(False, (level, text), measures=measures)
    return Opinion(True, (text,), measures=measures, unsure=True)


def _works(
    series: PatchSeries, found: Transition | None, compared: open_water.Compared, measures: dict[str, float]
) -> Opinion:
    """Land that stayed land: works above the high water stand, below it only what is built or compact."""
    below, shape = measures["below_high_water"], compactness(series.inside)
    line = Remark(
        f"图斑 {1 - below:.0%} 位于多年高水位线（水面频率大于 0）以上",
        f"{1 - below:.0%} of it lies above the multi-year high-water line (water frequency above 0)",
    )
    built = found is not None and found.after == BUILT
    compact = shape.rectangle >= river_channel.COMPACT and shape.elongation < 3
    gone = open_water.gave_way(series) if found and found.after == WATER else None
    if gone is None and found and (found.before == WATER or found.after == WATER) and compared.like:
        return Opinion(False, (_SAME, compared.remark()), measures=measures)
    if below >= 0.5 and not built and not compact:
        return Opinion(False, (line, _DRAWDOWN), measures=measures)
    if (field := pits.ploughed(series)) is not None:
        return Opinion(False, (line, field), measures=measures)
    return Opinion(True, (line,), measures=measures)


_SAME = Remark(
    "水位相近时该处此前状态相同：仅为湖面涨落", "at like level it was the same before: the lake's level only"
)
_DRAWDOWN = Remark(
    "湖水涨落带内，无建筑、形状不规整", "ground that the lake comes and goes over; nothing built, no made shape"
)


def algae(series: PatchSeries | Years, water: FloatArray) -> FloatArray:
    """(T, H, W) 1 = water with algae on it, 0 = not, NaN = not observed."""
    floats, index, green = series.index("fai"), series.index("mndwi"), series.index("ndvi")
    with np.errstate(invalid="ignore"):
        bloom = (floats > FLOATING) & ((index > 0) | ((index > -0.1) & (green > PLANTS)))
        if "rededge1" in series.bands:
            edge, red = series.band("rededge1"), series.band("red")
            bloom |= ((edge - red) / np.maximum(edge + red, np.float32(1e-3)) > CHLOROPHYLL) & (index > 0)
    return np.where(np.isfinite(water), bloom, np.nan).astype(np.float32)


def _floats(series: PatchSeries, water: FloatArray) -> bool:
    """Whether a patch that a survey found is about algae: open water, and algae on it on some look since."""
    at = np.array([series.first_seen is not None and day >= series.first_seen for day in series.days], np.bool_)
    part = open_water.part(algae(series, water), series.inside)[at]
    lake = float((open_water.share(water) >= 0.5)[series.inside].mean())
    return lake >= 0.5 and bool(np.nanmax(part, initial=0) >= BLOOM_SHARE)


def blooming(years: Years) -> FloatArray:
    """Algae on the newest year's greenest look of water that had nothing green on it in any year before: 1; else 0."""
    from scipy import ndimage

    water, floats = open_water.wet(years), years.index("fai")
    green, index = years.index("ndvi"), years.index("mndwi")
    with np.errstate(invalid="ignore"):
        algal = (floats[-1] > FLOATING) & (index[-1] > -0.1) & (green[-1] > PLANTS)
        was = np.where(np.isfinite(water[:-1]), (water[:-1] >= 0.5) & (green[:-1] < 0.2), True)
    # pixels of the water's edge hold some of what grows ashore
    open_lake = ndimage.binary_erosion(np.asarray(was.all(axis=0)), iterations=EDGE_PX, border_value=1)
    known = years.ground & np.isfinite(floats[-1]) & np.isfinite(water[:-1]).any(axis=0)
    return np.where(known, (algal & open_lake).astype(np.float32), np.float32(np.nan))


def new_shore(years: Years) -> FloatArray:
    """Land where the lake was in every year before, and not because it is low: 1; other ground 0; NaN = not observed.

    What falls dry along a shore is a strip; only what is wider than `WIDE_PX` counts.
    """
    from scipy import ndimage

    water = open_water.wet(years)
    out = np.where(years.ground & np.isfinite(water[-1]), np.float32(0), np.float32(np.nan))
    if len(water) <= river_channel.LEAST_YEARS:
        return out
    level = open_water.levels_around(water, LEVEL_PX)
    seen = np.isfinite(water[:-1]).sum(axis=0) >= river_channel.LEAST_YEARS
    with np.errstate(invalid="ignore"):
        always = seen & (np.where(np.isfinite(water[:-1]), water[:-1], 1) >= 0.5).all(axis=0)
        lowest = np.min(np.where(np.isfinite(level[:-1]), level[:-1], np.float32(np.inf)), axis=0)
        high = ~(level[-1] < lowest - open_water.LIKE_LEVEL)
        dry = always & (water[-1] <= open_water.NEVER) & high
    core = ndimage.binary_opening(dry, np.ones((WIDE_PX, WIDE_PX), np.bool_))
    grown = ndimage.binary_dilation(core, iterations=WIDE_PX, mask=dry)
    out[grown & years.ground] = 1
    return out


def _bloom(series: PatchSeries, water: FloatArray) -> Opinion:
    """Algae on two dates from July to September, where open water is at other times and no plants are rooted."""
    inside, seen = series.inside, algae(series, water)
    part, first = open_water.part(seen, inside), series.first_seen
    year = first.year if first else max((day.year for day in series.days), default=0)
    now = series.of(BLOOM_SEASON, year)
    # algae drift: what floats elsewhere on the lake counts for a date, mud and reed beside it do not
    lake = (open_water.share(water) >= 0.5) & ~inside
    drifted = np.nansum(seen[:, lake], axis=1) / max(float(inside.sum()), 1)
    shows = now & ((part >= BLOOM_SHARE) | (np.isfinite(part) & (drifted >= BLOOM_SHARE)))
    clear = now & np.isfinite(part)
    dates = _apart([day for day, one in zip(series.days, shows, strict=True) if one])
    others = _apart([day for day, one in zip(series.days, clear, strict=True) if one])
    rooted = _rooted(series, year)
    measures = {"bloom_dates": float(len(dates)), "clear_dates": float(len(others)), "rooted": rooted}
    said = Remark(
        f"7至9月清晰 {len(others)} 期，其中 {len(dates)} 期见藻类：" + "、".join(day.isoformat() for day in dates),
        f"{len(others)} clear dates from July to September, algae on {len(dates)}: " + ", ".join(map(str, dates)),
    )
    if rooted >= FIXED:
        text = Remark(
            f"往年同期 {rooted:.0%} 的影像在同一位置有植物：芦苇或浮叶植物",
            f"plants in the same place on {rooted:.0%} of earlier looks: reed",
        )
        return Opinion(False, (text, said), measures=measures)
    if len(dates) >= 2:
        return Opinion(True, (said,), BLOOM, measures)
    if dates and len(others) < 2:
        return Opinion(True, (said,), BLOOM, measures, unsure=True)
    if not others:
        return Opinion(True, (said,), measures=measures, unsure=True)
    return Opinion(False, (said, Remark("未见于两期", "not on two dates")), measures=measures)


def _rooted(series: PatchSeries, year: int) -> float:
    """Share of earlier summers' looks on which plants stood in the patch; 0 where none was seen."""
    earlier = np.array([BLOOM_SEASON.holds(day) and day.year < year for day in series.days], np.bool_)
    green = series.level("ndvi", series.inside)[earlier]
    green = green[np.isfinite(green)]
    return float((green > 0.3).mean()) if green.size else 0.0


def _apart(days: list[dt.date]) -> list[dt.date]:
    """Days of which none follows another within `APART_DAYS`."""
    kept: list[dt.date] = []
    for day in days:
        if not kept or (day - kept[-1]).days >= APART_DAYS:
            kept.append(day)
    return kept


def no_lake(series: PatchSeries) -> Remark | None:
    """A sentence where too little water lies around a patch for a lake."""
    return open_water.no_water(series, LAKE_M2)


DETECTOR = Detector(
    id="hulun_lake",
    name_zh="呼伦湖保护监督",
    name_en="Hulun Lake",
    # Free of ice; the autumn gales and the first ice of late October are left out.
    seasons=(Season((5, 20), (10, 15)),),
    transitions=(
        Transition(WATER, BUILT, 1.0, "水面填占变建设", "water filled and built on"),
        Transition(WATER, BARE, 0.9, RECLAIMED.zh, RECLAIMED.en),
        Transition(VEGETATION | BARE, BUILT, 1.0, "湖岸变建设", "shore to built"),
        Transition(VEGETATION, BARE, 1.0, "湖岸取土或堆弃", "shore dug or dumped on"),
        Transition(VEGETATION | BARE, WATER, 0.9, PIT.zh, PIT.en),
        Transition(BARE, BARE, 0.8, "湖滩挖沙", "sand dug on the beach"),
        Transition(
            frozenset(Surface) - {Surface.UNKNOWN, Surface.SNOW}, frozenset({Surface.BLOOM}), 0.9, BLOOM.zh, BLOOM.en
        ),
        Transition(WATER, VEGETATION, 0.9, "水面变植被", "water to plants or bloom"),
    ),
    layers=("reserve_zones", "wetland"),
    # other wetland is none of the lake's: along rivers it has a model of its own
    ground=("reserve_zones",),
    ground_within_m=SHORE_M,
    history=History(
        seasons=(Season((5, 20), (10, 15)),), years=8, ring_m=800.0, bands=(*SIX, "rededge1"), most_looks=48
    ),
    judge=judge,
    own_by_look=no_lake,
    surveys=(
        Survey(Season((5, 20), (10, 15)), 6, SIX, ("reserve_zones",), new_shore, RECLAIMED, judged=True),
        # algae are the greenest that water ever is, and drift: one day shows them here, another there
        Survey(BLOOM_SEASON, 3, SIX, ("reserve_zones",), blooming, BLOOM, "greenest", judged=True),
    ),
)

"""河道保护: fill, dikes, buildings, dumps, sand pits and tall crops inside the management scope of a river.

A river moves by itself, rises and falls, floods its bars and lays them anew: all of that is told apart first, by where
the water was in the years before and by looks at like level.
"""

import datetime as dt

import numpy as np

from detectors.core import open_water, plant_cover, river_channel
from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.history import SIX, History, Opinion, PatchSeries, Remark, Season, Site, Survey, Watch, Years
from detectors.core.lasting_loss import burnt, lost
from detectors.core.shapes import compactness
from detectors.core.types import BARE, BUILT, VEGETATION, WATER, Detector, Surface, Transition

NATURAL = Remark("河道自然变迁", "natural channel change")
FILL = Remark("水面填占", "water filled")
PIT = Remark("挖塘或采砂坑", "pond or sand pit dug")
UNTOLD = Remark("水域变化（人为或自然待核）", "water changed, by people or by the river: to be checked")
TALL = Remark("种植高秆作物", "tall crops")

MOVED = 0.3
"""Share of a patch that must have turned from land to water or back for water to be what it is about."""

LEVEL_PX, LARGEST_PX = 97, 50
"""Edge of the window whose water stands for the level, and the largest fill that the survey looks for, in pixels."""

RIVER_M2 = 1e4
"""Usual water in the window of a patch by which it may lie at a river, where no scope was given."""

GROWN = 0.2
"""Share of the cover of its ring that ground lacks in summer which only spring showed bare."""

HUGS = 0.6
"""Part of a narrow strip's length along the water's edge from which it is a revetment."""


def judge(series: PatchSeries) -> Opinion:
    """A patch in the scope: crop, level, migration, fill, pit, bar or works."""
    if not open_water.is_dn(series):
        crop = _crop(series)
        if crop is not None:
            return crop
        hay = plant_cover.mown(series)
        if hay is not False:
            return Opinion(
                hay is None, (plant_cover.HAY_OR_NOT if hay is None else plant_cover.HAY,), unsure=hay is None
            )
        char = burnt(series)
        if char is not None:
            return Opinion(False, (char,))
    water = open_water.wet(series)
    compared = open_water.compare(series, water)
    if compared is None:
        return Opinion(True, (_FEW,), unsure=True)
    moved = river_channel.banks(compared.was, compared.now)
    size = float(series.inside.sum())
    lost = float((moved.lost & series.inside).sum()) / size
    gained = float((moved.gained & series.inside).sum()) / size
    measures = {"water_before": compared.was_inside, "water_after": compared.now_inside, "lost": lost, "gained": gained}
    if lost + gained >= MOVED:
        return _water(series, water, compared, moved, measures)
    return _land(series, water, compared, measures)


_FEW = Remark("变化前或变化后没有清晰影像，无法比较水面", "no clear look before or after: water can not be compared")
_NO_LEVEL = Remark(
    "变化前没有水位相近或更低的影像，无法排除水位变化",
    "no look before at like or lower water: level can not be ruled out",
)


def _crop(series: PatchSeries) -> Opinion | None:
    """Tall crops; None where there are none."""
    if series.first_seen is None:
        return None
    crop = plant_cover.crop_of(series, series.first_seen.year)
    if not crop.tall:
        return None
    earlier = [plant_cover.crop_of(series, year) for year in sorted({day.year for day in series.days})[:-1]]
    grown = sum(one.tall for one in earlier)
    name = "NDRE" if crop.by_red_edge else "NDVI"
    remarks = [
        Remark(
            f"播种期裸土占 {crop.sown:.0%}，7月20日至8月31日 {name} {crop.stand:.2f}，"
            f"8月下旬 NDVI {crop.late:.2f}：高秆作物",
            f"bare on {crop.sown:.0%} of the looks at sowing, {name} {crop.stand:.2f} from 20 July to 31 August, NDVI "
            f"{crop.late:.2f} late in August: a tall crop",
        )
    ]
    if not crop.by_red_edge:
        remarks.append(Remark("无红边波段：不能与马铃薯等区分", "no red-edge band: potatoes look alike"))
    if grown:
        remarks.append(Remark(f"此前已有 {grown} 年种植", f"grown in {grown} earlier years too"))
    return Opinion(True, tuple(remarks), TALL, {"bare_at_sowing": crop.sown, "stand": crop.stand})


def _water(
    series: PatchSeries,
    water: FloatArray,
    compared: open_water.Compared,
    moved: river_channel.Banks,
    measures: dict[str, float],
) -> Opinion:
    """Ground that turned from water to land, or back."""
    years, states = river_channel.by_year(water, tuple(day.year for day in series.days))
    first = series.first_seen.year if series.first_seen else years[-1]
    earlier = states[np.array(years) < first]
    inside = series.inside
    lost, gained = moved.lost & inside, moved.gained & inside
    ever = open_water.high_water(series, water)
    flooded = float(ever[gained].mean()) if gained.sum() > lost.sum() else 0.0
    if flooded >= 0.5 and compared.after < 3:
        text = Remark(
            f"其中 {flooded:.0%} 往年高水位时也曾过水，变化后仅 {compared.after} 期：涨水淹没",
            f"{flooded:.0%} of it was under water in other years, and {compared.after} looks since: a flood",
        )
        return Opinion(False, (text, compared.remark()), measures=measures)
    made, asked = (
        (river_channel.filled(earlier, compared.now) & inside, FILL)
        if lost.sum() >= gained.sum()
        else (river_channel.dug(moved, ever) & inside, PIT)
    )
    part = float(made.sum()) / max(lost.sum(), gained.sum(), 1)
    balance = moved.compensation(inside)
    step = river_channel.largest_step(states, lost if lost.sum() >= gained.sum() else gained)
    area_m2 = float(made.sum()) * series.pixel_m**2
    measures |= {"made_share": part, "made_m2": area_m2, "compensation": balance, "largest_step": step}
    remarks = [compared.remark(), _how(part, balance, step, len(earlier))]
    if part >= 0.5 and compared.like:
        return Opinion(True, tuple(remarks), asked, measures)
    if made.any():
        remarks.append(
            Remark(
                f"其中约 {area_m2:.0f} 平方米形状规整、一次成形，疑似人为，须单独核查",
                f"about {area_m2:.0f} m² of it is compact and came at once: it may be man-made, look at it by itself",
            )
        )
    slow = step <= river_channel.STEADY
    along = gained.sum() > lost.sum() and river_channel.beside_water(gained, moved.before)
    if moved.moved_by_itself(inside) or slow or along:
        return Opinion(True, tuple(remarks), NATURAL, measures)
    strip = river_channel.laid(series, water)
    if strip is not None:
        return Opinion(True, (strip, *remarks), NATURAL, measures)
    if not compared.like:
        remarks.append(_NO_LEVEL)
    return Opinion(True, tuple(remarks), UNTOLD, measures, unsure=True)


def _how(part: float, balance: float, step: float, years: int) -> Remark:
    speed_zh = f"最大一年占 {step:.0%}" if step == step else "年份不足，快慢不明"
    speed_en = f"its largest year made {step:.0%} of it" if step == step else "too few years to tell how fast"
    return Remark(
        f"此前 {years} 年：规整且一次成形部分占 {part:.0%}；对岸补偿比 {balance:.2f}；{speed_zh}",
        f"{years} years before: {part:.0%} of it is compact and came at once; the other bank moved {balance:.2f} times "
        f"as much; {speed_en}",
    )


def _land(series: PatchSeries, water: FloatArray, compared: open_water.Compared, measures: dict[str, float]) -> Opinion:
    """Ground that is as dry, or as wet, as it was at that level."""
    inside = series.inside
    found = DETECTOR.transitions[series.transition - 1] if series.transition else None
    text = compared.remark()
    gone = open_water.gave_way(series) if found and found.after == WATER else None
    if gone is None and found and (found.before == WATER) != (found.after == WATER):
        if not compared.like:
            return Opinion(True, (_NO_LEVEL, text), measures=measures, unsure=True)
        level = Remark(
            "水位相近时该处此前状态相同：仅为水位变化", "at like level it was the same before: the water level only"
        )
        return Opinion(False, (level, text), measures=measures)
    if found and found.before == BARE and found.after == BARE and measures["water_before"] > 0.3:
        return Opinion(False, (text,), measures=measures)
    if found and found.after <= BARE | BUILT and (lacking := lost(series).after) < GROWN:
        grown = Remark(
            f"其后夏季植被与周边相当（仅缺失{lacking:.0%}）：春季裸土或已播种，非剥离或弃渣",
            f"as green as its surroundings in summer since ({lacking:.0%} lacking): bare in spring, or sown; nothing "
            "was stripped or dumped",
        )
        return Opinion(False, (grown, text), measures=measures)
    strip = _revetment(inside, compared.now)
    if strip is not None:
        return Opinion(False, (strip,), measures=measures)
    measures |= {"channel_passed": river_channel.passed(series, water), "elongation": compactness(inside).elongation}
    laid = river_channel.bar(series, water) or river_channel.laid(series, water)
    if gone is not None:
        # a bank that the river took lost its plants as well, and is mixed pixels to the eye
        laid, text = laid or river_channel.bank(series, water), gone
    if laid is not None and not _built(found):
        return Opinion(True, (laid, text), NATURAL, measures)
    return Opinion(True, (text,), measures=measures)


def _built(found: Transition | None) -> bool:
    return found is not None and found.after == BUILT


def _revetment(inside: BoolArray, now: FloatArray) -> Remark | None:
    """A strip of at most three pixels along the water's edge; None where it is none."""
    shape = compactness(inside)
    with np.errstate(invalid="ignore"):
        reach = open_water.near(now >= open_water.ALWAYS, 2)
    along = float((reach & inside).sum()) / float(inside.sum())
    if shape.width_px > 4 or shape.elongation < 5 or along < HUGS:
        return None
    return Remark(
        f"宽约 {shape.width_px:.0f} 像元、{along:.0%} 紧贴水边的条带：护岸",
        f"a strip about {shape.width_px:.0f} pixels wide, {along:.0%} of it at the water's edge: a revetment",
    )


def new_fill(years: Years) -> FloatArray:
    """Ground that was water in every year before, at the last year's level too, and is land at once: 1; other ground 0.

    It finds what lies inside a greater change, which a pair shows as one patch.
    """
    water = open_water.wet(years)
    out = np.where(years.ground & np.isfinite(water[-1]), np.float32(0), np.float32(np.nan))
    if len(water) <= river_channel.LEAST_YEARS:
        return out
    level = open_water.levels_around(water, LEVEL_PX)
    usual = open_water.share(water[:-1])
    for (rows, columns), piece in river_channel.pieces(river_channel.filled(water[:-1], water[-1])):
        if max(piece.shape) > LARGEST_PX:
            continue
        here = plant_cover.nan_median(level[:, rows, columns][:, piece].T)
        lowest, last = np.nanmin(here[:-1], initial=np.inf), here[-1]
        wide = river_channel.grown((rows, columns), LARGEST_PX // 2, water.shape[1:])
        moved = river_channel.banks(usual[wide], water[-1][wide])
        whole = river_channel.placed(piece, (rows, columns), wide)
        if lowest <= last + open_water.LIKE_LEVEL and not moved.compensation(whole) >= river_channel.COMPENSATED:
            out[rows, columns][piece & years.ground[rows, columns]] = 1
    return out


def tall_fields(series: PatchSeries, site: Site) -> Opinion:
    """Fields of a tall crop in a scope, pixel by pixel, whether they changed or not."""
    year = site.today.year
    sowing, summer = (
        plant_cover.looks_of(series, season, year) for season in (plant_cover.SOWING, plant_cover.HIGH_SUMMER)
    )
    tall, seen = plant_cover.tall_pixels(series, sowing, summer)
    fields = np.zeros_like(series.inside)
    least = max(int(DETECTOR.minimum_area_m2 / series.pixel_m**2), 4)
    for window, piece in river_channel.pieces(tall & series.inside):
        if piece.sum() >= least:
            fields[window] |= piece
    share = float(seen[series.inside].mean())
    looks = Remark(
        f"播种期 {int(sowing.sum())} 期、盛夏 {int(summer.sum())} 期，两季均见的占 {share:.0%}",
        f"{int(sowing.sum())} looks at sowing, {int(summer.sum())} in high summer; {share:.0%} of it was seen in both",
    )
    area = float(fields.sum()) * series.pixel_m**2
    if not fields.any():
        return Opinion(False, (looks,), measures={"seen_share": share})
    text = Remark(
        f"五月至六月上旬裸土、8月下旬仍浓绿的地块约 {area:.0f} 平方米",
        f"about {area:.0f} m² bare in May and still dense late in August",
    )
    return Opinion(True, (text, looks), measures={"seen_share": share, "tall_m2": area}, where=fields)


def _late(site: Site) -> bool:
    """Only from late August on can a tall crop be told from wheat."""
    return site.today >= dt.date(site.today.year, 8, 20)


def no_river(series: PatchSeries) -> Remark | None:
    """A sentence where too little water lies around a patch for a river."""
    return open_water.no_water(series, RIVER_M2)


DETECTOR = Detector(
    id="river_protection",
    name_zh="河道保护",
    name_en="River protection",
    # Ice that welled up lasts to the middle of May; high water and crops hide the ground in July and August.
    seasons=(Season((5, 25), (6, 25)), Season((9, 1), (9, 30))),
    transitions=(
        Transition(WATER, BUILT, 1.0, "水面填占变建设", "water filled and built on"),
        Transition(WATER, BARE, 0.9, FILL.zh, FILL.en),
        Transition(VEGETATION, BUILT, 1.0, "滩地变建设", "flats to built"),
        Transition(VEGETATION, BARE, 1.0, "滩地剥离或堆弃", "flats stripped or dumped on"),
        Transition(BARE, BUILT, 0.9, "滩地裸地变建设", "bare flats to built"),
        Transition(BARE | VEGETATION, WATER, 0.9, PIT.zh, PIT.en),
        Transition(VEGETATION - {Surface.CROP} | BARE, frozenset({Surface.CROP}), 0.8, "滩地种植", "flats sown"),
        Transition(BARE, BARE, 0.8, "滩地翻动或采砂", "flats worked on"),
        Transition(WATER, VEGETATION, 0.6, "水面变植被", "water to vegetation"),
    ),
    layers=("river_scope",),
    ground=("river_scope",),
    history=History(
        seasons=(Season((5, 5), (6, 25)), Season((7, 20), (9, 30))), years=8, ring_m=800.0, bands=(*SIX, "rededge1")
    ),
    judge=judge,
    own_by_look=no_river,
    watches=(
        Watch(
            "river_scope",
            History(
                (plant_cover.SOWING, plant_cover.HIGH_SUMMER, plant_cover.AFTER_HARVEST), 1, 100.0, (*SIX, "rededge1")
            ),
            _late,
            tall_fields,
            TALL,
        ),
    ),
    surveys=(Survey(Season((5, 25), (9, 30)), 6, SIX, ("river_scope",), new_fill, FILL),),
)

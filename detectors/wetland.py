"""湿地保护监督: wetland drained, filled, cropped or built on; straight ditches; roads that cut its flow."""

import numpy as np

from detectors.core import open_water, plant_cover, river_channel
from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.history import (
    SIX,
    SURVEY_HIGH,
    SURVEY_LOW,
    History,
    Opinion,
    PatchSeries,
    Remark,
    Season,
    Survey,
    Years,
)
from detectors.core.lasting_loss import burnt
from detectors.core.moisture import Moisture, moisture, since_years
from detectors.core.shapes import compactness, masked_mean, straight_lines, whole_lines
from detectors.core.surroundings import ramp, smooth
from detectors.core.timelogic import CHAR_NBR, CHAR_NDTI, SOIL_NDVI, below_soil, within
from detectors.core.types import BARE, BUILT, VEGETATION, WATER, Detector, Surface, Transition

DRAINED = Remark("湿地疏干", "wetland drained")
DITCH = Remark("湿地内开挖沟渠", "ditch dug through wetland")
ROAD = Remark("湿地内修路", "road through wetland")
SOWN = Remark("湿地开垦种植", "wetland ploughed and sown")
NEW_LINE = Remark("湿地内新增直线沟渠", "new straight ditch through wetland")
DRYING = Remark("湿地逐年变干", "wetland drying from year to year")

DRY = 0.10
"""NDMI below what is usual and what the basin does, from which a patch is drier; half a green-up's worth."""

ALONE = 0.20
"""The same for a summer that stands alone: dry weeks and grazing do less."""

RESTORED = 0.05
"""Less than this is none: looks differ by about so much."""

DEPTH = 0.009
"""Least depth of a dark line, mean reflectance of 0.84 and 1.6 µm: of a wet ditch of 3 m in pixels of 10 m it is 0.015,
of one of 2 m 0.010; of meadow without one it is 0.006 on one pixel in a hundred (docs/design/models.md)."""

PALE_PART = 0.1
"""Part of a dark line's depth by which turned earth is brighter than its flanks at 2.2 µm; ditches are not."""

TIMES_NOISE = 6.0
"""Least depth over the median depth of the ground's own lines."""

SOIL_NDTI, LITTER_NDTI = (0.12, 0.09, 0.06), (0.10, 0.15)
"""NDTI to which a sown field is grown, from which it makes one, and from which on ground is soil; at which it begins
to be litter, and is: tilled soil 0.04–0.08, 0.09–0.11 on dark or greening ground, drained marsh 0.14–0.16, marsh 0.2.
"""

BLACK_MIRBI = 2.0
"""MIRBI halfway from soil (1.75–1.87) to char (2.2), of the mean of a pixel's neighbours."""

NEARBY_PX, LINE_NEARBY_PX = 97, 85
"""Edge of the window that stands for a pixel's basin, and for the ground of a line: with the reach of a line, and of
what is drawn along it, that stays within `SURVEY_REACH_PX`."""

WAS_WATER = 0.15
"""Share of a patch that a survey found which was open water before, for water to be what it is about."""

STRIP_PX, STRIP_LENGTH = 4.0, 6.0
"""Width at most, and length over width at least, of a ditch or road."""


def judge(series: PatchSeries) -> Opinion:
    """A patch of wetland: cut and grown again, as wet as ever, or drained, filled, sown, cut through."""
    wet_by_week = moisture(series) if series.transition else since_years(series)
    first = series.first_seen
    if first is None:
        return Opinion(True, (wet_by_week.remark(),), unsure=True)
    measures = {"ndmi_deficit": wet_by_week.deficit, "ndmi_own": wet_by_week.own, "ndmi_basin": wet_by_week.basin}
    hay = plant_cover.mown(series)
    if hay is not False:
        text = plant_cover.HAY_OR_NOT if hay is None else plant_cover.HAY
        return Opinion(hay is None, (text, wet_by_week.remark()), measures=measures, unsure=hay is None)
    since = np.array([day >= first for day in series.days], np.bool_)
    soil = plant_cover.bare_soil(series, series.inside)[since]
    soil = soil[np.isfinite(soil)]
    bare = float(soil.mean()) if soil.size else float("nan")
    measures |= {"bare_looks": bare}
    found = DETECTOR.transitions[series.transition - 1] if series.transition else None
    char = burnt(series) or _spring_fire(series, first.year)
    if char is not None:
        return Opinion(False, (char, wet_by_week.remark()), measures=measures)
    water = open_water.wet(series)
    laid = river_channel.by_itself(series, water)
    if laid is not None:
        return Opinion(False, (laid, wet_by_week.remark()), measures=measures)
    crop = plant_cover.crop_of(series, first.year)
    if crop.came_up and not _strip(series, since):
        bare_then = max(crop.sown, crop.tilled)
        text = Remark(
            f"播种期裸土占 {bare_then:.0%}，夏季 NDVI 最高 {crop.peak:.2f}：种植",
            f"bare on {bare_then:.0%} of the looks at sowing, NDVI up to {crop.peak:.2f} in summer: sown",
        )
        return Opinion(True, (text, wet_by_week.remark()), SOWN, measures)
    back = _recovered(series, since)
    if back is not None:
        return Opinion(False, (back, wet_by_week.remark()), measures=measures)
    strip = _strip(series, since)
    if strip is not None:
        return Opinion(True, (*_sides(series, since), wet_by_week.remark()), strip, measures)
    if (found is not None and WATER in (found.before, found.after)) or (found is None and _was_water(series)):
        return _water(series, found, wet_by_week, measures)
    return _dry(series, found, bare, wet_by_week, measures)


def _spring_fire(series: PatchSeries, year: int) -> Remark | None:
    """A sentence where the marsh was char at sowing time: it greens again by summer, as a crop does."""
    looks = plant_cover.looks_of(series, plant_cover.SOWING, year)
    past = np.array([series.last_before is not None and day <= series.last_before for day in series.days], np.bool_)
    spring = past & within(series, plant_cover.SOWING)
    wet = plant_cover.median_of(series.level("mndwi", series.inside), looks)  # water is dark in the infrared too
    if wet > 0 or not plant_cover.charred(series, looks, spring, plant_cover.SURE_MIRBI):
        return None
    return Remark("播种期为炭黑地面：春季火烧后返青", "char at sowing time: marsh that burnt in spring")


def _dry(
    series: PatchSeries, found: Transition | None, bare: float, wet: Moisture, measures: dict[str, float]
) -> Opinion:
    """Bare ground stands; ground with plants on it must be drier than its weeks and its basin."""
    if bare >= 0.5 or (found is not None and found.after == BUILT):
        text = Remark(
            f"变化后 {bare:.0%} 的影像为裸土或硬化地面", f"soil or sealed ground on {bare:.0%} of the looks since"
        )
        return Opinion(True, (text, wet.remark()), measures=measures)
    if not wet.known:
        return Opinion(True, (wet.remark(),), measures=measures, unsure=True)
    if wet.deficit >= DRY:
        return Opinion(True, (wet.remark(),), DRAINED, measures)
    gone = open_water.gave_way(series)
    if gone is not None:
        return Opinion(True, (gone, wet.remark()), measures=measures)
    text = Remark(
        "仍有植被，湿度与多年同期及周边一致", "plants stand, and it is as wet as in other years and as its basin"
    )
    return Opinion(False, (text, wet.remark()), measures=measures)


def _recovered(series: PatchSeries, since: BoolArray) -> Remark | None:
    """Reed that was cut in winter, or ground under snowmelt, is as green and wet as its ring later in that summer."""
    green = series.level("ndvi", series.inside)
    summer = np.array([(7, 1) <= (day.month, day.day) <= (8, 14) for day in series.days], np.bool_) & np.isfinite(green)
    seen = np.flatnonzero(since & summer)
    if seen.size < 2:
        return None
    late = np.zeros(len(series.days), np.bool_)
    late[seen[-2:]] = True
    until = np.array([series.last_before is not None and day <= series.last_before for day in series.days], np.bool_)
    usual, worst = plant_cover.median_of(green, until & summer), float(np.nanmin(green[since]))
    now, wet = plant_cover.median_of(green, late), moisture(series, late)
    if worst > 0.85 * usual:
        return None
    if not (now >= 0.92 * usual and wet.known and wet.deficit < RESTORED):
        return None
    return Remark(
        f"同年后期两期 NDVI 恢复至 {now:.2f}（往年 {usual:.2f}），湿度正常：收割或融雪影响",
        f"NDVI back to {now:.2f} later that summer (usual {usual:.2f}) and as wet as ever: cut reed, or snowmelt",
    )


def _was_water(series: PatchSeries) -> bool:
    """Whether a good part of a patch that a survey found was open water before."""
    until = np.array([series.last_before is not None and day <= series.last_before for day in series.days], np.bool_)
    was = open_water.part(open_water.wet(series), series.inside)[until]
    was = was[np.isfinite(was)]
    return bool(was.size) and float(np.median(was)) >= WAS_WATER


def _water(series: PatchSeries, found: Transition | None, wet: Moisture, measures: dict[str, float]) -> Opinion:
    """Open water that came or went: only where the rest of the water in the window did not, and no river moved."""
    compared = open_water.compare(series, open_water.wet(series))
    if compared is None:
        return Opinion(True, (wet.remark(),), measures=measures, unsure=True)
    moved = river_channel.banks(compared.was, compared.now)
    measures |= {"water_before": compared.was_inside, "water_after": compared.now_inside}
    natural = _river(series, moved)
    if natural is not None:
        return Opinion(False, (natural, compared.remark()), measures=measures)
    if found is None or found.before == WATER:
        depth = open_water.depth_of(moved.lost & series.inside)
        elsewhere = open_water.retreat(moved.lost, moved.before, series.inside, depth)
        measures |= {"retreat_elsewhere": elsewhere}
        if elsewhere >= 0.3:
            text = Remark(
                f"附近其他水面边缘 {elsewhere:.0%} 同样退水：来水减少或干旱",
                f"{elsewhere:.0%} of the other water's edge fell dry as well: a dry year",
            )
            return Opinion(False, (text, compared.remark()), measures=measures)
    changed = (moved.lost | moved.gained) & series.inside
    gone = open_water.gave_way(series) if found is not None and found.after == WATER else None
    if gone is None and compared.like and changed.sum() < 0.3 * series.inside.sum():
        text = Remark(
            "水位相近时该处此前状态相同：仅为水位变化", "at like level it was the same before: the water level only"
        )
        return Opinion(False, (text, compared.remark()), measures=measures)
    if gone is not None:
        return Opinion(True, (gone, compared.remark()), measures=measures)
    return Opinion(True, (compared.remark(), wet.remark()), measures=measures, unsure=not compared.like)


def _river(series: PatchSeries, moved: river_channel.Banks) -> Remark | None:
    """A sentence where a channel moved: the other bank did as much, or ragged ground came or went along its water."""
    balance, shape = moved.compensation(series.inside), compactness(series.inside)
    if moved.moved_by_itself(series.inside):
        zh = f"对岸同时变化（补偿比{balance:.2f}）：河道自然变迁"
        return Remark(zh, f"the other bank moved {balance:.2f} times as much: a river")
    ragged = shape.rectangle < river_channel.COMPACT
    if not (ragged and river_channel.beside_water(series.inside, moved.before & ~series.inside)):
        return None
    return Remark("紧邻水面且形状不规整：河道或岸线自然变化", "ragged, along the water: a bank that moved by itself")


def _strip(series: PatchSeries, since: BoolArray) -> Remark | None:
    """A long narrow patch is a ditch where it is dark in the infrared, a road where it is pale; None where wide."""
    shape = compactness(series.inside)
    if shape.width_px > STRIP_PX or shape.elongation < STRIP_LENGTH:
        return None
    inside, ring = (
        plant_cover.median_of(series.level("swir16", where), since) for where in (series.inside, series.ring)
    )
    return DITCH if inside < ring else ROAD


def _sides(series: PatchSeries, since: BoolArray) -> tuple[Remark, ...]:
    """What a line parts: how the wetness of its two sides came apart since."""
    rows, columns = np.nonzero(series.inside)
    centred = np.stack([rows - rows.mean(), columns - columns.mean()])
    normal = np.linalg.eigh(centred @ centred.T)[1][:, 0]
    grid = np.indices(series.inside.shape)
    place = (grid[0] - rows.mean()) * normal[0] + (grid[1] - columns.mean()) * normal[1]
    one, other = (series.level("ndmi", series.ring & side) for side in (place > 0, place < 0))
    gap = plant_cover.median_of(one - other, since) - plant_cover.median_of(one - other, ~since)
    if not np.isfinite(gap):
        return ()
    return (
        Remark(f"两侧湿度差较此前变化 {abs(gap):.2f}", f"the wetness of its two sides came apart by {abs(gap):.2f}"),
    )


def ditches(years: Years) -> FloatArray:
    """Dark straight lines in the last May that no May before had: 0.5 = at the limit of `DEPTH` and `TIMES_NOISE`."""
    picture = (years.band("nir") + years.band("swir16")) / np.float32(2)
    lines = [straight_lines(one, years.pixel_m) for one in picture]
    score = _new_line(np.stack([one.depth for one in lines]), years.ground)
    score = _not_turned(score, lines[-1].depth, straight_lines(years.band("swir22")[-1], years.pixel_m, True).depth)
    return whole_lines(score, lines[-1], picture[-1], years.pixel_m, SURVEY_LOW, SURVEY_HIGH)


def _not_turned(score: FloatArray, depth: FloatArray, pale: FloatArray) -> FloatArray:
    """The score of lines that are no brighter at 2.2 µm than their flanks; 0 of others.

    Earth that was turned over, as a firebreak's, is brighter there than grass and its litter; water and peat are not.

    Args:
        score: (H, W) of lines, NaN = not observed.
        depth: (H, W) how dark they are.
        pale: (H, W) how bright they are at 2.2 µm.
    """
    from scipy import ndimage

    label, count = ndimage.label(np.nan_to_num(score) >= SURVEY_LOW, np.ones((3, 3), np.bool_))
    bright, dark = (ndimage.mean(np.nan_to_num(one), label, np.arange(count + 1)) for one in (pale, depth))
    turned = bright > PALE_PART * dark
    turned[0] = False
    return np.where(turned[label], np.float32(0), score)


def _new_line(depth: FloatArray, ground: BoolArray) -> FloatArray:
    seen = np.isfinite(depth)
    before = np.where(seen[:-1], depth[:-1], 0).max(axis=0, initial=0)
    known = seen[-1] & seen[:-1].any(axis=0) & ground
    # what the ground around always shows by chance is no old ditch, and a ditch must be far deeper
    usual = masked_mean(np.minimum(depth[-1], np.float32(DEPTH)), seen[-1], LINE_NEARBY_PX)
    usual = np.where(np.isfinite(usual), usual, np.float32(0))
    old = np.maximum(open_water.widest(before, 2) - 3 * usual, 0)
    limit = np.maximum(DEPTH, TIMES_NOISE * usual)
    return np.where(known, np.clip((depth[-1] - old) / (2 * limit), 0, 1), np.nan).astype(np.float32)


def drying(years: Years) -> FloatArray:
    """Ground drier for two summers than in any before, beyond what the basin did: 0.5 = `DRY` below usual.

    Grass that is mown one year and not the next swings as far, so the two must lie below every year before by half of
    that, and their neighbours with them.
    """
    ndmi = years.index("ndmi")
    if len(ndmi) < 5:
        return np.full(years.ground.shape, np.nan, np.float32)
    own = np.stack([one - masked_mean(one, years.ground & np.isfinite(one), NEARBY_PX) for one in ndmi])
    own = np.stack([masked_mean(one, years.ground & np.isfinite(one), 5) for one in own])
    twice = _below(own[:-2], np.max(own[-2:], axis=0), DRY)
    once = np.fmax(_below(own[:-1], own[-1], ALONE), np.minimum(_below(own[:-2], own[-2], ALONE), twice + 0.25))
    enough = np.isfinite(own[:-2]).sum(axis=0) >= 3
    score = np.fmax(twice, once)
    return np.where(years.ground & enough, np.clip(score, 0, 1), np.nan).astype(np.float32)


def _below(before: FloatArray, now: FloatArray, by: float) -> FloatArray:
    """(H, W) how far a level lies under what was usual and under the lowest of the years before: 0.5 = by so much."""
    usual = plant_cover.nan_median(before)
    lowest = np.min(np.where(np.isfinite(before), before, np.float32(np.inf)), axis=0)
    return np.asarray(np.minimum((usual - now) / (2 * by), (lowest - now) / by), np.float32)


def sown(years: Years) -> FloatArray:
    """Soil in every May from some year on, litter in every May before it: 1; neither: 0.

    Marsh that was cut or mown shows litter, burnt marsh char; only what was turned over shows soil.
    """
    one, other = years.band("swir16"), years.band("swir22")
    with np.errstate(invalid="ignore", divide="ignore"):
        straw = (one - other) / np.maximum(one + other, np.float32(1e-3))
        straw = np.stack([smooth(look) for look in straw])
        char = (straw < CHAR_NDTI) & (below_soil(years.index("nbr"), years.index("ndvi")) < CHAR_NBR)
        char |= np.stack([smooth(look) for look in 10 * other - 9.8 * one + 2]) > BLACK_MIRBI
        bare = (years.index("ndvi") < SOIL_NDVI) & (years.index("mndwi") < 0) & ~char
        soil = np.where(bare, np.interp(-straw, [-one for one in SOIL_NDTI], (SURVEY_LOW, SURVEY_HIGH, 1)), 0)
        soil = np.where(straw > SOIL_NDTI[0], np.float32(0), soil.astype(np.float32))
        litter = ramp(straw, *LITTER_NDTI)
    seen = np.isfinite(straw)
    soil, litter = np.where(seen, soil, np.float32(1)), np.where(seen, litter, np.float32(1))
    score = np.zeros(years.ground.shape, np.float32)
    for first in range(1, len(years.years)):
        known = seen[:first].any(axis=0)
        score = np.fmax(score, known * np.minimum(litter[:first].min(axis=0), soil[first:].min(axis=0)))
    # water has the NDTI of litter: where it stood in most springs a river laid a bar, or somebody filled it
    with np.errstate(invalid="ignore"):
        flooded = (years.index("mndwi")[:-1] > 0).sum(axis=0) >= np.maximum(seen[:-1].sum(axis=0), 1) / 2
    score[flooded] = 0
    told = years.ground & seen[-1] & seen[:-1].any(axis=0)
    return np.where(told, score, np.nan).astype(np.float32)


DETECTOR = Detector(
    id="wetland",
    name_zh="湿地保护监督",
    name_en="Wetland",
    # Snowmelt stands to the end of May; reed is cut from November to March and hay from the middle of August.
    seasons=(Season((6, 15), (8, 31)),),
    transitions=(
        Transition(VEGETATION | WATER, BUILT, 1.0, "湿地填占变建设", "wetland filled and built on"),
        Transition(VEGETATION, BARE, 1.0, "湿地剥离或填埋", "wetland stripped or filled"),
        Transition(WATER, BARE, 1.0, "湿地水面填占", "open water filled"),
        Transition(BARE, BUILT, 0.9, "湿地裸地变建设", "bare ground to built"),
        Transition(WATER, VEGETATION, 0.8, "湿地水面消失", "open water to plants"),
        Transition(frozenset({Surface.WET_VEGETATION}), frozenset({Surface.CROP}), 0.8, SOWN.zh, SOWN.en),
        Transition(frozenset({Surface.WET_VEGETATION}), frozenset({Surface.GRASS}), 0.8, DRAINED.zh, DRAINED.en),
        Transition(VEGETATION | BARE, WATER, 0.9, "湿地挖塘", "pond dug in wetland"),
    ),
    layers=("wetland", "reserve_zones"),
    ground=("wetland",),
    history=History(seasons=(Season((5, 5), (8, 31)),), years=6, ring_m=400.0),
    judge=judge,
    surveys=(
        Survey(Season((5, 5), (6, 5)), 4, SIX, ("wetland",), ditches, NEW_LINE, "median"),
        Survey(Season((6, 15), (8, 14)), 6, SIX, ("wetland",), drying, DRYING, "median", judged=True),
        Survey(Season((4, 25), (6, 12)), 4, SIX, ("wetland",), sown, SOWN, "barest", judged=True),
    ),
)

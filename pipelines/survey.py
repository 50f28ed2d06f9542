"""What no pair shows, sought in a block's composites of several years."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask

from aoi.grid import Block, epsg_of, to_crs
from aoi.layers import Layer
from detectors.core.history import SURVEY_HIGH, SURVEY_LOW, SURVEY_REACH_PX, Opinion, Remark, Survey, Years
from detectors.core.types import BoolArray, FloatArray
from imagery.compose import Failure
from imagery.yearly import yearly
from leads.join import join
from leads.vectorize import Fragment, fragments, pixels_near
from pipelines.dating import EARLIEST_SHARE, OBSERVED_SHARE, SHOWN_SHARE, Dating, Sighting, pixels_of
from pipelines.judged import Dated, year_span
from pipelines.law import Law
from pipelines.outputs import SCORE_STEPS, UNSEEN, Looks, Outputs
from pipelines.past import Past, Term
from pipelines.plan import Plan, SurveyTask


def survey_tasks(past: Past, plan: Plan, law: Law) -> tuple[SurveyTask, ...]:
    """The surveys that can run with the layers given, with their imagery brought."""
    tasks = []
    for detector in plan.detectors:
        for number, survey in enumerate(detector.surveys):
            layers = tuple(layer for layer in law.layers if layer.kind in survey.ground)
            if not layers:
                continue
            blocks = [block for block in plan.blocks if _meets(layers, block)]
            years = year_span(past.last, survey.years)
            grounds = [to_crs(_box(block).extent.geom, block.epsg, 4326) for block in blocks]
            terms = [Term(survey.season, years[0], years[-1])]
            scenes = past.bring(terms, grounds, f"survey {detector.id}")
            at_work = replace(
                detector,
                transitions=(),
                threshold_low=SURVEY_LOW,
                threshold_high=SURVEY_HIGH,
                patch_low=None,
                patch_high=None,
            )
            key = f"{detector.id}.survey{number}"
            wanted = tuple(scene for scene in scenes if scene.solar_day <= past.last)
            tasks.append(SurveyTask(key, at_work, survey, layers, wanted, years))
    return tuple(tasks)


def _meets(layers: Sequence[Layer], block: Block) -> bool:
    ground = to_crs(block.geobox.extent.geom, block.epsg, 4326)
    return any(layer.features_in(ground) for layer in layers)


def _box(block: Block) -> GeoBox:
    """The block with as much around it as a survey's score may look at."""
    return replace(block, halo_px=SURVEY_REACH_PX).padded


def survey_block(
    task: SurveyTask, block: Block, mine: BoolArray, outputs: Outputs
) -> tuple[tuple[Fragment, ...], tuple[Failure, ...]]:
    """The pieces that a survey finds in a block, and the scenes that could not be read.

    What each year added is kept for the dating: as `Looks` of which each is a year, with the score on the years up to
    it and the day of each pixel's look in it.

    Args:
        task: the survey.
        block: where.
        mine: (H, W) pixels of the core that are of the block's own zone.
        outputs: keeps the years of a block that has pieces.
    """
    box = _box(block)
    ground = _ground(task.layers, box)
    place = to_crs(box.extent.geom, block.epsg, 4326)
    scenes = [scene for scene in task.scenes if scene.geometry.intersects(place)]
    if not ground.any() or not scenes:
        return (), ()
    survey, season = task.survey, (task.survey.season.first, task.survey.season.last)
    values, days, failures = yearly(scenes, box, survey.bands, season, task.years, survey.choose, ground)
    years = Years(values, survey.bands, task.years, days, ground, block.gsd_m)
    core = np.s_[SURVEY_REACH_PX:-SURVEY_REACH_PX, SURVEY_REACH_PX:-SURVEY_REACH_PX]
    score = _scored(survey, years, len(task.years))[core]
    none = np.zeros(score.shape, np.uint8)
    pieces = fragments(score, none, block.geobox, mine, task.detector)
    if any(piece.pixels for piece in pieces):
        near = pixels_near(pieces, block.geobox)
        scores = [_steps(_scored(survey, years, count)[core], days[count - 1][core]) for count in _counts(task)]
        labels = tuple(dt.date(year, 1, 1) for year in task.years)
        before = days[:, *core].reshape(len(labels), -1)[:, near]
        kept = np.stack([score.ravel()[near] for score in scores])
        looks = Looks(near, kept, labels, before, tuple(range(len(labels))))
        outputs.remember(task.key, block, looks)
    return pieces, failures


def _counts(task: SurveyTask) -> range:
    return range(1, len(task.years) + 1)


def _ground(layers: Sequence[Layer], box: GeoBox) -> BoolArray:
    """(H, W) where any feature of the layers lies."""
    epsg = epsg_of(box)
    place = to_crs(box.extent.geom, epsg, 4326)
    features = [one.geometry for layer in layers for one in layer.features_in(place)]
    if not features:
        return np.zeros(box.shape, np.bool_)
    # a map's polygon may be as large as a banner: only what lies here is reprojected
    shapes = [to_crs(shapely.segmentize(part, 0.01), 4326, epsg) for part in _clipped(features, place)]
    return (
        np.asarray(geometry_mask(shapes, box.shape, box.affine, invert=True)) if shapes else np.zeros(box.shape, bool)
    )


def _clipped(features: Sequence[shapely.Geometry], place: shapely.Geometry) -> list[shapely.Geometry]:
    around = shapely.box(*place.buffer(0.01).bounds)
    return [part for part in shapely.intersection(features, around) if not part.is_empty]


def _scored(survey: Survey, years: Years, count: int) -> FloatArray:
    """(H, W) score on the first so many years: 0 off the model's own ground, NaN = not observed."""
    first = replace(years, values=years.values[:count], years=years.years[:count], days=years.days[:count])
    score = np.where(years.ground, survey.score(first), np.float32(0))
    return np.asarray(score, np.float32)


def _steps(score: FloatArray, days: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Quantised; unseen also where the newest year has no look of its own."""
    seen = np.isfinite(score) & (days > 0)
    return np.where(seen, np.round(np.nan_to_num(score) * SCORE_STEPS), UNSEEN).astype(np.uint8)


@dataclass
class _Tally:
    """Pixels of one patch by year."""

    pixels: int
    observed: Counter[int]
    shown: Counter[int]
    days: dict[int, Counter[int]]


def surveyed(
    plan: Plan, blocks: Sequence[Block], pieces: Mapping[str, Iterable[Fragment]], dating: Dating, outputs: Outputs
) -> list[Dated]:
    """The patches of all surveys that touch the AOI, dated from their years.

    Args:
        plan: with its surveys.
        blocks: those that were worked.
        pieces: of all of them, by a survey's key.
        dating: knows which blocks a patch touches.
        outputs: holds the years.
    """
    found = []
    for task in plan.surveys:
        joined = join(pieces.get(task.key, ()), task.detector, [block.geobox for block in blocks])
        patches = [patch for patch in joined if patch.geometry.intersects(plan.aoi.geometry)]
        tallies = [_Tally(0, Counter(), Counter(), {}) for _ in patches]
        for block, indices in dating.by_block(patches):
            looks = outputs.looks(task.key, block)
            if looks is None:
                continue
            for index in indices:
                _count(tallies[index], looks.at(pixels_of(block, patches[index].geometry)))
        detector = next(one for one in plan.detectors if one.id == task.detector.id)
        for patch, tally in zip(patches, tallies, strict=True):
            sighting = _sighting(tally)
            if sighting is not None:
                told = _opinion(task, sighting)
                found.append(Dated(detector, patch, sighting, told, "survey", task.survey.judged))
    return found


def _count(tally: _Tally, looks: Looks) -> None:
    tally.pixels += len(looks.pixels)
    low = round(SURVEY_LOW * SCORE_STEPS)
    for number, label in enumerate(looks.days):
        scores, days = looks.scores[number], looks.before[number]
        seen = scores != UNSEEN
        tally.observed[label.year] += int(seen.sum())
        tally.shown[label.year] += int((seen & (scores >= low)).sum())
        ordinals, counts = np.unique(days[seen], return_counts=True)
        tally.days.setdefault(label.year, Counter()).update(dict(zip(ordinals.tolist(), counts.tolist(), strict=True)))


def _sighting(tally: _Tally) -> Sighting | None:
    """From the last year that did not show it to the first from which on it always did."""
    seen = sorted(year for year, count in tally.observed.items() if count and count >= OBSERVED_SHARE * tally.pixels)
    shows = [year for year in seen if tally.shown[year] >= SHOWN_SHARE * tally.observed[year]]
    if not shows:
        return None
    quiet = [year for year in seen if year not in shows]
    since = [year for year in shows if not quiet or year > max(quiet)] or shows[-1:]
    before = [year for year in seen if year < since[0]]
    first_seen = _most_common(tally.days[since[0]])
    last_before = _earliest(tally.days[before[-1] if before else since[0]])
    days = sorted({_most_common(tally.days[year]) for year in since})
    return Sighting(min(last_before, first_seen), first_seen, tuple(days), len(seen))


def _most_common(days: Counter[int]) -> dt.date:
    return dt.date.fromordinal(min(days, key=lambda day: (-days[day], day)))


def _earliest(days: Counter[int]) -> dt.date:
    enough = EARLIEST_SHARE * days.total()
    return dt.date.fromordinal(min(day for day, count in days.items() if count >= enough))


def _opinion(task: SurveyTask, sighting: Sighting) -> Opinion:
    first, last = task.years[0], task.years[-1]
    remark = Remark(
        f"{first}–{last} 年同季逐年合成影像比对，{sighting.first_seen.year} 年起可见",
        f"shown by composites of one season of {first} to {last}, from {sighting.first_seen.year} on",
    )
    return Opinion(stands=True, remarks=(remark,), change=task.survey.change)

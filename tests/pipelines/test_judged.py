"""Patches held against their history: which are heard, and what is said of one in the end."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import box

from aoi.grid import Block, blocks_of, to_crs
from aoi.model import Aoi
from detectors.core.history import Opinion, Remark
from detectors.core.reader import TrainingFreeReader
from detectors.core.registry import all_detectors
from leads.model import Patch
from leads.vectorize import fragments, pixels_near
from pipelines.dating import Dating, Sighting
from pipelines.judged import Dated, _beside
from pipelines.outputs import SCORE_STEPS, Looks, Outputs
from pipelines.plan import Plan, SurveyTask
from pipelines.report import _held
from pipelines.survey import surveyed

DAY = dt.date(2024, 7, 20)
SEEN, SAID = Remark("所见", "seen"), Remark("所说", "said")
NAME, OTHER = Remark("开垦", "ploughed"), Remark("疑似开垦", "ploughed by its look")


def dated(place: float, to_judge: bool) -> Dated:
    patch = Patch("grassland", box(place, 49.2, place + 0.001, 49.201), 0.9, 0.8, 1, 8e3, 7e3, 9e3, 10.0)
    sighting = Sighting(DAY, DAY, (DAY,), 1)
    return Dated(all_detectors()["grassland"], patch, sighting, origin="survey", to_judge=to_judge)


def test_only_those_that_ask_for_it_are_held_against_their_history() -> None:
    plain, doubtful, sound = dated(119.5, False), dated(119.6, True), dated(119.7, True)
    heard: list[Dated] = []

    def judge(asked: Sequence[Dated]) -> list[Dated]:
        heard.extend(asked)
        return [one for one in asked if one is not doubtful]

    assert _held([doubtful, plain, sound], judge) == [plain, sound]
    assert heard == [doubtful, sound]


def test_nobody_is_asked_where_none_wants_it() -> None:
    def never(asked: Sequence[Dated]) -> list[Dated]:
        raise AssertionError("a judge was asked about nothing")

    plain = dated(119.5, False)
    assert _held([plain], never) == [plain]


def test_what_a_model_makes_of_a_patch_stands_before_what_was_said_of_it() -> None:
    own = Opinion(True, (SEEN,), measures={"looks": 3.0})
    told = Opinion(True, (SAID, SEEN), change=OTHER, measures={"other": 1.0}, unsure=True)
    both = _beside(own, told)
    assert both is not None
    assert both.remarks == (SEEN, SAID)  # each once
    assert both.change == OTHER
    assert (both.unsure, dict(both.measures)) == (False, {"looks": 3.0})
    named = _beside(replace(own, change=NAME), told)
    assert named is not None
    assert named.change == NAME
    assert _beside(None, told) is told
    assert _beside(own, None) is own
    assert _beside(None, None) is None


@pytest.mark.parametrize("judged", [True, False])
def test_a_surveys_patch_asks_for_its_judge_as_the_survey_says(tmp_path: Path, judged: bool) -> None:
    detector = all_detectors()["grassland"]
    survey = replace(detector.surveys[0], judged=judged)
    at_work = replace(detector, transitions=(), threshold_low=0.3, threshold_high=0.5, patch_low=None, patch_high=None)
    ground = box(119.5, 49.2, 119.52, 49.21)
    block: Block = blocks_of(ground, 10.0, size_px=128)[0]
    years = (2022, 2023, 2024)
    task = SurveyTask("grassland.survey0", at_work, survey, (), (), years)
    area = to_crs(block.geobox.extent.geom, block.epsg, 4326)
    plan = Plan(
        Aoi("here", "此处", "here", area), 10.0, (block,), (), (), (), (DAY,), (detector,), TrainingFreeReader(), True,
        (), surveys=(task,),
    )  # fmt: skip
    score = np.zeros(block.geobox.shape, np.float32)
    score[40:60, 40:70] = 0.9
    owned = np.ones(score.shape, np.bool_)
    pieces = fragments(score, np.zeros(score.shape, np.uint8), block.geobox, owned, at_work)
    shown = np.round(score * SCORE_STEPS).astype(np.uint8)
    scores = np.stack([np.zeros_like(shown), shown, shown])  # shown from the second year on
    days = np.stack([np.full(score.shape, dt.date(year, 5, 20).toordinal(), np.int32) for year in years])
    outputs = Outputs(plan, tmp_path / "out", tmp_path, scores=False)
    try:
        near = pixels_near(pieces, block.geobox)
        seen, ordinals = (planes.reshape(3, -1)[:, near] for planes in (scores, days))
        labels = tuple(dt.date(year, 1, 1) for year in years)
        outputs.remember(task.key, block, Looks(near, seen, labels, ordinals, (0, 1, 2)))
        (found,) = surveyed(plan, [block], {task.key: pieces}, Dating([block], outputs), outputs)
    finally:
        outputs.discard()
    assert (found.to_judge, found.origin, found.detector) == (judged, "survey", detector)
    assert (found.sighting.last_before, found.sighting.first_seen) == (dt.date(2022, 5, 20), dt.date(2023, 5, 20))


def test_shipped_surveys_that_ask_for_a_judge_have_one() -> None:
    asking = Counter(one.id for one in all_detectors().values() for survey in one.surveys if survey.judged)
    assert asking == Counter(black_soil=2, grassland=1, hulun_lake=2, wetland=2)
    assert all(all_detectors()[name].judge is not None for name in asking)
    assert all(all_detectors()[name].history is not None for name in asking)

"""Which pixels of a block a patch holds, and what looks remember of them."""

import datetime as dt
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import shapely
from rasterio.features import geometry_mask

from aoi.grid import Block, owned, to_crs
from detectors.core.history import Season
from detectors.core.types import BARE, VEGETATION, Detector, Transition
from leads.model import Patch
from pipelines import report
from pipelines.dating import _count, _sighting, _Tally, certain, pixels_of
from pipelines.judged import Account
from pipelines.outputs import SCORE_STEPS, UNSEEN, Looks

BLOCK = Block(32650, 10.0, 50, 5460, size_px=100)


def _by_the_whole_block(geometry: shapely.Geometry) -> np.ndarray:
    grid = BLOCK.geobox
    shape = to_crs(geometry, 4326, BLOCK.epsg)
    return np.flatnonzero(geometry_mask([shape], grid.shape, grid.affine, invert=True) & owned(grid))


def test_pixels_of_a_patch_are_those_of_the_whole_block_wherever_it_lies() -> None:
    left, bottom, right, top = BLOCK.geobox.extent.geom.bounds
    for x, y, radius in (
        (left + 333, bottom + 487, 61),
        (left - 5, top + 3, 130),
        (right, bottom, 200),
        (left + 512, bottom + 512, 4),
        (left + 500, bottom + 500, 5000),
    ):
        circle = to_crs(shapely.Point(x, y).buffer(radius), BLOCK.epsg, 4326)
        np.testing.assert_array_equal(pixels_of(BLOCK, circle), _by_the_whole_block(circle))
    beyond = to_crs(shapely.Point(right + 900, top).buffer(80), BLOCK.epsg, 4326)
    assert len(pixels_of(BLOCK, beyond)) == 0


def test_pixels_that_looks_do_not_hold_were_not_observed() -> None:
    held = np.array([7, 8, 12], np.int32)
    scores = np.array([[10, 20, 30], [40, 50, UNSEEN]], np.uint8)
    looks = Looks(held, scores, (dt.date(2025, 7, 1), dt.date(2025, 7, 9)), np.array([[1, 2, 3]], np.int32), (0, 0))
    asked = looks.at(np.array([0, 8, 12, 99], np.int32))
    assert asked.scores.tolist() == [[UNSEEN, 20, 30, UNSEEN], [UNSEEN, 50, UNSEEN, UNSEEN]]
    assert asked.before.tolist() == [[0, 2, 3, 0]]
    none = np.empty(0, np.int32)
    empty = Looks(none, np.empty((2, 0), np.uint8), looks.days, np.empty((1, 0), np.int32), (0, 0)).at(held)
    assert (empty.scores == UNSEEN).all()
    assert empty.before.shape == (1, 3)


MODEL = Detector(
    id="mine",
    name_zh="矿",
    name_en="Mine",
    seasons=(Season((5, 1), (9, 30)),),
    transitions=(Transition(VEGETATION, BARE, 1.0, "剥离", "stripped"), Transition(BARE, BARE, 0.8, "翻动", "moved")),
    patch_low=0.5,
    patch_high=0.75,
)
DAYS = tuple(dt.date(2025, month, 9) for month in (5, 6, 7, 8, 9))


def _seen(*certainties: float, transition: int = 1, sure_looks: int = 2) -> Any:
    """The sighting of ten pixels that looks were so certain of, all of them alike."""
    scores = np.repeat(np.round(np.array(certainties, np.float32) * SCORE_STEPS).astype(np.uint8)[:, None], 10, axis=1)
    before = np.full((1, 10), dt.date(2024, 7, 9).toordinal(), np.int32)
    looks = Looks(np.arange(10, dtype=np.int32), scores, DAYS[: len(scores)], before, (0,) * len(scores))
    tally = _Tally(0, Counter(), Counter(), [])
    _count(tally, looks, round(0.5 * SCORE_STEPS), round(certain(MODEL, transition) * SCORE_STEPS))
    return _sighting(tally, sure_looks)


def test_what_is_likely_on_many_looks_and_sure_on_one_is_doubted_and_works_are_not() -> None:
    assert _seen(0.8, 0.9, 0.7, 0.6).doubted
    assert _seen(0.8, 0.8, 0.8, 0.8).doubted
    assert not _seen(0.7, 0.95, 0.9, 0.2).doubted
    assert not _seen(0.1, 0.95, 0.9).doubted  # begun on the second look: two since, both sure
    assert not _seen(0.1, 0.1, 0.9, 0.6).doubted  # two looks since are too few to doubt it
    assert _seen(0.8, 0.9, 0.7, 0.6).dates_seen == DAYS[:4]
    assert not _seen(0.8, 0.8, 0.8, 0.8, sure_looks=0).doubted  # left to its judge


def test_a_kind_of_change_that_weighs_less_is_sure_from_what_its_weight_makes_of_it() -> None:
    assert certain(MODEL, 1) == certain(MODEL, 0) == 0.85
    assert certain(MODEL, 2) == 0.8  # no certainty is above its weight
    assert not _seen(0.8, 0.8, 0.8, transition=2).doubted
    assert certain(replace(MODEL, patch_low=None, patch_high=None, threshold_low=0.4), 1) == 0.4


def test_a_doubted_patch_is_no_lead_and_the_account_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    square = shapely.box(119.0, 49.0, 119.01, 49.01)
    patches = [Patch("mine", square, 0.9, 0.8, 1, 1e4, 9e3, 1.1e4, 10.0)] * 2
    dating: Any = SimpleNamespace(sightings=lambda *_: (_seen(0.8, 0.8, 0.8), _seen(0.9, 0.9, 0.9)))
    plan: Any = SimpleNamespace(aoi=SimpleNamespace(geometry=square))
    monkeypatch.setattr(report, "join", lambda *_: patches)
    account = Account()
    kept = report._dated(plan, MODEL, (), dating, account)
    assert [one.sighting.doubted for one in kept] == [False]
    assert [told["count"] for told in account.dropped()["mine"]] == [1]
    assert "fewer than two show it surely" in str(account.dropped()["mine"][0]["reason"])

"""Offsets from cases, on outlines that are made to be off."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from leads.area import LEAST_CASES
from pipelines.exams.areafit import CUT_COVER, Case, calibrated, elsewhere, held


def cases(source: str, places: int, spread_px: float, soft_px: float = 0.2, count: int = 90) -> Iterator[Case]:
    """Outlines of 66 pixels whose ground lies halfway to the score's, but for a normal scatter."""
    random = np.random.default_rng([len(source), int(10 * spread_px), int(10 * soft_px)])
    for number in range(count):
        apart, off = random.uniform(-0.5, 0.5), spread_px * random.normal()
        cut, edge = 6_600.0, 330.0
        true = cut + (0.5 * apart + off) * edge * 10
        score = cut + apart * edge * 10
        place = f"{source} {number % places}"
        yield Case(source, 0.95, score, true, edge, 10.0, cut, edge, apart, soft_px, place)


def test_a_class_takes_the_wider_of_real_and_simulated_ground() -> None:
    real, worlds = list(cases("planted", 4, 0.6)), list(cases("years", 4, 0.2))
    both = calibrated([*real, *worlds], "command").cut[0]
    alone = calibrated(real, "command").cut[0]
    tame = calibrated(worlds, "command").cut[0]
    assert (both.low_px, both.high_px) == (alone.low_px, alone.high_px)
    assert both.high_px - both.low_px > 2 * (tame.high_px - tame.low_px)
    assert (both.real, both.simulated) == (90, 90)


def test_what_is_doubted_has_offsets_of_its_own() -> None:
    sure, doubtful = list(cases("planted", 4, 0.2)), list(cases("planted", 4, 0.9, soft_px=2.0))
    offsets = calibrated([*sure, *doubtful], "command")
    first, last = offsets.cut[0], offsets.cut[-1]
    assert last.high_px - last.low_px > 3 * (first.high_px - first.low_px)
    assert offsets.of_cut(doubtful[0].cut)[1] - offsets.of_cut(sure[0].cut)[1] > 0.5
    assert offsets.cut_share == CUT_COVER


@pytest.mark.parametrize(("few_px", "many_px"), [(0.2, 2.0), (2.0, 0.2)])
def test_a_class_of_few_cases_is_no_narrower_than_its_own_and_than_all_of_its_ground(
    few_px: float, many_px: float
) -> None:
    few = list(cases("planted", 4, few_px, count=LEAST_CASES - 1))
    many = list(cases("planted", 4, many_px, soft_px=2.0, count=300))
    found = calibrated([*few, *many], "command").cut[0]
    assert found.real == LEAST_CASES - 1
    for alone in (few, [*few, *many]):
        offsets = [case.cut_offset_px - case.cut.back_px for case in alone]
        assert np.mean([found.low_px <= off <= found.high_px for off in offsets]) >= CUT_COVER


def test_looks_over_years_say_nothing_of_the_score_s_own_outline() -> None:
    real = list(cases("planted", 4, 0.3))
    assert calibrated([*real, *cases("years", 4, 3.0)], "c").classes == calibrated(real, "c").classes


def test_what_watches_and_surveys_draw_widens_its_class_where_there_is_enough_of_it() -> None:
    real = list(cases("planted", 4, 0.3))
    drawn = [replace(case, cut_m2=0.0) for case in cases("years", 4, 1.5)]
    few, many = (calibrated([*real, *drawn[:count]], "c").classes[-1] for count in (LEAST_CASES - 1, LEAST_CASES))
    alone = calibrated(real, "c").classes[-1]
    assert (few.low_px, few.high_px) == (alone.low_px, alone.high_px)
    assert many.high_px - many.low_px > 2 * (few.high_px - few.low_px)


def test_held_counts_the_truth_and_the_width_about_10_mu() -> None:
    real = list(cases("planted", 4, 0.3))
    offsets = calibrated(real, "command")
    told = held(offsets, real)
    assert told.cases == 90
    assert told.share >= CUT_COVER
    assert 0 < told.width_cases <= 90
    assert 0.3 < told.width < 0.7
    assert math.isnan(held(offsets, ()).share)


def test_one_half_of_the_places_is_held_by_the_offsets_of_the_other() -> None:
    real, worlds = cases("planted", 5, 0.3, count=400), cases("years", 4, 0.2, count=400)
    found = elsewhere([*real, *worlds])
    assert set(found) == {"real", "worlds"}
    assert sum(half.cases for half in found["real"]) == 400
    assert all(half.share == pytest.approx(CUT_COVER, abs=0.05) for half in found["real"])
    assert all(half.share >= CUT_COVER for half in found["worlds"])
    assert elsewhere(list(cases("planted", 1, 0.3))) == {}

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.errors import BadInputError
from pipelines.metrics import evaluate, pool


def auc_by_pairs(score: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """The definition: how often a changed pixel outranks an unchanged one, ties half; NaN lowest."""
    ranked = np.where(np.isnan(score), -np.inf, score)
    wins = [(a > b) + 0.5 * (a == b) for a, b in itertools.product(ranked[truth], ranked[~truth])]
    return float(np.mean(wins))


def array(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def test_counts_at_a_threshold_include_it() -> None:
    found = evaluate(array(0.5, 0.9, 0.6, 0.1, 0.49), np.array([True, True, False, True, False]), 0.5)
    assert (found.tp, found.fp, found.fn, found.tn) == (2, 1, 1, 1)
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == pytest.approx(2 / 3)
    assert found.f1 == pytest.approx(2 / 3)


def test_not_observed_is_no_change_and_ranks_lowest() -> None:
    score = array(np.nan, 0.9, 0.2, np.nan)
    truth = np.array([True, True, False, False])
    found = evaluate(score, truth, 0.5)
    assert (found.tp, found.fp, found.fn, found.tn) == (1, 0, 1, 2)
    assert found.observed_share == 0.5
    assert found.auc == pytest.approx(auc_by_pairs(score, truth)) == pytest.approx(0.625)
    assert found.auc_observed == 1.0


def test_infinite_is_not_observed() -> None:
    found = evaluate(array(np.inf, 0.2), np.array([False, True]), 0.5)
    assert found.fp == 0
    assert found.observed_share == 0.5


def test_ignored_pixels_count_nowhere() -> None:
    score, truth = array(0.9, 0.9, np.nan, 0.1), np.array([True, False, True, False])
    found = evaluate(score, truth, 0.5, ignore=np.array([False, True, True, False]))
    assert (found.tp, found.fp, found.fn, found.tn, found.pixels) == (1, 0, 0, 1, 2)
    assert found.auc == 1.0
    assert found.observed_share == 1.0


scores = st.one_of(st.just(math.nan), st.sampled_from([-2.0, -0.5, 0.0, -0.0, 0.25, 0.5, 0.75, 1.0, 7.0]))


@given(st.lists(st.tuples(scores, st.booleans()), min_size=1, max_size=40))
def test_auc_is_its_definition(pixels: list[tuple[float, bool]]) -> None:
    score, truth = array(*(p[0] for p in pixels)), np.array([p[1] for p in pixels])
    found = evaluate(score, truth, 0.5).auc
    if truth.all() or not truth.any():
        assert math.isnan(found)
    else:
        assert found == pytest.approx(auc_by_pairs(score, truth))


def test_auc_of_fine_scores_is_exact_to_a_thousandth_of_a_percent() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(200_000) < 0.03
    score = rng.normal(0.3 + 0.2 * truth, 0.15).astype(np.float32)
    rank = np.empty(score.size)
    rank[np.argsort(score)] = np.arange(score.size)
    n1 = int(truth.sum())
    exact = (rank[truth].sum() - n1 * (n1 - 1) / 2) / (n1 * (truth.size - n1))
    assert evaluate(score, truth, 0.5).auc == pytest.approx(exact, abs=1e-5)


def test_pooled_parts_are_the_whole() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random((50, 60)) < 0.2
    score = (rng.random((50, 60)) * 0.6 + truth * 0.3).astype(np.float32)
    score[rng.random(score.shape) < 0.1] = np.nan
    whole = evaluate(score, truth, 0.5)
    parts = pool([evaluate(score[rows], truth[rows], 0.5) for rows in (slice(0, 7), slice(7, 33), slice(33, 50))])
    assert parts == whole
    assert parts.auc == pytest.approx(whole.auc, abs=1e-12)
    assert parts.oracle == whole.oracle


def test_pooling_different_thresholds_keeps_the_counts_and_forgets_the_threshold() -> None:
    one = evaluate(array(0.3, 0.1), np.array([True, False]), 0.2)
    two = evaluate(array(0.3, 0.1), np.array([True, False]), 0.4)
    both = pool([one, two])
    assert (both.tp, both.fn, both.tn) == (1, 1, 2)
    assert both.as_json()["threshold"] is None


def test_oracle_is_the_best_f1_of_any_threshold() -> None:
    rng = np.random.default_rng(3)
    truth = rng.random(500) < 0.3
    score = (np.round(rng.random(500) * 32) / 64 + truth * 0.25).astype(np.float32)
    score[::17] = np.nan
    best, threshold = evaluate(score, truth, 0.9).oracle
    assert best == pytest.approx(max(evaluate(score, truth, float(t)).f1 for t in np.unique(score[np.isfinite(score)])))
    assert evaluate(score, truth, threshold).f1 == pytest.approx(best)


def test_oracle_threshold_of_negative_scores() -> None:
    best, threshold = evaluate(array(-3.0, -2.0, -1.0, -0.25), np.array([False, False, True, True]), 0.5).oracle
    assert best == 1.0
    assert -2.0 < threshold <= -1.0


def test_undefined_numbers_are_null_in_json() -> None:
    document = evaluate(array(0.1, 0.2), np.array([False, False]), 0.5).as_json()
    assert document["precision"] is document["recall"] is document["f1"] is document["auc"] is None
    assert document["observed_share"] == 1.0


def test_nothing_observed_is_all_missed() -> None:
    found = evaluate(np.full(4, np.nan, np.float32), np.array([True, False, False, True]), 0.5)
    assert (found.tp, found.fn, found.recall, found.observed_share, found.auc) == (0, 2, 0.0, 0.0, 0.5)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"truth has the shape \(3,\)"):
        evaluate(array(1, 2), np.zeros(3, bool), 0.5)
    with pytest.raises(BadInputError, match="ignore mask"):
        evaluate(array(1, 2), np.zeros(2, bool), 0.5, np.zeros(1, bool))
    with pytest.raises(BadInputError, match="not a number"):
        evaluate(array(1, 2), np.zeros(2, bool), math.nan)

import numpy as np
import pytest

from detectors.core.borders import CELL_PX, REACH_PX, along_borders
from detectors.core.types import BoolArray, FloatArray


@pytest.fixture
def site() -> BoolArray:
    """A field of 60 × 60 px on other ground."""
    where = np.zeros((160, 160), bool)
    where[50:110, 40:100] = True
    return where


def noisy(truth: BoolArray, noise: float = 1.0) -> FloatArray:
    return (truth + np.random.default_rng(5).normal(0, noise, truth.shape)).astype(np.float32)


def guide_of(truth: BoolArray) -> FloatArray:
    rng = np.random.default_rng(6)
    return np.stack([truth + rng.normal(0, 0.05, truth.shape), rng.normal(0, 0.05, truth.shape)]).astype(np.float32)


def test_a_site_becomes_whole_and_keeps_its_edge(site: BoolArray) -> None:
    score = noisy(site)
    smooth = along_borders(score, guide_of(site), np.ones_like(site), (0, 0))
    assert ((smooth > 0.5) == site).mean() > 0.97
    assert ((score > 0.5) == site).mean() < 0.75
    # two pixels inside and outside of the border the step is there
    assert smooth[60:100, 38].mean() < 0.3 < 0.7 < smooth[60:100, 42].mean()


def test_an_edge_that_the_images_do_not_show_is_blurred(site: BoolArray) -> None:
    flat = np.zeros((2, *site.shape), np.float32)
    smooth = along_borders(site.astype(np.float32), flat, np.ones_like(site), (0, 0))
    assert 0.3 < smooth[80, 38:42].mean() < 0.7
    assert smooth[80, 70] == pytest.approx(1, abs=1e-3)


def test_a_constant_score_stays_beside_what_was_not_observed(site: BoolArray) -> None:
    observed = np.ones_like(site)
    observed[70:90, 60:140] = False
    score = np.where(observed, 3.0, np.nan).astype(np.float32)
    guide = np.where(observed, guide_of(site), np.nan)
    smooth = along_borders(score, guide, observed, (0, 0))
    assert np.isnan(smooth[~observed]).all()
    np.testing.assert_allclose(smooth[observed], 3, atol=1e-2)


def test_nothing_observed_is_nothing(site: BoolArray) -> None:
    smooth = along_borders(noisy(site), guide_of(site), np.zeros_like(site), (0, 0))
    assert np.isnan(smooth).all()


@pytest.mark.parametrize(("row", "col"), [(0, 0), (13, 6), (1, 31)])
def test_a_crop_gives_the_same(site: BoolArray, row: int, col: int) -> None:
    score, guide, seen = noisy(site), guide_of(site), np.ones_like(site)
    whole = along_borders(score, guide, seen, (1002, 77))
    part = along_borders(score[row:, col:], guide[:, row:, col:], seen[row:, col:], (1002 + row, 77 + col))
    inner = slice(REACH_PX if row else 0, None), slice(REACH_PX if col else 0, None)
    np.testing.assert_allclose(part[inner], whole[row:, col:][inner], atol=1e-4)


def test_its_reach_is_what_it_says(site: BoolArray) -> None:
    score, guide, seen = noisy(site), guide_of(site), np.ones_like(site)
    changed = score.copy()
    changed[80, 80] += 100
    for offset in range(CELL_PX):
        moved = along_borders(changed, guide, seen, (offset, offset)) - along_borders(
            score, guide, seen, (offset, offset)
        )
        rows, cols = np.nonzero(np.abs(moved) > 1e-4)
        assert max(np.abs(rows - 80).max(), np.abs(cols - 80).max()) <= REACH_PX
        assert max(np.abs(rows - 80).max(), np.abs(cols - 80).max()) >= REACH_PX - 2 * CELL_PX

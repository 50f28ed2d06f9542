import numpy as np
import pytest

from detectors.core import burnt, spectral
from detectors.core.perceptron import Perceptron
from detectors.core.surface_head import FEATURES, SurfaceHead
from detectors.core.types import Surface


def pair(seed=0, shape=(90, 60)):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.02, 0.5, (2, 6, *shape)).astype(np.float32)


@pytest.fixture
def layers():
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(8, burnt.FEATURES)), rng.normal(size=(1, 8))
    return Perceptron(
        tuple(w.astype(np.float32) for w in weights),
        (np.zeros((8, 1), np.float32), np.zeros((1, 1), np.float32)),
    )


def test_probability_is_local(layers):
    before, after = pair()
    first = burnt.probability(layers, before, after)
    after[:, 45, 30] = 0.9
    rows, cols = np.nonzero(first != burnt.probability(layers, before, after))
    assert len(rows)
    reach = max(burnt.WINDOWS_PX) // 2
    assert max(np.abs(rows - 45).max(), np.abs(cols - 30).max()) <= reach


def test_what_was_not_seen_twice_did_not_burn(layers):
    before, after = pair()
    before[1, 4, 4] = np.nan
    after[3, 9, 9] = np.nan
    likely = burnt.probability(layers, before, after)
    assert likely[4, 4] == likely[9, 9] == 0
    assert np.isfinite(likely).all()
    assert likely.max() > 0


def test_a_band_missing_at_one_date_is_left_out_at_both(layers):
    before, after = pair()
    after[5] = np.nan
    other = before.copy()
    other[5] = 0.4
    np.testing.assert_array_equal(burnt.probability(layers, before, after), burnt.probability(layers, other, after))


def codes(shape, surface):
    return np.full(shape, surface, np.uint8)


def test_a_fire_grows_over_likely_ground_but_not_for_ever():
    likely = np.zeros((3, 40), np.float32)
    likely[1] = burnt.LIKELY + 0.01
    likely[1, 0] = burnt.CERTAIN
    grown = burnt.decide(likely, codes(likely.shape, Surface.GRASS), codes(likely.shape, Surface.DARK_BARE))
    assert grown[1, : burnt.GROWTH_PX + 1].all()
    assert not grown[1, burnt.GROWTH_PX + 1 :].any()
    assert not grown[[0, 2]].any()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Surface.GRASS, Surface.BURNT, True),
        (Surface.BURNT, Surface.BURNT, False),
        (Surface.BUILT, Surface.BURNT, False),
        (Surface.GRASS, Surface.DARK_BARE, False),
    ],
)
def test_char_that_is_new_needs_little_more(before, after, expected):
    likely = np.full((4, 4), burnt.SEEN + 0.01, np.float32)
    assert burnt.decide(likely, codes((4, 4), before), codes((4, 4), after)).all() == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Surface.TREE, Surface.BRIGHT_BARE, False),
        (Surface.TREE, Surface.BURNT, True),
        (Surface.GRASS, Surface.BRIGHT_BARE, True),
    ],
)
def test_a_wood_that_turned_pale_was_cleared(before, after, expected):
    likely = np.ones((4, 4), np.float32)
    assert burnt.decide(likely, codes((4, 4), before), codes((4, 4), after)).all() == expected


def test_without_infrared_nothing_is_called_burnt(layers):
    weights = np.zeros((11, FEATURES), np.float32)
    head = SurfaceHead(Perceptron((weights,), (np.zeros((11, 1), np.float32),)), layers)
    before, after = pair()
    codes_ = codes(before.shape[1:], Surface.GRASS)
    assert not head.burnt_between(before[:3], after[:3], spectral.BANDS[:3], codes_, codes_).any()
    assert head.burnt_between(before, after, spectral.BANDS, codes_, codes_).any()

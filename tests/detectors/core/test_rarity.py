import numpy as np
import pytest

from detectors.core.errors import DetectorError, TooLittleGroundError
from detectors.core.rarity import MOST, STEP, Rarity, logit


def fitted() -> Rarity:
    return Rarity.fit(np.random.default_rng(0).standard_normal(200_000).astype(np.float32))


def test_a_surprise_is_the_log_of_how_seldom_so_much_is_seen() -> None:
    # one normal value in 6.3 exceeds 1, one in 44 exceeds 2
    np.testing.assert_allclose(fitted()(np.array([1, 2], np.float32)), -np.log([0.1587, 0.02275]), atol=0.05)


def test_surprises_never_fall_and_go_on_beyond_what_was_seen() -> None:
    values = np.linspace(-8, 12, 500).astype(np.float32)
    surprises = fitted()(values)
    assert (np.diff(surprises) >= 0).all()
    assert surprises[0] == 0
    beyond = surprises[values > 5]
    assert (np.diff(beyond) > 0).all()
    assert beyond[-1] > MOST + 1


def test_what_was_not_observed_has_no_surprise() -> None:
    surprises = fitted()(np.array([np.nan, 0], np.float32))
    assert np.isnan(surprises[0])
    assert np.isfinite(surprises[1])


def test_it_is_stored_and_read_again() -> None:
    one = fitted()
    again = Rarity.from_tensors({"rarity.network": one.knots, "rarity.unusual": one.knots + 1}, "network")
    values = np.linspace(-3, 6, 50).astype(np.float32)
    np.testing.assert_array_equal(one(values), again(values))
    assert again.knots.dtype == np.float32
    assert len(again.knots) == round(MOST / STEP) + 1


@pytest.mark.parametrize(
    "knots",
    [None, np.zeros((2, 30)), np.zeros(3), np.r_[np.arange(20), 5.0], np.r_[np.arange(20), np.nan, 21]],
    ids=["missing", "table", "few", "falling", "nan"],
)
def test_numbers_of_another_version_are_refused(knots: np.ndarray | None) -> None:
    tensors = {} if knots is None else {"rarity.network": knots.astype(np.float32)}
    with pytest.raises(DetectorError, match=r"rarity\.network"):
        Rarity.from_tensors(tensors, "network")


def test_without_any_ground_nothing_is_rare() -> None:
    with pytest.raises(TooLittleGroundError):
        Rarity.fit(np.empty(0, np.float32))


def test_constant_ground_gives_finite_surprises() -> None:
    surprises = Rarity.fit(np.ones(1000, np.float32))(np.array([0, 1, 2], np.float32))
    assert np.isfinite(surprises).all()
    assert (np.diff(surprises) >= 0).all()


def test_log_odds_are_bounded() -> None:
    np.testing.assert_allclose(logit(np.array([0.5, 0.8], np.float32)), [0, np.log(4)], atol=1e-5)
    assert np.isfinite(logit(np.array([0, 1], np.float32))).all()
    assert np.isnan(logit(np.array([np.nan], np.float32))).all()

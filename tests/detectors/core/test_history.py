"""Seasons, and what a series tells of a place."""

import datetime as dt

import numpy as np

from detectors.core.history import SIX, PatchSeries, Season

SUMMER, WINTER = Season((6, 15), (8, 10)), Season((11, 1), (3, 31))
DAYS = (dt.date(2023, 7, 1), dt.date(2023, 12, 5), dt.date(2024, 2, 9), dt.date(2024, 7, 1))


def series(values: np.ndarray, bands: tuple[str, ...] = SIX) -> PatchSeries:
    inside = np.zeros(values.shape[2:], np.bool_)
    inside[:, :2] = True
    return PatchSeries(values.astype(np.float32), bands, DAYS, inside, ~inside, 10.0, DAYS[0], DAYS[3])


def looks() -> np.ndarray:
    """Grass in every look, of red 0.05 and nir 0.35."""
    image = np.empty((4, 6, 2, 4), np.float32)
    image[:] = np.array([0.03, 0.06, 0.05, 0.35, 0.2, 0.1], np.float32)[:, None, None]
    return image


def test_a_season_holds_both_its_ends_and_may_run_over_new_year() -> None:
    around = ((6, 14), (6, 15), (8, 10), (8, 11))
    assert [SUMMER.holds(dt.date(2024, *day)) for day in around] == [False, True, True, False]
    assert [WINTER.holds(dt.date(2024, *day)) for day in ((10, 31), (11, 1), (3, 31), (4, 1))] == [
        False,
        True,
        True,
        False,
    ]


def test_a_look_after_new_year_counts_to_the_year_in_which_its_season_began() -> None:
    assert [WINTER.year_of(day) for day in DAYS[1:3]] == [2023, 2023]
    seen = series(looks())
    assert seen.of(WINTER, 2023).tolist() == [False, True, True, False]
    assert not seen.of(WINTER, 2024).any()
    assert seen.of(SUMMER, 2024).tolist() == [False, False, False, True]


def test_a_level_is_the_median_of_a_place_in_every_look() -> None:
    image = looks()
    image[1, 2, :, :2] = 0.35
    seen = series(image)
    np.testing.assert_allclose(seen.level("ndvi", seen.inside), [0.75, 0.0, 0.75, 0.75], atol=1e-6)
    np.testing.assert_allclose(seen.level("ndvi", seen.ring), [0.75] * 4, atol=1e-6)
    np.testing.assert_allclose(seen.level("red", seen.inside), [0.05, 0.35, 0.05, 0.05], atol=1e-6)


def test_a_place_seen_by_less_than_half_has_no_level_and_half_is_enough() -> None:
    image = looks()
    image[0, :, 0, :2] = np.nan  # half of the inside
    image[1, :, 0, :2] = np.nan
    image[1, :, 1, 0] = np.nan
    seen = series(image)
    assert np.isfinite(seen.level("ndvi", seen.inside)).tolist() == [True, False, True, True]
    assert np.isnan(seen.level("ndvi", np.zeros_like(seen.inside))).all()


def test_an_index_whose_band_is_missing_is_not_observed() -> None:
    seen = series(looks()[:, :4], SIX[:4])
    assert np.isnan(seen.index("bsi")).all()
    assert np.isnan(seen.level("ndre", seen.inside)).all()
    assert np.isnan(seen.band("swir16")).all()
    assert np.isfinite(seen.index("ndvi")).all()


def test_no_look_is_no_error() -> None:
    whole = series(looks())
    empty = PatchSeries(whole.values[:0], SIX, (), whole.inside, whole.ring, 10.0, None, None)
    assert empty.index("ndvi").shape == (0, 2, 4)
    assert empty.level("ndvi", empty.inside).shape == (0,)
    assert empty.of(SUMMER, 2024).shape == (0,)

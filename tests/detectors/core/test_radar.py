"""Radar pairs and series."""

import datetime as dt

import numpy as np
import pytest

from detectors.core.radar import (
    averaged,
    breaks,
    noise_limit,
    pair_change,
    usual,
    windowed_db,
)

DAYS = [dt.date(2016, 1, 3) + dt.timedelta(days=12 * number) for number in range(60)]


def speckled(power: np.ndarray, seed: int, looks: float = 1.0) -> np.ndarray:
    return (power * np.random.default_rng(seed).gamma(looks, 1 / looks, power.shape)).astype(np.float32)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", [20, 120])
def test_rare_and_frequent_change_is_found_on_its_own_side(sign: int, size: int) -> None:
    ground = np.full((200, 200), 0.1, np.float32)
    ground[:, 120:] = 0.02
    after = ground.copy()
    after[30 : 30 + size, 20:90] *= 6.0**sign
    found = pair_change(speckled(ground, 1), speckled(after, 2), 1e-4)
    drawn = after != ground
    both = (found.changed & drawn).sum()
    assert 2 * both / (found.changed.sum() + drawn.sum()) > 0.85
    assert found.limits[0 if sign > 0 else 1] is not None
    assert found.limits[1 if sign > 0 else 0] is None


def test_speckle_alone_is_no_change_and_what_was_not_seen_is_none() -> None:
    ground = np.full((200, 200), 0.1, np.float32)
    before, after = speckled(ground, 3), speckled(ground, 4)
    after[:50] = np.nan
    found = pair_change(before, after, 1e-4)
    assert not found.changed.any()
    assert np.isnan(found.log_ratio[:50]).all()
    assert found.noise == pytest.approx(np.sqrt(2 / 28), rel=0.25)
    assert not pair_change(np.full((9, 9), np.nan, np.float32), before[:9, :9], 1e-4).changed.any()
    with pytest.raises(ValueError, match="no pair"):
        pair_change(before, after[:9], 1e-4)


def test_means_are_of_power_and_of_what_was_seen() -> None:
    power = np.full((1, 5, 5), 0.1, np.float32)
    power[0, 2, 2] = np.nan
    assert windowed_db(power)[0, 2, 2] == pytest.approx(-10, abs=1e-4)
    power[0, :, :4] = np.nan
    assert np.isnan(windowed_db(power, 3)[0, 0, 0])
    power[0, 0, 4] = 1.0
    assert windowed_db(power, 3)[0, 0, 4] > -6
    assert np.isnan(averaged(power[0])[0, 0])


def series(seed: int, drop_db: float, first: int, looks: int) -> np.ndarray:
    season = 3 * np.sin(np.arange(len(DAYS)) * 12 / 365 * 2 * np.pi)
    power = np.full((len(DAYS), 2, 8, 8), 0.1) * 10 ** (season[:, None, None, None] / 10)
    power[first : first + looks, :, :4, :4] *= 10 ** (-drop_db / 10)
    return speckled(power, seed, 30)


def test_a_drop_is_dated_whatever_the_season_does() -> None:
    decibels = windowed_db(series(5, 4, 33, 6), 1)
    places = decibels.reshape(*decibels.shape[:2], -1)
    found = breaks(places, usual(decibels), DAYS)
    dropped = np.zeros((8, 8), bool)
    dropped[:4, :4] = True
    dropped = dropped.ravel()
    assert found.score[dropped].min() > 2 * found.score[~dropped].max()
    middle = (DAYS[32].toordinal() + DAYS[33].toordinal()) / 2
    assert np.median(np.abs(found.since[dropped] - middle)) <= 12
    gaps = places.copy()
    gaps[30:36, :, 0] = np.nan
    late = breaks(gaps, usual(decibels), DAYS)
    assert late.score[0] < found.score[0]
    assert late.score[1:] == pytest.approx(found.score[1:], rel=0.1)  # the noise of neighbours is shared


def test_noise_alone_reaches_its_limit_as_often_as_it_says() -> None:
    rng = np.random.default_rng(9)
    noise = rng.normal(0, 1, (len(DAYS), 2, 3000)).astype(np.float32)
    found = breaks(noise, np.zeros((len(DAYS), 2), np.float32), DAYS)
    assert (found.score > noise_limit(len(DAYS), 0.1)).mean() == pytest.approx(0.1, abs=0.04)
    assert noise_limit(len(DAYS), 0.01) > noise_limit(len(DAYS), 0.1)


def test_too_few_looks_and_disorder_are_told() -> None:
    noise = np.zeros((len(DAYS), 2, 3), np.float32)
    noise[5:, :, 0] = np.nan
    found = breaks(noise, np.zeros((len(DAYS), 2), np.float32), DAYS)
    assert np.isnan(found.score[0])
    assert found.score[1] == 0
    with pytest.raises(ValueError, match="ascending"):
        breaks(noise, np.zeros((len(DAYS), 2), np.float32), DAYS[::-1])

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from detectors.core import features as features_module
from detectors.core.features import CHANNELS, REACH_PX, Features, features, tiles
from detectors.core.normals import Normals, fit
from detectors.core.types import FloatArray, Pair

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")

MakeGround = Callable[..., tuple]
MakePair = Callable[..., Pair]


def of(seen: Features, name: str) -> FloatArray:
    return seen.channels[CHANNELS.index(name)]


def whole(pair: Pair, normals: Normals) -> Features:
    return features(pair, [(normals, np.ones(pair.valid.shape, np.float32))])


@pytest.fixture(scope="module")
def images() -> tuple[FloatArray, FloatArray, Normals]:
    rng = np.random.default_rng(0)
    plots = np.kron(rng.random((12, 12)), np.ones((12, 12)))[None]
    grass, soil = np.array([[4, 7, 6, 30, 20, 12], [7, 10, 14, 22, 28, 24]])[:, :, None, None] / 100
    before = (grass * (1 - plots) + soil * plots) * (1 + 0.02 * rng.standard_normal((6, 144, 144)))
    after = (before * 1.1 + 0.01) * (1 + 0.02 * rng.standard_normal((6, 144, 144)))
    before, after = before.astype(np.float32), after.astype(np.float32)
    return before, after, fit([(before, after)], BANDS)


Images = tuple[FloatArray, FloatArray, Normals]


def test_channels_are_bounded_and_say_what_there_is(images: Images, make_pair: MakePair) -> None:
    seen = whole(make_pair(*images[:2]), images[2])
    assert seen.channels.shape == (len(CHANNELS), 144, 144)
    assert seen.channels.dtype == np.float32
    assert np.abs(seen.channels).max() <= 4
    assert seen.observed.all()
    for name in ("observed", "has_reflectance", *(f"has_{band}" for band in BANDS)):
        assert (of(seen, name) == 1).all()
    ndvi = (images[1][3] - images[1][2]) / (images[1][3] + images[1][2])
    np.testing.assert_allclose(of(seen, "after_ndvi"), np.clip(2 * ndvi, -4, 4), atol=1e-3)


@pytest.mark.parametrize("date", ["before", "after"])
def test_nothing_beyond_the_reach_matters(images: Images, make_pair: MakePair, date: str) -> None:
    changed = {"before": images[0].copy(), "after": images[1].copy()}
    changed[date][:, 72, 72] = 0.9
    first, second = whole(make_pair(*images[:2]), images[2]), whole(make_pair(**changed), images[2])
    touched = np.argwhere((np.abs(first.channels - second.channels) > 1e-5).any(axis=0))
    assert 1 <= np.abs(touched - 72).max() <= REACH_PX


def test_it_does_not_show_that_it_is_worked_in_tiles(
    images: Images, make_pair: MakePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = images[0].copy(), images[1].copy()
    after[:, 60:70, 30:50] = np.nan
    moved = replace(images[2], shift_px=(0.4, -1.3), shift_confident=True)
    share = np.broadcast_to(np.clip((100 - np.arange(144)) / 40, 0, 1), (144, 144)).astype(np.float32)
    pair, shares = make_pair(before, after), [(moved, share), (images[2], 1 - share)]
    monkeypatch.setattr("detectors.core.features._TILE", (144, 144))
    one = features(pair, shares)
    monkeypatch.setattr("detectors.core.features._TILE", (17, 50))
    many = features(pair, shares)
    np.testing.assert_allclose(one.channels, many.channels, atol=1e-4)
    np.testing.assert_array_equal(one.observed, many.observed)
    assert 0.9 < one.observed.mean() < 1
    parts = np.full_like(many.channels, np.nan)
    observed = np.zeros_like(many.observed)
    for box, part in tiles(pair, shares):
        parts[:, *box], observed[box] = part.channels, part.observed
    np.testing.assert_array_equal(parts, many.channels)
    np.testing.assert_array_equal(observed, many.observed)


def test_what_was_not_observed_is_zero(images: Images, make_pair: MakePair) -> None:
    before, after = images[0].copy(), images[1].copy()
    before[:, 20:30, 20:30] = np.nan
    after[4, 60:70, 60:70] = np.nan
    pair = make_pair(before, after)
    valid = pair.valid.copy()
    valid[100:110] = False
    seen = whole(replace(pair, valid=valid), images[2])
    unseen = np.zeros((144, 144), bool)
    unseen[20:30, 20:30] = unseen[60:70, 60:70] = unseen[100:110] = True
    np.testing.assert_array_equal(seen.observed, ~unseen)
    assert (seen.channels[:, unseen] == 0).all()
    assert np.isfinite(seen.channels).all()
    assert (of(seen, "observed")[~unseen] == 1).all()


def test_a_missing_band_is_zero_and_said_to_be(images: Images, make_pair: MakePair) -> None:
    before, after = images[0].copy(), images[1].copy()
    after[4:] = np.nan
    seen = whole(make_pair(before, after), fit([(before, after)], BANDS))
    for band in ("swir16", "swir22"):
        for role in ("has", "before", "after", "residual", "backward"):
            assert not of(seen, f"{role}_{band}").any()
    for index in ("mndwi", "ndmi", "nbr"):
        assert not of(seen, f"before_{index}").any()
    assert (of(seen, "has_nir") == 1).all()
    assert of(seen, "after_ndvi").any()
    assert seen.observed.all()


def test_numbers_of_unknown_scale_have_no_absolute_channels(images: Images, make_pair: MakePair) -> None:
    before, after = (np.round(image * 300) for image in images[:2])
    seen = whole(make_pair(before, after, reflectance=False), fit([(before, after)], BANDS, reflectance=False))
    absolute = ["has_reflectance", "before_brightness", "after_brightness"]
    absolute += [
        f"{role}_{index}" for role in ("before", "after") for index in ("ndvi", "ndwi", "mndwi", "ndmi", "nbr")
    ]
    for name in absolute:
        assert not of(seen, name).any()
    assert of(seen, "before_nir").std() > 0.2


def test_gain_and_offset_of_a_date_do_not_matter_to_relative_channels(images: Images, make_pair: MakePair) -> None:
    before, after = images[:2]
    other = after * np.float32(1.5) + np.float32(0.02)
    one = whole(make_pair(before, after), images[2])
    two = whole(make_pair(before, other), fit([(before, other)], BANDS))
    for name in ("after_nir", "residual_red", "length"):
        np.testing.assert_allclose(of(one, name), of(two, name), atol=0.03)
    assert np.abs(of(one, "after_brightness") - of(two, "after_brightness")).min() > 0.3


def test_regions_are_blended_by_their_shares(images: Images, make_pair: MakePair) -> None:
    before, after, one = images
    other = fit([(before * np.float32(0.7), after)], BANDS)
    pair = make_pair(before, after)
    west = np.broadcast_to(np.clip((90 - np.arange(144)) / 40, 0, 1), (144, 144)).astype(np.float32)
    both = features(pair, [(one, west), (other, 1 - west)])
    first, second = whole(pair, one).channels, whole(pair, other).channels
    np.testing.assert_allclose(both.channels, west * first + (1 - west) * second, atol=1e-4)
    assert np.abs(first - second).max() > 0.1
    assert both.observed.all()


def test_where_no_region_has_a_share_nothing_is_observed(images: Images, make_pair: MakePair) -> None:
    share = np.ones((144, 144), np.float32)
    share[:, 100:] = 0
    seen = features(make_pair(*images[:2]), [(images[2], share)])
    assert seen.observed[:, :100].all()
    assert not seen.observed[:, 100:].any()
    assert not seen.channels[:, :, 100:].any()


def test_ground_that_was_not_observed_is_not_worked_and_changes_nothing(
    images: Images, make_pair: MakePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = make_pair(*images[:2])
    valid = np.zeros_like(pair.valid)
    valid[40:90, 30:70] = True
    monkeypatch.setattr("detectors.core.features._TILE", (30, 60))
    worked = []

    def noted(*arguments):
        worked.append(arguments[-1])
        return fill(*arguments)

    fill = features_module._fill
    monkeypatch.setattr(features_module, "_fill", noted)
    part = whole(replace(pair, valid=valid), images[2])
    tiles = [(rows.start, rows.stop, cols.start, cols.stop) for rows, cols in worked]
    assert tiles == [(40, 60, 30, 60), (40, 60, 60, 70), (60, 90, 30, 60), (60, 90, 60, 70)]
    np.testing.assert_array_equal(part.observed, valid)
    np.testing.assert_allclose(part.channels, whole(pair, images[2]).channels * valid, atol=1e-4)

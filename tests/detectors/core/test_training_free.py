from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import shift as move

from detectors.core.normals import REACH_PX, Normals, fit
from detectors.core.training_free import disturbance
from detectors.core.types import FloatArray, Pair

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")


def _score(pair: Pair, normals: Normals) -> FloatArray:
    return disturbance(pair, [(normals, np.ones(pair.valid.shape, np.float32))])


def test_finds_what_was_dug_and_little_else(make_ground: Callable[..., tuple], make_pair: Callable[..., Pair]) -> None:
    before, after, truth = make_ground(300)
    score = _score(make_pair(before, after), fit([(before, after)], BANDS))
    found = score >= 0.5
    assert (found & truth).sum() / truth.sum() > 0.9
    assert (found & truth).sum() / found.sum() > 0.5
    assert score.dtype == np.float32
    assert 0 <= score.min() <= score.max() <= 1


def test_a_misregistration_is_mended_and_floods_nothing(
    make_ground: Callable[..., tuple], make_pair: Callable[..., Pair]
) -> None:
    before, after, truth = make_ground(300)
    moved = np.stack([move(band, (0.7, -0.4), order=3, mode="nearest") for band in after])
    normals = fit([(before, moved)], BANDS)
    assert normals.shift_confident
    found = _score(make_pair(before, moved), normals) >= 0.5
    straight = _score(make_pair(before, after), fit([(before, after)], BANDS)) >= 0.5
    assert (found & truth).sum() / truth.sum() > 0.8
    assert found.sum() < 1.3 * straight.sum()


@pytest.mark.parametrize("date", ["before", "after"])
def test_nothing_beyond_the_reach_matters(
    make_ground: Callable[..., tuple], make_pair: Callable[..., Pair], date: str
) -> None:
    before, after, _ = make_ground(200)
    after = np.stack([move(band, (2.4, -2.4), order=1, mode="nearest") for band in after])
    normals = fit([(before, after)], BANDS)
    assert abs(normals.shift_px[0]) > 2
    first = _score(make_pair(before, after), normals)
    changed = {"before": before.copy(), "after": after.copy()}
    changed[date][:, 100, 100] = 0.9
    second = _score(make_pair(**changed), normals)
    touched = np.argwhere(np.abs(first - second) > 1e-6)
    far = np.abs(touched - 100).max()
    assert REACH_PX // 2 < far <= REACH_PX


def test_another_cut_gives_the_same_score(make_ground: Callable[..., tuple], make_pair: Callable[..., Pair]) -> None:
    before, after, _ = make_ground(240)
    before[:, 100:120, 90:130] = np.nan
    normals = fit([(before, after)], BANDS)
    whole = _score(make_pair(before, after), normals)
    cut = (slice(None), slice(31, 203), slice(57, 230))
    part = _score(make_pair(before[cut], after[cut]), normals)
    inner = (slice(REACH_PX, -REACH_PX),) * 2
    np.testing.assert_allclose(part[inner], whole[cut[1:]][inner], atol=1e-4)


def test_a_hole_is_not_observed_and_its_rim_is_calm(
    make_ground: Callable[..., tuple], make_pair: Callable[..., Pair]
) -> None:
    before, after, truth = make_ground(240)
    normals = fit([(before, after)], BANDS)
    whole = _score(make_pair(before, after), normals)
    after[:, 100:130, 100:130] = np.nan
    holed = _score(make_pair(before, after), normals)
    assert np.isnan(holed[100:130, 100:130]).all()
    assert np.isfinite(np.delete(holed, slice(100, 130), axis=0)).all()
    rim = np.zeros_like(truth)
    rim[90:140, 90:140] = True
    rim &= np.isfinite(holed) & ~truth
    assert np.abs(holed - whole)[rim].mean() < 0.05
    assert (holed[rim] >= 0.5).mean() <= (whole[rim] >= 0.5).mean() + 0.01


def test_neighbouring_regions_are_blended_by_weight(
    make_ground: Callable[..., tuple], make_pair: Callable[..., Pair]
) -> None:
    before, after, _ = make_ground(200)
    one, other = fit([(before, after)], BANDS), fit([make_ground(200, 5)[:2]], BANDS)
    pair = make_pair(before, after)
    west = np.broadcast_to(np.clip((120 - np.arange(200)) / 40, 0, 1), (200, 200)).astype(np.float32)
    blended = disturbance(pair, [(one, west), (other, 1 - west)])
    first, second = _score(pair, one), _score(pair, other)
    np.testing.assert_allclose(blended, west * first + (1 - west) * second, atol=1e-4)
    assert np.abs(first - second).max() > 0.01


def test_without_any_share_nothing_is_said(make_ground: Callable[..., tuple], make_pair: Callable[..., Pair]) -> None:
    before, after, _ = make_ground(160)
    normals = fit([(before, after)], BANDS)
    assert np.isnan(disturbance(make_pair(before, after), [(normals, np.zeros((160, 160), np.float32))])).all()


def test_numbers_of_unknown_scale(make_ground: Callable[..., tuple], make_pair: Callable[..., Pair]) -> None:
    before, after, truth = make_ground(300)
    gain = np.array([400, 300, 350, 250, 200, 300], np.float32)[:, None, None]
    first, second = (np.round(np.clip(image * gain, 0, 255)) for image in (before, after))
    score = disturbance(
        make_pair(first, second, reflectance=False),
        [(fit([(first, second)], BANDS, reflectance=False), np.ones(truth.shape, np.float32))],
    )
    assert (score[truth] >= 0.5).mean() > 0.8


def test_a_band_less_is_still_a_score(make_ground: Callable[..., tuple], make_pair: Callable[..., Pair]) -> None:
    before, after, truth = make_ground(300)
    after[4:] = np.nan
    score = _score(make_pair(before, after), fit([(before, after)], BANDS))
    assert np.isfinite(score).all()
    assert (score[truth] >= 0.5).mean() > 0.5


def test_silt_in_a_lake_is_no_disturbance(make_ground: Callable[..., tuple], make_pair: Callable[..., Pair]) -> None:
    before, after, _ = make_ground(300)
    clear = np.array([0.05, 0.06, 0.04, 0.02, 0.01, 0.01], np.float32)[:, None, None]
    silty = np.array([0.08, 0.15, 0.14, 0.06, 0.01, 0.01], np.float32)[:, None, None]
    before[:, 20:60, 20:60], after[:, 20:60, 20:60] = clear, silty
    score = _score(make_pair(before, after), fit([(before, after)], BANDS))
    assert (score[26:54, 26:54] < 0.4).all()

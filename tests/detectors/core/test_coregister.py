from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import shift as move

from detectors.core.coregister import SHIFT_REACH_PX, estimate_shift, shifted, worth_applying


@pytest.mark.parametrize("truth", [(0.7, 0.0), (-0.4, 1.3), (2.2, -1.6)])
def test_finds_a_planted_shift(make_ground: Callable[..., tuple], truth: tuple[float, float]) -> None:
    before, after, _ = make_ground(400)
    moved = np.stack([move(band, truth, order=3, mode="nearest") for band in after])
    found, confident = estimate_shift([(before, moved)])
    assert confident
    assert np.abs(np.subtract(found, truth)).max() < 0.15


def test_finds_it_over_chips_with_clouds_and_a_missing_band(make_ground: Callable[..., tuple]) -> None:
    chips = []
    for seed in range(6):
        before, after, _ = make_ground(128, seed)
        after = np.stack([move(band, (1.0, -0.5), order=3, mode="nearest") for band in after])
        before[:, :40, 30:60] = np.nan
        after[5] = np.nan
        chips.append((before, after))
    found, confident = estimate_shift(chips)
    assert confident
    assert np.abs(np.subtract(found, (1.0, -0.5))).max() < 0.15


def test_is_not_confident_of_unrelated_images() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.random((2, 3, 512, 512)).astype(np.float32)
    assert not estimate_shift([(before, after)])[1]


def test_too_little_ground_gives_no_shift() -> None:
    small = np.ones((6, 20, 20), np.float32)
    nothing = np.full((6, 200, 200), np.nan, np.float32)
    assert estimate_shift([(small, small)]) == ((0.0, 0.0), False)
    assert estimate_shift([(nothing, nothing)]) == ((0.0, 0.0), False)
    assert estimate_shift([]) == ((0.0, 0.0), False)


def test_only_sure_and_sensible_shifts_are_worth_it() -> None:
    assert worth_applying((0.5, 0.0), True)
    assert not worth_applying((0.5, 0.0), False)
    assert not worth_applying((0.05, 0.05), True)
    assert not worth_applying((3.5, 0.0), True)


def test_shifting_brings_the_image_back() -> None:
    rows, cols = np.mgrid[:64, :64].astype(np.float32)
    before = np.sin(rows / 5)[None] + np.cos(cols / 7)[None]
    after = (np.sin((rows - 1.4) / 5) + np.cos((cols + 2.3) / 7))[None].astype(np.float32)
    inner = (0, slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(shifted(after, (1.4, -2.3))[inner], before[inner], atol=2e-3)


def test_a_hole_stays_a_hole_and_spreads_no_further() -> None:
    image = np.full((1, 40, 40), 5, np.float32)
    image[0, 20, 20] = np.nan
    out = shifted(image, (0.3, 0.3))
    assert np.isnan(out[0, 20, 20])
    assert np.isnan(out[0, 3:-3, 3:-3]).sum() == 1
    np.testing.assert_allclose(out[np.isfinite(out)], 5, rtol=1e-5)


def test_bands_are_shifted_alike_whether_or_not_they_end_together() -> None:
    image = np.random.default_rng(4).random((3, 60, 50)).astype(np.float32)
    image[:, 20:30, 10:14] = np.nan
    image[:, 5, 40] = np.nan
    apart = image.copy()
    apart[1, 40:50] = np.nan
    together, alone = shifted(image, (0.4, -1.7)), shifted(apart, (0.4, -1.7))
    for band in (0, 2):
        np.testing.assert_array_equal(together[band], alone[band])
    np.testing.assert_array_equal(alone[1], shifted(apart[1:2], (0.4, -1.7))[0])


def test_beside_a_hole_it_is_bilinear_over_what_was_observed() -> None:
    image = np.random.default_rng(5).random((1, 30, 30)).astype(np.float32)
    image[0, 15, 15] = np.nan
    out = shifted(image, (0.25, 0.25))
    # the hole is in reach of the cubic kernel, and not among the four neighbours
    four = image[0, 13:15, 13:15]
    assert out[0, 13, 13] == pytest.approx(float(np.array([0.75, 0.25]) @ four @ np.array([0.75, 0.25])), abs=1e-5)
    # a sixteenth of these four is the hole
    weights = np.array([[9, 3], [3, 0]]) / 16
    near = np.nan_to_num(image[0, 14:16, 14:16])
    assert out[0, 14, 14] == pytest.approx(float((weights * near).sum() / weights.sum()), abs=1e-5)


def test_reach_of_the_shift() -> None:
    image = np.zeros((1, 41, 41), np.float32)
    image[0, 20, 20] = 1
    for shift in ((3.0, -3.0), (2.9, -2.9), (-0.5, 0.5)):
        touched = np.argwhere(np.nan_to_num(shifted(image, shift)[0]))
        assert np.abs(touched - 20).max() <= SHIFT_REACH_PX


@pytest.mark.real
def test_known_shift_of_a_partly_cloudy_pair(real_data) -> None:  # type: ignore[no-untyped-def]
    import rasterio

    folder = real_data / "arosics_coreg"
    with rasterio.open(next(folder.glob("*/tgt*.jp2"))) as tgt, rasterio.open(next(folder.glob("*/ref*.jp2"))) as ref:
        col = round((tgt.transform.c - ref.transform.c) / 10)
        row = round((tgt.transform.f - ref.transform.f) / 10)
        one = ref.read(1, window=((0, 1400), (col, col + 1400)))
        other = tgt.read(1, window=((row, row + 1400), (0, 1400)))
    first, second = (np.where(image > 0, image, np.nan).astype(np.float32)[None] for image in (one, other))
    shift, confident = estimate_shift([(second, first)])
    assert confident
    assert np.abs(np.subtract(shift, (1.9, -0.7))).max() < 0.25

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from detectors.core.errors import DetectorError, TooLittleGroundError
from detectors.core.normals import Normals, fit

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")


def test_same_chips_same_hash(make_ground: Callable[..., tuple]) -> None:
    chips = [make_ground(128, seed)[:2] for seed in range(3)]
    assert fit(chips, BANDS).sha256 == fit(chips, BANDS).sha256


def test_any_number_changes_the_hash(make_ground: Callable[..., tuple]) -> None:
    normals = fit([make_ground(160)[:2]], BANDS)
    assert dataclasses.replace(normals, log_usual=normals.log_usual + 1e-6).sha256 != normals.sha256
    whitening = normals.regressions[0].whitening.copy()
    whitening[0, 0] += np.float32(1e-5)
    forward = dataclasses.replace(normals.regressions[0], whitening=whitening)
    assert dataclasses.replace(normals, regressions=(forward, normals.regressions[1])).sha256 != normals.sha256


def test_bytes_and_back(make_ground: Callable[..., tuple]) -> None:
    normals = fit([make_ground(160)[:2]], BANDS)
    data = normals.to_bytes()
    again = Normals.from_bytes(data)
    assert again.sha256 == normals.sha256
    assert again.to_bytes() == data
    assert (again.bands, again.shift_px, again.samples) == (normals.bands, normals.shift_px, normals.samples)
    np.testing.assert_array_equal(again.regressions[1].coefficients, normals.regressions[1].coefficients)


def test_foreign_bytes_are_refused(make_ground: Callable[..., tuple]) -> None:
    data = fit([make_ground(160)[:2]], BANDS).to_bytes()
    for bad in (b"", b"no archive", data[: len(data) // 2], b"\x80\x04]q\x00."):
        with pytest.raises(DetectorError, match="normals can not be read"):
            Normals.from_bytes(bad)


def test_too_little_ground(make_ground: Callable[..., tuple]) -> None:
    before, after, _ = make_ground(128)
    after[:, 20:] = np.nan
    with pytest.raises(TooLittleGroundError, match="sample pixels"):
        fit([(before, after)], BANDS)
    with pytest.raises(TooLittleGroundError, match="no band"):
        fit([], BANDS)
    with pytest.raises(TooLittleGroundError, match="no band"):
        fit([(before, np.full_like(after, np.nan))], BANDS)


def test_a_band_absent_at_one_date_is_not_used(make_ground: Callable[..., tuple]) -> None:
    before, after, _ = make_ground(160)
    after[4] = np.nan
    before[0] = np.nan
    assert fit([(before, after)], BANDS).bands == ("green", "red", "nir", "swir22")


def test_samples_are_the_observed_pixels_of_the_lattice(make_ground: Callable[..., tuple]) -> None:
    before, after, _ = make_ground(160)
    before[:, :80] = np.nan
    assert fit([(before, after)], BANDS, lattice_step=2).samples == 40 * 80


def test_a_constant_band_does_no_harm(make_ground: Callable[..., tuple]) -> None:
    before, after, _ = make_ground(160)
    before[0] = 0.1
    normals = fit([(before, after)], BANDS)
    assert all(np.isfinite(array).all() for array in normals._arrays().values())

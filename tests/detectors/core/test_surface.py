import numpy as np
import pytest

from detectors.core.surface import classify
from detectors.core.types import Surface

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")

SPECTRA = {
    "clear lake": ((0.04, 0.05, 0.03, 0.02, 0.01, 0.01), Surface.WATER),
    "silty river": ((0.08, 0.14, 0.13, 0.09, 0.02, 0.01), Surface.WATER),
    "reed": ((0.03, 0.06, 0.04, 0.34, 0.14, 0.07), Surface.WET_VEGETATION),
    "larch": ((0.02, 0.04, 0.03, 0.24, 0.13, 0.06), Surface.TREE),
    "crop": ((0.03, 0.08, 0.05, 0.42, 0.22, 0.12), Surface.CROP),
    "steppe in July": ((0.05, 0.08, 0.08, 0.22, 0.24, 0.15), Surface.GRASS),
    "black soil": ((0.05, 0.06, 0.07, 0.10, 0.14, 0.12), Surface.DARK_BARE),
    "spoil heap": ((0.15, 0.21, 0.27, 0.33, 0.40, 0.36), Surface.BRIGHT_BARE),
    "concrete": ((0.24, 0.26, 0.28, 0.30, 0.31, 0.29), Surface.BUILT),
    "char": ((0.03, 0.04, 0.06, 0.08, 0.18, 0.21), Surface.BURNT),
    "snow": ((0.85, 0.84, 0.82, 0.76, 0.10, 0.08), Surface.SNOW),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_typical_spectra(name: str) -> None:
    spectrum, surface = SPECTRA[name]
    image = np.array(spectrum, np.float32)[:, None, None]
    assert Surface(int(classify(image, BANDS)[0, 0])) == surface


def test_unobserved_is_unknown() -> None:
    image = np.full((6, 2, 2), 0.2, np.float32)
    image[2, 0, 0] = np.nan
    code = classify(image, BANDS)
    assert code.dtype == np.uint8
    assert code[0, 0] == Surface.UNKNOWN
    assert code[1, 1] != Surface.UNKNOWN


def test_digital_numbers_are_unknown() -> None:
    assert (classify(np.full((6, 3, 3), 80, np.float32), BANDS) == Surface.UNKNOWN).all()


def test_water_and_grass_without_swir() -> None:
    image = np.array([(0.04, 0.05, 0.03, 0.02), (0.05, 0.08, 0.08, 0.22)], np.float32).T[:, None]
    assert classify(image, BANDS[:4]).tolist() == [[Surface.WATER, Surface.GRASS]]
    missing = np.concatenate([image, np.full((2, 1, 2), np.nan, np.float32)])
    assert classify(missing, BANDS).tolist() == [[Surface.WATER, Surface.GRASS]]


def test_without_the_needed_bands_nothing_is_said() -> None:
    assert (classify(np.full((2, 3, 3), 0.2, np.float32), ("blue", "green")) == Surface.UNKNOWN).all()

import numpy as np
import pytest

from detectors.core.surface import classify, laid_bare
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


def of(ndvi: float, ndti: float) -> np.ndarray:
    """(6, 1, 1) of ground with that much green and straw."""
    nir, swir22 = 0.1 * (1 + ndvi) / (1 - ndvi), 0.3 * (1 - ndti) / (1 + ndti)
    return np.array((0.06, 0.08, 0.1, nir, 0.3, swir22), np.float32)[:, None, None]


@pytest.mark.parametrize(
    ("was", "now", "ndti", "bare"),
    [
        (0.60, 0.25, 0.07, True),
        (0.60, 0.25, 0.20, False),  # straw
        (0.60, 0.50, 0.07, False),
        (0.60, 0.34, 0.07, False),  # thin enough, but it was not twice as green
        (0.80, 0.39, 0.07, False),  # half as green, and green still
        (0.30, 0.25, 0.07, False),
        (np.nan, 0.25, 0.07, False),
        (0.60, np.nan, 0.07, False),
    ],
)
def test_ground_is_laid_bare_where_most_of_the_green_went_and_soil_is_left(
    was: float, now: float, ndti: float, bare: bool
) -> None:
    found = laid_bare(of(was, 0.15), of(now, ndti), BANDS)
    assert found.dtype == np.bool_
    assert found.tolist() == [[bare]]


@pytest.mark.parametrize("lost", ["swir16", "swir22"])
def test_without_both_swir_bands_nothing_is_laid_bare(lost: str) -> None:
    left = [place for place, name in enumerate(BANDS) if name != lost]
    bands = tuple(BANDS[place] for place in left)
    assert not laid_bare(of(0.6, 0.15)[left], of(0.25, 0.07)[left], bands).any()
    unseen = of(0.25, 0.07)
    unseen[BANDS.index(lost)] = np.nan
    assert not laid_bare(of(0.6, 0.15), unseen, BANDS).any()

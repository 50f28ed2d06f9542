"""Indices by name."""

import numpy as np
import pytest

from detectors.core.history import SIX
from detectors.core.indices import INDICES, band_of, index_of

BANDS = (*SIX, "rededge1")
GRASS, SOIL, WATER, CHAR = (
    np.array(values, np.float32).reshape(7, 1, 1)
    for values in (
        (0.03, 0.06, 0.05, 0.35, 0.20, 0.10, 0.10),
        (0.10, 0.14, 0.19, 0.26, 0.33, 0.28, 0.22),
        (0.05, 0.06, 0.04, 0.02, 0.01, 0.01, 0.03),
        (0.04, 0.05, 0.06, 0.10, 0.16, 0.18, 0.08),
    )
)


@pytest.mark.parametrize(
    ("name", "more", "less"),
    [
        ("ndvi", GRASS, SOIL),
        ("ndre", GRASS, SOIL),
        ("ndmi", GRASS, SOIL),
        ("nbr", GRASS, CHAR),
        ("mndwi", WATER, SOIL),
        ("ndwi", WATER, SOIL),
        ("bsi", SOIL, GRASS),
        ("fai", GRASS, WATER),
        ("brightness", SOIL, GRASS),
    ],
)
def test_each_tells_what_it_is_for(name: str, more: np.ndarray, less: np.ndarray) -> None:
    assert index_of(name, more, BANDS) > index_of(name, less, BANDS) + 0.03


def test_their_numbers_are_the_literatures() -> None:
    assert index_of("ndvi", GRASS, BANDS).item() == pytest.approx(0.75)
    assert index_of("bsi", SOIL, BANDS).item() == pytest.approx((0.33 + 0.19 - 0.26 - 0.10) / 0.88)
    assert index_of("fai", GRASS, BANDS).item() == pytest.approx(0.35 - (0.05 + 0.15 * 177 / 945))


def test_reflectance_below_zero_does_not_throw_a_ratio_out_of_its_range() -> None:
    odd = WATER.copy()
    odd[3] = -0.02
    assert index_of("ndvi", odd, BANDS) == -1
    odd[2] = -0.03
    assert index_of("ndvi", odd, BANDS) == 0


@pytest.mark.parametrize("name", INDICES)
def test_what_was_not_observed_stays_so(name: str) -> None:
    stack = np.stack([GRASS, np.full_like(GRASS, np.nan)])
    assert np.isnan(index_of(name, stack, BANDS)).ravel().tolist() == [False, True]
    assert np.isnan(index_of(name, stack[:, :1], BANDS[:1])).all()


def test_an_unknown_index_is_refused_and_a_missing_band_is_not() -> None:
    with pytest.raises(ValueError, match="no index 'gndvi'"):
        index_of("gndvi", GRASS, BANDS)
    assert np.isnan(band_of("rededge3", GRASS, BANDS)).all()

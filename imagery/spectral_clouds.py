"""How likely a pixel is cloud by five bands that every optical sensor with a short-wave infrared has.

For reflectance that comes without classes and without the bands that s2cloudless asks for. The tests and all their
thresholds are those of the scene classification of Sen2Cor 2 (Louis et al., "Sentinel-2 Level-2A Algorithm Theoretical
Basis Document", S2-PDGS-MPC-ATBD-L2A, section on cloud screening, and the processor's own file of parameters); nothing
was fitted. Its test on band 10 (cirrus) needs a band that is not there, its map of snow climate and its texture filter
are left out. docs/design/cloud-mask.md has what it was measured to find and to spare.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

SPECTRAL_BANDS = ("blue", "green", "red", "nir", "swir16")
"""What the tests look at."""

LIKELY, CERTAIN = 0.20, 0.80
"""From here on Sen2Cor calls a cloud of medium and of high probability."""

_RED = (0.06, 0.25)
"""Dark in red is no cloud."""

_SNOW_INDEX = (-0.24, -0.16)
"""(green - swir16) / (green + swir16): soil and plants reflect more at 1.6 µm than cloud does."""

_NDVI = (0.36, 0.42)
_NIR_TO_GREEN = (1.50, 2.50)
"""Green plants, and plants that wither."""

_BLUE_TO_SWIR_SOIL = (0.70, 1.00)
_SOIL_BLUE = (0.46, -0.40)
"""Soil, but only where blue is under 0.46 - 0.40 * blue / swir16: a bright cloud may have the ratio of soil."""

_BLUE_TO_SWIR_WATER = (2.00, 4.00)
_NIR_TO_SWIR = (0.90, 1.10)
"""Rock and sand reflect more at 1.6 µm than in the near infrared."""

_EPS = np.float32(1e-4)


def spectral_probability(bands: Mapping[str, FloatArray]) -> FloatArray:
    """(H, W) likelihood of cloud, 0–1: the product of all tests, each a ramp between its two thresholds.

    Snow is as bright and passes; whoever asks tells it apart before.

    Args:
        bands: (H, W) reflectance of `SPECTRAL_BANDS`; where one is NaN the result is NaN.
    """
    blue, green, red, nir, swir = (bands[name] for name in SPECTRAL_BANDS)
    ratio = _ratio(blue, swir)
    soil = _above(ratio, _BLUE_TO_SWIR_SOIL)
    bright = blue >= _SOIL_BLUE[0] + _SOIL_BLUE[1] * ratio
    likelihood = (
        _above(red, _RED)
        * _above(_difference(green, swir), _SNOW_INDEX)
        * _below(_difference(nir, red), _NDVI)
        * _below(_ratio(nir, green), _NIR_TO_GREEN)
        * np.where(bright, np.float32(1), soil)
        * _below(ratio, _BLUE_TO_SWIR_WATER)
        * _above(_ratio(nir, swir), _NIR_TO_SWIR)
    )
    return np.asarray(likelihood, np.float32)


def _ratio(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.asarray(one / np.maximum(other, _EPS), np.float32)


def _above(values: FloatArray, ramp: tuple[float, float]) -> FloatArray:
    return np.asarray(np.clip((values - ramp[0]) / (ramp[1] - ramp[0]), 0, 1), np.float32)


def _below(values: FloatArray, ramp: tuple[float, float]) -> FloatArray:
    return np.asarray(1 - _above(values, ramp), np.float32)


def _difference(one: FloatArray, other: FloatArray) -> FloatArray:
    return _ratio(np.asarray(one - other, np.float32), np.asarray(one + other, np.float32))

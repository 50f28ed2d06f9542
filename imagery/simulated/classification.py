"""The scene classification that comes with L2A images, with its usual mistakes."""

import numpy as np
from numpy.typing import NDArray

from imagery.simulated.noise import FloatArray
from imagery.simulated.sky import Veil

VEGETATION, BARE, WATER, UNCLASSIFIED = 4, 5, 6, 7
SHADOW, CLOUD_MEDIUM, CLOUD_HIGH, CIRRUS, SNOW = 3, 8, 9, 10, 11


def means(field: FloatArray, step: int) -> FloatArray:
    """Means of `step` × `step` pixels over the last two axes, which are multiples of it."""
    if step == 1:
        return field
    *rest, height, width = field.shape
    blocks = field.reshape(*rest, height // step, step, width // step, step)
    return np.asarray(blocks.mean(axis=(-3, -1)), dtype=np.float32)


def halved(field: FloatArray) -> FloatArray:
    """Means of 2 × 2 pixels over the last two axes, which are even."""
    return means(field, 2)


def classify(bands: FloatArray, veil: Veil, step: int = 2) -> NDArray[np.uint8]:
    """Sen2Cor's classes (its codes 3–11), at half the rendered resolution unless told otherwise.

    It knows most clouds and shadows, but misses some, leaves thin edges as unclassified, and takes very bright
    ground for cloud, as the real one does.

    Args:
        bands: (6, H/step, W/step) reflectance as the sensor sees it.
        veil: the air, (H, W).
        step: rendered pixels along one class.
    """
    blue, green, red, nir, swir16, _ = bands
    classes = np.full(blue.shape, BARE, np.uint8)
    classes[(nir - red) > 0.36 * (nir + red)] = VEGETATION
    classes[((green - nir) > 0.05 * (green + nir)) & (nir < 0.12)] = WATER
    classes[((green - swir16) > 0.4 * (green + swir16)) & (green > 0.3)] = SNOW
    missed = means(veil.missed, step) > 0.5
    cloud, shadow, haze = (means(field, step) for field in (veil.known, veil.known_shadow, veil.haze))
    classes[(haze > 0.12) & (haze < 0.2) & ~missed & (blue > 0.11)] = CIRRUS
    classes[(shadow > 0.32) & ~missed] = SHADOW
    classes[(cloud > 0.10) & ~missed] = UNCLASSIFIED
    classes[((cloud > 0.22) & ~missed) | ((blue > 0.29) & (red > 0.36) & (cloud < 0.1))] = CLOUD_MEDIUM
    classes[(cloud > 0.55) & ~missed] = CLOUD_HIGH
    classes[(classes == CLOUD_MEDIUM) & (swir16 < 0.2) & (green > 0.4) & (cloud < 0.1)] = SNOW
    return classes

"""A made-up landscape that every change finds a place in."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from imagery.planted.canvas import Canvas, FloatArray
from imagery.scene import BANDS
from imagery.simulated.spectra import INDEX, TABLE


def cover(name: str) -> FloatArray:
    """(6,) what a pure cover reflects."""
    return TABLE[:6, INDEX[name]].astype(np.float32)


def landscape(size: int = 200, seed: int = 0) -> FloatArray:
    """(6, size, size): plots of 20 px, a forest in the west, a lake in the south-east, a town in the north-east."""
    rng = np.random.default_rng(seed)
    names = ["green_grass", "crop", "dry_grass", "tilled", "chestnut_soil", "gravel", "crop", "green_grass"]
    plots = np.kron(rng.integers(0, len(names), (size // 20, size // 20)), np.ones((20, 20), int))
    image = np.stack([cover(name) for name in names], axis=1)[:, plots]
    image[:, :, : size // 4] = cover("larch")[:, None, None]
    y, x = np.mgrid[:size, :size]
    lake = np.hypot(y - 0.75 * size, x - 0.75 * size) < 0.15 * size
    image[:, lake] = cover("clear_water")[:, None]
    roofs = ["concrete", "asphalt", "green_grass", "red_roof"]
    house = np.kron(rng.integers(0, len(roofs), (size // 10, size // 10)), np.ones((3, 3), int))
    height, width = house.shape
    image[:, :height, -width:] = np.stack([cover(name) for name in roofs], axis=1)[:, house]
    grain = gaussian_filter(rng.standard_normal((size, size)), 0.7)
    return np.asarray(image * (1 + 0.02 * grain / grain.std()), np.float32)


@pytest.fixture(scope="session")
def land() -> FloatArray:
    """(6, 200, 200) not to be written into."""
    image = landscape()
    image.flags.writeable = False
    return image


@pytest.fixture
def canvas_of(land: FloatArray) -> Callable[[int], Canvas]:
    """A canvas of the landscape at two like dates."""

    def make(seed: int) -> Canvas:
        return Canvas(land.copy(), land * np.float32(1.02), BANDS, 10.0, np.random.default_rng(seed))

    return make

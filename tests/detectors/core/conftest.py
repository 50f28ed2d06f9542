import datetime as dt
from collections.abc import Callable

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy.ndimage import gaussian_filter, zoom

from detectors.core.types import BoolArray, FloatArray, Pair

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")

GRASS = np.array([0.04, 0.07, 0.06, 0.30, 0.20, 0.12], np.float32)
SOIL = np.array([0.07, 0.10, 0.14, 0.22, 0.28, 0.24], np.float32)
ROOF = np.array([0.22, 0.24, 0.26, 0.30, 0.34, 0.32], np.float32)
DRY = np.array([0.06, 0.09, 0.12, 0.22, 0.26, 0.20], np.float32)

Ground = tuple[FloatArray, FloatArray, BoolArray]


def _fields(rng: np.random.Generator, size: int) -> FloatArray:
    """(size, size) 0–1 share of soil: fields with edges, and a finer grain."""
    plots = zoom(rng.random((size // 16 + 1, size // 16 + 1)), 16, order=0)[:size, :size]
    grain = gaussian_filter(rng.standard_normal((size, size)), 1.0)
    return np.clip(plots + 0.15 * grain / grain.std(), 0, 1).astype(np.float32)


def ground(size: int, seed: int = 0) -> Ground:
    """Before, after and truth: fields that dry out from one date to the other, and three places dug up."""
    rng = np.random.default_rng(seed)
    soil = _fields(rng, size)[None]
    before = GRASS[:, None, None] * (1 - soil) + SOIL[:, None, None] * soil
    after = DRY[:, None, None] * (1 - soil) + 1.1 * SOIL[:, None, None] * soil
    truth = np.zeros((size, size), bool)
    for y, x in ((0.2, 0.3), (0.6, 0.7), (0.8, 0.2)):
        truth[int(y * size) : int(y * size) + 9, int(x * size) : int(x * size) + 12] = True
    after = np.where(truth, ROOF[:, None, None], after)
    noise = 0.004 * rng.standard_normal((2, *before.shape))
    return (before + noise[0]).astype(np.float32), (after + noise[1]).astype(np.float32), truth


def pair_of(before: FloatArray, after: FloatArray, *, reflectance: bool = True) -> Pair:
    """A pair on some grid; valid where any band was seen at both dates."""
    valid = np.isfinite(before).any(axis=0) & np.isfinite(after).any(axis=0)
    geobox = GeoBox(valid.shape, Affine(10, 0, 500000, 0, -10, 5400000), "EPSG:32650")
    day = dt.date(2024, 6, 1)
    return Pair(before, after, BANDS, valid, geobox, (day, day), dt.date(2025, 6, 1), reflectance)


@pytest.fixture
def make_ground() -> Callable[..., Ground]:
    return ground


@pytest.fixture
def make_pair() -> Callable[..., Pair]:
    return pair_of

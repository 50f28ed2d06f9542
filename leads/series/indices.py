"""Spectral indices of a lead's history, each with what its rise means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leads.series.model import Pixels

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Index:
    """One index."""

    name: str
    label: str
    zh: str
    bands: tuple[str, ...]
    formula: Callable[..., FloatArray]
    floor: float
    """Smallest step that is more than what sensors and haze leave between looks."""


def _ratio(one: FloatArray, other: FloatArray) -> FloatArray:
    total = one + other
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(total) > 1e-3, (one - other) / total, np.nan).astype(np.float32)


def _bsi(blue: FloatArray, red: FloatArray, nir: FloatArray, swir16: FloatArray) -> FloatArray:
    return _ratio(swir16 + red, nir + blue)


def _bright(blue: FloatArray, green: FloatArray, red: FloatArray) -> FloatArray:
    return np.asarray((blue + green + red) / np.float32(3))


INDICES: tuple[Index, ...] = (
    Index("ndvi", "NDVI", "植被指数（高=绿）", ("nir", "red"), _ratio, 0.06),
    # Rikimaru et al. 2002
    Index("bsi", "BSI", "裸土指数（高=裸）", ("blue", "red", "nir", "swir16"), _bsi, 0.05),
    # Xu 2006
    Index("mndwi", "MNDWI", "水体指数（高=水）", ("green", "swir16"), _ratio, 0.10),
    # Key & Benson 2006
    Index("nbr", "NBR", "燃烧指数（低=过火或裸露）", ("nir", "swir22"), _ratio, 0.08),
    Index("bright", "亮度", "可见光亮度（高=亮）", ("blue", "green", "red"), _bright, 0.02),
)

BY_NAME: Mapping[str, Index] = {index.name: index for index in INDICES}


def index_images(pixels: Pixels) -> dict[str, FloatArray]:
    """(H, W) image of every index whose bands are there, NaN = not observed. None of them for DN."""
    if not pixels.reflectance:
        return {}
    band = {name: data for name, data in zip(pixels.bands, pixels.data, strict=True) if np.isfinite(data).any()}
    return {
        index.name: index.formula(*(band[name] for name in index.bands))
        for index in INDICES
        if all(name in band for name in index.bands)
    }

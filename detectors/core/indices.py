"""Spectral indices by name, of any stack of images; a band that is missing makes an index NaN, never zero."""

from collections.abc import Callable

import numpy as np

from detectors.core.arrays import FloatArray

_FLOOR = np.float32(1e-3)
"""Least sum of reflectances to divide by: below it (open water at noon, deep shadow) a ratio is noise."""

_NIR_NM, _RED_NM, _SWIR_NM = 842.0, 665.0, 1610.0


def _ratio(one: FloatArray, other: FloatArray) -> FloatArray:
    """Normalised difference, −1 to 1: reflectances that the correction of the air took below 0 count as 0."""
    a, b = np.maximum(one, np.float32(0)), np.maximum(other, np.float32(0))
    return np.asarray((a - b) / np.maximum(a + b, _FLOOR))


def _bsi(blue: FloatArray, red: FloatArray, nir: FloatArray, swir16: FloatArray) -> FloatArray:
    return _ratio(swir16 + red, nir + blue)


def _fai(red: FloatArray, nir: FloatArray, swir16: FloatArray) -> FloatArray:
    along = np.float32((_NIR_NM - _RED_NM) / (_SWIR_NM - _RED_NM))
    return nir - (red + (swir16 - red) * along)


def _brightness(green: FloatArray, red: FloatArray) -> FloatArray:
    return np.sqrt((green * green + red * red) / np.float32(2))


INDICES: dict[str, tuple[tuple[str, ...], Callable[..., FloatArray]]] = {
    "ndvi": (("nir", "red"), _ratio),  # Rouse et al. 1974
    "ndre": (("nir", "rededge1"), _ratio),  # Gitelson & Merzlyak 1994, with 705 nm
    "ndmi": (("nir", "swir16"), _ratio),  # Gao 1996
    "nbr": (("nir", "swir22"), _ratio),  # Key & Benson 2006
    "mndwi": (("green", "swir16"), _ratio),  # Xu 2006
    "ndwi": (("green", "nir"), _ratio),  # McFeeters 1996
    "bsi": (("blue", "red", "nir", "swir16"), _bsi),  # Rikimaru et al. 2002
    "fai": (("red", "nir", "swir16"), _fai),  # Hu 2009, floating algae: nir above the line from red to swir16
    "brightness": (("green", "red"), _brightness),  # Escadafal 1989
}
"""Bands that an index is made of, and how."""


def index_of(name: str, values: FloatArray, bands: tuple[str, ...]) -> FloatArray:
    """(..., H, W) of an index.

    Args:
        name: one of `INDICES`.
        values: (..., C, H, W) reflectance, NaN = not observed.
        bands: names of the C bands.

    Returns:
        NaN where a band of it was not observed, and everywhere where one is not among `bands`.

    Raises:
        ValueError: if there is no index of that name.
    """
    if name not in INDICES:
        raise ValueError(f"no index {name!r}; there are {', '.join(INDICES)}")
    needed, make = INDICES[name]
    if not set(needed) <= set(bands):
        return np.full((*values.shape[:-3], *values.shape[-2:]), np.nan, np.float32)
    return np.asarray(make(*(values[..., bands.index(band), :, :] for band in needed)), np.float32)


def band_of(name: str, values: FloatArray, bands: tuple[str, ...]) -> FloatArray:
    """(..., H, W) of one band, NaN where it was not observed or is not among `bands`."""
    if name not in bands:
        return np.full((*values.shape[:-3], *values.shape[-2:]), np.nan, np.float32)
    return values[..., bands.index(name), :, :]

"""Numbers that describe one pixel at one date, whatever bands its sensor has."""

import numpy as np

from detectors.core.types import BoolArray, FloatArray

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
"""The order in which bands are wanted here."""

BRIGHTEST = 2.0
"""Reflectance above it is none: snow and glint exceed 1, digital numbers exceed 2 nearly everywhere."""

RATIOS = (
    ("nir", "red"),
    ("green", "nir"),
    ("blue", "red"),
    ("green", "red"),
    ("green", "swir16"),
    ("nir", "swir16"),
    ("green", "swir22"),
    ("nir", "swir22"),
    ("swir16", "swir22"),
)
"""Normalised differences, first minus second."""

_FLOOR = np.float32(0.02)

FEATURES = len(BANDS) + len(RATIOS) + 3
"""How many numbers `describe` gives: roots of reflectance, ratios, presence of blue, swir16 and swir22."""


def place_of(first: str, second: str) -> int:
    """Where a ratio stands in what `describe` gives."""
    return len(BANDS) + RATIOS.index((first, second))


def ordered(image: FloatArray, bands: tuple[str, ...]) -> FloatArray:
    """(6, H, W) in the order of `BANDS`, NaN where a band is missing; other bands are left out."""
    out = np.full((len(BANDS), *image.shape[1:]), np.nan, np.float32)
    for place, name in enumerate(BANDS):
        if name in bands:
            out[place] = image[bands.index(name)]
    return out


def usable(image: FloatArray) -> BoolArray:
    """(H, W) whether green, red and near infrared were observed and no band exceeds what a reflectance can be.

    Args:
        image: (6, H, W) in the order of `BANDS`.
    """
    with np.errstate(invalid="ignore"):
        too_bright = (image >= BRIGHTEST).any(axis=0)
    return np.asarray(np.isfinite(image[1:4]).all(axis=0) & ~too_bright)


def describe(image: FloatArray) -> FloatArray:
    """(`FEATURES`, H, W) of an image, each pixel on its own; finite everywhere, 0 where a band is missing.

    Args:
        image: (6, H, W) in the order of `BANDS`, NaN = not observed.
    """
    out = np.empty((FEATURES, *image.shape[1:]), np.float32)
    seen = np.isfinite(image)
    known = np.where(seen, np.clip(image, -_FLOOR / 2, BRIGHTEST), np.float32(0))
    # a floor keeps ratios of near nothing calm; a root spreads the dark end, where water, char and shadow lie
    known += _FLOOR
    np.sqrt(known, out=out[:6])
    out[:6] *= seen
    for place, (one, other) in enumerate(RATIOS, start=len(BANDS)):
        a, b = BANDS.index(one), BANDS.index(other)
        np.divide(known[a] - known[b], known[a] + known[b], out=out[place])
        out[place] *= seen[a] & seen[b]
    out[-3], out[-2], out[-1] = seen[0], seen[4], seen[5]
    return out

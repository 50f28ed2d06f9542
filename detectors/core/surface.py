"""What a pixel is made of at one date, by published spectral indices: a stand-in until the network has its say.

Limits are those of the papers or of common use, rounded; nothing was tuned. Trees, grass and crop can not be told
apart from one date, so all of it is called by its vigour and wetness only.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.core.types import BoolArray, FloatArray, Surface


def ratio(image: FloatArray, bands: tuple[str, ...], first: str, second: str) -> FloatArray:
    """(H, W) normalised difference of two bands, NaN where either was not observed or both are zero."""
    one, other = image[bands.index(first)], image[bands.index(second)]
    total = one + other
    out: FloatArray = np.full_like(total, np.nan)
    np.divide(one - other, total, out=out, where=np.abs(total) > 1e-6)
    return out


def classify(image: FloatArray, bands: tuple[str, ...]) -> NDArray[np.uint8]:
    """`Surface` codes of one image.

    Args:
        image: (C, H, W) reflectance 0–1, NaN = not observed. A band that is missing altogether is done without:
            lacking SWIR, snow is not told from bright ground, nor burnt or built from bare.
        bands: names of the C bands.

    Returns:
        (H, W) codes; UNKNOWN where red, green or near infrared was not observed, or where values are no reflectance.
    """
    code = np.zeros(image.shape[1:], np.uint8)
    have = {name for name, band in zip(bands, image, strict=True) if np.isfinite(band).any()}
    if not {"green", "red", "nir"} <= have:
        return code
    band = {name: image[bands.index(name)] for name in have}
    with np.errstate(invalid="ignore"):
        observed = np.isfinite(band["green"]) & np.isfinite(band["red"]) & np.isfinite(band["nir"])
        # snow and glint exceed 1, DN exceed 2 everywhere
        observed &= np.maximum(band["green"], band["nir"]) < 2
        for surface, where in _rules(band, have, image, bands):
            code[where & observed & (code == Surface.UNKNOWN)] = surface
    return code


LAID_BARE, SPARSE, SOIL_NDTI = 0.55, 0.36, 0.13
"""Ground is laid bare where NDVI fell below this share of what it was and below this level (weeds on gravel, plants
under plastic), and SWIR shows soil and not straw (NDTI; van Deventer et al. 1997)."""


def laid_bare(before: FloatArray, after: FloatArray, bands: tuple[str, ...]) -> BoolArray:
    """(H, W) where plants gave way to ground with few plants on it, which by itself still passes for thin grass.

    Args:
        before: (C, H, W) reflectance 0–1, NaN = not observed.
        after: the same bands and grid. Without both SWIR bands nothing is called laid bare: straw looks alike.
        bands: names of the C bands.
    """
    if not {"red", "nir", "swir16", "swir22"} <= set(bands):
        return np.zeros(after.shape[1:], np.bool_)
    was, now = (ratio(image, bands, "nir", "red") for image in (before, after))
    straw = ratio(after, bands, "swir16", "swir22")
    with np.errstate(invalid="ignore"):
        return np.asarray((now < SPARSE) & (now < LAID_BARE * was) & (straw < SOIL_NDTI))


def _rules(
    band: dict[str, FloatArray], have: set[str], image: FloatArray, bands: tuple[str, ...]
) -> list[tuple[Surface, BoolArray]]:
    """Rules in their order: the first that holds wins."""

    def index(first: str, second: str) -> FloatArray:
        if {first, second} <= have:
            return ratio(image, bands, first, second)
        return np.full(image.shape[1:], np.nan, np.float32)

    ndvi, ndwi = index("nir", "red"), index("green", "nir")
    swir = "swir16" if "swir16" in have else "swir22"
    mndwi, ndmi, nbr, ndsi = index("green", swir), index("nir", swir), index("nir", "swir22"), index("green", swir)
    visible = (band["green"] + band["red"]) / 2
    lush = ndvi > 0.4
    # Hall et al. 1995: NDSI over 0.4 and near infrared over 0.11 (water is dark there)
    snow = (ndsi > 0.4) & (band["nir"] > 0.11) & (visible > 0.2)
    # McFeeters 1996, Xu 2006; water in any case is dark in the infrared
    water = ((ndwi > 0) | ((mndwi > 0.1) & (ndvi < 0.2))) & (band["nir"] < 0.15)
    # Key & Benson 2006: charred ground is dark, darker in the near infrared than in the short-wave infrared
    # (bare dry soil keeps NBR above about −0.12); with one SWIR band alone the limit is stricter
    char = nbr < -0.15 if "swir22" in have else ndmi < -0.25
    burnt = char & (band["nir"] < 0.3) & (visible < 0.2) & (ndvi < 0.35)
    # Gao 1996: leaves full of water; that index is one of SWIR at 1.6 µm
    wet = lush & (index("nir", "swir16") > 0.35) & (mndwi > -0.45)
    # Zha et al. 2003 (NDBI = −NDMI), Rikimaru et al. 2002 (BSI): concrete is as bright in blue as bare soil is not
    built = (ndvi < 0.2) & (index("swir16", "nir") < 0.1) & (index("blue", "red") > -0.1) & (visible > 0.1)
    return [
        (Surface.SNOW, snow),
        (Surface.WATER, water),
        (Surface.BURNT, burnt),
        (Surface.WET_VEGETATION, wet),
        (Surface.TREE, lush & (ndvi > 0.6) & (visible < 0.06)),
        (Surface.CROP, ndvi > 0.7),
        (Surface.GRASS, ndvi > 0.25),
        (Surface.BUILT, built),
        (Surface.BRIGHT_BARE, visible >= 0.15),
        (Surface.DARK_BARE, visible < 0.15),
    ]

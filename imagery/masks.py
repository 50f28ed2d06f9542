"""From a product's own classes and quality bits to flags."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imagery.mosaic import Flag

CLOUD_MARGIN_M = 40.0
"""Cloud and shadow of SCL are widened by this: two of its pixels."""

Flags = NDArray[np.uint8]


def _scl_table() -> Flags:
    table = np.full(256, Flag.NODATA, np.uint8)
    table[[2, 4, 5, 6, 7]] = 0
    table[1] = Flag.SATURATED
    table[3] = Flag.SHADOW
    table[[8, 9]] = Flag.CLOUD
    table[10] = Flag.CLOUD | Flag.HAZE
    table[11] = Flag.SNOW
    return table


_SCL = _scl_table()


def margin_px(gsd_m: float) -> int:
    """`CLOUD_MARGIN_M` in pixels, so many must be read around a window for its flags to be right."""
    return max(1, round(CLOUD_MARGIN_M / gsd_m))


def scl_flags(classes: NDArray[np.uint8], gsd_m: float) -> Flags:
    """Flags from a Sentinel-2 scene classification (ESA L2A product definition, 0–11).

    Args:
        classes: (H, W); 0 = no data.
        gsd_m: its pixel size.

    Returns:
        (H, W) flags; cloud and shadow widened by `CLOUD_MARGIN_M`. Dark areas (2) are not flagged: they are mostly
        water, burns and pits, which is what we look for.
    """
    flags = _SCL[np.minimum(classes, 255).astype(np.uint8)]
    for flag in (Flag.CLOUD, Flag.SHADOW):
        flags |= np.where(widened((flags & np.uint8(flag)) > 0, margin_px(gsd_m)), np.uint8(flag), np.uint8(0))
    return flags


def widened(mask: NDArray[np.bool_], radius_px: int) -> NDArray[np.bool_]:
    """The mask grown by a disk."""
    if not mask.any():
        return mask
    return np.asarray(ndimage.distance_transform_edt(~mask) <= radius_px)


def qa_pixel_flags(bits: NDArray[np.generic]) -> Flags:
    """Flags from QA_PIXEL of Landsat collection 2 (USGS LSDS-1619): fill, cloud, cirrus, shadow, snow."""
    word = bits.astype(np.uint16)
    flags = np.zeros(word.shape, np.uint8)
    flags[_bit(word, 0)] |= np.uint8(Flag.NODATA)
    flags[_bit(word, 1) | _bit(word, 3)] |= np.uint8(Flag.CLOUD)
    flags[_bit(word, 2)] |= np.uint8(Flag.CLOUD | Flag.HAZE)
    flags[_bit(word, 4)] |= np.uint8(Flag.SHADOW)
    flags[_bit(word, 5)] |= np.uint8(Flag.SNOW)
    return flags


def pixel_qa_flags(bits: NDArray[np.generic]) -> Flags:
    """Flags from pixel_qa of Landsat collection 1 (USGS LSDS-1368): fill, shadow, snow, cloud, cirrus confidence."""
    word = bits.astype(np.uint16)
    flags = np.zeros(word.shape, np.uint8)
    flags[_bit(word, 0)] |= np.uint8(Flag.NODATA)
    flags[_bit(word, 3)] |= np.uint8(Flag.SHADOW)
    flags[_bit(word, 4)] |= np.uint8(Flag.SNOW)
    flags[_bit(word, 5)] |= np.uint8(Flag.CLOUD)
    flags[_bit(word, 8) & _bit(word, 9)] |= np.uint8(Flag.CLOUD | Flag.HAZE)
    return flags


def _bit(word: NDArray[np.uint16], number: int) -> NDArray[np.bool_]:
    return np.asarray((word >> number) & 1 == 1)

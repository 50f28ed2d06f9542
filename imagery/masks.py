"""From a product's own classes and quality bits to flags.

No product here tells ice from snow: SCL's class 11, the snow bits of Landsat and of Fmask, and MSK_CLASSI all mean
"snow or ice". All give SNOW; ICE stays unset until something can tell it.
"""

import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imagery.mosaic import Flag
from imagery.scene import CLOUD_MASKS, COARSE_MASK

CLOUD_MARGIN_M = 40.0
"""Cloud and shadow of SCL are widened by this: two of its pixels."""

FEW_PX = 6
"""Disks up to this radius are drawn row by row."""

Flags = NDArray[np.uint8]
Translate = Callable[[NDArray[Any]], Flags]

_ALWAYS = ("valid", "qa_radsat", "radsat_qa")
_CLASSI = (COARSE_MASK, "classi_cirrus", "classi_snow")


def in_use(names: Collection[str]) -> tuple[str, ...]:
    """Which of a scene's masks are asked: what says where data and saturation are, and of cloud masks the best one."""
    best = next((name for name in CLOUD_MASKS if name in names), None)
    clouds = _CLASSI if best is None else (best,)
    return tuple(name for name in (*_ALWAYS, *clouds) if name in names)


def translation(name: str, sensor: str, gsd_m: float) -> tuple[Translate, int]:
    """How a mask is read.

    Args:
        name: one of `in_use`.
        sensor: of the scene: the bits of saturation depend on it.
        gsd_m: pixel size of the mask.

    Returns:
        From (H, W) classes or bits to flags, and how many pixels around a window that needs.
    """
    if name == "scl":
        return (lambda part: scl_flags(part, gsd_m)), margin_px(gsd_m)
    if name in ("qa_radsat", "radsat_qa"):
        bits = _six_bands(sensor)
        return (lambda part: radsat_flags(part, bits, 1 if name == "radsat_qa" else 0)), 0
    return _TRANSLATIONS[name], 0


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
    flags = _SCL.take(np.minimum(classes, 255).astype(np.uint8, copy=False))
    for flag in (Flag.CLOUD, Flag.SHADOW):
        flags |= widened((flags & np.uint8(flag)) > 0, margin_px(gsd_m)) * np.uint8(flag)
    return flags


def widened(mask: NDArray[np.bool_], radius_px: int) -> NDArray[np.bool_]:
    """The mask grown by a disk: every pixel whose centre is no further than the radius from one of the mask."""
    if not mask.any():
        return mask
    if radius_px > FEW_PX:
        return np.asarray(ndimage.distance_transform_edt(~mask) <= radius_px)
    # a small disk row by row is ten times as fast as distances
    height = len(mask)
    grown, across, reach = np.zeros_like(mask), mask.copy(), 0
    for down in range(min(radius_px, height - 1), -1, -1):
        half = math.isqrt(radius_px**2 - down**2)
        for right in range(reach + 1, half + 1):
            across[:, right:] |= mask[:, :-right]
            across[:, :-right] |= mask[:, right:]
        reach = half
        grown[down:] |= across[: height - down]
        grown[: height - down] |= across[down:]
    return grown


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


def fmask_flags(bits: NDArray[np.generic]) -> Flags:
    """Flags from Fmask of HLS v2.0 (user guide, table 9): cirrus, cloud, beside cloud or shadow, shadow, snow or ice.

    Water (bit 5) and aerosol (bits 6–7) hide nothing: aerosol is often called high over bright bare ground, which is
    what we look for.
    """
    word = bits.astype(np.uint16)
    flags = np.zeros(word.shape, np.uint8)
    flags[_bit(word, 1) | _bit(word, 2)] |= np.uint8(Flag.CLOUD)
    flags[_bit(word, 0)] |= np.uint8(Flag.CLOUD | Flag.HAZE)
    flags[_bit(word, 3)] |= np.uint8(Flag.SHADOW)
    flags[_bit(word, 4)] |= np.uint8(Flag.SNOW)
    flags[word == FMASK_FILL] = np.uint8(Flag.NODATA)
    return flags


FMASK_FILL = 255

_OLI_BITS, _TM_BITS = (1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4, 6)
_DROPPED, _OCCLUDED = 9, 11


def _six_bands(sensor: str) -> tuple[int, ...]:
    """Bits of the six harmonised bands in QA_RADSAT: bands 2–7 of OLI, 1–5 and 7 of the older sensors."""
    return _OLI_BITS if sensor in ("landsat-8", "landsat-9") else _TM_BITS


def radsat_flags(bits: NDArray[np.generic], six: tuple[int, ...], first: int = 0) -> Flags:
    """Flags from QA_RADSAT of Landsat collection 2 (LSDS-1618, -1619) or radsat_qa of collection 1 (LSDS-1368, -1370).

    Args:
        bits: (H, W).
        six: bits of the bands that count, in the numbering of collection 2.
        first: 1 for collection 1, whose bit 0 is fill and whose bands come one bit later.

    Returns:
        (H, W) SATURATED where any of the six bands is; NODATA where collection 1 has fill and where collection 2
        has a dropped pixel (bit 9 before Landsat 8) or ground hidden by terrain (bit 11 of Landsat 8 and 9).
    """
    word = bits.astype(np.uint16)
    flags = np.zeros(word.shape, np.uint8)
    saturated = np.uint16(sum(1 << (bit + first) for bit in six))
    flags[(word & saturated) > 0] |= np.uint8(Flag.SATURATED)
    unseen = 0 if first else _OCCLUDED if six == _OLI_BITS else _DROPPED
    flags[_bit(word, unseen)] |= np.uint8(Flag.NODATA)
    return flags


def _where(flag: Flag) -> Translate:
    return lambda part: np.where(part == 1, np.uint8(flag), np.uint8(0))


_TRANSLATIONS: dict[str, Translate] = {
    "valid": lambda part: np.where(part == 0, np.uint8(Flag.NODATA), np.uint8(0)),
    "qa_pixel": qa_pixel_flags,
    "pixel_qa": pixel_qa_flags,
    "fmask": fmask_flags,
    "cloud_mask": lambda part: part.astype(np.uint8),
    COARSE_MASK: _where(Flag.CLOUD),
    "classi_cirrus": _where(Flag.CLOUD | Flag.HAZE),
    "classi_snow": _where(Flag.SNOW),
}
"""MSK_CLASSI (Sentinel-2 from baseline 04.00 on): 1 is opaque cloud in its band 1, cirrus in 2, snow or ice in 3."""


def _bit(word: NDArray[np.uint16], number: int) -> NDArray[np.bool_]:
    return np.asarray((word >> number) & 1 == 1)

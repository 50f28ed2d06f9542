"""Cloud, shadow and snow of scenes that come without classes. Arrays in, arrays out.

For Sentinel-2 L1C the probability is s2cloudless' (Zupanc, 2017; its weights ship with the package), for all others
that of `imagery.spectral_clouds`; both at 60 m. The usual threshold takes bright new roofs and bare ground for cloud,
and a masked change is a lost change; so a cloud here must be *wide*: the probability is smoothed, must be high
somewhere, and is followed down only as far as it stays likely.
docs/design/cloud-mask.md has the measurements behind each number.
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imagery.masks import widened
from imagery.mosaic import Flag
from imagery.sun import Sun

FloatArray = NDArray[np.float32]

GSD_M = 60.0
CLOUD_BANDS = ("coastal", "blue", "red", "rededge1", "nir", "nir08", "nir09", "cirrus", "swir16", "swir22")
"""What s2cloudless looks at, in its order."""

NEEDED = (*CLOUD_BANDS, "green")

_MANY_PX = 100_000
SMOOTH_PX = 1.0
LIKELY = 0.5
CERTAIN = 0.75
CIRRUS_LIKELY = 0.4
CIRRUS_REFLECTANCE = 0.003
"""Band 10 of clear ground stays under 0.0024 (99th percentile of 27 scenes of 28); thin high cloud shows 0.0035."""

MARGIN_PX = 2
CLOUD_HEIGHTS_M = (200.0, 12_000.0)
"""Between them cloud is looked for above its shadow (Zhu & Woodcock 2012)."""

SHADOW_REACH_PX = 25
SHADOW_SIZE_PX = 25
SHADOW_DEPTH = 0.08
SHADOW_NIR = 0.15


def cloud_probability(stack: FloatArray) -> FloatArray:
    """(H, W) s2cloudless probability 0–1.

    Args:
        stack: (H, W, 10) L1C reflectance in the order of `CLOUD_BANDS`; NaN gives NaN.
    """
    seen = np.asarray(np.isfinite(stack).all(axis=-1))
    threads = 1 if seen.size < _MANY_PX else 0  # 0 = all cores; they get in each other's way on a small scene
    maps = _detector().get_cloud_probability_maps(np.where(seen[..., None], stack, 0)[None], num_threads=threads)
    return np.where(seen, maps[0], np.nan).astype(np.float32)


@lru_cache(maxsize=1)
def _detector() -> Any:
    from s2cloudless.cloud_detector import S2PixelCloudDetector  # takes a second to load, and only L1C scenes need it

    return S2PixelCloudDetector(threshold=CERTAIN, average_over=1, dilation_size=1, all_bands=False)


def cloud_flags(
    probability: FloatArray,
    bands: Mapping[str, FloatArray],
    likely: float = LIKELY,
    certain: float = CERTAIN,
    sun: Sun | None = None,
) -> NDArray[np.uint8]:
    """Flags of a whole scene at 60 m.

    Args:
        probability: (H, W), NaN = no data.
        bands: (H, W) reflectance of at least green, nir and swir16; with cirrus, thin high cloud is seen as well.
        likely: how probable every pixel of a cloud must be, …
        certain: … and some pixel of it; the defaults are those for s2cloudless.
        sun: where it stood; without it shadow is looked for on all sides of a cloud.

    Returns:
        (H, W) flags: NODATA, CLOUD (with HAZE where only band 10 sees it), SHADOW, SNOW.
    """
    seen = np.isfinite(probability)
    smooth = _smoothed(probability, seen)
    dense = _reached(smooth > likely, smooth > certain)
    thin = np.zeros(seen.shape, np.bool_)
    if "cirrus" in bands:
        thin = (smooth > CIRRUS_LIKELY) & (_smoothed(bands["cirrus"], seen) > CIRRUS_REFLECTANCE)
    snow = snow_mask(bands)
    cloud = widened(dense | thin, MARGIN_PX)
    flags = np.zeros(probability.shape, np.uint8)
    flags[cloud] |= np.uint8(Flag.CLOUD)
    flags[thin & ~dense] |= np.uint8(Flag.HAZE)
    near = widened(cloud, SHADOW_REACH_PX) if sun is None else swept(cloud, sun)
    flags[_shadow(cloud, near, bands["nir"], seen)] |= np.uint8(Flag.SHADOW)
    flags[snow] |= np.uint8(Flag.SNOW)
    flags[~seen] = np.uint8(Flag.NODATA)
    return flags


def _smoothed(values: FloatArray, seen: NDArray[np.bool_]) -> FloatArray:
    weight = ndimage.gaussian_filter(seen.astype(np.float32), SMOOTH_PX, mode="nearest")
    total = ndimage.gaussian_filter(np.where(seen, values, np.float32(0)), SMOOTH_PX, mode="nearest")
    return np.asarray(total / np.maximum(weight, 1e-6), np.float32)


def _reached(likely: NDArray[np.bool_], certain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The likely areas that hold something certain."""
    labels, count = ndimage.label(likely, np.ones((3, 3)))
    keep = np.zeros(count + 1, np.bool_)
    keep[np.unique(labels[certain & likely])] = True
    keep[0] = False
    return np.asarray(keep[labels])


def _shadow(
    cloud: NDArray[np.bool_], near: NDArray[np.bool_], nir: FloatArray, seen: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Dark hollows of the near infrared where a shadow may fall.

    A hollow larger than the largest cloud is a lake, a forest or a town, not a shadow.
    """
    if not cloud.any():
        return cloud
    filled = np.where(seen, nir, np.float32(1))
    hollow = ndimage.grey_closing(filled, (SHADOW_SIZE_PX, SHADOW_SIZE_PX)) - filled > SHADOW_DEPTH
    dark = hollow & (filled < SHADOW_NIR) & near & ~cloud
    labels, count = ndimage.label(dark, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    keep = sizes <= np.bincount(ndimage.label(cloud, np.ones((3, 3)))[0].ravel())[1:].max()
    keep[0] = False
    return np.asarray(keep[labels])


def swept(cloud: NDArray[np.bool_], sun: Sun) -> NDArray[np.bool_]:
    """Where shadows of the clouds fall, whatever their height within `CLOUD_HEIGHTS_M`.

    Args:
        cloud: (H, W) at 60 m, its rows running south. Cloud beside the scene throws no shadow into it.
        sun: above the horizon.
    """
    height, width = cloud.shape
    lowest, highest = (metres / math.tan(math.radians(sun.elevation_deg)) / GSD_M for metres in CLOUD_HEIGHTS_M)
    shade = np.zeros_like(cloud)
    places = set()
    highest = max(lowest, min(highest, math.hypot(height, width)))
    for far in np.linspace(lowest, highest, math.ceil((highest - lowest) / 0.7) + 1):
        down = round(far * math.cos(math.radians(sun.azimuth_deg)))
        right = -round(far * math.sin(math.radians(sun.azimuth_deg)))
        if abs(down) < height and abs(right) < width:
            places.add((down, right))
    for down, right in places:
        part = cloud[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
        shade[max(0, down) :, max(0, right) :][: part.shape[0], : part.shape[1]] |= part
    return shade


def snow_mask(bands: Mapping[str, FloatArray]) -> NDArray[np.bool_]:
    """Bright in green and near infrared, dark at 1.6 µm (Zhu & Woodcock 2012, with a higher floor against roofs)."""
    green, swir = bands["green"], bands["swir16"]
    ratio = (green - swir) / np.maximum(green + swir, np.float32(1e-3))
    return np.asarray((ratio > 0.4) & (green > 0.25) & (bands["nir"] > 0.15))

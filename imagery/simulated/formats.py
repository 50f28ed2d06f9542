"""How a scene of each sensor is laid out in files: names, pixel types, masks and sidecars, as the readers know them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.scene import BANDS
from imagery.simulated.classification import CIRRUS, CLOUD_HIGH, CLOUD_MEDIUM, SHADOW, SNOW, UNCLASSIFIED, WATER
from imagery.simulated.noise import FloatArray
from imagery.simulated.sensors import Seen, camera_of, step_of
from imagery.simulated.sky import Look
from imagery.simulated.spec import SteppeSpec

SCALE = 0.0001
_OLI_SCALE, _OLI_OFFSET = 2.75e-5, -0.2
_S2_FINE, _S2_COARSE = ("B02", "B03", "B04", "B08"), ("B11", "B12")
_OLI = ("B2", "B3", "B4", "B5", "B6", "B7")

Arrays = dict[str, NDArray[Any]]
Stretch = tuple[FloatArray, FloatArray]
"""Reflectance that becomes DN 1, and the one that becomes DN 255, of each band of a DOM."""


@dataclass(frozen=True)
class RasterFile:
    """One file of a scene."""

    name: str
    step: int
    """Rendered pixels along one of its pixels."""

    dtype: str
    count: int = 1
    nodata: float = 0
    mask: bool = False
    """Whether it holds classes or bits, which are not averaged in overviews."""


@dataclass(frozen=True)
class Format:
    """A scene's files and what they hold."""

    files: tuple[RasterFile, ...]
    encode: Callable[[Seen], Arrays]
    """What each file holds of a window, by file name: (H, W), or (C, H, W) for a stack."""

    note_name: str
    note: Mapping[str, Any]
    """The sidecar."""


def scene_id(spec: SteppeSpec, epsg: int, look: Look) -> str:
    """The id of a scene, which is also the name of its folder."""
    zone, day = epsg % 100, f"{look.time:%Y%m%d}"
    match spec.sensor:
        case "landsat":
            return f"LC08_L2SP_{100 + zone}026_{day}_{day}_02_T1"
        case "gaofen":
            return f"SIM_GF6_{'PMS' if spec.gsd_m == 8 else 'WFV'}_{look.time:%Y%m%dT%H%M%S}_T{zone:02d}"
        case "dom":
            return f"SIM_DOM_{day}_T{zone:02d}"
    return f"SIM_L2A_{look.time:%Y%m%dT%H%M%S}_T{zone:02d}"


def format_of(spec: SteppeSpec, name: str, look: Look, stretch: Stretch | None) -> Format:
    """The layout of one scene.

    Args:
        spec: of the world.
        name: id of the scene.
        look: its date.
        stretch: of a DOM's date; None for other sensors.
    """
    said: dict[str, Any] = {"datetime": look.time.isoformat().replace("+00:00", "Z")}
    step = step_of(spec)
    if spec.sensor == "sentinel-2":
        fine = tuple(RasterFile(f"{band}.tif", 1, "uint16") for band in _S2_FINE)
        coarse = tuple(RasterFile(f"{band}.tif", 2, "uint16") for band in _S2_COARSE)
        said |= {"level": "L2A", "baseline": "05.10", "sensor": "sentinel-2", "scale": SCALE, "offset": 0.0}
        return Format((*fine, *coarse, RasterFile("SCL.tif", 2, "uint8", mask=True)), _msi, "scene.json", said)
    said["id"] = name
    if spec.sensor == "landsat":
        files = tuple(RasterFile(f"{name}_SR_{band}.TIF", step, "uint16") for band in _OLI)
        quality = RasterFile(f"{name}_QA_PIXEL.TIF", step, "uint16", nodata=1, mask=True)
        said |= {"level": "SR", "sensor": "landsat-8"}
        return Format((*files, quality), lambda seen: _oli(seen, name), "scene.json", said)
    places = camera_of(spec).fine
    bands = [BANDS[place] for place in (places[: spec.dom_bands] if stretch else places)]
    said |= {"bands": bands, "nodata": 0}
    stack = RasterFile(f"{name}.tiff", step, "uint8" if stretch else "uint16", len(bands))
    if stretch:
        said |= {"level": "DN", "sensor": "dom"}
        return Format((stack,), lambda seen: {stack.name: _stretched(seen, stretch)}, f"{stack.name}.weixun.json", said)
    said |= {"level": "SR", "sensor": "gaofen-6", "scale": SCALE, "offset": 0.0}
    return Format((stack,), lambda seen: {stack.name: _counts(seen.fine)}, f"{stack.name}.weixun.json", said)


def _counts(reflectance: FloatArray, scale: float = SCALE, offset: float = 0.0) -> NDArray[np.uint16]:
    return np.asarray(np.clip(np.rint((reflectance - offset) / scale), 1, 65_534), dtype=np.uint16)


def _msi(seen: Seen) -> Arrays:
    bands = zip((*_S2_FINE, *_S2_COARSE), (*seen.fine, *seen.coarse), strict=True)
    found: Arrays = {f"{band}.tif": _counts(values) for band, values in bands}
    return found if seen.classes is None else found | {"SCL.tif": seen.classes}


def _oli(seen: Seen, name: str) -> Arrays:
    bands = zip(_OLI, seen.fine, strict=True)
    found: Arrays = {f"{name}_SR_{band}.TIF": _counts(values, _OLI_SCALE, _OLI_OFFSET) for band, values in bands}
    return found if seen.classes is None else found | {f"{name}_QA_PIXEL.TIF": _quality(seen.classes)}


def _quality(classes: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """QA_PIXEL of collection 2 (USGS LSDS-1619): the words that clear land, water, cloud … usually have."""
    words = np.full(256, 21_824, np.uint16)
    words[[UNCLASSIFIED, CIRRUS]] = 21_826, 54_596  # cloud's dilated edge; cirrus
    words[[CLOUD_MEDIUM, CLOUD_HIGH]] = 22_280
    words[[SHADOW, SNOW, WATER]] = 23_888, 30_048, 21_952
    quality: NDArray[np.uint16] = words[classes]
    return quality


def _stretched(seen: Seen, stretch: Stretch) -> NDArray[np.uint8]:
    low, high = (end[:, None, None] for end in stretch)
    return np.asarray(np.clip(np.rint(1 + 254 * (seen.fine - low) / (high - low)), 1, 255), dtype=np.uint8)

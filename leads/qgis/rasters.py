"""Images and scores as QGIS layers, stretched alike before and after so that a change of colour is a change."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree.ElementTree import Element

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from leads.errors import OutputError
from leads.qgis.elements import element
from leads.stretch import limits

Kind = Literal["after", "before", "score"]

TRUE_COLOUR = "真彩色 true colour"
FALSE_COLOUR = "假彩色 false colour"

_BANDS = {TRUE_COLOUR: (1, 2, 3), FALSE_COLOUR: (4, 1, 2)}
"""Raster bands for red, green and blue, of files with the bands red, green, blue, nir."""

_LOOK_PX = 512
"""Edge of the overview from which the stretch is taken."""

_RAMP = ((0.0, "#000000", 0), (0.3, "#4b0c6b", 60), (0.5, "#f98e09", 190), (1.0, "#fcffa4", 230))
"""Score, colour, opacity; 0.5 is the threshold of every detector."""


@dataclass(frozen=True)
class RasterLayer:
    """A raster of the project."""

    name_zh: str
    path: Path
    kind: Kind
    """``before`` and ``after`` have the bands red, green, blue, nir; ``score`` has one, 0–1."""

    name_en: str = ""


@dataclass(frozen=True)
class Look:
    """What the project has to know of a raster file."""

    epsg: int
    bounds: tuple[float, float, float, float]
    """Left, bottom, right, top in that CRS."""

    bands: int
    sample: NDArray[np.float32]
    """(bands, h, w) of at most `_LOOK_PX` pixels each way; NaN = nodata."""


Stretch = tuple[tuple[float, float], ...]
"""Least and greatest shown value of each raster band."""


def look_at(path: Path) -> Look:
    """Reads a raster's CRS, bounds and a coarse sample.

    Raises:
        OutputError: if it is not a georeferenced raster; the project is not written then.
    """
    try:
        with rasterio.open(path) as source:
            scale = max(1.0, max(source.shape) / _LOOK_PX)
            shape = (source.count, max(1, int(source.height / scale)), max(1, int(source.width / scale)))
            sample = source.read(out_shape=shape, masked=True).astype(np.float32).filled(np.nan)
            epsg = source.crs.to_epsg() if source.crs else None
            if epsg is None:
                raise OutputError(f"{path} has no EPSG code and can not be put into the QGIS project")
            return Look(int(epsg), tuple(source.bounds), source.count, sample)
    except RasterioError as error:
        raise OutputError(f"{path} can not be read for the QGIS project: {error}") from error


def common_stretch(looks: Sequence[Look]) -> Stretch:
    """One stretch for all images, band by band."""
    bands = max((look.bands for look in looks), default=0)
    return tuple(limits([look.sample[band] for look in looks if look.bands > band]) for band in range(bands))


def image_styles(stretch: Stretch, bands: int) -> dict[str, list[Element]]:
    """Name → style of an image; false colour only where there is a near infrared band."""
    styles = {}
    for name, channels in _BANDS.items():
        if max(channels) <= bands:
            styles[name] = [_pipe(_colours(channels, stretch)), element("blendMode", text="0")]
    return styles or {TRUE_COLOUR: [_pipe(_colours((1, 1, 1), stretch)), element("blendMode", text="0")]}


def _colours(channels: tuple[int, int, int], stretch: Stretch) -> Element:
    renderer = element("rasterrenderer", {"type": "multibandcolor", "opacity": "1", "alphaBand": "-1"})
    for colour, band in zip(("red", "green", "blue"), channels, strict=True):
        renderer.set(f"{colour}Band", str(band))
        low, high = stretch[band - 1]
        renderer.append(
            element(
                f"{colour}ContrastEnhancement",
                {},
                element("minValue", text=f"{low:g}"),
                element("maxValue", text=f"{high:g}"),
                element("algorithm", text="StretchToMinimumMaximum"),
            )
        )
    renderer.append(element("minMaxOrigin", {}, element("limits", text="None")))
    return renderer


def score_style() -> list[Element]:
    """From clear to bright with the score, so that the image shows where nothing changed."""
    ramp = element(
        "colorrampshader",
        {
            "colorRampType": "INTERPOLATED",
            "classificationMode": "1",
            "clip": "0",
            "minimumValue": "0",
            "maximumValue": "1",
        },
        *(
            element("item", {"value": f"{value:g}", "label": f"{value:g}", "color": colour, "alpha": str(opacity)})
            for value, colour, opacity in _RAMP
        ),
    )
    renderer = element(
        "rasterrenderer",
        {
            "type": "singlebandpseudocolor",
            "band": "1",
            "opacity": "1",
            "alphaBand": "-1",
            "classificationMin": "0",
            "classificationMax": "1",
        },
        element("rastershader", {}, ramp),
    )
    return [_pipe(renderer), element("blendMode", text="0")]


def _pipe(renderer: Element) -> Element:
    return element(
        "pipe",
        {},
        element("provider", {}, element("resampling", {"enabled": "false", "maxOversampling": "2"})),
        renderer,
        element("brightnesscontrast", {"brightness": "0", "contrast": "0", "gamma": "1.25"}),
        element("huesaturation", {"saturation": "0", "grayscaleMode": "0", "colorizeOn": "0"}),
        element("rasterresampler", {"maxOversampling": "2"}),
        element("resamplingStage", text="resamplingFilter"),
    )

"""A Process request as Sentinel Hub reads it: what it refuses, and what it answers with."""

import datetime as dt
import io
import json
import re
import tarfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.io import MemoryFile

UNITS = {
    "sentinel-2-l2a": ("DN", "REFLECTANCE"), "sentinel-2-l1c": ("DN", "REFLECTANCE"), "landsat-ot-l2": ("REFLECTANCE",),
    "sentinel-1-grd": ("LINEAR_POWER",),
}  # fmt: skip
MASKS = ("SCL", "BQA", "dataMask")
KEEPS = "if (named) collections.scenes.tiles = own;"


class BadRequestError(Exception):
    """What the service answers 400 to."""


@dataclass(frozen=True)
class Order:
    """A Process request, read as the service reads it."""

    collection: str
    product: str
    first: dt.datetime
    last: dt.datetime
    bounds: tuple[float, float, float, float]
    epsg: int
    width: int
    height: int
    bands: list[tuple[str, str]]
    returned: list[str]
    dtype: str
    harmonised: bool
    filters: bool
    """Whether the script keeps tiles of its product only."""

    responses: list[str]

    @classmethod
    def of(cls, asked: dict[str, Any], codes: Any) -> "Order":
        script = asked.get("evalscript")
        if not script or not script.startswith("//VERSION=3"):
            raise BadRequestError("Parameter 'evalscript' must not be empty and must begin with //VERSION=3")
        bounds, (data,), output = asked["input"]["bounds"], asked["input"]["data"], asked["output"]
        if data["type"] not in codes:
            raise BadRequestError(f"Collection {data['type']} does not exist")
        epsg = int(re.fullmatch(r"http://www\.opengis\.net/def/crs/EPSG/0/(\d+)", bounds["properties"]["crs"])[1])
        left, bottom, right, top = bounds["bbox"]
        if "width" in output and "resx" in output:
            raise BadRequestError("width and resx exclude each other")
        width = output.get("width") or round((right - left) / output["resx"])
        height = output.get("height") or round((top - bottom) / output["resy"])
        if not (1 <= width <= 2500 and 1 <= height <= 2500):
            raise BadRequestError("Parameter 'width' or 'height' must be an integer between 1 and 2500")
        bands = _bands(script, data["type"], codes)
        if int(re.search(r"output: \{ bands: (\d+)", script)[1]) != len(bands):
            raise BadRequestError("evaluatePixel returned another number of bands")
        when, processing = data["dataFilter"]["timeRange"], data.get("processing", {})
        if (processing.get("upsampling"), processing.get("downsampling")) != ("NEAREST", "NEAREST"):
            raise AssertionError("this server reads the nearest pixel only")
        if processing.get("backCoeff") == "GAMMA0_TERRAIN" and processing.get("orthorectify") is not True:
            raise BadRequestError("GAMMA0_TERRAIN needs orthorectification")
        return cls(
            data["type"], json.loads(re.search(r"const PRODUCT = (\".*?\");", script)[1]), time_of(when["from"]),
            time_of(when["to"]), (left, bottom, right, top), epsg, width, height, bands,
            re.search(r"return \[(.*), mark\]", script)[1].split(", "),
            {"UINT16": "uint16", "FLOAT32": "float32"}[re.search(r'sampleType: "(\w+)"', script)[1]],
            processing.get("harmonizeValues", True), KEEPS in script,
            [part["identifier"] for part in output["responses"]],
        )  # fmt: skip

    def centres(self) -> tuple[np.ndarray, np.ndarray]:
        left, bottom, right, top = self.bounds
        step_x, step_y = (right - left) / self.width, (top - bottom) / self.height
        return left + (np.arange(self.width) + 0.5) * step_x, top - (np.arange(self.height) + 0.5) * step_y

    def value(self, product: Any, code: str, unit: str, values: np.ndarray, archive: Any) -> np.ndarray:
        """What the script returns for a band."""
        raster = product.bands[code]
        if unit == "DN" and code not in MASKS:
            shifted = bool(re.search(r"_N0[4-9]\d\d_", product.id))
            values = archive.raw_dn(raster, values, self.harmonised, shifted)
        elif unit == "REFLECTANCE":
            values = values * raster.scale + raster.offset
        said = self.returned[[band for band, _ in self.bands].index(code)]
        if said == f"s.{code}":
            return values
        if said == f"Math.round((s.{code} + 0.2) / 2.75e-5)":
            return np.floor((values + 0.2) / 2.75e-5 + 0.5)
        raise BadRequestError(f"evalscript: {said}")


def _bands(script: str, collection: str, codes: Any) -> list[tuple[str, str]]:
    """Band and unit pairs of a script's input."""
    named, units = (json.loads(re.search(rf"{word}: (\[.*?\])", script)[1]) for word in ("bands", "units"))
    for code, unit in zip(named, units, strict=True):
        if code not in (*codes[collection], "dataMask"):
            raise BadRequestError(f"Dataset {collection} has no band {code}")
        if unit not in (("DN",) if code in MASKS else UNITS[collection]):
            raise BadRequestError(f"Band {code} has no unit {unit}")
    return list(zip(named, units, strict=True))


def tiff_of(out: np.ndarray, order: Order, changes: dict[str, Any]) -> bytes:
    left, bottom, right, top = order.bounds
    affine = Affine((right - left) / order.width, 0, left, 0, -(top - bottom) / order.height, top)
    profile = {
        "driver": "GTiff", "height": order.height, "width": order.width, "count": len(out), "dtype": order.dtype,
        "crs": f"EPSG:{order.epsg}", "transform": affine, "compress": "deflate", "zlevel": 1, **changes,
    }  # fmt: skip
    with rasterio.Env(), MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(out[: profile["count"], : profile["height"], : profile["width"]].astype(profile["dtype"]))
        return bytes(memory.getbuffer())


def tar_of(tiff: bytes, responses: list[str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name in responses:
            content, suffix = (tiff, "tif") if name == "default" else (b"{}", "json")
            member = tarfile.TarInfo(f"{name}.{suffix}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def time_of(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)

"""Acquisitions that the loopback Sentinel Hub serves, and how it reads them: the nearest original pixel, as it is."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
from affine import Affine
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from aoi.grid import to_crs
from imagery.scene import Scene

S2 = {
    "B02": "blue", "B03": "green", "B04": "red", "B05": "rededge1", "B08": "nir", "B8A": "nir08", "B11": "swir16",
    "B12": "swir22", "B01": "coastal", "B09": "nir09", "B10": "cirrus", "SCL": "scl",
}  # fmt: skip
OLI = {"B02": "blue", "B03": "green", "B04": "red", "B05": "nir", "B06": "swir16", "B07": "swir22", "BQA": "qa_pixel"}
S1 = {"VV": "vv", "VH": "vh"}
CODES: Mapping[str, Mapping[str, str]] = {
    "sentinel-2-l2a": {code: name for code, name in S2.items() if code != "B10"},
    "sentinel-2-l1c": {code: name for code, name in S2.items() if code != "SCL"},
    "landsat-ot-l2": OLI,
    "sentinel-1-grd": S1,
}
"""Bands of each collection."""


@dataclass(frozen=True)
class Raster:
    """One band on its own pixels."""

    values: np.ndarray
    affine: Affine
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Product:
    """One acquisition of one collection."""

    id: str
    collection: str
    time: dt.datetime
    epsg: int
    bands: Mapping[str, Raster]
    """By the service's code; a band that is not there is 0. A pixel has data where the first band is not 0."""

    footprint: BaseGeometry
    cloud_pct: float = 0.0
    platform: str = "sentinel-2a"
    said: Mapping[str, Any] = field(default_factory=dict)
    """Properties that the catalogue names beside the usual ones."""

    def feature(self) -> dict[str, Any]:
        """As the catalogue lists it."""
        zone = {} if self.collection == "sentinel-1-grd" else {"proj:epsg": self.epsg, "eo:cloud_cover": self.cloud_pct}
        return {
            "type": "Feature", "stac_version": "1.0.0", "id": self.id, "collection": self.collection,
            "geometry": self.footprint.__geo_interface__, "bbox": list(self.footprint.bounds),
            "properties": {
                "datetime": self.time.isoformat().replace("+00:00", "Z"), "platform": self.platform,
                **zone, **self.said,
            },
            "assets": {"data": {"href": f"s3://archive/{self.id}", "title": "s3"}}, "links": [],
        }  # fmt: skip

    def sample(self, epsg: int, x: np.ndarray, y: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """DN of every band at places, each that of the original pixel there; and where there is data."""
        if epsg != self.epsg:
            x, y = pyproj.Transformer.from_crs(epsg, self.epsg, always_xy=True).transform(x, y)
        found: dict[str, np.ndarray] = {}
        seen: np.ndarray | None = None
        for code, raster in self.bands.items():
            inverse = ~raster.affine
            col = np.floor(inverse.a * x + inverse.c).astype(int)
            row = np.floor(inverse.e * y + inverse.f).astype(int)
            height, width = raster.values.shape
            inside = (row >= 0) & (row < height) & (col >= 0) & (col < width)
            values = np.where(inside, raster.values[row.clip(0, height - 1), col.clip(0, width - 1)], 0)
            found[code] = values
            seen = values != 0 if seen is None else seen
        assert seen is not None
        return {code: np.where(seen, values, 0) for code, values in found.items()}, seen


def synthetic(
    name: str,
    collection: str = "sentinel-2-l2a",
    time: str = "2025-06-12T03:05:31+00:00",
    epsg: int = 32650,
    corner: tuple[float, float] = (499_980, 5_400_000),
    size_m: int = 9_600,
    seed: int = 0,
    **more: Any,
) -> Product:
    """Noise on the sensor's own pixels, with a corner without data."""
    rng = np.random.default_rng(seed)
    bands = {}
    for code, band in CODES[collection].items():
        gsd_m = {"B05": 20, "B11": 20, "B12": 20, "B8A": 20, "SCL": 20}.get(code, 10) if "-2-" in collection else 10
        gsd_m = 60 if "-2-" in collection and code in ("B01", "B09", "B10") else gsd_m
        gsd_m, shift_m = (30, 15) if collection.startswith("landsat") else (gsd_m, 0)
        side = size_m // gsd_m
        values = rng.integers(1, 20_000, (side, side)).astype(np.uint16)
        if band == "scl":
            values = rng.integers(2, 8, (side, side)).astype(np.uint16)
        if collection == "sentinel-1-grd":
            values = (values / np.float32(8192)).astype(np.float32)
        corner_px = side // 6
        values[:corner_px, :corner_px] = 0
        affine = Affine(gsd_m, 0, corner[0] + shift_m, 0, -gsd_m, corner[1] + shift_m)
        scale, offset = (2.75e-5, -0.2) if collection.startswith("landsat") and band != "qa_pixel" else (1.0, 0.0)
        bands[code] = Raster(values, affine, scale, offset)
    ground = box(corner[0], corner[1] - size_m, corner[0] + size_m, corner[1])
    more.setdefault("footprint", to_crs(ground, epsg, 4326))
    return Product(name, collection, dt.datetime.fromisoformat(time), epsg, bands, **more)


def of_scene(scene: Scene, collection: str = "sentinel-2-l2a") -> Product:
    """A scene of a local archive, as the service would hold it."""
    codes = {name: code for code, name in CODES[collection].items()}
    bands = {}
    for name, asset in scene.assets.items():
        if name in codes:
            values, affine = _read(asset.href, asset.index)
            bands[codes[name]] = Raster(values, affine, asset.scale, asset.offset)
    first = next(code for code in CODES[collection] if code in bands)
    return Product(
        scene.id, collection, scene.datetime, int(scene.properties["crs"].removeprefix("EPSG:")),
        {first: bands.pop(first), **bands}, scene.geometry, scene.cloud_pct or 0.0,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _read(href: str, index: int) -> tuple[np.ndarray, Affine]:
    with rasterio.open(Path(href)) as source:
        return source.read(index), source.transform


def raw_dn(raster: Raster, values: np.ndarray, harmonised: bool, shifted: bool) -> np.ndarray:
    """DN of a Sentinel-2 band as the service gives it.

    Args:
        raster: the band.
        values: DN of its file.
        harmonised: whether the offset of baseline 04.00 is taken out, and what would be negative is 0.
        shifted: whether the product has that offset.
    """
    if harmonised and shifted:
        return np.maximum(values.astype(np.int64) - 1000, 0)
    return values

"""The analysis grid: blocks of a fixed global lattice in each UTM zone.

The same ground always has the same block ids, whatever the AOI. A pixel belongs to the zone of its longitude
(6° zones, EPSG 326xx north and 327xx south of the equator), so that neighbouring zones neither overlap nor leave a gap.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

BLOCK_PX = 1024
"""Edge of a block's core in pixels: 10.24 km at 10 m."""


@dataclass(frozen=True)
class Block:
    """A cell of the analysis grid: ``size_px``² pixels of core, and a halo that is read but not reported."""

    epsg: int
    """UTM zone, 32601–32660 or 32701–32760."""

    gsd_m: float
    """Pixel size in metres."""

    col: int
    row: int
    """Place on the lattice: x in [col, col+1), y in (row, row+1], times ``size_px * gsd_m``."""

    size_px: int = BLOCK_PX
    halo_px: int = 0

    @property
    def id(self) -> str:
        """Names the ground and the pixel size; independent of AOI and halo."""
        return f"{self.epsg}_{self.gsd_m:g}m_{self.size_px}_{self.col}_{self.row}"

    @property
    def geobox(self) -> GeoBox:
        """The core."""
        return self._geobox(0)

    @property
    def padded(self) -> GeoBox:
        """Core and halo."""
        return self._geobox(self.halo_px)

    @property
    def core(self) -> tuple[slice, slice]:
        """The core's rows and columns inside an array on `padded`."""
        inner = slice(self.halo_px, self.halo_px + self.size_px)
        return inner, inner

    def _geobox(self, halo_px: int) -> GeoBox:
        edge_m = self.size_px * self.gsd_m
        left = self.col * edge_m - halo_px * self.gsd_m
        top = (self.row + 1) * edge_m + halo_px * self.gsd_m
        size = self.size_px + 2 * halo_px
        return GeoBox((size, size), Affine(self.gsd_m, 0, left, 0, -self.gsd_m, top), f"EPSG:{self.epsg}")


def zones_of(geometry: BaseGeometry) -> tuple[int, ...]:
    """EPSG codes of the UTM zones that a geometry in EPSG:4326 touches, west to east, north before south."""
    return tuple(epsg for epsg in _all_zones() if geometry.intersects(zone_box(epsg)))


@lru_cache(maxsize=1)
def _all_zones() -> tuple[int, ...]:
    return tuple(hemisphere + zone for zone in range(1, 61) for hemisphere in (32600, 32700))


def zone_box(epsg: int) -> BaseGeometry:
    """The ground that a UTM zone owns, as a box in EPSG:4326."""
    west = (epsg % 100) * 6 - 186
    south, north = (0, 84) if epsg < 32700 else (-80, 0)
    return box(west, south, west + 6, north)


def blocks_of(geometry: BaseGeometry, gsd_m: float, halo_px: int = 0, size_px: int = BLOCK_PX) -> tuple[Block, ...]:
    """The blocks whose core touches a geometry, in a stable order.

    Args:
        geometry: in EPSG:4326.
        gsd_m: pixel size in metres.
        halo_px: pixels to read around each core.
        size_px: edge of the core.
    """
    return tuple(
        block for epsg in zones_of(geometry) for block in _blocks_of_zone(geometry, epsg, gsd_m, halo_px, size_px)
    )


def _blocks_of_zone(geometry: BaseGeometry, epsg: int, gsd_m: float, halo_px: int, size_px: int) -> Iterator[Block]:
    part = shapely.intersection(geometry, zone_box(epsg))
    if part.is_empty:
        return
    ground = to_crs(shapely.segmentize(part, 0.01), 4326, epsg)
    shapely.prepare(ground)
    edge_m = size_px * gsd_m
    left, bottom, right, top = ground.bounds
    for row in range(math.floor(bottom / edge_m), math.floor(top / edge_m) + 1):
        for col in range(math.floor(left / edge_m), math.floor(right / edge_m) + 1):
            cell = box(col * edge_m, row * edge_m, (col + 1) * edge_m, (row + 1) * edge_m)
            if ground.intersects(cell):
                yield Block(epsg, gsd_m, col, row, size_px, halo_px)


@lru_cache(maxsize=64)
def _transformer(source: int, target: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def to_crs(geometry: BaseGeometry, source: int, target: int) -> BaseGeometry:
    """The geometry in another CRS, axes always x then y."""
    if source == target:
        return geometry
    return shapely.transform(geometry, _transformer(source, target).transform, interleaved=False)


def epsg_of(geobox: GeoBox) -> int:
    """EPSG code of a geobox's CRS.

    Raises:
        ValueError: if its CRS has none; every grid here has one.
    """
    code = geobox.crs.epsg if geobox.crs is not None else None
    if code is None:
        raise ValueError(f"the grid {geobox} has no EPSG code")
    return int(code)


def zone_of(lon: float, lat: float) -> int:
    """EPSG code of the UTM zone that owns a place."""
    zone = math.floor((lon + 180) / 6) % 60 + 1
    return (32600 if lat >= 0 else 32700) + zone


def lonlat_of(geobox: GeoBox) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(H, W) longitude and latitude of each pixel's centre, degrees."""
    height, width = geobox.shape
    cols, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y = geobox.affine * (cols, rows)
    lon, lat = _transformer(epsg_of(geobox), 4326).transform(x, y)
    return np.asarray(lon), np.asarray(lat)


def owned(geobox: GeoBox) -> NDArray[np.bool_]:
    """(H, W) True where a pixel centre of a UTM geobox lies in the longitudes and hemisphere of its own zone."""
    lon, lat = lonlat_of(geobox)
    west, south, east, north = zone_box(epsg_of(geobox)).bounds
    return np.asarray((lon >= west) & (lon < east) & (lat >= south) & (lat < north))

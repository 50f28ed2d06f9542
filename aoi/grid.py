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

from aoi.features import polygonal

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
    """EPSG codes of the UTM zones that own ground of a geometry in EPSG:4326, west to east, north before south.

    An area that only touches a zone's edge has no ground there; a point or line on an edge is of both zones.
    """
    boxes = _zone_boxes()
    shapely.prepare(geometry)
    met = shapely.intersects(geometry, boxes)
    if geometry.area > 0:
        met &= ~shapely.touches(geometry, boxes)
    return tuple(epsg for epsg, owns in zip(_all_zones(), met, strict=True) if owns)


@lru_cache(maxsize=1)
def _all_zones() -> tuple[int, ...]:
    return tuple(hemisphere + zone for zone in range(1, 61) for hemisphere in (32600, 32700))


@lru_cache(maxsize=1)
def _zone_boxes() -> NDArray[np.object_]:
    return np.array([zone_box(epsg) for epsg in _all_zones()], dtype=object)


def zone_box(epsg: int) -> BaseGeometry:
    """The ground that a UTM zone owns, as a box in EPSG:4326."""
    west = (epsg % 100) * 6 - 186
    south, north = (0, 84) if epsg < 32700 else (-80, 0)
    return box(west, south, west + 6, north)


def blocks_of(geometry: BaseGeometry, gsd_m: float, halo_px: int = 0, size_px: int = BLOCK_PX) -> tuple[Block, ...]:
    """The blocks that own a pixel of a geometry, by zone, then south to north, then west to east.

    A pixel is of the geometry when they share ground, and of a block when its centre lies in the core and in the
    longitudes and hemisphere of the zone (see `owned`). So a geometry smaller than a pixel has one block as well;
    only one that is smaller than a pixel and lies on a zone's edge may have none, when no centre falls on its side.

    Args:
        geometry: polygon or multipolygon in EPSG:4326.
        gsd_m: pixel size in metres.
        halo_px: pixels to read around each core.
        size_px: edge of the core.
    """
    return tuple(
        Block(epsg, gsd_m, col, row, size_px, halo_px)
        for epsg in zones_of(geometry)
        for col, row in _places(geometry, epsg, gsd_m, size_px)
    )


def _places(geometry: BaseGeometry, epsg: int, gsd_m: float, size_px: int) -> Iterator[tuple[int, int]]:
    part = polygonal(shapely.intersection(geometry, zone_box(epsg)))  # what only touches the edge is a line there
    ground = to_crs(shapely.segmentize(part, 0.01), 4326, epsg)
    if not ground.is_valid:  # reprojection may make needles cross; without repair GEOS may refuse to cut it
        ground = polygonal(shapely.make_valid(ground))
    if ground.is_empty:  # it reaches over the edge by less than the arithmetic can hold
        return
    shapely.prepare(ground)
    edge_m = size_px * gsd_m
    left, _, right, _ = ground.bounds
    columns = np.arange(math.floor(left / edge_m), math.floor(right / edge_m) + 1)
    for row in _rows(ground, edge_m):
        cores = shapely.box(columns * edge_m, row * edge_m, (columns + 1) * edge_m, (row + 1) * edge_m)
        met = shapely.intersects(ground, cores)
        met[met] = ~shapely.touches(ground, cores[met])
        doubtful = np.flatnonzero(met)[~_well_inside(cores[met], epsg)]
        met[doubtful] = [_owns_pixel(shapely.intersection(ground, core), epsg, gsd_m) for core in cores[doubtful]]
        yield from ((int(col), row) for col in columns[met])


def _rows(ground: BaseGeometry, edge_m: float) -> list[int]:
    """Rows of the lattice that a part of the ground may lie in: parts far from each other leave gaps."""
    rows: set[int] = set()
    for _, bottom, _, top in shapely.bounds(shapely.get_parts(ground)):
        rows.update(range(math.floor(bottom / edge_m), math.floor(top / edge_m) + 1))
    return sorted(rows)


def _well_inside(cores: NDArray[np.object_], epsg: int) -> NDArray[np.bool_]:
    """(N,) True for boxes in a UTM zone whose every place is of that zone."""
    # Along a straight side longitude is monotonic within a hemisphere, so the corners hold the extremes.
    x, y = shapely.get_coordinates(cores).T
    inside = _of_zone(*lonlat(epsg, x, y), epsg).reshape(len(cores), 5)
    return np.asarray(inside.all(axis=1))


def _owns_pixel(piece: BaseGeometry, epsg: int, gsd_m: float) -> bool:
    """Whether a pixel that shares ground with a piece of one core has its centre in the zone."""
    point = piece.representative_point()
    for left, bottom, right, top in (point.bounds, piece.bounds):
        cols = np.arange(math.floor(left / gsd_m), math.floor(right / gsd_m) + 1) * gsd_m
        rows = np.arange(math.floor(bottom / gsd_m), math.floor(top / gsd_m) + 1) * gsd_m
        x, y = (edges.ravel() for edges in np.meshgrid(cols, rows))
        ours = _of_zone(*lonlat(epsg, x + gsd_m / 2, y + gsd_m / 2), epsg)
        pixels = shapely.box(x[ours], y[ours], x[ours] + gsd_m, y[ours] + gsd_m)
        if np.any(shapely.intersects(piece, pixels) & ~shapely.touches(piece, pixels)):
            return True
    return False


def _of_zone(lon: NDArray[np.float64], lat: NDArray[np.float64], epsg: int) -> NDArray[np.bool_]:
    west, south, east, north = zone_box(epsg).bounds
    inside: NDArray[np.bool_] = (lon >= west) & (lon < east) & (lat >= south) & (lat < north)
    return inside


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


def lonlat(
    epsg: int, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of places in a UTM zone, degrees."""
    lon, lat = _transformer(epsg, 4326).transform(x, y)
    return np.asarray(lon), np.asarray(lat)


def lonlat_of(geobox: GeoBox) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(H, W) longitude and latitude of each pixel's centre of a north-up geobox, degrees."""
    height, width = geobox.shape
    return lonlat(epsg_of(geobox), *_xy(geobox, *np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)))


def _xy(
    geobox: GeoBox, cols: NDArray[np.float64], rows: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # Written out, because affine 3 warns where 2 multiplies and 2 lacks what 3 wants.
    return geobox.affine.c + cols * geobox.affine.a, geobox.affine.f + rows * geobox.affine.e


def rim_of(geobox: GeoBox, steps: int = 64) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(4 × steps,) longitude and latitude along a north-up geobox's outer edge, degrees, in order and not closed.

    Longitude and latitude take their extremes over the box on this line (a conformal projection is harmonic).
    """
    height, width = geobox.shape
    up = np.arange(steps) / steps
    corner = np.zeros(steps)
    cols = np.concatenate([up, corner + 1, 1 - up, corner]) * width
    rows = np.concatenate([corner, up, corner + 1, 1 - up]) * height
    return lonlat(epsg_of(geobox), *_xy(geobox, cols, rows))


def owned(geobox: GeoBox) -> NDArray[np.bool_]:
    """(H, W) True where a pixel centre of a UTM geobox lies in the longitudes and hemisphere of its own zone."""
    epsg = epsg_of(geobox)
    if _of_zone(*rim_of(geobox), epsg).all():  # most blocks are far from an edge, and the exact answer is slow
        return np.ones(geobox.shape, bool)
    return _of_zone(*lonlat_of(geobox), epsg)

"""How ground is cut into requests: a fixed lattice in each UTM zone, so that the same ground makes the same requests.

A tile brings a few pixels more than it owns, and only owns its core: what is interpolated or widened at a core's edge
then comes out as if the acquisition had been one file, and no pixel has two tiles.
"""

import math
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from aoi.features import polygonal
from aoi.grid import to_crs, zone_box, zones_of

HALO_PX = 8
"""80 m at 10 m: four pixels of 20 m, twice what cloud and shadow are widened by."""

_NAME = re.compile(r"(32[67]\d\d)_(\d+)m_(\d+)_(-?\d+)_(-?\d+)")


@dataclass(frozen=True)
class Lattice:
    """Tiles of one size over all UTM zones."""

    gsd_m: int
    size_px: int
    origin_m: int = 0
    """Where x and y of the sensor's pixel edges begin to be counted; Landsat's lie at 15 m."""

    def tile(self, name: str) -> "Tile":
        """The tile of a name.

        Raises:
            ValueError: if this lattice has none of that name.
        """
        match = _NAME.fullmatch(name)
        if match is None or (int(match[2]), int(match[3])) != (self.gsd_m, self.size_px):
            raise ValueError(f"{name} is no tile of {self.size_px} pixels of {self.gsd_m} m")
        return self.at(int(match[1]), int(match[4]), int(match[5]))

    def at(self, epsg: int, col: int, row: int) -> "Tile":
        """The tile at a place of the lattice; equal places give the same object as long as it is remembered."""
        return _tile(self, epsg, col, row)

    def over(self, ground: BaseGeometry, epsg: int | None) -> list["Tile"]:
        """Tiles whose core shares ground with a polygonal geometry in EPSG:4326, south to north, west to east.

        Args:
            ground: in EPSG:4326.
            epsg: the UTM zone of the pixels; None = each place in the zone that owns it.
        """
        if epsg is not None:
            return self._over(ground, epsg)
        return [
            tile
            for zone in zones_of(ground)
            for tile in self._over(polygonal(shapely.intersection(ground, zone_box(zone))), zone)
        ]

    def _over(self, ground: BaseGeometry, epsg: int) -> list["Tile"]:
        placed = to_crs(shapely.segmentize(ground, 0.05), 4326, epsg)
        if placed.is_empty or not np.isfinite(placed.bounds).all():
            return []
        edge_m = self.size_px * self.gsd_m
        left, bottom, right, top = (math.floor((side - self.origin_m) / edge_m) for side in placed.bounds)
        rows, cols = (grid.ravel() for grid in np.mgrid[bottom : top + 1, left : right + 1])
        x, y = cols * edge_m + self.origin_m, rows * edge_m + self.origin_m
        shapely.prepare(placed)
        cores = shapely.box(x, y, x + edge_m, y + edge_m)
        met: NDArray[np.bool_] = shapely.intersects(placed, cores)
        if placed.area > 0:
            met[met] = ~shapely.touches(placed, cores[met])
        return [self.at(epsg, int(col), int(row)) for row, col in zip(rows[met], cols[met], strict=True)]


@dataclass(frozen=True)
class Tile:
    """One cell of a lattice: ``size_px``² pixels of core, and `HALO_PX` around them."""

    lattice: Lattice
    epsg: int
    col: int
    row: int
    """x in [col, col+1), y in (row, row+1], times ``size_px * gsd_m``, from the lattice's origin."""

    @property
    def name(self) -> str:
        """Zone, pixel size, edge, column and row: the same ground always has the same name."""
        return f"{self.epsg}_{self.lattice.gsd_m}m_{self.lattice.size_px}_{self.col}_{self.row}"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a request."""
        edge = self.lattice.size_px + 2 * HALO_PX
        return edge, edge

    @property
    def geobox(self) -> GeoBox:
        """Core and halo."""
        gsd_m, edge_m = self.lattice.gsd_m, self.lattice.size_px * self.lattice.gsd_m
        left = self.col * edge_m + self.lattice.origin_m - HALO_PX * gsd_m
        top = (self.row + 1) * edge_m + self.lattice.origin_m + HALO_PX * gsd_m
        return GeoBox(self.shape, Affine(gsd_m, 0, left, 0, -gsd_m, top), f"EPSG:{self.epsg}")

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top of core and halo in the zone's metres."""
        left, bottom, right, top = self.geobox.boundingbox.bbox
        return left, bottom, right, top

    @cached_property
    def footprint(self) -> BaseGeometry:
        """The core in EPSG:4326."""
        left, bottom, right, top = self.bounds
        rim_m = HALO_PX * self.lattice.gsd_m
        core = shapely.box(left + rim_m, bottom + rim_m, right - rim_m, top - rim_m)
        return to_crs(shapely.segmentize(core, (right - left) / 8), self.epsg, 4326)


@lru_cache(maxsize=65_536)
def _tile(lattice: Lattice, epsg: int, col: int, row: int) -> Tile:
    return Tile(lattice, epsg, col, row)

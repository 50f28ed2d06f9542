"""Pixels as whole numbers: the lattice of one UTM zone at one pixel size.

Cell (c, r) covers x from c to c + 1 and y from r to r + 1, times the pixel size; rows count northwards.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from aoi.grid import epsg_of, lonlat, zone_box

IntArray = NDArray[np.int64]

EIGHT = np.array([(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy], dtype=np.int64)
"""Steps to the eight neighbours of a cell."""

_OFF_LATTICE_PX = 1e-3


@dataclass(frozen=True)
class Window:
    """The cells of one block."""

    epsg: int
    gsd_m: float
    left: int
    bottom: int
    width: int
    height: int

    def cells(self, rows: IntArray, cols: IntArray) -> IntArray:
        """(n, 2) lattice column and row of array rows and columns."""
        return np.stack([cols + self.left, self.bottom + self.height - 1 - rows], axis=1)


def window_of(geobox: GeoBox) -> Window:
    """The cells that a north-up grid in UTM covers.

    Raises:
        ValueError: if the grid does not lie on its zone's lattice; every block does.
    """
    height, width = geobox.shape
    affine = geobox.affine
    gsd_m = float(affine.a)
    left, top = affine.c / gsd_m, affine.f / gsd_m
    off = max(abs(left - round(left)), abs(top - round(top)))
    if affine.b or affine.d or affine.e != -affine.a or off > _OFF_LATTICE_PX:
        raise ValueError(f"the grid {geobox} is not north-up on whole multiples of its pixel size")
    return Window(epsg_of(geobox), gsd_m, round(left), round(top) - height, width, height)


def centres(epsg: int, gsd_m: float, cells: IntArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) longitude and latitude of the cells' centres, degrees."""
    x, y = ((cells + 0.5) * gsd_m).T
    return lonlat(epsg, x, y)


def in_zone(epsg: int, gsd_m: float, cells: IntArray) -> NDArray[np.bool_]:
    """(n,) True where a cell's centre belongs to the zone, by the rule of `aoi.grid.owned`."""
    lon, lat = centres(epsg, gsd_m, cells)
    west, south, east, north = zone_box(epsg).bounds
    return np.asarray((lon >= west) & (lon < east) & (lat >= south) & (lat < north))

"""Region cells: the fixed global grid on which normals are fitted and blended.

Cells are squares of longitude and latitude, not of a UTM zone, so nothing changes at a zone edge. A pixel is of
the cell it lies in; within half a `RAMP_DEG` of an edge the neighbours share it, with weights that sum to one.
"""

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from aoi.grid import Block, lonlat_of, rim_of, zone_of

CELL_DEG = 0.5
"""Edge of a cell in degrees: 56 km north–south, 37 km east–west at 48° N."""

RAMP_DEG = 0.1
"""Width of the band around a cell's edge in which neighbours are blended."""

MARGIN_DEG = 0.1
"""How far beyond its edges a cell's normals look, so that neighbours agree where they meet."""


@dataclass(frozen=True, order=True)
class Cell:
    """One region cell: longitudes [col, col+1) and latitudes [row, row+1) times `CELL_DEG`."""

    col: int
    row: int

    @property
    def id(self) -> str:
        """Names the ground, e.g. ``cell_239_97``."""
        return f"cell_{self.col}_{self.row}"

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        return _bounds(self.col, self.row)

    @property
    def reach(self) -> BaseGeometry:
        """The ground its normals are fitted on: the cell and its margin, EPSG:4326."""
        west, south, east, north = self.bounds
        return box(west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG)

    @property
    def epsg(self) -> int:
        """UTM zone of its centre, in which its sample windows are read."""
        west, south, east, north = self.bounds
        return zone_of((west + east) / 2, (south + north) / 2)


def cell_weights(geobox: GeoBox) -> dict[Cell, NDArray[np.float32]]:
    """Share of each cell in each pixel of a UTM geobox.

    Returns:
        For each cell that touches the grid, (H, W) weights 0–1; over all cells they sum to 1 in every pixel.
    """
    within = _cells_met(geobox)
    if len(within) == 1:  # far from every ramp, as half of all blocks are
        return {within[0]: np.ones(geobox.shape, np.float32)}
    lon, lat = lonlat_of(geobox)
    columns, rows = _shares(_unwrapped(lon)), _shares(lat)
    return {
        _cell(col, row): (east * north).astype(np.float32)
        for col, east in columns.items()
        for row, north in rows.items()
        if (east * north).any()
    }


def _shares(degrees: NDArray[np.float64]) -> dict[int, NDArray[np.float64]]:
    half = RAMP_DEG / 2
    first = math.floor((float(degrees.min()) - half) / CELL_DEG)
    last = math.floor((float(degrees.max()) + half) / CELL_DEG)
    shares = {}
    for index in range(first, last + 1):
        rising = (degrees - (index * CELL_DEG - half)) / RAMP_DEG
        falling = ((index + 1) * CELL_DEG + half - degrees) / RAMP_DEG
        share = np.clip(rising, 0, 1) * np.clip(falling, 0, 1)
        if share.any():
            shares[index] = share
    return shares


def cells_of(blocks: tuple[Block, ...]) -> tuple[Cell, ...]:
    """The cells that have a share in any block's padded ground, in order."""
    return tuple(sorted({cell for block in blocks for cell in _cells_met(block.padded)}))


def _cells_met(geobox: GeoBox) -> tuple[Cell, ...]:
    """The cells whose ground, with its ramp, meets a geobox: all that have a share in a pixel, found by outline."""
    lon, lat = rim_of(geobox)
    outline = Polygon(zip(_unwrapped(lon), lat, strict=True))
    half = RAMP_DEG / 2
    west, south, east, north = outline.bounds
    cells = [
        (col, row)
        for col in range(math.floor((west - half) / CELL_DEG), math.floor((east + half) / CELL_DEG) + 1)
        for row in range(math.floor((south - half) / CELL_DEG), math.floor((north + half) / CELL_DEG) + 1)
    ]
    ramp = np.array([-half, -half, half, half])
    boxes = [box(*(np.array(_bounds(*cell)) + ramp)) for cell in cells]
    return tuple(_cell(*cell) for cell, met in zip(cells, shapely.intersects(outline, boxes), strict=True) if met)


def _bounds(col: int, row: int) -> tuple[float, float, float, float]:
    return col * CELL_DEG, row * CELL_DEG, (col + 1) * CELL_DEG, (row + 1) * CELL_DEG


def _cell(col: int, row: int) -> Cell:
    """The cell at a column that may lie beyond the antimeridian, by its only name."""
    around = round(360 / CELL_DEG)
    return Cell((col + around // 2) % around - around // 2, row)


def _unwrapped(lon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Longitudes without the jump at the antimeridian, so that a halo across it stays in one piece."""
    if float(lon.max()) - float(lon.min()) < 180:
        return lon
    return np.where(lon < 0, lon + 360, lon)

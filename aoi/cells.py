"""Region cells: the fixed global grid on which normals are fitted and blended.

Cells are squares of longitude and latitude, not of a UTM zone, so nothing changes at a zone edge. A pixel is of
the cell it lies in; within half a `RAMP_DEG` of an edge the neighbours share it, with weights that sum to one.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from aoi.grid import Block, epsg_of, lonlat, rim_of, zone_of

CELL_DEG = 0.5
"""Edge of a cell in degrees: 56 km north–south, 37 km east–west at 48° N."""

RAMP_DEG = 0.04
"""Width of the band around a cell's edge in which neighbours are blended: 4.4 km north–south. There everything is
scored once for each of them, and wide bands cost more than they smooth."""

MARGIN_DEG = 0.1
"""How far beyond its edges a cell's normals look, so that neighbours agree where they meet."""

KNOT_PX = 64
"""Longitude and latitude are exact every so many pixels, and lie on straight lines between."""


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
    lon, lat = _nearly_lonlat(geobox)
    columns, rows = _shares(lon), _shares(lat)
    shares = {_cell(col, row): east * north for col, east in columns.items() for row, north in rows.items()}
    return {cell: share for cell, share in shares.items() if share.any()}


def _nearly_lonlat(geobox: GeoBox) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(H, W) longitude (without the antimeridian's jump) and latitude of pixel centres, a centimetre off at 50°.

    They lie between knots of the zone's own lattice, so that the same ground gets the same numbers in every window.
    """
    gsd_m = float(geobox.affine.a)
    height, width = geobox.shape
    cols, right = _among_knots(geobox.affine.c / gsd_m + np.arange(width) + 0.5)
    rows, down = _among_knots(-geobox.affine.f / gsd_m + np.arange(height) + 0.5)
    x, y = np.meshgrid(np.arange(cols[0], cols[-1] + 2), np.arange(rows[0], rows[-1] + 2))
    lon, lat = lonlat(epsg_of(geobox), x.astype(float) * KNOT_PX * gsd_m, -y.astype(float) * KNOT_PX * gsd_m)
    return _between(_unwrapped(lon), rows, down, cols, right), _between(lat, rows, down, cols, right)


def _among_knots(place: NDArray[np.floating[Any]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Number of the knot before each place along an axis in pixels, and the share of the way to the next."""
    before = np.floor(place / KNOT_PX)
    return before.astype(np.int64), place / KNOT_PX - before


def _between(
    knots: NDArray[np.float64],
    rows: NDArray[np.int64],
    down: NDArray[np.float64],
    cols: NDArray[np.int64],
    right: NDArray[np.float64],
) -> NDArray[np.float64]:
    row, col = rows - rows[0], cols - cols[0]
    across = knots[:, col] + (knots[:, col + 1] - knots[:, col]) * right
    values: NDArray[np.float64] = across[row + 1] - across[row]
    values *= down[:, None]
    values += across[row]
    return values


def _shares(degrees: NDArray[np.float64]) -> dict[int, NDArray[np.float32]]:
    """By the number of a column or row of cells, its (H, W) share."""
    half = RAMP_DEG / 2
    first = math.floor((float(degrees.min()) - half) / CELL_DEG)
    last = math.floor((float(degrees.max()) + half) / CELL_DEG)
    shares = {}
    beyond = np.ones(degrees.shape, np.float32)
    for index in range(first, last + 1):
        here, beyond = beyond, _beyond((index + 1) * CELL_DEG, degrees)
        share = here - beyond
        if share.any():
            shares[index] = share
    return shares


def _beyond(edge: float, degrees: NDArray[np.float64]) -> NDArray[np.float32]:
    """0–1 how far the ramp about an edge was climbed: 0 before it, 1 after it."""
    climbed = np.empty(degrees.shape, np.float32)
    np.subtract(degrees, edge - RAMP_DEG / 2, out=climbed, casting="same_kind")
    climbed /= np.float32(RAMP_DEG)
    return np.clip(climbed, 0, 1, out=climbed)


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

"""Region cells: the fixed global grid on which normals are fitted and blended.

Cells are squares of longitude and latitude, not of a UTM zone, so nothing changes at a zone edge. A pixel is of
the cell it lies in; within half a `RAMP_DEG` of an edge the neighbours share it, with weights that sum to one.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from aoi.grid import Block, lonlat_of, zone_of

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
        return (
            self.col * CELL_DEG,
            self.row * CELL_DEG,
            (self.col + 1) * CELL_DEG,
            (self.row + 1) * CELL_DEG,
        )

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
    lon, lat = lonlat_of(geobox)
    columns, rows = _shares(lon), _shares(lat)
    return {
        Cell(col, row): (east * north).astype(np.float32)
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
    return tuple(sorted({cell for block in blocks for cell in cell_weights(_corners(block))}))


def _corners(block: Block) -> GeoBox:
    """The block's padded ground at one sixty-fourth of the detail: enough to name the cells."""
    return block.padded.zoom_out(block.padded.shape[0] / 64)

"""Fields: a turned grid of plots, some of which are under the plough, each with its own crop and sowing date."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from imagery.simulated.noise import FloatArray, fractal, hashed
from imagery.simulated.phenology import CROPS

IntArray = NDArray[np.int64]

PLOT_WIDTH_M = 330.0
PLOT_LENGTH_M = 760.0
WIDE_SHARE = 0.4
"""Share of the pairs of neighbouring plots that are worked as one field."""

BALK_M = 6.0
"""Half of the grass strip between fields."""


@dataclass(frozen=True)
class Plots:
    """Where places lie in the grid of plots."""

    column: IntArray
    row: IntArray
    edge_m: FloatArray
    """Distance to the nearest side of the plot."""

    ploughed: NDArray[np.bool_]
    """Whether the plot is cropland."""


@dataclass(frozen=True)
class Cropland:
    """The grid of plots of one world."""

    seed: int
    share: float
    """Of the ground under the plough."""

    @property
    def _turn(self) -> float:
        return float(hashed(self.seed, "plots/turn", np.zeros(1, np.int64))[0]) * math.pi / 2

    def locate(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Plots:
        """The plot of each place, ground coordinates of any shape."""
        cos, sin = math.cos(self._turn), math.sin(self._turn)
        u, v = x * cos + y * sin, y * cos - x * sin
        row = np.floor(v / PLOT_LENGTH_M).astype(np.int64)
        slide = hashed(self.seed, "plots/slide", row).astype(np.float64) * PLOT_WIDTH_M
        column = np.floor((u + slide) / PLOT_WIDTH_M).astype(np.int64)
        # some neighbours are worked as one field
        wide = hashed(self.seed, "plots/wide", column // 2, row) < WIDE_SHARE
        column = np.where(wide, column // 2 * 2, column)
        width = np.where(wide, 2 * PLOT_WIDTH_M, PLOT_WIDTH_M)
        across = u + slide - column * PLOT_WIDTH_M
        along = v - row * PLOT_LENGTH_M
        edge = np.minimum(np.minimum(across, width - across), np.minimum(along, PLOT_LENGTH_M - along)).astype(
            np.float32
        )
        return Plots(column, row, edge, self._ploughed(column, row, slide))

    def _ploughed(self, column: IntArray, row: IntArray, slide: NDArray[np.float64]) -> NDArray[np.bool_]:
        if self.share <= 0:
            return np.zeros(column.shape, np.bool_)
        x, y = self._middle(column, row, slide)
        wish = fractal(self.seed, "plots/region", x, y, 5_000, 2)
        gaps = hashed(self.seed, "plots/gap", column, row)
        limit = NormalDist().inv_cdf(1 - min(self.share / 0.9, 0.99))
        return np.asarray((wish > limit) & (gaps > 0.1))

    def _middle(
        self, column: IntArray, row: IntArray, slide: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        cos, sin = math.cos(self._turn), math.sin(self._turn)
        u = (column + 0.5) * PLOT_WIDTH_M - slide
        v = (row + 0.5) * PLOT_LENGTH_M
        return u * cos - v * sin, u * sin + v * cos

    def outline(self, x: float, y: float) -> BaseGeometry:
        """The field around a place, without its balks."""
        plots = self.locate(np.array([x]), np.array([y]))
        slide = hashed(self.seed, "plots/slide", plots.row).astype(np.float64) * PLOT_WIDTH_M
        left = float(plots.column[0]) * PLOT_WIDTH_M - float(slide[0])
        wide = hashed(self.seed, "plots/wide", plots.column // 2, plots.row)[0] < WIDE_SHARE
        right = left + PLOT_WIDTH_M * (2 if wide else 1)
        bottom = float(plots.row[0]) * PLOT_LENGTH_M
        field = box(left + BALK_M, bottom + BALK_M, right - BALK_M, bottom + PLOT_LENGTH_M - BALK_M)
        return affinity.rotate(field, math.degrees(self._turn), origin=(0, 0))

    def crop(self, column: IntArray, row: IntArray, year: int) -> IntArray:
        """Index into `CROPS` of what a plot carries in a year; rape follows wheat more often than itself."""
        draw = hashed(self.seed, f"plots/crop/{year}", column, row)
        return np.asarray(np.searchsorted([0.45, 0.72, 0.84, 0.90, 0.95], draw), dtype=np.int64).clip(0, len(CROPS) - 1)

    def delay(self, column: IntArray, row: IntArray, year: int) -> FloatArray:
        """Days by which a plot was sown late, −6 to 6."""
        return np.asarray((hashed(self.seed, f"plots/delay/{year}", column, row) - 0.5) * 12, dtype=np.float32)

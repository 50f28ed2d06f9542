"""Places of a grid along the rows or the columns of a source raster."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from imagery.projection import Coordinates, Index

FloatArray = NDArray[np.float32]

PERIODS = 4
"""Periods up to this are worked phase by phase, on slices instead of single pixels."""


@dataclass(frozen=True)
class Axis:
    """Places along one direction of a source, all of them inside it."""

    low: Index
    """The pixel whose centre lies before the place, from −1."""

    share: FloatArray
    """Weight of the next pixel, 0–1; where all are 0, no next pixel is read."""

    size: int
    """Pixels the source has."""

    @classmethod
    def of(cls, position: Coordinates, size: int) -> "Axis":
        """Places given in pixels from the outer edge of the first; pixel centres are at .5."""
        before = np.floor(position - 0.5)
        return cls(before.astype(np.intp), (position - 0.5 - before).astype(np.float32), size)

    @cached_property
    def span(self) -> tuple[int, int]:
        """First pixel needed and the one after the last."""
        return max(0, int(self.low.min())), min(self.size, int(self.low.max()) + (2 if self.share.any() else 1))

    @cached_property
    def run(self) -> slice | None:
        """Where in the span the places lie when they are pixel centres that follow one another; else None."""
        if self.share.any() or not (np.diff(self.low) == 1).all():
            return None
        return slice(0, self.low.size)

    @cached_property
    def period(self) -> int | None:
        """After how many places the next source pixel is reached, over and over: 2 where 20 m are read onto 10 m.

        None where steps differ, or the period is longer than is worth a loop.
        """
        return next((step for step in range(1, PERIODS + 1) if _regular(self.low, step)), None)

    @cached_property
    def first(self) -> int:
        """The pixel that padding begins with: −1 where a place lies in the outer half pixel."""
        return int(self.low.min())

    @cached_property
    def padding(self) -> tuple[int, int]:
        """Copies of the outermost pixels that give each place both its neighbours."""
        start, stop = self.span
        return start - self.first, int(self.low.max()) + 2 - stop


def _regular(low: Index, step: int) -> bool:
    return bool((low[step:] - low[:-step] == 1).all())


def padded(part: NDArray[Any], rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
    """An array with so many copies of its outermost rows and columns before and after."""
    if not any(rows) and not any(cols):
        return part
    return np.pad(part, (rows, cols), mode="edge")


def window_of(rows: Axis, cols: Axis) -> Window:
    """The part of the source that the places need."""
    (top, bottom), (left, right) = rows.span, cols.span
    return Window(left, top, right - left, bottom - top)

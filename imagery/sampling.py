"""What a source raster says at the pixel centres of a grid, whatever window of the grid asks.

Bilinear weights come from the pixel's own place and averages from cells counted from the source's corner, so that the
same ground gives the same bits in every block. Nothing is extrapolated: a pixel is valid when the source pixel in
which its centre falls is valid; neighbours that are not valid get no weight, and in the source's outer half pixel
the outermost pixel counts alone.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from imagery.axis import Axis, FloatArray, padded, window_of
from imagery.projection import Coordinates, Index, places, same_crs

BoolArray = NDArray[np.bool_]

_ON_GRID = 1e-4
"""Grids that agree to this part of a pixel are the same grid: origins are rarely exact in binary."""

_CHUNK = 1 << 16
"""Pixels worked at once, so that intermediates stay in the processor's cache."""


class Sampler(Protocol):
    """A grid seen from a source raster."""

    @property
    def window(self) -> Window | None:
        """The part of the source that is needed; None when the grid does not meet it."""

    @property
    def own(self) -> tuple[slice, slice] | None:
        """Rows and columns in `window` that are the grid's own pixels; None where source and grid do not coincide."""

    def nearest(self, part: NDArray[Any], outside: Any) -> NDArray[Any]:
        """(H, W) values of the source pixels in which the grid's pixel centres fall.

        Args:
            part: the source in `window`.
            outside: value where the grid leaves the source.
        """

    def blend(self, part: FloatArray, out: FloatArray) -> None:
        """Put values between source pixels into an array; NaN where the grid leaves the source.

        Args:
            part: the source in `window`, finite everywhere.
            out: (H, W), may be part of another array.
        """


def bilinear(sampler: Sampler, part: FloatArray, valid: BoolArray, out: FloatArray) -> None:
    """Put values on the grid into an array, NaN where the source is not valid or has no pixel.

    Args:
        sampler: the grid seen from the source.
        part: the source in the sampler's window, finite everywhere.
        valid: which of it was observed.
        out: (H, W), may be part of another array.
    """
    if valid.all():
        sampler.blend(part, out)
        return
    share = np.empty(out.shape, np.float32)
    sampler.blend(valid.astype(np.float32), share)
    share[np.abs(share - 1) < 1e-5] = 1
    sampler.blend(np.where(valid, part, np.float32(0)), out)
    out /= np.maximum(share, np.float32(1e-6))
    out[~sampler.nearest(valid, False)] = np.nan


@dataclass(frozen=True)
class _Nowhere:
    """A grid that does not meet the source."""

    shape: tuple[int, int]
    window: None = None
    own: None = None

    def nearest(self, part: NDArray[Any], outside: Any) -> NDArray[Any]:
        return np.full(self.shape, outside, part.dtype)

    def blend(self, part: FloatArray, out: FloatArray) -> None:
        out[:] = np.nan


@dataclass(frozen=True)
class _Parallel:
    """A grid whose axes are those of the source: rows and columns are independent."""

    shape: tuple[int, int]
    inside: tuple[slice, slice]
    """Rows and columns of the grid that lie on the source."""

    rows: Axis
    cols: Axis

    @cached_property
    def window(self) -> Window:
        return window_of(self.rows, self.cols)

    @cached_property
    def own(self) -> tuple[slice, slice] | None:
        rows, cols = self.rows.run, self.cols.run
        if rows is None or cols is None or (self.rows.low.size, self.cols.low.size) != self.shape:
            return None
        return rows, cols

    def nearest(self, part: NDArray[Any], outside: Any) -> NDArray[Any]:
        rows, cols = (axis.low - axis.first + (axis.share >= 0.5) for axis in (self.rows, self.cols))
        found = _picked(self._with_neighbours(part), rows, cols)
        if found.shape == self.shape:
            return found
        values = np.full(self.shape, outside, part.dtype)
        values[self.inside] = found
        return values

    def _with_neighbours(self, part: NDArray[Any]) -> NDArray[Any]:
        if not self.rows.share.any() and not self.cols.share.any():
            return part  # nobody asks for them
        return padded(part, self.rows.padding, self.cols.padding)

    def blend(self, part: FloatArray, out: FloatArray) -> None:
        target = out[self.inside]
        if target.shape != self.shape:
            out[:] = np.nan
        source = self._with_neighbours(part)
        row, col = self.rows.low - self.rows.first, self.cols.low - self.cols.first
        down, right = self.rows.share[:, None], self.cols.share
        if not down.any() and not right.any():
            target[:] = _picked(source, row, col)
            return
        if (every := self.rows.period) is not None and self.cols.period is not None:
            for phase in range(min(every, row.size)):
                rows = source[row[phase] : row[phase] + len(row[phase::every]) + 1]
                self._blend_rows(rows, down[phase::every], target[phase::every])
            return
        step = max(1, _CHUNK // max(1, col.size))
        for start in range(0, row.size, step):
            here = slice(start, start + step)
            above = source[row[here]]
            above += (source[row[here] + 1] - above) * down[here]
            left = above[:, col]
            target[here] = left + (above[:, col + 1] - left) * right

    def _blend_rows(self, source: FloatArray, down: FloatArray, target: FloatArray) -> None:
        """Rows that lie equally between those of the source, one by one; the same bits as pixel by pixel."""
        every, col = self.cols.period or 1, self.cols.low - self.cols.first
        step = max(1, _CHUNK // source.shape[1])
        for start in range(0, len(target), step):
            into = target[start : start + step]
            above, below = source[start : start + len(into)], source[start + 1 : start + len(into) + 1]
            between = below - above
            between *= down[start : start + len(into)]
            between += above
            for phase in range(min(every, col.size)):
                share = self.cols.share[phase::every]
                left, right = (between[:, at : at + share.size] for at in (col[phase], col[phase] + 1))
                shift = right - left
                shift *= share
                np.add(left, shift, out=into[:, phase::every])


def _picked(source: NDArray[Any], rows: Index, cols: Index) -> NDArray[Any]:
    """Rows and columns of an array; a view where they follow one another."""
    if (np.diff(rows) == 1).all() and (np.diff(cols) == 1).all():
        return source[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    if rows.size > source.shape[0] and (cols[2:] - cols[:-2] == 1).all():
        # every column twice, as classes of 20 m are on 10 m: slices instead of single pixels
        wide = np.empty((source.shape[0], cols.size), source.dtype)
        for phase in range(min(2, cols.size)):
            width = wide[:, phase::2].shape[1]
            wide[:, phase::2] = source[:, cols[phase] : cols[phase] + width]
        return wide[rows]
    # the shorter way: columns of few rows, then whole rows
    return source[:, cols][rows] if rows.size > source.shape[0] else source[rows][:, cols]


@dataclass(frozen=True)
class _Scattered:
    """A grid in another CRS, or at an angle: each pixel has its own place."""

    shape: tuple[int, int]
    inside: NDArray[np.int32] | None
    """Flat indices of the grid's pixels that lie on the source; None = all."""

    window: Window
    padding: tuple[tuple[int, int], tuple[int, int]]
    index: NDArray[np.int32]
    """For each pixel inside, the flat index of its upper left neighbour in the padded window."""

    down: FloatArray
    right: FloatArray
    """Weights of the lower and right neighbours."""

    own: None = None

    @classmethod
    def of(cls, shape: tuple[int, int], inside: Index | None, rows: Axis, cols: Axis) -> "_Scattered":
        window = window_of(rows, cols)
        index = (rows.low - rows.first) * (window.width + sum(cols.padding)) + (cols.low - cols.first)
        where = None if inside is None else inside.astype(np.int32)
        padding = (rows.padding, cols.padding)
        return cls(shape, where, window, padding, index.astype(np.int32), rows.share, cols.share)

    def nearest(self, part: NDArray[Any], outside: Any) -> NDArray[Any]:
        source = padded(part, *self.padding)
        index = self.index + (self.right >= 0.5) + (self.down >= 0.5) * np.int32(source.shape[1])
        return self._spread(source.ravel().take(index), outside)

    def blend(self, part: FloatArray, out: FloatArray) -> None:
        source = padded(part, *self.padding)
        width = source.shape[1]
        flat = source.ravel()
        values = np.empty(self.index.size, np.float32)
        for start in range(0, self.index.size, _CHUNK):
            here = slice(start, start + _CHUNK)
            at, right = self.index[here].astype(np.intp), self.right[here]
            above, below = flat.take(at), flat.take(at + width)
            above += (flat.take(at + 1) - above) * right
            below += (flat.take(at + (width + 1)) - below) * right
            values[here] = above + (below - above) * self.down[here]
        out[:] = self._spread(values, np.nan)

    def _spread(self, found: NDArray[Any], outside: Any) -> NDArray[Any]:
        if self.inside is None:
            return found.reshape(self.shape)
        values = np.full(self.shape, outside, found.dtype)
        values.ravel()[self.inside] = found
        return values


def sampler(geobox: GeoBox, shape: tuple[int, int], affine: Affine, crs: str) -> Sampler:
    """How to read a source raster onto a grid; the last ones are kept, for the bands that share a pixel grid.

    Args:
        geobox: the grid; its axes are those of its CRS.
        shape: rows and columns of the source.
        affine: its geotransform.
        crs: its CRS as WKT.
    """
    if same_crs(str(geobox.crs), crs) and affine.b == affine.d == 0:
        # not by the GeoBox: its hash writes out its CRS each time
        return _parallel((int(geobox.shape[0]), int(geobox.shape[1])), geobox.affine, shape, affine)
    return _scattered(geobox, shape, affine, crs)


@lru_cache(maxsize=64)
def _parallel(target: tuple[int, int], grid: Affine, shape: tuple[int, int], affine: Affine) -> Sampler:
    x = grid.c + (np.arange(target[1]) + 0.5) * grid.a
    y = grid.f + (np.arange(target[0]) + 0.5) * grid.e
    rows, cols = _on_grid((y - affine.f) / affine.e), _on_grid((x - affine.c) / affine.a)
    on = [np.flatnonzero((place >= 0) & (place < size)) for place, size in zip((rows, cols), shape, strict=True)]
    if not (on[0].size and on[1].size):
        return _Nowhere(target)
    inside = slice(int(on[0][0]), int(on[0][-1]) + 1), slice(int(on[1][0]), int(on[1][-1]) + 1)
    return _Parallel(target, inside, Axis.of(rows[inside[0]], shape[0]), Axis.of(cols[inside[1]], shape[1]))


@lru_cache(maxsize=4)  # each holds three numbers for every pixel
def _scattered(geobox: GeoBox, shape: tuple[int, int], affine: Affine, crs: str) -> Sampler:
    height, width = shape
    target = (int(geobox.shape[0]), int(geobox.shape[1]))
    x, y = places(geobox, crs)
    inverse = ~affine
    cols = (inverse.a * x + inverse.b * y + inverse.c).ravel()
    rows = (inverse.d * x + inverse.e * y + inverse.f).ravel()
    on = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    if not on.any():
        return _Nowhere(target)
    inside = None if on.all() else np.flatnonzero(on)
    if inside is not None:
        rows, cols = rows[inside], cols[inside]
    return _Scattered.of(target, inside, Axis.of(rows, height), Axis.of(cols, width))


def _on_grid(position: NDArray[np.floating[Any]]) -> Coordinates:
    """Places within a ten-thousandth of a pixel of its centre are at its centre."""
    centre = np.floor(position) + 0.5
    return np.asarray(np.where(np.abs(position - centre) < _ON_GRID, centre, position), np.float64)


def coarsening(source_gsd_m: float, target_gsd_m: float) -> int:
    """How many source pixels are averaged in each direction before sampling, so that a coarse grid does not alias."""
    return int(target_gsd_m / source_gsd_m + 0.5) if target_gsd_m > 1.5 * source_gsd_m else 1

"""What the ground around each pixel did on the same day: the reference of surveys, whose pixels each have their day."""

import warnings

import numpy as np

from detectors.core.arrays import BoolArray, FloatArray, IntArray

CELL_PX = 32
"""Cells of this size are summed up first; a pixel's surroundings are its cell and the eight about it."""

EVERY = 2
"""Of the pixels of a cell, one in so many either way is counted."""

DAYS_APART = 5
"""A pixel is held against surroundings seen within so many days of its own look."""

LEAST_SHARE = 0.05
"""Share of the surroundings that must be the model's ground and seen for them to say anything."""


def around(picture: FloatArray, where: BoolArray, days: IntArray, quantile: float = 0.5) -> FloatArray:
    """(H, W) level of each pixel's surroundings, about 1 km wide at 10 m, among looks of nearly its own day.

    Args:
        picture: (H, W) an index or band, NaN = not observed.
        where: (H, W) ground that counts.
        days: (H, W) ordinal of the look of each pixel, 0 = none.
        quantile: of the surroundings; the median if not given.

    Returns:
        NaN where too little of the surroundings was seen then, or the pixel itself was not.
    """
    out = np.full(picture.shape, np.nan, np.float32)
    seen = where & np.isfinite(picture) & (days > 0)
    for day in np.unique(days[np.isfinite(picture) & (days > 0)]):
        near = seen & (np.abs(days - day) <= DAYS_APART)
        level = _cells(np.where(near, picture, np.nan), quantile)
        mine = days == day
        rows, columns = np.nonzero(mine)
        out[mine] = level[rows // CELL_PX, columns // CELL_PX]
    return out


def _cells(picture: FloatArray, quantile: float) -> FloatArray:
    """(n, m) median over 3 × 3 cells of each cell's own quantile, from every second pixel either way."""
    side = CELL_PX // EVERY
    thin = picture[::EVERY, ::EVERY]
    rows, columns = (-(-size // CELL_PX) for size in picture.shape)
    padded = np.full((rows * side, columns * side), np.nan, np.float32)
    padded[: thin.shape[0], : thin.shape[1]] = thin
    flat = padded.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(rows, columns, -1)
    flat = np.sort(flat, axis=-1)  # NaN last
    count = np.isfinite(flat).sum(axis=-1)
    place = np.round(quantile * np.maximum(count - 1, 0)).astype(np.intp)
    level = np.take_along_axis(flat, place[..., None], axis=-1)[..., 0]
    level[count < LEAST_SHARE * side * side] = np.nan
    bordered = np.pad(level, 1, constant_values=np.nan)
    stack = np.stack([bordered[i : i + rows, j : j + columns] for i in range(3) for j in range(3)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all NaN is a NaN, and that is meant
        return np.asarray(np.nanmedian(stack, axis=0), np.float32)


def ramp(value: FloatArray, low: float, high: float) -> FloatArray:
    """0 at `low`, 1 at `high`, straight between and clipped beyond; NaN stays. `low` may be the larger one."""
    return np.asarray(np.clip((value - low) / (high - low), 0, 1), np.float32)


def smooth(picture: FloatArray) -> FloatArray:
    """(H, W) mean of what was observed among the five by five pixels about each.

    Char, straw and soil differ by little, and a pixel's noise is as much.
    """
    rows, columns = picture.shape
    seen = np.pad(np.isfinite(picture).astype(np.float32), 2)
    padded = np.pad(np.nan_to_num(picture), 2)
    steps = [(i, j) for i in range(5) for j in range(5)]
    count = sum(seen[i : i + rows, j : j + columns] for i, j in steps)
    total = sum(padded[i : i + rows, j : j + columns] for i, j in steps)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float32)

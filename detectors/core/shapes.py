"""Shapes and lines: how compact a patch is, how straight a line, and means over what a mask holds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.arrays import BoolArray, FloatArray

LINE_M = 180.0
"""Length over which a ditch or road is asked to be straight."""

FLANK_M = 25.0
"""Where the ground beside a line is looked at, from its middle."""

BEARINGS = 16
"""Directions that are tried, 11° apart."""


@dataclass(frozen=True)
class Compactness:
    """The shape of a piece of ground."""

    rectangle: float
    """Share of its smallest enclosing rectangle that it covers, 0–1."""

    length_px: float
    """Long and …"""

    width_px: float
    """… short side of that rectangle."""

    @property
    def elongation(self) -> float:
        """Long side over short side."""
        return self.length_px / max(self.width_px, 1e-6)


def compactness(mask: BoolArray) -> Compactness:
    """How much of its smallest rectangle, at any angle, a piece covers (Freeman & Shapira 1975).

    Args:
        mask: (H, W) with at least one pixel.

    Raises:
        ValueError: if it is empty.
    """
    from scipy import ndimage
    from scipy.spatial import ConvexHull

    rows, columns = np.nonzero(mask & ~ndimage.binary_erosion(mask))
    if not rows.size:
        raise ValueError("an empty mask has no shape")
    corners = np.concatenate([np.column_stack([columns + dx, rows + dy]) for dx in (0.0, 1.0) for dy in (0.0, 1.0)])
    hull = corners[ConvexHull(corners).vertices]
    edges = np.roll(hull, -1, axis=0) - hull
    turn = np.arctan2(edges[:, 1], edges[:, 0])
    cos, sin = np.cos(turn), np.sin(turn)
    along = hull @ np.stack([cos, sin])
    across = hull @ np.stack([-sin, cos])
    sides = np.stack([np.ptp(along, axis=0), np.ptp(across, axis=0)])
    best = int(np.argmin(sides.prod(axis=0)))
    short, long = sorted(float(side) for side in sides[:, best])
    return Compactness(float(mask.sum()) / max(short * long, 1e-6), long, short)


def straight_lines(picture: FloatArray, pixel_m: float, bright: bool = False) -> FloatArray:
    """(H, W) how much darker (or brighter) than both its flanks a straight line through each pixel is; 0 = none.

    Each third of a line of `LINE_M` must stand out from both its flanks, so that spots, edges of fields and bends score
    nothing; the best of `BEARINGS` directions counts.

    Args:
        picture: (H, W) reflectance, NaN = not observed.
        pixel_m: its pixel size.
        bright: whether bright lines are sought instead of dark ones.

    Returns:
        In the unit of the picture; NaN where too little around was observed.
    """
    sign = np.float32(-1 if bright else 1)
    third = max(round(LINE_M / pixel_m / 3), 3)
    side = max(FLANK_M / pixel_m, 2.0)
    best = np.full(picture.shape, np.nan, np.float32)
    reach = third + int(np.ceil(side)) + 1
    wide = np.pad(picture * sign, reach, constant_values=np.nan)
    for turn in np.arange(BEARINGS) * np.pi / BEARINGS:
        along = np.array([np.sin(turn), np.cos(turn)])
        across = np.array([along[1], -along[0]]) * side
        mean = _mean_along(wide, along, third)
        stands = np.full(picture.shape, np.inf, np.float32)
        for place in (-1, 0, 1):
            middle = along * place * third
            line = _shifted(mean, middle, reach)
            flanks = np.minimum(_shifted(mean, middle + across, reach), _shifted(mean, middle - across, reach))
            stands = np.minimum(stands, flanks - line)
        best = np.fmax(best, stands)
    return np.where(np.isfinite(best), np.maximum(best, 0), np.nan).astype(np.float32)


def _mean_along(picture: FloatArray, along: NDArray[np.float64], pixels: int) -> FloatArray:
    """Mean over some pixels in a direction, of what was observed of them; NaN where less than 60 % was."""
    total, count = np.zeros_like(picture), np.zeros_like(picture)
    seen = np.isfinite(picture)
    known = np.where(seen, picture, np.float32(0))
    for step in np.arange(pixels) - (pixels - 1) / 2:
        rows, columns = (round(float(part)) for part in along * step)
        total += np.roll(known, (-rows, -columns), (0, 1))
        count += np.roll(seen, (-rows, -columns), (0, 1))
    return np.where(count >= 0.6 * pixels, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _shifted(picture: FloatArray, way: NDArray[np.float64], reach: int) -> FloatArray:
    """What lies a way off (rows, columns), without the rim."""
    rows, columns = (reach + round(float(part)) for part in way)
    height, width = picture.shape[0] - 2 * reach, picture.shape[1] - 2 * reach
    return picture[rows : rows + height, columns : columns + width]


def masked_mean(picture: FloatArray, mask: BoolArray, window_px: int) -> FloatArray:
    """(H, W) mean over a window of what a mask holds and was observed; NaN where that is less than ten pixels."""
    from scipy import ndimage

    known = mask & np.isfinite(picture)
    count = ndimage.uniform_filter(known.astype(np.float32), window_px, mode="constant") * window_px**2
    total = ndimage.uniform_filter(np.where(known, picture, 0).astype(np.float32), window_px, mode="constant")
    return np.where(count >= 10, total * window_px**2 / np.maximum(count, 1), np.nan).astype(np.float32)

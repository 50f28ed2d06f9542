"""Shapes and lines: how compact a patch is, how straight a line, and means over what a mask holds."""

from collections.abc import Sequence
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

LINE_PART, LINE_PX = 0.7, 10
"""Part of a line's depth from which ground belongs to it, and how many pixels make a line."""


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


@dataclass(frozen=True, eq=False)
class Lines:
    """The straight lines of a picture."""

    depth: FloatArray
    """(H, W) how much darker (or brighter) than both its flanks the best line through each pixel is, in the unit of the
    picture; 0 = none, NaN where too little around was observed."""

    bearing: NDArray[np.int8]
    """(H, W) which of `BEARINGS` it has."""


def straight_lines(picture: FloatArray, pixel_m: float, bright: bool = False) -> Lines:
    """How much darker (or brighter) than both its flanks a straight line through each pixel is, and its direction.

    Each third of a line of `LINE_M` must stand out from both its flanks, so that spots, edges of fields and bends score
    nothing; the best of `BEARINGS` directions counts.

    Args:
        picture: (H, W) reflectance, NaN = not observed.
        pixel_m: its pixel size.
        bright: whether bright lines are sought instead of dark ones.
    """
    best, bearing = np.full(picture.shape, np.nan, np.float32), np.zeros(picture.shape, np.int8)
    for turn in range(BEARINGS):
        stands = _standing(-picture if bright else picture, pixel_m, turn, (-1, 0, 1))
        bearing[stands > np.where(np.isfinite(best), best, -np.inf)] = turn
        best = np.fmax(best, stands)
    depth = np.where(np.isfinite(best), np.maximum(best, 0), np.nan).astype(np.float32)
    return Lines(depth, bearing)


def _standing(picture: FloatArray, pixel_m: float, turn: int, places: Sequence[int]) -> FloatArray:
    """(H, W) how much darker than both its flanks each of some thirds of a line is, the least of them.

    Args:
        picture: (H, W), NaN = not observed.
        pixel_m: its pixel size.
        turn: the bearing.
        places: of the thirds along the line, 0 = about the pixel itself.
    """
    third, side = _third_px(pixel_m), max(FLANK_M / pixel_m, 2.0)
    reach = third + int(np.ceil(side)) + 1
    along, across = _directions(turn)
    mean = _mean_along(np.pad(picture, reach, constant_values=np.nan), along, third)
    stands = np.full(picture.shape, np.inf, np.float32)
    for place in places:
        middle = along * place * third
        flanks = np.minimum(*(_shifted(mean, middle + way * across * side, reach) for way in (1, -1)))
        stands = np.minimum(stands, flanks - _shifted(mean, middle, reach))
    return stands


def _third_px(pixel_m: float) -> int:
    return max(round(LINE_M / pixel_m / 3), 3)


def _directions(turn: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (rows, columns) along a bearing and across it."""
    angle = turn * np.pi / BEARINGS
    along = np.array([np.sin(angle), np.cos(angle)])
    return along, np.array([along[1], -along[0]])


def whole_lines(
    score: FloatArray, lines: Lines, picture: FloatArray, pixel_m: float, low: float, high: float
) -> FloatArray:
    """(H, W) the score with its lines drawn from end to end and as wide as they are.

    A line through a pixel is asked for over `LINE_M` about it, so 90 m at either end of a ditch answer to no whole
    line, and beside it lines that lie askew do. A pixel belongs to a line that was found where the third about it
    stands out by `LINE_PART` of what that line does, and of what the ground across it does.

    Args:
        score: (H, W) of lines, NaN = not observed.
        lines: of the picture.
        picture: (H, W) in which lines are dark.
        pixel_m: its pixel size.
        low: pieces of this score of at least `LINE_PX` pixels, …
        high: … with this score somewhere, are lines; smaller ones stay as they are.
    """
    from scipy import ndimage

    known = np.nan_to_num(score)
    label, count = ndimage.label(known >= low, np.ones((3, 3), np.bool_))
    sizes = np.bincount(label.ravel(), minlength=count + 1)
    depth = np.nan_to_num(lines.depth)
    ridge = depth >= 0.8 * ndimage.maximum_filter(depth, 5)
    out, far = score.copy(), 4 * _third_px(pixel_m)
    found = [n for n in range(1, count + 1) if sizes[n] >= LINE_PX]
    out[np.isin(label, found)] = 0
    for number, box in enumerate(ndimage.find_objects(label), start=1):
        if sizes[number] < LINE_PX:
            continue
        rows, columns = (slice(max(side.start - far, 0), side.stop + far) for side in box)
        here = (label[rows, columns] == number) & ridge[rows, columns] & (known[rows, columns] >= high)
        bearing = lines.bearing[rows, columns]
        for turn in np.unique(bearing[here]).tolist():
            stands = np.nan_to_num(_standing(picture[rows, columns], pixel_m, turn, (0,)))
            for row, column in np.argwhere(here & (bearing == turn)).tolist():
                at = _of_line(stands, (row, column), turn, pixel_m, float(depth[rows, columns][row, column]))
                part = out[rows, columns]
                part[at] = np.fmax(part[at], np.where(np.isfinite(part[at]), known[rows, columns][row, column], np.nan))
    return out


def _of_line(
    stands: FloatArray, middle: tuple[int, int], turn: int, pixel_m: float, depth: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the pixels of a line through a pixel."""
    along, across = _directions(turn)
    half = int(1.5 * _third_px(pixel_m))
    steps, aside = np.arange(-half, half + 1)[:, None], np.arange(-2, 3)
    rows, columns = (
        np.rint(middle[axis] + along[axis] * steps + across[axis] * aside).astype(np.intp) for axis in (0, 1)
    )
    inside = (rows >= 0) & (rows < stands.shape[0]) & (columns >= 0) & (columns < stands.shape[1])
    level = np.where(inside, stands[np.where(inside, rows, 0), np.where(inside, columns, 0)], 0)
    kept = inside & (level >= LINE_PART * np.maximum(level.max(axis=1, keepdims=True), depth))
    return rows[kept], columns[kept]


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

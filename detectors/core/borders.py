"""A score brought to the ground's own borders: smooth inside one piece of ground, sharp where the images are sharp.

What is dug or built ends where the images change, and a score by pixels does not know it: the middle of a large site
looks like bare ground that was always there, its rim like the surroundings. The guided filter (He, Sun & Tang 2013), in
its fast form (He & Sun 2015), fits the score as a linear function of both images in every small window and averages the
fits, so a pixel shares the score of like ground beside it. docs/design/network.md has what it is worth.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from detectors.core.types import BoolArray, FloatArray

CELL_PX = 4
"""The fits are made on cells of so many pixels, on a grid fixed in the zone."""

WINDOW_CELLS = 3
"""A fit looks at so many cells (12 px, 120 m at 10 m) …"""

STIFFNESS = 0.06
"""… and follows a guide that varies by more than the root of this in it, in the guide's unit."""

REACH_PX = (2 * (WINDOW_CELLS // 2) + 2) * CELL_PX
"""How far a value depends on its input: two windows, the cell it lies in and the one it is blended with."""


def along_borders(score: FloatArray, guide: FloatArray, observed: BoolArray, origin_px: tuple[int, int]) -> FloatArray:
    """A score averaged over like ground.

    Args:
        score: (H, W); what is not observed does not count.
        guide: (C, H, W) what tells one piece of ground from another, each channel varying by about 1 in a scene.
        observed: (H, W).
        origin_px: row and column of the first pixel in the grid of the zone, so that cells lie alike in every block.

    Returns:
        (H, W), NaN where not observed.
    """
    height, width = score.shape
    before = tuple(place % CELL_PX for place in origin_px)
    after = tuple(-(size + gap) % CELL_PX for size, gap in zip(score.shape, before, strict=True))
    pad = tuple(zip(before, after, strict=True))
    seen = np.pad(observed, pad)
    values = np.pad(np.where(observed, score, 0).astype(np.float32), pad)
    guides = np.pad(np.where(observed, guide, 0).astype(np.float32), ((0, 0), *pad))
    slopes = _upsampled(_fits(values, guides, seen))
    whole = slopes[-1] + np.einsum("chw,chw->hw", slopes[:-1], guides)
    inner = whole[before[0] : before[0] + height, before[1] : before[1] + width]
    return np.where(observed, inner, np.nan).astype(np.float32)


def _fits(values: FloatArray, guides: FloatArray, seen: BoolArray) -> FloatArray:
    """(C + 1, h, w) slopes and offset of each cell: those of all windows that hold it, averaged."""
    count = len(guides)
    share = _windowed(_cells(seen.astype(np.float32)))
    some = share > 1e-4
    weight = np.where(some, 1 / np.maximum(share, 1e-4), 0)

    def mean(image: FloatArray) -> FloatArray:
        return _windowed(_cells(image)) * weight

    level, middle = mean(values), np.stack([mean(guide) for guide in guides])
    tilt = np.stack([mean(guide * values) for guide in guides]) - middle * level
    spread = np.empty((*level.shape, count, count), np.float32)
    for i in range(count):
        for j in range(i, count):
            spread[..., i, j] = spread[..., j, i] = mean(guides[i] * guides[j]) - middle[i] * middle[j]
    spread += STIFFNESS * np.eye(count, dtype=np.float32)
    slope = np.linalg.solve(spread, tilt.transpose(1, 2, 0)[..., None])[..., 0].transpose(2, 0, 1)
    offset = level - (slope * middle).sum(axis=0)
    fitted = np.concatenate([slope, offset[None]]) * some
    return np.asarray(
        np.stack([_windowed(part) for part in fitted]) / np.maximum(_windowed(some.astype(np.float32)), 1e-4),
        np.float32,
    )


def _cells(image: FloatArray) -> FloatArray:
    height, width = image.shape
    cells = image.reshape(height // CELL_PX, CELL_PX, width // CELL_PX, CELL_PX)
    return np.asarray(cells.mean(axis=(1, 3)), np.float32)


def _windowed(cells: FloatArray) -> FloatArray:
    return np.asarray(uniform_filter(cells, WINDOW_CELLS, mode="constant"), np.float32)


def _upsampled(cells: FloatArray) -> FloatArray:
    """(C, H, W) each pixel blended from the middles of the cells around it."""
    rows, cols = (_Blend.of(size) for size in cells.shape[1:])
    down = cells[:, rows.low] + (cells[:, rows.high] - cells[:, rows.low]) * rows.share[:, None]
    return np.asarray(down[:, :, cols.low] + (down[:, :, cols.high] - down[:, :, cols.low]) * cols.share, np.float32)


@dataclass(frozen=True)
class _Blend:
    """Neighbouring cells of each pixel along an axis."""

    low: NDArray[np.intp]
    high: NDArray[np.intp]
    share: FloatArray

    @classmethod
    def of(cls, cells: int) -> "_Blend":
        place = (np.arange(cells * CELL_PX) + 0.5) / CELL_PX - 0.5
        low = np.clip(np.floor(place).astype(int), 0, cells - 1)
        share = np.clip(place - low, 0, 1).astype(np.float32)
        return cls(low, np.minimum(low + 1, cells - 1), share)

"""What surrounds a pixel: boxes with what they look at, and window means that look past unobserved pixels.

Every mean is a normalised convolution (Knutsson & Westin 1993): unobserved pixels and the ground beyond the array's
edge have weight zero. So a hole of cloud neither spreads nor pulls its neighbours down, and every reach is finite.
"""

import numpy as np
from scipy.ndimage import find_objects, gaussian_filter1d, label

from detectors.core.arrays import places_of
from detectors.core.types import BoolArray, FloatArray

TRUNCATE = 3.0
"""Standard deviations at which a Gaussian ends."""


Box = tuple[slice, slice]
"""Rows and columns of an array."""


def box_of(wanted: BoolArray) -> Box:
    """The smallest box around what is True in (H, W), of which there is something."""
    rows, cols = (np.flatnonzero(wanted.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


def within(outer: Box, inner: Box) -> Box:
    """In the whole array, a box that is given inside another."""
    rows, cols = (
        slice(part.start + place.start, part.start + place.stop) for part, place in zip(outer, inner, strict=True)
    )
    return rows, cols


def with_reach(box: Box, shape: tuple[int, ...], reach_px: int) -> tuple[Box, Box]:
    """A box with what it looks at around it, as far as an array of this shape goes; and where in that the box lies."""
    rows, cols = (
        slice(max(part.start - reach_px, 0), min(part.stop + reach_px, size))
        for part, size in zip(box, shape, strict=True)
    )
    down, across = (
        slice(part.start - outer.start, part.stop - outer.start) for part, outer in zip(box, (rows, cols), strict=True)
    )
    return (rows, cols), (down, across)


def boxes_of(wanted: BoolArray, cell_px: int) -> list[Box]:
    """Boxes that together hold all that is True in (H, W); they may overlap.

    One for each group of square cells that touch and hold any, as large as the group.
    """
    size = [-(-edge // cell_px) for edge in wanted.shape]
    held = np.zeros(size, np.bool_)
    rows, cols = places_of(wanted)
    held[rows // cell_px, cols // cell_px] = True
    groups, _ = label(held, np.ones((3, 3)))
    return [
        (
            slice(down.start * cell_px, min(down.stop * cell_px, wanted.shape[0])),
            slice(across.start * cell_px, min(across.stop * cell_px, wanted.shape[1])),
        )
        for down, across in find_objects(groups)
    ]


def gaussian_reach(sigma_px: float) -> int:
    """How far a Gaussian mean looks, in pixels."""
    return int(TRUNCATE * sigma_px + 0.5)


def box_mean(image: FloatArray, observed: BoolArray, size_px: int) -> FloatArray:
    """Mean of the observed pixels in a square window.

    Args:
        image: (C, H, W), zero where not observed.
        observed: (H, W).
        size_px: edge of the window, odd.

    Returns:
        (C, H, W); zero where nothing was observed in the window.
    """
    count = np.maximum(_box_sum(observed.astype(np.float32), size_px), 1)
    out = np.empty_like(image)
    for band, mean in zip(image, out, strict=True):
        np.divide(_box_sum(band, size_px), count, out=mean)
    return out


def _box_sum(image: FloatArray, size_px: int) -> FloatArray:
    """Sum over a square window; by doubling, so that a sum holds nothing from outside its window, not even rounding."""
    rim = size_px // 2
    total = np.zeros((image.shape[0] + 2 * rim, image.shape[1] + 2 * rim), image.dtype)
    total[rim : rim + image.shape[0], rim : rim + image.shape[1]] = image
    for axis in (0, 1):
        length = total.shape[axis] - size_px + 1
        parts, start, width, power = [], 0, 1, total
        while width <= size_px:
            if size_px & width:
                parts.append(_from(power, start, length, axis))
                start += width
            if 2 * width <= size_px:
                rest = power.shape[axis] - width
                power = _from(power, 0, rest, axis) + _from(power, width, rest, axis)
            width *= 2
        total = parts[0] + parts[1] if len(parts) > 1 else parts[0]
        for part in parts[2:]:
            total += part
    return total


def _from(image: FloatArray, start: int, length: int, axis: int) -> FloatArray:
    return image[start : start + length] if axis == 0 else image[:, start : start + length]


def gaussian_mean(image: FloatArray, observed: BoolArray, sigma_px: float) -> FloatArray:
    """Gaussian mean of the observed pixels.

    Args:
        image: (H, W), zero where not observed.
        observed: (H, W).
        sigma_px: standard deviation in pixels; the kernel ends at `gaussian_reach`.

    Returns:
        (H, W); meaningless, but finite, where nothing was observed in reach.
    """
    share = _gaussian(observed.astype(np.float32), sigma_px)
    return (_gaussian(image, sigma_px) / np.maximum(share, 1e-6)).astype(np.float32)


def _gaussian(image: FloatArray, sigma_px: float) -> FloatArray:
    for axis in (0, 1):
        image = gaussian_filter1d(image, sigma_px, axis=axis, mode="constant", truncate=TRUNCATE)
    return image

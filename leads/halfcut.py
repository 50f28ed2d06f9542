"""A patch cut at half of its own contrast: what of a window changed at least half as much as the patch itself did.

A score saturates and takes context, so where it crosses its threshold says little about where the ground's edge lies.
The images do: change is held against the scatter of the ground around, and cut at half of what the patch shows.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

_EIGHT = np.ones((3, 3), np.bool_)
_FOUR = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.bool_)
_SQUARE = np.ones((2, 2), np.bool_)

HALF = 0.5
SOFT = 0.4, 0.6
"""Shares of the contrast between which the softness of an edge is told."""

CLEAR = 1.5
"""The patch's own contrast has to be so many times what nine in ten pixels of the ground around show."""

RING_PX = 15
"""The scatter is that of the ground within so many pixels."""

REACH, LEAST_REACH_PX = 0.8, 3
"""How far beyond the patch the ground is looked at: a share of its width, and at least so many pixels."""

LEAST_TOUCH = 0.1
"""A part of what changed belongs to the patch from this share on of what the greatest part shares with it."""

LEAST_RING, LEAST_INSIDE = 60, 9
"""Pixels without which nothing can be said."""


def near(inside: BoolArray, ring: BoolArray, reach_px: int = RING_PX) -> BoolArray:
    """(H, W) the part of a ring within so many pixels of the patch."""
    return np.asarray(ring & (ndimage.distance_transform_edt(~inside) <= reach_px))


def change_of(before: FloatArray, after: FloatArray, ring: BoolArray) -> FloatArray | None:
    """(H, W) how unusual the change of each pixel is beside the ring's, in standard deviations; NaN = not observed.

    Args:
        before: (C, H, W) reflectance, NaN = not observed.
        after: the same bands and grid.
        ring: (H, W) like ground around the patch.

    Returns:
        None where too little of the ring was observed.
    """
    step = after - before
    step = step[np.isfinite(step).reshape(len(step), -1).any(axis=1)]
    if not len(step):
        return None
    seen: BoolArray = np.asarray(np.isfinite(step).all(axis=0))
    around = step[:, ring & seen].astype(np.float64)
    if around.shape[1] < LEAST_RING:
        return None
    middle = np.median(around, axis=1, keepdims=True)
    off = around - middle
    size = np.sqrt((off**2).sum(axis=0))
    off = off[:, size <= 3 * np.median(size)]  # what lies beyond is another field's change, and no scatter
    scatter = off @ off.T / off.shape[1] + np.eye(len(off)) * 1e-5
    apart = np.nan_to_num(step.astype(np.float64) - middle[:, :, None])
    square = np.einsum("chw,cd,dhw->hw", apart, np.linalg.inv(scatter), apart)
    return np.where(seen, np.sqrt(np.maximum(square, 0)), np.nan).astype(np.float32)


def half_cut(change: FloatArray, inside: BoolArray, ring: BoolArray, share: float = HALF) -> BoolArray | None:
    """(H, W) the patch as far as the change is half of its own; None where it is too faint, or little of it was seen.

    Args:
        change: (H, W) as from `change_of`.
        inside: (H, W) the patch as it was found.
        ring: (H, W) like ground around it.
        share: of its own contrast, where another than half is wanted.
    """
    core = ndimage.binary_erosion(inside, _EIGHT) if inside.sum() > 60 else inside
    own, around = change[core & np.isfinite(change)], change[ring & np.isfinite(change)]
    if own.size < LEAST_INSIDE or around.size < LEAST_RING:
        return None
    contrast = float(np.median(own))
    if contrast < CLEAR * float(np.quantile(around, 0.9)):
        return None
    reach = max(LEAST_REACH_PX, round(REACH * float(np.sqrt(inside.sum()))))
    with np.errstate(invalid="ignore"):
        over = (change >= share * contrast) & ndimage.binary_dilation(inside, _EIGHT, iterations=reach)
    # what hangs on by a neck of one pixel is another change
    firm = ndimage.binary_opening(over, _SQUARE)
    parts, count = ndimage.label(firm, _FOUR)
    touched = np.bincount(parts[inside & firm], minlength=count + 1)
    touched[0] = 0
    if not touched.any():
        return None
    found = np.isin(parts, np.flatnonzero(touched >= LEAST_TOUCH * int(touched.max())))
    return np.asarray(ndimage.binary_fill_holes(found), np.bool_)


def soft_pixels(change: FloatArray, inside: BoolArray, ring: BoolArray) -> int:
    """By how many pixels the patch is larger when it is cut at 0.4 of its contrast, not at 0.6: few of a clear edge.

    Args:
        change: (H, W) as from `change_of`.
        inside: (H, W) the patch as it was found.
        ring: (H, W) like ground around it.
    """
    masks = (half_cut(change, inside, ring, share) for share in SOFT)
    wide, narrow = (0 if mask is None else int(mask.sum()) for mask in masks)
    return wide - narrow

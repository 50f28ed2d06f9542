"""Sub-pixel co-registration by phase correlation.

Phase correlation of gradients (Kuglin & Hines 1975), its peak refined on an upsampled grid (Guizar-Sicairos et al.
2008), tile by tile; the median over tiles is the shift, and their agreement says whether to trust it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from detectors.core.arrays import places_of
from detectors.core.types import FloatArray

MAX_SHIFT_PX = 3.0
"""A larger shift is not applied: it is a fault of the reader or another scene."""

MIN_SHIFT_PX = 0.1
"""A smaller shift is within the error of the estimate, and resampling would cost more than it mends."""

SHIFT_REACH_PX = 5
"""How far `shifted` looks: the largest shift and the cubic kernel."""

_Kernel = Callable[[FloatArray], FloatArray]

_TILE = 128
_SEARCH = 8
"""Peaks are sought within this many pixels of zero, so that an impossible shift shows as disagreement."""
_MAX_TILES = 160


def estimate_shift(chips: Sequence[tuple[FloatArray, FloatArray]]) -> tuple[tuple[float, float], bool]:
    """By how much after lies off before.

    Args:
        chips: (before, after), each (C, h, w), NaN = not observed; bands with no value are passed over.

    Returns:
        (rows, columns) such that ``after[y + row, x + col]`` shows the ground of ``before[y, x]``; and whether the
        tiles agree well enough to apply it.
    """
    tiles = [tile for before, after in chips for tile in _tiles(before, after)]
    tiles = tiles[:: -(-len(tiles) // _MAX_TILES) or 1]
    found = np.array([shift for shift in (_tile_shift(*tile) for tile in tiles) if shift is not None])
    if not len(found):
        return (0.0, 0.0), False
    centre = np.median(found, axis=0)
    near = np.hypot(*(found - centre).T) < 0.5
    if near.any():
        centre = np.median(found[near], axis=0)
    # by chance a peak falls within half a pixel of another in one of about 300 places: three in agreement are enough
    confident = int(near.sum()) >= 3 and float(near.mean()) >= 0.4
    return (round(float(centre[0]), 3), round(float(centre[1]), 3)), confident


def worth_applying(shift_px: tuple[float, float], confident: bool) -> bool:
    """Whether a shift is sure, large enough to matter and small enough to be one."""
    length = max(abs(shift_px[0]), abs(shift_px[1]))
    return confident and length > MIN_SHIFT_PX and length <= MAX_SHIFT_PX


def _tiles(before: FloatArray, after: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
    height, width = before.shape[1:]
    for y in range(0, max(height - _TILE // 2, 1), _TILE):
        for x in range(0, max(width - _TILE // 2, 1), _TILE):
            window = (slice(None), slice(y, y + _TILE), slice(x, x + _TILE))
            if min(before[window].shape[1:]) >= _TILE // 2:
                yield before[window], after[window]


def _tile_shift(before: FloatArray, after: FloatArray) -> tuple[float, float] | None:
    """The peak of one tile's correlation, summed over bands; None where too little was observed."""
    taper, trust = _weights(*before.shape[1:])
    power = np.zeros(taper.shape, np.complex64)  # twice as fast as complex128; a step of the search is 0.05 px
    for one, other in zip(before, after, strict=True):
        observed = np.isfinite(one) & np.isfinite(other)
        if observed.mean() < 0.5:
            continue
        first, second = (fft.fft2(_edges(image, observed) * taper) for image in (one, other))
        cross = second * first.conj()
        strength = np.abs(cross)
        power += trust * cross / (strength + np.float32(1e-9) * strength.max() + np.float32(1e-30))
    return _peak(power) if power.any() else None


@lru_cache(maxsize=16)
def _weights(height: int, width: int) -> tuple[FloatArray, FloatArray]:
    """(H, W) of a tile: how much each pixel counts, and each frequency."""
    taper = np.hanning(height)[:, None] * np.hanning(width)[None]
    # the finest detail is noise and aliasing, the coarsest is illumination
    radius = np.hypot(fft.fftfreq(height)[:, None], fft.fftfreq(width)[None])
    trust = np.exp(-0.5 * np.square(radius / 0.18)) * (1 - np.exp(-0.5 * np.square(radius / 0.02)))
    return taper.astype(np.float32), trust.astype(np.float32)


def _edges(image: FloatArray, observed: NDArray[np.bool_]) -> NDArray[np.complex64]:
    """Gradient as a complex number: direction and strength, strength damped so that one roof does not rule."""
    hole = ~observed
    filled = np.where(hole, np.float32(np.median(image[observed])), image) if hole.any() else image
    gradient = np.empty(image.shape, np.complex64)
    gradient.real, gradient.imag = np.gradient(filled)
    if hole.any():
        gradient[hole | np.roll(hole, 1, 0) | np.roll(hole, -1, 0) | np.roll(hole, 1, 1) | np.roll(hole, -1, 1)] = 0
    strength = np.abs(gradient)
    return np.asarray(gradient / (np.median(strength) + np.float32(1e-12) + strength))


def _peak(power: NDArray[np.complex64]) -> tuple[float, float] | None:
    height, width = power.shape
    down, across = fft.fftfreq(height), fft.fftfreq(width)
    surface = fft.ifft2(power).real
    near = np.ix_(np.arange(-_SEARCH, _SEARCH + 1) % height, np.arange(-_SEARCH, _SEARCH + 1) % width)
    window = surface[near]
    row, col = np.unravel_index(int(window.argmax()), window.shape)
    if window[row, col] < 5 * surface.std():
        return None
    centre = np.array([float(row) - _SEARCH, float(col) - _SEARCH])
    for step in (0.25, 0.05):
        offsets = np.arange(-4, 5) * step
        left = np.exp(2j * np.pi * (centre[0] + offsets)[:, None] * down[None])
        right = np.exp(2j * np.pi * across[:, None] * (centre[1] + offsets)[None])
        fine = (left @ power @ right).real
        row, col = np.unravel_index(int(fine.argmax()), fine.shape)
        centre = centre + np.array([offsets[row], offsets[col]])
    return float(centre[0]), float(centre[1])


def shifted(image: FloatArray, shift_px: tuple[float, float]) -> FloatArray:
    """Bring an image back by the shift it has: ``out[y, x] = image[y + row, x + col]``.

    Cubic convolution (Keys 1981) of four by four pixels, so its reach is finite; beside unobserved pixels bilinear
    over what was observed.

    Args:
        image: (C, H, W), NaN = not observed; the ground beyond the edge is not observed.
        shift_px: (rows, columns), each at most `MAX_SHIFT_PX`.
    """
    observed = np.isfinite(image)
    filled = np.where(observed, image, np.float32(0))
    if (observed == observed[:1]).all():  # as a rule: the bands of a scene end together
        observed = observed[:1]
    seen = observed.astype(np.float32)
    share = _resample(seen, shift_px, _tent)
    out = _resample(filled, shift_px, _keys)
    whole = _resample(seen, shift_px, _under) > 0.999
    rows, cols = places_of(np.asarray(~whole.all(axis=0)))
    if len(rows):
        linear = _bilinear(filled, shift_px, rows, cols) / np.maximum(share[:, rows, cols], 0.5)
        out[:, rows, cols] = np.where(whole[:, rows, cols], out[:, rows, cols], linear)
    return np.where(share >= 0.7, out, np.float32(np.nan)).astype(np.float32)


def _resample(image: FloatArray, shift_px: tuple[float, float], kernel: _Kernel) -> FloatArray:
    """Separable resampling of (C, H, W) with a kernel of four taps; zero beyond the edge."""
    for axis, shift in zip((1, 2), shift_px, strict=True):
        whole = math.floor(shift)
        taps = kernel(np.arange(-1, 3, dtype=np.float32) - np.float32(shift - whole))
        source, size = image, image.shape[axis]
        image = np.zeros(source.shape, np.float32)
        for offset, tap in enumerate(taps, start=whole - 1):
            if not tap:
                continue
            target = slice(max(-offset, 0), size - max(offset, 0))
            origin = slice(max(offset, 0), size + min(offset, 0))
            if axis == 1:
                image[:, target] += float(tap) * source[:, origin]
            else:
                image[:, :, target] += float(tap) * source[:, :, origin]
    return image


def _bilinear(
    image: FloatArray, shift_px: tuple[float, float], rows: NDArray[np.intp], cols: NDArray[np.intp]
) -> FloatArray:
    """(C, N) of what `_resample` with `_tent` gives, at some pixels only."""
    padded = np.pad(image, ((0, 0), (SHIFT_REACH_PX,) * 2, (SHIFT_REACH_PX,) * 2))
    first = [math.floor(shift) for shift in shift_px]
    down, across = (
        _tent(np.arange(2, dtype=np.float32) - np.float32(shift - whole))
        for shift, whole in zip(shift_px, first, strict=True)
    )
    row, col = rows + SHIFT_REACH_PX + first[0], cols + SHIFT_REACH_PX + first[1]
    left, right = (down[0] * padded[:, row, col + side] + down[1] * padded[:, row + 1, col + side] for side in (0, 1))
    return np.asarray(across[0] * left + across[1] * right, np.float32)


def _keys(t: FloatArray) -> FloatArray:
    t = np.abs(t)
    return np.where(t < 1, 1.5 * t**3 - 2.5 * t**2 + 1, np.where(t < 2, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2, 0))


def _tent(t: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(1 - np.abs(t), 0), dtype=np.float32)


def _under(t: FloatArray) -> FloatArray:
    """Equal weights: what share of the taps was observed."""
    return np.full_like(t, 1 / len(t))

"""Random fields that are functions of the place: hashed lattices, smoothed by B-splines.

Nothing here depends on how the ground is cut into windows or which zone it is seen from.
"""

import zlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.floating[Any]]
"""float32 at run time; numpy's stubs widen it whenever a Python number is near."""

_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
# a white lattice loses variance where it is smoothed; mean over places of the sum of squared weights, per axis
_KEPT = {1: 2 / 3, 2: 11 / 20, 3: 151 / 315}


def hashed(seed: int, key: str, *index: NDArray[np.int64]) -> FloatArray:
    """Uniform numbers 0–1 that depend on nothing but the seed, a name and integers (splitmix64).

    Args:
        seed: of the world.
        key: names the field.
        index: integer arrays of one shape.
    """
    state = np.full(index[0].shape, (seed << 32) ^ zlib.crc32(key.encode()), dtype=np.uint64)
    for axis in index:
        state = state + (axis.astype(np.uint64) + np.uint64(1)) * np.uint64(_MIX[0])
        state = (state ^ (state >> np.uint64(30))) * np.uint64(_MIX[1])
        state = (state ^ (state >> np.uint64(27))) * np.uint64(_MIX[2])
        state = state ^ (state >> np.uint64(31))
    return ((state >> np.uint64(40)).astype(np.float32)) / np.float32(2**24)


def noise(
    seed: int, key: str, x: NDArray[np.float64], y: NDArray[np.float64], spacing_m: float, order: Literal[1, 2, 3] = 3
) -> FloatArray:
    """One octave: a smooth field of mean 0 and variance about 1.

    Args:
        seed: of the world.
        key: names the field.
        x: ground coordinates, metres; any shape.
        y: likewise.
        spacing_m: of the lattice.
        order: 1–3, of the B-spline.
    """
    u, v = np.ravel(x) / spacing_m, np.ravel(y) / spacing_m
    first_u, first_v = int(np.floor(u.min())) - 2, int(np.floor(v.min())) - 2
    cols = np.arange(first_u, int(np.ceil(u.max())) + 3, dtype=np.int64)
    rows = np.arange(first_v, int(np.ceil(v.max())) + 3, dtype=np.int64)
    white = hashed(seed, key, *np.broadcast_arrays(rows[:, None], cols[None, :]))
    lattice: NDArray[np.float32] = ((white - 0.5) * (np.sqrt(12) / _KEPT[order])).astype(np.float32)
    place = np.stack([v - first_v, u - first_u])
    values = ndimage.map_coordinates(lattice, place, np.float32, order, "nearest", prefilter=False)
    return np.asarray(values.reshape(np.shape(x)), dtype=np.float32)


def fractal(
    seed: int,
    key: str,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    longest_m: float,
    octaves: int,
    gain: float = 0.5,
) -> FloatArray:
    """A sum of octaves, each half as wide as the last: mean 0, variance about 1.

    Args:
        seed: of the world.
        key: names the field.
        x: ground coordinates, metres.
        y: likewise.
        longest_m: lattice spacing of the widest octave.
        octaves: how many.
        gain: amplitude of each octave against the one before; larger is rougher.
    """
    total = np.zeros(np.shape(x), np.float32)
    for octave in range(octaves):
        total += np.float32(gain**octave) * noise(seed, f"{key}/{octave}", x, y, longest_m / 2**octave)
    return total / np.float32(np.sqrt(sum(gain ** (2 * octave) for octave in range(octaves))))


def smoothstep(value: FloatArray, low: float, high: float) -> FloatArray:
    """0 below `low`, 1 above `high`, and a smooth rise between."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)

"""Radar backscatter as one quantity, whatever a file holds: linear power, as a ratio."""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

Backscatter = Literal["linear", "dB", "amplitude"]
"""What a file holds: power, decibels of it, or its square root."""

PROPERTY = "backscatter"
"""Property of a scene that says which of them its files hold; without it they are taken as they are."""

KINDS: tuple[str, ...] = get_args(Backscatter)


def linear(values: NDArray[Any], kind: str) -> FloatArray:
    """Backscatter as linear power. Means and interpolation are right in power only, so this comes before both.

    Args:
        values: σ⁰ or γ⁰ as a file holds it; NaN stays.
        kind: ``linear``, ``dB`` or ``amplitude``; anything else is taken as linear.
    """
    power = np.asarray(values, np.float32)
    if kind == "dB":
        return np.asarray(np.power(np.float32(10), power / np.float32(10)), np.float32)
    return np.asarray(np.square(power), np.float32) if kind == "amplitude" else power


def decibels(power: FloatArray) -> FloatArray:
    """Linear power in decibels; NaN where it is not positive."""
    positive = np.where(power > 0, power, np.float32(np.nan))
    return np.asarray(10 * np.log10(positive), np.float32)

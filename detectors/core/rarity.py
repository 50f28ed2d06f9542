"""How rare a value is on real ground: the one scale on which a network and an anomaly can be added.

A network taught by planted changes is surer than it should be on real ground, and the anomaly knows nothing of shape.
Each is turned into the surprise −ln P(value or more) on real unlabelled pairs, and the surprises are added, as
Fisher's method adds p-values (Fisher 1932). docs/design/network.md has what each is worth alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.errors import DetectorError, TooLittleGroundError
from detectors.core.types import FloatArray

STEP = 0.25
MOST = 9.0
"""Surprise up to which knots are laid: one pixel in eight thousand."""

_TAIL = 4
"""Steps over which the slope beyond the last knot is taken."""


@dataclass(frozen=True)
class Rarity:
    """Surprise as a function of a value."""

    knots: FloatArray
    """(K,) values, not falling; the k-th has the surprise k × `STEP`."""

    @classmethod
    def fit(cls, values: FloatArray) -> "Rarity":
        """The distribution of a value on real ground.

        Args:
            values: (N,) finite, N at least some tens of thousands.

        Raises:
            TooLittleGroundError: if there is none.
        """
        if not len(values):
            raise TooLittleGroundError("no real ground was observed at both dates, so nothing is known to be rare")
        surprises = np.arange(0, MOST + STEP / 2, STEP)
        return cls(np.quantile(values, 1 - np.exp(-surprises)).astype(np.float32))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]], name: str) -> "Rarity":
        """What was stored under ``rarity.<name>``.

        Raises:
            DetectorError: if it is missing or out of order.
        """
        knots = tensors.get(f"rarity.{name}")
        if knots is None or knots.ndim != 1 or len(knots) <= _TAIL or not (np.diff(knots) >= 0).all():
            raise DetectorError(f"the weights hold no rising rarity.{name}: they belong to another version")
        return cls(np.asarray(knots, np.float32))

    def __call__(self, values: FloatArray) -> FloatArray:
        """Surprise of each value, NaN for NaN; beyond the last knot it rises as over the last `_TAIL` steps."""
        places = np.arange(len(self.knots)) * STEP
        inside = np.interp(values, self.knots, places)
        slope = STEP * _TAIL / max(float(self.knots[-1] - self.knots[-1 - _TAIL]), 1e-3)
        return np.asarray(inside + np.maximum(values - self.knots[-1], 0) * slope, np.float32)


def logit(chance: FloatArray) -> FloatArray:
    """Log odds of a probability, bounded."""
    kept = np.clip(chance, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(kept / (1 - kept)), np.float32)

"""A small perceptron in NumPy: a few matrix products, no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.errors import DetectorError
from detectors.core.types import FloatArray

_CHUNK = 4096  # the hidden layers of that many pixels stay in the processor's cache


@dataclass(frozen=True)
class Perceptron:
    """Layers with rectified values between them."""

    weights: tuple[FloatArray, ...]
    """(out, in) of every layer."""

    biases: tuple[FloatArray, ...]
    """(out, 1) of every layer."""

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]], name: str, inputs: int, outputs: int) -> Self:
        """Reads ``<name>.<n>.weight`` (out, in) and ``<name>.<n>.bias`` (out,), n from 0 on.

        Args:
            tensors: stored numbers; others than these are ignored.
            name: of the perceptron.
            inputs: how many numbers it must take.
            outputs: how many it must give.

        Raises:
            DetectorError: if they are missing or do not fit.
        """
        weights: list[FloatArray] = []
        biases: list[FloatArray] = []
        width = inputs
        while (key := f"{name}.{len(weights)}.weight") in tensors:
            weight = np.ascontiguousarray(tensors[key], np.float32)
            bias = np.asarray(tensors.get(f"{name}.{len(weights)}.bias", ()), np.float32)
            if weight.ndim != 2 or weight.shape[1] != width or bias.shape != weight.shape[:1]:
                raise DetectorError(
                    f"{key} is {weight.shape}, which does not take {width} numbers: these weights belong to another "
                    "version; train them again or install those of this one."
                )
            width = len(weight)
            weights.append(weight)
            biases.append(bias[:, None])
        if not weights or width != outputs:
            raise DetectorError(
                f"The weights hold no {name!r} layers that end in {outputs} numbers; they are not those of this head."
            )
        return cls(tuple(weights), tuple(biases))

    def __call__(self, inputs: FloatArray) -> FloatArray:
        """(out, N) values of the last layer, from (in, N)."""
        out = np.empty((len(self.weights[-1]), inputs.shape[1]), np.float32)
        for start in range(0, inputs.shape[1], _CHUNK):
            values = inputs[:, start : start + _CHUNK]
            for place, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
                if place:
                    values = np.maximum(values, 0, out=values)
                values = weight @ values
                values += bias
            out[:, start : start + _CHUNK] = values
        return out

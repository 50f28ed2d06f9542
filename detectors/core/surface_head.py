"""What a pixel is made of at one date, learned without a human label: the surface head.

A small perceptron on a pixel's reflectance, its ratios, and means and roughness of what surrounds it. It is a few
matrix products in NumPy, needs no torch, and looks no further than `REACH_PX`.
`detectors.core.surface.classify` stands in where there are no weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core import burnt, spectral
from detectors.core.neighbourhood import box_mean
from detectors.core.perceptron import Perceptron
from detectors.core.spectral import place_of
from detectors.core.types import BoolArray, FloatArray, Surface

NEEDED = ("green", "red", "nir")
"""A pixel that lacks one of these is unknown."""

WINDOWS_PX = (5, 15)
"""Edges of the windows whose means and roughness are looked at."""

REACH_PX = max(WINDOWS_PX) // 2
"""How far the answer of `SurfaceHead.classify` looks."""

FEATURES = spectral.FEATURES + 5 * len(WINDOWS_PX)
"""How many numbers describe a pixel."""

_STRIP_ROWS = 48  # a strip's planes stay in the processor's cache


def features(image: FloatArray) -> FloatArray:
    """(`FEATURES`, H, W) of an image: `spectral.describe`, then four means and the roughness nearby.

    Args:
        image: (6, H, W) in the order of `spectral.BANDS`, NaN = not observed.
    """
    out = np.empty((FEATURES, *image.shape[1:]), np.float32)
    pixel = out[: spectral.FEATURES]
    pixel[:] = spectral.describe(image)
    known = spectral.usable(image)
    bright = (pixel[1] + pixel[2]) * np.float32(0.5)
    wet = np.where(pixel[-2] > 0, pixel[place_of("nir", "swir16")], pixel[place_of("nir", "swir22")])
    # blueness nearby is mostly the air's: against it a grey roof is told from brown soil
    blue = pixel[place_of("blue", "red")]
    planes = np.stack([bright, pixel[place_of("nir", "red")], wet, blue, bright * bright]) * known
    for place, window in enumerate(WINDOWS_PX):
        mean = box_mean(planes, known, window)
        mean[4] = np.sqrt(np.maximum(mean[4] - mean[0] * mean[0], 0)) * 4
        start = spectral.FEATURES + 5 * place
        out[start : start + 5] = mean
    return out


@dataclass(frozen=True)
class SurfaceHead:
    """The learned head: what the ground is at one date, and whether it burnt between two."""

    surface: Perceptron
    """From `FEATURES` numbers to the surfaces 1–11."""

    fire: Perceptron
    """From `burnt.FEATURES` numbers of two dates to one."""

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> Self:
        """The head from its stored numbers.

        Args:
            tensors: ``surface.<n>.weight|bias`` and ``burnt.<n>.weight|bias``.
            meta: what was stored beside them: ``reach_px``, where given, must be that of this code.

        Raises:
            DetectorError: if the numbers are incomplete or belong to another version.
        """
        return cls(
            Perceptron.from_tensors(tensors, "surface", FEATURES, len(Surface) - 1),
            Perceptron.from_tensors(tensors, "burnt", burnt.FEATURES, 1),
        )

    def classify(self, image: FloatArray, bands: tuple[str, ...]) -> tuple[NDArray[np.uint8], FloatArray]:
        """`Surface` codes of one image, and how sure they are.

        Args:
            image: (C, H, W) reflectance 0–1, NaN = not observed; digital numbers come back as UNKNOWN.
            bands: names of the C bands; those that are not `spectral.BANDS` are ignored, missing ones done without.

        Returns:
            (H, W) codes, UNKNOWN where green, red or near infrared was not observed or a value is no reflectance,
            and (H, W) confidence 0–1 (the winner's softmax), 0 where unknown.
        """
        height, width = image.shape[1:]
        codes = np.zeros((height, width), np.uint8)
        confidence = np.zeros((height, width), np.float32)
        if not set(NEEDED) <= set(bands):
            return codes, confidence
        for top in range(0, height, _STRIP_ROWS):
            low, bottom = max(top - REACH_PX, 0), min(top + _STRIP_ROWS, height)
            strip = spectral.ordered(image[:, low : bottom + REACH_PX], bands)
            inner = slice(top - low, bottom - low)
            values = self.surface(features(strip)[:, inner].reshape(FEATURES, -1))
            known: BoolArray = spectral.usable(strip)[inner]
            best = values.argmax(axis=0).reshape(known.shape) + 1
            values -= values.max(axis=0)
            sure = 1 / np.exp(values).sum(axis=0).reshape(known.shape)
            codes[top:bottom] = np.where(known, best, Surface.UNKNOWN)
            confidence[top:bottom] = np.where(known, sure, 0)
        return codes, confidence

    def burnt_between(
        self,
        before: FloatArray,
        after: FloatArray,
        bands: tuple[str, ...],
        codes_before: NDArray[np.uint8],
        codes_after: NDArray[np.uint8],
    ) -> BoolArray:
        """(H, W) where a fire, and nothing else, explains what changed; it looks `burnt.REACH_PX` far.

        Args:
            before: (C, H, W) reflectance 0–1, NaN = not observed.
            after: likewise.
            bands: names of the C bands; without `swir22` a fire is hard to tell from dark wet soil, and much is missed.
            codes_before: (H, W) `Surface` codes of `classify`.
            codes_after: likewise.
        """
        if not set(NEEDED) <= set(bands):
            return np.zeros(codes_before.shape, np.bool_)
        one, other = spectral.ordered(before, bands), spectral.ordered(after, bands)
        return burnt.decide(burnt.probability(self.fire, one, other), codes_before, codes_after)

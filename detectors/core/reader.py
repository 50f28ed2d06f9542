"""The two ways to read a pair, behind one protocol: the network, or the training-free score where it has no weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from detectors.core import surface, training_free
from detectors.core.apply import TRAINING_FREE
from detectors.core.features import CHANNELS, features
from detectors.core.normals import REACH_PX, Normals
from detectors.core.rarity import Rarity, logit
from detectors.core.surface_head import SurfaceHead
from detectors.core.types import BoolArray, FloatArray, Pair, Reading, Surface

if TYPE_CHECKING:  # not against a circle: torch is heavy, and listing detectors must not wait for it
    from detectors.core.inference import Engine

UNUSUAL = "unusual"
"""The channel that holds the training-free anomaly."""

Shares = Sequence[tuple[Normals, FloatArray]]
"""Normals, each with its (H, W) share in every pixel."""


class Reader(Protocol):
    """Says of a pair what was disturbed and what the ground is made of."""

    @property
    def name(self) -> str:
        """Hash of the weights, or the word ``training-free``."""
        ...

    @property
    def reach_px(self) -> int:
        """How far a reading depends on its input; the halo of a block is at least this."""
        ...

    def read(self, pair: Pair, normals: Shares, wanted: BoolArray) -> Reading:
        """Read the (H, W) wanted pixels of a pair; elsewhere the disturbance may be NaN."""
        ...


@dataclass(frozen=True)
class TrainingFreeReader:
    """The baseline and the fallback."""

    head: SurfaceHead | None = None
    """The surface head, where its weights are there; else surfaces come from spectral indices."""

    @property
    def name(self) -> str:
        """The word ``training-free``."""
        return TRAINING_FREE

    @property
    def reach_px(self) -> int:
        """That of the normals."""
        return REACH_PX

    def read(self, pair: Pair, normals: Shares, wanted: BoolArray) -> Reading:
        """As `Reader.read`."""
        disturbance = training_free.disturbance(pair, normals)
        return Reading(disturbance, *surfaces(pair, self.head))


@dataclass(frozen=True)
class NetworkReader:
    """The trained network, calibrated."""

    name: str
    engine: "Engine"
    network_reach_px: int
    rarities: tuple[Rarity, Rarity]
    """Of the network's log odds, and of the anomaly (the channel `UNUSUAL`)."""

    calibration: tuple[tuple[float, float], ...]
    """Points (added surprise, probability), both rising."""

    head: SurfaceHead | None = None

    @property
    def reach_px(self) -> int:
        """The network's reach on top of that of its input."""
        return REACH_PX + self.network_reach_px

    def read(self, pair: Pair, normals: Shares, wanted: BoolArray) -> Reading:
        """As `Reader.read`."""
        seen = features(pair, normals)
        step = pair.geobox.affine
        # rows and columns of the zone's grid, so that windows lie alike whatever block or crop this is
        origin = round(-step.f / abs(step.e)), round(step.c / step.a)
        chances = self.engine.probabilities(seen.channels, seen.observed & wanted, origin)
        return Reading(self.score(chances[0], seen.channels), *surfaces(pair, self.head))

    def score(self, chance: FloatArray, channels: FloatArray) -> FloatArray:
        """(H, W) calibrated score of the network's (H, W) chance and the anomaly among the (F, H, W) channels."""
        unusual = channels[CHANNELS.index(UNUSUAL)]
        return self.calibrated(self.rarities[0](logit(chance)) + self.rarities[1](unusual))

    def calibrated(self, raw: FloatArray) -> FloatArray:
        """Scores of which as many in a hundred are right as they say; NaN stays."""
        points = np.array(self.calibration)
        return np.where(np.isfinite(raw), np.interp(raw, points[:, 0], points[:, 1]), np.nan).astype(np.float32)


def surfaces(pair: Pair, head: SurfaceHead | None) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) `Surface` codes before and after; UNKNOWN throughout where the values are no reflectance."""
    if not pair.reflectance:
        unknown = np.zeros(pair.valid.shape, np.uint8)
        return unknown, unknown
    if head is None:
        before, after = (surface.classify(image, pair.bands) for image in (pair.before, pair.after))
        return before, after
    before, after = (head.classify(image, pair.bands)[0] for image in (pair.before, pair.after))
    burnt = head.burnt_between(pair.before, pair.after, pair.bands, before, after)
    return before, np.where(burnt, np.uint8(Surface.BURNT), after)

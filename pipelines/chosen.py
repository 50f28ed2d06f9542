"""The detectors of a run, with the thresholds that belong to the scores they are given. Imports nothing heavy."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.core.apply import TRAINING_FREE
from detectors.core.registry import choose
from detectors.core.types import Detector
from weights.manifest import Entry
from weights.store import find

if TYPE_CHECKING:  # not against a circle: listing the models must not wait for what pixels need
    from pipelines.request import Method

DISTURBANCE = "disturbance"
SURFACE = "surface"
"""Names of the weights in the manifests."""


def network_entry(method: "Method", home: Path | None) -> Entry | None:
    """What the manifest says of the network that a method uses; None where the training-free score is used.

    Raises:
        WeightsError: if a manifest is broken.
    """
    return None if method == "training-free" else find(DISTURBANCE, home)


def detectors_for(ids: Sequence[str], method: "Method", home: Path | None) -> tuple[Detector, ...]:
    """Detectors by id; a network's thresholds come with its weights.

    Raises:
        UnknownDetectorError: if there is no such detector.
    """
    chosen = tuple(choose(ids))
    entry = network_entry(method, home)
    if entry is None:
        return chosen
    limits = entry.thresholds
    return tuple(
        replace(
            detector,
            threshold_low=limits.low,
            threshold_high=limits.high,
            patch_low=limits.patch_low,
            patch_high=limits.patch_high,
        )
        for detector in chosen
    )


def weights_name(method: "Method", home: Path | None) -> str:
    """Hash of the weights that a method uses, or the word ``training-free``."""
    entry = network_entry(method, home)
    return TRAINING_FREE if entry is None else entry.sha256

"""Which reader a run uses: trained weights where they are, verified; else the training-free score."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from detectors.core.errors import DetectorError
from detectors.core.rarity import Rarity
from detectors.core.reader import NetworkReader, Reader, TrainingFreeReader
from detectors.core.surface_head import SurfaceHead
from detectors.core.types import Detector
from pipelines.errors import BadInputError
from pipelines.request import Method
from weights.manifest import Entry
from weights.store import Loaded, find, load

DISTURBANCE = "disturbance"
SURFACE = "surface"
"""Names of the weights in the manifests."""


def reader_of(method: Method, home: Path | None) -> Reader:
    """The reader that a method asks for.

    Raises:
        BadInputError: if the network is insisted on and there are no weights.
        WeightsError: if weights are there but are not what their manifest says.
    """
    head = _head(home)
    if method == "training-free":
        return TrainingFreeReader(head)
    if find(DISTURBANCE, home) is None:
        if method == "network":
            raise BadInputError("there are no trained weights; train some with `weixun train`, or use --method auto")
        return TrainingFreeReader(head)
    return _network(home, head)


@lru_cache(maxsize=2)
def _head(home: Path | None) -> SurfaceHead | None:
    if find(SURFACE, home) is None:
        return None
    loaded = load(SURFACE, home)
    return SurfaceHead.from_tensors(loaded.tensors, loaded.entry.architecture)


@lru_cache(maxsize=2)
def _network(home: Path | None, head: SurfaceHead | None) -> Reader:
    # torch takes seconds to import: only where pixels are read by the network
    from detectors.core.features import CHANNELS
    from detectors.core.inference import Engine
    from detectors.core.network import load as network_of
    from detectors.core.network import reach_px

    loaded = load(DISTURBANCE, home)
    spec = spec_in(loaded.entry.architecture)
    if spec.channels != CHANNELS:
        raise DetectorError(
            f"the weights {loaded.entry.file} read other channels than this version makes; reinstall or retrain"
        )
    module = network_of(spec, {name: t for name, t in loaded.tensors.items() if not name.startswith("rarity.")})
    rarities = (Rarity.from_tensors(loaded.tensors, "network"), Rarity.from_tensors(loaded.tensors, "unusual"))
    points = tuple((float(raw), float(calibrated)) for raw, calibrated in loaded.entry.calibration.points)
    return NetworkReader(loaded.entry.sha256, Engine(module, spec), reach_px(spec), rarities, points, head)


def spec_in(architecture: Any) -> Any:
    """The `NetworkSpec` that an entry of a manifest describes."""
    from detectors.core.network import NetworkSpec

    return NetworkSpec.from_dict(dict(architecture))


def with_thresholds(detectors: tuple[Detector, ...], reader: Reader, home: Path | None) -> tuple[Detector, ...]:
    """Detectors with the thresholds that belong to the scores they are given: a network's come with its weights."""
    if not isinstance(reader, NetworkReader):
        return detectors
    entry = entry_of(home)
    low, high = entry.thresholds.low, entry.thresholds.high
    return tuple(replace(detector, threshold_low=low, threshold_high=high) for detector in detectors)


def entry_of(home: Path | None) -> Entry:
    """The manifest's entry of the network in use.

    Raises:
        BadInputError: if there is none.
    """
    entry = find(DISTURBANCE, home)
    if entry is None:
        raise BadInputError("there are no trained weights")
    return entry


__all__ = ["Loaded", "entry_of", "reader_of", "spec_in", "with_thresholds"]

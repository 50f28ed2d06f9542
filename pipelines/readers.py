"""Which reader a run uses: trained weights where they are, verified; else the training-free score."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from detectors.core.errors import DetectorError
from detectors.core.rarity import Rarity
from detectors.core.reader import SITE, NetworkReader, Rarities, Reader, TrainingFreeReader
from detectors.core.surface_head import SurfaceHead
from detectors.core.types import ASKED
from pipelines.chosen import DISTURBANCE, SURFACE
from pipelines.errors import BadInputError
from pipelines.request import Method
from weights.store import find, load


def reader_of(method: Method, home: Path | None) -> Reader:
    """The reader that a method asks for.

    Args:
        method: ``auto`` takes the network where there are weights for it.
        home: the state folder, whose retrained weights win; None asks for the shipped ones.

    Raises:
        BadInputError: if the network is insisted on and there are no weights, or they are of another version.
        WeightsError: if weights are there but are not what their manifest says.
    """
    surface = find(SURFACE, home)
    head = _head(home, surface.sha256) if surface is not None else None
    network = find(DISTURBANCE, home) if method != "training-free" else None
    if network is None:
        if method == "network":
            raise BadInputError("there are no trained weights; train some with `weixun train`, or use --method auto")
        return TrainingFreeReader(head)
    try:
        return replace(_network(home, network.sha256), head=head)
    except DetectorError as error:
        raise BadInputError(
            f"the weights {network.file} can not be used by this version ({error}); retrain them with `weixun train`, "
            "or use --method training-free"
        ) from error


# The hash is a key of what is kept: a service that runs for weeks reads weights that were retrained meanwhile.
@lru_cache(maxsize=2)
def _head(home: Path | None, sha256: str) -> SurfaceHead:
    loaded = load(SURFACE, home)
    return SurfaceHead.from_tensors(loaded.tensors, loaded.entry.architecture)


@lru_cache(maxsize=2)
def _network(home: Path | None, sha256: str) -> NetworkReader:
    # torch takes seconds to import: only where pixels are read by the network
    from detectors.core.features import CHANNELS
    from detectors.core.inference import Engine
    from detectors.core.network import load as network_of
    from detectors.core.network import reach_px

    loaded = load(DISTURBANCE, home)
    spec = spec_in(loaded.entry.architecture)
    if spec.channels != CHANNELS or spec.classes[0] != DISTURBANCE:
        raise DetectorError("they read other channels than this version makes, or say something else")
    own, sites = _split(loaded.tensors)
    engine = Engine(network_of(spec, own), spec)
    site = Engine(network_of(spec, sites), spec) if sites else None
    rarities = Rarities(*(Rarity.from_tensors(loaded.tensors, name) for name in ("network", "unusual")))
    points = tuple((float(raw), float(calibrated)) for raw, calibrated in loaded.entry.calibration.points)
    if len(points) < 2:
        raise DetectorError("they are not calibrated")
    limits = loaded.entry.thresholds
    lowest = limits.low if limits.patch_low is None else limits.patch_low
    if lowest < ASKED:
        raise DetectorError(f"patches would grow down to {lowest:g}, where nobody asks for surfaces (under {ASKED:g})")
    return NetworkReader(loaded.entry.sha256, engine, reach_px(spec), rarities, points, site=site)


def _split(tensors: Mapping[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Tensors of the network of the score, and of that of sites, by the names that a network knows."""
    sites = {name.removeprefix(SITE): value for name, value in tensors.items() if name.startswith(SITE)}
    return {name: value for name, value in tensors.items() if not name.startswith((SITE, "rarity."))}, sites


def spec_in(architecture: Any) -> Any:
    """The `NetworkSpec` that an entry of a manifest describes."""
    from detectors.core.network import NetworkSpec

    return NetworkSpec.from_dict(dict(architecture))

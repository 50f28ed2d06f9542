import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from detectors.core import burnt
from detectors.core.features import CHANNELS
from detectors.core.network import NetworkSpec, build, reach_px, to_tensors
from detectors.core.reader import NetworkReader, TrainingFreeReader
from detectors.core.surface_head import FEATURES
from pipelines.errors import BadInputError
from pipelines.readers import reader_of
from weights.manifest import Calibration, Draft, Entry, Source, Thresholds
from weights.store import save

SPEC = NetworkSpec(channels=CHANNELS, encoder="resnet18", depth=1, decoder_channels=(4,))
POINTS = ((0.0, 0.0), (4.0, 0.8))


@pytest.fixture(autouse=True)
def nothing_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    monkeypatch.setattr("weights.store.SHIPPED", tmp_path / "site")


def put(home: Path, name: str, tensors: dict[str, np.ndarray], **said: Any) -> Entry:
    known: dict[str, Any] = {
        "name": name,
        "file": f"{name}.safetensors",
        "licence": "Apache-2.0",
        "created": dt.date(2026, 11, 22),
        "code_version": "0.1.0",
        "seed": 0,
        "command": "weixun train",
        "architecture": {"kind": "test"},
        "bands": ("red", "nir"),
        "gsd_m": (10, 30),
        "reach_px": 9,
        "thresholds": Thresholds(low=0.3, high=0.5),
        "training_data": (Source(name="none", licence="none", what="random numbers"),),
    }
    return save(home / "weights", Draft.model_validate(known | said), tensors)


def put_network(home: Path, seed: int = 0, spec: NetworkSpec = SPEC, **said: Any) -> Entry:
    torch.manual_seed(seed)
    lacking = said.pop("lacking", ())
    knots = np.linspace(-6, 6, 37).astype(np.float32)
    tensors = {**to_tensors(build(spec).eval()), "rarity.network": knots, "rarity.unusual": knots}
    if sites := said.pop("sites", None):
        tensors |= {f"site.{name}": tensor for name, tensor in to_tensors(build(sites).eval()).items()}
    tensors = {name: tensor for name, tensor in tensors.items() if name not in lacking}
    known = {"architecture": spec.to_dict(), "calibration": Calibration(points=POINTS)}
    return put(home, "disturbance", tensors, **(known | said))


def put_surface(home: Path) -> Entry:
    rng = np.random.default_rng(0)
    tensors = {}
    for name, inputs, outputs in (("surface", FEATURES, 11), ("burnt", burnt.FEATURES, 1)):
        tensors[f"{name}.0.weight"] = rng.standard_normal((outputs, inputs)).astype(np.float32)
        tensors[f"{name}.0.bias"] = np.zeros(outputs, np.float32)
    return put(home, "surface", tensors)


def test_without_weights_the_score_is_training_free(tmp_path: Path) -> None:
    assert reader_of("auto", tmp_path) == TrainingFreeReader(None)
    assert reader_of("training-free", tmp_path) == TrainingFreeReader(None)


def test_insisting_on_a_network_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no trained weights; train some with `weixun train`"):
        reader_of("network", tmp_path)


@pytest.mark.parametrize("method", ["auto", "network"])
def test_weights_are_read_with_the_surface_head_beside_them(tmp_path: Path, method: Any) -> None:
    entry = put_network(tmp_path)
    put_surface(tmp_path)
    reader = reader_of(method, tmp_path)
    assert isinstance(reader, NetworkReader)
    assert reader.name == entry.sha256
    assert reader.network_reach_px == reach_px(SPEC)
    assert reader.calibration == POINTS
    assert reader.head is not None
    again = reader_of(method, tmp_path)
    assert isinstance(again, NetworkReader)
    assert again.engine is reader.engine


def test_a_network_of_sites_is_read_beside_that_of_the_score(tmp_path: Path) -> None:
    put_network(tmp_path)
    plain = reader_of("network", tmp_path)
    assert isinstance(plain, NetworkReader)
    assert plain.site is None
    put_network(tmp_path, sites=SPEC)
    reader = reader_of("network", tmp_path)
    assert isinstance(reader, NetworkReader)
    assert reader.site is not None
    assert reader.site is not reader.engine


def test_the_training_free_score_can_be_asked_for_all_the_same(tmp_path: Path) -> None:
    put_network(tmp_path)
    put_surface(tmp_path)
    reader = reader_of("training-free", tmp_path)
    assert isinstance(reader, TrainingFreeReader)
    assert reader.head is not None


def test_retrained_weights_are_read_by_a_service_that_runs_on(tmp_path: Path) -> None:
    first = put_network(tmp_path, 0)
    assert reader_of("auto", tmp_path).name == first.sha256
    second = put_network(tmp_path, 1)
    assert second.sha256 != first.sha256
    assert reader_of("auto", tmp_path).name == second.sha256


OTHER = NetworkSpec(channels=("red", "nir"), encoder="resnet18", depth=1, decoder_channels=(4,))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"spec": OTHER}, "other channels"),
        ({"calibration": Calibration()}, "not calibrated"),
        ({"lacking": ("rarity.unusual",)}, r"rarity\.unusual"),
        ({"architecture": {"kind": "something else"}}, "not the description"),
        ({"thresholds": Thresholds(low=0.05, high=0.5)}, "grow down to 0.05"),
        ({"thresholds": Thresholds(low=0.3, high=0.5, patch_low=0.02, patch_high=0.5)}, "grow down to 0.02"),
    ],
    ids=["channels", "calibration", "rarity", "architecture", "low", "patch_low"],
)
def test_weights_of_another_version_are_refused(tmp_path: Path, said: dict[str, Any], why: str) -> None:
    put_network(tmp_path, **said)
    with pytest.raises(BadInputError, match=why) as refused:
        reader_of("auto", tmp_path)
    assert "disturbance.safetensors can not be used" in str(refused.value)

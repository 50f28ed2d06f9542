"""Weights of a small network, as a training would hand them over."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from weights.manifest import Calibration, Draft, Metric, Source, Thresholds


@pytest.fixture
def draft() -> Callable[..., Draft]:
    """What is known of weights; any field can be given."""

    def make(name: str = "disturbance", **fields: Any) -> Draft:
        known: dict[str, Any] = {
            "name": name,
            "file": f"{name}.safetensors",
            "licence": "Apache-2.0",
            "created": dt.date(2026, 11, 22),
            "code_version": "0.1.0",
            "seed": 7,
            "command": "weixun train --archive mine --seed 7",
            "architecture": {"encoder": "mobilenet_v2", "encoder_depth": 4, "classes": ["disturbed"], "mean": [0.5, 1]},
            "bands": ("blue", "green", "red", "nir", "swir16", "swir22"),
            "gsd_m": (10, 30),
            "reach_px": 165,
            "thresholds": Thresholds(low=0.3, high=0.5),
            "calibration": Calibration(points=((0.0, 0.0), (0.4, 0.1), (1.0, 0.9))),
            "training_data": (Source(name="Steppe | simulated", licence="Apache-2.0", what="ten scenes"),),
            "metrics": (Metric(set="planted", measure="F1", value=0.91, command="weixun evaluate --planted"),),
            "notes_zh": "小于 0.2 公顷的变化多半看不到。",
            "notes_en": "Changes under 0.2 ha are mostly missed.",
        }
        return Draft.model_validate(known | fields)

    return make


@pytest.fixture
def tensors() -> dict[str, NDArray[Any]]:
    """One tensor of each kind that a network has; the first is a strided view."""
    numbers = np.random.default_rng(3).normal(size=(5, 4)).astype(np.float16)
    return {
        "conv.weight": numbers.T,
        "conv.bias": np.arange(4, dtype=np.float32),
        "norm.num_batches_tracked": np.asarray(12, np.int64),
    }


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of the package's own."""
    folder = tmp_path / "site" / "weights"
    folder.mkdir(parents=True)
    monkeypatch.setattr("weights.store.SHIPPED", folder)
    return folder

"""What decides a result, as plain data and as a hash."""

import dataclasses
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from detectors.core.types import Detector
from imagery.scene import Scene
from pipelines.plan import SurveyTask

_PACKAGES = ("aoi", "imagery", "detectors", "leads", "pipelines")


@cache
def code_sha256() -> str:
    """Of the program as it is installed: an upgrade in the middle of a night mixes no results."""
    digest = hashlib.sha256()
    for name in _PACKAGES:
        root = Path(sys.modules[name].__path__[0])
        for file in sorted(root.rglob("*.py")):
            if "simulated" not in file.parts:
                digest.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def scene_facts(scenes: Sequence[Scene]) -> list[list[Any]]:
    """What tells scenes apart, by id: their time and their files' hashes."""
    return [
        [scene.id, scene.datetime.isoformat(), sorted((name, asset.sha256) for name, asset in scene.assets.items())]
        for scene in sorted(scenes, key=lambda scene: scene.id)
    ]


def detector_facts(detector: Detector) -> dict[str, str]:
    """Everything of a detector that decides a score; its functions by name, and by the file that holds them."""
    facts = {}
    for one in dataclasses.fields(detector):
        name, value = one.name, getattr(detector, one.name)
        if callable(value):
            source = Path(sys.modules[value.__module__].__file__ or os.devnull)
            facts[name] = f"{value.__module__}.{value.__qualname__} {_file_sha256(source)}"
        elif name == "transitions":
            facts[name] = repr([(sorted(t.before), sorted(t.after), t.weight, t.name_zh) for t in value])
        elif name in ("minimum_area_m2", "threshold_low", "threshold_high", "patch_low", "patch_high", "id", "seasons"):
            facts[name] = repr(value)
    return facts


def survey_facts(task: SurveyTask) -> list[Any]:
    """Everything of a survey that decides what it finds."""
    layers = [[layer.kind, layer.name, layer.sha256] for layer in task.layers]
    return [task.key, detector_facts(task.detector), repr(task.survey.season), layers, scene_facts(task.scenes),
            list(task.years)]  # fmt: skip


@cache
def _file_sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def digest_of(facts: object) -> str:
    """sha256 of plain data."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()

"""What was asked, what was seen, what failed: `run.json` beside every result."""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from detectors.core.types import Detector
from imagery.scene import Scene
from pipelines.errors import Exit
from pipelines.request import ScanRequest

FORMAT = "weixun-run-1"


_NOT_GIVEN = re.compile(r"^(\S+): layer (\S+) was not given$")


def shortened(notes: Sequence[str]) -> list[str]:
    """Notes for a screen: the layers that a model lacks in one line, where the first of them stood."""
    lacking: dict[str, list[str]] = {}
    for note in notes:
        if match := _NOT_GIVEN.match(note):
            lacking.setdefault(match[1], []).append(match[2])
    told = (_together(note, lacking) for note in notes)
    return list(dict.fromkeys(told))


def _together(note: str, lacking: Mapping[str, Sequence[str]]) -> str:
    match = _NOT_GIVEN.match(note)
    return f"{match[1]}: layers not given: {', '.join(lacking[match[1]])}" if match else note


@dataclass(frozen=True)
class FittedNormals:
    """Which normals a run used."""

    cell: str
    date: dt.date
    sha256: str
    file: str
    samples: int
    shift_px: tuple[float, float]
    """(row, col) by which after lies off before."""

    shift_applied: bool


@dataclass(frozen=True)
class Failed:
    """A block or scene that could not be worked, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Run:
    """The record of one scan."""

    asked: Mapping[str, Any]
    code: str
    grid: Mapping[str, Any]
    detectors: tuple[Mapping[str, Any], ...]
    scenes: tuple[Mapping[str, Any], ...]
    normals: tuple[FittedNormals, ...]
    observed: Mapping[str, float]
    """Share of the AOI observed: ``before``, and each after day by its date."""

    leads: int
    leads_by_detector: Mapping[str, int]
    layers: tuple[Mapping[str, Any], ...]
    """Layers and tables of penalties that leads were held against."""

    classification: str
    """公开, 内部 or 敏感: the strictest of the layers, inherited by every output."""

    not_run: tuple[Failed, ...]
    """Detectors that a missing layer kept from running."""

    failed_blocks: tuple[Failed, ...]
    unreadable_scenes: tuple[Failed, ...]
    notes: tuple[str, ...]
    exit_code: Exit
    bytes_fetched: int
    """Over the network; what was here already is not counted."""

    bytes_cached: int
    """Of the scenes that were read: what was here already, from an archive or an earlier run."""

    seconds: Mapping[str, float]
    out: str
    past_scenes: tuple[Mapping[str, Any], ...] = ()
    """Scenes beyond both ranges that judges, watches and surveys had at hand."""

    set_aside: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """By detector: why patches of the pair did not stand before their own history: ``reason`` with # for its numbers,
    ``count``, and one ``example`` with them."""

    surveys_merged: Mapping[str, int] = field(default_factory=dict)
    """By detector: patches of surveys that the pair showed as well; one lead remained."""

    sites_merged: Mapping[str, int] = field(default_factory=dict)
    """By detector: watched sites and patches that were the site of another lead; one lead remained."""

    watched: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By detector and kind of layer: sites, due by their papers, found, in_order, not_observed."""

    outputs: Mapping[str, str] = field(default_factory=dict)
    """sha256 by file name, relative to `out`."""

    format: str = FORMAT

    def to_json(self) -> str:
        """The record as one JSON document, keys in a fixed order."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2, default=_plain, sort_keys=True)

    def summary(self) -> str:
        """What a person wants to know when a scan ends, and where to look next."""
        seen = ", ".join(f"{name} {share:.0%}" for name, share in self.observed.items())
        counts = ", ".join(f"{name} {count}" for name, count in self.leads_by_detector.items())
        lines = [
            f"{self.leads} leads 线索 ({counts})",
            f"observed {seen} of the area; what was not observed is not unchanged",
            *(f"{idle.name} did not run: {idle.reason}" for idle in self.not_run),
            *self._past(),
            *self._traffic(),
            *(f"unreadable scene {failed.name}: {failed.reason}" for failed in self.unreadable_scenes),
            *(f"failed block {failed.name}: {failed.reason}" for failed in self.failed_blocks),
            *(f"note: {note}" for note in shortened(self.notes)),
            f"open {self.out}/leads.qgz in QGIS, or {self.out}/quicklook/index.html in a browser",
        ]
        return "\n".join(lines)

    def _past(self) -> list[str]:
        dropped = {name: sum(one["count"] for one in why) for name, why in self.set_aside.items()}
        lines = [f"{name} set aside {count} by their history" for name, count in dropped.items()]
        for name, counts in self.watched.items():
            said = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in counts.items() if what != "sites")
            lines.append(f"{name} watched {counts.get('sites', 0)} sites: {said or 'none due'}")
        return lines

    def _traffic(self) -> list[str]:
        if not self.bytes_fetched:
            return []
        return [f"fetched {self.bytes_fetched / 1e6:,.1f} MB; {self.bytes_cached / 1e6:,.1f} MB were here already"]

    def write(self, path: Path) -> None:
        """Write `run.json`."""
        path.write_text(self.to_json() + "\n", encoding="utf-8")


def scene_record(scene: Scene) -> dict[str, Any]:
    """What is kept of a scene: enough to find the same bytes again."""
    return {
        "id": scene.id,
        "datetime": scene.datetime.isoformat(),
        "sensor": scene.sensor,
        "level": scene.level,
        "baseline": scene.baseline,
        "sha256": {name: asset.sha256 for name, asset in sorted(scene.assets.items())},
        "properties": dict(scene.properties),
    }


def detector_record(detector: Detector, weights: str) -> dict[str, Any]:
    """The numbers of a detector that decide its leads, and the hash of the weights behind them."""
    return {
        "id": detector.id,
        "threshold_low": detector.threshold_low,
        "threshold_high": detector.threshold_high,
        "patch_low": detector.grown_to,
        "patch_high": detector.begun_at,
        "minimum_area_m2": detector.minimum_area_m2,
        "weights": weights,
    }


def _plain(value: object) -> object:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Path):
        return value.name
    raise TypeError(f"{type(value).__name__} does not belong in run.json")


def asked_of(request: ScanRequest) -> dict[str, Any]:
    """What was asked, without any path of the machine it was asked on."""
    return {
        "aoi": request.aoi.id,
        "aoi_sha256": hashlib.sha256(request.aoi.geometry.wkb).hexdigest(),
        "aoi_bounds": [round(edge, 6) for edge in request.aoi.geometry.bounds],
        "before": list(request.before),
        "after": list(request.after),
        "detectors": list(request.detectors) or ["all"],
        "layers": request.layers.name if request.layers else None,
        "source": request.source.name,
        "method": request.method,
        "today": request.today.isoformat(),
    }


def code_version() -> str:
    """Version of the installed code."""
    return f"weixun {version('weixun')}"


def hashes(folder: Path, files: Sequence[Path]) -> dict[str, str]:
    """sha256 of files, by their place in a folder."""
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in sorted(files)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

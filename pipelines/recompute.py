"""A lead found again from the record that was kept of its run: the same area, dates, images and weights."""

import datetime as dt
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import shapely
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from aoi.errors import AoiError
from aoi.grid import blocks_of
from aoi.model import Aoi
from aoi.read import read_aoi
from imagery.providers.provider import Fetched, Provider, Quarantined
from imagery.scene import Scene
from leads.evidence.keep import FOLDER
from leads.store.records import ObservationRecord
from leads.store.store import Store
from pipelines.connect import imagery_of
from pipelines.errors import BadInputError, PipelineError
from pipelines.plan import RIM_DEG
from pipelines.progress import Progress
from pipelines.readers import reader_of
from pipelines.request import DateRange, ScanRequest, parse_method
from pipelines.results import Result, read_result
from pipelines.run import code_version
from pipelines.scan import Scanned, scanned

SAME_DEG = 1e-9
"""Vertices may differ by less than a tenth of a millimetre: libraries of another version round otherwise."""

_AROUND_DEG = 0.01
"""Blocks so near the lead are worked too, so that no edge lies in it."""


@dataclass(frozen=True)
class Recomputed:
    """What came of finding a lead again."""

    lead: str
    run: str
    same: bool
    overlap: float
    """Intersection over union of the polygon recorded and the polygon found; 0 where none was."""

    said: str


class _CanNotError(PipelineError):
    """A lead can not be recomputed; the message says why."""


@dataclass(frozen=True)
class Recorded:
    """A source narrowed to the scenes of a record, byte for byte."""

    provider: Provider
    wanted: dict[str, dict[str, str]]
    """sha256 of the assets by scene; a scene whose record has no hash is taken by its name."""

    @property
    def name(self) -> str:
        """As `Provider.name`."""
        return self.provider.name

    @property
    def refused(self) -> tuple[Quarantined, ...]:
        """As `Provider.refused`."""
        return ()

    def close(self) -> None:
        """As `Provider.close`; the provider itself is closed by who opened it."""

    def search(self, ground: BaseGeometry, first: dt.date, last: dt.date) -> tuple[Scene, ...]:
        """As `Provider.search`."""
        found = self.provider.search(ground, first, last)
        return tuple(scene for scene in found if scene.id in self.wanted and self._same(scene))

    def fetch(self, scenes: Sequence[Scene], ground: BaseGeometry, step: Callable[[], None]) -> Fetched:
        """As `Provider.fetch`."""
        return self.provider.fetch(scenes, ground, step)

    def _same(self, scene: Scene) -> bool:
        for name, digest in self.wanted[scene.id].items():
            there = scene.assets[name].sha256 if name in scene.assets else None
            if there != digest:
                raise _CanNotError(f"the image {scene.id}/{name} is not the one that was read (sha256 differs)")
        return True


def recompute(
    store: Store, home: Path, lead_id: str, archive: Path | None, source: str, area: str, progress: Progress
) -> Recomputed:
    """Find a lead again from the newest record that was kept of it, and compare the polygons.

    Args:
        store: that has the lead.
        home: whose evidence holds the record.
        lead_id: the lead.
        archive: of its images; or
        source: the name of their source.
        area: the AOI where the evidence and the home have it no more; empty otherwise.
        progress: where to report.

    Raises:
        BadInputError: if there is no such lead, or neither archive nor source is given.
    """
    lead = store.lead(lead_id)
    if lead is None:
        raise BadInputError(f"there is no lead {lead_id} in {store.name}: weixun leads list names them all")
    kept = _kept(home, [one for one in store.observations(lead_id) if one.seen])
    if kept is None:
        said = f"{lead_id} can not be recomputed: no record of a run that saw it is kept"
        return Recomputed(lead_id, "", False, 0.0, said)
    seen, result = kept
    try:
        with imagery_of(archive, source, home) as provider:
            done = _scan(result, seen, lead.detector, provider, home, area, progress)
    except _CanNotError as error:
        return Recomputed(lead_id, seen.run_id, False, 0.0, f"{lead_id} can not be recomputed: {error}")
    return _compared(lead_id, lead.detector, seen, result, done)


def _kept(home: Path, observations: Sequence[ObservationRecord]) -> tuple[ObservationRecord, Result] | None:
    for seen in reversed(observations):
        folder = home / FOLDER / seen.run_id / f"{seen.day:%Y%m%d}"
        if (folder / "run.json").is_file() and (folder / "leads.gpkg").is_file():
            return seen, read_result(folder)
    return None


def _scan(
    result: Result,
    seen: ObservationRecord,
    detector: str,
    provider: Provider,
    home: Path,
    area: str,
    progress: Progress,
) -> Scanned:
    run, asked = result.run, result.run["asked"]
    method = parse_method(str(asked["method"]))
    reader = reader_of(method, home)
    was = {str(one["weights"]) for one in run["detectors"] if one["id"] == detector}
    if was != {reader.name}:
        raise _CanNotError(f"it was read with the weights {', '.join(sorted(was))}, here are {reader.name}")
    aoi = _aoi(home, asked, area)
    before, after = _range(asked["before"]), _range(asked["after"])
    records = [*run["scenes"], *run.get("past_scenes", ())]
    wanted = {str(one["id"]): {name: digest for name, digest in one["sha256"].items() if digest} for one in records}
    recorded = Recorded(provider, wanted)
    there = {one.id: one for one in recorded.search(aoi.geometry, dt.date.min, dt.date.max)}
    gone = sorted({str(one["id"]) for one in run["scenes"]} - set(there))
    if gone:
        raise _CanNotError(f"{len(gone)} of its images are not in {provider.name}, {gone[0]} first")
    days = {there[str(one["id"])].solar_day for one in run["scenes"]}
    also = tuple((day, day) for day in sorted(days) if day < after[0] and not before[0] <= day <= before[1])
    ground = cast(BaseGeometry, seen.geometry).buffer(_AROUND_DEG)
    grid = blocks_of(aoi.geometry.buffer(RIM_DEG), result.gsd_m, reader.reach_px)
    near = {block.id for block in blocks_of(ground, result.gsd_m, reader.reach_px)}
    with tempfile.TemporaryDirectory(prefix="weixun-") as scratch:
        request = ScanRequest(
            aoi,
            recorded,
            before,
            after,
            Path(scratch) / "out",
            (detector,),
            quicklooks=False,
            method=method,
            today=dt.date.fromisoformat(asked["today"]),
            before_also=also,
            blocks=frozenset(block.id for block in grid if block.id in near),
            blind=True,
        )
        return scanned(request, progress)


def _aoi(home: Path, asked: dict[str, Any], area: str) -> Aoi:
    """The area as it was: from the evidence, else by its id, and the same to the last bit."""
    digest = str(asked["aoi_sha256"])
    file = home / FOLDER / "files" / digest
    try:
        if file.is_file() and not area:
            name = str(asked["aoi"])
            return Aoi(name, name, name, shapely.from_wkb(file.read_bytes()))
        aoi = read_aoi(area or str(asked["aoi"]), home)
    except (AoiError, ShapelyError, OSError) as error:
        raise _CanNotError(f"its area {asked['aoi']} can not be read ({error}); name it with --aoi") from error
    if hashlib.sha256(aoi.geometry.wkb).hexdigest() != digest:
        raise _CanNotError(f"the area {aoi.id} is not the one that was scanned (sha256 differs)")
    return aoi


def _range(told: Sequence[str]) -> DateRange:
    return dt.date.fromisoformat(told[0]), dt.date.fromisoformat(told[1])


def _compared(lead_id: str, detector: str, seen: ObservationRecord, result: Result, done: Scanned) -> Recomputed:
    was = cast(BaseGeometry, seen.geometry)
    found = [lead.finding.patch.geometry for lead, maker in done.found if maker.id == detector]
    overlap, best = max(((_overlap(was, one), place) for place, one in enumerate(found)), default=(0.0, -1))
    same = best >= 0 and shapely.equals_exact(shapely.normalize(was), shapely.normalize(found[best]), SAME_DEG)
    of = f"{lead_id}, run {seen.run_id}, {seen.day}"
    code = str(result.run.get("code", ""))
    version = "" if code == code_version() else f" (recorded by {code}, now {code_version()})"
    if same:
        return Recomputed(lead_id, seen.run_id, True, 1.0, f"{of}: the same polygon 复算一致{version}")
    if best < 0 or not overlap:
        idle = "; ".join(f"{one.name} did not run: {one.reason}" for one in done.run.not_run)
        said = f"{of}: not found again 复算未见{version}{idle and '; ' + idle}"
        return Recomputed(lead_id, seen.run_id, False, 0.0, said)
    said = f"{of}: another polygon 复算不一致, overlap {overlap:.4f}{version}"
    return Recomputed(lead_id, seen.run_id, False, round(overlap, 6), said)


def _overlap(one: BaseGeometry, other: BaseGeometry) -> float:
    union = one.union(other).area
    return float(one.intersection(other).area / union) if union else 0.0

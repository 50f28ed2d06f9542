"""One area on one night: look at what is due, hand it to the store, say what came of it."""

import datetime as dt
import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from shapely.geometry.base import BaseGeometry

from aoi.classification import Classification
from aoi.errors import AoiError
from aoi.grid import Block
from detectors.core.apply import in_season
from imagery.compose import Failure
from imagery.errors import DiskFullError as CacheFullError
from imagery.errors import ImageryError
from leads.attributes import record
from leads.errors import DiskFullError
from leads.model import Coverage
from leads.store.records import CoverageRecord, SeenScene
from leads.tracking.look import Look
from pipelines.block import BlockResult
from pipelines.errors import PipelineError
from pipelines.patrol.config import PatrolConfig
from pipelines.patrol.due import FAILED, Day, Due, request_of
from pipelines.patrol.files import Places
from pipelines.patrol.glance import Glance, block_ground, glances
from pipelines.patrol.ground import SeenGround, joined, mostly_outside
from pipelines.patrol.guard import NoRoomError, check_room
from pipelines.patrol.kept import KeptBlocks
from pipelines.patrol.logs import LOG
from pipelines.patrol.metrics import BLOCK_SECONDS, BLOCKS, BYTES, QUEUE, STAGE_SECONDS
from pipelines.patrol.tonight import Tonight
from pipelines.progress import Progress, Step
from pipelines.run import Failed, Run
from pipelines.scan import BlockWork, RunBlocks, Scanned, scanned

FOUND = "found.json"
"""What each day's scan found, by the ids under which its pictures are: the store may know a lead by an older one."""


@dataclass
class Gathered:
    """What the days of one area give, as they come in."""

    run_id: str
    aoi: str
    looks: list[Look] = field(default_factory=list)
    coverage: dict[tuple[str, str, dt.date], CoverageRecord] = field(default_factory=dict)
    seen: dict[tuple[str, str], SeenScene] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    days: dict[str, dict[str, Any]] = field(default_factory=dict)
    worked: int = 0
    made: int = 0
    """Blocks worked tonight, the others being kept from before a crash."""

    seconds: float = 0.0
    bytes_read: int = 0
    clear: dict[str, list[BaseGeometry]] = field(default_factory=lambda: defaultdict(list))
    """By detector, the ground that each look saw."""

    looked: set[str] = field(default_factory=set)
    found: list[dict[str, str]] = field(default_factory=list)
    classification: Classification = Classification.PUBLIC

    def cover(self, row: Coverage) -> None:
        """Take what was seen of a block; of two answers the one that saw more."""
        if row.geometry.is_empty:
            return
        key = row.block, row.role, row.date
        shares = row.observed, row.cloudy, row.snow, row.no_scene
        said = CoverageRecord(self.run_id, self.aoi, row.block, row.role, row.date, *shares, row.failed, row.geometry)
        if key not in self.coverage or said.observed >= self.coverage[key].observed:
            self.coverage[key] = said

    def saw(self, block: str, scene: str, day: dt.date) -> None:
        """A block has been looked at with a scene."""
        self.seen[block, scene] = SeenScene(self.aoi, block, scene, self.run_id, day)


@dataclass(frozen=True)
class Patrol:
    """What the work of an area needs."""

    config: PatrolConfig
    places: Places
    source: Tonight
    progress: Progress
    run_blocks: RunBlocks
    folder: Path
    """Where the results of the days go."""


def look(due: Due, patrol: Patrol, run_id: str) -> Gathered:
    """Work every block that is due and has a clear pixel, day by day.

    A day that fails is reported and the others go on: what was not looked at is due again the next night.
    """
    gathered = Gathered(run_id, due.aoi.id)
    ground = seen_ground(patrol.places, due.aoi.id)
    known = {detector.id: ground.of(detector.id) for detector in due.detectors}
    for day, blocks in _worth(due, patrol, gathered):
        LOG.info("a day is looked at", extra={"run": run_id, "aoi": due.aoi.id, "day": day.day, "blocks": len(blocks)})
        begun = time.monotonic()
        try:
            check_room(patrol.places, patrol.config.keep)
            _look_at(day, blocks, due, patrol, known, gathered)
        except (DiskFullError, CacheFullError, NoRoomError):
            raise
        except (PipelineError, AoiError, ImageryError) as error:
            _fail(day, blocks, error, due, gathered)
        finally:
            gathered.seconds += time.monotonic() - begun
    return gathered


def _worth(due: Due, patrol: Patrol, gathered: Gathered) -> list[tuple[Day, tuple[Block, ...]]]:
    """The days with those of their blocks that have a clear pixel; the others are recorded as not observed."""
    asked = [(block, day.day, day.over(block)) for day in due.days for block in day.why]
    wanted = {scene.id: scene for _, _, scenes in asked for scene in scenes}
    if wanted:
        with patrol.progress.stage("fetch new scenes", len(wanted)) as step:
            fetched = patrol.source.fetch(tuple(wanted.values()), due.aoi.geometry, step)
        BYTES.labels("fetched").inc(fetched.bytes_fetched)
        gathered.bytes_read += fetched.bytes_fetched + fetched.bytes_cached
        gathered.unreadable |= {lost.scene_id: lost.reason for lost in fetched.quarantined}
        here = {scene.id: scene for scene in fetched.scenes}
        asked = [(block, day, tuple(here[s.id] for s in scenes if s.id in here)) for block, day, scenes in asked]
    readable = [question for question in asked if question[2]]
    found = {(glance.block, glance.day): glance for glance in
             glances(readable, due.aoi.geometry, patrol.progress, patrol.config.work.workers)}  # fmt: skip
    return _sorted_out(due, found, patrol, gathered)


def _sorted_out(
    due: Due, found: dict[tuple[Block, dt.date], Glance], patrol: Patrol, gathered: Gathered
) -> list[tuple[Day, tuple[Block, ...]]]:
    worth: list[tuple[Day, tuple[Block, ...]]] = []
    for day in due.days:
        work: list[Block] = []
        for block in day.why:
            glance = found.get((block, day.day))
            if glance is None:
                continue
            _note_unreadable(glance.unreadable, gathered)
            if glance.clear >= patrol.config.after.min_clear and glance.clear > 0:
                work.append(block)
                continue
            failed = glance.unreadable[0].reason if glance.blind else ""
            gathered.cover(replace(glance.coverage, failed=failed))
            lost = {failure.scene_id for failure in glance.unreadable}
            for scene in day.over(block):
                if scene.id not in lost | gathered.unreadable.keys():
                    gathered.saw(block.id, scene.id, day.day)
        if work:
            worth.append((day, tuple(work)))
    return worth


def _look_at(
    day: Day,
    blocks: Sequence[Block],
    due: Due,
    patrol: Patrol,
    known: Mapping[str, BaseGeometry],
    gathered: Gathered,
) -> None:
    """Scan one day over some blocks, and over those beside them whose result is still kept: an edge is no end."""

    def told(block: Block, seconds: float, made: bool) -> None:
        gathered.made += made
        BLOCKS.labels(due.aoi.id, "worked" if made else "kept").inc()
        BLOCK_SECONDS.labels(due.aoi.id).inc(seconds)
        facts = {"run": gathered.run_id, "aoi": due.aoi.id, "block": block.id, "seconds": round(seconds, 2)}
        LOG.info("a block is done", extra={**facts, "kept": not made})

    kept = KeptBlocks(patrol.places.cache, due.weights, told)
    out = patrol.folder / f"{day.day:%Y%m%d}"
    request = request_of(due, day, (*blocks, *day.beside), patrol.source, patrol.config, out)
    first = {block.id for block in blocks if day.why[block] == FAILED}
    done = scanned(request, patrol.progress, patrol.config.work.workers, _in_order(patrol.run_blocks, first), kept)
    _note_unreadable([Failure(one.name, one.reason) for one in done.run.unreadable_scenes], gathered)
    gathered.bytes_read += done.run.bytes_fetched
    BYTES.labels("fetched").inc(done.run.bytes_fetched)
    for stage, seconds in done.run.seconds.items():
        STAGE_SECONDS.labels(stage).inc(seconds)
    _take(day, due, done, known, gathered, out)


def _in_order(run_blocks: RunBlocks, first: Set[str]) -> RunBlocks:
    """Blocks that failed before go first; how many still wait is told."""

    def run(work: BlockWork, blocks: Sequence[Block], step: Step) -> Iterator[BlockResult | Failed]:
        QUEUE.set(len(blocks))

        def stepped() -> None:
            QUEUE.dec()
            step()

        return run_blocks(work, sorted(blocks, key=lambda block: block.id not in first), stepped)

    return run


def _take(day: Day, due: Due, done: Scanned, known: Mapping[str, BaseGeometry], gathered: Gathered, out: Path) -> None:
    """What a scan gave, for the store; its record on disk without clocks, so that a night is the same after a crash."""
    run: Run = replace(done.run, seconds={}, bytes_fetched=0, bytes_cached=0, out=".")
    run.write(out / "run.json")
    for row in done.coverage:
        gathered.cover(row)
    for failed in done.run.failed_blocks:
        gathered.failed[failed.name] = failed.reason
    by_id = {block.id: block for block in day.why}
    for result in done.results:
        if result.block.id not in by_id:
            continue
        gathered.worked += 1
        gathered.looked.add(result.block.id)
        lost = {failure.scene_id for failure in result.failures}
        for scene in day.over(by_id[result.block.id]):
            if scene.id not in lost:
                gathered.saw(result.block.id, scene.id, day.day)
    for lead, detector in done.found:
        wkb = lead.finding.patch.geometry.wkb.hex()
        gathered.found.append({"id": lead.id, "detector": detector.id, "day": day.day.isoformat(), "wkb": wkb})
    gathered.classification = max(gathered.classification, done.classification, key=list(Classification).index)
    gathered.looks += _looks(day, due, done, known, gathered)
    gathered.days[day.day.isoformat()] = {
        "blocks": len(done.results),
        "leads": done.run.leads,
        "run_sha256": hashlib.sha256((out / "run.json").read_bytes()).hexdigest(),
    }


def _looks(day: Day, due: Due, done: Scanned, known: Mapping[str, BaseGeometry], gathered: Gathered) -> Iterator[Look]:
    """A look for each detector in season; what lies on ground that it never saw before is told apart, as stock."""
    clear = joined([ground for result in done.results for ground in result.clear.values()])
    if clear.is_empty:
        return
    before = max((row.date for row in done.coverage if row.role == "before"), default=None)
    for detector in due.detectors:
        if not in_season(detector, day.day):
            continue
        gathered.clear[detector.id].append(clear)
        found = [lead for lead, maker in done.found if maker.id == detector.id]
        stock = {lead.id for lead in found if mostly_outside(lead.finding.patch.geometry, known[detector.id])}
        for inventory in (True, False):
            leads = tuple(lead for lead in found if (lead.id in stock) == inventory)
            rows = {lead.id: record(lead, detector, done.classification) for lead in leads}
            if leads or not inventory:
                yield Look(due.aoi.id, detector.id, day.day, leads, rows, clear, inventory, before)


def seen_ground(places: Places, aoi: str) -> SeenGround:
    """What was seen of an area before tonight."""
    return SeenGround(places.root / "ground" / aoi)


def _fail(day: Day, blocks: Sequence[Block], error: Exception, due: Due, gathered: Gathered) -> None:
    """A day that could not be looked at: its blocks failed, and were not observed."""
    said = " ".join(str(error).split())
    LOG.error("a day failed: %s", said, extra={"run": gathered.run_id, "aoi": due.aoi.id, "day": day.day})
    for block in blocks:
        gathered.failed[block.id] = said
        gathered.cover(Coverage(block.id, "after", day.day, block_ground(block, due.aoi.geometry), 0, 0, 0, 1, said))
        BLOCKS.labels(due.aoi.id, "failed").inc()


def _note_unreadable(failures: Sequence[Failure], gathered: Gathered) -> None:
    for failure in failures:
        if gathered.unreadable.setdefault(failure.scene_id, failure.reason) == failure.reason:
            facts = {"run": gathered.run_id, "aoi": gathered.aoi, "scene": failure.scene_id}
            LOG.warning("a scene can not be read: %s", failure.reason, extra=facts)

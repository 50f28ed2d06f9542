"""What a night has to look at: blocks whose scenes the store has not seen, and blocks that are due another look."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from aoi.grid import Block, blocks_of, to_crs
from aoi.model import Aoi
from detectors.core.apply import in_season
from detectors.core.types import Detector
from imagery.compose import solar_days
from imagery.scene import Scene
from leads.store.records import RunRecord
from leads.store.store import Store
from pipelines.chosen import SURFACE, detectors_for, weights_name
from pipelines.errors import Exit
from pipelines.patrol.config import PatrolConfig, Watch
from pipelines.patrol.files import Places, read_json
from pipelines.patrol.fingerprint import detector_facts, digest_of
from pipelines.patrol.seasons import ranges_before
from pipelines.patrol.tonight import Tonight
from pipelines.plan import RIM_DEG, grid_gsd_m
from pipelines.readers import reader_of
from pipelines.request import DateRange, ScanRequest
from weights.store import find

NEW, FAILED, CHANGED = "new scenes", "failed before", "weights or rules changed"


@dataclass(frozen=True)
class Day:
    """One solar day that is due."""

    day: dt.date
    scenes: tuple[Scene, ...]
    before: tuple[DateRange, ...]
    why: Mapping[Block, str]
    """Blocks to look at, and why."""

    beside: tuple[Block, ...] = ()
    """Blocks that touch them and have been looked at that day already: a patch that goes on there is then whole."""

    def over(self, block: Block) -> tuple[Scene, ...]:
        """The day's scenes over a block's core."""
        return tuple(scene for scene in self.scenes if scene.geometry.intersects(_ground(block)))


@lru_cache(maxsize=20_000)
def _ground(block: Block) -> BaseGeometry:
    """A block's core, EPSG:4326."""
    return to_crs(block.geobox.extent.geom, block.epsg, 4326)


@dataclass(frozen=True)
class Due:
    """What one area is due tonight."""

    aoi: Aoi
    watch: Watch
    detectors: tuple[Detector, ...]
    weights: str
    """Hashes of the weights that will read the pixels."""

    fingerprint: str
    """Of weights, detectors and rules: a block looked at under another one is due again."""

    since: dt.date
    """First day whose scenes are asked for."""

    days: tuple[Day, ...]
    notes: tuple[str, ...] = ()
    scenes: int = 0
    """Scenes between `since` and tonight, seen or not."""

    newest: dt.date | None = None
    """Solar day of the newest scene."""

    blocks: int = 0
    """Blocks of the area."""


def due_tonight(
    config: PatrolConfig, watch: Watch, aoi: Aoi, source: Tonight, store: Store, home: Path, since: dt.date
) -> Due:
    """What an area is due, by the scenes there are and what the store has seen of them.

    Raises:
        ProviderError: if the source can not be asked.
        UnknownDetectorError: if a detector does not exist.
    """
    night = source.night
    method = config.work.method
    detectors = detectors_for(watch.detectors or aoi.detectors, method, home)
    surface = find(SURFACE, home)
    weights = f"{weights_name(method, home)} {surface.sha256 if surface else ''}"
    fingerprint = digest_of([weights, [detector_facts(one) for one in detectors], rules_sha256()])
    scenes = tuple(scene for scene in source.search(aoi.geometry, since, night) if scene.optical)
    looked = read_json(Places(home).state("looked")).get(aoi.id, {})
    given_up = _given_up(home, aoi.id, config.after.retry_nights, night)
    failed = _failed_blocks(store, aoi.id, since)
    halo = reader_of(method, home).reach_px
    grids: dict[float, tuple[Block, ...]] = {}
    known: dict[str, frozenset[str]] = {}
    notes: list[str] = []
    days: list[Day] = []
    looked_again: set[str] = set()
    for day, found in sorted(solar_days(scenes).items(), reverse=True):
        before = ranges_before(config.before, day)
        if not before or not any(in_season(detector, day) for detector in detectors):
            notes.append(f"{day}: {len(found)} scenes out of season were left aside")
            continue
        earlier = [scene for span in before for scene in source.search(aoi.geometry, *span) if scene.optical]
        if not earlier:
            notes.append(f"{day}: no scene of an earlier year to hold it against, from {before[0][0]} on")
            continue
        gsd_m = max(grid_gsd_m(earlier), grid_gsd_m(found))
        grid = grids.setdefault(gsd_m, blocks_of(aoi.geometry.buffer(RIM_DEG), gsd_m, halo, config.work.block_px))
        why: dict[Block, str] = {}
        seen: list[Block] = []
        plain = Day(day, found, before, {})
        for block in grid:
            over = {scene.id for scene in plain.over(block)} - given_up
            if not over:
                continue
            if block.id not in known:
                known[block.id] = store.seen_scenes(aoi.id, block.id)
            if over - known[block.id]:
                why[block] = FAILED if block.id in failed else NEW
            elif block.id not in looked_again and looked.get(block.id, fingerprint) != fingerprint:
                why[block] = CHANGED
            else:
                seen.append(block)
            looked_again.add(block.id)
        if why:
            days.append(Day(day, found, before, why, _touching(seen, why)))
    return Due(
        aoi,
        watch,
        detectors,
        weights,
        fingerprint,
        since,
        tuple(sorted(days, key=lambda one: one.day)),
        tuple(reversed(notes)),
        len(scenes),
        max((scene.solar_day for scene in scenes), default=None),
        len(next(iter(grids.values()), ())),
    )


def _touching(seen: Sequence[Block], due: Mapping[Block, str]) -> tuple[Block, ...]:
    places = {(block.epsg, block.col + dx, block.row + dy) for block in due for dx in (-1, 0, 1) for dy in (-1, 0, 1)}
    return tuple(block for block in seen if (block.epsg, block.col, block.row) in places)


def since_when(config: PatrolConfig, store: Store, aoi: str, night: dt.date) -> dt.date:
    """The first day whose scenes a night asks for: nothing is skipped because the machine was off for a while."""
    ended = [run.night for run in finished(store, aoi) if run.night <= night]
    if not ended:
        return night - dt.timedelta(days=config.after.first_days)
    return min(max(ended), night) - dt.timedelta(days=config.after.late_days)


def finished(store: Store, aoi: str) -> tuple[RunRecord, ...]:
    """The patrols of an area that came to an end."""
    done = (Exit.DONE, Exit.PARTIAL)
    return tuple(run for run in store.runs(aoi) if run.kind == "patrol" and run.finished and run.exit_code in done)


def _failed_blocks(store: Store, aoi: str, since: dt.date) -> frozenset[str]:
    return frozenset(row.block for row in store.coverage(aoi, since, dt.date.max) if row.failed)


def _given_up(home: Path, aoi: str, nights: int, night: dt.date) -> frozenset[str]:
    """Scenes that could not be read on so many nights before this one: they are not waited for any more."""
    troubles = read_json(Places(home).state("troubles")).get(aoi, {})
    before = {name: [day for day in days if day < night.isoformat()] for name, days in troubles.items()}
    return frozenset(name for name, days in before.items() if len(days) >= nights)


def rules_sha256() -> str:
    """Of the records of the rules."""
    import leads.rules

    folder = Path(leads.rules.__path__[0])
    return digest_of([(file.name, file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))])


def request_of(
    due: Due, day: Day, blocks: Sequence[Block], source: Tonight, config: PatrolConfig, out: Path
) -> ScanRequest:
    """The scan of one due day, over some of its blocks."""
    *also, newest = day.before
    return ScanRequest(
        due.aoi,
        source,
        newest,
        (day.day, day.day),
        out,
        tuple(detector.id for detector in due.detectors),
        due.watch.layers,
        layers_status=due.watch.layers_status,
        method=config.work.method,
        block_px=config.work.block_px,
        today=source.night,
        before_also=tuple(also),
        blocks=frozenset(block.id for block in blocks),
        blind=True,
    )

"""`scan`: the way of the data from an area and two date ranges to leads. Reads like the drawing of the architecture."""

import datetime as dt
import os
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from aoi.cells import Cell
from aoi.classification import Classification
from aoi.grid import Block
from detectors.core.normals import Normals
from imagery.compose import Failure
from leads.errors import OutputError
from leads.geopackage import refuse_edited
from leads.model import Coverage
from pipelines.accounted import accounted
from pipelines.block import BlockResult, ground_of, work_block
from pipelines.bring import Brought, bring
from pipelines.chosen import detectors_for
from pipelines.errors import BadInputError, Exit, NothingObservedError, PipelineError
from pipelines.home import home
from pipelines.law import Law, fit_to_run, law_of, layer_records
from pipelines.notes import notes_of
from pipelines.outputs import Outputs
from pipelines.package import draw, package
from pipelines.past import past_of
from pipelines.plan import Plan, plan_scan
from pipelines.progress import Progress, Silent, Step
from pipelines.readers import reader_of
from pipelines.region import KeptNormals, Region, fit_region
from pipelines.report import FoundLead, leads_of
from pipelines.request import ScanRequest
from pipelines.run import Failed, FittedNormals, Run, asked_of, code_version, detector_record, hashes, scene_record
from pipelines.survey import survey_tasks
from pipelines.working import working_blocks

BlockWork = Callable[[Block], BlockResult]
RunBlocks = Callable[[BlockWork, Sequence[Block], Step], Iterator[BlockResult | Failed]]
"""Runs the work of each block, in any order or place; a failure comes back as a value, never lost."""


def scan(
    request: ScanRequest,
    progress: Progress | None = None,
    workers: int = 2,
    run_blocks: RunBlocks | None = None,
) -> Run:
    """Scan an area and write leads, project, pictures and `run.json` in the output folder.

    Args:
        request: what is asked.
        progress: where to report; silence when left out.
        workers: blocks worked at a time.
        run_blocks: how blocks are run; threads when left out.

    Raises:
        BadInputError: if the output can not be written or a detector does not exist.
        NothingObservedError: if no clear pixel was seen at one of the dates.
    """
    return scanned(request, progress, workers, run_blocks).run


@dataclass(frozen=True)
class Scanned:
    """A scan with what its files were written from."""

    run: Run
    found: tuple[FoundLead, ...]
    coverage: tuple[Coverage, ...]
    results: tuple[BlockResult, ...]
    classification: Classification


class Kept(Protocol):
    """Results that outlive the run that made them."""

    @property
    def normals(self) -> KeptNormals:
        """Fits of the region."""
        ...

    def work(self, plan: Plan, region: Region, outputs: Outputs) -> BlockWork:
        """The work of a block: what was kept of it, or `work_block`, whose result is kept."""
        ...


def scanned(
    request: ScanRequest,
    progress: Progress | None = None,
    workers: int = 2,
    run_blocks: RunBlocks | None = None,
    kept: Kept | None = None,
) -> Scanned:
    """As `scan`, for those who go on with its leads.

    Args:
        request: what is asked.
        progress: where to report; silence when left out.
        workers: blocks worked at a time.
        run_blocks: how blocks are run; threads when left out.
        kept: where finished blocks and normals are looked for and kept; they are made anew when left out.

    Raises:
        BadInputError: if the output can not be written or a detector does not exist.
        NothingObservedError: if no clear pixel was seen at one of the dates.
    """
    progress = progress or Silent()
    clock = _Clock()
    reader = reader_of(request.method, home())
    detectors = detectors_for(request.detectors, request.method, home())
    law = law_of(request, home())
    detectors, idle = fit_to_run(detectors, law)
    with (
        working_blocks(),
        staged_folder(request.out) as folder,
        tempfile.TemporaryDirectory(prefix="weixun-") as scratch,
    ):
        plan = plan_scan(request, detectors, reader)
        clock.lap("plan")
        brought = bring(plan, request.source, progress)
        plan = brought.plan
        past = past_of(request, plan, law, progress)
        plan = replace(plan, surveys=survey_tasks(past, plan, law))
        clock.lap("fetch")
        region = fit_region(plan, progress, workers, kept.normals if kept else None)
        clock.lap("normals")
        outputs = Outputs(plan, folder, Path(scratch), request.scores)
        try:
            work = kept.work(plan, region, outputs) if kept else lambda block: work_block(plan, region, outputs, block)
            done = _work(plan, region, work, progress, run_blocks or in_threads(workers), request.blind)
            clock.lap("blocks")
            with ThreadPoolExecutor(1) as beside:  # images need no leads, nor leads images
                closing = beside.submit(outputs.close)
                found, account = leads_of(plan, done.results, outputs, law, past, request.after, progress, workers)
            clock.lap("leads")
            closing.result()
            clock.lap("images")
        except BaseException:
            outputs.discard()
            raise
        package(plan, found, done.coverage, folder, outputs, law.classification)
        clock.lap("package")
        if request.quicklooks:
            draw(plan, found, folder, progress, workers, law.classification)
        clock.lap("pictures")
        by_detector = Counter(detector.id for _, detector in found)
        run = _record(request, brought, region, law, idle, done, by_detector, folder, clock)
        run = accounted(run, past, account)
        run.write(folder / "run.json")
        _publish(folder, request.out)
    return Scanned(run, found, done.coverage, done.results, law.classification)


@dataclass(frozen=True)
class _Done:
    results: tuple[BlockResult, ...]
    failed: tuple[Failed, ...]
    coverage: tuple[Coverage, ...]
    observed: dict[str, float]


def _work(plan: Plan, region: Region, work: BlockWork, progress: Progress, run_blocks: RunBlocks, blind: bool) -> _Done:
    with progress.stage("blocks", len(plan.blocks)) as step:
        ended = list(run_blocks(work, plan.blocks, step))
    results = tuple(sorted((r for r in ended if isinstance(r, BlockResult)), key=lambda r: r.block.id))
    failed = tuple(sorted((r for r in ended if isinstance(r, Failed)), key=lambda f: f.name))
    if failed and not results:
        raise PipelineError(f"every block failed; the first, {failed[0].name}: {failed[0].reason}")
    rows = [row for result in results for row in result.coverage]
    coverage = tuple(row for row in (*rows, *_failed_ground(plan, failed)) if not row.geometry.is_empty)
    observed = observed_shares(coverage)
    if not blind:
        _refuse_nothing(plan, region, results, observed)
    return _Done(results, failed, coverage, observed)


def _failed_ground(plan: Plan, failed: Sequence[Failed]) -> list[Coverage]:
    """Blocks that failed are ground that was not observed, at neither date."""
    reasons = {block.name: block.reason for block in failed}
    days = (("before", plan.before[-1].solar_day), *(("after", day) for day in plan.days))
    return [
        Coverage(block.id, role, day, ground_of(plan, block), 0.0, 0.0, 0.0, 1.0, reasons[block.id])
        for block in plan.blocks
        if block.id in reasons
        for role, day in days
    ]


def in_threads(workers: int) -> RunBlocks:
    """Blocks in a pool of threads: rasterio and NumPy let go of the interpreter while they work."""

    def run(work: BlockWork, blocks: Sequence[Block], step: Step) -> Iterator[BlockResult | Failed]:
        def guarded(block: Block) -> BlockResult | Failed:
            try:
                return work(block)
            except OutputError:
                raise
            # The per-block boundary: one bad block is counted and reported, the others go on.
            except Exception as error:
                return Failed(block.id, f"{type(error).__name__}: {error}")
            finally:
                step()

        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(guarded, blocks)

    return run


def observed_shares(coverage: Sequence[Coverage]) -> dict[str, float]:
    """Share of the AOI's ground observed, for ``before`` and for each after day by its date."""
    seen: dict[str, float] = defaultdict(float)
    total: dict[str, float] = {}
    for row in coverage:
        seen["before" if row.role == "before" else row.date.isoformat()] += row.observed * row.geometry.area
        total[row.block] = row.geometry.area
    whole = sum(total.values())
    return {key: round(seen[key] / whole, 4) if whole else 0.0 for key in sorted(seen)}


def _refuse_nothing(plan: Plan, region: Region, results: Sequence[BlockResult], observed: dict[str, float]) -> None:
    after = max((share for key, share in observed.items() if key != "before"), default=0.0)
    blind = [role for role, share in (("before", observed.get("before", 0.0)), ("after", after)) if not share]
    if not blind:
        return
    unreadable = {failure.reason for failure in _unreadable(region, results)}
    because = f"; unreadable: {'; '.join(sorted(unreadable)[:3])}" if unreadable else ""
    raise NothingObservedError(
        f"nothing of AOI {plan.aoi.id!r} was observed {' and '.join(blind)}: "
        f"cloud, snow or no data in every scene{because}"
    )


def _unreadable(region: Region, results: Sequence[BlockResult]) -> set[Failure]:
    return {failure for result in results for failure in result.failures} | set(region.failures)


@contextmanager
def staged_folder(out: Path) -> Iterator[Path]:
    """A hidden folder inside the output folder in which the result grows; it is gone afterwards, whatever happened.

    Raises:
        BadInputError: if the output is a file, can not be written, or holds an analyst's edits.
    """
    if out.exists() and not out.is_dir():
        raise BadInputError(f"--out {out} is a file; name a folder")
    created = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".weixun-", dir=out))
    except OSError as error:
        raise BadInputError(f"--out {out} can not be written ({error.strerror}); name another folder") from error
    try:
        refuse_edited(out / "leads.gpkg")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if created and not any(out.iterdir()):
            out.rmdir()


def _publish(folder: Path, out: Path) -> None:
    """Moves the finished result in place, `run.json` last: while it is missing or old, the rest is not whole."""
    names = sorted((entry.name for entry in folder.iterdir()), key=lambda name: (name == "run.json", name))
    (out / "run.json").unlink(missing_ok=True)
    for name in names:
        target = out / name
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(folder / name, target)


def _record(
    request: ScanRequest,
    brought: Brought,
    region: Region,
    law: Law,
    idle: tuple[Failed, ...],
    done: _Done,
    by_detector: Counter[str],
    folder: Path,
    clock: "_Clock",
) -> Run:
    plan = brought.plan
    unreadable = _unreadable(region, done.results) | set(brought.quarantined) | set(plan.refused)
    normals = tuple(_keep(cell, day, fitted, folder) for (cell, day), fitted in sorted(region.normals.items()))
    return Run(
        asked=asked_of(request),
        code=code_version(),
        grid={"gsd_m": plan.gsd_m, "blocks": len(plan.blocks), "zones": sorted({block.epsg for block in plan.blocks})},
        detectors=tuple(detector_record(detector, plan.reader.name) for detector in plan.detectors),
        scenes=tuple(scene_record(scene) for scene in plan.before + plan.after),
        normals=normals,
        observed=done.observed,
        leads=by_detector.total(),
        leads_by_detector={detector.id: by_detector[detector.id] for detector in plan.detectors},
        layers=layer_records(law),
        classification=law.classification.value,
        not_run=idle,
        failed_blocks=done.failed,
        unreadable_scenes=tuple(sorted((Failed(f.scene_id, f.reason) for f in unreadable), key=lambda f: f.name)),
        notes=notes_of(plan, region, law, request.method),
        exit_code=Exit.PARTIAL if done.failed or unreadable else Exit.DONE,
        bytes_fetched=brought.bytes_fetched,
        bytes_cached=brought.bytes_cached,
        seconds=clock.laps,
        out=request.out.as_posix(),
        outputs=hashes(folder, [path for path in folder.rglob("*") if path.is_file()]),
    )


def _keep(cell: Cell, day: dt.date, fitted: Normals, folder: Path) -> FittedNormals:
    """Stores normals under their hash."""
    name = f"normals/{cell.id}_{day:%Y%m%d}.bin"
    (folder / "normals").mkdir(exist_ok=True)
    (folder / name).write_bytes(fitted.to_bytes())
    return FittedNormals(cell.id, day, fitted.sha256, name, fitted.samples, fitted.shift_px, fitted.shift_confident)


class _Clock:
    """Seconds per stage."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 2)
        self._last = now

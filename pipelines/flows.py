"""The same bodies under Prefect: it decides when and where a block runs, never what is done with it."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner

from aoi.grid import Block
from aoi.read import read_aoi
from pipelines.block import BlockResult
from pipelines.connect import imagery_of
from pipelines.demo import demo
from pipelines.home import home
from pipelines.progress import Lines, Step
from pipelines.request import Method, ScanRequest, check_order
from pipelines.run import Failed
from pipelines.scan import BlockWork, scan
from pipelines.training.config import TrainConfig


@task(name="block", task_run_name="block {block.id}", cache_policy=NO_CACHE, persist_result=False)
def block_task(work: BlockWork, block: Block) -> BlockResult:
    """The work of one block as a Prefect task."""
    return work(block)


def as_tasks(work: BlockWork, blocks: Sequence[Block], step: Step) -> Iterator[BlockResult | Failed]:
    """Runs blocks as tasks of the flow that calls it; a failed task is reported, the others go on."""
    futures = [(block, block_task.submit(work, block)) for block in blocks]
    for block, future in futures:
        ended: Any = future.result(raise_on_failure=False)
        step()
        failed = isinstance(ended, BaseException)
        yield Failed(block.id, f"{type(ended).__name__}: {ended}") if failed else ended


@flow(name="scan", task_runner=ThreadPoolTaskRunner(max_workers=2))  # type: ignore[arg-type]
def scan_flow(
    aoi: str,
    archive: Path | None,
    before: tuple[dt.date, dt.date],
    after: tuple[dt.date, dt.date],
    out: Path,
    detectors: tuple[str, ...] = (),
    layers: Path | None = None,
    scores: bool = False,
    method: Method = "auto",
    source: str = "",
) -> int:
    """Scan an area on demand.

    Args:
        aoi: id, file, or ``lon,lat,radius_m``.
        archive: local archive; None where a source is named.
        before: first and last day.
        after: first and last day.
        out: folder for the result.
        detectors: ids; none means all.
        layers: statutory layers.
        scores: whether to write score maps.
        method: ``network``, ``training-free``, or ``auto``: the network where there are weights.
        source: name of a configured source of imagery, or several with commas between, instead of an archive.

    Returns:
        The exit code of the scan.
    """
    check_order(before, after)
    area = read_aoi(aoi, home())
    with imagery_of(archive, source, home()) as imagery:
        request = ScanRequest(area, imagery, before, after, out, detectors, layers, scores, method=method)
        return int(scan(request, Lines(), run_blocks=as_tasks).exit_code)


@flow(name="train")
def train_flow(
    archives: tuple[Path, ...],
    out: Path,
    config: TrainConfig | None = None,
    weights: Path | None = None,
    device: str = "auto",
) -> str:
    """Train the network on unlabelled scenes; a run that was stopped goes on where it was.

    Args:
        archives: local archives of real scenes.
        out: folder of the run.
        config: everything that decides the result.
        weights: folder of the weights; the home's when left out.
        device: ``auto``, ``cpu`` or ``cuda``.

    Returns:
        Hash of the weights.
    """
    # torch takes seconds to import: only when something is trained
    from pipelines.training.session import run_training

    wanted = config or TrainConfig()
    return run_training(
        wanted, archives, out, weights or home() / "weights", device=device, progress=Lines()
    ).entry.sha256


@flow(name="demo", task_runner=ThreadPoolTaskRunner(max_workers=2))  # type: ignore[arg-type]
def demo_flow(out: Path = Path("demo"), seed: int = 0) -> int:
    """Simulate a steppe, scan it with every detector and score the leads.

    Args:
        out: folder for the archive and the result.
        seed: the same seed gives the same steppe.

    Returns:
        The exit code of the scan.
    """
    return int(demo(out, seed, Lines(), run_blocks=as_tasks).run.exit_code)

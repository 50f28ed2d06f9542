"""Patrols under Prefect: when and where, never what. The bodies are those of the command line; a task is a block.

Parameters are typed, so that Prefect's page offers each flow as a form.
"""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict, Field

from aoi.grid import Block
from aoi.model import Aoi
from aoi.read import read_aoi
from detectors.core.registry import choose
from pipelines.block import BlockResult
from pipelines.connect import imagery_of
from pipelines.flows import as_tasks
from pipelines.home import home
from pipelines.patrol.again import backfill as backfill_body
from pipelines.patrol.again import bulletin_again
from pipelines.patrol.artifacts import leave_artifacts
from pipelines.patrol.config import PatrolConfig, read_config
from pipelines.patrol.forecast import forecast
from pipelines.patrol.guard import bounded
from pipelines.patrol.janitor import close_lost_runs
from pipelines.patrol.kept import BlockJob, KeptWork, do_job
from pipelines.patrol.lookback import look_back, rows_of, told
from pipelines.patrol.night import Night, finish_nights, run_night
from pipelines.progress import Lines, Step
from pipelines.request import Method, ScanRequest, check_order
from pipelines.run import Failed
from pipelines.scan import BlockWork, RunBlocks
from pipelines.scan import scan as scan_body

DetectorId = StrEnum("DetectorId", {detector.id: detector.id for detector in choose(())})  # type: ignore[misc]


class Named(BaseModel):
    """An area by its id or file."""

    model_config = ConfigDict(title="AOI 编号")

    aoi: str = Field(description="id (weixun aoi list) or a file on this machine")


class Outline(BaseModel):
    """An area as GeoJSON."""

    model_config = ConfigDict(title="GeoJSON")

    geojson: str = Field(description="the text of a GeoJSON file, EPSG:4326", max_length=5_000_000)


class Around(BaseModel):
    """A place and its surroundings."""

    model_config = ConfigDict(title="坐标与半径 point and radius")

    lon: float = Field(ge=-180, le=180, description="degrees east")
    lat: float = Field(ge=-80, le=84, description="degrees north")
    radius_m: float = Field(default=3000, gt=0, le=100_000)


class Days(BaseModel):
    """First and last day, both inclusive."""

    first: dt.date
    last: dt.date


@task(name="block job", task_run_name="block {job.block.id}", cache_policy=NO_CACHE, persist_result=False)
def job_task(job: BlockJob) -> tuple[float, bool]:
    """The work of one block, wherever it is done: the result lies in the home's cache afterwards."""
    return do_job(job)


def as_jobs(work: BlockWork, blocks: Sequence[Block], step: Step) -> Iterator[BlockResult | Failed]:
    """Runs blocks as tasks in other processes, which share the home's cache with this one."""
    if not isinstance(work, KeptWork):
        raise TypeError("only work whose results are kept can be done in another process")
    futures = [(block, job_task.submit(work.job(block))) for block in blocks]
    for block, future in futures:
        ended: Any = future.result(raise_on_failure=False)
        step()
        if isinstance(ended, BaseException):
            yield Failed(block.id, f"{type(ended).__name__}: {ended}")
        else:
            yield work.fetched(block, *ended)


def runner_of(config: PatrolConfig) -> tuple[Any, RunBlocks]:
    """Where the blocks of a patrol are worked: threads of this process, or a Dask cluster."""
    if not config.work.dask:
        return ThreadPoolTaskRunner(max_workers=bounded(config, home()).work.workers), as_tasks
    from prefect_dask.task_runners import DaskTaskRunner

    return DaskTaskRunner(address=config.work.dask), as_jobs


def _named() -> str:
    said = flow_run.parameters
    return "finish what a crash left" if said.get("finish") else f"patrol {said.get('night') or 'tonight'}"


@flow(name="patrol", flow_run_name=_named, log_prints=True)
def patrol(
    config: Path,
    night: dt.date | None = None,
    areas: list[str] | None = None,
    dry_run: bool = False,
    finish: bool = False,
) -> int:
    """Patrol the areas that are due tonight 夜间巡查.

    Args:
        config: the patrol.toml.
        night: date of the night; tonight when left out.
        areas: only these, as the configuration names them; all that are due when left out.
        dry_run: only say what would be done.
        finish: only finish the nights that a crash left, and begin none.

    Returns:
        The exit code.
    """
    said = read_config(config)
    date = night or said.schedule.tonight()
    if dry_run:
        print(forecast(said, home(), date, only=areas or ()).summary())
        return 0
    task_runner, run_blocks = runner_of(said)
    if not finish:
        planned = forecast(said, home(), date, only=areas or ())
        create_markdown_artifact(f"```\n{planned.summary()}\n```", key="plan", description=f"plan of {date}")

    @flow(name="blocks", task_runner=task_runner, persist_result=False)
    def work() -> tuple[Night, ...]:
        # Prefect's own cancellation would leave a night half done: it is finished by the next one then.
        if finish:
            return finish_nights(said, home(), progress=Lines(), run_blocks=run_blocks, wait_s=-1.0)
        ended = run_night(said, home(), date, progress=Lines(), run_blocks=run_blocks, wait_s=-1.0, only=areas or ())
        return (ended,)

    nights = work()
    for ended in nights:
        leave_artifacts(ended, home())
        print(ended.summary())
    return max((int(ended.exit_code) for ended in nights), default=0)


@flow(name="scan", flow_run_name="scan {before.first} – {after.last}", log_prints=True,
      task_runner=ThreadPoolTaskRunner(max_workers=2))  # type: ignore[arg-type]  # fmt: skip
def scan(
    where: Named | Around | Outline,
    before: Days,
    after: Days,
    source: str = "",
    archive: Path | None = None,
    detectors: list[DetectorId] | None = None,
    method: Method = "auto",
) -> str:
    """Scan a place on demand 按需扫描. Writes no lead into the store.

    Args:
        where: an area by id, a place with a radius, or GeoJSON.
        before: days before the change.
        after: days after it.
        source: names of configured sources with commas between.
        archive: a local archive instead.
        detectors: models; all when left out.
        method: ``network``, ``training-free``, or ``auto``.

    Returns:
        The folder of the result.
    """
    dates = (before.first, before.last), (after.first, after.last)
    check_order(*dates)
    context = FlowRunContext.get()
    name = str(context.flow_run.id) if context and context.flow_run else "scan"
    out = home() / "scans" / name
    out.mkdir(parents=True, exist_ok=True)
    area = area_of(where, out)
    wanted = tuple(one.value if isinstance(one, Enum) else str(one) for one in detectors or ())
    with imagery_of(archive, source, home()) as imagery:
        run = scan_body(ScanRequest(area, imagery, *dates, out, wanted, method=method), Lines(), run_blocks=as_tasks)
    create_link_artifact((out / "quicklook" / "index.html").as_uri(), f"{run.leads} leads", key="scan")
    print(run.summary())
    return str(out)


def area_of(where: Named | Around | Outline, folder: Path) -> Aoi:
    """The area that a form names; drawn ones are kept beside the result."""
    if isinstance(where, Named):
        return read_aoi(where.aoi, home())
    if isinstance(where, Around):
        return read_aoi(f"{where.lon},{where.lat},{where.radius_m}")
    file = folder / "aoi.geojson"
    json.loads(where.geojson)
    file.write_text(where.geojson, encoding="utf-8")
    return read_aoi(str(file))


@flow(name="backfill", log_prints=True, task_runner=ThreadPoolTaskRunner(max_workers=2))  # type: ignore[arg-type]
def backfill(config: Path, since: dt.date, until: dt.date, area: str = "", every: int = 10) -> int:
    """Patrol past nights of an area 补查往年, the oldest first.

    Args:
        config: the patrol.toml.
        since: first night.
        until: last night.
        area: as the configuration names it; all when left out.
        every: nights between two looks.

    Returns:
        The worst exit code.
    """
    nights = backfill_body(read_config(config), home(), since, until, every, area, Lines(), as_tasks)
    return max((int(night.exit_code) for night in nights), default=0)


@flow(name="lookback", log_prints=True)
def lookback(config: Path, night: dt.date | None = None, leads: list[str] | None = None) -> int:
    """Look again at sites whose deadline is past 回头看: what of their ground is restored.

    Args:
        config: the patrol.toml.
        night: no later scene is used; tonight when left out.
        leads: ids; all whose deadline is past and that are due a look when left out.

    Returns:
        How many were looked at.
    """
    said = read_config(config)
    found = look_back(said, home(), night or said.schedule.tonight(), leads or (), Lines())
    create_table_artifact(rows_of(found), key="lookback")
    print("\n".join(told(found)))
    return len(found)


@flow(name="bulletin", log_prints=True)
def bulletin(config: Path, night: dt.date) -> str:
    """Write the bulletin of a finished night again 重写简报.

    Args:
        config: the patrol.toml.
        night: its date.

    Returns:
        The page.
    """
    return str(bulletin_again(read_config(config), home(), night))


@flow(name="janitor", log_prints=True)
def janitor() -> int:
    """Close runs that a crash left Running 清理.

    Returns:
        How many were closed.
    """
    context = FlowRunContext.get()
    mine = context.flow_run.id if context and context.flow_run else None
    return close_lost_runs(except_for=mine)

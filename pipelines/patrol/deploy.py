"""Registers the flows with the server of the environment: `python -m pipelines.patrol.deploy CONFIG CRON TZ`.

`python -m pipelines.patrol.deploy CONFIG finish` asks for the nights to be finished that a crash left.
"""

import contextlib
import sys
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists
from prefect.types.entrypoint import EntrypointType

from pipelines.home import home
from pipelines.patrol import flows
from pipelines.patrol.files import Places
from pipelines.patrol.janitor import close_lost_runs
from pipelines.patrol.journal import Journal
from pipelines.patrol.serve import FINISH, POOL

NAME = "weixun"
"""Of every deployment."""

ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
"""Two patrols never overlap: the second waits. Whoever starts one on the command line meets the lock of the home."""


def deploy(config: Path, cron: str, timezone: str) -> int:
    """Close lost runs, make the pool, register every flow; gives how many runs were closed."""
    lost = close_lost_runs()
    with get_client(sync_client=True) as client, contextlib.suppress(ObjectAlreadyExists):  # from an earlier start
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
    named = {"config": str(config)}
    nightly = CronSchedule(cron=cron, timezone=timezone)
    _register(flows.patrol, named, schedule=nightly, concurrency_limit=ONE_AT_A_TIME)
    for of_the_config in (flows.backfill, flows.bulletin, flows.lookback):
        _register(of_the_config, named)
    for on_demand in (flows.scan, flows.janitor):
        _register(on_demand, {})
    return lost


def _register(which: Flow[..., Any], parameters: dict[str, str], **more: Any) -> None:
    made = RunnerDeployment.from_flow(
        which,
        NAME,
        parameters=parameters,
        work_pool_name=POOL,
        entrypoint_type=EntrypointType.MODULE_PATH,
        description=(which.description or "").strip(),
        **more,
    )
    made.apply()


def ask_to_finish(config: Path) -> None:
    """Have the worker finish what a crash left, now: nobody should need to wait for the next night."""
    with get_client(sync_client=True) as client:
        nightly = client.read_deployment_by_name(f"{flows.patrol.name}/{NAME}")
        client.create_flow_run_from_deployment(nightly.id, parameters={"config": str(config), "finish": True})


def main(config: Path, *schedule: str) -> None:
    """Register everything by a cron and its time zone, or ask for what is left to be finished."""
    if schedule == (FINISH,):
        return ask_to_finish(config)
    closed = deploy(config, *schedule)
    if closed:
        print(f"{closed} runs that a crash left were closed", flush=True)
    if left := Journal.left_open(Places(home())):
        print(f"{', '.join(map(str, left))}: a crash left the night unfinished; it is finished now", flush=True)
        ask_to_finish(config)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])

"""Registers the flows with the server of the environment: `python -m pipelines.patrol.deploy CONFIG CRON TZ`."""

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

from pipelines.patrol import flows
from pipelines.patrol.janitor import close_lost_runs
from pipelines.patrol.serve import POOL

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
        "weixun",
        parameters=parameters,
        work_pool_name=POOL,
        entrypoint_type=EntrypointType.MODULE_PATH,
        description=(which.description or "").strip(),
        **more,
    )
    made.apply()


if __name__ == "__main__":
    closed = deploy(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
    if closed:
        print(f"{closed} runs that a crash left were closed", flush=True)

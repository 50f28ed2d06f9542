"""Runs that a crash left `Running` in Prefect are closed when everything starts: nobody is at work on them then."""

import uuid

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.states import Crashed

_OPEN = ["RUNNING", "PENDING", "CANCELLING"]


def close_lost_runs(except_for: uuid.UUID | None = None) -> int:
    """Mark every open run as crashed; gives how many there were.

    Args:
        except_for: the run that asks.
    """
    wanted = FlowRunFilter.model_validate({"state": {"type": {"any_": _OPEN}}})
    with get_client(sync_client=True) as client:
        lost = [run for run in client.read_flow_runs(flow_run_filter=wanted) if run.id != except_for]
        for run in lost:
            message = "closed by the janitor: the process at work on it is gone; the next night goes on where it was"
            client.set_flow_run_state(run.id, Crashed(message=message), force=True)
    return len(lost)

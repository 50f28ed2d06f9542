"""Two patrols of one home never overlap."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from pipelines.errors import Exit, PipelineError
from pipelines.patrol.files import Places, read_json, write_json


class PatrolBusyError(PipelineError):
    """Another patrol is at work in this home."""

    exit_code = Exit.LOCKED_OR_FULL


@contextmanager
def alone(places: Places, wait_s: float = 0.0) -> Iterator[None]:
    """Holds the home's patrol lock; it goes with the process, however that ends.

    Args:
        places: of the home.
        wait_s: how long to wait for another patrol; −1 = until it is over.

    Raises:
        PatrolBusyError: if another patrol runs and does not end in time; says which.
    """
    places.root.mkdir(parents=True, exist_ok=True)
    note = places.state("at_work")
    lock = FileLock(places.lock)
    try:
        lock.acquire(timeout=wait_s)
    except Timeout as error:
        who = read_json(note)
        since = f" (process {who['process']}, since {who['since']})" if "since" in who else ""
        raise PatrolBusyError(
            f"a patrol of {places.home} is running already{since}; wait for it to end, or ask with --wait"
        ) from error
    try:
        since = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        write_json(note, {"process": os.getpid(), "since": since})
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def nobody_at_work(places: Places) -> bool:
    """Whether no patrol of a home runs at this moment."""
    try:
        with alone(places):
            return True
    except PatrolBusyError:
        return False

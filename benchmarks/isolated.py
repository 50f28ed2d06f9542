"""A measured job in a process of its own: what it returns, and the most memory that its process tree held."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLL_S = 0.05
MODULE = ["-m", "benchmarks.jobs"]
ROOT = Path(__file__).resolve().parent.parent


class JobFailedError(Exception):
    """A job ended with an error; its own words are above on standard error."""


@dataclass(frozen=True)
class Measured:
    """What became of a job."""

    result: dict[str, Any]
    peak_bytes: int
    """Most resident memory of the whole tree; pages shared between processes count in each."""

    command: str


def run(job: str, **arguments: str | int) -> Measured:
    """Run a job of `benchmarks.jobs` and wait for it.

    Args:
        job: its name.
        arguments: handed to it as ``key=value``.

    Raises:
        JobFailedError: if it fails.
    """
    words = [f"{key}={value}" for key, value in arguments.items()]
    with subprocess.Popen(
        [sys.executable, *MODULE, job, *words], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        peak = 0
        while True:
            peak = max(peak, _tree_bytes(process.pid))
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(POLL_S)
        process.returncode = os.waitstatus_to_exitcode(status)
        printed = process.stdout.read() if process.stdout else ""
    command = " ".join(["python -m benchmarks.jobs", job, *words])
    if process.returncode != 0:
        raise JobFailedError(f"{command} ended with {process.returncode}")
    # The kernel's own figure misses no moment but knows one process only; polling knows the tree.
    unit = 1 if sys.platform == "darwin" else 1024
    return Measured(json.loads(printed), max(peak, usage.ru_maxrss * unit), command)


def _tree_bytes(pid: int) -> int:
    """Resident bytes of a process and its descendants; 0 where there is no /proc, or it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = {
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        }
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(_tree_bytes(child) for child in children)

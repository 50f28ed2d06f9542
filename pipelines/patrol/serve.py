"""`weixun patrol serve`: Prefect's server and a worker on one machine, on loopback, quiet towards the world."""

import contextlib
import datetime as dt
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.errors import BadInputError, PipelineError
from pipelines.patrol.config import PatrolConfig
from pipelines.patrol.files import Places
from pipelines.patrol.journal import Journal
from pipelines.patrol.lock import nobody_at_work

POOL = "weixun"
FINISH = "finish"
"""Word for `pipelines.patrol.deploy`."""

HEALTHY_S = 900.0
"""A machine with much else to do takes minutes for what is three seconds alone."""

STOP_S = 30.0


class ServeError(PipelineError):
    """The server or the worker could not be started, or ended by itself."""


def environment(home: Path, port: int) -> dict[str, str]:
    """What Prefect is told: where it lives, and that nothing of it goes out."""
    folder = home / "prefect"
    return {
        **os.environ,
        "WEIXUN_HOME": str(home.resolve()),
        "PREFECT_HOME": str(folder.resolve()),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_UI_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_CLI_PROMPT": "false",
    }


def serve(config: Path, said: PatrolConfig, home: Path, port: int) -> int:
    """Run server and worker until SIGTERM or Ctrl+C; gives 0 then.

    Args:
        config: absolute path of the patrol.toml.
        said: what it says.
        home: state folder.
        port: of the page, on 127.0.0.1.

    Raises:
        BadInputError: if something else answers on the port.
        ServeError: if one of both does not start, or ends by itself.
    """
    if _answers(port):
        raise BadInputError(f"something answers on 127.0.0.1:{port} already; stop it, or choose another --port")
    (home / "prefect").mkdir(parents=True, exist_ok=True)
    told = environment(home, port)
    with _stopping() as stop, contextlib.ExitStack() as stack:
        server = stack.enter_context(
            _child("server", ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)], told)
        )
        _wait_healthy(server, port, stop)
        if stop.is_set():
            return 0
        if not _registered(told, config, said.schedule.cron, said.schedule.timezone):
            raise ServeError("the flows could not be registered with Prefect's server; its log is above")
        worker = stack.enter_context(
            _child("worker", ["-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"], told)
        )
        print(
            f"巡查服务 page: http://127.0.0.1:{port} · {said.schedule.cron} ({said.schedule.timezone}) · "
            "Ctrl+C or SIGTERM stops both",
            flush=True,
        )
        forgotten = Forgotten(Places(home))
        while not stop.wait(1.0):
            for name, child in (("server", server), ("worker", worker)):
                if child.poll() is not None:
                    raise ServeError(f"Prefect's {name} ended by itself with {child.returncode}; its log is above")
            if forgotten.due(time.monotonic()):
                _registered(told, config, FINISH)
    return 0


@dataclass
class Forgotten:
    """Nights whose process was killed while server and worker live on: they are finished now, not the night after.

    What fails again and again is left to the next night.
    """

    places: Places
    every_s: float = 30.0
    tries: int = 3
    """For each night, while this process lives."""

    _tried: Counter[dt.date] = field(default_factory=Counter)
    _asked: float | None = None

    def due(self, now: float) -> bool:
        """Whether somebody should be asked to finish a night; `now` in seconds of any clock."""
        if self._asked is None:
            self._asked = now
        if now - self._asked < self.every_s:
            return False
        self._asked = now
        left = [night for night in Journal.left_open(self.places) if self._tried[night] < self.tries]
        if not left or not nobody_at_work(self.places):
            return False
        self._tried.update(left)
        return True


def _registered(told: dict[str, str], config: Path, *schedule: str) -> bool:
    """Run `pipelines.patrol.deploy` in a process whose Prefect knows this server."""
    command = [sys.executable, "-m", "pipelines.patrol.deploy", str(config), *schedule]
    return subprocess.run(command, env=told, check=False).returncode == 0


def _wait_healthy(server: "subprocess.Popen[bytes]", port: int, stop: threading.Event) -> None:
    ends = time.monotonic() + HEALTHY_S
    while not stop.wait(0.3):
        if server.poll() is not None:
            raise ServeError(f"Prefect's server ended with {server.returncode} before it was healthy; its log is above")
        if _answers(port):
            return
        if time.monotonic() > ends:
            raise ServeError(f"Prefect's server was not healthy within {HEALTHY_S:g} s; its log is above")


def _answers(port: int) -> bool:
    # Not urllib: it would ask the proxy of the environment for our own machine.
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        asked.request("GET", "/api/health")
        asked.getresponse().read(1024)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()
    return True


@contextlib.contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set while it lasts."""
    stop = threading.Event()
    kinds = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(kind, lambda *_: stop.set()) for kind in kinds]
    try:
        yield stop
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


@contextlib.contextmanager
def _child(name: str, arguments: Sequence[str], told: dict[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    """A process in a group of its own, so that a Ctrl+C reaches us alone and we stop the rest in order."""
    child = subprocess.Popen([sys.executable, *arguments], env=told, start_new_session=True)
    try:
        yield child
    finally:
        _end(child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Ask a process to stop, and end what is left of its group: a server that was killed leaves one that answers."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()

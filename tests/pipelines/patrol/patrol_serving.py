"""`weixun patrol serve` in processes of their own, watched through Prefect's API."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

Found = TypeVar("Found")

TOML = """
[[watch]]
aoi = "world/aoi.geojson"
archive = "world/archive"
detectors = ["land_disturbance"]
[after]
first_days = 8
[work]
method = "training-free"
block_px = 192
[notify]
pdf = false
[keep]
min_free_gb = 0.01
[schedule]
cron = "{cron}"
timezone = "Asia/Shanghai"
"""
NEVER = "0 0 1 1 *"
EACH_MINUTE = "* * * * *"
WEIXUN = (sys.executable, "-c", "from pipelines.cli import main; main()")
ROLES = {"server": r"prefect server start|prefect\.server\.api", "worker": r"prefect worker start",
         "flow": r"prefect\.engine|prefect\.flow_engine|prefect flow-run execute"}  # fmt: skip
"""What tells the processes apart by their command lines."""


def write_config(folder: Path, cron: str) -> Path:
    """A patrol of the world in a folder, of small blocks and without a network to load."""
    file = folder / f"patrol-{'each-minute' if cron == EACH_MINUTE else 'never'}.toml"
    file.write_text(TOML.format(cron=cron))
    return file


def environment_of(home: Path) -> dict[str, str]:
    """Of a process that works in a home."""
    return {**os.environ, "WEIXUN_HOME": str(home), "PREFECT_LOGGING_LEVEL": "INFO", "OMP_NUM_THREADS": "1"}


def patrolled(config: Path, home: Path, night: str) -> None:
    """A night on the command line."""
    subprocess.run([*WEIXUN, "patrol", "run", "--config", config, "--night", night], env=environment_of(home),
                   check=True, timeout=580, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip


def waited_for(what: Callable[[], Found | None], seconds: float = 900) -> Found:
    """What a question gives once it gives something."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            if found := what():
                return found
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.5)
    raise AssertionError(f"it did not come in {seconds:g} s")


@dataclass
class Served:
    """Server and worker of a home."""

    process: "subprocess.Popen[bytes]"
    port: int
    home: Path
    log: Path

    @classmethod
    def start(cls, config: Path, home: Path) -> "Served":
        """Start both, and wait until the page is said to be there."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        home.mkdir(parents=True, exist_ok=True)
        log = home / f"serve-{port}.log"
        command = [*WEIXUN, "patrol", "serve", "--config", str(config), "--port", str(port)]
        with log.open("wb") as out:
            process = subprocess.Popen(command, env=environment_of(home), stdout=out, stderr=subprocess.STDOUT)
        served = cls(process, port, home, log)
        waited_for(lambda: "巡查服务 page" in served.said or process.poll() is not None)
        assert process.poll() is None, served.said[-3000:]
        return served

    @property
    def said(self) -> str:
        """What it printed so far."""
        return self.log.read_text(errors="replace")

    def asked(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the API answers; asked again while its database is busy, as Prefect's own client does."""
        status, content = waited_for(lambda: told if (told := self._asked_once(path, body))[0] != 503 else None, 300)
        assert status < 300, content
        return json.loads(content)

    def _asked_once(self, path: str, body: dict[str, Any] | None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            said = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, said, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def deployment(self, flow: str) -> dict[str, Any]:
        """As the API has it."""
        return dict(self.asked(f"/api/deployments/name/{flow}/weixun"))

    def begun(self, flow: str, **parameters: Any) -> str:
        """Start a run as Prefect's page does; gives its id."""
        path = f"/api/deployments/{self.deployment(flow)['id']}/create_flow_run"
        asked = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self.asked(path, asked)["id"])

    def run(self, name: str) -> dict[str, Any]:
        """A run as it is now."""
        return dict(self.asked(f"/api/flow_runs/{name}"))

    def ended(self, name: str) -> dict[str, Any]:
        """A run once it is over."""
        over = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        return waited_for(lambda: run if (run := self.run(name))["state_type"] in over else None)

    def runs(self, *types: str) -> list[dict[str, Any]]:
        """Runs in these states."""
        wanted = {"flow_runs": {"state": {"type": {"any_": list(types)}}}, "limit": 200}
        return list(self.asked("/api/flow_runs/filter", wanted))

    def processes(self, role: str) -> list[int]:
        """Processes of this home that are the server, the worker, or a flow."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                settings = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if f"WEIXUN_HOME={self.home.resolve()}".encode() in settings and re.search(ROLES[role], command):
                found.append(int(folder.name))
        return sorted(found)

    def killed(self, role: str) -> bool:
        """kill -9; False where there is no such process any more."""
        victims = self.processes(role)
        for victim in victims:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                return False
        return bool(victims)

    def stopped(self, timeout_s: float = 300) -> int:
        """Ask both to stop as a service manager does; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def swept(self) -> None:
        """Leave no process behind, whatever happened."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        for role in ROLES:
            self.killed(role)

"""Prefect's server and worker on one machine: cron really fires, a run completes, a signal stops both."""

import datetime as dt
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from prefect.states import Running
from prefect.testing.utilities import prefect_test_harness

from imagery.simulated.world import build
from pipelines.errors import BadInputError
from pipelines.patrol.config import PatrolConfig, Watch
from pipelines.patrol.serve import environment, serve

TOML = """
[[watch]]
aoi = "world/aoi.geojson"
archive = "world/archive"
detectors = ["land_disturbance"]
[work]
method = "training-free"
block_px = 192
[notify]
pdf = false
[keep]
min_free_gb = 0.01
[schedule]
cron = "* * * * *"
timezone = "Asia/Shanghai"
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def asked(port: int, path: str, body: dict[str, Any] | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        said = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, said, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status < 300, content
        return json.loads(content)
    finally:
        connection.close()


def wait_for(what: Any, seconds: float = 400) -> Any:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            found = what()
        except (OSError, http.client.HTTPException):
            found = None
        if found:
            return found
        time.sleep(1)
    pytest.fail("it did not come")


def runs(port: int, *types: str) -> list[dict[str, Any]]:
    wanted = {"flow_runs": {"state": {"type": {"any_": list(types)}}}, "limit": 50}
    return list(asked(port, "/api/flow_runs/filter", wanted))


@pytest.mark.slow
def test_cron_fires_the_run_completes_and_a_signal_stops_both(tmp_path: Path) -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        from conftest import season_spec
    finally:
        sys.path.pop(0)
    build(season_spec((dt.date(2024, 7, 4), dt.date(2024, 7, 9), dt.date(2024, 7, 30))), tmp_path / "world")
    (tmp_path / "patrol.toml").write_text(TOML)
    home, port = tmp_path / "home", free_port()
    told = {**os.environ, "WEIXUN_HOME": str(home), "PREFECT_LOGGING_LEVEL": "INFO"}
    command = [sys.executable, "-m", "pipelines", "patrol", "serve", "--config", str(tmp_path / "patrol.toml")]
    command[1:3] = ["-c", "from pipelines.cli import main; main()"]
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen([*command, "--port", str(port)], env=told, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: runs(port, "SCHEDULED"))
        ended = ("COMPLETED", "FAILED", "CRASHED")
        done = wait_for(
            lambda: [run for run in runs(port, *ended) if run["auto_scheduled"]]
        )  # the flow, not its blocks
        assert all(run["state_type"] == "COMPLETED" for run in done), (tmp_path / "log").read_text()
        assert list((home / "bulletins").glob("bulletin_*.html"))
        schedules = asked(port, "/api/deployments/filter", {})
        nightly = next(one for one in schedules if one["schedules"])["schedules"][0]["schedule"]
        assert (nightly["cron"], nightly["timezone"]) == ("* * * * *", "Asia/Shanghai")
        names = {one["name"] for one in asked(port, "/api/flows/filter", {})}
        assert {"patrol", "scan", "backfill", "bulletin", "janitor", "lookback"} <= names
        form = next(one for one in schedules if "where" in one["parameter_openapi_schema"]["properties"])
        where = form["parameter_openapi_schema"]
        assert {"Named", "Around", "Outline", "DetectorId"} <= set(where["definitions"])
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(90)
        log.close()
    assert code == 0, (tmp_path / "log").read_text()[-3000:]
    with pytest.raises(OSError, match="refused"):
        asked(port, "/api/health")


def test_prefect_is_told_to_be_quiet_and_to_stay_on_loopback(tmp_path: Path) -> None:
    told = environment(tmp_path, 4200)
    assert told["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert told["DO_NOT_TRACK"] == "1"
    assert told["PREFECT_SERVER_API_HOST"] == "127.0.0.1"
    assert told["PREFECT_HOME"] == str(tmp_path / "prefect")


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            config = PatrolConfig(watch=(Watch(aoi="a", source="s"),))
            with pytest.raises(BadInputError, match="something answers on"):
                serve(tmp_path / "patrol.toml", config, tmp_path, server.server_port)
        finally:
            server.shutdown()
            thread.join()


def test_the_janitor_closes_what_a_crash_left_running() -> None:
    from prefect import flow
    from prefect.client.orchestration import get_client

    from pipelines.patrol.janitor import close_lost_runs

    @flow
    def lost() -> None:
        pass

    with prefect_test_harness(server_startup_timeout=240), get_client(sync_client=True) as client:
        one = client.create_flow_run(lost, state=Running())
        assert close_lost_runs() == 1
        state = client.read_flow_run(one.id).state
        assert state is not None
        assert state.is_crashed()
        assert close_lost_runs() == 0

"""Prefect's server and worker on one machine: cron really fires, a run completes, a signal stops both."""

import datetime as dt
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import patrol_serving as serving
import patrol_worlds as worlds
import pytest
from prefect.states import Running
from prefect.testing.utilities import prefect_test_harness

from imagery.simulated.world import build
from pipelines.errors import BadInputError
from pipelines.patrol.config import PatrolConfig, Watch
from pipelines.patrol.files import Places
from pipelines.patrol.journal import Journal
from pipelines.patrol.lock import alone
from pipelines.patrol.serve import Forgotten, environment, serve

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the small steppe lies in `world`."""
    place = tmp_path_factory.mktemp("serve")
    build(worlds.season_spec((dt.date(2024, 7, 4), dt.date(2024, 7, 9), dt.date(2024, 7, 30))), place / "world")
    return place


@pytest.fixture
def started(folder: Path, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Starts `weixun patrol serve` by a cron, in a home of its own."""
    running: list[Any] = []

    def start(cron: str) -> Any:
        running.append(serving.Served.start(serving.write_config(folder, cron), tmp_path / "home"))
        return running[-1]

    yield start
    for one in running:
        one.swept()


@pytest.mark.slow
def test_cron_fires_the_run_completes_and_a_signal_stops_both(started: Callable[[str], Any]) -> None:
    served = started(serving.EACH_MINUTE)
    ended = ("COMPLETED", "FAILED", "CRASHED")
    fired = serving.waited_for(lambda: [run for run in served.runs(*ended) if run["auto_scheduled"]])
    assert [run["state_type"] for run in fired] == ["COMPLETED"] * len(fired), served.said
    assert all(run["name"].startswith("patrol tonight") for run in fired)
    assert list((served.home / "bulletins").glob("bulletin_*.html"))
    nightly = served.deployment("patrol")["schedules"][0]["schedule"]
    assert (nightly["cron"], nightly["timezone"]) == ("* * * * *", "Asia/Shanghai")
    names = {one["name"] for one in served.asked("/api/flows/filter", {})}
    assert {"patrol", "scan", "backfill", "bulletin", "janitor", "lookback"} <= names
    assert served.stopped() == 0, served.said[-3000:]
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", served.port)):
        pytest.fail("something answers still")
    assert not any(served.processes(role) for role in serving.ROLES)


@pytest.mark.slow
def test_a_second_patrol_waits_and_a_scan_is_asked_for_as_a_form(started: Callable[[str], Any], folder: Path) -> None:
    served = started(serving.NEVER)
    form = served.deployment("scan")["parameter_openapi_schema"]
    assert {"Named", "Around", "Outline", "DetectorId"} <= set(form["definitions"])

    config = str(serving.write_config(folder, serving.NEVER))
    asked = [served.begun("patrol", config=config, night=night) for night in ("2024-07-04", "2024-07-09")]
    spans = [(run["start_time"], run["end_time"], run["state_type"]) for run in map(served.ended, asked)]
    (_, end, _), (begin, _, _) = sorted(spans)
    assert {state for *_, state in spans} == {"COMPLETED"}, served.said[-5000:]
    assert begin >= end, "the second patrol began before the first had ended"

    outline = json.dumps(json.loads((folder / "world" / "aoi.geojson").read_text()))
    days = {
        "before": {"first": "2023-07-01", "last": "2023-07-31"},
        "after": {"first": "2024-07-04", "last": "2024-07-09"},
    }
    said = {
        "archive": str(folder / "world" / "archive"),
        "detectors": ["land_disturbance"],
        "method": "training-free",
        **days,
    }
    for where in ({"geojson": outline}, {"lon": 119.6, "lat": 49.2, "radius_m": 800}):
        run = served.ended(served.begun("scan", where=where, **said))
        assert run["state_type"] == "COMPLETED", served.said[-5000:]
        assert (served.home / "scans" / run["id"] / "leads.gpkg").is_file()

    keys = {one["key"] for one in served.asked("/api/artifacts/filter", {})}
    assert {"plan", "coverage", "leads", "lead-1", "bulletin", "scan"} <= keys
    assert served.stopped() == 0


def test_a_night_whose_process_was_killed_is_asked_for_again_but_not_for_ever(tmp_path: Path) -> None:
    places = Places(tmp_path)
    forgotten = Forgotten(places, every_s=30)
    night = Journal.opened(places, dt.date(2024, 7, 9), ["a"])
    night.with_step("area a")
    assert not forgotten.due(0)
    assert not forgotten.due(29)
    with alone(places):
        assert not forgotten.due(31), "somebody is at work on it"
    assert [forgotten.due(31 + 30 * n) for n in range(1, 6)] == [True, True, True, False, False]
    assert Forgotten(places, every_s=30).due(0) is False
    night.end()
    again = Forgotten(places, every_s=30)
    assert [again.due(0), again.due(31)] == [False, False]


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

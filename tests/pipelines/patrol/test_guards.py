"""Locks, room, retention, alarms, news: what keeps an unattended night honest."""

import datetime as dt
import http.client
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from leads.evidence.chain import Item, Ledger
from leads.evidence.link import ALTERED
from leads.store.store import home_store
from pipelines.errors import Exit
from pipelines.patrol.alarms import alarms_of
from pipelines.patrol.areafile import AREA, NEWS, AreaNight
from pipelines.patrol.config import Alarms, Keep
from pipelines.patrol.files import Places, write_json
from pipelines.patrol.guard import NoRoomError, check_room, retain, workers_that_fit
from pipelines.patrol.journal import Journal
from pipelines.patrol.lock import PatrolBusyError, alone
from pipelines.patrol.metrics import BLOCKS, serve_metrics
from pipelines.patrol.proof import tampered

NIGHT = dt.date(2024, 8, 20)


def test_a_second_patrol_is_refused_with_who_is_at_work(tmp_path: Path) -> None:
    places = Places(tmp_path)
    script = (
        "import sys, time; from pathlib import Path; from pipelines.patrol.files import Places;"
        "from pipelines.patrol.lock import alone\n"
        "with alone(Places(Path(sys.argv[1]))):\n    print('in', flush=True); sys.stdin.readline()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"in\n"
    said = rf"running already \(process {other.pid}, since 20.*--wait"
    with pytest.raises(PatrolBusyError, match=said) as told, alone(places):
        pytest.fail("two at once")
    assert told.value.exit_code is Exit.LOCKED_OR_FULL
    other.kill()  # the lock goes with the process, however it ends
    other.communicate()
    with alone(places, wait_s=5):
        assert places.state("at_work").exists()
    assert not places.state("at_work").exists()


def test_no_night_begins_without_room(tmp_path: Path) -> None:
    check_room(Places(tmp_path), Keep(min_free_gb=0))
    with pytest.raises(NoRoomError, match=r"GB free, a night wants 1e\+09 GB") as told:
        check_room(Places(tmp_path), Keep(min_free_gb=1e9))
    assert told.value.exit_code is Exit.LOCKED_OR_FULL


def test_memory_says_how_many_blocks_fit() -> None:
    assert workers_that_fit(4, 1024, 200) >= 1
    assert workers_that_fit(64, 100_000, 0) == 1


def test_retention_takes_what_can_be_made_again_and_never_evidence(tmp_path: Path) -> None:
    places = Places(tmp_path)
    old = dt.datetime(2024, 1, 1).timestamp()
    night = places.night(dt.date(2024, 1, 1))
    day = night / "a-1" / "20240101"
    goes = [places.cache / "blocks" / "ab" / "x.npz", places.cache / "normals" / "n.npz", places.logs / "a.jsonl",
            day / "imagery" / "b.tif", day / "quicklook" / "q.png"]  # fmt: skip
    stays = [tmp_path / "evidence" / "r" / "run.json", tmp_path / "store.sqlite", places.inbox / "inbox_20240101.gpkg",
             places.bulletins / "bulletin_20240101.html", night / "a-1" / AREA, day / "leads.gpkg",
             places.cache / "objects" / "scene.tif"]  # fmt: skip
    for file in (*goes, *stays):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"0123456789")
        os.utime(file, (old, old))
    fresh = places.cache / "blocks" / "ab" / "fresh.npz"
    fresh.write_bytes(b"1")
    assert retain(places, Keep(logs_days=100), NIGHT) == 50
    assert not any(file.exists() for file in goes)
    assert all(file.exists() for file in (*stays, fresh))


def test_only_what_no_other_name_keeps_counts_as_freed(tmp_path: Path) -> None:
    """Images are linked into the evidence; two names of one file in the folder are one file."""
    places = Places(tmp_path)
    images = places.night(dt.date(2024, 1, 1)) / "a-1" / "20240101" / "imagery"
    kept = tmp_path / "evidence" / "r" / "before.tif"
    for folder in (images, kept.parent):
        folder.mkdir(parents=True)
    (images / "before.tif").write_bytes(b"0" * 1000)
    os.link(images / "before.tif", kept)
    (images / "after.tif").write_bytes(b"0" * 10)
    os.link(images / "after.tif", images / "again.tif")
    assert retain(places, Keep(), NIGHT) == 10
    assert kept.read_bytes() == b"0" * 1000
    assert not images.exists()


def test_a_row_changed_by_hand_is_an_alarm_of_the_night_that_came_upon_it(tmp_path: Path) -> None:
    with home_store(tmp_path) as store:
        Ledger(store).append("r", [Item(ALTERED, "lead WX-1", "ab" * 32)])
        Ledger(store).append("r", [Item("config", "x", "ab" * 32), Item(ALTERED, "lead WX-2", "ab" * 32)])
        found = tampered(store, [area(NIGHT), area(NIGHT, run_id="other", aoi="b")])
    assert [(one.aoi, one.kind, one.en.split(" was ")[0]) for one in found] == [
        ("a", "evidence", "lead WX-1"), ("a", "evidence", "lead WX-2"),
    ]  # fmt: skip
    assert all("人为改动" in one.zh for one in found)


def test_a_journal_goes_on_where_a_crash_left_it(tmp_path: Path) -> None:
    places = Places(tmp_path)
    first = Journal.opened(places, NIGHT, ["a", "b"]).with_step("area a", "x")
    again = Journal.opened(places, NIGHT, ["other"])
    assert (again.areas, dict(again.done), again.turn) == (("a", "b"), {"area a": "x"}, 1)
    assert again.run_id("a") == first.run_id("a")
    assert Journal.left_open(places) == (NIGHT,)
    again.end()
    assert Journal.left_open(places) == ()
    assert Journal.opened(places, NIGHT, ["a"]).turn == 2


def area(night: dt.date, **changes: Any) -> AreaNight:
    said: dict[str, Any] = {
        "aoi": "a", "name_zh": "甲", "name_en": "a", "run_id": "r", "night": night.isoformat(), "turn": 1,
        "since": "2024-06-01", "scenes": 1, "newest": night.isoformat(), "km2": 100.0, "observed_km2": 80.0,
        "blocks": 1, "due": 1, "worked": 1, "days": {night.isoformat(): {}}, "failed": {}, "unreadable": {},
    }  # fmt: skip
    return AreaNight(**said | changes)


def history(places: Places, new: int = 2) -> None:
    for back in range(1, 11):
        night = NIGHT - dt.timedelta(days=back)
        folder = places.result(night, "a", 1)
        area(night).write(folder)
        write_json(folder / NEWS, {"new": [str(n) for n in range(new)]})


def alarms(places: Places, tonight: AreaNight, new: int) -> dict[str, str]:
    write_json(places.result(NIGHT, "a", 1) / NEWS, {"new": [str(n) for n in range(new)]})
    return {one.kind: one.en for one in alarms_of(Alarms(), places, NIGHT, [tonight])}


def test_a_usual_night_raises_no_alarm(tmp_path: Path) -> None:
    history(Places(tmp_path))
    assert alarms(Places(tmp_path), area(NIGHT), 3) == {}


@pytest.mark.parametrize(
    ("changes", "new", "kind", "said"),
    [
        ({"observed_km2": 30.0}, 2, "coverage", "observed 30%, usually 80%"),
        ({}, 40, "flood", "40 new leads, usually 2.0 a night"),
        ({"days": {}, "due": 0, "newest": "2024-08-05"}, 0, "", ""),
        ({"error": "503"}, 0, "source", "503"),
    ],
)
def test_an_unusual_night_does(tmp_path: Path, changes: dict[str, Any], new: int, kind: str, said: str) -> None:
    history(Places(tmp_path))
    found = alarms(Places(tmp_path), area(NIGHT, **changes), new)
    assert set(found) == ({kind} if kind else set())
    assert said in found.get(kind, "")


def test_days_without_a_scene_count_from_the_last_there_was(tmp_path: Path) -> None:
    places = Places(tmp_path)
    past = NIGHT - dt.timedelta(days=12)
    area(past).write(places.result(past, "a", 1))
    found = alarms(places, area(NIGHT, newest="", days={}, due=0, since="2024-08-15"), 0)
    assert found == {"no_scene": "no scene for 12 days"}


def test_metrics_are_told_on_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    serve_metrics(port)
    serve_metrics(port)  # once is enough
    BLOCKS.labels("a", "worked").inc()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    said = connection.getresponse().read().decode()
    connection.close()
    assert 'weixun_blocks_total{aoi="a",ended="worked"} 1.0' in said
    assert "weixun_blocks_waiting" in said

"""kill -9 at any moment: the next start finishes the night, and nothing in it is different from a calm one."""

import datetime as dt
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import patrol_serving as serving
import patrol_worlds as worlds
import pytest

from imagery.simulated.world import build
from leads.store.store import LeadQuery, home_store
from pipelines.patrol.areafile import AREA, NEWS, AreaNight
from pipelines.patrol.files import Places, read_json
from pipelines.patrol.journal import Journal
from pipelines.patrol.lock import nobody_at_work
from pipelines.patrol.proof import items_of

HERE = Path(__file__).parent
NIGHTS = (dt.date(2024, 7, 4), dt.date(2024, 7, 9))


def start(world: Path, home: Path, night: dt.date) -> "subprocess.Popen[bytes]":
    told = {**os.environ, "WEIXUN_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE / "crashing.py"), str(world), str(home), night.isoformat()]
    return subprocess.Popen(command, env=told, stdout=subprocess.PIPE)


def finish(world: Path, home: Path, night: dt.date) -> None:
    done = start(world, home, night)
    assert done.communicate(timeout=580)[0].strip() == b"0"


def kill_when(world: Path, home: Path, night: dt.date, ready: Callable[[], bool]) -> bool:
    """Kill the night once something is so; False when it was over before."""
    process = start(world, home, night)
    while process.poll() is None:
        if ready():
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def left(home: Path) -> dict[str, Any]:
    """All that must be the same: leads, coverage, scenes seen, evidence, what was handed out."""
    config = read_config_of(home)
    found: dict[str, Any] = {}
    places = Places(home)
    with home_store(home) as store:
        for lead in store.leads(LeadQuery(merged=True)):
            said = (lead.aoi, lead.detector, lead.confidence, lead.stock, lead.first_seen, lead.last_before, lead.looks)
            found[f"lead {lead.id}"] = (*said, lead.geometry.wkb, lead.version)
            found[f"seen {lead.id}"] = [(one.day, one.seen, one.run_id) for one in store.observations(lead.id)]
        aoi = store.runs()[0].aoi
        for row in store.coverage(aoi, dt.date.min, dt.date.max):
            found[f"{row.block} {row.role} {row.day}"] = (row.observed, row.cloudy, row.failed, row.run_id)
        found["runs"] = [(run.id, run.exit_code, run.run_sha256) for run in store.runs()]
    for night in NIGHTS:
        journal = Journal.read(places, night)
        assert journal is not None
        assert journal.closed
        folder = places.result(night, aoi, journal.turn)
        assert read_json(folder / AREA)
        items = items_of(folder, config, AreaNight.read(folder))
        found[f"evidence {night}"] = sorted(item for item in items if item[0] != "code")
        found[f"head {night}"] = journal.done[f"evidence {aoi}"]
        found[f"news {night}"] = read_json(folder / NEWS)
        found[f"turn {night}"] = journal.turn
    found["inboxes"] = sorted(file.name for file in places.inbox.glob("*.gpkg"))
    found["bulletins"] = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in places.bulletins.glob("*.html")
    }
    return found


def read_config_of(home: Path) -> Any:
    sys.path.insert(0, str(HERE))
    try:
        from crashing import config_of
    finally:
        sys.path.remove(str(HERE))
    return config_of(home.parent / "world")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "world"
    build(worlds.season_spec((*NIGHTS, dt.date(2024, 7, 30))), folder)
    return folder


@pytest.fixture(scope="module")
def calm(world: Path) -> dict[str, Any]:
    home = world.parent / "calm"
    for night in NIGHTS:
        finish(world, home, night)
    return left(home)


def test_a_night_killed_at_three_steps_is_as_a_calm_one(world: Path, calm: dict[str, Any]) -> None:
    home = world.parent / "killed"
    finish(world, home, NIGHTS[0])
    aoi = calm["runs"] and next(iter(home.glob("patrol/nights/*/*-1"))).name.removesuffix("-1")
    places = Places(home)
    folder = places.result(NIGHTS[1], aoi, 1)
    kept = set((home / "cache" / "blocks").rglob("*.npz"))
    moments: tuple[Callable[[], bool], ...] = (
        lambda: len(set((home / "cache" / "blocks").rglob("*.npz")) - kept) >= 2,  # in the middle of the blocks
        (folder / AREA).exists,  # beside the transaction of the store
        (folder / NEWS).exists,  # between store, evidence, inbox and bulletin
    )
    assert all(kill_when(world, home, NIGHTS[1], moment) for moment in moments)
    journal = Journal.read(places, NIGHTS[1])
    assert journal is not None
    assert not journal.closed
    finish(world, home, NIGHTS[1])
    assert left(home) == calm


def test_a_night_that_nobody_went_on_with_is_finished_by_the_next(world: Path, calm: dict[str, Any]) -> None:
    home = world.parent / "forgotten"
    assert kill_when(world, home, NIGHTS[0], lambda: bool(list((home / "cache" / "blocks").rglob("*.npz"))))
    finish(world, home, NIGHTS[1])
    assert left(home) == calm


@pytest.mark.slow
def test_twenty_random_kills_change_nothing(world: Path, calm: dict[str, Any]) -> None:
    chance = random.Random(20)
    first = world.parent / "first"
    finish(world, first, NIGHTS[0])
    begun = time.monotonic()
    finish(world, Path(shutil.copytree(first, world.parent / "timed")), NIGHTS[1])
    long = time.monotonic() - begun
    kills = turns = 0
    while kills < 20:
        turns += 1
        home = Path(shutil.copytree(first, world.parent / f"random-{turns}"))
        begun, before = time.monotonic(), kills
        while kill_when(world, home, NIGHTS[1], _after(chance.uniform(0.15, 1.1) * long)):
            kills += 1
            if _over(Places(home)):  # killed on its way out: asked again, the night would take another turn
                break
        if kills == before:
            long = min(long, time.monotonic() - begun)  # the machine has less else to do than when it was timed
        assert left(home) == calm, f"after {kills} kills"


def _after(seconds: float) -> Callable[[], bool]:
    ends = time.monotonic() + seconds
    return lambda: time.monotonic() > ends


ROLES = ("flow", "server", "worker")


@pytest.mark.slow
def test_flow_worker_or_server_killed_at_nine_random_moments_change_nothing(world: Path) -> None:
    """Under `weixun patrol serve`, started again as a service manager does; nobody asks for the night again."""
    folder = world.parent
    config, chance = serving.write_config(folder, serving.NEVER), random.Random(9)
    first, undisturbed = folder / "served-first", folder / "served-calm"
    serving.patrolled(config, first, str(NIGHTS[0]))
    shutil.copytree(first, undisturbed)
    serving.patrolled(config, undisturbed, str(NIGHTS[1]))
    long, calm = _seconds_of_work(undisturbed), left(undisturbed)
    kills: Counter[str] = Counter()
    for turn in range(20):
        home = Path(shutil.copytree(first, folder / f"served-{turn}"))
        victims = ROLES[turn % 3 :] + ROLES[: turn % 3]
        _night_of_kills(config, home, lambda: chance.uniform(0.0, long), victims, kills)
        assert left(home) == calm, f"after {dict(kills)}"
        if sum(kills.values()) >= 9 and min(kills[role] for role in ROLES) >= 2:
            break
    print(f"killed: {dict(kills)}")
    assert sum(kills.values()) >= 9


def _seconds_of_work(home: Path) -> float:
    """Between the first and the last line of a night's log: how long it was at work, without the start of a process."""
    lines = (Places(home).logs / f"patrol-{NIGHTS[1]:%Y%m%d}.jsonl").read_text().splitlines()
    first, last = (dt.datetime.fromisoformat(json.loads(line)["at"]) for line in (lines[0], lines[-1]))
    return (last - first).total_seconds()


def _night_of_kills(
    config: Path, home: Path, pause: Callable[[], float], victims: Sequence[str], kills: "Counter[str]"
) -> None:
    """One night under the service, of whose processes one after the other is killed; ends when the night is over."""
    places, waiting, ends = Places(home), list(victims), time.monotonic() + 1800
    served = serving.Served.start(config, home)
    try:
        served.begun("patrol", config=str(config), night=str(NIGHTS[1]))
        while not _over(places):
            assert time.monotonic() < ends, served.said[-5000:]
            if served.process.poll() is not None:  # as `Restart=on-failure` does
                assert served.process.returncode == 1, served.said[-3000:]
                served = serving.Served.start(config, home)
            if waiting and places.state("at_work").exists():
                time.sleep(pause())
                if not _over(places) and served.killed(waiting[0]):
                    kills[waiting.pop(0)] += 1
            time.sleep(0.05)
        assert nobody_at_work(places) or serving.waited_for(lambda: nobody_at_work(places))
        if served.process.poll() is None:
            served.stopped()
    finally:
        served.swept()


def _over(places: Places) -> bool:
    journal = Journal.read(places, NIGHTS[1])
    return journal is not None and journal.closed

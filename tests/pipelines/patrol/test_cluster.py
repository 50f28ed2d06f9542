"""The same night on a Dask cluster of real processes, one of them killed: the same leads as threads give."""

import datetime as dt
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import patrol_worlds as worlds
import pytest
from distributed import LocalCluster
from prefect.testing.utilities import prefect_test_harness

from imagery.simulated.world import build
from leads.store.store import home_store
from pipelines.patrol.flows import patrol
from pipelines.patrol.kept import KeptBlocks

NIGHT = dt.date(2024, 7, 4)
TOML = """
[[watch]]
aoi = "{world}/aoi.geojson"
archive = "{world}/archive"
detectors = ["land_disturbance"]
[after]
first_days = 8
[work]
method = "training-free"
block_px = 128
dask = "{dask}"
[notify]
pdf = false
[keep]
min_free_gb = 0.01
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster") / "world"
    build(worlds.season_spec((NIGHT, dt.date(2024, 7, 30))), folder)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=300):
        yield


def leads_of(world: Path, home: Path, dask: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Leads of the night, worked where the configuration says."""
    monkeypatch.setenv("WEIXUN_HOME", str(home))
    home.mkdir(parents=True, exist_ok=True)
    file = home / "patrol.toml"
    file.write_text(TOML.format(world=world, dask=dask))
    assert patrol(config=file, night=NIGHT) == 0
    with home_store(home) as store:
        return {lead.id: (lead.geometry.wkb, lead.score, lead.area_m2) for lead in store.leads()}


@pytest.fixture(scope="module")
def by_threads(world: Path, server: None) -> dict[str, object]:
    with pytest.MonkeyPatch.context() as patch:
        found = leads_of(world, world.parent / "threads", "", patch)
    assert found
    return found


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_worker_processes_give_what_threads_give(
    world: Path, by_threads: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setenv("WEIXUN_HOME", str(tmp_path / "home"))
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        found = leads_of(world, tmp_path / "home", cluster.scheduler_address, monkeypatch)
    assert found == by_threads


@pytest.mark.slow
def test_a_killed_worker_costs_time_and_no_lead(
    world: Path, by_threads: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("WEIXUN_HOME", str(home))
    killed: list[int] = []
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        victim = cluster.workers[0].process.pid

        def kill() -> None:
            ends = time.monotonic() + 400
            while time.monotonic() < ends:
                if list((home / "cache" / "blocks").rglob("*.npz")):
                    os.kill(victim, signal.SIGKILL)
                    killed.append(victim)
                    return
                time.sleep(0.01)

        watcher = threading.Thread(target=kill)
        watcher.start()
        found = leads_of(world, home, cluster.scheduler_address, monkeypatch)
        watcher.join()
    assert killed
    assert found == by_threads


def test_a_kept_block_that_is_damaged_is_made_again(tmp_path: Path) -> None:
    kept = KeptBlocks(tmp_path, "w")
    file = tmp_path / "blocks" / "ab" / "abcd.npz"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"PK\x03\x04 cut off")
    assert kept.has("abcd")
    assert kept.load("abcd", None, None) is None  # type: ignore[arg-type]
    assert not file.exists()

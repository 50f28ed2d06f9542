"""A scan through configured sources: the same leads whichever way the imagery comes, and what happens on faults."""

import datetime as dt
import errno
import json
import logging
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio

from imagery.archive import Archive
from imagery.scene import Scene
from imagery.simulated.spec import test_spec as tiny_spec
from imagery.simulated.world import build
from pipelines.sources import FILE

SPEC = tiny_spec(4).model_copy(
    update={
        "before": (dt.date(2023, 7, 2), dt.date(2023, 7, 17)), "after": (dt.date(2024, 7, 5), dt.date(2024, 7, 20)),
    }
)  # fmt: skip
BEFORE, AFTER = "2023-07-02/2023-07-17", "2024-07-05/2024-07-20"
PLANTED_ID, PLANTED_SECRET, PLANTED_TOKEN = "planted-id-4711", "planted.secret~8/15+x=", "planted-bearer-2718"
PLANTED_KEY = "planted-s3-key-3141"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dates before and two after, so that one can be lost."""
    folder = tmp_path_factory.mktemp("worlds") / "dates"
    build(SPEC, folder)
    return folder


@pytest.fixture(scope="session")
def scenes(world: Path) -> tuple[Scene, ...]:
    return Archive.open(world / "archive").scenes()


@pytest.fixture
def home(tmp_path: Path, own_home: Path, world: Path, stac: Any, hub: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with one source of each kind; the services are up and offer nothing yet."""
    hub.client = (PLANTED_ID, PLANTED_SECRET)
    monkeypatch.setenv("WEIXUN_CDSE_CLIENT_ID", PLANTED_ID)
    monkeypatch.setenv("WEIXUN_CDSE_CLIENT_SECRET", PLANTED_SECRET)
    monkeypatch.setenv("WEIXUN_STAC_TOKEN", PLANTED_TOKEN)
    (own_home / FILE).write_text(f"""
[disc]
type = "local"
archive = "{world / "archive"}"

[stac]
type = "stac"
url = "{stac.api}"
collections = ["sentinel-2-l2a"]
credentials = "bearer"
limits = {{attempts = 3, timeout_s = 5, deadline_s = 60, concurrency = 4}}

[cdse]
type = "sentinelhub"
base_url = "{hub.url}"
token_url = "{hub.url}/auth/token"
credentials = "cdse"
limits = {{attempts = 3, timeout_s = 20, deadline_s = 60, concurrency = 2}}
""")
    return own_home


@pytest.fixture
def offered(home: Path, stac: Any, hub: Any, hub_archive: Any, loopback: ModuleType, scenes: tuple[Scene, ...]) -> Any:
    """The world in all of them; the STAC server, for its faults."""
    loopback.serve(stac, scenes)
    hub.products += [hub_archive.of_scene(scene) for scene in scenes]
    return stac


@pytest.fixture
def ask(world: Path, weixun: Callable[..., tuple[int, str, str]]) -> Callable[..., Any]:
    """Runs `weixun scan … --source NAME --out OUT`; its exit code, what it printed and what it said."""

    def run(source: str, out: Path, *more: str, before: str = BEFORE, after: str = AFTER) -> tuple[int, str, str]:
        return weixun(
            "scan", str(world / "aoi.geojson"), "--source", source, "--before", before, "--after", after,
            "--out", str(out), "--method", "training-free", "--detectors", "land_disturbance", *more,
        )  # fmt: skip

    return run


def run_of(out: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((out / "run.json").read_text())
    return record


# --- one archive, three ways -----------------------------------------------------------------------------------------


def test_the_same_leads_whichever_way_the_imagery_comes(offered: Any, ask: Callable[..., Any], tmp_path: Path) -> None:
    for source in ("disc", "stac", "cdse"):
        code, printed, said = ask(source, tmp_path / source, "--scores")
        assert code == 0, said + printed
    tables = {}
    for source in ("disc", "stac", "cdse"):
        tables[source] = pyogrio.read_dataframe(tmp_path / source / "leads.gpkg", layer="leads")
    assert len(tables["disc"]) > 2
    for source in ("stac", "cdse"):
        assert tables[source].equals(tables["disc"]), source
        mine, theirs = (_scores(tmp_path / name) for name in ("disc", source))
        np.testing.assert_array_equal(np.isnan(mine), np.isnan(theirs))
        assert np.nanmax(np.abs(mine - theirs)) <= 1e-3
    first, later = run_of(tmp_path / "disc"), run_of(tmp_path / "stac")
    assert first["bytes_fetched"] == 0 < first["bytes_cached"]
    assert later["bytes_fetched"] > 100_000
    assert later["asked"]["source"] == "stac"
    assert first["observed"] == later["observed"] == run_of(tmp_path / "cdse")["observed"]
    asked = offered.asked("/files/")
    code, printed, _ = ask("stac", tmp_path / "again")
    assert (code, offered.asked("/files/")) == (0, asked)
    again = run_of(tmp_path / "again")
    assert again["bytes_fetched"] == 0 < again["bytes_cached"]
    assert "fetched" not in printed


def _scores(out: Path) -> np.ndarray:
    (file,) = (out / "scores").glob("land_disturbance_*.tif")
    with rasterio.open(file) as dataset:
        values: np.ndarray = dataset.read(1)
    return values


# --- several sources -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_one_source_fills_what_the_other_has_not(
    offered: Any, hub: Any, ask: Callable[..., Any], tmp_path: Path
) -> None:
    offered.items = [item for item in offered.items if item["properties"]["datetime"] < "2024"]
    hub.products = [product for product in hub.products if product.time.year == 2024]
    assert ask("stac", tmp_path / "one")[0] == 4
    code, _, said = ask("stac, cdse", tmp_path / "both")
    assert code == 0, said
    assert ask("disc", tmp_path / "disc")[0] == 0
    both, disc = (
        pyogrio.read_dataframe(tmp_path / name / "leads.gpkg", layer="leads").geometry for name in ("both", "disc")
    )
    assert both.geom_equals(disc).all()
    assert run_of(tmp_path / "both")["asked"]["source"] == "stac,cdse"


@pytest.mark.slow
def test_a_source_that_is_down_costs_its_own_scenes_only(
    offered: Any, hub_module: Any, hub: Any, ask: Callable[..., Any], tmp_path: Path
) -> None:
    hub.faults.append(hub_module.Fault("500", hub_module.SEARCH, times=1000))
    code, printed, _ = ask("cdse,disc", tmp_path / "out")
    assert code == 3
    (lost,) = run_of(tmp_path / "out")["unreadable_scenes"]
    assert lost["name"] == "cdse"
    assert "could not be searched" in printed
    code, _, said = ask("cdse", tmp_path / "alone")
    assert code == 1
    assert "The catalogue" in said
    assert "fault of ours" not in said
    assert not (tmp_path / "alone").exists()


# --- faults ----------------------------------------------------------------------------------------------------------


def test_a_bad_scene_is_named_and_the_others_are_used(
    offered: Any, stac_module: ModuleType, scenes: tuple[Scene, ...], ask: Callable[..., Any], tmp_path: Path
) -> None:
    passing = ("500", "cut", "429 seconds", "html", "empty", "garbled")
    offered.faults += [
        stac_module.Fault(kind, "/files/", skip=4 * number) for number, kind in enumerate(passing)
    ]  # fmt: skip
    bad = scenes[0]
    path = _path_of(bad, "red")
    offered.files[path] = offered.files[path].read_bytes()[:2000]
    offered.items.append({**offered.items[1], "id": "hostile", "assets": {"red": {"href": "file:///etc/passwd"}}})
    code, printed, _ = ask("stac", tmp_path / "out")
    assert code == 3
    run = run_of(tmp_path / "out")
    lost = {one["name"]: one["reason"] for one in run["unreadable_scenes"]}
    assert set(lost) == {bad.id, "hostile"}
    assert "cut short" in lost[bad.id]
    assert {scene["id"] for scene in run["scenes"]} == {scene.id for scene in scenes[1:]}
    assert run["leads"] > 0
    assert f"unreadable scene {bad.id}" in printed
    assert set(offered.counts) == set(passing)


def _path_of(scene: Scene, name: str) -> str:
    file = Path(scene.assets[name].href)
    return f"{file.parent.name}/{file.name}"


def test_nothing_left_of_one_date_is_nothing_observed(
    offered: Any, scenes: tuple[Scene, ...], ask: Callable[..., Any], tmp_path: Path
) -> None:
    for scene in scenes[2:]:
        offered.files[_path_of(scene, "nir")] = b"<!DOCTYPE html><html>login</html>"
    code, _, said = ask("stac", tmp_path / "out")
    assert code == 4
    assert "no scene of after could be had from stac" in said
    assert "instead of the data" in said
    assert not (tmp_path / "out").exists()


def test_a_full_disk_has_its_own_exit_code(
    offered: Any, ask: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("imagery.remote.cache._synced", full)
    for source in ("stac", "cdse"):
        code, _, said = ask(source, tmp_path / "out")
        assert code == 6, (source, said)
        assert "The disk is full" in said


def test_a_budget_ends_the_run_and_the_next_goes_on(
    offered: Any, home: Path, ask: Callable[..., Any], tmp_path: Path
) -> None:
    file = home / FILE
    plain = file.read_text()
    file.write_text(plain.replace("attempts = 3,", "attempts = 3, budget_gb = 0.0004,", 1))
    code, _, said = ask("stac", tmp_path / "out")
    assert code == 1
    assert "budget of 400,000 bytes" in said
    file.write_text(plain)
    assert ask("stac", tmp_path / "out")[0] == 0
    run = run_of(tmp_path / "out")
    assert run["bytes_cached"] > 0 < run["bytes_fetched"]


@pytest.mark.slow
def test_a_run_killed_while_it_fetches_goes_on_where_it_was(
    offered: Any, stac_module: ModuleType, home: Path, world: Path, ask: Callable[..., Any], tmp_path: Path
) -> None:
    assert ask("stac", tmp_path / "whole")[0] == 0
    whole = run_of(tmp_path / "whole")["bytes_fetched"]
    for file in sorted((home / "cache").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    begun = offered.asked("/files/")
    offered.faults.append(stac_module.Fault("drip", "/files/", times=10_000, wait_s=2.0, skip=6))
    command = [
        sys.executable, "-c", "from pipelines.cli import main; main()", "scan", str(world / "aoi.geojson"),
        "--source", "stac", "--before", BEFORE, "--after", AFTER, "--out", str(tmp_path / "out"),
        "--method", "training-free", "--detectors", "land_disturbance",
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "WEIXUN_HOME": str(home)})
    try:
        ends = time.monotonic() + 60
        while offered.asked("/files/") < begun + 9 and process.poll() is None and time.monotonic() < ends:
            time.sleep(0.01)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    assert not (tmp_path / "out" / "run.json").exists()
    offered.faults.clear()
    code, _, said = ask("stac", tmp_path / "out")
    assert code == 0, said
    rest = run_of(tmp_path / "out")
    assert 0 < rest["bytes_fetched"] < whole
    assert rest["bytes_fetched"] + rest["bytes_cached"] >= whole
    tables = [pyogrio.read_dataframe(tmp_path / name / "leads.gpkg", layer="leads") for name in ("whole", "out")]
    assert tables[0].equals(tables[1])


# --- secrets ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(scenes: tuple[Scene, ...]) -> Iterator[str]:
    """The world in an object storage that wants keys."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=PLANTED_ID,
        aws_secret_access_key=PLANTED_KEY,
    )  # fmt: skip
    client.create_bucket(Bucket="eodata")
    for scene in scenes:
        for name in scene.assets:
            client.upload_file(scene.assets[name].href, "eodata", _path_of(scene, name))
    yield url
    server.stop()


@pytest.mark.slow
def test_no_secret_is_anywhere_afterwards(
    offered: Any, stac_module: ModuleType, hub: Any, hub_module: Any, bucket: str, home: Path, world: Path,
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A client secret, the tokens it buys, a bearer token and an S3 key, in Prefect flows that succeed and fail."""
    from prefect.settings import PREFECT_HOME
    from prefect.testing.utilities import prefect_test_harness

    from pipelines.flows import scan_flow

    with (home / FILE).open("a") as file:
        file.write(f"""
[s3]
type = "stac"
url = "{offered.api}"
collections = ["sentinel-2-l2a"]
credentials = "s3"
s3_endpoint = "{bucket}"
s3_region = "us-east-1"
limits = {{attempts = 2, timeout_s = 5, deadline_s = 20}}
""")
    keys = home / "secrets" / "s3.toml"
    keys.parent.mkdir()
    keys.write_text(f'access_key = "{PLANTED_ID}"\nsecret_key = "{PLANTED_KEY}"\n')
    keys.chmod(0o600)
    _shout(caplog)
    texts: list[str] = []
    aoi, before, after = str(world / "aoi.geojson"), (SPEC.before[0], SPEC.before[-1]), (SPEC.after[0], SPEC.after[-1])

    def flow(source: str) -> None:
        try:
            scan_flow(
                aoi, None, before, after, tmp_path / source, ("land_disturbance",), method="training-free",
                source=source,
            )  # fmt: skip
        except Exception as error:  # whatever it is, nothing of it may tell
            texts.append("".join(traceback.format_exception(error)) + repr(error.__context__))

    with prefect_test_harness(server_startup_timeout=180):
        flow("stac")
        flow("cdse")
        assert not texts, texts
        assert {file.parent.name for file in tmp_path.rglob("run.json")} == {"stac", "cdse"}
        for item in offered.items:
            for asset in item["assets"].values():
                asset["href"] = "s3://eodata/" + asset["href"].partition("/files/")[2]
        (home / "cache" / "stac").rename(home / "cache" / "old")  # another listing of the same service
        flow("s3")
        assert (tmp_path / "s3" / "run.json").exists(), texts
        hub.client = ("planted-id-4711", "another")
        hub.expire_all()
        flow("cdse")
        offered.faults.append(stac_module.Fault("401", "/v1/search", times=100))
        (home / "cache" / "stac").rename(home / "cache" / "older")
        flow("s3")
        assert len(texts) == 2
        prefect = Path(str(PREFECT_HOME.value()))
        kept = [*home.rglob("*"), *tmp_path.rglob("*"), *prefect.rglob("*"), *_databases()]
    everywhere = {f"error {number}": text for number, text in enumerate(texts)}
    for number, record in enumerate(caplog.records):
        if record.name != "werkzeug":  # the storage's own log of who asked
            said = record.getMessage() + str(record.__dict__) + str(record.exc_text)
            everywhere[f"record {number} of {record.name}"] = said
    printed = "\n".join(capfd.readouterr())
    everywhere["terminal"] = "\n".join(
        line for line in printed.splitlines() if "127.0.0.1 - - [" not in line
    )  # the same
    everywhere |= {str(file): file.read_bytes().decode("latin-1") for file in kept if file.is_file() and file != keys}
    assert {f"Bearer {PLANTED_TOKEN}"} == offered.authorized["/files/"]
    assert len(hub.tokens) >= 1
    secrets = [PLANTED_SECRET, "planted.secret", PLANTED_TOKEN, PLANTED_KEY, "X-Amz-Signature=", *hub.tokens]
    assert not [(where, secret) for where, text in everywhere.items() for secret in secrets if secret in text]
    assert sum("land_disturbance" in text for text in everywhere.values()) > 3  # something was looked at


def _shout(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "requests", "botocore", "boto3", "sentinelhub", "oauthlib", "requests_oauthlib", "prefect"):
        caplog.set_level(logging.DEBUG, logger=name)


def _databases() -> list[Path]:
    """What Prefect's test harness keeps outside of its home."""
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

    url = PREFECT_API_DATABASE_CONNECTION_URL.value()
    url = url.get_secret_value() if hasattr(url, "get_secret_value") else str(url)
    file = Path(url.partition(":///")[2])
    assert file.is_file(), url
    return [file, *file.parent.glob(f"{file.name}-*")]

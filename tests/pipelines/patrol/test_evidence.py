"""A night's evidence from the command line: it holds, a lead is found again, and a change is told with exit code 5."""

import datetime as dt
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import patrol_worlds as worlds
import pytest
from typer.testing import CliRunner, Result

from leads.store.store import home_store
from pipelines.cli import app
from pipelines.errors import Exit
from pipelines.patrol.night import run_night

LOOKS = (dt.date(2024, 7, 4), dt.date(2024, 7, 9))


@dataclass
class Patrolled:
    home: Path
    world: Path
    bulletin: str


@pytest.fixture(scope="module")
def patrolled(tmp_path_factory: pytest.TempPathFactory) -> Patrolled:
    world = worlds.build_season(worlds.season_spec(LOOKS), tmp_path_factory.mktemp("evidence") / "world")
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEIXUN_HOME", str(home))
        night = run_night(worlds.config_of(world), home, LOOKS[-1])
    assert night.bulletin is not None
    return Patrolled(home, world, night.bulletin.read_text(encoding="utf-8"))


def _verify(home: Path, *more: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEIXUN_HOME", str(home))
        return CliRunner().invoke(app, ["leads", "verify", *more], standalone_mode=False)


def test_the_head_in_the_bulletin_is_in_the_chain(patrolled: Patrolled) -> None:
    ended = _verify(patrolled.home, "--json")
    said = json.loads(ended.stdout)
    assert (ended.return_value, said["ok"], said["first_broken"]) == (Exit.DONE, True, "")
    assert said["files"] > 10
    assert said["rows"] > 10
    assert said["head"] in patrolled.bulletin
    assert _verify(patrolled.home, "--head", said["head"]).return_value == Exit.DONE
    lost = _verify(patrolled.home, "--head", "ab" * 32)
    assert lost.return_value == Exit.NOT_VERIFIED
    assert "证据链断裂 broken: the head abab" in lost.stdout


def test_a_lead_is_found_again_from_its_record(patrolled: Patrolled) -> None:
    with home_store(patrolled.home) as store:
        lead = max(store.leads(), key=lambda one: one.area_m2)
    archive = str(patrolled.world / "archive")
    ended = _verify(patrolled.home, "--recompute", lead.id, "--archive", archive, "--json")
    said = json.loads(ended.stdout)["recomputed"]
    assert said["same"], said
    assert ended.return_value == Exit.DONE


def test_why_a_lead_can_not_be_found_again_is_said(patrolled: Patrolled, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(patrolled.home, home)
    with home_store(home) as store:
        lead = next(store.leads())
    for record in (home / "evidence").glob("*/2024*/run.json"):
        record.chmod(0o644)
        told = json.loads(record.read_text())
        told["scenes"][0]["sha256"] = dict.fromkeys(told["scenes"][0]["sha256"], "00" * 32)
        record.write_text(json.dumps(told))
    archive = str(patrolled.world / "archive")
    ended = _verify(home, "--recompute", lead.id, "--archive", archive)
    assert ended.return_value == Exit.NOT_VERIFIED
    assert "is not the one that was read (sha256 differs)" in ended.stdout
    assert "run.json was changed after it was recorded" in ended.stdout


def _flip(file: Path) -> None:
    """One bit in the middle."""
    file.chmod(0o644)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("place", ["handed_out/*.gpkg", "*.qgz", "*_imagery/*.tif"])
def test_one_byte_of_what_was_handed_out_is_told(patrolled: Patrolled, tmp_path: Path, place: str) -> None:
    home = tmp_path / "home"
    shutil.copytree(patrolled.home, home)
    file = next((home / "inbox").glob(place))
    _flip(file)
    ended = _verify(home)
    assert ended.return_value == Exit.NOT_VERIFIED
    assert f"the file {file.relative_to(home).as_posix()} was changed after it was recorded" in ended.stdout


def test_one_byte_of_a_weights_copy_or_an_image_is_told(patrolled: Patrolled, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(patrolled.home, home)
    image = next((home / "evidence").glob("*/2024*/imagery/*.tif"))
    _flip(image)
    ended = _verify(home)
    assert ended.return_value == Exit.NOT_VERIFIED
    assert image.relative_to(home).as_posix() in ended.stdout
    assert any((home / "evidence" / "files").iterdir())

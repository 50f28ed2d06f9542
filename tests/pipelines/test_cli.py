"""The command line as a person meets it: one clear sentence, the right exit code, nothing half-written."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from typer.main import get_command
from typer.testing import CliRunner

from pipelines import cli

BEFORE, AFTER = "2023-07-17", "2024-07-20"


def weixun(*arguments: object, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["weixun", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


class Asked:
    """Runs `weixun` and keeps what it said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], steppe: Path, tmp: Path):
        self.monkeypatch, self.capfd, self.steppe, self.out = monkeypatch, capfd, steppe, tmp / "out"
        self.said = self.printed = ""

    def run(self, *arguments: object) -> int:
        self.capfd.readouterr()
        code = weixun(*arguments, monkeypatch=self.monkeypatch)
        self.printed, self.said = self.capfd.readouterr()
        return code

    def scan(self, aoi: object, before: str = BEFORE, after: str = AFTER, **more: object) -> int:
        options = {"archive": self.steppe / "archive", "before": before, "after": after, "out": self.out, **more}
        return self.run("scan", aoi, *[part for key, value in options.items() for part in (f"--{key}", value)])

    def refused(self, code: int, expected: int, *words: str) -> None:
        """One sentence on standard error that holds the words; no traceback, no output folder."""
        assert code == expected, self.said
        assert "Traceback" not in self.said
        lines = [line for line in self.said.splitlines() if line.startswith("weixun: ")]
        assert len(lines) == 1, self.said
        for word in words:
            assert word in lines[0]
        assert not self.out.exists()


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], steppe: Path, tmp_path: Path) -> Asked:
    return Asked(monkeypatch, capfd, steppe, tmp_path)


def geojson(path: Path, *rings: list[tuple[float, float]]) -> Path:
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}} for ring in rings
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


SQUARE = [(119.6, 49.2), (119.61, 49.2), (119.61, 49.21), (119.6, 49.21), (119.6, 49.2)]


def test_an_empty_aoi(ask: Asked, tmp_path: Path) -> None:
    ask.refused(ask.scan(geojson(tmp_path / "empty.geojson")), 2, "empty.geojson")


def test_an_aoi_outside_all_scenes(ask: Asked) -> None:
    ask.refused(ask.scan("10.0,50.0,1000"), 4, "touches")


def test_an_aoi_across_the_antimeridian(ask: Asked, tmp_path: Path) -> None:
    ring = [(179.0, 50.0), (181.0, 50.0), (181.0, 51.0), (179.0, 51.0), (179.0, 50.0)]
    ask.refused(ask.scan(geojson(tmp_path / "dateline.geojson", ring)), 2, "dateline.geojson", "180")


def test_a_self_crossing_aoi(ask: Asked, tmp_path: Path) -> None:
    ring = [(119.6, 49.2), (119.61, 49.21), (119.61, 49.2), (119.6, 49.21), (119.6, 49.2)]
    ask.refused(ask.scan(geojson(tmp_path / "bowtie.geojson", ring)), 2, "bowtie.geojson", "119.605")


def test_a_kml_with_an_external_entity(ask: Asked, tmp_path: Path) -> None:
    kml = tmp_path / "evil.kml"
    kml.write_text('<?xml version="1.0"?><!DOCTYPE k [<!ENTITY x SYSTEM "file:///etc/hostname">]><kml>&x;</kml>')
    ask.refused(ask.scan(kml), 2, "evil.kml")


def test_a_zip_bomb(ask: Asked, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("aoi.shp", bytes(300_000_000))
    ask.refused(ask.scan(bomb), 2, "bomb.zip")


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ("2023-07-17/", AFTER, "a date is missing"),
        (BEFORE, "2024-07-20/2024-07-01", "runs backwards"),
        (AFTER, BEFORE, "must begin later"),
    ],
)
def test_date_ranges_that_can_not_be(ask: Asked, before: str, after: str, word: str) -> None:
    ask.refused(ask.scan("119.6,49.2,500", before, after), 2, word)


def test_an_option_left_out_is_named(ask: Asked) -> None:
    code = ask.run("scan", "119.6,49.2,500", "--before", BEFORE, "--archive", ask.steppe / "archive", "--out", ask.out)
    assert code == 2
    assert "--after" in ask.said
    assert "Traceback" not in ask.said


def test_a_western_longitude_is_no_option(ask: Asked) -> None:
    ask.refused(ask.scan("-105.4,39.98,2000"), 4, "touches")
    assert ask.run("scan", "--moon", "119.6,49.2,500", "--before", BEFORE, "--after", AFTER, "--out", ask.out) == 2
    assert "--moon" in ask.said or "119.6" in ask.said


def test_an_unknown_detector(ask: Asked) -> None:
    ask.refused(ask.scan("119.6,49.2,500", detectors="moon"), 2, "'moon'", "land_disturbance, mine")


def test_an_unknown_aoi(ask: Asked) -> None:
    ask.refused(ask.scan("nowhere"), 2, "nowhere")


def test_an_archive_that_is_none(ask: Asked, tmp_path: Path) -> None:
    ask.refused(ask.scan("119.6,49.2,500", archive=tmp_path / "void"), 2, "void")


def test_a_source_nobody_configured(ask: Asked) -> None:
    code = ask.run("scan", "119.6,49.2,500", "--source", "moon", "--before", BEFORE, "--after", AFTER, "--out", ask.out)
    ask.refused(code, 2, "'moon'", "--archive")


def test_an_output_that_is_a_file(ask: Asked) -> None:
    ask.out.write_text("mine")
    assert ask.scan("119.6,49.2,500") == 2
    assert "is a file" in ask.said
    assert ask.out.read_text() == "mine"


def test_a_read_only_output(ask: Asked, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    program = [shutil.which("weixun", path=str(Path(sys.executable).parent)) or "weixun"]
    if os.geteuid() == 0:  # root writes anywhere unless it gives that right away
        program = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *program]
    options = ["--archive", ask.steppe / "archive", "--before", BEFORE, "--after", AFTER, "--out", folder / "out"]
    done = subprocess.run([*program, "scan", "119.6,49.2,500", *map(str, options)], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "can not be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(folder.iterdir())


def band(path: Path, size: int = 64, gsd_m: float = 10.0) -> None:
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 1, "width": size, "height": size, "crs": "EPSG:32650"}
    with rasterio.open(path, "w", transform=from_origin(690_000, 5_460_000, gsd_m, gsd_m), **profile) as file:
        file.write(np.random.default_rng(0).integers(100, 4000, (1, size, size), dtype=np.uint16))


def scene_folder(folder: Path) -> Path:
    folder.mkdir()
    for name in ("B02", "B03", "B04", "B08"):
        band(folder / f"{name}.tif")
    (folder / "scene.json").write_text('{"datetime": "2024-07-20T02:39:19Z", "level": "L2A", "sensor": "sentinel-2"}')
    return folder


def not_a_raster(folder: Path) -> None:
    (folder / "B08.tif").write_text("this is no raster")


def truncated(folder: Path) -> None:
    data = (folder / "B08.tif").read_bytes()
    (folder / "B08.tif").write_bytes(data[:100])


def of_another_size(folder: Path) -> None:
    band(folder / "B08.tif", size=200)


def claiming_too_much(folder: Path) -> None:
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 1, "width": 1_000_000, "height": 1_000_000}
    place = {"crs": "EPSG:32650", "transform": from_origin(690_000, 5_460_000, 10, 10)}
    options = {"sparse_ok": True, "tiled": True, "blockxsize": 8192, "blockysize": 8192, "bigtiff": "YES"}
    with rasterio.open(folder / "B08.tif", "w", **profile, **place, **options):
        pass


@pytest.mark.parametrize("spoil", [not_a_raster, truncated, of_another_size, claiming_too_much])
def test_a_bad_band_is_refused_by_name_and_nothing_is_indexed(ask: Asked, tmp_path: Path, spoil: object) -> None:
    folder = scene_folder(tmp_path / "scene")
    spoil(folder)  # type: ignore[operator]
    code = ask.run("archive", "add", folder, "--archive", tmp_path / "new")
    assert code == 2
    assert "B08.tif" in ask.said
    assert "Traceback" not in ask.said
    assert len([line for line in ask.said.splitlines() if line.startswith("refused")]) == 1
    assert ask.run("archive", "list", "--archive", tmp_path / "new") == 0
    assert "0 scenes" in ask.printed


def test_json_is_one_document_and_nothing_else(ask: Asked) -> None:
    assert ask.run("detectors", "list", "--json") == 0
    assert {row["id"] for row in json.loads(ask.printed)} >= {"land_disturbance", "mine"}
    assert ask.run("archive", "list", "--archive", ask.steppe / "archive", "--json") == 0
    assert len(json.loads(ask.printed)) == 2
    assert ask.run("aoi", "list", "--json") == 0
    assert any(row["approximate"] for row in json.loads(ask.printed))
    assert ask.run("scan", ask.steppe / "aoi.geojson", "--archive", ask.steppe / "archive", "--before", BEFORE,
                   "--after", AFTER, "--detectors", "mine", "--out", ask.out, "--json") == 0  # fmt: skip
    assert json.loads(ask.printed)["exit_code"] == 0
    assert (ask.out / "run.json").exists()


def test_the_way_to_read_a_pair_is_asked_for(ask: Asked) -> None:
    asked = ("scan", ask.steppe / "aoi.geojson", "--archive", ask.steppe / "archive", "--before", BEFORE,
             "--after", AFTER, "--detectors", "mine", "--out", ask.out, "--json")  # fmt: skip
    ask.refused(ask.run(*asked, "--method", "guess"), 2, "--method 'guess'", "training-free")
    assert not ask.out.exists()
    read_by = {}
    for method in ("training-free", "network"):
        assert ask.run(*asked, "--method", method) == 0
        (row,) = json.loads(ask.printed)["detectors"]
        read_by[method] = row["weights"]
    assert read_by["training-free"] == "training-free"
    assert len(read_by["network"]) == 64


def test_a_fault_of_ours_is_one_line_and_exit_1(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr("detectors.core.registry.all_detectors", broken)
    monkeypatch.delenv("WEIXUN_DEBUG", raising=False)
    ask.refused(ask.run("detectors", "list"), 1, "fault of ours", "no such luck")


def test_doctor_finds_what_is_needed(ask: Asked) -> None:
    assert ask.run("doctor", "--json") == 0
    checks = {check["what"]: check for check in json.loads(ask.printed)}
    assert all(check["ok"] for check in checks.values() if check["needed"])
    assert {"GPU", "state folder", "driver COG", "detectors"} <= set(checks)


def test_help_names_examples_and_exit_codes(ask: Asked) -> None:
    assert ask.run("scan", "--help") == 0
    assert "weixun scan beihai.geojson" in ask.printed
    assert "4 nothing observed" in ask.printed


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, part in getattr(command, "commands", {}).items():
        yield from commands(part, (*path, name))


@pytest.mark.parametrize("path", list(commands(get_command(cli.app))), ids=" ".join)
def test_help_shows_its_examples_line_by_line(path: tuple[str, ...]) -> None:
    told = CliRunner().invoke(cli.app, [*path, "--help"])
    assert told.exit_code == 0
    assert "\b" not in told.output
    assert "\\b" not in told.output  # the mark that keeps lines apart, taken for text
    for line in told.output.splitlines():
        assert line.count(" weixun ") <= 1, line  # two examples run into one

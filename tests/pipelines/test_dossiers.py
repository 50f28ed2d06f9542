"""From a scan's folder, an archive and the store to papers and exports."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from shapely.geometry.base import BaseGeometry
from typer.testing import CliRunner

from aoi.area import geodesic_area_m2
from aoi.grid import epsg_of, to_crs
from aoi.model import Aoi
from aoi.read import read_aoi
from imagery.archive import Archive
from imagery.providers.local import LocalProvider
from imagery.simulated.spec import test_spec as tiny_spec
from imagery.simulated.truth import Truth
from leads.attributes import record
from leads.dossier.model import DossierInput, Plate
from leads.quicklook import quicklook_geobox
from leads.series.zonal import ring_of
from leads.store.records import RunRecord
from leads.store.store import home_store
from leads.tracking.look import Look
from pipelines.commands.leads import app
from pipelines.dossiers import from_result, from_store, with_archive
from pipelines.errors import BadInputError, PipelineError
from pipelines.exported import Wanted, rows_of
from pipelines.histories import history_geobox, plates
from pipelines.request import ScanRequest
from pipelines.results import read_result, result_plates, scene_notes
from pipelines.scan import Scanned, scan, scanned

SPEC = tiny_spec(4)
MADE = dt.datetime(2026, 11, 22, 0, 30, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def done(steppe: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scanned]:
    """A small scan by two models with its layers."""
    out = tmp_path_factory.mktemp("dossiers") / "result"
    request = ScanRequest(
        read_aoi(str(steppe / "aoi.geojson")),
        LocalProvider.open(steppe / "archive"),
        (SPEC.before[0], SPEC.before[-1]),
        (SPEC.after[0], SPEC.after[-1]),
        out,
        ("land_disturbance", "mine"),
        layers=steppe / "layers",
        layers_status="simulated",
        quicklooks=False,
        method="training-free",
    )
    return out, scanned(request)


def contrast(plate: Plate, ground: BaseGeometry) -> float:
    """How much brighter a lead's ground is than its ring, in standard deviations of the ring."""
    centres = plate.geobox.affine
    rows, cols = np.indices(plate.data.shape[1:])
    x, y = centres.c + (cols + 0.5) * centres.a, centres.f + (rows + 0.5) * centres.e
    red = plate.data[0]
    zones = [to_crs(one, 4326, epsg_of(plate.geobox)) for one in (ground, ring_of(ground, 10))]
    inside, around = (red[shapely.contains_xy(zone, x, y) & np.isfinite(red)] for zone in zones)
    if not (inside.size and around.size):
        return float("nan")  # not observed
    return float((np.mean(inside) - np.mean(around)) / np.std(around))


def moved(case: DossierInput) -> float:
    before, after = case.plates
    return abs(contrast(after, case.geometry) - contrast(before, case.geometry))


def test_a_result_folder_is_read_back(done: tuple[Path, Scanned]) -> None:
    folder, made = done
    result = read_result(folder)
    assert {row.id for row in result.rows} == {lead.id for lead, _ in made.found}
    by_id = {lead.id: (lead, detector) for lead, detector in made.found}
    for row in result.rows:
        lead, detector = by_id[row.id]
        told = record(lead, detector, made.classification)
        assert {name: row.values[name] for name in told if name in row.values} == {
            name: value for name, value in told.items() if name in row.values
        }
        assert row.geometry.equals_exact(lead.finding.patch.geometry, 1e-9)
    with pytest.raises(BadInputError, match=r"has no lead 'x'; it has WX-"):
        result.row("x")


def test_what_is_no_result_is_told(tmp_path: Path, done: tuple[Path, Scanned]) -> None:
    with pytest.raises(BadInputError, match=r"leads\.gpkg is missing"):
        read_result(tmp_path)
    (tmp_path / "leads.gpkg").write_bytes((done[0] / "leads.gpkg").read_bytes())
    for text, said in (("{", "is damaged"), ("[]", "no record"), ('{"format": "other"}', "no record")):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(BadInputError, match=said):
            read_result(tmp_path)
    (tmp_path / "run.json").write_bytes((done[0] / "run.json").read_bytes())
    (tmp_path / "leads.gpkg").write_bytes(b"no database" * 50)
    with pytest.raises(BadInputError, match="can not be read"):
        read_result(tmp_path)


def test_plates_of_the_folder_and_of_the_archive_show_the_same_ground(done: tuple[Path, Scanned], steppe: Path) -> None:
    result = read_result(done[0])
    row = max(result.rows, key=lambda one: float(one.values["area_m2"] or 0))
    bare = from_result(result, row.id, MADE)
    full = with_archive(bare, LocalProvider.open(steppe / "archive"), None)
    assert [plate.role_zh for plate in bare.plates] == [plate.role_zh for plate in full.plates] == ["前时相", "后时相"]
    for one, other in zip(bare.plates, full.plates, strict=True):
        assert one.geobox == other.geobox
        both = np.isfinite(one.data) & np.isfinite(other.data)
        assert both[0].mean() > 0.3  # the folder's image ends with what was scanned
        assert np.abs(one.data - other.data)[both].max() < 2e-4  # stored to 1/10,000
    assert {scene.role_zh for scene in full.scenes} == {"前时相", "后时相"}
    assert all(scene.sha256 and scene.time_known for scene in full.scenes)
    assert full.history is not None
    assert [one.day for one in full.history.samples] == [SPEC.before[0], SPEC.after[0]]
    assert [plate.day.year for plate in full.years] == [2023, 2024]
    assert moved(bare) > 1
    assert moved(full) > 1


def test_an_image_is_of_the_day_it_was_taken_on_whatever_the_papers_say(
    done: tuple[Path, Scanned], steppe: Path
) -> None:
    result = read_result(done[0])
    row = result.rows[0]
    term, seen = SPEC.before[0] + dt.timedelta(days=45), dt.date.fromisoformat(str(row.values["seen_first"]))
    scenes = LocalProvider.open(steppe / "archive").search(row.geometry, SPEC.before[0], SPEC.after[-1])
    assert [plate.day for plate in plates(scenes, row.geometry, 10.0, term, seen)] == [SPEC.before[0], seen]
    assert [plate.day for plate in result_plates(result, row, term, seen)] == [SPEC.before[0], SPEC.after[-1]]
    notes = scene_notes(result, row.geometry.centroid.x, term, seen)
    assert {one.taken.date() for one in notes if one.role_zh == "前时相"} == {SPEC.before[0]}


def test_the_planted_change_is_inside_the_outline(done: tuple[Path, Scanned], steppe: Path) -> None:
    truth = Truth.read(steppe)
    result = read_result(done[0])
    planted = max(truth.planted, key=lambda one: one.geometry.area).geometry
    row = max(result.rows, key=lambda one: one.geometry.intersection(planted).area)
    assert row.geometry.intersection(planted).area > 0.5 * planted.area
    case = with_archive(from_result(result, row.id, MADE), LocalProvider.open(steppe / "archive"), None)
    assert moved(case) > 2


def test_a_history_grid_holds_the_ring_whatever_the_size() -> None:
    for radius in (0.0002, 0.01, 0.2):
        ground = shapely.Point(119.6, 49.2).buffer(radius)
        geobox = history_geobox(ground, 10)
        ring = to_crs(ring_of(ground, 10), 4326, epsg_of(geobox))
        assert geobox.extent.geom.contains(ring)
        assert max(geobox.shape) <= 1204


def test_dossier_command_from_a_scan(done: tuple[Path, Scanned], steppe: Path, tmp_path: Path) -> None:
    lead_id = read_result(done[0]).rows[0].id
    told = CliRunner().invoke(
        app,
        ["dossier", lead_id, "--out", str(tmp_path / "d"), "--from", str(done[0]), "--archive", str(steppe / "archive"),
         "--formats", "html,docx", "--drafts", "--json"],
        catch_exceptions=False,
    )  # fmt: skip
    files = [Path(name) for name in json.loads(told.stdout)["files"]]
    assert len(files) == 8
    assert all(file.stat().st_size > 500 for file in files)
    page = files[0].read_text(encoding="utf-8")
    assert "模拟图层" in page
    assert "可用观测仅 2 次" in page
    assert json.loads((done[0] / "run.json").read_text())["outputs"]["leads.gpkg"] in page
    for wrong in (["--formats", "odt"], ["--zone", "12"]):
        with pytest.raises(Exception, match="choose"):
            CliRunner().invoke(
                app,
                ["dossier", lead_id, "--out", str(tmp_path / "x"), "--from", str(done[0]), *wrong],
                catch_exceptions=False,
            )
    assert not (tmp_path / "x").exists()


def test_export_command_filters_like_the_store(done: tuple[Path, Scanned], tmp_path: Path) -> None:
    result = read_result(done[0])
    mines = [row for row in result.rows if row.values["model"] == "mine"]
    assert mines
    told = CliRunner().invoke(
        app, ["export", "--out", str(tmp_path / "a.gpkg"), "--from", str(done[0]), "--model", "mine", "--json"],
        catch_exceptions=False,
    )  # fmt: skip
    assert json.loads(told.stdout)["leads"] == len(mines)
    table = pyogrio.read_dataframe(tmp_path / "a.gpkg", layer="leads")
    assert set(table["lead_id"]) == {row.id for row in mines}
    home = tmp_path
    west, south, east, north = mines[0].geometry.bounds
    box = f"{west},{south},{east},{north}"
    near = list(rows_of(Wanted.parsed("", "", "", "", "", "", "", box, ""), done[0], home))
    assert mines[0].id in {row.id for row in near}
    assert len(near) < len(result.rows)
    for since, count in (("2024-07-20", len(result.rows)), ("2024-07-21", 0)):
        assert len(list(rows_of(Wanted.parsed("", "", "new", "", "", since, "", "", ""), done[0], home))) == count


@pytest.mark.parametrize(
    "asked",
    [
        ("", "nothing", "", "", "", "", "", "", ""),
        ("", "", "maybe", "", "", "", "", "", ""),
        ("", "", "", "sure", "", "", "", "", ""),
        ("", "", "", "", "old", "", "", "", ""),
        ("", "", "", "", "", "2024-13-01", "", "", ""),
        ("", "", "", "", "", "2024-02-01", "2024-01-01", "", ""),
        ("", "", "", "", "", "", "", "1,2,3", ""),
        ("", "", "", "", "", "", "", "5,2,1,4", ""),
    ],
)
def test_a_wrong_filter_is_one_sentence(asked: tuple[str, ...]) -> None:
    from detectors.core.errors import UnknownDetectorError

    with pytest.raises((PipelineError, UnknownDetectorError)) as told:
        Wanted.parsed(*asked)
    assert "\n" not in str(told.value)


def test_from_the_store(done: tuple[Path, Scanned], own_home: Path, tmp_path: Path) -> None:
    _, made = done
    (own_home / "evidence").mkdir()
    (own_home / "evidence" / "r1").symlink_to(done[0])
    leads = [(lead, detector) for lead, detector in made.found if detector.id == "mine"]
    with home_store(own_home) as store:
        store.begin_run(
            RunRecord("r1", "scan", "steppe", SPEC.after[-1], MADE, MADE, 0, "weixun", "evidence/r1/run.json", "")
        )
        rows = {lead.id: record(lead, detector, made.classification) for lead, detector in leads}
        clear = shapely.union_all([row.geometry for row in made.coverage])
        store.night(
            "r1",
            "steppe",
            [Look("steppe", "mine", SPEC.after[-1], tuple(lead for lead, _ in leads), rows, clear, True)],
            (),
            (),
        )
        ids = [lead.id for lead in store.leads()]
        case = from_store(store, own_home, ids[0], MADE)
        assert len(ids) == len(leads)
        assert case.observations
        with pytest.raises(BadInputError, match="no lead 'nobody'"):
            from_store(store, own_home, "nobody", MADE)
    assert case.values["lead_id"] == ids[0]
    told = CliRunner().invoke(app, ["export", "--out", str(tmp_path / "all.csv"), "--json"], catch_exceptions=False)
    assert json.loads(told.stdout)["leads"] == len(ids)
    told = CliRunner().invoke(
        app, ["dossier", ids[0], "--out", str(tmp_path), "--formats", "html", "--json"], catch_exceptions=False
    )
    assert "未提供影像档案" in Path(json.loads(told.stdout)["files"][0]).read_text(encoding="utf-8")


@pytest.mark.real
def test_a_dossier_of_real_imagery_has_its_outline_on_the_ground_that_changed(real_data: Path, tmp_path: Path) -> None:
    archive = Archive.create_or_open(tmp_path / "archive")
    archive.add([real_data / "oscd" / "images" / "beihai"])
    source = LocalProvider(archive)
    scenes = archive.scenes()
    middle = scenes[0].geometry.centroid
    ground = shapely.Point(middle.x, middle.y).buffer(0.012, quad_segs=1)
    days = sorted(scene.solar_day for scene in scenes)
    request = ScanRequest(
        Aoi("beihai", "北海", "Beihai", ground), source, (days[0], days[0]), (days[1], days[1]), tmp_path / "out",
        ("land_disturbance",), quicklooks=False, method="training-free",
    )  # fmt: skip
    scan(request)
    result = read_result(tmp_path / "out")
    whole = [row for row in result.rows if not row.values["clipped"] and float(row.values["area_m2"] or 0) > 5_000]
    assert whole
    cases = [with_archive(from_result(result, row.id, MADE), source, None) for row in whole[:12]]
    shifted = [replace(case, geometry=shapely.affinity.translate(case.geometry, 0.003, 0.002)) for case in cases]
    off = [with_archive(case, source, None) for case in shifted]
    # the score is not the brightness, so not every lead moved it; the outlines as a whole lie where the ground changed
    assert np.nanmean([moved(case) for case in cases]) > 1.5 * np.nanmean([moved(case) for case in off])
    first = cases[0]
    assert first.plates[1].geobox == quicklook_geobox(first.geometry, 10)
    assert all(not scene.time_known for scene in first.scenes)  # dates.txt gives days only
    written = CliRunner().invoke(
        app, ["dossier", whole[0].id, "--out", str(tmp_path / "d"), "--from", str(tmp_path / "out"), "--archive",
              str(tmp_path / "archive"), "--json"], catch_exceptions=False,
    )  # fmt: skip
    html = Path(json.loads(written.stdout)["files"][0]).read_text(encoding="utf-8")
    assert "影像未注明时刻" in html
    assert f"{geodesic_area_m2(first.geometry):,.0f} 平方米" in html

"""One scan from archive to leads, and what may not change it."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from shapely.geometry import Point, box
from shapely.geometry.base import BaseGeometry

import pipelines.scan
from aoi.area import geodesic_area_m2
from aoi.grid import Block
from aoi.model import Aoi
from aoi.read import read_aoi
from detectors.core.reader import TrainingFreeReader
from detectors.core.registry import all_detectors, choose
from imagery.archive import Archive
from imagery.providers.local import LocalProvider
from imagery.simulated.score import match
from imagery.simulated.spec import test_spec as tiny_spec
from imagery.simulated.truth import Truth
from pipelines.block import BlockResult, ground_of
from pipelines.demo import read_leads
from pipelines.errors import Exit, NothingObservedError
from pipelines.outputs import Outputs
from pipelines.plan import Plan, plan_scan
from pipelines.region import WHOLE_PX, Region, lattice_of
from pipelines.request import ScanRequest
from pipelines.scan import scan

SPEC = tiny_spec()


def request(world: Path, out: Path, **changes: object) -> ScanRequest:
    aoi = read_aoi(str(world / "aoi.geojson"))
    before, after = (SPEC.before[0], SPEC.before[-1]), (SPEC.after[0], SPEC.after[-1])
    # what is tested here is the way of the data, which is the same for both ways to read a pair
    asked = ScanRequest(
        aoi,
        LocalProvider.open(world / "archive"),
        before,
        after,
        out,
        ("land_disturbance",),
        scores=True,
        quicklooks=False,
        method="training-free",
    )
    return replace(asked, **changes)


@pytest.fixture(scope="module")
def scanned(steppe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scanned")
    scan(request(steppe, out, detectors=(), layers=steppe / "layers", layers_status="simulated", quicklooks=True))
    return out


def scores(out: Path, detector: str = "land_disturbance") -> dict[str, tuple[np.ndarray, rasterio.Affine]]:
    found = {}
    for path in sorted((out / "scores").glob(f"{detector}_*.tif")):
        with rasterio.open(path) as file:
            found[path.stem] = file.read(1), file.transform
    return found


def test_everything_promised_is_there_and_hashed(scanned: Path) -> None:
    run = json.loads((scanned / "run.json").read_text())
    names = set(run["outputs"])
    assert {"leads.gpkg", "leads.qgz", "quicklook/index.html", "scores/mine_32650.tif"} <= names
    assert {"imagery/before_32650.tif", "imagery/after_32650.tif"} <= names
    assert {path.relative_to(scanned).as_posix() for path in scanned.rglob("*") if path.is_file()} == names | {
        "run.json"
    }
    assert run["exit_code"] == 0
    assert run["leads"] == len(pyogrio.read_dataframe(scanned / "leads.gpkg", layer="leads")) > 0
    assert sum(name.startswith("quicklook/") and name.endswith(".png") for name in names) == 2 * run["leads"]
    assert all(row["sha256"] and (scanned / row["file"]).exists() for row in run["normals"])
    assert str(scanned.parent) not in (scanned / "run.json").read_text().replace(run["out"], "")


def test_the_planted_changes_become_leads(scanned: Path, steppe: Path) -> None:
    truth = Truth.read(steppe)
    visible = tuple(item for item in truth.planted if not item.hidden)
    table = match(read_leads(scanned / "leads.gpkg"), replace(truth, planted=visible), "land_disturbance")
    assert len(visible) >= 4
    assert table.recall >= 0.75


def test_leads_carry_dates_layers_and_the_word_lead(scanned: Path) -> None:
    leads = pyogrio.read_dataframe(scanned / "leads.gpkg", layer="leads")
    assert set(leads["seen_first"].astype(str).str[:10]) == {"2024-07-20"}
    assert {"land_disturbance", "mine"} <= set(leads["model"]) <= set(all_detectors())
    assert leads["note"].str.contains("线索").all()
    assert (leads["area_lo"] <= leads["area_m2"]).all()
    assert (leads["area_m2"] <= leads["area_hi"]).all()
    assert leads["lead_id"].is_unique


def test_coverage_tells_what_was_seen(scanned: Path) -> None:
    coverage = pyogrio.read_dataframe(scanned / "leads.gpkg", layer="coverage")
    assert set(coverage["role"]) == {"before", "after"}
    np.testing.assert_allclose(coverage[["observed", "cloudy", "snow", "no_scene"]].sum(axis=1), 1, atol=1e-6)
    assert 0.8 < coverage["observed"].mean() < 1
    run = json.loads((scanned / "run.json").read_text())
    assert 0.8 < run["observed"]["2024-07-20"] < 1


def assert_same_leads(one: list[BaseGeometry], other: list[BaseGeometry]) -> None:
    assert len(one) == len(other)
    for geometry in one:
        twin = max(other, key=lambda candidate: shapely.intersection(geometry, candidate).area)
        assert geodesic_area_m2(twin) == pytest.approx(geodesic_area_m2(geometry), rel=0.01)
        assert shapely.intersection(geometry, twin).area / shapely.union(geometry, twin).area > 0.98


def outlines(out: Path, within: BaseGeometry | None = None) -> list[BaseGeometry]:
    geometries = [geometry for model, geometry in read_leads(out / "leads.gpkg") if model == "land_disturbance"]
    return [geometry for geometry in geometries if within is None or geometry.intersects(within)]


def assert_same_scores(one: Path, other: Path) -> None:
    """On the ground that both scored, to 1e-3, and nowhere observed by one and not by the other."""
    compared = 0
    theirs = scores(other)
    for name, (score, transform) in scores(one).items():
        if name not in theirs:
            continue
        another, origin = theirs[name]
        col, row = round((origin.c - transform.c) / transform.a), round((origin.f - transform.f) / transform.e)
        top, left = max(row, 0), max(col, 0)
        bottom, right = min(score.shape[0], row + another.shape[0]), min(score.shape[1], col + another.shape[1])
        here, there = score[top:bottom, left:right], another[top - row : bottom - row, left - col : right - col]
        both = ~np.isnan(here) & ~np.isnan(there)
        assert np.abs(here[both] - there[both]).max() <= 1e-3
        compared += int(both.sum())
    assert compared > 10_000


@pytest.mark.parametrize("block_px", [192, 640])
def test_other_blocks_give_the_same_leads(scanned: Path, steppe: Path, tmp_path: Path, block_px: int) -> None:
    scan(request(steppe, tmp_path, block_px=block_px))
    assert_same_scores(scanned, tmp_path)
    assert_same_leads(outlines(scanned), outlines(tmp_path))


def test_other_aois_give_the_same_leads_where_they_look(scanned: Path, steppe: Path, tmp_path: Path) -> None:
    whole = read_aoi(str(steppe / "aoi.geojson")).geometry
    west, south, east, north = whole.bounds
    quarter = box(west, south, (west + east) / 2, (south + north) / 2)
    disc = Point((west + east) / 2, (south + north) / 2).buffer(0.012)
    for number, shape in enumerate((quarter, disc)):
        out = tmp_path / str(number)
        scan(request(steppe, out, aoi=Aoi(f"part{number}", "部分", "part", shape), block_px=256))
        assert_same_scores(scanned, out)
        assert_same_leads(outlines(scanned, shape), outlines(out, shape))


def test_a_patch_on_120_east_is_one_lead_without_a_seam(on_the_line: Path, tmp_path: Path) -> None:
    scan(request(on_the_line, tmp_path))
    line = shapely.LineString([(120, 49), (120, 50)])
    truth = Truth.read(on_the_line)
    crossing = [item for item in truth.planted if item.geometry.crosses(line) and item.area_m2 >= 2000]
    assert crossing, "the world plants a change on the line"
    found = outlines(tmp_path)
    for item in crossing:
        touching = [lead for lead in found if lead.intersection(item.geometry).area > 0.05 * item.geometry.area]
        assert len(touching) == 1
        assert touching[0].intersects(line)
    for index, lead in enumerate(found):
        assert not any(lead.intersection(other).area > 0 for other in found[index + 1 :])
    both = scores(tmp_path)
    assert set(both) == {"land_disturbance_32650", "land_disturbance_32651"}


def test_the_aoi_has_no_say_in_the_normals(steppe: Path, tmp_path: Path) -> None:
    asked = request(steppe, tmp_path)
    west, south = asked.aoi.geometry.bounds[:2]
    corner = replace(asked, aoi=Aoi("corner", "角", "corner", box(west, south, west + 0.003, south + 0.002)))
    plans = [plan_scan(one, choose(("mine",)), TrainingFreeReader()) for one in (asked, corner)]
    for cell in set(plans[0].cells) & set(plans[1].cells):
        lattices = [lattice_of(cell, plan.gsd_m, plan.before, plan.after) for plan in plans]
        assert lattices[0] == lattices[1]
        assert math.prod(lattices[0].chips[0].shape) * len(lattices[0].chips) < 4 * WHOLE_PX


def test_an_unreadable_scene_is_reported_and_the_rest_goes_on(steppe: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    source = next((steppe / "scenes").glob("*20240720*"))
    broken.mkdir()
    for file in source.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    archive = tmp_path / "archive"
    note = json.loads((broken / "scene.json").read_text())
    (broken / "scene.json").write_text(json.dumps({**note, "datetime": "2024-07-19T02:39:19Z"}))
    Archive.create_or_open(archive).add([*(steppe / "scenes").iterdir(), broken])
    data = (broken / "B08.tif").read_bytes()
    (broken / "B08.tif").write_bytes(data[: len(data) // 2])
    days = (SPEC.after[0].replace(day=19), SPEC.after[-1])
    run = scan(request(steppe, tmp_path / "out", source=LocalProvider.open(archive), after=days))
    assert run.exit_code is Exit.PARTIAL
    assert len(run.unreadable_scenes) == 1
    assert "B08.tif" in run.unreadable_scenes[0].reason
    assert run.leads > 0


def test_a_scene_without_a_cloud_mask_is_named(steppe: Path, tmp_path: Path) -> None:
    folders = []
    for source in (steppe / "scenes").iterdir():
        folders.append(tmp_path / source.name)
        folders[-1].mkdir()
        for file in source.iterdir():
            if file.name not in ("SCL.tif", "B11.tif"):  # without 1.6 µm no mask can be made either
                (folders[-1] / file.name).symlink_to(file)
    archive = tmp_path / "archive"
    assert not Archive.create_or_open(archive).add(folders).refused
    run = scan(request(steppe, tmp_path / "out", source=LocalProvider.open(archive)))
    assert sum("has no cloud mask" in note for note in run.notes) == len(folders) == 2
    assert not any("cloud mask" in note for note in scan(request(steppe, tmp_path / "masked")).notes)


def test_nothing_observed_is_said_and_leaves_nothing(steppe: Path, tmp_path: Path) -> None:
    elsewhere = Aoi("sea", "海", "sea", box(150, 30, 150.01, 30.01))
    out = tmp_path / "out"
    with pytest.raises(NothingObservedError, match=r"'sea'.*no scene of .* touches it"):
        scan(request(steppe, out, aoi=elsewhere))
    assert not out.exists()
    later = (SPEC.after[0].replace(year=2025), SPEC.after[0].replace(year=2025))
    with pytest.raises(NothingObservedError, match=r"--after.*local has 2023-07-17, 2024-07-20"):
        scan(request(steppe, out, after=later))
    assert not out.exists()


def test_a_scan_without_a_lead_is_whole_too(steppe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strict = replace(choose(("mine",))[0], threshold_low=0.99999, threshold_high=0.999999)
    monkeypatch.setattr("pipelines.scan.detectors_for", lambda *_: (strict,))
    run = scan(request(steppe, tmp_path, quicklooks=True))
    assert (run.exit_code, run.leads) == (Exit.DONE, 0)
    assert len(pyogrio.read_dataframe(tmp_path / "leads.gpkg", layer="leads")) == 0
    assert len(pyogrio.read_dataframe(tmp_path / "leads.gpkg", layer="coverage")) > 0
    assert (tmp_path / "quicklook" / "index.html").exists()
    assert (tmp_path / "leads.qgz").exists()


def test_a_failed_block_is_reported_as_ground_not_observed(
    steppe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(steppe, tmp_path, block_px=192)
    plan = plan_scan(asked, choose(("land_disturbance",)), TrainingFreeReader())
    doomed = max(plan.blocks, key=lambda block: ground_of(plan, block).area)
    work = pipelines.scan.work_block

    def failing(plan: Plan, region: Region, outputs: Outputs, block: Block) -> BlockResult:
        if block == doomed:
            raise ValueError("a bad block")
        return work(plan, region, outputs, block)

    monkeypatch.setattr(pipelines.scan, "work_block", failing)
    run = scan(asked)
    assert run.exit_code is Exit.PARTIAL
    assert [(failed.name, failed.reason) for failed in run.failed_blocks] == [(doomed.id, "ValueError: a bad block")]
    coverage = pyogrio.read_dataframe(tmp_path / "leads.gpkg", layer="coverage").set_index("block")
    assert set(coverage.loc[doomed.id, "failed"]) == {"ValueError: a bad block"}
    assert set(coverage.loc[doomed.id, "observed"]) == {0.0}
    assert coverage.loc[coverage.index != doomed.id, "failed"].isna().all()
    assert run.leads > 0

import hashlib
import json
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import shapely

from imagery.archive import Archive
from imagery.simulated.errors import SimulationError
from imagery.simulated.spec import PlantedCounts
from imagery.simulated.spec import test_spec as tiny_spec
from imagery.simulated.truth import Truth
from imagery.simulated.world import build

BANDS = ("B02", "B03", "B04", "B08", "B11", "B12", "SCL")


def _digest(out: Path) -> str:
    total = hashlib.sha256()
    for file in sorted((out / "scenes").glob("*/*.tif")):
        with rasterio.open(file) as image:
            total.update(f"{file.parent.name}/{file.name}".encode() + image.read(1).tobytes())
    return total.hexdigest()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tiny: tuple[Path, Truth], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    again = build(tiny_spec(1), tmp_path / "again", lambda done, total: told.append((done, total)))
    assert _digest(tmp_path / "again") == _digest(tiny[0])
    assert again == tiny[1]
    assert [done for done, _ in told] == list(range(1, told[0][1] + 1))
    build(tiny_spec(2), tmp_path / "other")
    assert _digest(tmp_path / "other") != _digest(tiny[0])


def test_scenes_are_laid_out_as_l2a_band_files(tiny: tuple[Path, Truth]) -> None:
    scenes = sorted((tiny[0] / "scenes").iterdir())
    assert [scene.name for scene in scenes] == sorted(scene.id for scene in tiny[1].scenes)
    for scene in scenes:
        said = json.loads((scene / "scene.json").read_text())
        assert said["level"] == "L2A"
        assert said["datetime"].endswith("Z")
        for band in BANDS:
            with rasterio.open(scene / f"{band}.tif") as image:
                assert image.res[0] == (20 if band in ("B11", "B12", "SCL") else 10)
                assert image.dtypes[0] == ("uint8" if band == "SCL" else "uint16")
                assert image.block_shapes[0] == (512, 512) or max(image.shape) <= 512
                assert image.read(1).min() > 0


def test_the_archive_reads_reflectance(tiny: tuple[Path, Truth]) -> None:
    scenes = Archive.open(tiny[0] / "archive").scenes()
    assert len(scenes) == len(tiny[1].scenes)
    for scene in scenes:
        assert set(scene.assets) >= {"blue", "green", "red", "nir", "swir16", "swir22", "scl"}
        assert (scene.level, scene.sensor, scene.baseline) == ("L2A", "sentinel-2", "05.10")
        assert (scene.assets["red"].scale, scene.assets["red"].offset) == (0.0001, 0.0)
        assert scene.geometry.buffer(1e-6).contains(tiny[1].aoi)
    assert {scene.solar_day for scene in scenes} == {scene.date for scene in tiny[1].scenes}


def test_truth_and_area_of_interest_are_written_beside(tiny: tuple[Path, Truth]) -> None:
    out, truth = tiny
    assert Truth.read(out) == truth
    aoi = shapely.from_geojson((out / "aoi.geojson").read_text()).geoms[0]
    assert aoi.equals(truth.aoi)
    assert all(aoi.buffer(1e-6).contains(item.geometry) for item in truth.planted + truth.decoys)


def test_licences_hold_one_pit_and_carry_official_fields(tiny: tuple[Path, Truth]) -> None:
    rights = geopandas.read_file(tiny[0] / "layers" / "mining_rights.gpkg", layer="mining_rights")
    assert {"xkzh", "ksmc", "cqr", "yxqq", "yxqz"} <= set(rights.columns)
    assert rights.crs.to_epsg() == 4490
    assert rights["cqr"].str.contains("模拟").all()
    pit = next(item for item in tiny[1].planted if item.kind == "pit")
    assert rights.geometry.contains(pit.geometry).sum() == 1
    assert "inside a licence" in pit.note


def test_a_folder_that_holds_a_world_is_not_written_over(tiny: tuple[Path, Truth]) -> None:
    before = _digest(tiny[0])
    with pytest.raises(SimulationError, match="holds a simulated world already"):
        build(tiny_spec(2), tiny[0])
    assert _digest(tiny[0]) == before


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SimulationError, match="can not be written"):
        build(tiny_spec(1), tmp_path / "file" / "world")


def test_too_much_for_the_ground_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    crowded = tiny_spec(1).model_copy(update={"planted": PlantedCounts(stripped=60)})
    with pytest.raises(SimulationError, match="no room for another"):
        build(crowded, tmp_path / "world")
    assert not (tmp_path / "world").exists()


def test_an_interrupted_build_leaves_no_scenes(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(tiny_spec(1), tmp_path / "world", stop)
    assert list((tmp_path / "world").iterdir()) == []


def test_noise_is_there_but_small(tiny: tuple[Path, Truth]) -> None:
    red = sorted((tiny[0] / "scenes").glob("*/B04.tif"))[0]
    with rasterio.open(red) as image:
        values = image.read(1).astype(np.float32)
    # second differences over one row see noise and texture only
    rough = np.abs(np.diff(values, 2, axis=1))
    assert 0 < np.median(rough) < 0.15 * np.median(values)

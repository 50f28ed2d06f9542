"""Every sensor's pictures go through the reader as real ones do."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from imagery.archive import Archive
from imagery.mosaic import Flag
from imagery.read import read_scene
from imagery.simulated.curriculum import train_specs
from imagery.simulated.errors import SimulationError
from imagery.simulated.labels import truth_raster
from imagery.simulated.spec import PIXELS_M, PlantedCounts, SteppeSpec
from imagery.simulated.spec import test_spec as tiny_spec
from imagery.simulated.truth import Truth
from imagery.simulated.world import World, build

SENSORS = tuple(PIXELS_M)


def small(sensor: str, **changes: object) -> SteppeSpec:
    asked = tiny_spec(4).model_dump() | {"sensor": sensor, "gsd_m": PIXELS_M[sensor][-1], "misregistration_px": 0.0}
    return SteppeSpec.model_validate(asked | {"width_m": 1_900, "height_m": 1_700, "lenient": True} | changes)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("sensors")
    for sensor in SENSORS:
        build(small(sensor), root / sensor)
    return {sensor: root / sensor for sensor in SENSORS}


def geobox(world: Path) -> GeoBox:
    with rasterio.open(
        sorted(Archive.open(world / "archive").scenes(), key=lambda s: s.id)[0].assets["red"].href
    ) as file:
        return GeoBox(file.shape, file.transform, file.crs)


@pytest.mark.parametrize("sensor", SENSORS)
def test_the_archive_takes_the_scenes_as_they_are(worlds: dict[str, Path], sensor: str) -> None:
    truth = Truth.read(worlds[sensor])
    scenes = Archive.open(worlds[sensor] / "archive").scenes()
    assert {scene.solar_day for scene in scenes} == {scene.date for scene in truth.scenes}
    expected = {
        "sentinel-2": ("sentinel-2", "L2A", 10.0, True),
        "landsat": ("landsat-8", "SR", 30.0, True),
        "gaofen": ("gaofen-6", "SR", 16.0, False),
        "dom": ("dom", "DN", 4.0, False),
    }[sensor]
    for scene in scenes:
        assert (scene.sensor, scene.level, pytest.approx(scene.gsd_m, rel=0.01), scene.has_cloud_mask) == expected
        assert scene.geometry.buffer(1e-6).contains(truth.aoi)
        assert ("swir16" in scene.assets) == (sensor in ("sentinel-2", "landsat"))
        assert {"blue", "green", "red", "nir"} <= set(scene.assets)


def test_a_coarser_sensor_sees_the_same_ground(worlds: dict[str, Path]) -> None:
    grid = geobox(worlds["landsat"])
    seen = {
        sensor: read_scene(
            min(Archive.open(worlds[sensor] / "archive").scenes(), key=lambda scene: scene.datetime), grid
        )
        for sensor in ("sentinel-2", "landsat", "gaofen")
    }
    for sensor, bands in (("landsat", range(6)), ("gaofen", range(4))):
        both = seen["sentinel-2"].observed & seen[sensor].observed
        assert both.mean() > 0.5
        for band in bands:
            first, second = seen["sentinel-2"].data[band][both], seen[sensor].data[band][both]
            assert np.corrcoef(first, second)[0, 1] > 0.8
            # Claverie's adjustment moves bands by a few per cent; calibration and gain of the date by a few more
            assert 0.8 < np.median(second) / np.median(first) < 1.25


def test_a_dom_is_eight_bits_stretched_for_each_date(worlds: dict[str, Path], tmp_path: Path) -> None:
    ends = []
    for file in sorted((worlds["dom"] / "scenes").glob("*/*.tiff")):
        with rasterio.open(file) as image:
            values = image.read()
        assert values.dtype == np.uint8
        assert values.min() >= 1  # 0 is nodata
        assert np.percentile(values, 99.5) > 150
        ends.append(np.median(values, axis=(1, 2)))
    assert np.abs(ends[0] - ends[1]).max() > 3
    build(small("dom", dom_bands=3, seed=5), tmp_path / "three")
    note = json.loads(next((tmp_path / "three" / "scenes").glob("*/*.weixun.json")).read_text())
    assert note["bands"] == ["red", "green", "blue"]
    assert note["level"] == "DN"


def test_quality_bits_flag_cloud_and_shadow(tmp_path: Path) -> None:
    build(small("landsat", cloud_pct=(25.0, 30.0)), tmp_path / "cloudy")
    scene = Archive.open(tmp_path / "cloudy" / "archive").scenes()[0]
    flags = read_scene(scene, geobox(tmp_path / "cloudy")).flags
    cloud, shadow = (flags & Flag.CLOUD) > 0, (flags & Flag.SHADOW) > 0
    assert 0.1 < cloud.mean() < 0.6
    assert shadow.mean() > 0.01
    blue = Path(scene.assets["blue"].href)
    with rasterio.open(blue) as file:
        values = file.read(1)
    assert np.median(values[cloud]) > 1.2 * np.median(values[~cloud & ~shadow])


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_training_world_of_each_sensor_is_built_and_painted(sensor: str, tmp_path: Path) -> None:
    spec = next(spec for spec in train_specs(3, 80) if spec.sensor == sensor and spec.gsd_m == PIXELS_M[sensor][-1])
    fewer = {name: min(count, 1) for name, count in spec.planted.model_dump().items()}
    smaller = {"width_m": 1_700, "height_m": 1_600, "after": spec.after[:1], "planted": PlantedCounts(**fewer)}
    spec = spec.model_copy(update=smaller)
    truth = build(spec, tmp_path / "world")
    assert truth.planted
    assert truth.decoys
    scenes = Archive.open(tmp_path / "world" / "archive").scenes()
    assert len(scenes) == 2
    painted = truth_raster(tmp_path / "world", geobox(tmp_path / "world"), spec.after[0])
    assert (painted == 1).any()
    assert not truth_raster(truth, geobox(tmp_path / "world"), spec.before[0]).any()


def test_a_copied_spec_with_another_sensor_is_checked() -> None:
    with pytest.raises(SimulationError, match="none that landsat has"):
        World(tiny_spec(1).model_copy(update={"sensor": "landsat"}))


def test_stripes_lie_along_the_orbit_and_are_a_few_per_cent() -> None:
    plain = World(small("sentinel-2"))
    striped = World(small("sentinel-2", decoys=plain.spec.decoys.model_copy(update={"stripes": True}).model_dump()))
    window = plain.extents()[0]
    look = striped.sky.looks[0]
    coarse = window.coarse(striped.frame)
    tilt = striped.sky.veil(look, window, coarse, ()).tilt - plain.sky.veil(look, window, coarse, ()).tilt
    assert 0.02 < float(np.ptp(tilt)) < 0.08
    assert np.abs(np.diff(tilt, axis=1)).mean() > 2 * np.abs(np.diff(tilt, axis=0)).mean()
    assert look.date == dt.date(2023, 7, 17)

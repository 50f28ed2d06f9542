"""Sentinel-1 on the ground, written here as the common makers name it; power, amplitude and dB become one quantity."""

import json

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from imagery.backscatter import decibels, linear
from imagery.compose import read_day
from imagery.item import to_item
from imagery.mosaic import Flag
from imagery.read import read_scene
from imagery.scene import BANDS, RADAR

SIZE = 64
POWER = np.random.default_rng(0).gamma(4, 0.02, (2, SIZE, SIZE)).astype(np.float32)
HELD = {"linear": POWER, "dB": (10 * np.log10(POWER)).astype(np.float32), "amplitude": np.sqrt(POWER)}

HYP3 = "S1A_IW_20250612T220512_DVP_RTC10_G_g{}uned_ABCD"
OPERA = "OPERA_L2_RTC-S1_T069-147170-IW1_20250612T220512Z_20250613T010203Z_S1A_30_v1.0"
PLANETARY = "S1A_IW_GRDH_1SDV_20250612T220512_20250612T220537_059000_075000_rtc"


@pytest.fixture
def radar(tmp_path, raster):
    """Writes VV and VH of a scene by a pattern of its file names."""

    def write(pattern, kind, folder="s1", **more):
        for index, name in enumerate(("VV", "VH")):
            file = tmp_path / folder / pattern.format(pol=name, low=name.lower())
            raster(file, HELD[kind][index], 10, **more)
        return tmp_path / folder

    return write


def own_grid(scene):
    with rasterio.open(scene.assets["vv"].href) as source:
        return GeoBox(source.shape, source.transform, source.crs.to_wkt())


@pytest.mark.parametrize(
    ("pattern", "kind", "folder"),
    [
        (HYP3.format("p") + "_{pol}.tif", "linear", "a"),
        (HYP3.format("a") + "_{pol}.tif", "amplitude", "a"),
        (HYP3.format("d") + "_{pol}.tif", "dB", "a"),
        (OPERA + "_{pol}.tif", "linear", "a"),
        ("iw-{low}.rtc.tiff", "linear", f"{PLANETARY}/measurement"),
        ("Gamma0_{pol}_db.tif", "dB", "S1B_IW_GRDH_1SDV_20250612T220512_Orb_TC"),
    ],
)
def test_names_of_common_makers_say_what_values_are(archive, radar, pattern, kind, folder):
    report = archive.add([radar(pattern, kind, folder)])
    assert (len(report.added), report.refused) == (1, ())
    (scene,) = archive.scenes()
    assert (scene.sensor, scene.level, scene.properties["backscatter"]) == ("sentinel-1", "RTC", kind)
    assert scene.datetime.isoformat() == "2025-06-12T22:05:12+00:00"
    assert not scene.optical
    assert scene.has_cloud_mask  # it needs none
    assert to_item(scene).assets["vh"].extra_fields["sar:polarizations"] == ["VH"]
    mosaic = read_scene(scene, own_grid(scene), RADAR)
    assert mosaic.observed.all()
    np.testing.assert_array_equal(mosaic.data, linear(HELD[kind], kind))
    np.testing.assert_allclose(mosaic.data, POWER, rtol=2e-6)


def test_what_nobody_says_is_not_guessed(archive, radar):
    folder = radar("S1A_20250612T220512_{pol}.tif", "dB")
    ((_, reason),) = archive.add([folder]).refused
    assert "power, amplitude or dB" in reason
    note = {"datetime": "2025-06-12T22:05:12Z", "level": "GRD", "backscatter": "dB"}
    (folder / "scene.json").write_text(json.dumps(note))
    assert archive.add([folder]).added
    (scene,) = archive.scenes()
    assert (scene.level, scene.properties["backscatter"]) == ("GRD", "dB")


def test_a_unit_in_the_file_says_it(archive, radar):
    folder = radar("S1A_20250612T220512_{pol}.tif", "dB")
    for file in folder.iterdir():
        with rasterio.open(file, "r+") as target:
            target.set_band_unit(1, "dB")
    archive.add([folder])
    assert archive.scenes()[0].properties["backscatter"] == "dB"


def test_two_scales_in_one_scene_are_refused(archive, radar):
    folder = radar("S1A_20250612T220512_{pol}.tif", "dB")
    for file, unit in zip(sorted(folder.iterdir()), ("dB", "power"), strict=True):
        with rasterio.open(file, "r+") as target:
            target.set_band_unit(1, unit)
    ((_, reason),) = archive.add([folder]).refused
    assert "two scales" in reason


def test_a_stack_of_decibels_times_a_hundred(archive, raster, tmp_path):
    file = raster(tmp_path / "s1.tif", np.round(HELD["dB"] * 100).astype(np.int16), 30, nodata=-32768)
    note = {"date": "2018-03-04", "level": "GRD", "sensor": "sentinel-1", "bands": ["vv", "vh"], "scale": 0.01}
    (tmp_path / "s1.tif.weixun.json").write_text(json.dumps(note))
    ((_, reason),) = archive.add([file]).refused
    assert '"backscatter"' in reason
    (tmp_path / "s1.tif.weixun.json").write_text(json.dumps({**note, "backscatter": "dB"}))
    assert archive.add([file]).added
    (scene,) = archive.scenes()
    np.testing.assert_allclose(read_scene(scene, own_grid(scene), RADAR).data, POWER, rtol=2e-3)


def test_means_are_means_of_power_not_of_decibels(archive, radar):
    archive.add([radar(HYP3.format("d") + "_{pol}.tif", "dB")])
    (scene,) = archive.scenes()
    fine = own_grid(scene)
    coarse = fine.zoom_to((SIZE // 4, SIZE // 4))
    mean = read_scene(scene, coarse, ("vv",)).data[0]
    np.testing.assert_allclose(mean, POWER[0].reshape(SIZE // 4, 4, SIZE // 4, 4).mean(axis=(1, 3)), rtol=1e-5)


def test_no_data_of_decibels_stays_unobserved(archive, raster, tmp_path):
    held = HELD["dB"].copy()
    held[:, :8] = np.nan
    raster(tmp_path / "s1" / (HYP3.format("d") + "_VV.tif"), held[0], 10)
    archive.add([tmp_path / "s1"])
    (scene,) = archive.scenes()
    mosaic = read_scene(scene, own_grid(scene), RADAR)
    assert (mosaic.flags[:8] == Flag.NODATA).all()
    assert mosaic.present == (True, False)


def test_radar_adds_nothing_to_an_optical_mosaic(archive, radar):
    archive.add([radar(HYP3.format("p") + "_{pol}.tif", "linear")])
    (scene,) = archive.scenes()
    mosaic, failures = read_day([scene], own_grid(scene), BANDS)
    assert failures == ()
    assert not mosaic.observed.any()


def test_other_files_named_vv_are_not_taken_for_radar(archive, raster, tmp_path):
    raster(tmp_path / "x" / "savvy_VV.tif", POWER[0], 10)
    report = archive.add([tmp_path / "x"])
    assert not report.added
    assert "does not say its date" in report.refused[0][1]


def test_decibels_and_back():
    np.testing.assert_allclose(linear(decibels(POWER), "dB"), POWER, rtol=1e-5)
    assert np.isnan(decibels(np.zeros((2, 2), np.float32))).all()

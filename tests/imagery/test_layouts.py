import json

import numpy as np
import pytest

from imagery.errors import UnreadableImageError
from imagery.sidecar import read_sidecar

STACK = {"date": "2000-03-17", "level": "DN", "sensor": "landsat-7", "bands": ["blue", "green", "red", "nir"]}


def only(archive):
    (scene,) = archive.scenes()
    return scene


def test_a_city_gives_two_scenes_dated_by_dates_txt_not_by_names(archive, city):
    report = archive.add([city()])
    assert report.added == ("oscd_norcia_20150711", "oscd_norcia_20171018")
    assert not report.refused
    first, second = archive.scenes()
    assert (str(first.solar_day), str(second.solar_day)) == ("2015-07-11", "2017-10-18")
    assert first.properties["date_source"] == "dates.txt"
    assert first.level == "L1C"
    assert first.assets["red"].scale == 1e-4


def test_cities_that_share_file_names_are_different_scenes(archive, city):
    folder = city("brasilia").parent
    city("aguasclaras")
    assert len(archive.add([folder]).added) == 4


def test_a_missing_date_refuses_its_scene_and_only_that(archive, city):
    report = archive.add([city(dates="date_1: 20150711\n")])
    assert report.added == ("oscd_norcia_20150711",)
    ((path, reason),) = report.refused
    assert path.name == "imgs_2"
    assert "date_2" in reason


@pytest.mark.parametrize("dates", [None, "date_1: 20151311\ndate_2: 20171018\n"])
def test_an_epoch_without_a_date_is_never_dated_by_its_names(archive, city, dates):
    folder = city(dates=dates)
    report = archive.add([folder / "imgs_1"])
    assert not report.added
    assert "dates.txt" in report.refused[0][1]


def test_a_sidecar_beside_the_bands_wins(archive, city):
    folder = city()
    (folder / "imgs_1" / "scene.json").write_text('{"date": "2015-07-12"}')
    report = archive.add([folder])
    assert report.added[0] == "oscd_norcia_20150712"
    assert archive.scenes()[0].properties["date_source"] == "sidecar scene.json"


def test_a_band_folder_with_classes_and_sidecar(archive, band_folder):
    assert archive.add([band_folder("tile_a")]).added == ("tile_a_20250612",)
    scene = only(archive)
    assert scene.level == "L2A"
    assert set(scene.assets) == {"blue", "green", "red", "nir", "swir16", "swir22", "scl"}
    assert (scene.assets["nir"].scale, scene.assets["nir"].offset, scene.assets["nir"].nodata) == (1e-4, 0, 0)
    assert (scene.assets["swir16"].gsd_m, scene.gsd_m) == (20, 10)
    assert scene.datetime.isoformat() == "2025-06-12T03:00:00+00:00"


def test_the_offset_of_new_baselines_is_taken_off_unless_the_sidecar_says_otherwise(archive, band_folder):
    folder = band_folder()
    (folder / "scene.json").write_text('{"date": "2025-06-12", "level": "L2A"}')
    archive.add([folder])
    assert only(archive).assets["red"].offset == -0.1
    assert "acquired 2025-06-12" in only(archive).properties["scaling"]


def test_a_browser_export_is_scaled_by_65535_and_masked_by_its_second_band(archive, raster, noise, tmp_path):
    for code in ("B02", "B03", "B04"):
        stem = "2018-12-01-00_00_2018-12-01-23_59_Sentinel-2_L2A"
        raster(tmp_path / "fires_01_12_2018" / f"{stem}_{code}_(Raw).tiff", np.stack([noise(1), noise(1) > 2000]))
    report = archive.add([tmp_path / "fires_01_12_2018"])
    assert report.added == ("fires_01_12_2018_20181201",)
    scene = only(archive)
    assert scene.assets["red"].scale == pytest.approx(1 / 65535)
    assert scene.assets["valid"].index == 2


def test_a_stack_needs_a_sidecar_and_is_told_what_to_write(archive, raster, tmp_path):
    file = raster(tmp_path / "in" / "2000TM.tif", np.full((4, 30, 30), 80, np.uint8), 30)
    ((_, reason),) = archive.add([file]).refused
    assert '"bands"' in reason
    assert "2000TM.tif.weixun.json" in reason
    (tmp_path / "in" / "2000TM.tif.weixun.json").write_text(json.dumps(STACK))
    assert archive.add([file]).added == ("2000tm_20000317",)
    assert [only(archive).assets[name].index for name in STACK["bands"]] == [1, 2, 3, 4]
    assert only(archive).level == "DN"


def test_one_sidecar_from_elsewhere_speaks_of_several_files(archive, raster, tmp_path):
    for name in ("a.tif", "b.tif"):
        raster(tmp_path / "in" / name, np.full((4, 30, 30), 80, np.uint8), 30)
    sidecar = tmp_path / "notes.json"
    sidecar.write_text(json.dumps({"scenes": [{"file": name, **STACK} for name in ("a.tif", "b.tif", "c.tif")]}))
    report = archive.add([tmp_path / "in"], sidecar)
    assert report.added == ("a_20000317", "b_20000317")
    ((path, reason),) = report.refused
    assert path == sidecar
    assert "c.tif" in reason


def test_a_sidecar_without_file_speaks_of_the_only_source(archive, raster, tmp_path):
    file = raster(tmp_path / "in" / "a.tif", np.full((4, 30, 30), 80, np.uint8), 30)
    sidecar = tmp_path / "note.json"
    sidecar.write_text(json.dumps(STACK))
    assert archive.add([file], sidecar).added == ("a_20000317",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"date": "2000-03-17", "colour": 1}', "colour: unknown key"),
        ('{"date": "17.3.2000"}', "date"),
        ('{"bands": ["B04"]}', "unknown band names B04"),
        ('{"bands": ["red", "red"]}', "named twice"),
        ('{"date": "2000-03-17", "datetime": "2000-03-17T02:00:00Z"}', "not both"),
        ('{"datetime": "2000-03-17T02:00:00"}', "datetime"),
        ('{"level": "L1T"}', "level"),
        ("[" * 100_000, "not JSON"),
        ("no", "not JSON"),
        ("[]", "valid"),
    ],
)
def test_a_bad_sidecar_is_refused_in_words(tmp_path, text, says):
    file = tmp_path / "scene.json"
    file.write_text(text)
    with pytest.raises(UnreadableImageError, match=says) as caught:
        read_sidecar(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_sidecar_in_a_folder_refuses_that_folder_only(archive, band_folder):
    bad, good = band_folder("bad"), band_folder("good")
    (bad / "scene.json").write_text('{"when": 3}')
    report = archive.add([bad.parent])
    assert report.added == ("good_20250612",)
    assert [path.name for path, _ in report.refused] == ["bad"]
    assert good.exists()


def test_landsat_scenes_in_one_folder_are_told_apart_and_scaled_by_collection(archive, raster, noise, tmp_path):
    for stem in ("LC08_L2SP_123026_20240707_20240801_02_T1", "LC09_L2SP_123026_20240715_20240801_02_T1"):
        for number in "23456":
            raster(tmp_path / "in" / f"{stem}_SR_B{number}.TIF", noise(int(number), 40), 30)
        raster(tmp_path / "in" / f"{stem}_QA_PIXEL.TIF", np.full((40, 40), 21824, np.uint16), 30)
    report = archive.add([tmp_path / "in"])
    assert len(report.added) == 2
    scene = archive.scenes()[0]
    assert (scene.sensor, scene.level) == ("landsat-8", "SR")
    assert (scene.assets["red"].scale, scene.assets["red"].offset) == (2.75e-5, -0.2)
    assert "qa_pixel" in scene.assets


def test_a_source_without_any_layout_is_refused_with_those_that_are_known(archive, tmp_path):
    (tmp_path / "empty").mkdir()
    report = archive.add([tmp_path / "empty", tmp_path / "missing"])
    assert "imgs_1" in report.refused[0][1]
    assert "does not exist" in report.refused[1][1]

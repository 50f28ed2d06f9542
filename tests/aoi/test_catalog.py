import json
import os

import pytest
from shapely.geometry import box

from aoi.area import geodesic_area_m2
from aoi.catalog import add, as_geojson, known, starter
from aoi.errors import AoiStoreError, InvalidGeometryError
from aoi.read import read_aoi
from aoi.stored import starter_file
from aoi.validate import check

ABOUT_KM2 = {
    "hulunbuir": (228_000, 278_000),
    "hulun_lake": (2_400, 6_000),
    "xin_barag_grassland": (2_000, 20_000),
    "huihe_wetland": (1_500, 6_000),
    "black_soil_east": (5_000, 25_000),
    "manzhouli_mines": (200, 2_000),
    "yimin_baorixile_mines": (300, 3_000),
}


def test_the_shipped_areas_are_those_and_about_as_large_as_they_should_be():
    areas = {aoi.id: geodesic_area_m2(aoi.geometry) / 1e6 for aoi in starter()}
    assert areas.keys() == ABOUT_KM2.keys()
    assert all(low < areas[name] < high for name, (low, high) in ABOUT_KM2.items())


@pytest.mark.parametrize("aoi", starter(), ids=lambda aoi: aoi.id)
def test_each_shipped_area_is_marked_as_approximate_and_sound(aoi):
    assert aoi.approximate
    assert aoi.name_zh != aoi.name_en
    assert not aoi.name_zh.isascii()
    file = starter_file(aoi.id)
    assert check(file) == ()
    (feature,) = json.loads(file.read_text("utf-8"))["features"]
    assert "法律效力" in feature["properties"]["note"]
    assert read_aoi(aoi.id) == aoi


def test_the_lake_and_the_mines_lie_where_they_lie():
    lake, mines = read_aoi("hulun_lake").geometry, read_aoi("yimin_baorixile_mines").geometry
    assert lake.contains(box(117.25, 48.8, 117.5, 49.05))
    assert mines.contains(box(119.69, 49.38, 119.71, 49.42))
    assert read_aoi("hulunbuir").geometry.contains(lake.union(mines))


def test_added_is_found_again_by_its_id(tmp_path, geojson, square):
    path = geojson(square, properties={"name_zh": "伊敏", "name_en": "Yimin"}, name="Yimin pit.geojson")
    aoi = add(path, tmp_path / "new" / "home")
    assert aoi.id == "yimin_pit"
    assert read_aoi("yimin_pit", tmp_path / "new" / "home") == aoi
    assert [file.name for file in (tmp_path / "new" / "home" / "aoi").iterdir()] == ["yimin_pit.geojson"]


def test_what_is_given_replaces_what_the_file_says(tmp_path, vector, square):
    path = vector([square], "a.shp", to=4528)
    given = {"name_zh": "矿", "name_en": "Mine", "detectors": ("mine",), "layers": ("mining_rights",)}
    added = add(path, tmp_path, "pit-1", **given)
    again = read_aoi("pit-1", tmp_path)
    assert again == added
    assert (again.name_zh, again.name_en, again.detectors, again.layers) == (
        "矿",
        "Mine",
        ("mine",),
        ("mining_rights",),
    )


def test_a_stored_area_is_not_overwritten_unless_asked(tmp_path, geojson, square):
    add(geojson(square), tmp_path)
    before = (tmp_path / "aoi" / "area.geojson").read_bytes()
    larger = geojson(square.buffer(0.1))
    with pytest.raises(AoiStoreError, match="stored already"):
        add(larger, tmp_path)
    assert (tmp_path / "aoi" / "area.geojson").read_bytes() == before
    add(larger, tmp_path, overwrite=True)
    assert read_aoi("area", tmp_path).geometry.area > square.area


@pytest.mark.parametrize("name", ["../evil", "A", "", "a.b", "a/b", "伊敏", "x" * 65, "-a"])
def test_an_id_that_is_no_file_name_is_refused(tmp_path, geojson, square, name):
    with pytest.raises(AoiStoreError, match="is not an id"):
        add(geojson(square), tmp_path / "home", name)
    assert not (tmp_path / "home").exists()


def test_a_faulty_file_stores_nothing(tmp_path, geojson):
    with pytest.raises(InvalidGeometryError):
        add(geojson(None), tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_failed_write_leaves_the_old_one_and_no_litter(tmp_path, geojson, square, monkeypatch):
    add(geojson(square), tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AoiStoreError, match=r"area.geojson: can not be written \(No space left"):
        add(geojson(square.buffer(1)), tmp_path, overwrite=True)
    assert [file.name for file in (tmp_path / "aoi").iterdir()] == ["area.geojson"]
    assert read_aoi("area", tmp_path).geometry.equals(square)


def test_a_home_that_is_a_file_is_a_clear_error(tmp_path, geojson, square):
    (tmp_path / "home").write_text("x")
    with pytest.raises(AoiStoreError, match="can not be written"):
        add(geojson(square), tmp_path / "home")


def test_known_are_the_stored_and_the_shipped_and_a_stored_one_hides_its_namesake(tmp_path, geojson, square):
    assert known(tmp_path) == starter()
    add(geojson(square), tmp_path, "hulun_lake")
    add(geojson(square), tmp_path, "a")
    listed = {aoi.id: aoi for aoi in known(tmp_path)}
    assert list(listed) == sorted([*ABOUT_KM2, "a"])
    assert listed["hulun_lake"].geometry.equals(square)
    assert not listed["hulun_lake"].approximate


def test_what_is_stored_opens_in_gis_as_it_is(tmp_path):
    aoi = read_aoi("hulun_lake")
    (feature,) = as_geojson(aoi)["features"]
    assert feature["properties"]["approximate"] is True
    assert feature["geometry"]["type"] == "Polygon"

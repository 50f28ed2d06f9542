import sqlite3

import numpy as np
import pytest
import shapely
from shapely.geometry import GeometryCollection, LineString, Point, Polygon, box

from aoi.area import geodesic_area_m2
from aoi.errors import UnreadableVectorError
from aoi.kinds import KIND_NAMES, canonical, kind_of
from aoi.layers import KINDS, crossings, ignored_tables, open_layers

PATCH = box(119.70, 49.30, 119.71, 49.31)
NEAR = [box(119.69, 49.29, 119.705, 49.32), box(119.705, 49.305, 119.8, 49.4)]
FAR = [box(118, 48, 118.1, 48.1), box(119.71, 49.31, 119.72, 49.32)]
RIGHTS = {
    "许可证号": ["C150", "C151", "C152", "C153"],
    "矿山名称": ["伊敏", "宝日希勒", "远", "邻"],
    "采矿权人": ["甲", "乙", None, "丁"],
    "有效期止": ["2027-01-01", None, None, None],
}


@pytest.mark.parametrize("crs", [4326, 4490, 4528, 32651])
@pytest.mark.parametrize("name", ["mining_rights.gpkg", "mining_rights.shp", "mining_rights.geojson"])
def test_features_near_a_patch_are_found_in_any_crs_and_format(vector, name, crs):
    if name.endswith("geojson"):
        crs = 4326
    options = {"encoding": "GBK"} if name.endswith("shp") else {}
    (layer,) = open_layers(vector([*NEAR, *FAR], name, to=crs, columns=RIGHTS, **options))
    assert (layer.kind, layer.status) == ("mining_rights", "official")
    found = crossings(PATCH, [layer])
    assert [feature.id for feature, _ in found] == ["C150", "C151"]
    for (feature, area), expected in zip(found, NEAR, strict=True):
        assert area == pytest.approx(geodesic_area_m2(expected & PATCH), rel=1e-4)
        assert feature.geometry.symmetric_difference(expected).area < 1e-5
        assert feature.kind == "mining_rights"
    first = found[0][0]
    assert first.name == "伊敏"
    assert first.attributes["holder"] == "甲"
    assert first.attributes["采矿权人"] == "甲"
    assert first.attributes["valid_to"].startswith("2027-01-01")
    assert "geometry_repaired" not in first.attributes


def test_only_an_edge_in_common_is_a_neighbour_and_no_crossing(vector):
    (layer,) = open_layers(vector([box(119.71, 49.30, 119.72, 49.31)], "wetland.gpkg"))
    assert len(layer.features_in(PATCH)) == 1
    assert crossings(PATCH, [layer]) == ()


def test_a_geopackage_gives_a_layer_for_each_table_named_after_a_kind(vector):
    path = vector(NEAR, "office.gpkg", layer="grassland")
    vector(NEAR, "office.gpkg", layer="采矿权", mode="a")
    vector(NEAR, "office.gpkg", layer="Forest land", mode="a")
    vector(NEAR, "office.gpkg", layer="DLTB_2023", mode="a")
    layers = open_layers(path, status="simulated")
    assert sorted(layer.kind for layer in layers) == ["forest_land", "grassland", "mining_rights"]
    assert {layer.status for layer in layers} == {"simulated"}
    assert ignored_tables(path) == ("office.gpkg:DLTB_2023",)
    assert [len(layer.features_in(PATCH)) for layer in layers] == [2, 2, 2]


def test_a_single_file_may_carry_the_kind_in_its_name_or_its_table(vector):
    assert open_layers(vector(NEAR, "wetland.gpkg", layer="x"))[0].kind == "wetland"
    assert open_layers(vector(NEAR, "x.gpkg", layer="wetland"))[0].kind == "wetland"
    assert open_layers(vector(NEAR, "湿地.shp"))[0].kind == "wetland"


def test_a_folder_gives_a_layer_for_each_file_named_after_a_kind(vector, tmp_path):
    vector(NEAR, "wetland.geojson")
    vector(NEAR, "grassland.shp")
    vector(NEAR, "a.gpkg", layer="black_soil")
    vector(NEAR, "parcels.shp")
    (tmp_path / "notes.txt").write_text("x")
    assert [layer.kind for layer in open_layers(tmp_path)] == ["black_soil", "grassland", "wetland"]
    assert ignored_tables(tmp_path) == ("parcels.shp",)


def test_nothing_usable_is_an_error_that_says_what_there_is(vector, tmp_path):
    path = vector(NEAR, "PARCELS.gpkg", layer="PARCELS")
    with pytest.raises(UnreadableVectorError, match=r"it has PARCELS.gpkg:PARCELS\); kinds are mining_rights, "):
        open_layers(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableVectorError, match="it has nothing"):
        open_layers(tmp_path / "empty")
    with pytest.raises(UnreadableVectorError, match="no such file or folder"):
        open_layers(tmp_path / "gone.gpkg")
    (tmp_path / "wetland.xlsx").write_text("x")
    with pytest.raises(UnreadableVectorError, match="GeoPackage, GeoJSON or Shapefile"):
        open_layers(tmp_path / "wetland.xlsx")


@pytest.mark.parametrize("geometry", [Point(119.7, 49.3), LineString([(119, 49), (120, 50)])])
@pytest.mark.parametrize("name", ["river_scope.gpkg", "river_scope.shp", "river_scope.geojson"])
def test_a_layer_of_points_or_lines_is_refused_when_it_is_opened(vector, geometry, name):
    path = vector([geometry], name)
    with pytest.raises(UnreadableVectorError, match=rf"{name}.* holds (Point|LineString)s; a layer must hold polygons"):
        open_layers(path)


def test_a_layer_without_crs_is_refused_when_it_is_opened(vector):
    path = vector(NEAR, "wetland.shp", to=4528)
    path.with_suffix(".prj").unlink()
    with pytest.raises(UnreadableVectorError, match=r"does not say its CRS.*EPSG:4528"):
        open_layers(path)


def test_a_truncated_layer_is_refused_when_it_is_opened_or_read(vector):
    path = vector(NEAR * 200, "wetland.gpkg")
    (layer,) = open_layers(path)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(UnreadableVectorError, match="truncated"):
        layer.features_in(PATCH)
    with pytest.raises(UnreadableVectorError, match="truncated"):
        open_layers(path)
    path.unlink()
    with pytest.raises(UnreadableVectorError, match=r"wetland\.gpkg"):
        layer.features_in(PATCH)


def test_a_changed_file_is_read_anew(vector):
    (layer,) = open_layers(vector(NEAR, "wetland.geojson"))
    assert len(layer.features_in(PATCH)) == 2
    vector([*NEAR, NEAR[0]], "wetland.geojson")
    assert len(layer.features_in(PATCH)) == 3


@pytest.mark.parametrize("name", ["wetland.gpkg", "wetland.shp", "wetland.geojson"])
def test_rings_that_cross_themselves_are_repaired_and_flagged(vector, name):
    bow_tie = Polygon([(119.70, 49.30), (119.71, 49.31), (119.71, 49.30), (119.70, 49.31)])
    (layer,) = open_layers(vector([bow_tie, NEAR[0]], name, columns={"id": ["a", "b"]}))
    found = {feature.id: (feature, area) for feature, area in crossings(PATCH, [layer])}
    broken, area = found["a"]
    assert broken.attributes["geometry_repaired"] == "1"
    assert broken.geometry.is_valid
    assert area == pytest.approx(geodesic_area_m2(PATCH) / 2, rel=1e-3)
    assert "geometry_repaired" not in found["b"][0].attributes


def test_rows_without_a_polygon_cover_no_ground(vector):
    mixed = [None, Polygon(), PATCH, GeometryCollection([PATCH, Point(119.7, 49.3)]), Point(119.705, 49.305)]
    (layer,) = open_layers(vector(mixed, "wetland.gpkg"))
    found = layer.features_in(PATCH)
    assert len(found) == 2
    assert {feature.geometry.geom_type for feature in found} <= {"Polygon", "MultiPolygon"}


def test_an_unclosed_ring_in_a_geojson_layer_is_named(geojson):
    ring = {"type": "Polygon", "coordinates": [[[119, 49], [119.1, 49], [119.1, 49.1], [119, 49.1]]]}
    with pytest.raises(UnreadableVectorError, match=r"wetland.geojson: feature 1: a ring is not closed"):
        open_layers(geojson(ring, name="wetland.geojson"))


def test_a_place_that_the_layer_does_not_reach_has_nothing_there(vector):
    for name in ("wetland.gpkg", "wetland.shp"):
        (layer,) = open_layers(vector(NEAR, name, to=4528))
        assert layer.features_in(box(-60, -33, -59.9, -32.9)) == ()
        assert layer.features_in(Polygon()) == ()


def test_crossings_come_by_layer_then_by_share(vector):
    small, large = box(119.70, 49.30, 119.702, 49.31), box(119.70, 49.30, 119.708, 49.31)
    (one,) = open_layers(vector([small, large], "wetland.gpkg", columns={"id": ["s", "l"]}))
    (two,) = open_layers(vector([PATCH], "grassland.gpkg", columns={"id": ["g"]}))
    assert [feature.id for feature, _ in crossings(PATCH, [one, two])] == ["l", "s", "g"]
    assert [feature.id for feature, _ in crossings(PATCH, [two, one])] == ["g", "l", "s"]


def test_a_feature_without_an_id_is_named_by_file_and_row(vector):
    (layer,) = open_layers(vector([*FAR, *NEAR], "wetland.gpkg", columns={"x": [1.0, 2.5, 3.0, None]}))
    found = layer.features_in(PATCH.buffer(-1e-4))
    assert [feature.id for feature in found] == ["wetland.gpkg:wetland#3", "wetland.gpkg:wetland#4"]
    assert [dict(feature.attributes) for feature in found] == [{"x": "3"}, {}]


def many(count):
    side = int(np.sqrt(count))
    west, south = (grid.ravel() for grid in np.meshgrid(117 + np.arange(side) * 0.005, 47 + np.arange(side) * 0.005))
    return shapely.box(west, south, west + 0.004, south + 0.004)


@pytest.mark.parametrize("index", ["YES", "NO"])
def test_a_large_layer_gives_what_lies_near_with_and_without_an_index(vector, index):
    path = vector(many(40_000), "grassland.gpkg", SPATIAL_INDEX=index)
    (layer,) = open_layers(path)
    place = box(117.5011, 47.5011, 117.5061, 47.5019)
    assert len(layer.features_in(place)) == 2
    with sqlite3.connect(path) as connection:
        indexed = connection.execute("select count(*) from sqlite_master where name like 'rtree_%'").fetchone()[0] > 0
    connection.close()
    assert indexed == (index == "YES")


def test_names_of_kinds_and_columns():
    assert frozenset(KIND_NAMES) == KINDS
    assert kind_of("Mining-Rights") == kind_of("采矿权") == kind_of("MINING_RIGHTS") == "mining_rights"
    assert kind_of("mining_rights_2023") is None
    assert canonical(["XKZH", "KSMC", "CQR", "YXQQ", "YXQZ"]) == {
        "licence": "XKZH",
        "name": "KSMC",
        "holder": "CQR",
        "valid_from": "YXQQ",
        "valid_to": "YXQZ",
    }
    # ten bytes of a DBF: five characters in GBK, three in UTF-8
    assert canonical(["采矿许可证"])["licence"] == "采矿许可证"
    assert canonical(["许可证"])["licence"] == "许可证"
    assert "licence" not in canonical(["许可"])

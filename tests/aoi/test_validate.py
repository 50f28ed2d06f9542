import contextlib
import sqlite3
import struct

import pytest
from shapely.geometry import GeometryCollection, MultiPolygon, Point, Polygon, box

from aoi.errors import InvalidGeometryError
from aoi.read import read_aoi
from aoi.validate import check

BOW_TIE = Polygon([(119, 49), (119.2, 49.2), (119.2, 49), (119, 49.2)])
HOLE_OUTSIDE = Polygon(box(0, 0, 1, 1).exterior, [box(3, 3, 4, 4).exterior])
OPEN_RING = {"type": "Polygon", "coordinates": [[[119, 49], [119.1, 49], [119.1, 49.1], [119, 49.1]]]}
SHORT_RING = {"type": "Polygon", "coordinates": [[[119, 49], [119.1, 49], [119, 49]]]}


def test_nothing_is_wrong_with_a_plain_polygon(geojson, square):
    assert check(geojson(square)) == ()


@pytest.mark.parametrize(
    ("geometry", "says", "says_zh"),
    [
        (None, "has no geometry", "没有几何"),
        (Polygon(), "empty geometry", "几何为空"),
        (MultiPolygon(), "empty geometry", "几何为空"),
        (BOW_TIE, r"crosses itself at \(119.100000, 49.100000\); repair", "自相交"),
        (OPEN_RING, r"not closed: it begins at \(119.000000, 49.000000\)", "环未闭合"),
        (SHORT_RING, "has 3 positions", "只有 3 个坐标"),
        (Point(119, 49), "is a Point; an area must be a polygon", "不是面"),
        ({"type": "LineString", "coordinates": []}, "is a LineString", "不是面"),
        (GeometryCollection([box(1, 1, 2, 2), Point(1, 1)]), "is a Point", "不是面"),
        (box(40_500_000, 5e6, 40_500_100, 5_000_100), "the file must say its CRS", "必须注明坐标系"),
        (box(49.3, 119.7, 49.4, 119.8), "longitude and latitude look swapped", "经纬度似乎颠倒"),
        (box(119, 89, 120, 91), "outside the Earth", "超出地球范围"),
        (box(179, 49, 181, 50), "crosses the antimeridian .* split it at 180", "请在 180° 处分成"),
        (box(-181, 49, -179, 50), "antimeridian", "180°"),
        (box(-179, 49, 179, 50), "antimeridian", "180°"),
        (box(10, 83, 11, 85), "beyond 80° S or 84° N", "84°"),
        (box(10, -81, 11, -79), "beyond 80° S or 84° N", "84°"),
        ({"type": "Polygon", "coordinates": "x"}, "nested lists", "嵌套列表"),
        ({"type": "Polygon", "coordinates": [[["a", "b"]] * 4]}, "not a pair of numbers", "不是一对数"),
        ({"type": "Polygon", "coordinates": [[[True, False]] * 4]}, "not a pair of numbers", "不是一对数"),
        ({"type": "Polygon", "coordinates": [[[10**400, 1]] * 4]}, "not a finite number", "有限"),
        ({"type": "Sphere"}, "has the type 'Sphere'", "无法识别"),
        ("x", "has the type 'None'", "无法识别"),
        (HOLE_OUTSIDE, r"hole lies outside shell\) at", "孔在外环之外"),
    ],
)
def test_each_fault_is_an_error_with_its_sentence(geojson, square, geometry, says, says_zh):
    path = geojson(square, geometry, properties={"name": "伊敏"})
    (problem,) = check(path)
    assert problem.feature == "feature 2 (伊敏)"
    assert problem.severity == "error"
    assert says_zh in problem.message_zh
    with pytest.raises(InvalidGeometryError, match=rf"area.geojson: feature 2 \(伊敏\): .*{says}"):
        read_aoi(str(path))


def test_a_number_beyond_all_numbers_is_no_coordinate(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"type": "Polygon", "coordinates": [[[1e999, 1], [2, 1], [2, 2], [1e999, 1]]]}')
    assert "finite" in check(path)[0].message_en


def test_a_file_without_features_is_an_error_of_the_file(geojson, vector):
    for path in (geojson(), vector([], "a.gpkg"), vector([], "a.shp", columns={"n": []})):
        (problem,) = check(path)
        assert (problem.feature, problem.severity) == ("file", "error")
        with pytest.raises(InvalidGeometryError, match=f"{path.name}: the file is empty"):
            read_aoi(str(path))


def test_every_feature_gets_its_own_problem_and_the_error_counts_them(geojson, square):
    path = geojson(Point(1, 1), square, BOW_TIE, None)
    assert [problem.feature for problem in check(path)] == ["feature 1", "feature 3", "feature 4"]
    with pytest.raises(InvalidGeometryError, match=r"feature 1: is a Point.*\(and 2 more; `weixun aoi check`"):
        read_aoi(str(path))


@pytest.mark.parametrize(
    ("geometry", "says"),
    [
        (box(119, 49, 119.00001, 49.00001), "smaller than one pixel"),
        (box(100, 40, 125, 55), "very large"),
        (box(49.3, 80, 49.4, 80.1), "lies in the Arctic"),
    ],
)
def test_what_is_only_odd_is_a_warning_and_read_all_the_same(geojson, geometry, says):
    path = geojson(geometry)
    (problem,) = check(path)
    assert problem.severity == "warning"
    assert says in problem.message_en
    assert read_aoi(str(path)).geometry.area == pytest.approx(geometry.area)


def test_an_old_datum_is_a_warning(vector, square):
    (problem,) = check(vector([square], "a.gpkg", to=2364))
    assert (problem.feature, problem.severity) == ("file", "warning")
    assert "Xian 1980" in problem.message_en
    assert check(vector([square], "b.gpkg", to=4528)) == ()


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp"])
def test_faults_of_other_formats_are_found_too(vector, name):
    problems = check(vector([BOW_TIE, None], name, columns={"name": ["x", "y"]}))
    assert [problem.feature for problem in problems] == ["feature 1 (x)", "feature 2 (y)"]
    assert "crosses itself" in problems[0].message_en
    assert "has no geometry" in problems[1].message_en


def test_both_sides_of_the_antimeridian_are_an_area(geojson):
    aoi = read_aoi(str(geojson(box(179, 49, 180, 50), box(-180, 49, -179, 50))))
    assert aoi.geometry.geom_type == "MultiPolygon"


def test_an_unclosed_ring_in_a_geopackage_is_found(vector, square):
    path = vector([square], "a.gpkg", SPATIAL_INDEX="NO")
    corners = [(119.0, 49.0), (119.1, 49.0), (119.1, 49.1), (119.0, 49.1)]
    ring = struct.pack("<BIII", 1, 3, 1, 4) + b"".join(struct.pack("<dd", *corner) for corner in corners)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update a set geom = ?", (b"GP\x00\x01" + struct.pack("<i", 4326) + ring,))
    (problem,) = check(path)
    assert "a ring is not closed" in problem.message_en

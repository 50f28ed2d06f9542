import shutil
import zipfile

import pyproj
import pytest
import shapely
from shapely.geometry import MultiPolygon, Point, box

from aoi.area import geodesic_area_m2
from aoi.errors import AoiError, InvalidGeometryError, UnknownAoiError, UnreadableVectorError
from aoi.read import read_aoi, read_polygons, slug
from aoi.vectors import read_features

KML = """<?xml version="1.0" encoding="{encoding}"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>伊敏</name>
<ExtendedData><Data name="holder"><value>x</value></Data></ExtendedData>
<MultiGeometry><Polygon><outerBoundaryIs><LinearRing><coordinates>
119.7,49.3,600 119.8,49.3,600 119.8,49.4,600 119.7,49.4,600 119.7,49.3,600
</coordinates></LinearRing></outerBoundaryIs><innerBoundaryIs><LinearRing><coordinates>
119.74,49.34 119.76,49.34 119.76,49.36 119.74,49.36 119.74,49.34
</coordinates></LinearRing></innerBoundaryIs></Polygon></MultiGeometry></Placemark></Document></kml>"""


def holds(aoi, geometry, tolerance=1e-7):
    return shapely.symmetric_difference(aoi.geometry, geometry).area < tolerance**2 + tolerance * geometry.length


def test_geojson_without_crs_is_in_degrees(geojson, square):
    aoi = read_aoi(str(geojson(square)))
    assert holds(aoi, square)
    assert (aoi.id, aoi.name_zh, aoi.name_en, aoi.approximate) == ("area", "area", "area", False)


def test_names_and_settings_come_from_the_properties(geojson, square):
    told = {
        "id": "yimin",
        "name_zh": "伊敏",
        "name_en": "Yimin",
        "detectors": ["mine", "grassland"],
        "layers": "wetland",
    }
    aoi = read_aoi(str(geojson(square, properties={**told, "approximate": True, "n": None})))
    assert (aoi.id, aoi.name_zh, aoi.name_en) == ("yimin", "伊敏", "Yimin")
    assert (aoi.detectors, aoi.layers, aoi.approximate) == (("mine", "grassland"), ("wetland",), True)


@pytest.mark.parametrize("document", ["Feature", "Polygon"])
def test_a_bare_feature_or_geometry_is_geojson_too(tmp_path, square, document):
    bare = shapely.to_geojson(square)
    path = tmp_path / "bare.json"
    path.write_text(bare if document == "Polygon" else f'{{"type": "Feature", "properties": null, "geometry": {bare}}}')
    assert holds(read_aoi(str(path)), square)


def test_an_old_crs_member_counts(geojson, square):
    moved = shapely.transform(
        square, pyproj.Transformer.from_crs(4326, 4528, always_xy=True).transform, interleaved=False
    )
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4528"}}
    assert holds(read_aoi(str(geojson(moved, crs=named))), square, 1e-5)
    named["properties"]["name"] = "urn:ogc:def:crs:EPSG::4490"
    assert holds(read_aoi(str(geojson(square, crs=named))), square)


def test_several_polygons_are_united(geojson):
    parts = [box(119, 49, 119.2, 49.2), box(119.1, 49.1, 119.3, 49.3), box(121, 49, 121.1, 49.1)]
    aoi = read_aoi(str(geojson(*parts)))
    assert aoi.geometry.geom_type == "MultiPolygon"
    assert aoi.geometry.area == pytest.approx(0.04 + 0.04 - 0.01 + 0.01)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_kml_with_hole_and_chinese_name(tmp_path, encoding):
    path = tmp_path / "a.kml"
    path.write_bytes(KML.format(encoding=encoding).encode(encoding))
    aoi = read_aoi(str(path))
    assert aoi.name_zh == "伊敏"
    assert aoi.geometry.area == pytest.approx(0.01 - 0.0004)


def test_kmz(tmp_path):
    path = tmp_path / "a.kmz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("files/icon.png", b"x")
        archive.writestr("files/more.kml", "<kml/>")
        archive.writestr("doc.kml", KML.format(encoding="utf-8"))
    assert read_aoi(str(path)).geometry.area == pytest.approx(0.0096)


def test_cgcs2000_zone_40_shapefile_with_prj_and_gbk_names(vector, square):
    path = vector([square], "矿区.shp", to=4528, columns={"名称": ["宝日希勒"]}, encoding="GBK")
    (path.with_suffix(".cpg")).unlink()
    aoi = read_aoi(str(path))
    assert holds(aoi, square, 1e-5)
    assert aoi.name_zh == "宝日希勒"
    assert aoi.id == slug("矿区")
    assert aoi.id.isascii()


@pytest.mark.parametrize(("encoding", "cpg"), [("GBK", "GBK"), ("UTF-8", None), ("GBK", "UTF-8"), ("GBK", "zlib")])
def test_dbf_text_is_read_whatever_its_cpg_says(vector, square, encoding, cpg):
    path = vector([square], "a.shp", columns={"名称": ["新巴尔虎左旗"]}, encoding=encoding)
    path.with_suffix(".cpg").unlink()
    if cpg:
        path.with_suffix(".CPG").write_text(cpg)
    assert read_aoi(str(path)).name_zh == "新巴尔虎左旗"


@pytest.mark.parametrize("folder", ["", "data/矿区/"])
@pytest.mark.parametrize("name", ["a.zip", "a.shp.zip"])
def test_zipped_shapefile(vector, square, tmp_path, folder, name):
    shp = vector([square], "inner.shp", to=32650, columns={"名称": ["伊敏"]})
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in shp.parent.glob("inner.*"):
            archive.write(part, f"{folder}{part.stem}{part.suffix.upper()}")
        archive.writestr("__MACOSX/._inner.shp", b"junk")
    aoi = read_aoi(str(path))
    assert holds(aoi, square, 1e-5)
    assert (aoi.id, aoi.name_zh) == ("a", "伊敏")


def test_geopackage_of_one_table_and_of_two(vector, square):
    path = vector([square], "a.gpkg", layer="one", to=4490)
    assert holds(read_aoi(str(path)), square)
    vector([box(118, 48, 119, 49)], "a.gpkg", layer="two", mode="a")
    with pytest.raises(UnreadableVectorError, match=r"has 2 tables \(one, two\); name one as a.gpkg:one"):
        read_aoi(str(path))
    assert holds(read_aoi(f"{path}:two"), box(118, 48, 119, 49))
    with pytest.raises(UnreadableVectorError, match="has no table 'three'; it has one, two"):
        read_aoi(f"{path}:three")


def test_long_edges_of_a_projected_file_stay_where_they_are(vector):
    """The middle of a 60 km edge, straight in its zone, is 60 m off the straight line in degrees."""
    grid = box(40_460_000, 5_400_000, 40_520_000, 5_410_000)
    path = vector([grid], "a.gpkg", crs=4528)
    aoi = read_aoi(str(path))
    to_degrees = pyproj.Transformer.from_crs(4528, 4326, always_xy=True)
    middle = Point(to_degrees.transform(40_490_000, 5_400_000))
    assert aoi.geometry.exterior.distance(middle) * 111_000 < 0.5


def test_circle_has_its_radius_in_every_direction():
    aoi = read_aoi("119.72,49.38,5000")
    geod = pyproj.Geod(ellps="GRS80")
    for lon, lat in aoi.geometry.exterior.coords:
        assert geod.inv(119.72, 49.38, lon, lat)[2] == pytest.approx(5000, abs=0.01)
    assert geodesic_area_m2(aoi.geometry) == pytest.approx(3.14159265 * 25e6, rel=3e-4)
    assert aoi.id.isascii()
    assert read_aoi(" 119.72 ，49.38, 5e3").geometry.equals(aoi.geometry)
    assert read_aoi("119.72,49.38,5001").id != aoi.id


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("49.38,119.72,5000", "longitude comes first"),
        ("119.72,49.38,0", "radius must be 1 to 500,000 metres, not 0"),
        ("119.72,49.38,-5", "not -5"),
        ("119.72,49.38,1e9", "radius must be"),
        ("179.99,49.38,50000", "crosses the antimeridian"),
        ("20,83.9,50000", "84° N"),
        ("400,49,10", "not a longitude"),
    ],
)
def test_circles_that_can_not_be(text, says):
    with pytest.raises(InvalidGeometryError, match=says):
        read_aoi(text)


@pytest.mark.parametrize("text", ["119.72,49.38", "1,2,3,4", "1,-,3", "119.72,nan,3"])
def test_what_is_no_circle_and_no_id_is_unknown(text):
    with pytest.raises(UnknownAoiError, match="lon,lat,radius_m"):
        read_aoi(text)


def test_an_unknown_id_names_a_near_one():
    with pytest.raises(UnknownAoiError, match="did you mean hulun_lake"):
        read_aoi("hulun_lak")


@pytest.mark.parametrize("text", ["nowhere/a.geojson", "a.shp", "../../etc/passwd"])
def test_a_missing_file_is_named(text):
    with pytest.raises(UnreadableVectorError, match=text.replace(".", r"\.")):
        read_aoi(text)


def test_a_folder_and_an_unknown_format_are_refused(tmp_path):
    with pytest.raises(UnreadableVectorError, match="is a folder"):
        read_aoi(str(tmp_path))
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UnreadableVectorError, match="not a format that is read here; give GeoJSON"):
        read_aoi(str(tmp_path / "a.txt"))


def test_shapefile_without_prj_shows_candidates_and_guesses_nothing(vector, square):
    path = vector([square], "a.shp", to=4528)
    path.with_suffix(".prj").unlink()
    with pytest.raises(UnreadableVectorError, match=r"can not be degrees.*zone 40.*EPSG:4528.*EPSG:2364.*add its .prj"):
        read_aoi(str(path))
    path = vector([square], "b.shp", to=4549)
    path.with_suffix(".prj").unlink()
    with pytest.raises(UnreadableVectorError, match="without its prefix"):
        read_aoi(str(path))
    path = vector([square], "c.shp")
    path.with_suffix(".prj").unlink()
    with pytest.raises(UnreadableVectorError, match=r"x 119.7 to 119.8, y 49.3 to 49.4.*may be degrees.*not guessed"):
        read_aoi(str(path))


def test_corner_tables_with_x_north_are_recognised(vector, square):
    swapped = shapely.transform(
        square,
        lambda x, y: pyproj.Transformer.from_crs(4326, 4528, always_xy=True).transform(x, y)[::-1],
        interleaved=False,
    )
    path = vector([swapped], "a.shp", crs=4528)
    with pytest.raises(UnreadableVectorError, match=r"do not fit its CRS .*x and y are swapped"):
        read_aoi(str(path))
    path.with_suffix(".prj").unlink()
    with pytest.raises(UnreadableVectorError, match="x and y look swapped"):
        read_aoi(str(path))


def test_eastings_without_their_prefix_in_a_prefixed_crs_are_refused(vector):
    path = vector([box(500_000, 5_400_000, 510_000, 5_410_000)], "a.gpkg", crs=4528)
    with pytest.raises(UnreadableVectorError, match="zone prefix of the eastings is missing"):
        read_aoi(str(path))


def test_a_crs_that_is_not_of_the_earth_is_refused(vector):
    wkt = 'ENGCRS["site grid",EDATUM["gate"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]'
    path = vector([box(0, 0, 1000, 1000)], "a.gpkg", crs=wkt)
    with pytest.raises(UnreadableVectorError, match=r"not places on the Earth|does not say its CRS"):
        read_aoi(str(path))


@pytest.mark.parametrize("geometry", [Point(119, 49), shapely.LineString([(119, 49), (120, 50)])])
@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.shp"])
def test_points_and_lines_are_refused_with_the_reason(vector, geometry, name):
    path = vector([geometry], name)
    with pytest.raises(InvalidGeometryError, match=rf"{name}: feature 1: is a (Point|LineString).*polygon"):
        read_aoi(str(path))


@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.shp"])
def test_too_many_features_are_a_layer(vector, square, name):
    path = vector([square] * 4, name)
    assert len(read_features(path, limit=4).features) == 4
    with pytest.raises(UnreadableVectorError, match="has 4 features, an area has at most 3"):
        read_features(path, limit=3)


def test_read_polygons_gives_a_frame_in_degrees(vector, square):
    path = vector([square, MultiPolygon([box(118, 48, 118.1, 48.1)])], "a.gpkg", to=4528, columns={"n": [1, 2]})
    frame = read_polygons(path)
    assert frame.crs.to_epsg() == 4326
    assert list(frame["n"]) == ["1", "2"]
    assert frame.total_bounds == pytest.approx((118, 48, 119.8, 49.4), abs=2e-5)


def test_read_polygons_refuses_what_is_none(geojson):
    with pytest.raises(InvalidGeometryError, match="feature 1: is a Point, not a polygon"):
        read_polygons(geojson(Point(1, 2)))
    with pytest.raises(InvalidGeometryError, match="feature 1: has no geometry"):
        read_polygons(geojson(None))


def test_stored_comes_before_shipped_and_both_before_a_file(tmp_path, geojson, square, monkeypatch):
    shipped = read_aoi("hulun_lake")
    (tmp_path / "aoi").mkdir()
    shutil.copy(geojson(square), tmp_path / "aoi" / "hulun_lake.geojson")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hulun_lake").write_text("a file of that name")
    assert holds(read_aoi("hulun_lake", tmp_path), square)
    assert read_aoi("hulun_lake").geometry.equals(shipped.geometry)


def test_ids_from_names_are_safe_and_stable():
    assert slug("Hulun Lake (2024)") == "hulun_lake_2024"
    assert slug("伊敏") == slug("伊敏") != slug("宝日希勒")
    assert slug("../../x") == "x"
    assert slug("伊敏mine").startswith("mine_")
    assert len(slug("x" * 500)) <= 64
    assert slug("")
    assert slug("...")


def test_every_error_is_an_aoi_error():
    assert issubclass(UnknownAoiError, AoiError)
    assert issubclass(UnreadableVectorError, AoiError)
    assert issubclass(InvalidGeometryError, AoiError)

"""A mosaic of several days: each part a scene of its own day, no pixel of two, and everything odd said."""

import datetime as dt
import json
import warnings

import geopandas
import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely import contains_xy, unary_union
from shapely.geometry import Polygon, box

from imagery.compose import composite
from imagery.errors import InconsistentSceneError
from imagery.read import read_scene
from imagery.scene import BANDS
from imagery.seams import DATE_FIELDS, day_of, read_seams

EPSG = 4528  # CGCS2000 / 3-degree Gauss-Kruger zone 40
LEFT, TOP, GSD, SIZE = 40_500_000.0, 5_460_000.0, 0.5, 400
SPLIT = LEFT + 83.3
"""The seam, not on a pixel's edge."""

_BEND = [(SPLIT, TOP + 5), (SPLIT + 20, TOP - 100), (SPLIT, TOP - 205)]
WEST = Polygon([*_BEND, (LEFT - 5, TOP - 205), (LEFT - 5, TOP + 5)])
EAST = Polygon([*_BEND, (LEFT + 205, TOP - 205), (LEFT + 205, TOP + 5)])


@pytest.fixture
def mosaic(tmp_path):
    """Writes a mosaic whose pixels are bright in the east and dark in the west of its seam, and its seam lines."""

    def make(
        shapes=(WEST, EAST), columns=None, bands=3, name="dom", line="接缝线.shp", encoding="GBK", cpg=False, **note
    ):
        folder = tmp_path / "in"
        folder.mkdir(exist_ok=True)
        transform = Affine(GSD, 0, LEFT, 0, -GSD, TOP)
        x, y = transform * np.meshgrid(np.arange(SIZE) + 0.5, np.arange(SIZE) + 0.5)
        ground = np.where(contains_xy(EAST, x, y), 200, 40).astype(np.uint8)
        pixels = np.stack([ground + band for band in range(bands)]).astype(np.uint8)
        profile = {"driver": "GTiff", "count": bands, "height": SIZE, "width": SIZE, "dtype": "uint8", "tiled": True,
                   "blockxsize": 128, "blockysize": 128, "compress": "deflate", "crs": f"EPSG:{EPSG}"}  # fmt: skip
        photometric = {"photometric": "RGB"} if bands == 3 else {"photometric": "MINISBLACK"}
        with rasterio.open(folder / f"{name}.tif", "w", transform=transform, **profile, **photometric) as target:
            target.write(pixels)
        columns = {"影像时间": ["2023年6月15日", "2024/7/2"]} if columns is None else columns
        frame = geopandas.GeoDataFrame(columns, geometry=list(shapes), crs=f"EPSG:{EPSG}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # names are cut at ten bytes, which is the point
            frame.to_file(folder / line, encoding=encoding, engine="pyogrio")
        if not cpg:
            (folder / line).with_suffix(".cpg").unlink(missing_ok=True)
        if note:
            (folder / f"{name}.tif.weixun.json").write_text(json.dumps(note))
        return folder

    return make


def grid(gsd=GSD, size=SIZE, epsg=EPSG):
    return GeoBox((size, size), Affine(gsd, 0, LEFT, 0, -gsd, TOP), f"EPSG:{epsg}")


def test_dates_are_right_on_both_sides_of_a_seam(archive, mosaic):
    assert archive.add([mosaic()]).refused == ()
    west, east = archive.scenes()
    assert (west.solar_day, east.solar_day) == (dt.date(2023, 6, 15), dt.date(2024, 7, 2))
    assert (west.level, west.gsd_m, west.sensor) == ("DN", 0.5, "unknown")
    assert "影像时间, polygon 1" in west.properties["date_source"]
    looks = [read_scene(scene, grid()) for scene in (west, east)]
    before, after = looks
    assert not (before.observed & after.observed).any()
    assert (before.observed | after.observed).all()
    assert set(np.unique(before.data[2][before.observed])) <= {40.0, 41.0, 42.0}
    assert set(np.unique(after.data[2][after.observed])) <= {200.0, 201.0, 202.0}
    merged = composite(looks)
    days = np.array([day.toordinal() for day in merged.dates])[merged.source]
    expected = np.where(merged.data[2] > 100, east.solar_day.toordinal(), west.solar_day.toordinal())
    np.testing.assert_array_equal(days, expected)
    assert merged.present == (True, True, True, False, False, False)


def test_coarse_pixels_across_a_seam_belong_to_nobody(archive, mosaic):
    archive.add([mosaic()])
    looks = [read_scene(scene, grid(10.0, 20)) for scene in archive.scenes()]
    assert not (looks[0].observed & looks[1].observed).any()
    for look, low, high in ((looks[0], 39, 43), (looks[1], 199, 203)):
        values = look.data[2][look.observed]
        assert len(values) > 100
        assert values.min() > low
        assert values.max() < high
    nobody = ~(looks[0].observed | looks[1].observed)
    assert 10 < nobody.sum() < 80


def test_footprints_are_the_polygons_on_the_mosaic(archive, mosaic):
    archive.add([mosaic()])
    west, east = archive.scenes()
    assert west.geometry.intersection(east.geometry).area < 1e-6 * west.geometry.area
    both = geopandas.GeoSeries([unary_union([west.geometry, east.geometry])], crs=4326).to_crs(EPSG).iloc[0]
    assert both.area == pytest.approx((SIZE * GSD) ** 2, rel=1e-4)
    assert both.symmetric_difference(box(LEFT, TOP - 200, LEFT + 200, TOP)).area < 4


def test_originals_stay_and_are_hashed_once(archive, mosaic, monkeypatch):
    import imagery.assemble as assembly

    hashed = []
    real = assembly.sha256_of
    monkeypatch.setattr(assembly, "sha256_of", lambda path: hashed.append(path) or real(path))
    folder = mosaic()
    archive.add([folder])
    assert len(hashed) == 1
    scene, _ = archive.scenes()
    assert scene.assets["red"].href == str(folder / "dom.tif")
    assert scene.assets["seam"].href.startswith(str(archive.root / "masks"))
    report = archive.add([folder])
    assert len(report.already) == 2
    assert not report.refused


def test_seams_moved_afterwards_do_not_slip_in(archive, mosaic):
    archive.add([mosaic()])
    kept = {file: file.read_bytes() for file in (archive.root / "masks").iterdir()}
    half = LEFT + 30
    report = archive.add([mosaic(shapes=(box(LEFT, TOP - 200, half, TOP), box(half, TOP - 200, LEFT + 200, TOP)))])
    assert len(report.refused) == 2
    assert "other seam lines" in report.refused[0][1]
    assert {file: file.read_bytes() for file in (archive.root / "masks").iterdir()} == kept


def test_four_bands_must_be_named(archive, mosaic):
    ((_, reason),) = archive.add([mosaic(bands=4)]).refused
    assert "does not say which is which" in reason
    folder = mosaic(bands=4)
    note = {"bands": ["blue", "green", "red", "nir"], "sensor": "gaofen-2"}
    (folder / "dom.tif.weixun.json").write_text(json.dumps(note))
    assert archive.add([folder]).refused == ()
    scene = archive.scenes()[0]
    assert {name: scene.assets[name].index for name in ("blue", "green", "red", "nir")} == dict(
        blue=1, green=2, red=3, nir=4
    )
    assert "sidecar" in scene.properties["band_order"]
    assert read_scene(scene, grid()).bands == BANDS


def test_an_alpha_band_says_where_there_is_data(archive, mosaic):
    folder = mosaic(bands=4)
    with rasterio.open(folder / "dom.tif") as source:
        pixels, profile = source.read(), {**source.profile, "photometric": "RGB", "alpha": "YES"}
    pixels[3] = 255
    pixels[3, :100] = 0
    with rasterio.open(folder / "dom.tif", "w", **profile) as target:
        target.write(pixels)
    assert archive.add([folder]).refused == ()
    looks = [read_scene(scene, grid()) for scene in archive.scenes()]
    seen = looks[0].observed | looks[1].observed
    assert not seen[:100].any()
    assert seen[100:].all()
    assert looks[0].present == (True, True, True, False, False, False)


def test_overlaps_and_gaps_are_said_and_not_observed(archive, mosaic):
    first, second = box(LEFT, TOP - 200, LEFT + 90, TOP), box(LEFT + 80, TOP - 200, LEFT + 150, TOP)
    report = archive.add([mosaic(shapes=(first, second))])
    assert len(report.added) == 2
    overlap, gap = (reason for _, reason in report.refused)
    assert "polygons 1 (2023-06-15) and 2 (2024-07-02) share 2,000 m²" in overlap
    assert "10,000 m² with data lie in no dated polygon" in gap
    looks = [read_scene(scene, grid()) for scene in archive.scenes()]
    seen = looks[0].observed | looks[1].observed
    assert not (looks[0].observed & looks[1].observed).any()
    assert seen.mean() == pytest.approx((80 + 60) / 200, abs=0.01)
    assert archive.scenes()[0].properties["seam_overlap_m2"] == "2000"


def test_bad_polygons_are_refused_and_the_good_one_stays(archive, mosaic):
    bowtie = Polygon([(LEFT, TOP), (LEFT + 60, TOP - 60), (LEFT + 60, TOP), (LEFT, TOP - 60)])
    shapes = (bowtie, box(LEFT + 90, TOP - 90, LEFT + 120, TOP), box(LEFT + 120, TOP - 90, LEFT + 150, TOP), EAST)
    days = {"DATE": ["20230615", "", "June", "20240702"]}
    report = archive.add([mosaic(shapes=shapes, columns=days, line="seams.gpkg", encoding=None)])
    assert len(report.added) == 1
    reasons = [reason for _, reason in report.refused]
    assert "polygon 1 is not used: its outline is not valid (Self-intersection" in reasons[0]
    assert "polygon 2 is not used: it has no date" in reasons[1]
    assert 'polygon 3 is not used: its DATE "June" is no date' in reasons[2]


def test_no_date_at_all(archive, mosaic):
    ((_, reason),) = archive.add([mosaic(columns={"NAME": ["a", "b"]})]).refused
    assert "no field with the date" in reason
    assert "NAME" in reason


def test_two_dates_that_differ_must_be_told_apart(archive, mosaic):
    columns = {"获取时间": ["20230615", "20240702"], "RQ": ["20230801", "20240801"]}
    ((_, reason),) = archive.add([mosaic(columns=columns)]).refused
    assert "different days in 获取时间 and RQ" in reason
    report = archive.add([mosaic(columns=columns, date_field="RQ")])
    assert report.refused == ()
    assert archive.scenes()[0].solar_day == dt.date(2023, 8, 1)


def test_seam_lines_of_elsewhere(archive, mosaic):
    away = box(LEFT + 5000, TOP, LEFT + 6000, TOP + 100)
    ((_, reason),) = archive.add([mosaic(shapes=(away,), columns={"DATE": ["20230615"]})]).refused
    assert "No polygon of" in reason


def test_a_damaged_seam_file(archive, mosaic):
    folder = mosaic()
    file = folder / "接缝线.shp"
    file.write_bytes(file.read_bytes()[:120])
    ((_, reason),) = archive.add([folder]).refused
    assert "truncated" in reason


def test_several_seam_files_are_asked_about(archive, mosaic):
    folder = mosaic()
    mosaic(line="镶嵌线2023.shp")
    ((_, reason),) = archive.add([folder]).refused
    assert "several seam-line files" in reason
    mosaic(seams="接缝线.shp")
    assert archive.add([folder]).refused == ()


def test_a_dated_raster_beside_seam_lines_is_one_scene(archive, mosaic):
    folder = mosaic()
    (folder / "dom.tif.weixun.json").write_text(
        json.dumps({"date": "2023-01-01", "level": "DN", "bands": ["red", "green", "blue"]})
    )
    assert len(archive.add([folder]).added) == 1


def test_chinese_names_do_not_collide(archive, mosaic):
    mosaic(name="呼伦湖")
    folder = mosaic(name="新巴尔虎")
    report = archive.add([folder])
    assert len(set(report.added)) == 4
    assert not report.refused


@pytest.mark.parametrize("field", ["影像时间", "获取时间", "SXRQ", "SHIJIAN", "DATE", "ACQUISITION_DATE"])
@pytest.mark.parametrize(("encoding", "cpg"), [("GBK", False), ("UTF-8", True), ("UTF-8", False)])
def test_fields_by_any_name_in_any_encoding(mosaic, field, encoding, cpg):
    folder = mosaic(
        columns={"备注": ["呼伦贝尔市", "海拉尔区"], field: ["20230615", "20240702"]}, encoding=encoding, cpg=cpg
    )
    seams = read_seams(folder / "接缝线.shp", None)
    assert [part.day for part in seams.parts] == [dt.date(2023, 6, 15), dt.date(2024, 7, 2)]


@pytest.mark.parametrize(
    "text",
    [
        "20230615", "2023-06-15", "2023年6月15日", "2023/6/15", "2023.6.15", "2023-06-15T02:51:00",
        "2023/06/15 00:00:00+00", "2023年06月15日10时51分", " 20230615 ",
    ],
)  # fmt: skip
def test_dates(text):
    assert day_of(text) == dt.date(2023, 6, 15)


@pytest.mark.parametrize(
    "text", ["", "2023", "202306", "20230631", "2023年6月", "15/06/2023", "20230615-20230618", "9" * 9999]
)
def test_what_is_no_date(text):
    assert day_of(text) is None


def test_dates_of_a_date_field(mosaic):
    folder = mosaic(columns={"DATE": [dt.date(2023, 6, 15), dt.date(2024, 7, 2)]})
    assert read_seams(folder / "接缝线.shp", None).parts[1].day == dt.date(2024, 7, 2)


def test_a_named_field_that_is_not_there(mosaic):
    with pytest.raises(InconsistentSceneError, match="no date in XX"):
        read_seams(mosaic() / "接缝线.shp", "XX")
    assert len(set(DATE_FIELDS)) == len(DATE_FIELDS)

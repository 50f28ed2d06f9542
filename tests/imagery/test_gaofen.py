"""Gaofen products written by an exact camera over known hills: indexed, laid onto the ground, refused when they lie."""

import datetime as dt
import io
import json
import shutil
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from imagery.layouts.gaofen_meta import acquired, parse_name, read_xml
from imagery.read import read_scene
from imagery.scene import BANDS

STEM = "GF1_PMS1_E119.7_N49.3_20230615_L1A0007351234-MSS1"
XML = """<?xml version="1.0" encoding="{encoding}"?>
<ProductMetaData>
  <SatelliteID>GF1</SatelliteID><SensorID>PMS1</SensorID><ReceiveTime>2023-06-15 03:12:44</ReceiveTime>
  <ProductID>7351234</ProductID><CenterTime>2023-06-15 11:12:40</CenterTime><Remark>呼伦贝尔</Remark>
  <WidthInPixels>{width}</WidthInPixels><HeightInPixels>{height}</HeightInPixels>
  <SolarAzimuth>150.1</SolarAzimuth><SolarZenith>28.4</SolarZenith><CloudPercent>1</CloudPercent>
</ProductMetaData>
"""


@pytest.fixture(scope="module")
def original(pushbroom, tmp_path_factory):
    """One product on disc, and the elevation under it."""
    folder = tmp_path_factory.mktemp("original")
    camera = pushbroom.Camera()
    pushbroom.write_raw(folder / f"{STEM}.tiff", camera.picture(pushbroom.hills))
    (folder / f"{STEM}.rpb").write_text(pushbroom.rpb_text(camera))
    (folder / f"{STEM}.xml").write_text(XML.format(width=camera.cols, height=camera.rows, encoding="UTF-8"))
    (folder / f"{STEM}.jpg").write_bytes(b"\xff\xd8\xff")
    pushbroom.write_dem(folder / "dem" / "N49E119.tif", pushbroom.hills)
    return folder


@pytest.fixture
def product(original, tmp_path):
    """A copy of the product that a test may spoil."""
    folder = tmp_path / "product"
    folder.mkdir()
    for file in original.glob(f"{STEM}*"):
        shutil.copy(file, folder)
    return folder


@pytest.fixture
def refused(archive):
    def add(folder):
        report = archive.add([folder])
        assert not report.added
        assert not list(archive.root.rglob("*.part*"))
        assert not list(archive.root.rglob(".unpacked*"))
        ((_, reason),) = report.refused
        assert "\n" not in reason
        return reason

    return add


def test_a_raw_scene_lies_where_it_should(archive, original, product, pushbroom):
    report = archive.add([product], elevation=[original / "dem"])
    assert report.refused == ()
    (scene,) = archive.scenes()
    assert scene.id in report.added[0] == "gf1_pms1_e119_7_n49_3_20230615_l1a0007351234_mss1"
    assert (scene.sensor, scene.level, scene.gsd_m) == ("gaofen-1", "DN", 8.0)
    assert scene.datetime == dt.datetime(2023, 6, 15, 3, 12, 40, tzinfo=dt.UTC)
    assert "Beijing" in scene.properties["date_source"]
    assert list(scene.assets) == ["blue", "green", "red", "nir"]
    assert "N49E119.tif" in scene.properties["heights"]
    file = archive.root / "ortho" / f"{scene.id}.tif"
    assert scene.assets["nir"].href == str(file)
    assert scene.properties["original"] == str(product / f"{STEM}.tiff")
    assert pushbroom.off_px(file).max() < 0.1
    assert sorted(entry.name for entry in product.iterdir()) == sorted(
        f"{STEM}.{x}" for x in ("jpg", "rpb", "tiff", "xml")
    )


def test_it_is_read_as_any_scene_without_swir(archive, original, product):
    archive.add([product], elevation=[original / "dem"])
    (scene,) = archive.scenes()
    with rasterio.open(scene.assets["red"].href) as source:
        grid = GeoBox((source.height, source.width), source.transform, "EPSG:32650")
        expected = source.read(3)
    mosaic = read_scene(scene, grid)
    assert mosaic.present == (True, True, True, True, False, False)
    assert mosaic.bands == BANDS
    seen = mosaic.observed
    np.testing.assert_array_equal(seen, expected > 0)
    np.testing.assert_allclose(mosaic.data[2][seen], expected[seen], atol=0.01)


def test_without_elevation_it_says_how_far_it_may_be_off(archive, product):
    archive.add([product])
    (scene,) = archive.scenes()
    assert "none at hand" in scene.properties["heights"]
    assert float(scene.properties["expected_error_m"]) == pytest.approx(250 * np.tan(np.radians(22.3)), rel=0.1)


def test_elevation_from_the_archive_and_from_the_sidecar(archive, original, product, pushbroom, tmp_path):
    shutil.copytree(original / "dem", archive.root / "dem")
    archive.add([product])
    assert "N49E119" in archive.scenes()[0].properties["heights"]
    pushbroom.write_dem(tmp_path / "own.tif", pushbroom.hills, above_geoid_m=-9)
    (product / f"{STEM}.tiff.weixun.json").write_text(json.dumps({"id": "own", "dem": "../own.tif", "geoid_m": -9}))
    archive.add([product])
    (own,) = (scene for scene in archive.scenes() if scene.id == "own")
    assert own.properties["heights"].startswith("own.tif")
    assert pushbroom.off_px(archive.root / "ortho" / "own.tif").max() < 0.1


def test_elevation_that_a_sidecar_names_must_be_there_and_reach(archive, product, pushbroom, tmp_path, monkeypatch):
    note = product / f"{STEM}.tiff.weixun.json"
    note.write_text(json.dumps({"dem": "../none.tif"}))
    assert "there is none" in archive.add([product]).refused[0][1]
    monkeypatch.setattr(pushbroom, "LAT", 40.0)
    pushbroom.write_dem(tmp_path / "far.tif", pushbroom.flat)
    note.write_text(json.dumps({"dem": "../far.tif"}))
    assert "does not reach" in archive.add([product]).refused[0][1]


def test_a_relative_path_is_as_good(archive, product, monkeypatch):
    monkeypatch.chdir(product.parent)
    assert archive.add([Path("product")]).refused == ()
    assert archive.scenes()[0].properties["original"] == str(product / f"{STEM}.tiff")


def test_adding_twice_makes_nothing_twice_and_other_heights_are_not_slipped_in(archive, original, product):
    archive.add([product])
    (file,) = (archive.root / "ortho").iterdir()
    stamp = file.stat().st_mtime_ns
    report = archive.add([product])
    assert report.already
    assert not report.refused
    assert file.stat().st_mtime_ns == stamp
    ((_, reason),) = archive.add([product], elevation=[original / "dem"]).refused
    assert "other heights" in reason
    assert file.stat().st_mtime_ns == stamp


def test_a_packed_product(archive, original, pushbroom, tmp_path):
    (tmp_path / "in").mkdir()
    pack(tmp_path / "in" / "GF1_PMS1_E119.7_N49.3_20230615_L1A0007351234.tar.gz", original)
    report = archive.add([tmp_path / "in"], elevation=[original / "dem"])
    assert report.refused == ()
    (scene,) = archive.scenes()
    assert scene.datetime.hour == 3
    assert pushbroom.off_px(archive.root / "ortho" / f"{scene.id}.tif").max() < 0.1
    assert not list(archive.root.rglob(".unpacked*"))


def pack(path, folder, rename=lambda name: f"product/{name}", **extra):
    with tarfile.open(path, "w:gz") as archive:
        for file in sorted(folder.glob(f"{STEM}*")):
            archive.add(file, rename(file.name))
        for member in extra.values():
            archive.addfile(member, io.BytesIO(b"x" * member.size) if member.isreg() else None)
    return path


@pytest.mark.parametrize("kind", ["outside", "absolute", "link", "many", "cut", "text"])
def test_a_hostile_archive(refused, original, tmp_path, kind):
    path = tmp_path / "in" / "GF1_PMS1_E119.7_N49.3_20230615_L1A0007351234.tar.gz"
    path.parent.mkdir()
    link = tarfile.TarInfo("GF1_PMS1_E119.7_N49.3_20230615_L1A0007351234-MSS1.xml")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    if kind == "outside":
        pack(path, original, lambda name: f"a/../../{name}")
    elif kind == "absolute":
        pack(path, original, rooted=tarfile.TarInfo("/etc/x"))
    elif kind == "link":
        pack(path, original, link=link)
    elif kind == "many":
        pack(path, original, **{f"m{k}": tarfile.TarInfo(f"m{k}") for k in range(600)})
    elif kind == "cut":
        path.write_bytes(pack(path, original).read_bytes()[:20_000])
    else:
        path.write_text("hello")
    said = {"outside": "outside", "absolute": "outside", "link": "no plain file", "many": "more than 500"}
    assert said.get(kind, "truncated, damaged") in refused(path.parent)


def test_gains_come_from_a_sidecar_or_not_at_all(archive, product):
    gains = {name: {"gain": 0.2, "bias": 0.0, "esun": 1800.0} for name in ("blue", "green", "red", "nir")}
    note = product / f"{STEM}.tiff.weixun.json"
    note.write_text(json.dumps({"calibration": gains}))
    archive.add([product])
    (scene,) = archive.scenes()
    assert scene.level == "L1C"
    # by hand: 15 June, earth at 1.0157 au; sun 62.7° high at 03:12:40 UTC by the NOAA calculator (zenith 27.3°)
    assert scene.assets["red"].scale == pytest.approx(
        np.pi * 0.2 * 1.0157**2 / (1800 * np.cos(np.radians(27.3))), rel=0.02
    )
    assert scene.assets["red"].offset == 0


def test_a_calibration_that_leaves_out_a_band(refused, product):
    (product / f"{STEM}.tiff.weixun.json").write_text(json.dumps({"calibration": {"red": {"gain": 0.2, "esun": 1800}}}))
    assert "lacks blue, green, nir" in refused(product)


def test_eight_bands_of_wfv_by_name(archive, original, tmp_path, pushbroom):
    stem = "GF6_WFV_E119.7_N49.3_20230615_L1A1420123456-2"
    folder = tmp_path / "wfv"
    folder.mkdir()
    camera = pushbroom.Camera(rows=60, cols=50, gsd_m=16.0)
    picture = np.arange(1, 9, dtype=np.uint16)[:, None, None] * np.full((8, 60, 50), 100, np.uint16)
    pushbroom.write_raw(folder / f"{stem}.tiff", picture)
    (folder / f"{stem}_rpc.txt").write_text(pushbroom.rpb_text(camera, "GF6"))
    (folder / "GF6_WFV_E119.7_N49.3_20230615_L1A1420123456.xml").write_text(
        XML.format(width=12000, height=13400, encoding="utf-8").replace("GF1", "GF6")
    )
    report = archive.add([folder])
    assert report.refused == ()
    (scene,) = archive.scenes()
    assert (scene.sensor, scene.gsd_m) == ("gaofen-6", 16.0)
    assert scene.datetime.hour == 3
    with rasterio.open(scene.assets["blue"].href) as source:
        middle = source.read()[:, source.height // 2, source.width // 2]
    found = {name: int(middle[asset.index - 1]) // 100 for name, asset in scene.assets.items()}
    assert found == dict(
        blue=1, green=2, red=3, nir=4, rededge1=5, rededge2=6, coastal=7, yellow=8
    )  # fmt: skip


def test_a_product_on_the_ground_is_read_in_place(archive, raster, noise, tmp_path):
    stem = "GF2_PMS2_E117.2_N48.8_20220701_L2A0006543210-MSS2"
    data = np.stack([noise(k) for k in range(4)])
    data[:, :20] = 0
    file = raster(tmp_path / "gf" / f"{stem}.tif", data, 4)
    assert archive.add([file]).refused == ()
    (scene,) = archive.scenes()
    assert scene.assets["green"].href == str(file)
    assert scene.assets["green"].nodata == 0
    assert (scene.sensor, scene.gsd_m, scene.datetime.hour) == ("gaofen-2", 4, 12)


def test_the_grey_band_goes_with_its_colours(archive, product, pushbroom):
    grey = STEM.replace("MSS1", "PAN1")
    pushbroom.write_raw(product / f"{grey}.tiff", np.full((1, 40, 40), 9, np.uint16))
    assert archive.add([product]).refused == ()
    (product / f"{STEM}.tiff").unlink()
    ((_, reason),) = archive.add([product]).refused
    assert "one grey band" in reason


# --- names and times --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "satellite", "camera", "part", "level"),
    [
        ("GF1_WFV2_E109.5_N32.6_20200425_L1A0004761605.tiff", "GF1", "WFV", "", "1A"),
        ("GF1B_PMS_E120.9_N28.0_20230130_L1A1228249417-MUX.tiff", "GF1B", "PMS", "MUX", "1A"),
        ("GF1_PMS1_E114.6_N22.7_20181006_L1A0003680028-PAN1.tiff", "GF1", "PMS", "PAN1", "1A"),
        ("ZY302_MUX_E119.4_N32.3_20180426_L1A0003861346.tif", "ZY3", "MUX", "", "1A"),
        ("gf6_wfv_e109.4_n31.0_20180726_L2A1119838015-1.tiff", "GF6", "WFV", "1", "2A"),
    ],
)
def test_names(name, satellite, camera, part, level):
    product = parse_name(name)
    assert (product.satellite, product.camera, product.part, product.level) == (satellite, camera, part, level)
    assert product.panchromatic == ("PAN" in part)


@pytest.mark.parametrize("name", ["GF1.tiff", "GF1_PMS1_E114.6_N22.7_20181306_L1A0003680028-MSS1.tiff", "x" * 5000])
def test_no_names(name):
    assert parse_name(name) is None


@pytest.mark.parametrize(
    ("text", "lon", "utc_hour", "said"),
    [
        ("2023-06-15 11:12:40", 119.7, 3, "Beijing"),
        ("2023-06-15 03:12:40", 119.7, 3, "UTC"),
        ("2023-06-15T13:39:09", 80.0, 5, "Beijing"),
        ("2023-06-15 23:30:00", 119.7, 12, "no daytime"),
        ("", 119.7, 12, "no time"),
        ("2023-06-15T11:12:40+08:00", 119.7, 3, "zone"),
    ],
)
def test_the_zone_is_the_one_that_makes_it_day(text, lon, utc_hour, said):
    product = parse_name(f"GF1_PMS1_E{lon}_N49.3_20230615_L1A0007351234-MSS1.tiff")
    when, source = acquired({"CenterTime": text}, product)
    assert when.hour == utc_hour
    assert said in source


def test_xml_in_gbk(tmp_path):
    (tmp_path / "a.xml").write_bytes(XML.format(width=1, height=1, encoding="GB2312").encode("gb18030"))
    assert read_xml(tmp_path / "a.xml")["Remark"] == "呼伦贝尔"


# --- hostile ----------------------------------------------------------------------------------------------------------


BOMB = """<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><ProductMetaData><SatelliteID>&c;</SatelliteID></ProductMetaData>"""
OUTSIDE = """<!DOCTYPE z [<!ENTITY a SYSTEM "file:///etc/passwd">]><ProductMetaData><SatelliteID>&a;</SatelliteID></ProductMetaData>"""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (BOMB, "defines entities"),
        (OUTSIDE, "defines entities"),
        ("<ProductMetaData><a>", "not XML"),
        ("<html/>", "its root is html"),
        ("<a>" * 100_000, "not XML"),
        ('<?xml version="1.0" encoding="no-such"?><ProductMetaData/>', "not XML"),
        (XML.format(width=99, height=99, encoding="UTF-8"), "another image"),
        (XML.format(width=280, height=300, encoding="UTF-8").replace("GF1", "GF2"), "is of GF2"),
        (XML.format(width=280, height=300, encoding="UTF-8").replace("2023-06", "2022-06"), "tells of 2022-06-15"),
    ],
)
def test_a_bad_xml(refused, product, content, reason):
    (product / f"{STEM}.xml").write_text(content)
    assert reason in refused(product)


def test_no_rpc(refused, product):
    (product / f"{STEM}.rpb").unlink()
    assert "no georeference, and no" in refused(product)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("latOffset", "29.3", "that of another image"),
        ("lineScale", "9000", "that of another image"),
        ("longScale", "0.2", "m wide"),
        ("lineNumCoef", "(1)", "1 coefficients"),
    ],
)
def test_an_rpc_of_something_else(refused, product, key, value, reason):
    import re

    file = product / f"{STEM}.rpb"
    file.write_text(re.sub(rf"{key} = (\([^)]*\)|[^;]*);", f"{key} = {value};", file.read_text()))
    assert reason in refused(product)


def test_a_rectified_image_is_not_rectified_again(refused, product, raster, noise):
    (product / f"{STEM}.tiff").unlink()
    raster(product / f"{STEM}.tiff", np.stack([noise(k) for k in range(4)]), 8)
    (product / f"{STEM}.xml").unlink()
    assert "speaks of a raw image" in refused(product)


def test_a_tiff_that_claims_a_million_pixels_a_side(refused, product):
    tags = [
        (256, 4, 1, 1_000_000), (257, 4, 1, 1_000_000), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 1_000_000), (279, 4, 1, 8),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = b"II*\0" + struct.pack("<I", 16) + b"\0" * 8 + struct.pack("<H", len(tags))
    (product / f"{STEM}.tiff").write_bytes(head + entries + b"\0\0\0\0")
    reason = refused(product)
    assert "claims 1000000 × 1000000" in reason


def test_three_bands_where_four_should_be(refused, product, pushbroom):
    (product / f"{STEM}.tiff").unlink()
    pushbroom.write_raw(product / f"{STEM}.tiff", np.full((3, 300, 280), 9, np.uint16))
    assert "3 bands, but 4" in refused(product)

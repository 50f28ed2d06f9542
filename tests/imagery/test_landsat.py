"""Landsat surface reflectance, written here: folder and tar, three kinds of metadata, both collections, the bits."""

import io
import json
import tarfile

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from imagery.masks import radsat_flags
from imagery.mosaic import Flag
from imagery.read import read_scene

STEM = "LC09_L2SP_123026_20240715_20240801_02_T1"
SIZE = 40

MTL = {
    "PRODUCT_CONTENTS": {"LANDSAT_PRODUCT_ID": STEM},
    "IMAGE_ATTRIBUTES": {
        "SPACECRAFT_ID": "LANDSAT_9", "DATE_ACQUIRED": "2024-07-15", "SCENE_CENTER_TIME": "02:41:35.1234567Z",
        "CLOUD_COVER": "7.25", "SUN_AZIMUTH": "-215.5", "SUN_ELEVATION": "58.25",
    },
    "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS": {
        **{f"REFLECTANCE_MULT_BAND_{band}": "2.75e-05" for band in range(1, 8)},
        **{f"REFLECTANCE_ADD_BAND_{band}": "-0.2" for band in range(1, 8)},
        "REFLECTANCE_MULT_BAND_4": "3e-05",
    },
    "LEVEL1_RADIOMETRIC_RESCALING": {"REFLECTANCE_MULT_BAND_4": "2.0000E-05"},
}  # fmt: skip


def as_json(groups):
    return json.dumps({"LANDSAT_METADATA_FILE": groups})


def as_xml(groups):
    inner = "".join(
        f"<{group}>{''.join(f'<{key}>{value}</{key}>' for key, value in keys.items())}</{group}>"
        for group, keys in groups.items()
    )
    return f'<?xml version="1.0"?><LANDSAT_METADATA_FILE>{inner}</LANDSAT_METADATA_FILE>'


def as_text(groups):
    lines = ["GROUP = LANDSAT_METADATA_FILE"]
    for group, keys in groups.items():
        lines += [
            f"  GROUP = {group}",
            *(f'    {key} = "{value}"' for key, value in keys.items()),
            f"  END_GROUP = {group}",
        ]
    return "\n".join([*lines, "END_GROUP = LANDSAT_METADATA_FILE", "END"])


WRITERS = {"json": as_json, "xml": as_xml, "txt": as_text}


@pytest.fixture
def landsat(tmp_path, raster, noise):
    """Writes a product of collection 2 as a folder."""

    def write(metadata=MTL, kind="json", stem=STEM):
        folder = tmp_path / "in" / stem
        for band in "1234567":
            raster(folder / f"{stem}_SR_B{band}.TIF", noise(int(band), SIZE) + np.uint16(7000), 30)
        qa = np.full((SIZE, SIZE), 21824, np.uint16)
        qa[:5] = 22280
        radsat = np.zeros((SIZE, SIZE), np.uint16)
        radsat[10], radsat[12], radsat[14] = 1 << 3, 1 << 0, 1 << 11
        raster(folder / f"{stem}_QA_PIXEL.TIF", qa, 30)
        raster(folder / f"{stem}_QA_RADSAT.TIF", radsat, 30)
        if metadata is not None:
            (folder / f"{stem}_MTL.{kind}").write_text(WRITERS[kind](metadata))
        return folder

    return write


def tarred(folder, mode="w", prefix=""):
    target = folder.with_suffix(".tar" if mode == "w" else ".tar.gz")
    with tarfile.open(target, mode) as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, prefix + file.name)
    return target


def own_grid(scene):
    with rasterio.open(scene.assets["red"].href) as source:
        return GeoBox(source.shape, source.transform, source.crs.to_wkt())


@pytest.mark.parametrize("kind", list(WRITERS))
def test_metadata_of_each_kind_say_time_cloud_sun_and_scale(archive, landsat, kind):
    assert archive.add([landsat(kind=kind)]).added
    (scene,) = archive.scenes()
    assert scene.datetime.isoformat() == "2024-07-15T02:41:35.123456+00:00"
    assert (scene.sensor, scene.level, scene.cloud_pct) == ("landsat-9", "SR", 7.25)
    assert (scene.properties["sun_azimuth_deg"], scene.properties["sun_elevation_deg"]) == ("144.50", "58.25")
    assert (scene.assets["red"].scale, scene.assets["red"].offset) == (3e-5, -0.2)  # of level 2, not of level 1
    assert scene.assets["nir"].scale == 2.75e-5


@pytest.mark.parametrize("prefix", ["", "./", f"{STEM}/"])
def test_a_tar_is_read_where_it_lies_bit_for_bit(archive, landsat, prefix, noise):
    folder = landsat()
    packed = tarred(folder, prefix=prefix)
    report = archive.add([packed])
    assert (report.refused, len(report.added)) == ((), 1)
    (scene,) = archive.scenes()
    assert scene.assets["red"].href.startswith(f"/vsitar/{{{packed}}}/")
    mosaic = read_scene(scene, own_grid(scene), ("red",))
    clear = mosaic.flags == 0
    expected = (noise(4, SIZE) + np.uint16(7000)).astype(np.float32) * np.float32(3e-5) + np.float32(-0.2)
    np.testing.assert_array_equal(mosaic.data[0][clear], expected[clear])
    rows = {0: Flag.CLOUD, 10: Flag.SATURATED, 12: 0, 14: Flag.NODATA, 20: 0}
    assert {row: int(mosaic.flags[row, 7]) for row in rows} == {row: int(flag) for row, flag in rows.items()}


def test_without_metadata_the_name_gives_the_date(archive, landsat):
    archive.add([landsat(metadata=None)])
    (scene,) = archive.scenes()
    assert scene.datetime.isoformat() == "2024-07-15T12:00:00+00:00"
    assert scene.assets["red"].scale == 2.75e-5


@pytest.mark.parametrize(
    ("group", "key", "value", "says"),
    [
        ("IMAGE_ATTRIBUTES", "SPACECRAFT_ID", "LANDSAT_8", "LANDSAT_8"),
        ("PRODUCT_CONTENTS", "LANDSAT_PRODUCT_ID", STEM.replace("123026", "123027"), "123027"),
        ("IMAGE_ATTRIBUTES", "DATE_ACQUIRED", "2024-13-15", "none"),
        ("LEVEL2_SURFACE_REFLECTANCE_PARAMETERS", "REFLECTANCE_MULT_BAND_5", "1.0", "can not be"),
    ],
)
def test_metadata_that_contradict(archive, landsat, group, key, value, says):
    wrong = {**MTL, group: {**MTL[group], key: value}}
    ((_, reason),) = archive.add([landsat(wrong)]).refused
    assert says in reason


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("xml", '<!DOCTYPE a [<!ENTITY a "aaaa">]><a>&a;</a>'),
        ("json", "[1, 2]"),
        ("json", "[" * 100_000),
        ("txt", "\0\1\2"),
    ],
)
def test_hostile_metadata(archive, landsat, kind, content):
    folder = landsat(metadata=None)
    (folder / f"{STEM}_MTL.{kind}").write_text(content)
    assert len(archive.add([folder]).refused) == 1


def member(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, 4 if kind == tarfile.REGTYPE else 0
    return info


@pytest.mark.parametrize(
    ("info", "says"),
    [
        (member("../LC09_SR_B9.TIF"), "points outside"),
        (member("/etc/LC09_SR_B9.TIF"), "points outside"),
        (member("LC09_SR_B9.TIF", tarfile.SYMTYPE, "/etc/hostname"), "no plain file"),
        (member("device", tarfile.CHRTYPE), "no plain file"),
        (member(f"{STEM}_SR_B4.TIF"), "twice"),
    ],
)
def test_hostile_tars(archive, landsat, info, says):
    packed = tarred(landsat())
    with tarfile.open(packed, "a") as target:
        target.addfile(info, io.BytesIO(b"evil") if info.isreg() else None)
    ((_, reason),) = archive.add([packed]).refused
    assert says in reason


def test_a_truncated_tar(archive, landsat):
    packed = tarred(landsat())
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    assert len(archive.add([packed]).refused) == 1


def test_a_tar_gz_is_refused_with_what_to_do(archive, landsat):
    ((_, reason),) = archive.add([tarred(landsat(), "w:gz")]).refused
    assert "unpack it" in reason


def test_collection_1_names(archive, raster, noise, tmp_path):
    stem = "LE07_L1TP_123026_20020715_20170221_01_T1"
    for band in "123457":
        raster(tmp_path / "c1" / f"{stem}_sr_band{band}.tif", noise(int(band), SIZE).astype(np.int16), 30)
    raster(tmp_path / "c1" / f"{stem}_pixel_qa.tif", np.full((SIZE, SIZE), 66, np.uint16), 30)
    radsat = np.zeros((SIZE, SIZE), np.uint8)
    radsat[3], radsat[5], radsat[7] = 1 << 1, 1 << 6, 1
    raster(tmp_path / "c1" / f"{stem}_radsat_qa.tif", radsat, 30)
    archive.add([tmp_path / "c1"])
    (scene,) = archive.scenes()
    assert (scene.sensor, scene.assets["blue"].scale) == ("landsat-7", 1e-4)
    flags = read_scene(scene, own_grid(scene)).flags
    assert [int(flags[row, 5]) for row in (3, 5, 7, 9)] == [Flag.SATURATED, 0, Flag.NODATA, 0]


# QA_RADSAT by the format books: bit n - 1 is band n; of TM and ETM+ 5 and 8 are the two gains of the thermal band
OLI, TM = (1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4, 6)
OLI_TABLE = {0: 0, **dict.fromkeys(OLI, Flag.SATURATED), 7: 0, 8: 0, 9: 0, 10: 0, 11: Flag.NODATA}
TM_TABLE = {**dict.fromkeys(TM, Flag.SATURATED), 5: 0, 8: 0, 9: Flag.NODATA, 11: 0}


@pytest.mark.parametrize(("six", "table"), [(OLI, OLI_TABLE), (TM, TM_TABLE)])
def test_each_bit_of_qa_radsat(six, table):
    for bit, flag in table.items():
        assert radsat_flags(np.array([[1 << bit]], np.uint16), six)[0, 0] == int(flag), bit
        if bit not in (9, 11):
            assert radsat_flags(np.array([[1 << (bit + 1)]], np.uint16), six, 1)[0, 0] == int(flag), bit
    assert radsat_flags(np.array([[1]], np.uint8), six, 1)[0, 0] == Flag.NODATA

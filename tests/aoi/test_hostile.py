"""Files that attack or are broken: one sentence that names the file, quickly, and nothing left behind."""

import io
import json
import random
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest

from aoi.errors import AoiError, UnreadableVectorError
from aoi.layers import open_layers
from aoi.read import read_aoi
from aoi.zipped import DIRECTORY_MAX_BYTES, MEMBERS_MAX

PLACEMARK = "<Placemark><name>{}</name><Polygon/></Placemark>"


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path_factory, monkeypatch):
    """Whatever a reader unpacks lands here, and must be gone when the test is over."""
    folder = tmp_path_factory.mktemp("unpacked")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def refused(path: Path, says: str) -> str:
    with pytest.raises(UnreadableVectorError, match=says) as caught:
        read_aoi(str(path))
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "attack",
    [
        '<!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml>{}</kml>',
        '<!DOCTYPE kml [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]><kml>{}</kml>',
        '<!DOCTYPE kml [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><kml>{}</kml>',
        '<!DOCTYPE kml SYSTEM "file:///etc/passwd"><kml>{}</kml>',
        "<!DOCTYPE kml><kml>{}</kml>",
    ],
)
def test_kml_with_an_external_entity_or_any_dtd(tmp_path, attack):
    path = tmp_path / "a.kml"
    path.write_text(attack.format(PLACEMARK.format("&x;" if "ENTITY x" in attack else "x")))
    message = refused(path, "declares a DTD or an entity")
    assert "root:" not in message


def test_kml_with_a_billion_laughs(tmp_path):
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    path = tmp_path / "a.kml"
    path.write_text(f'<!DOCTYPE kml [<!ENTITY l0 "lol">{lines}]><kml>{PLACEMARK.format("&l9;")}</kml>')
    refused(path, "declares a DTD or an entity")


def test_kml_in_utf_16_gets_no_further(tmp_path):
    path = tmp_path / "a.kml"
    text = (
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml>&x;</kml>'
    )
    path.write_bytes(text.encode("utf-16"))
    refused(path, "declares a DTD or an entity")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("<kml><Placemark>", "not XML"),
        ("<svg/>", "not KML"),
        ("hello", "not XML"),
        ('<?xml version="1.0" encoding="big5"?><kml/>', "encoding"),
        ("<kml><NetworkLink><Link><href>http://127.0.0.1:9/a.kml</href></Link></NetworkLink></kml>", "only a link"),
        ("<kml>" + "<Folder>" * 50_000, "not XML|nested"),
    ],
)
def test_kml_that_is_none(tmp_path, text, says):
    path = tmp_path / "a.kml"
    path.write_text(text)
    refused(path, says)


@pytest.mark.parametrize("word", ["119", "119;49", "119,x", "nan,1"])
def test_kml_with_words_that_are_no_position(tmp_path, word):
    path = tmp_path / "a.kml"
    ring = f"<outerBoundaryIs><LinearRing><coordinates>{word}</coordinates></LinearRing></outerBoundaryIs>"
    path.write_text(f"<kml><Placemark><name>x</name><Polygon>{ring}</Polygon></Placemark></kml>")
    with pytest.raises(AoiError, match=r"a.kml: feature 1 \(x\): .*(not a longitude|not a finite)"):
        read_aoi(str(path))


def zipped(path: Path, members: dict[str, bytes], **options) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["a.kmz", "a.zip"])
def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, name):
    path = zipped(tmp_path / name, {"doc.kml": b"0" * (64 << 20), "a.shp": b"0" * (64 << 20)})
    assert path.stat().st_size < 1 << 20
    refused(path, "zip bomb")


def test_a_zip_that_lies_about_its_sizes_unpacks_no_more_than_it_said(tmp_path, own_temporary_folder):
    raw = bytearray(zipped(tmp_path / "a.kmz", {"doc.kml": b"0" * (32 << 20)}).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", raw, raw.index(signature) + offset, 1000)
    (tmp_path / "a.kmz").write_bytes(raw)
    refused(tmp_path / "a.kmz", "damaged")


@pytest.mark.parametrize(
    "member", ["../a.shp", "x/../../a.shp", "/etc/a.shp", "..\\a.shp", "C:\\a.shp", "\\\\host\\a.shp"]
)
def test_a_path_out_of_the_archive_is_refused(tmp_path, member):
    path = zipped(tmp_path / "a.zip", {member: b"x"})
    refused(path, "points outside the archive")
    assert not (tmp_path / "a.shp").exists()


def test_a_link_in_an_archive_is_refused(tmp_path):
    link = zipfile.ZipInfo("a.shp")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(tmp_path / "a.zip", "points outside the archive")


def test_too_many_members_are_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", {f"{n}.txt": b"" for n in range(MEMBERS_MAX + 1)})
    refused(path, f"{MEMBERS_MAX + 1} members")


def test_a_directory_too_large_to_hold_is_refused_unread(tmp_path):
    path = zipped(tmp_path / "a.zip", {"a.shp": b""})
    raw = bytearray(path.read_bytes())
    struct.pack_into("<I", raw, raw.rindex(b"PK\x05\x06") + 12, DIRECTORY_MAX_BYTES + 1)
    path.write_bytes(raw)
    refused(path, "refused")


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"readme.txt": b"x"}, "holds 0 .shp files"),
        ({"a.shp": b"x", "b/c.shp": b"y"}, r"holds 2 .shp files \(a.shp, b/c.shp\)"),
        ({"a.shp": b"<VRT/>"}, "not a Shapefile"),
        ({"a.zip": b"PK"}, "holds 0"),
    ],
)
def test_archives_without_the_one_file(tmp_path, members, says):
    refused(zipped(tmp_path / "a.zip", members), says)


def test_damaged_archives(tmp_path):
    path = zipped(tmp_path / "a.kmz", {"doc.kml": b"<kml/>" * 1000})
    raw = path.read_bytes()
    for broken in (b"", b"PK", raw[: len(raw) // 2], raw[:40] + bytes(40) + raw[80:]):
        path.write_bytes(broken)
        refused(path, "damaged")


def test_a_truncated_geopackage(vector, square):
    path = vector([square] * 500, "a.gpkg", columns={"name": ["x" * 500] * 500})
    raw = path.read_bytes()
    for share in (0.05, 0.3, 0.9, 0.999):
        path.write_bytes(raw[: int(len(raw) * share)])
        refused(path, "truncated")
    path.write_bytes(raw[:4096] + bytes(len(raw) - 4096))
    refused(path, "damaged|can not be read|no table")


def test_a_truncated_shapefile_and_one_without_its_index(vector, square):
    path = vector([square] * 50, "a.shp")
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    refused(path, "truncated")
    path.write_bytes(raw)
    path.with_suffix(".shx").unlink()
    refused(path, "can not be read.*shx")


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp"])
@pytest.mark.parametrize("content", [b"", b"x", b'<OGRVRTDataSource><OGRVRTLayer name="a"/></OGRVRTDataSource>'])
def test_another_format_under_a_known_suffix_is_not_opened(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, "not a (GeoPackage|Shapefile)")
    with pytest.raises(UnreadableVectorError, match=r"not a (GeoPackage|Shapefile)"):
        open_layers((tmp_path / name).rename(tmp_path / f"wetland{name[1:]}"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"   ", "empty"),
        (b"{", "not JSON"),
        (b'{"type": "FeatureCollection"}', "without a list"),
        (b'{"type": "Topology"}', "not GeoJSON"),
        (b'{"type": "gdal_streamed_alg", "command_line": "gdal vector read /etc/passwd"}', "not GeoJSON"),
        (b'{"type": ["x"]}', "not GeoJSON"),
        (b"[1, 2]", "no type"),
        (b"<OGRVRTDataSource/>", "not JSON"),
        (b"[" * 200_000, "not JSON .recursion limit exceeded"),
        (b'{"type": "Polygon", "coordinates": [[[NaN, 1]]]}', "not JSON .expected value at line 1 column .*hold NaN"),
        (b'{"type": "Polygon", "coordinates": [[[' + b"9" * 5000 + b", 1]]]}", "not JSON"),
        ('{"type": "FeatureCollection", "features": [], "name": "伊敏"}'.encode("gbk"), "not UTF-8"),
        (b'{"type": "FeatureCollection", "features": [], "crs": {"type": "link"}}', "crs member has no name"),
    ],
)
def test_geojson_that_is_none(tmp_path, content, says):
    path = tmp_path / "a.geojson"
    path.write_bytes(content)
    refused(path, says)


def test_features_that_are_no_features_are_named(tmp_path):
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [1, None, "x", {"properties": [1]}]}))
    with pytest.raises(AoiError, match="feature 1: has no geometry"):
        read_aoi(str(path))


def test_an_unknown_crs_is_named(geojson, square):
    path = geojson(square, crs={"type": "name", "properties": {"name": "EPSG:999999"}})
    refused(path, "EPSG:999999")


def test_a_file_too_large_for_text_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("aoi.geojson.TEXT_LIMIT_BYTES", 1 << 20)
    path = tmp_path / "a.geojson"
    with path.open("wb") as file:
        file.truncate((1 << 20) + 1)
    refused(path, "larger than 1 MiB.*GeoPackage")


def test_an_archive_is_never_unpacked_beside_the_file(tmp_path, vector, square):
    shp = vector([square], "inner.shp")
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for part in shp.parent.glob("inner.*"):
            archive.write(part, part.name)
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "a.zip").write_bytes(memory.getvalue())
    assert read_aoi(str(folder / "a.zip")).geometry.area == pytest.approx(square.area)
    assert [file.name for file in folder.iterdir()] == ["a.zip"]


def test_a_prj_that_is_no_text_is_named(vector, square):
    path = vector([square], "a.shp")
    path.with_suffix(".prj").write_bytes("大地坐标系".encode("gbk"))
    refused(path, "its .prj is not plain text")


def test_text_that_is_not_utf_8_in_a_geopackage_is_a_sentence(vector, square):
    path = vector([square], "a.gpkg", columns={"name": ["abcdef"]})
    raw = path.read_bytes()
    assert raw.count(b"abcdef") == 1
    path.write_bytes(raw.replace(b"abcdef", b"\xff\xfe\xfd\xfc\xfb\xfa"))
    refused(path, "can not be read")


@pytest.fixture
def samples(vector, square, tmp_path):
    """One sound file of each format."""
    columns = {"名称": ["甲", "乙"], "v": [1.5, None]}
    squares = [square, square.buffer(0.1)]
    shp = vector(squares, "s.shp", columns=columns, encoding="GBK")
    parts = {part.name: part.read_bytes() for part in shp.parent.glob("s.*")}
    corners = " ".join(f"{x},{y}" for x, y in square.exterior.coords)
    ring = f"<outerBoundaryIs><LinearRing><coordinates>{corners}</coordinates></LinearRing></outerBoundaryIs>"
    kml = tmp_path / "s.kml"
    kml.write_text(f"<kml><Placemark><name>x</name><Polygon>{ring}</Polygon></Placemark></kml>")
    return [
        shp,
        kml,
        vector(squares, "s.gpkg", columns=columns),
        vector(squares, "s.geojson", columns=columns),
        zipped(tmp_path / "s.zip", parts),
        zipped(tmp_path / "s.kmz", {"doc.kml": kml.read_bytes()}),
    ]


def test_damage_anywhere_gives_an_area_or_a_sentence_and_nothing_else(samples):
    rng = random.Random(7)
    outcomes, messages = set(), []
    for path in [*samples, *(samples[0].with_suffix(part) for part in (".dbf", ".shx", ".prj"))]:
        sound = path.read_bytes()
        for _ in range(25):
            damaged = bytearray(sound)
            for _ in range(rng.choice((1, 3, 20))):
                damaged[rng.randrange(len(damaged))] = rng.choice((0, 255, rng.randrange(256)))
            path.write_bytes(damaged[: rng.choice((len(damaged), len(damaged), rng.randrange(len(damaged))))])
            try:
                read_aoi(str(path if path in samples else samples[0]))
                outcomes.add("read")
            except AoiError as error:
                outcomes.add(type(error).__name__)
                messages.append(str(error))
        path.write_bytes(sound)
    assert outcomes == {"read", "UnreadableVectorError", "InvalidGeometryError"}
    assert not [message for message in messages if "\n" in message or "/s." not in message]

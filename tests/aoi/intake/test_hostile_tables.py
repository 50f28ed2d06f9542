"""Tables, workbooks, drawings and databases that attack or are broken: one sentence, quickly, nothing left behind."""

import os
import sqlite3
import zipfile

import pytest

from aoi.errors import AoiStoreError, UnreadableVectorError
from aoi.intake.delimited import FILE_MAX_BYTES
from aoi.intake.pointer import read_pointer
from aoi.intake.source import Reading
from aoi.intake.store import check_layer
from aoi.layers import stored_layers

READING = Reading(crs="EPSG:4528")


def refused(path, says, kind="mining_rights"):
    with pytest.raises(UnreadableVectorError, match=says) as caught:
        check_layer(path, kind, READING)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    assert "root:" not in message


def test_a_csv_of_ten_million_columns(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"," * 10_000_000)
    refused(path, "line 1 is longer than")


def test_a_csv_of_a_million_columns(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"," * 1_000_000)
    refused(path, r"line 1 has 1,000,001 columns; a table has at most 500")


def test_a_csv_with_a_quote_that_never_ends(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'X,Y\n"' + b"1\n" * 5_000_000)
    refused(path, "is not CSV")


@pytest.mark.parametrize("raw", [b"", b"\0" * 100, b"\xff\xfe\x00", b"PK\x03\x04" + b"\0" * 50])
def test_a_csv_that_is_no_text(tmp_path, raw):
    path = tmp_path / "a.csv"
    path.write_bytes(raw)
    refused(path, "empty|not text|no row of it looks like headings")


def test_a_csv_that_is_too_large_is_not_even_read(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.truncate(FILE_MAX_BYTES + 1)
    refused(path, "larger than 512 MiB")


def rezipped(source, target, **changed):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(member.filename, changed.pop(member.filename.replace("/", "_"), None) or old.read(member))
        for name, content in changed.items():
            new.writestr(name, content)
    return target


@pytest.fixture
def book(table):
    return table([["采矿许可证号", "拐点坐标"], ["C15", "甲"]], "good.xlsx")


def test_a_workbook_with_a_billion_laughs(tmp_path, book):
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    cell = "<sheetData><row><c><v>&l9;</v></c></row></sheetData>"
    laughs = f'<!DOCTYPE w [<!ENTITY l0 "lol">{lines}]><worksheet>{cell}</worksheet>'
    for part in ("xl_worksheets_sheet1.xml", "xl_workbook.xml", "xl_styles.xml"):
        refused(rezipped(book, tmp_path / "a.xlsx", **{part: laughs}), "DTD or an entity")


def test_a_workbook_with_an_external_entity(tmp_path, book):
    cell = '<sheetData><row><c t="str"><v>&x;</v></c></row></sheetData>'
    evil = f'<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]><worksheet>{cell}</worksheet>'
    refused(rezipped(book, tmp_path / "a.xlsx", **{"xl_worksheets_sheet1.xml": evil}), "DTD or an entity")


def test_a_workbook_that_is_a_zip_bomb_or_reaches_outside(tmp_path, book):
    refused(rezipped(book, tmp_path / "bomb.xlsx", **{"xl/media/a.xml": b"0" * 200_000_000}), "zip bomb")
    refused(rezipped(book, tmp_path / "out.xlsx", **{"../../evil.xml": b"x"}), "points outside the archive")
    assert not (tmp_path.parent / "evil.xml").exists()


def test_a_workbook_that_lies_about_its_size_reads_quickly(tmp_path, book):
    with zipfile.ZipFile(book) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    lies = sheet.replace('<dimension ref="A1:B2"', '<dimension ref="A1:XFD1048576"')
    assert lies != sheet
    tally = check_layer(
        rezipped(book, tmp_path / "a.xlsx", **{"xl_worksheets_sheet1.xml": lies}), "mining_rights"
    ).tally
    assert tally.rows == 1


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04broken", b"\xd0\xcf\x11\xe0" + b"\0" * 600])
def test_a_workbook_that_is_none(tmp_path, raw):
    path = tmp_path / "a.xlsx"
    path.write_bytes(raw)
    refused(path, "not a zip archive")


def test_a_workbook_with_a_part_missing(tmp_path, book):
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(path, "w") as new:
        for member in old.infolist():
            if "sheet1" not in member.filename:
                new.writestr(member.filename, old.read(member))
    refused(path, "not a workbook|0 sheets")


def test_a_zip_that_reaches_outside(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../a.shp", b"x")
    refused(path, "points outside the archive")


def test_kml_with_a_billion_laughs(tmp_path):
    path = tmp_path / "a.kml"
    path.write_text('<!DOCTYPE kml [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><kml>&c;</kml>')
    refused(path, "DTD or an entity")


def test_a_drawing_that_would_have_gdal_read_another_file(tmp_path):
    path = tmp_path / "a.dxf"
    path.write_text("999\n<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/etc/passwd</SrcDataSource>")
    refused(path, "not a DXF drawing", "river_scope")


def test_a_geodatabase_with_a_link_out_of_it(tmp_path):
    path = tmp_path / "a.gdb"
    path.mkdir()
    (path / "a00000001.gdbtable").write_bytes(b"\3\0\0\0" + b"\0" * 60)
    os.symlink("/etc/passwd", path / "a00000002.gdbtable")
    refused(path, "holds no links")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('kind = "dltb"\ntable = "a.b"\n[server]\npassword = "hunter2"', "passwords stay in"),
        ('kind = "dltb"\ntable = "a\\"; DROP TABLE x; --"', "write schema.table"),
        ('kind = "nothing"\ntable = "a"', "kinds are"),
        ("kind =", "can not be read as TOML"),
    ],
)
def test_a_pointer_that_says_too_much(tmp_path, text, says):
    path = tmp_path / "a.postgis.toml"
    path.write_text(text)
    with pytest.raises(UnreadableVectorError, match=says) as caught:
        read_pointer(path)
    assert "hunter2" not in str(caught.value)


def test_a_stored_layer_that_is_damaged_is_named(tmp_path):
    folder = tmp_path / "layers"
    folder.mkdir()
    (folder / "a.gpkg").write_bytes(b"SQLite format 3\0" + b"\1" * 200)
    with pytest.raises(AoiStoreError, match=r"a\.gpkg: damaged"):
        stored_layers(tmp_path)
    (folder / "a.gpkg").unlink()
    sqlite3.connect(folder / "mine.gpkg").close()
    assert stored_layers(tmp_path) == ()

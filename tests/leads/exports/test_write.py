import csv
import datetime as dt
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyogrio
import pytest
import shapely
from defusedxml import ElementTree
from shapely.geometry import MultiPolygon, box

from aoi.area import geodesic_area_m2
from aoi.kml import read_kml
from detectors.core.registry import choose
from leads.attributes import record
from leads.errors import OutputError
from leads.exports.row import Row, row_of
from leads.exports.text import defused, one_line, plain
from leads.exports.tuban import COLUMNS, banner_code
from leads.exports.vectors import DBF_BYTES, gbk_text
from leads.exports.write import FORMATS, format_of, write_leads
from leads.fields import FIELDS, NOTE
from leads.model import Finding, Lead, Patch
from leads.store.records import Confidence, LeadRecord, Stock

HOSTILE = "<script>alert(1)</script>\"'\x00\x07\u202e=cmd|'/c calc'!A1 & ＝1+1 </description>]]>" + "长" * 5000
FORMULAS = ("=1+1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", " =1", "＝1+1", "'=1", "|calc")


def lead(number: int = 1, **fields: Any) -> Row:
    ground = box(119.9, 49.2, 119.905, 49.203).difference(box(119.901, 49.201, 119.902, 49.202))
    if number % 2 == 0:
        ground = MultiPolygon([ground, box(119.91, 49.2, 119.912, 49.201)])
    area = geodesic_area_m2(ground)
    patch = Patch("mine", ground, 0.9, 0.7, 1, area, area * 0.9, area * 1.1, 10.0)
    finding = Finding(patch, dt.date(2023, 7, 17), dt.date(2024, 7, 20), (dt.date(2024, 7, 20),), 1)
    made = record(Lead(f"WX-MINE-20240720-y8bs0q4{number}", finding, "新巴尔虎右旗"), choose(["mine"])[0])
    return Row(ground, made | fields)


def test_every_format_holds_every_lead_with_its_note_and_classification(tmp_path: Path) -> None:
    rows = [lead(1), lead(2, classif="内部")]
    for wanted in FORMATS:
        path = tmp_path / f"leads.{wanted}"
        assert write_leads(path, rows) == 2, wanted
        content = path.read_bytes() if wanted != "xlsx" else b"".join(
            zipfile.ZipFile(path).read(name) for name in zipfile.ZipFile(path).namelist()
        )  # fmt: skip
        if wanted == "shp":
            content = path.with_suffix(".dbf").read_bytes()
        for said in ("WX-MINE-20240720-y8bs0q41", NOTE, "内部"):
            if wanted == "xlsx":
                sheet = openpyxl.load_workbook(path)["线索"]
                assert any(said in str(cell) for line in sheet.iter_rows(values_only=True) for cell in line)
                continue
            assert said.encode("gbk" if wanted == "shp" else "utf-8") in content, (wanted, said)


def test_vectors_keep_the_ground(tmp_path: Path) -> None:
    rows = [lead(1), lead(2)]
    for wanted in ("gpkg", "shp", "geojson"):
        path = tmp_path / f"leads.{wanted}"
        write_leads(path, rows)
        table = pyogrio.read_dataframe(path, layer="leads" if wanted == "gpkg" else None)
        for row, found in zip(rows, table.geometry, strict=True):
            assert shapely.normalize(found).equals_exact(shapely.normalize(row.geometry), 1e-9) or shapely.normalize(
                shapely.MultiPolygon([found]) if found.geom_type == "Polygon" else found
            ).equals(row.geometry)
    path = tmp_path / "leads.kml"
    write_leads(path, rows)
    for row, feature in zip(rows, read_kml(path).features, strict=True):
        assert feature.geometry is not None
        assert feature.geometry.symmetric_difference(row.geometry).area < 1e-12


def test_a_shapefile_is_gbk_with_names_of_ten_bytes(tmp_path: Path) -> None:
    path = tmp_path / "线索.shp"
    write_leads(path, [lead(1, remark="山丘²" + "很" * 400)])
    assert path.with_suffix(".cpg").read_text() == "GBK"
    assert {p.suffix for p in tmp_path.iterdir()} == {".shp", ".shx", ".dbf", ".prj", ".cpg"}
    assert "CGCS2000" in path.with_suffix(".prj").read_text() or "China_2000" in path.with_suffix(".prj").read_text()
    table = pyogrio.read_dataframe(path)
    names = [name for name in table.columns if name != "geometry"]
    assert names == [column.name for column in COLUMNS]
    assert all(len(name.encode()) <= 10 and name.isascii() for name in names)
    assert table["ZLDWMC"][0] == "新巴尔虎右旗"
    assert table["BHLX"][0]
    assert table["BZ"][0].startswith("山丘2很")
    assert table["BZ"][0].endswith("…")


def test_tuban_columns_are_filled_as_offices_write_them(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    row = lead(1, status="rejected", reason="mowing")
    write_leads(path, [row])
    with path.open(encoding="utf-8-sig", newline="") as file:
        (told,) = csv.DictReader(file)
    assert {"BSM", "JCBH", "QSX", "HSX", "JCMJ", "XZQDM", "ZLDWMC"} <= set(told)
    assert (told["QSX"], told["HSX"]) == ("20230717", "20240720")
    assert told["XZQDM"] == "150727"
    assert float(told["JCMJ"]) == pytest.approx(float(told["JCMJPFM"]) * 3 / 2000, abs=0.01)
    assert (told["SHZT"], told["BSSYY"]) == ("不属实", "打草收割")
    assert banner_code("新巴尔虎左旗与新巴尔虎右旗") is None
    assert banner_code("加格达奇") is None


def test_hostile_text_is_text_everywhere(tmp_path: Path) -> None:
    rows = [lead(1, remark=HOSTILE, place=HOSTILE, reviewer="=HYPERLINK(1)")]
    for wanted in FORMATS:
        write_leads(tmp_path / f"leads.{wanted}", rows)
    csv_text = (tmp_path / "leads.csv").read_text(encoding="utf-8-sig")
    assert "\x00" not in csv_text
    assert "\u202e" not in csv_text
    assert "'=HYPERLINK(1)" in csv_text
    kml = ElementTree.parse(tmp_path / "leads.kml")
    described = kml.find(".//{*}description").text
    assert "<script" not in described
    assert "&lt;script&gt;" in described
    geojson = json.loads((tmp_path / "leads.geojson").read_text(encoding="utf-8"))
    kept = geojson["features"][0]["properties"]["remark"]
    assert kept.startswith("<script>")  # data, not markup; but nothing invisible, and not endless
    assert "\x00" not in kept
    assert len(kept) < 4100
    book = openpyxl.load_workbook(tmp_path / "leads.xlsx")
    cells = [cell for line in book["线索"].iter_rows() for cell in line]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert "'=HYPERLINK(1)" in {cell.value for cell in cells}
    assert all(len(str(cell.value or "")) <= 32_767 for cell in cells)
    table = pyogrio.read_dataframe(tmp_path / "leads.gpkg", layer="leads")
    assert "\u202e" not in table["remark"][0]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_defused(text: str) -> None:
    assert defused(text).startswith("'")


@pytest.mark.parametrize("text", ["-12.5", "+3", "119°54′", "呼自然资临〔2023〕5号", "12", ""])
def test_what_is_no_formula_is_left_alone(text: str) -> None:
    assert defused(text) == text


def test_text_is_cleaned_and_cut() -> None:
    assert plain(None) == ""
    assert plain("a\r\nb\x0bc\u200b") == "a\nbc"
    assert one_line("a\nb\tc") == "a b c"
    assert plain("字" * 5000).endswith("（共 5000 字，已截断）")
    assert len(gbk_text("汉a" * 400).encode("gbk")) <= DBF_BYTES
    assert gbk_text("😀m²") == "?m2"


def test_the_ending_decides_and_a_contradiction_is_refused(tmp_path: Path) -> None:
    assert format_of(Path("a.SHP")) == "shp"
    assert format_of(Path("a.json")) == "geojson"
    with pytest.raises(OutputError, match="choose gpkg, shp"):
        format_of(Path("a.dwg"))
    with pytest.raises(OutputError, match=r"does not end in \.csv"):
        format_of(Path("a.xlsx"), "csv")


def test_nothing_to_write_is_still_a_file_with_its_columns(tmp_path: Path) -> None:
    for wanted in FORMATS:
        assert write_leads(tmp_path / f"none.{wanted}", []) == 0
        assert (tmp_path / f"none.{wanted}").exists()


def test_a_folder_that_can_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for wanted in FORMATS:
        with pytest.raises(OutputError):
            write_leads(tmp_path / "file" / f"leads.{wanted}", [lead(1)])


def test_the_stores_word_comes_before_the_observations() -> None:
    row = lead(1)
    now = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
    stored = LeadRecord(
        row.id, "aoi", "mine", Confidence.CONFIRMED, Stock.NEW, "rejected", "mowing", "张三", "看过", 4, "pit", "采坑",
        dt.date(2023, 8, 1), dt.date(2024, 6, 1), dt.date(2025, 7, 1), 5, box(119.9, 49.2, 119.91, 49.21), 812_000.0,
        800_000.0, 820_000.0, 0.8, "新巴尔虎右旗", "敏感", row.values, (), "", now, now,
    )  # fmt: skip
    made = row_of(stored)
    assert set(made.values) == {field.name for field in FIELDS}
    assert (made.values["status"], made.values["looks"], made.values["date_aft"]) == ("rejected", 5, "2025-07-01")
    assert made.values["area_mu"] == pytest.approx(1218.0)
    assert made.values["model_zh"] == row.values["model_zh"]
    assert made.classification.value == "敏感"

"""Defective tables of corners, strings and reports: each is read right, or refused with why."""

from pathlib import Path

import pytest
from defective import AREA_M2, CORNERS, DEGREES, ZONE_40, errors, read
from shapely.geometry import MultiPolygon

from aoi.area import geodesic_area_m2
from aoi.crs import MissingCrsError
from aoi.errors import UnreadableVectorError
from aoi.intake.source import Reading
from aoi.intake.store import add_layer, check_layer


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
@pytest.mark.parametrize("closing", ["left out", "repeated"])
def test_a_corner_table_with_and_without_its_closing_point(permits, name, closing):
    corners = CORNERS if closing == "left out" else [*CORNERS, CORNERS[0]]
    feature = read(permits(corners, name), "temporary_land_permits", ZONE_40)
    assert feature.id == "呼自然资临〔2021〕5号"
    assert feature.record.expires.isoformat() == "2023-06-14"


@pytest.mark.parametrize(
    "xy", [("X（北）", "Y（东）"), ("纵坐标", "横坐标"), ("X坐标(m)", "Y坐标(m)"), ("北坐标", "东坐标")]
)
def test_headings_of_coordinates_in_all_habits(permits, xy):
    read(permits(xy=xy), "temporary_land_permits", ZONE_40)


def test_x_is_north_so_swapped_columns_are_found_reported_and_read_when_told(permits):
    path = permits([(y, x) for x, y in CORNERS])
    said = errors(path, "temporary_land_permits", ZONE_40)
    assert [(row, wrong.split(":")[0]) for row, _, wrong in said] == [(2, "X and Y are swapped")]
    read(path, "temporary_land_permits", Reading(crs="EPSG:4528", swap_xy=True), warnings=["X and Y were swapped"])


def test_one_swapped_corner_is_named_by_its_row(permits):
    path = permits([*CORNERS[:2], CORNERS[2][::-1], CORNERS[3]])
    ((row, _, wrong),) = errors(path, "temporary_land_permits")
    assert row == 2
    assert "they are swapped in row 4" in wrong


def test_a_figure_too_few_is_named_by_its_row(permits):
    path = permits([*CORNERS[:3], (546_310.0, 40_412_345.0)])
    ((row, _, wrong),) = errors(path, "temporary_land_permits")
    assert row == 5
    assert "a figure may be missing" in wrong


def test_a_corner_table_without_datum_is_refused_with_candidates(permits):
    with pytest.raises(MissingCrsError, match="EPSG:4528"):
        check_layer(permits(), "temporary_land_permits")


def test_several_blocks_with_holes_and_merged_cells(table):
    hole = [(5_462_400.0, 40_412_645.0), (5_462_400.0, 40_412_745.0), (5_462_500.0, 40_412_745.0)]
    rows = [["临时用地审批台账"], ["批准文号", "坐标", ""], ["", "X", "Y"]]
    for licence, shift in (("甲1号", 0), ("乙2号", 3000)):
        for index, (x, y) in enumerate([*CORNERS, CORNERS[0], *hole, hole[0]]):
            rows.append([licence if index == 0 else None, x, y + shift])
    path = table(rows, "t.xlsx")
    added = add_layer(path, path.parent, "temporary_land_permits", reading=ZONE_40)
    assert added.checked.tally.good == 2
    found = added.layer.features_in(DEGREES)
    assert [feature.id for feature in found] == ["甲1号"]
    assert geodesic_area_m2(found[0].geometry) == pytest.approx(AREA_M2 - 5000, rel=1e-4)


@pytest.mark.parametrize("expiry", ["", "—", "无", "/"])
def test_a_blank_expiry_is_taken_with_a_warning(permits, expiry):
    feature = read(permits(到期日期=expiry), "temporary_land_permits", ZONE_40, ["‘Expires on’ is blank"])
    assert feature.record.expires is None


def test_an_ambiguous_date_is_refused(permits):
    said = errors(permits(到期日期="06/07/2023"), "temporary_land_permits", ZONE_40)
    assert [(field, "several days" in wrong) for _, field, wrong in said] == [("到期日期", True)]


def test_a_permit_that_ends_before_it_begins_is_refused(permits):
    said = errors(permits(到期日期="2020-01-01"), "temporary_land_permits", ZONE_40)
    assert said[0][2] == "expires 2020-01-01 lies before approved 2021-06-15"


@pytest.mark.parametrize(
    "text",
    [
        "1,5462100,40412345 2,5462100,40413345 3,5463100,40413345 4,5463100,40412345",
        "1,4,1,5462100,40412345,2,5462100,40413345,3,5463100,40413345,4,5463100,40412345,1200,800,,1,",
        "5462100,40412345;5462100,40413345;5463100,40413345;5463100,40412345;5462100,40412345",
        "J1 X=5462100 Y=40412345\nJ2 X=5462100 Y=40413345\nJ3 X=5463100 Y=40413345\nJ4 X=5463100 Y=40412345",
        "５４６２１００，４０４１２３４５；5462100，40413345；5463100，40413345；5463100，40412345",
    ],
)
def test_mining_rights_as_strings_of_corners(table, text):
    head = ["采矿许可证号", "采矿权人", "有效期限", "拐点坐标"]
    path = table([head, ["C15", "甲", "自2010年1月1日至2030年1月1日", text]], "t.xlsx")
    feature = read(path, "mining_rights", ZONE_40)
    assert feature.record.valid_to.isoformat() == "2030-01-01"


def test_a_multi_ring_string_has_parts_and_holes(table):
    outer = "1,5462100,40412345 2,5462100,40413345 3,5463100,40413345 4,5463100,40412345"
    hole = "1,5462400,40412645 2,5462400,40412745 3,5462500,40412745 4,5462500,40412645"
    far = "1,5472100,40412345 2,5472100,40413345 3,5473100,40413345"
    path = table([["采矿许可证号", "拐点坐标"], ["C15", f"{outer}*{hole}*{far}"]])
    added = add_layer(path, path.parent, "mining_rights", reading=ZONE_40)
    (feature,) = added.layer.features_in(DEGREES)
    assert isinstance(feature.geometry, MultiPolygon)
    assert geodesic_area_m2(feature.geometry) == pytest.approx(AREA_M2 * 1.5 - 10_000, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("5462100,40412345;5462100,40413345", "a ring has 2 corners"),
        ("5462100,40412345;5462100", "has no partner"),
        ("5462100,40412345;54621000,40413345;5463100,40413345", "a figure is missing or too many"),
        ("见附图", "is not understood"),
        ("119.4512,49.2030;119.4612,49.2030;119.4612,49.2130;119.4512,49.2130", "ddd.mmss"),
        ("5462100,40412345;40413345,5462100;5463100,40413345", "change places within it"),
    ],
)
def test_strings_that_are_no_ring_are_refused_with_why(table, text, says):
    path = table([["采矿许可证号", "拐点坐标"], ["C15", text]], "t.xlsx")
    reading = Reading(crs="EPSG:4490") if "." in text else ZONE_40
    ((row, field, wrong),) = errors(path, "mining_rights", reading)
    assert (row, field) == (2, "拐点坐标")
    assert says in wrong


def test_degrees_minutes_and_seconds_with_their_signs(table):
    text = "119°45′00″,49°20′00″;119°46′00″,49°20′00″;119°46′00″,49°21′00″"
    path = table([["采矿许可证号", "拐点坐标"], ["C15", text]])
    added = add_layer(path, path.parent, "mining_rights", reading=Reading(crs="EPSG:4490"))
    assert added.checked.tally.west == pytest.approx(119.75)
    assert added.checked.tally.north == pytest.approx(49.35)


REPORT = """[属性描述]
格式版本号=1.01
坐标系={datum}
几度分带=3
投影类型=高斯克吕格
计量单位=米
带号=40
[地块坐标]
{count},{hectares:.4f},1,某地块,面,,临时用地,0103,@
""" + "\n".join(f"J{number},1,{x},{{{number}}}" for number, (x, _) in enumerate([*CORNERS, CORNERS[0]], 1))


@pytest.mark.parametrize("prefix", [0, 40_000_000])
def test_a_land_report_says_its_crs_and_is_read_in_gbk(tmp_path, prefix):
    path = tmp_path / "勘测定界.txt"
    eastings = [y - 40_000_000 + prefix for _, y in [*CORNERS, CORNERS[0]]]
    head, _, body = REPORT.partition("[地块坐标]")
    text = head.format(datum="2000国家大地坐标系") + "[地块坐标]" + body.format(
        None, *eastings, count=5, hectares=AREA_M2 / 1e4
    )  # fmt: skip
    path.write_bytes(text.encode("gbk"))
    reading = Reading(fixed={"批准文号": "某5号"})
    feature = read(path, "temporary_land_permits", reading)
    assert (feature.id, feature.attributes["地类编码"]) == ("某5号", "0103")
    without_datum = text.replace("2000国家大地坐标系", "")
    path.write_bytes(without_datum.encode("gbk"))
    with pytest.raises(MissingCrsError):
        check_layer(path, "temporary_land_permits", reading)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_a_csv_in_any_encoding(table, encoding):
    text = "5462100,40412345;5462100,40413345;5463100,40413345;5463100,40412345"
    path = table([["采矿许可证号", "采矿权人", "拐点坐标"], ["C15", "乌兰", text]], encoding=encoding)
    assert read(path, "mining_rights", ZONE_40).record.holder == "乌兰"


def test_several_sheets_are_named_and_one_is_chosen(table):
    rows = [["采矿许可证号", "拐点坐标"], ["C15", "5462100,40412345;5462100,40413345;5463100,40413345"]]
    path = table([["说明"]], "t.xlsx", 坐标=rows)
    with pytest.raises(UnreadableVectorError, match=r"has 2 sheets \(表1, 坐标\); name one as t.xlsx:表1"):
        check_layer(path, "mining_rights", ZONE_40)
    assert check_layer(Path(f"{path}:坐标"), "mining_rights", ZONE_40).tally.good == 1


def test_a_formula_is_refused_where_it_has_no_saved_value_and_named_where_it_has(tmp_path, table):
    ring = "5462100,40412345;5462100,40413345;5463100,40413345"
    path = table([["采矿许可证号", "采矿权人", "拐点坐标"], ["=1+1", '=HYPERLINK("http://127.0.0.1")', ring]], "t.xlsx")
    tally = check_layer(path, "mining_rights", ZONE_40).tally
    assert [(p.severity, p.field) for p in tally.problems if p.row == 2][:1] == [("warning", "")]
    assert any(p.severity == "error" and p.field == "采矿许可证号" for p in tally.problems)
    path = table([["采矿许可证号", "拐点坐标"], ["=cmd|' /C calc'!A0", ring]])
    assert [wrong for *_, wrong in errors(path, "mining_rights", ZONE_40)] == ["is a formula, not a value"]


def test_a_table_without_the_columns_of_its_kind_says_which(table):
    path = table([["项目名称", "X", "Y"], *(["某路", *corner] for corner in CORNERS)])
    tally = check_layer(path, "temporary_land_permits", ZONE_40).tally
    missing = {p.field: p.severity for p in tally.problems if p.row is None}
    assert missing["批准文号"] == "error"
    assert missing["到期日期"] == "warning"


def test_a_table_without_coordinates_or_headings_is_refused(table):
    with pytest.raises(UnreadableVectorError, match="no columns of coordinates"):
        check_layer(table([["批准文号", "项目名称"], ["1", "2"]]), "temporary_land_permits")
    with pytest.raises(UnreadableVectorError, match="no row of it looks like headings"):
        check_layer(table([["甲乙", "丙丁"], ["1", "2"]]), "temporary_land_permits")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.dwg", "save it as DXF"),
        ("a.xls", "save it as .xlsx"),
        ("a.mdb", "file geodatabase"),
        ("a.tif", "not a format"),
    ],
)
def test_formats_that_are_not_read_say_what_to_save_as(tmp_path, name, says):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UnreadableVectorError, match=says):
        check_layer(tmp_path / name, "wetland")

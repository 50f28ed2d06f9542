"""A folder of defective files, one per defect that offices are known for: each is read right, or refused with why."""

import json
import shutil
import sqlite3
import struct
from pathlib import Path

import geopandas
import numpy as np
import openpyxl
import pytest
import shapely
from shapely.geometry import LineString, MultiPolygon, Polygon, box

from aoi.area import geodesic_area_m2
from aoi.crs import MissingCrsError
from aoi.errors import UnreadableVectorError
from aoi.intake.source import Reading
from aoi.intake.store import add_layer, check_layer
from aoi.layers import crossings

ZONE_40 = Reading(crs="EPSG:4528")
GROUND = box(40_412_345, 5_462_100, 40_413_345, 5_463_100)
CORNERS = [
    (5_462_100.0, 40_412_345.0),
    (5_462_100.0, 40_413_345.0),
    (5_463_100.0, 40_413_345.0),
    (5_463_100.0, 40_412_345.0),
]
DEGREES = geopandas.GeoSeries([GROUND.segmentize(100)], crs=4528).to_crs(4326)[0]
AREA_M2 = geodesic_area_m2(DEGREES)
FOREST = {"LIN_BAN": ["12"], "XIAO_BAN": ["3"], "SEN_LIN_LB": ["11"], "MIAN_JI": [AREA_M2 / 1e4]}
DLTB = {"BSM": ["1"], "DLBM": ["0103"], "DLMC": ["旱地"], "TBMJ": [AREA_M2]}


def read(path, kind, reading=None, warnings=(), home=None):
    """The only feature of a file that is good, read back from the layer that it was stored as."""
    added = add_layer(path, home or path.parent / "home", kind, reading=reading)
    problems = [(p.severity, p.wrong_en) for p in added.checked.tally.problems]
    assert added.path is not None, problems
    for says in warnings:
        assert any(says in wrong for _, wrong in problems), problems
    (found,) = crossings(DEGREES, [added.layer])
    assert found[1] == pytest.approx(AREA_M2, rel=1e-3)
    return found[0]


def errors(path, kind, reading=None):
    tally = check_layer(path, kind, reading).tally
    return [(p.row, p.field, p.wrong_en) for p in tally.problems if p.severity == "error"]


def frame(columns, geometry=GROUND, crs=4528):
    return geopandas.GeoDataFrame(columns, geometry=[geometry], crs=crs)


def without_prj(rows, path):
    rows.to_file(path, encoding="GBK")
    path.with_suffix(".prj").unlink()


# --- vector files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["GBK", "UTF-8"])
@pytest.mark.parametrize("cpg", ["kept", "missing", "lies"])
def test_a_dbf_in_gbk_or_utf_8_with_its_cpg_missing_or_lying(tmp_path, encoding, cpg):
    path = tmp_path / "dltb.shp"
    frame({**DLTB, "ZLDWMC": ["学校"]}).to_file(path, encoding=encoding)
    sidecar = path.with_suffix(".cpg")
    if cpg == "missing":
        sidecar.unlink(missing_ok=True)
    elif cpg == "lies":
        sidecar.write_text("UTF-8" if encoding == "GBK" else "GBK")
    feature = read(path, "dltb")
    assert (feature.record.class_name, feature.record.place) == ("旱地", "学校")


def test_a_few_rows_of_gbk_that_happen_to_be_utf_8_follow_the_whole_file(tmp_path):
    """学校 in GBK is valid UTF-8 by chance: read alone, near a patch, it would become other letters."""
    path = tmp_path / "dltb.shp"
    far = shapely.transform(GROUND, lambda xy: np.add(xy, [90_000, 0]))
    data = {"BSM": ["1", "2"], "DLBM": ["0103"] * 2, "DLMC": ["旱地"] * 2, "ZLDWMC": ["学校", "红花尔基"]}
    geopandas.GeoDataFrame(data, geometry=[GROUND, far], crs=4528).drop(columns="DLMC").to_file(path, encoding="GBK")
    path.with_suffix(".cpg").unlink(missing_ok=True)
    from aoi.layers import open_layers

    (layer,) = open_layers(path)
    (feature,) = layer.features_in(DEGREES)
    assert feature.attributes["ZLDWMC"] == "学校"


def test_names_of_ten_bytes(tmp_path):
    path = tmp_path / "p.shp"
    columns = {"采矿许可证": ["C15"], "采矿权人": ["甲"], "有效期起": ["2020-01-01"], "有效期止": ["20301231"]}
    frame(columns).to_file(path, encoding="GBK")
    feature = read(path, "mining_rights")
    assert (feature.record.licence, feature.record.valid_to.isoformat()) == ("C15", "2030-12-31")


def test_no_prj_is_refused_with_candidates_and_read_once_the_crs_is_given(tmp_path):
    path = tmp_path / "dltb.shp"
    without_prj(frame(DLTB), path)
    with pytest.raises(MissingCrsError, match=r"does not say its CRS.*EPSG:4528 .*EPSG:2364 .*EPSG:2416") as refused:
        check_layer(path, "dltb")
    assert refused.value.bounds == GROUND.bounds
    assert read(path, "dltb", ZONE_40).record.code == "0103"


def test_eastings_without_their_zone_are_refused_and_read_once_the_meridian_is_given(tmp_path):
    path = tmp_path / "dltb.shp"
    plain = shapely.transform(GROUND, lambda xy: xy - [40_000_000, 0])
    without_prj(frame(DLTB, plain), path)
    with pytest.raises(MissingCrsError, match="without its prefix, EPSG:4534 to EPSG:4554"):
        check_layer(path, "dltb")
    assert read(path, "dltb", Reading(crs="EPSG:4549")).record.code == "0103"


@pytest.mark.parametrize("wrong", ["EPSG:4527", "EPSG:4549", "EPSG:32651"])
def test_a_crs_of_another_zone_or_without_the_prefix_is_refused(tmp_path, wrong):
    path = tmp_path / "dltb.gpkg"
    frame(DLTB, crs=wrong).to_file(path)
    with pytest.raises(MissingCrsError, match="do not fit"):
        check_layer(path, "dltb")


def test_one_row_of_another_zone_is_named_and_the_others_are_good(tmp_path):
    path = tmp_path / "dltb.gpkg"
    other = shapely.transform(GROUND, lambda xy: np.add(xy, [1_000_000, 0]))
    data = {name: values * 2 for name, values in DLTB.items()}
    geopandas.GeoDataFrame(data, geometry=[GROUND, other], crs=4528).to_file(path)
    assert errors(path, "dltb") == [(2, "CRS", "the coordinates do not fit CGCS2000 / 3-degree Gauss-Kruger zone 40")]


@pytest.mark.parametrize("epsg", [2364, 2416])
def test_xian_80_and_beijing_54_are_read_with_the_warning_that_they_may_be_100_m_off(tmp_path, epsg):
    path = tmp_path / "dltb.gpkg"
    frame(DLTB, crs=epsg).to_file(path)
    added = add_layer(path, tmp_path, "dltb")
    assert added.layer is not None
    assert any("up to 100 m off" in p.wrong_en and p.severity == "warning" for p in added.checked.tally.problems)


def test_swapped_axes_are_found_reported_and_read_when_told(tmp_path):
    path = tmp_path / "dltb.shp"
    swapped = shapely.transform(GROUND, lambda xy: xy[:, ::-1])
    without_prj(frame(DLTB, swapped), path)
    with pytest.raises(MissingCrsError, match="x and y look swapped"):
        check_layer(path, "dltb")
    assert errors(path, "dltb", ZONE_40)[0][2].startswith("X and Y are swapped")
    read(path, "dltb", Reading(crs="EPSG:4528", swap_xy=True), warnings=["X and Y were swapped"])


@pytest.mark.parametrize("name", ["wetland.gpkg", "wetland.shp"])
def test_a_ring_that_crosses_itself_is_repaired_and_said(tmp_path, name):
    path = tmp_path / name
    x, y = 40_412_345, 5_462_100
    bow_tie = Polygon([(x, y), (x + 1000, y + 1000), (x + 1000, y), (x, y + 1000)])
    frame({"sdmc": ["某湿地"]}, bow_tie).to_file(path)
    added = add_layer(path, tmp_path, "wetland")
    assert any("not valid" in p.wrong_en and "repaired to 49" in p.wrong_en for p in added.checked.tally.problems)
    (found,) = crossings(DEGREES, [added.layer])
    assert found[0].attributes["geometry_repaired"] == "1"
    assert found[1] == pytest.approx(AREA_M2 / 2, rel=1e-3)


def test_slivers_doubles_and_rows_without_ground_are_named(tmp_path):
    path = tmp_path / "grassland.gpkg"
    sliver = box(40_412_345, 5_462_100, 40_412_345.001, 5_462_200)
    shapes = [GROUND, GROUND, sliver, None, Polygon()]
    geopandas.GeoDataFrame({"草原类别": ["基本草原"] * 5}, geometry=shapes, crs=4528).to_file(path)
    tally = check_layer(path, "grassland").tally
    said = {(p.row, p.severity, p.wrong_en.split(" of ")[0]) for p in tally.problems}
    assert (2, "warning", "has the same outline as row 1") in said
    assert (3, "warning", "is a sliver") in said
    assert {(4, "error", "has no ground"), (5, "error", "has no ground")} <= said
    assert (tally.rows, tally.good) == (5, 3)


def test_areas_in_hectares_agree_and_a_wrong_unit_is_named(tmp_path):
    path = tmp_path / "forest.gpkg"
    frame(FOREST).to_file(path)
    assert read(path, "forest_land").record.category == "public_welfare"
    frame({**FOREST, "MIAN_JI": [AREA_M2 / 1e4 * 15]}).to_file(path)
    (problem,) = [p for p in check_layer(path, "forest_land").tally.problems if p.field == "MIAN_JI"]
    assert "it looks like 亩" in problem.wrong_en


def test_a_file_geodatabase_is_read_table_by_table_and_refused_when_a_part_is_gone(tmp_path):
    path = tmp_path / "变更.gdb"
    frame(DLTB, crs=4528).to_file(path, driver="OpenFileGDB", layer="DLTB")
    frame({"XZQMC": ["海拉尔"]}, crs=4528).to_file(path, driver="OpenFileGDB", layer="XZQ")
    with pytest.raises(UnreadableVectorError, match=r"has 2 tables \(DLTB, XZQ\); name one as 变更.gdb:DLTB"):
        check_layer(path, "dltb")
    assert read(Path(f"{path}:DLTB"), "dltb").record.code == "0103"
    (path / "a00000001.gdbtable").unlink()
    with pytest.raises(UnreadableVectorError, match="not a file geodatabase, or not all of it"):
        check_layer(Path(f"{path}:DLTB"), "dltb")


def test_a_shapefile_in_a_zip_is_read(tmp_path):
    frame(DLTB).to_file(tmp_path / "dltb.shp", encoding="GBK")
    archive = shutil.make_archive(str(tmp_path / "交付" / "dltb"), "zip", tmp_path, ".")
    assert read(Path(archive), "dltb").record.code == "0103"


def test_a_truncated_shapefile_is_refused(tmp_path):
    path = tmp_path / "dltb.shp"
    frame(DLTB).to_file(path, encoding="GBK")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UnreadableVectorError, match="truncated"):
        check_layer(path, "dltb")


def test_land_classes_that_are_none_or_contradict_their_name(tmp_path):
    path = tmp_path / "dltb.gpkg"
    data = {"BSM": list("1234"), "DLBM": ["0103", "9999", "0401", None], "DLMC": ["旱地", "旱地", "旱地", "旱地"]}
    squares = [shapely.transform(GROUND, lambda xy, d=d: np.add(xy, [d, 0])) for d in (0, 2000, 4000, 6000)]
    geopandas.GeoDataFrame(data, geometry=squares, crs=4528).to_file(path)
    said = errors(path, "dltb")
    assert [(row, field) for row, field, _ in said] == [(2, "DLBM"), (3, "DLMC"), (4, "DLBM")]
    assert "not a land class" in said[0][2]
    assert "means 天然牧草地" in said[1][2]


def test_two_zone_schemes_of_reserves_are_both_read(tmp_path):
    path = tmp_path / "z.gpkg"
    zones = ["核心保护区", "一般控制区", "核心区", "缓冲区", "实验区", "旅游区"]
    squares = [shapely.transform(GROUND, lambda xy, d=d: np.add(xy, [d, 0])) for d in range(0, 12_000, 2000)]
    data = {"保护区名称": ["某保护区"] * 6, "功能分区": zones}
    geopandas.GeoDataFrame(data, geometry=squares, crs=4528).to_file(path)
    added = add_layer(path, tmp_path, "reserve_zones", accept_rows_with_problems=True)
    assert [(p.row, p.value) for p in added.checked.tally.problems if p.severity == "error"] == [(6, "旅游区")]
    ground = shapely.union_all(geopandas.GeoSeries(squares, crs=4528).to_crs(4326))
    records = [feature.record for feature in added.layer.features_in(ground)]
    assert [(r.zone, r.scheme) for r in records] == [
        ("core_protected", 2), ("general_control", 2), ("core", 3), ("buffer", 3), ("experimental", 3),
    ]  # fmt: skip


# --- corner tables ---------------------------------------------------------------------------------------------------


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


# --- lines -----------------------------------------------------------------------------------------------------------

RING = [
    (40_412_345.0, 5_462_100.0),
    (40_413_345.0, 5_462_100.0),
    (40_413_345.0, 5_463_100.0),
    (40_412_345.0, 5_463_100.0),
]


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_a_closed_polyline_of_a_drawing_is_ground_named_by_its_layer(drawing, encoding):
    feature = read(drawing(("管理范围线", True, RING), encoding=encoding), "river_scope", ZONE_40)
    assert feature.record.name == "管理范围线"


def test_an_unclosed_line_is_refused_with_its_gap_and_closed_only_when_told(drawing):
    path = drawing(("范围", False, [*RING, (40_412_345.0, 5_462_103.0)]))
    ((_, _, wrong),) = errors(path, "river_scope", ZONE_40)
    assert wrong == "is a line that is not closed: its ends are 3.0 m apart"
    assert errors(path, "river_scope", Reading(crs="EPSG:4528", close_lines_m=2))[0][2] == wrong
    read(path, "river_scope", Reading(crs="EPSG:4528", close_lines_m=5), warnings=["gaps of up to 3.0 m were closed"])


def test_two_banks_that_nearly_meet_are_one_outline_only_when_told(drawing):

    left, right = [RING[3], RING[0], RING[1]], [(40_413_346.0, 5_462_100.0), RING[2], (40_412_346.0, 5_463_100.0)]
    path = drawing(("岸线", False, left), ("岸线", False, right))
    assert len(errors(path, "river_scope", ZONE_40)) == 2
    read(path, "river_scope", Reading(crs="EPSG:4528", close_lines_m=2), warnings=["2 gaps of up to 1.0 m"])


def test_pieces_that_touch_end_to_end_need_no_telling(drawing):
    path = drawing(("岸线", False, RING[:3]), ("岸线", False, [RING[2], RING[3], RING[0]]))
    read(path, "river_scope", ZONE_40)


def test_lines_in_a_shapefile_are_closed_by_the_same_rules(tmp_path):
    path = tmp_path / "r.shp"
    frame({"河流名称": ["伊敏河"]}, LineString([*RING, RING[0]])).to_file(path, encoding="GBK")
    read(path, "river_scope")
    frame({"河流名称": ["伊敏河"]}, LineString(RING)).to_file(path, encoding="GBK")
    assert "its ends are 1,000.0 m apart" in errors(path, "river_scope")[0][2]


def test_a_binary_drawing_and_one_that_is_none_are_refused(tmp_path):
    for head, says in ((b"AutoCAD Binary DXF\r\n\x1a\0", "binary"), (b"AC1027", "binary"), (b"<VRT>", "not a DXF")):
        (tmp_path / "a.dxf").write_bytes(head)
        with pytest.raises(UnreadableVectorError, match=says):
            check_layer(tmp_path / "a.dxf", "river_scope", ZONE_40)


# --- text formats and tables without ground ---------------------------------------------------------------------------


def test_geojson_with_an_unclosed_ring_names_the_feature(tmp_path):
    ring = [[119, 49], [119.1, 49], [119.1, 49.1], [119, 49.1]]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    path = tmp_path / "w.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert errors(path, "wetland")[0][2].startswith("a ring is not closed")


def test_kml_is_read(tmp_path):
    points = " ".join(f"{x},{y}" for x, y in DEGREES.exterior.coords)
    path = tmp_path / "w.kml"
    path.write_text(
        "<kml><Placemark><name>某湿地</name><Polygon><outerBoundaryIs><LinearRing><coordinates>"
        f"{points}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></kml>",
        "utf-8",
    )
    assert read(path, "wetland").name == "某湿地"


def test_a_ring_left_open_inside_a_geopackage_is_closed_and_said(tmp_path):
    path = tmp_path / "wetland.gpkg"
    frame({"湿地名称": ["某"]}, DEGREES, 4326).to_file(path, SPATIAL_INDEX="NO")
    ring = list(DEGREES.exterior.coords)[:-1]
    header = b"GP\x00\x01" + struct.pack("<i", 4326)
    body = (
        struct.pack("<BII", 1, 3, 1) + struct.pack("<I", len(ring)) + b"".join(struct.pack("<dd", *xy) for xy in ring)
    )
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER IF EXISTS rtree_wetland_geom_update1")
        connection.execute("UPDATE wetland SET geom = ?", (header + body,))
    connection.close()
    read(path, "wetland", warnings=["was not closed in the file"])


def test_penalties_need_no_ground(tmp_path, table):
    from aoi.penalties import stored_penalty_tables

    head = ["处罚决定书文号", "当事人", "处罚日期", "违法面积（亩）", "恢复期限", "是否履行"]
    rows = [
        ["呼自然资罚〔2022〕1号", "甲", "2022年3月1日", "12.5", "2022-09-01", "否"],
        ["", "乙", "2022-3-2", "", "", "是"],
    ]
    path = table([head, *rows], "台账.xlsx")
    assert [(row, field) for row, field, _ in errors(path, "penalties")] == [(3, "处罚决定书文号")]
    added = add_layer(path, tmp_path, "penalties", accept_rows_with_problems=True)
    assert added.layer is None
    (kept,) = stored_penalty_tables(tmp_path)
    (penalty,) = kept.read()
    assert (penalty.holder, penalty.performed, penalty.deadline.isoformat()) == ("甲", "no", "2022-09-01")
    assert penalty.area_m2 == pytest.approx(12.5 * 10_000 / 15)
    workbook = openpyxl.load_workbook(path)
    workbook.close()

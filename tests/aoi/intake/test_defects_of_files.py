"""Defective vector files, one per defect that offices are known for: each is read right, or refused with why."""

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
from defective import AREA_M2, DEGREES, DLTB, FOREST, GROUND, ZONE_40, errors, frame, read, without_prj
from shapely.geometry import Polygon, box

from aoi.crs import MissingCrsError
from aoi.errors import UnreadableVectorError
from aoi.intake.source import Reading
from aoi.intake.store import add_layer, check_layer
from aoi.layers import crossings


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

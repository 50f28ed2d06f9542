"""`weixun layers check|add|list`, through the command line's own parser."""

import json

import geopandas
import pytest
from shapely.geometry import box
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.errors import Exit

GROUND = box(40_412_345, 5_462_100, 40_413_345, 5_463_100)
RING = "5462100,40412345;5462100,40413345;5463100,40413345;5463100,40412345"


def weixun(*words):
    result = CliRunner().invoke(app, ["layers", *map(str, words)], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.output


@pytest.fixture
def rights(tmp_path):
    path = tmp_path / "采矿权.csv"
    rows = [f'C15,甲,2020-01-01,2030-01-01,"{RING}"', f'C16,乙,2020-01-01,1/2/2030,"{RING}"']
    path.write_text("采矿许可证号,采矿权人,有效期起,有效期止,拐点坐标\n" + "\n".join(rows), "gbk")
    return path


def test_check_names_row_field_value_wrong_and_what_to_do_in_two_languages(rights):
    code, said = weixun("check", rights, "--kind", "mining_rights", "--crs", "EPSG:4528")
    assert code == Exit.BAD_INPUT
    (line,) = [line for line in said.splitlines() if line.startswith("error")]
    assert "row 3: 有效期止 “1/2/2030”: '1/2/2030' could be several days; write it as 2023-06-15" in line
    assert "请写成 2023-06-15" in line
    assert "2 rows, 1 good" in said


def test_check_in_json_holds_one_document(rights):
    code, said = weixun("check", rights, "--kind", "mining_rights", "--crs", "EPSG:4528", "--json")
    told = json.loads(said)
    assert code == Exit.BAD_INPUT
    assert (told["rows"], told["good"], told["errors"]) == (2, 1, 1)
    (problem,) = [p for p in told["problems"] if p["severity"] == "error"]
    assert (problem["row"], problem["field"], problem["value"]) == (3, "有效期止", "1/2/2030")
    assert set(problem["wrong"]) == set(problem["do"]) == {"en", "zh"}


def test_a_file_without_crs_gets_a_map_of_candidates_and_no_guess(rights, tmp_path):
    code, said = weixun("check", rights, "--kind", "mining_rights", "--map", tmp_path / "m.svg")
    assert code == Exit.BAD_INPUT
    assert "EPSG:4528, EPSG:2364, EPSG:2416" in said
    assert "·" in said
    assert (tmp_path / "m.svg").read_text("utf-8").startswith("<svg")
    code, said = weixun("add", rights, "--kind", "mining_rights", "--json")
    assert code == Exit.BAD_INPUT
    assert [c["crs"] for c in json.loads(said)["candidates"]] == ["EPSG:4528", "EPSG:2364", "EPSG:2416"]
    assert "no layers yet" in weixun("list")[1]


def test_add_refuses_errors_takes_good_rows_when_told_and_lists_what_it_took(rights):
    words = (
        "add",
        rights,
        "--kind",
        "mining_rights",
        "--crs",
        "EPSG:4528",
        "--classification",
        "敏感",
        "--name",
        "cky",
    )
    code, said = weixun(*words)
    assert code == Exit.BAD_INPUT
    assert "not added" in said
    code, said = weixun(*words, "--accept-rows-with-problems")
    assert code == Exit.DONE
    assert "added cky: 1 of 2 rows, 1.00 km²" in said
    (row,) = json.loads(weixun("list", "--json")[1])
    assert (row["name"], row["kind"], row["classification"], row["rows_left_out"]) == (
        "cky",
        "mining_rights",
        "敏感",
        "1",
    )
    assert row["source"] == "采矿权.csv"


def test_a_good_file_is_done(tmp_path):
    path = tmp_path / "w.gpkg"
    geopandas.GeoDataFrame({"sdmc": ["某湿地"]}, geometry=[GROUND], crs=4528).to_file(path)
    assert weixun("check", path, "--kind", "wetland")[0] == Exit.DONE


def test_without_a_kind_it_says_which_layers_there_are(tmp_path):
    path = tmp_path / "w.gpkg"
    frame = geopandas.GeoDataFrame({"sdmc": ["某湿地"]}, geometry=[GROUND], crs=4528)
    frame.to_file(path, layer="wetland")
    frame.to_file(path, layer="other")
    code, said = weixun("check", path)
    assert code == Exit.DONE
    assert "wetland" in said
    assert "not recognised: w.gpkg:other" in said

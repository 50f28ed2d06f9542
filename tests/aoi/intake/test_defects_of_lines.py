"""Drawings and lines that are to be ground: each is read right, or refused with why."""

import pytest
from defective import ZONE_40, errors, frame, read
from shapely.geometry import LineString

from aoi.errors import UnreadableVectorError
from aoi.intake.source import Reading
from aoi.intake.store import check_layer

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

"""Where a lead lies, from the boundaries that an office gave."""

import json
from pathlib import Path

import pytest
from shapely.geometry import box, mapping
from shapely.geometry.base import BaseGeometry

from aoi.errors import UnreadableVectorError
from aoi.kinds import kind_of
from aoi.layers import Layer, open_layers
from leads.banners import places
from leads.cases.regulators import banner_of

LEFT, RIGHT = box(119.0, 49.0, 120.0, 50.0), box(120.0, 49.0, 121.0, 50.0)


def banners(folder: Path, *features: tuple[str, BaseGeometry]) -> tuple[Layer, ...]:
    rows = [
        {"type": "Feature", "properties": {"XZQMC": name, "XZQDM": "150700"}, "geometry": mapping(ground)}
        for name, ground in features
    ]
    folder.mkdir(exist_ok=True)
    (folder / "banners.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    return open_layers(folder)


def test_the_banner_that_holds_most_comes_first(tmp_path: Path) -> None:
    layers = banners(
        tmp_path / "l", ("新巴尔虎左旗", RIGHT), ("新巴尔虎右旗", LEFT), ("新巴尔虎右旗", box(119, 48, 120, 49))
    )
    grounds = [box(119.5, 49.5, 119.51, 49.51), box(119.98, 49.5, 120.01, 49.51), box(110, 40, 110.1, 40.1)]
    assert places(grounds, layers) == ["新巴尔虎右旗", "新巴尔虎右旗、新巴尔虎左旗", ""]
    assert [banner_of(place) for place in places(grounds, layers)] == ["新巴尔虎右旗", "新巴尔虎右旗", "不详"]
    assert banner_of("新巴尔虎左旗、新巴尔虎右旗") == "新巴尔虎左旗"  # where most of it lies, not as the table has it
    assert places([], layers) == []


def test_an_edge_in_common_is_no_ground(tmp_path: Path) -> None:
    layers = banners(tmp_path / "l", ("甲旗", LEFT), ("乙旗", RIGHT))
    assert places([box(120.0, 49.2, 120.1, 49.3)], layers) == ["乙旗"]


def test_without_boundaries_nobody_guesses(tmp_path: Path) -> None:
    marsh = {"type": "Feature", "properties": {"name": "湿地"}, "geometry": mapping(LEFT)}
    (tmp_path / "wetland.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [marsh]}))
    assert places([LEFT], ()) == [""]
    assert places([LEFT], open_layers(tmp_path)) == [""]


def test_what_offices_call_it() -> None:
    assert {kind_of(name) for name in ("banners", "旗市区界", "XZQ", "行政区划", "旗县界")} == {"banners"}


def test_a_damaged_layer_is_told(tmp_path: Path) -> None:
    layers = banners(tmp_path / "l", ("甲旗", LEFT))
    (tmp_path / "l" / "banners.geojson").write_text("{")
    with pytest.raises(UnreadableVectorError):
        places([LEFT], layers)

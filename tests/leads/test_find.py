import datetime as dt
import json
from pathlib import Path

import pytest
import shapely

from aoi.area import geodesic_area_m2
from aoi.classification import Classification
from aoi.layers import open_layers
from detectors.core.registry import all_detectors
from leads.attributes import record
from leads.find import LAYER_NAME, LAYER_STATUS, finding
from leads.model import Lead, Patch

GROUND = shapely.box(119.9, 49.2, 119.91, 49.21)
PATCH = Patch("mine", GROUND, 0.9, 0.7, 1, geodesic_area_m2(GROUND), 1.0, 2.0, 10.0)
FIRST, SECOND = dt.date(2018, 3, 9), dt.date(2018, 3, 14)


def layer_file(folder: Path) -> Path:
    shapes = {"西半": shapely.box(119.89, 49.1, 119.905, 49.3), "远处": shapely.box(118, 49, 118.1, 49.1)}
    features = [
        {
            "type": "Feature",
            "properties": {"许可证号": f"C{number}", "矿山名称": name},
            "geometry": shapely.geometry.mapping(shape),
        }
        for number, (name, shape) in enumerate(shapes.items())
    ]
    path = folder / "mining_rights.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def test_a_finding_is_crossed_with_what_was_given_and_says_what_was_not(tmp_path: Path) -> None:
    found = finding(
        PATCH,
        last_before=dt.date(2016, 12, 9),
        first_seen=FIRST,
        dates_seen=[SECOND, FIRST, SECOND],
        looks=2,
        layers=open_layers(layer_file(tmp_path), "simulated"),
        wanted=("mining_rights", "land_approvals"),
    )
    (crossing,) = found.crossings
    assert (crossing.kind, crossing.feature_id, crossing.name) == ("mining_rights", "C0", "西半")
    assert crossing.area_m2 == pytest.approx(PATCH.area_m2 / 2, rel=1e-6)
    assert crossing.ground is not None
    assert crossing.ground.equals(shapely.box(119.9, 49.2, 119.905, 49.21))
    assert crossing.attributes[LAYER_STATUS] == "simulated"
    assert crossing.attributes[LAYER_NAME] == "mining_rights.geojson"
    assert found.layers_missing == ("land_approvals",)
    assert found.dates_seen == (FIRST, SECOND)


def test_without_layers_all_wanted_are_missing() -> None:
    found = finding(
        PATCH,
        last_before=dt.date(2016, 12, 9),
        first_seen=FIRST,
        dates_seen=[FIRST],
        looks=1,
        layers=(),
        wanted=("mining_rights",),
    )
    assert found.crossings == ()
    assert found.layers_missing == ("mining_rights",)


def test_ground_that_two_maps_claim_is_shown_with_both_claims_inside_the_patch_only(tmp_path: Path) -> None:
    halves = {"grassland": shapely.box(119.89, 49.1, 119.905, 49.3), "basic_farmland": shapely.box(119.9, 49, 120, 50)}
    for kind, ground in halves.items():
        feature = {"type": "Feature", "properties": {"bsm": kind}, "geometry": shapely.geometry.mapping(ground)}
        (tmp_path / f"{kind}.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    found = finding(
        PATCH,
        last_before=dt.date(2016, 12, 9),
        first_seen=FIRST,
        dates_seen=[FIRST],
        looks=1,
        layers=open_layers(tmp_path),
        wanted=(),
    )
    (conflict,) = found.conflicts
    assert [claim.label_zh for claim in conflict.claims] == ["永久基本农田", "草原"]
    assert conflict.area_m2 == pytest.approx(PATCH.area_m2 / 2, rel=1e-6)
    said = record(Lead("x", found), all_detectors()["mine"], Classification.SENSITIVE)
    half = PATCH.area_m2 / 2
    assert said["conflict"] == f"永久基本农田 与 草原 重叠 {half:.0f} m²（{half * 3 / 2000:.2f} 亩）"
    assert said["classif"] == "敏感"

import dataclasses
import datetime as dt

import pytest
import shapely

from detectors.core.history import Season
from detectors.core.types import Detector, Surface, Transition
from leads.attributes import dms, grade, record
from leads.fields import FIELDS, NOTE, REASONS, STATUS
from leads.find import LAYER_STATUS
from leads.model import Crossing, Finding, Lead, Patch

DETECTOR = Detector(
    "mine",
    "矿场监督",
    "Mines",
    (Season((1, 1), (12, 31)),),
    (Transition(frozenset(Surface), frozenset(Surface), 1.0, "剥离地表", "stripped ground"),),
    rules=("minerals-2025",),
)
LICENCE = Crossing(
    "mining_rights",
    "C1500002011",
    "某某煤矿",
    5000.0,
    {"licence": "C1500002011", "valid_from": "2011-05-01", "valid_to": "2021-05-01", LAYER_STATUS: "simulated"},
)
PATCH = Patch(
    "mine", shapely.box(119.9, 49.2, 119.901, 49.201), 0.93, 0.61, 1, 20_000 / 3, 6000.0, 7300.0, 10.0, clipped=True
)
FINDING = Finding(
    PATCH,
    dt.date(2016, 12, 9),
    dt.date(2018, 3, 9),
    (dt.date(2018, 3, 9), dt.date(2018, 3, 14)),
    3,
    (LICENCE, LICENCE),
    ("land_approvals",),
)
LEAD = Lead("WX-MINE-20180309-y8bs0q4e", FINDING)


def test_a_row_has_every_field_in_order_and_of_its_type() -> None:
    row = record(LEAD, DETECTOR)
    assert list(row) == [field.name for field in FIELDS]
    types = {"text": str, "date": str, "integer": int, "real": float}
    for field in FIELDS:
        value = row[field.name]
        assert value is None or type(value) is types[field.type], field.name
        if field.type == "date" and isinstance(value, str):
            dt.date.fromisoformat(value)
        if field.choices and value is not None:
            assert str(value) in [stored for stored, _, _ in field.choices], field.name


def test_a_permit_that_two_layers_name_is_told_once_with_its_dates() -> None:
    plan = Crossing("restoration_plans", "R1", "", 5000.0, {"licence": "C1500002011"})
    other = Crossing("land_approvals", "L1", "", 10.0, {"licence": "蒙土〔2020〕1号"})
    renewed = Crossing("mining_rights", "C1", "", 1.0, {"licence": "C1500002011", "valid_from": "2021-05-02"})
    row = record(Lead("x", dataclasses.replace(FINDING, crossings=(plan, LICENCE, other, renewed))), DETECTOR)
    assert row["licences"] == (
        "C1500002011（2011-05-01 至 2021-05-01）；C1500002011（2021-05-02 至 止期不详）；蒙土〔2020〕1号（期限不详）"
    )


def test_names_fit_a_shapefile_and_every_field_is_named_twice() -> None:
    assert all(field.name.isascii() and len(field.name) <= 10 for field in FIELDS)
    assert len({field.name.lower() for field in FIELDS}) == len(FIELDS)
    assert all(field.zh and field.en for field in FIELDS)
    assert len({field.zh for field in FIELDS}) == len({field.en for field in FIELDS}) == len(FIELDS)


def test_an_analyst_writes_review_and_own_areas_only() -> None:
    editable = {field.name for field in FIELDS if field.editable}
    assert editable == {"status", "reason", "reviewer", "remark", "area_anl", "area_srv"}
    assert [stored for stored, _, _ in STATUS] == ["new", "confirmed", "rejected", "field_check", "known"]
    assert ("mowing", "打草收割", "mowing or harvest") in REASONS


def test_a_row_says_what_was_found() -> None:
    row = record(LEAD, DETECTOR)
    assert (row["model_zh"], row["change_zh"], row["change"]) == ("矿场监督", "剥离地表", "stripped ground")
    assert (row["date_bef"], row["seen_first"], row["date_aft"]) == ("2016-12-09", "2018-03-09", "2018-03-14")
    assert (row["area_mu"], row["mu_lo"], row["mu_hi"]) == (10.0, 9.0, 10.95)
    assert row["layers"] == "；".join(["采矿权 某某煤矿 C1500002011〔模拟图层〕 5000 m²（7.50 亩）"] * 2)
    assert row["licences"] == "C1500002011（2011-05-01 至 2021-05-01）"
    assert row["layers_no"] == "建设用地批准"
    assert row["clipped"] == 1
    assert row["note"] == NOTE
    assert (row["status"], row["rule"], row["rule_flag"]) == ("new", "minerals-2025", "none")
    assert row["rule_state"] == "未比对规则 no rule compared"
    assert (row["known_st"], row["permit_st"], row["mine_lic"]) == (None, None, None)


def test_an_unknown_transition_is_not_guessed() -> None:
    lead = Lead("x", dataclasses.replace(FINDING, patch=dataclasses.replace(PATCH, transition=0)))
    assert record(lead, DETECTOR)["change"] == "change of unknown kind"


@pytest.mark.parametrize(
    ("looks", "days", "expected"), [(1, 1, "provisional"), (3, 1, "provisional"), (2, 2, "confirmed")]
)
def test_two_days_that_show_it_confirm(looks: int, days: int, expected: str) -> None:
    seen = tuple(dt.date(2018, 3, 9) + dt.timedelta(days=n) for n in range(days))
    assert grade(dataclasses.replace(FINDING, looks=looks, dates_seen=seen)) == expected


@pytest.mark.parametrize(
    ("lon", "lat", "text"),
    [
        (119.9034167, 49.2, "119°54′12.3″E 49°12′00.0″N"),
        (119.99999999, -0.5, "120°00′00.0″E 0°30′00.0″S"),
        (-5.0166, 48.9833333, "5°00′59.8″W 48°59′00.0″N"),
    ],
)
def test_degrees_minutes_and_seconds(lon: float, lat: float, text: str) -> None:
    assert dms(lon, lat) == text


def test_the_centre_of_a_crescent_lies_inside_it() -> None:
    crescent = shapely.Point(120, 49).buffer(0.01) - shapely.Point(120.004, 49).buffer(0.009)
    row = record(Lead("x", dataclasses.replace(FINDING, patch=dataclasses.replace(PATCH, geometry=crescent))), DETECTOR)
    assert crescent.contains(shapely.Point(row["lon"], row["lat"]))

import datetime as dt
import json
from importlib.resources import files

import pytest
from pydantic import ValidationError

from leads.rules.records import FILES, Clause, Rule, load_rules, load_settings

RULES = {rule.id: rule for rule in load_rules()}

TABLE = {
    "cropland-2000": ("法释〔2000〕14号", "2000-06-22", None),
    "black-soil-2025": ("法释〔2025〕7号", "2025-05-06", None),
    "forest-2023": ("法释〔2023〕8号", "2023-08-15", None),
    "grassland-2012": ("法释〔2012〕15号", "2012-11-22", None),
    "temporary-land-2021": ("土地管理法；实施条例；土地复垦条例", "2021-09-01", None),
    "temporary-forest-2020": ("森林法", "2020-07-01", None),
    "temporary-grassland-2003": ("草原法", "2003-03-01", None),
    "temporary-system-2023": ("自然资办函〔2023〕1280号", "2024-01-01", None),
    "river-ban": ("河道管理条例", "1988-06-10", None),
    "river-approval": ("河道管理条例", "1988-06-10", None),
    "wetland-2022": ("湿地保护法", "2022-06-01", None),
    "hulun-lake-2016": ("内蒙古自治区呼伦湖国家级自然保护区条例", "2016-10-01", None),
    "reserves-1994": ("自然保护区条例", "1994-12-01", "2026-03-14"),
    "reserves-2026": ("自然保护区条例", "2026-03-15", None),
    "minerals-2025": ("矿产资源法", "2025-07-01", None),
    "illegal-mining-2016": ("法释〔2016〕25号", "2016-12-01", None),
    "criminal-342": ("刑法", "2001-08-31", None),
}
"""The field's table of rules, written out a second time."""

DISABLED = {
    "fines-wetland", "fines-black-soil", "fines-grassland", "ecological-code-2026", "procuratorial-litigation-draft",
    "forest-2005",
}  # fmt: skip


@pytest.mark.parametrize("rule_id", TABLE)
def test_each_row_of_the_table_is_a_record(rule_id: str) -> None:
    rule = RULES[rule_id]
    begins = rule.effective_from.isoformat() if rule.effective_from else None
    ends = rule.effective_to.isoformat() if rule.effective_to else None
    assert (rule.document, begins, ends) == TABLE[rule_id]
    assert rule.enabled
    assert rule.title_zh
    assert rule.title_en


def test_what_is_not_verified_ships_disabled() -> None:
    assert {rule.id for rule in RULES.values() if not rule.enabled} == DISABLED
    assert all(rule.confidence == "V" for rule in RULES.values() if not rule.enabled)
    assert set(RULES) == {*TABLE, *DISABLED, "temporary-land-1999"}


def test_thresholds_are_those_of_the_documents() -> None:
    found = {
        (rule.id, clause.id): (clause.threshold_mu, clause.threshold_m3)
        for rule in RULES.values()
        if rule.enabled
        for clause in rule.clauses
        if clause.threshold_mu
    }
    assert found == {
        ("cropland-2000", "basic"): (5, None),
        ("cropland-2000", "other"): (10, None),
        ("black-soil-2025", "basic"): (3, 500),
        ("black-soil-2025", "other"): (6, 1000),
        ("forest-2023", "public"): (5, None),
        ("forest-2023", "commercial"): (10, None),
        ("grassland-2012", "all"): (20, None),
    }


@pytest.mark.parametrize(("mu", "m2"), [(3, 2000.0), (5, 10_000 / 3), (10, 20_000 / 3), (20, 40_000 / 3)])
def test_a_mu_is_two_thousand_thirds_of_a_square_metre(mu: float, m2: float) -> None:
    clause = Clause(id="x", ground_zh="x", ground_en="x", within=("grassland",), threshold_mu=mu)
    assert clause.threshold_m2 == m2


def test_each_of_the_eight_has_rules_and_nobody_else_has() -> None:
    eight = {
        "temporary_land", "forest_encroachment", "black_soil", "river_protection", "grassland", "hulun_lake", "wetland",
        "mine",
    }  # fmt: skip
    assert {detector for rule in RULES.values() for detector in rule.detectors} == eight


def test_every_file_is_read_and_every_word_of_a_use_is_known() -> None:
    shipped = {file.name for file in files("leads.rules").iterdir() if file.name.endswith(".json")}
    assert shipped == {*(f"{name}.json" for name in FILES), "settings.json"}
    assert load_settings().recheck_from == dt.date(2026, 8, 15)


@pytest.mark.parametrize(
    "change",
    [
        {"effective_from": None},
        {"effective_to": "2000-01-01"},
        {"verified_on": None},
        {"clauses": []},
        {"kind": "permit"},
        {"id": "Two Words"},
        {"confidence": "X"},
        {"surprise": 1},
    ],
)
def test_a_record_that_does_not_hold_together_is_refused(change: dict[str, object]) -> None:
    good = json.loads(RULES["grassland-2012"].model_dump_json())
    Rule.model_validate_json(json.dumps(good))
    with pytest.raises(ValidationError):
        Rule.model_validate_json(json.dumps({**good, **change}))

"""`weixun rules list`."""

import json

from typer.testing import CliRunner

from leads.rules.records import load_rules
from pipelines.cli import app


def weixun(*words: str) -> str:
    result = CliRunner().invoke(app, ["rules", "list", *words], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.output


def test_rules_are_listed_with_article_days_thresholds_and_source() -> None:
    said = weixun()
    assert "法释〔2025〕7号" in said
    assert "from 2025-05-06; 永久基本农田内黑土耕地 3 亩 / 500 m³" in said
    assert "to 2021-08-31" in said
    assert "confidence H" in said
    assert "DISABLED" not in said


def test_records_to_be_verified_are_shown_as_disabled_on_demand_only() -> None:
    disabled = [rule.id for rule in load_rules() if not rule.enabled]
    assert disabled
    assert f"{len(disabled)} more are disabled" in weixun()
    everything = weixun("--all")
    assert everything.count("DISABLED 停用") == len(disabled)
    assert all(name in everything for name in disabled)


def test_json_is_one_document() -> None:
    rows = json.loads(weixun("--json"))
    assert all(row["enabled"] for row in rows)
    black = next(row for row in rows if row["id"] == "black-soil-2025")
    assert black["effective_from"] == "2025-05-06"
    assert black["effective_to"] is None
    assert black["thresholds"][0]["mu"] == 3
    assert black["thresholds"][0]["m3"] == 500
    assert {row["id"] for row in json.loads(weixun("--json", "--all"))} == {rule.id for rule in load_rules()}

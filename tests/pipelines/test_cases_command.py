"""`weixun cases`, `weixun leads stats` and `weixun leads like`: told to people and to scripts."""

import datetime as dt
import json
from pathlib import Path

import pytest
from shapely.geometry import box
from typer.testing import CliRunner

from leads.cases.errors import CaseConflictError, CaseError
from leads.identity import assign_ids
from leads.model import Finding, Patch
from leads.store.store import home_store
from leads.tracking.look import Look
from pipelines.cli import app, exit_code_of
from pipelines.errors import BadInputError, Exit

DAY = dt.date(2025, 5, 1)


def weixun(*words: str) -> str:
    result = CliRunner().invoke(app, words, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.fixture
def lead_id(own_home: Path) -> str:
    ground = box(120.0, 49.5, 120.002, 49.502)
    patch = Patch("mine", ground, 0.9, 0.8, 1, 30_000.0, 28_000.0, 32_000.0, 10.0)
    leads = assign_ids([Finding(patch, dt.date(2024, 8, 1), DAY, (DAY,), 1)])
    rows = {lead.id: {"lead_id": lead.id, "regulator": "[red]某局[/red]\x1b[31m", "holder": "某矿业"} for lead in leads}
    with home_store(own_home) as store:
        store.night("run", "steppe", [Look("steppe", "mine", DAY, leads, rows, ground, False)], (), ())
    return leads[0].id


def test_a_case_from_its_lead_to_its_term(lead_id: str) -> None:
    said = weixun("cases", "open", lead_id, "--by", "王检", "--on", "2026-03-02")
    assert "初步调查" in said
    assert "\x1b" not in said
    weixun("cases", "move", "AJ-2026-0001", "立案", "--by", "王检", "--on", "2026-03-02")
    move = ("cases", "move", "AJ-2026-0001", "检察建议", "--by", "王检", "--on", "2026-06-30", "--urgent", "--json")
    assert json.loads(weixun(*move))["due"] == "2026-07-15"
    due = json.loads(weixun("cases", "due", "--on", "2026-07-20", "--json"))
    assert (due["terms"][0]["days_left"], due["look_again"][0]["lead"]) == (-5, lead_id)
    assert "已过 5 天" in weixun("cases", "due", "--on", "2026-07-20")
    assert [case["state"] for case in json.loads(weixun("cases", "list", "--json"))] == ["recommendation"]
    assert "[red]某局[/red]" in weixun("cases", "list", "--open")
    with pytest.raises(CaseConflictError, match="version 3"):
        weixun("cases", "move", "AJ-2026-0001", "回复", "--by", "王检", "--base", "1")
    with pytest.raises(CaseError, match="no case"):
        weixun("cases", "show", "AJ-1")
    assert exit_code_of(CaseConflictError("x")) is Exit.BAD_INPUT


def test_numbers_and_leads_of_one_kind(lead_id: str) -> None:
    told = json.loads(weixun("leads", "stats", "--as-of", "2026-01-01", "--json"))
    assert (told["leads"]["all"], told["funnel"][-1]["leads"]) == (1, 1)
    assert "不属实 false" in weixun("leads", "stats", "--by", "regulator")
    assert json.loads(weixun("leads", "like", lead_id, "--by", "holder", "--json"))["holders"][0]["holder"] == "某矿业"
    assert "某矿业" in weixun("cases", "like", lead_id)
    for wrong in (("--by", "moon"), ("--since", "2026-02-30"), ("--since", "2027-01-01", "--until", "2026-01-01")):
        with pytest.raises(BadInputError):
            weixun("leads", "stats", *wrong)

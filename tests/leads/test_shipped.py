"""Files shipped beside the code: one that is missing or wrong is told in the words of the part that needs it."""

import datetime as dt
from pathlib import Path

import pytest

import leads.shipped
from leads.cases.errors import CaseError
from leads.errors import RuleError
from leads.shipped import Documented, Record, shipped

SAID = {"id": "a", "document": "某办法", "article": "", "title_zh": "甲", "title_en": "a", "confidence": "H",
        "source": "x", "verified": False, "effective_from": "2020-03-01", "effective_to": "2021-02-28"}  # fmt: skip


class Pair(Record):
    one: int


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(leads.shipped, "files", lambda package: tmp_path)
    return tmp_path


def test_a_shipped_file_is_read_and_an_unknown_key_in_it_is_none(folder: Path) -> None:
    (folder / "a.json").write_text('{"one": 1}')
    assert shipped("leads", "a.json", Pair, CaseError).one == 1
    (folder / "a.json").write_text('{"one": 1, "two": 2}')
    with pytest.raises(RuleError, match=r"a\.json of leads does not hold together: (?s:.*)two"):
        shipped("leads", "a.json", Pair, RuleError)


def test_a_missing_file_says_what_to_do(folder: Path) -> None:
    with pytest.raises(CaseError, match=r"a\.json of leads is missing: install Weixun again"):
        shipped("leads", "a.json", Pair, CaseError)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"effective_from": None}, "a: what is used needs its first day"),
        ({"effective_to": "2020-02-29"}, "a: its last day is before its first"),
        ({"verified": True}, "a: verified and verified_on belong together"),
        ({"verified_on": "2026-01-01"}, "a: verified and verified_on belong together"),
    ],
)
def test_days_that_do_not_hold_together_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Documented.model_validate(SAID | wrong)


def test_a_draft_needs_no_day_and_is_not_used() -> None:
    draft = Documented.model_validate(SAID | {"effective_from": None, "effective_to": None, "confidence": "V"})
    assert not draft.enabled
    assert not draft.covers(dt.date(2020, 3, 1), dt.date(2020, 3, 1))
    assert not draft.overlaps(dt.date(2020, 3, 1), dt.date(2020, 3, 1))


@pytest.mark.parametrize(
    ("first", "last", "overlaps", "covers"),
    [
        ("2020-03-01", "2021-02-28", True, True),
        ("2020-02-29", "2020-03-01", True, False),
        ("2021-02-28", "2021-03-01", True, False),
        ("2020-02-01", "2020-02-29", False, False),
        ("2021-03-01", "2021-03-02", False, False),
    ],
)
def test_both_ends_are_days_in_force(first: str, last: str, overlaps: bool, covers: bool) -> None:
    days = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    rule = Documented.model_validate(SAID)
    assert (rule.overlaps(*days), rule.covers(*days)) == (overlaps, covers)

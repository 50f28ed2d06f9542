"""Terms of the procedure: which rule, and which last day."""

import datetime as dt

import pytest

from leads.cases.clocks import ClockRule, load_clocks, term_of
from leads.cases.errors import CaseError


@pytest.mark.parametrize(
    ("received", "urgent", "due"),
    [
        ("2026-06-10", False, "2026-08-10"),
        ("2025-12-31", False, "2026-02-28"),  # no 31 February
        ("2023-12-29", False, "2024-02-29"),  # a leap day ends it
        ("2023-12-31", False, "2024-02-29"),
        ("2024-02-29", False, "2024-04-29"),  # a leap day begins it
        ("2026-06-30", False, "2026-08-30"),
        ("2026-07-31", False, "2026-09-30"),
        ("2024-02-14", True, "2024-02-29"),
        ("2023-02-14", True, "2023-03-01"),
        ("2025-12-20", True, "2026-01-04"),
        ("2018-03-02", False, "2018-05-02"),  # the rule's first day
    ],
)
def test_a_reply_is_due(received, urgent, due):
    term = term_of("reply", dt.date.fromisoformat(received), urgent)
    assert term.due == dt.date.fromisoformat(due)
    assert term.rule.document


@pytest.mark.parametrize(("clock", "day"), [("reply", "2018-03-01"), ("prosecution_review", "2024-01-01")])
def test_without_a_verified_rule_nobody_guesses(clock, day):
    with pytest.raises(CaseError, match="--due"):
        term_of(clock, dt.date.fromisoformat(day))


def test_no_two_rules_in_use_say_different_things_of_one_day():
    used = [rule for rule in load_clocks() if rule.enabled]
    for one in used:
        same = [other for other in used if (other.clock, other.urgent) == (one.clock, one.urgent) and other is not one]
        assert not any(other.covers(one.effective_from, one.effective_from) for other in same)
    assert all(rule.source for rule in used)


@pytest.mark.parametrize(
    "wrong", [{"months": 2, "days": 15}, {}, {"months": 2, "effective_from": None}, {"months": 2, "verified": True}]
)
def test_a_record_that_does_not_hold_together_is_refused(wrong):
    told = {"id": "a", "clock": "reply", "document": "d", "article": "", "title_zh": "t", "title_en": "t",
            "effective_from": "2020-01-01", "confidence": "M", "source": "s", "verified": False} | wrong  # fmt: skip
    with pytest.raises(ValueError, match="a: "):
        ClockRule.model_validate(told)

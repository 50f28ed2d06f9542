"""Whoever changes a row by hand is named for good: no later night, review or step of a case covers it up."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from leads.cases.book import CaseBook, Step
from leads.cases.errors import CaseError
from leads.desk.postgis import prepare
from leads.evidence.cover import append_store_rows
from leads.evidence.witness import Witness

AT = dt.datetime(2025, 6, 3, tzinfo=dt.UTC)


def _night(home: Any, number: int, width: float = 2.0) -> Witness:
    """A night like those of the fixture: both leads are seen again, the first `width` squares wide."""
    from store_sites import look, rect

    witness = Witness(home.ledger, f"night{number}")
    home.store.night(f"night{number}", "steppe", [look(number, [rect(0, 0, width), rect(5, 5)])], [], [], witness)
    append_store_rows(home.ledger, f"night{number}")
    return witness


def test_nights_and_verdicts_that_follow_each_other_hold(home: Any) -> None:
    for number in (12, 16, 20):
        assert _night(home, number, width=number / 4).altered == []
        lead = list(home.store.leads())[1]
        args = (lead.id, lead.version, "rejected", "cloud", f"{number}", "王", AT, "i.gpkg", f"{number}" * 32)
        assert home.store.review(*args).kind == "applied"
        if number != 16:  # a night may come before a verdict is recorded
            append_store_rows(home.ledger, f"review-{number}")
        found = home.verify()
        assert (found.ok, found.altered) == (True, ()), found.first_broken
    assert home.verify().pending == 0


HAND = [
    ("UPDATE leads SET score = 0.123 WHERE number = 1", "lead WX-MINE"),
    ("UPDATE leads SET confidence = 'provisional' WHERE number = 1", "lead WX-MINE"),
    ("UPDATE leads SET remark = 'x' WHERE number = 1", "verdict on lead WX-MINE"),
    ("UPDATE leads SET judged = geometry, rejected_for = 'cloud' WHERE number = 2", "verdict on lead WX-MINE"),
    (
        "UPDATE leads SET status = 'new', reason = '', reviewer = '', remark = '', version = 1",
        "verdict on lead WX-MINE",
    ),
]


@pytest.mark.parametrize(("sql", "name"), HAND)
def test_a_lead_changed_before_a_night_is_named_for_good(home: Any, sql: str, name: str) -> None:
    home.tamper(sql)
    assert name in home.verify().first_broken
    assert [said[: len(name)] for said in _night(home, 12, width=3).altered] == [name]
    for _ in range(2):
        found = home.verify()
        assert not found.ok
        assert found.first_broken.startswith(f"run night12: {name}")
        assert "changed by hand" in found.first_broken
        assert len(found.altered) == 1
        _night(home, 16, width=4)  # what was found is found once


@pytest.mark.parametrize(("sql", "name"), HAND)
def test_a_lead_changed_beside_a_night_is_not_recorded_anew(home: Any, sql: str, name: str) -> None:
    """A night that does not touch the lead, and the import of another review, leave the lead's record as it was."""
    home.tamper(sql)
    append_store_rows(home.ledger, "review-9")
    witness = Witness(home.ledger, "empty")
    home.store.night("empty", "steppe", [], [], [], witness)
    append_store_rows(home.ledger, "empty")
    found = home.verify()
    assert name in found.first_broken
    assert "was changed after it was recorded" in found.first_broken or "slipped in" in found.first_broken


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("UPDATE runs SET exit_code = 3 WHERE id = 'night3'", "run night3 was changed"),
        ("UPDATE cases SET title = 'x'", "case C1 was changed"),
        ("INSERT INTO cases SELECT 'C2', title, state, regulator, addressee, jurisdiction, opened, closed, created,"
         " updated, version FROM cases", "case C2 is in the store and in no run's records"),
    ],
)  # fmt: skip
def test_other_states_are_not_recorded_anew_either(home: Any, sql: str, name: str) -> None:
    home.tamper(sql)
    append_store_rows(home.ledger, "later")
    assert name in home.verify().first_broken


def test_what_is_put_back_holds_again(home: Any) -> None:
    home.tamper("UPDATE runs SET exit_code = 3 WHERE id = 'night3'")
    append_store_rows(home.ledger, "later")
    home.tamper("UPDATE runs SET exit_code = 0 WHERE id = 'night3'")
    assert home.verify().ok


def test_a_verdict_explains_its_own_columns_and_no_others(home: Any) -> None:
    lead = next(iter(home.store.leads()))
    home.tamper(f"UPDATE leads SET area_m2 = area_m2 * 2 WHERE id = '{lead.id}'")
    args = (lead.id, lead.version, "rejected", "cloud", "", "李", AT, "i.gpkg", "cc" * 32)
    assert home.store.review(*args).kind == "applied"
    for _ in range(2):
        assert f"lead {lead.id} was changed after it was recorded" in home.verify().first_broken
        append_store_rows(home.ledger, "review-cc")
    home.tamper(f"UPDATE leads SET area_m2 = area_m2 / 2 WHERE id = '{lead.id}'")
    found = home.verify()
    assert (found.ok, found.pending) == (True, 0), found.first_broken


# --- cases ---------------------------------------------------------------------------------------------------------


def _book(home: Any) -> CaseBook:
    return CaseBook(home.store, Witness(home.ledger))


def test_every_step_of_a_case_is_in_the_chain_with_it(home: Any) -> None:
    one, two = (lead.id for lead in home.store.leads())
    day = dt.date(2025, 7, 1)
    case, _ = _book(home).open([one], "某案", "王", day)
    _book(home).add(case.id, [two], "王", day)
    _book(home).move(case.id, Step("立案", "王", day))
    found = home.verify()
    assert (found.ok, found.pending) == (True, 0), found.first_broken
    home.tamper(f"DELETE FROM case_leads WHERE lead_id = '{two}'")
    assert f"run case-{case.id}-v3: case {case.id} was changed" in home.verify().first_broken
    home.tamper(f"UPDATE case_events SET note = 'x' WHERE case_id = '{case.id}'")
    assert f"run case-{case.id}-v1: case event" in home.verify().first_broken


def test_a_case_changed_by_hand_is_named_for_good(home: Any) -> None:
    lead = next(iter(home.store.leads()))
    case, _ = _book(home).open([lead.id], "某案", "王", dt.date(2025, 7, 1))
    home.tamper(f"UPDATE cases SET addressee = 'x' WHERE id = '{case.id}'")
    book = _book(home)
    book.move(case.id, Step("立案", "王", dt.date(2025, 7, 2)))
    assert isinstance(book.watching, Witness)
    assert book.watching.altered == [f"case {case.id}"]
    assert home.verify().first_broken.startswith(f"run case-{case.id}-v2: case {case.id} was changed by hand")


def test_a_step_that_fails_leaves_no_record(home: Any) -> None:
    before = home.verify().head
    lead = next(iter(home.store.leads()))
    case, _ = _book(home).open([lead.id], "某案", "王", dt.date(2025, 7, 1))
    head = home.verify().head
    assert head != before
    with pytest.raises(CaseError):
        _book(home).move(case.id, Step("起诉", "王", dt.date(2025, 7, 2)))
    assert home.verify().head == head


# --- PostGIS ------------------------------------------------------------------------------------------------------


def test_a_desk_on_postgis(team_home: Any) -> None:
    """Verdicts that come by the trigger are explained, whatever the night does meanwhile; a hand is not."""
    home = team_home
    with home.store.writing(alone=True) as connection:
        prepare(connection)

    def edit(lead_id: str, status: str, reason: str) -> None:
        sql = sa.text("UPDATE desk.leads SET status = :status, reason = :reason, remark = 'r' WHERE lead_id = :id")
        with home.store.writing() as connection:
            connection.execute(sql, {"status": status, "reason": reason, "id": lead_id})

    one, two = (lead.id for lead in home.store.leads())
    edit(one, "rejected", "cloud")
    edit(two, "confirmed", "")
    found = home.verify()
    assert (found.ok, found.pending) == (True, 4), found.first_broken  # two reviews, and two verdicts
    assert _night(home, 12, width=2.0).altered == []
    edit(one, "confirmed", "")
    assert home.verify().ok
    assert _night(home, 16, width=4.0).altered == []
    edit(two, "rejected", "cloud")
    append_store_rows(home.ledger, "r")
    assert (home.verify().ok, home.verify().pending) == (True, 0)
    edit(one, "rejected", "cloud")
    home.tamper(f"UPDATE leads SET score = 0.123 WHERE id = '{one}'")
    assert _night(home, 20, width=5.0).altered == [f"lead {one}"]
    assert f"run night20: lead {one} was changed by hand" in home.verify().first_broken

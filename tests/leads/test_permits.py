import dataclasses
import datetime as dt

import pytest

from leads.model import Crossing
from leads.permits import clock, permit_of
from leads.standing import Ground, Permit, PermitState

NOT_YET, IN_TERM, RECLAIMING = PermitState.NOT_YET, PermitState.IN_TERM, PermitState.RECLAIMING
OVERDUE, RECLAIMED, UNKNOWN = PermitState.OVERDUE, PermitState.RECLAIMED, PermitState.UNKNOWN


def day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def permit(approved: str | None, expires: str | None, **more: str) -> Permit:
    dates = {name: day(more.pop(name)) for name in ("extended", "reclaim_by", "accepted") if name in more}
    return dataclasses.replace(Permit("P", approved=day(approved), expires=day(expires), **dates), **more)


@pytest.mark.parametrize(
    ("ground", "on", "state"),
    [
        ("other", "2022-05-31", NOT_YET),
        ("other", "2022-06-01", IN_TERM),
        ("other", "2024-06-01", IN_TERM),  # the last day counts
        ("other", "2024-06-02", RECLAIMING),
        ("other", "2025-06-01", RECLAIMING),
        ("other", "2025-06-02", OVERDUE),
        ("forest_land", "2025-06-01", RECLAIMING),
        ("forest_land", "2025-06-02", OVERDUE),
        ("grassland", "2024-06-01", IN_TERM),
        ("grassland", "2024-06-02", OVERDUE),  # restored on expiry, not a year later
    ],
)
def test_two_years_and_what_follows(ground: Ground, on: str, state: PermitState) -> None:
    found = clock(permit("2022-06-01", "2024-06-01"), dt.date.fromisoformat(on), ground)
    assert found.state == state
    assert found.term_too_long == "no"
    assert found.missing == ()


@pytest.mark.parametrize(
    ("approved", "expires", "project", "ground", "too_long", "lawful"),
    [
        ("2022-06-01", "2024-06-01", "other", "other", "no", "2024-06-01"),
        ("2022-06-01", "2024-06-02", "other", "other", "yes", "2024-06-01"),
        ("2022-06-01", "2026-06-01", "energy", "other", "no", "2026-06-01"),
        ("2022-06-01", "2026-06-01", "交通", "other", "no", "2026-06-01"),
        ("2022-06-01", "2026-06-01", "water", "", "no", "2026-06-01"),
        ("2022-06-01", "2026-06-02", "水利", "other", "yes", "2026-06-01"),
        ("2022-06-01", "2026-06-01", "energy", "grassland", "yes", "2024-06-01"),  # no four years on grassland
        ("2022-06-01", "2026-06-01", "energy", "forest_land", "yes", "2024-06-01"),
        ("2021-09-01", "2025-09-01", "energy", "other", "no", "2025-09-01"),
        ("2021-08-31", "2025-08-31", "energy", "other", "yes", "2023-08-31"),  # the day before the four years
        ("2022-06-01", "2025-06-01", "", "other", "unknown", None),
        ("2022-06-01", "2024-06-01", "", "other", "no", None),
        ("2022-06-01", "2027-06-01", "", "other", "yes", "2026-06-01"),
        ("2024-02-29", "2026-02-28", "other", "other", "no", "2026-02-28"),
        ("2024-02-29", "2026-03-01", "other", "other", "yes", "2026-02-28"),
        ("2024-02-29", "2028-02-29", "energy", "other", "no", "2028-02-29"),
    ],
)
def test_the_longest_term(
    approved: str, expires: str, project: str, ground: Ground, too_long: str, lawful: str | None
) -> None:
    found = clock(permit(approved, expires, project=project), dt.date(2024, 1, 1), ground)
    assert (found.term_too_long, found.lawful_end) == (too_long, day(lawful))
    assert ("project" in found.missing) is (too_long == "unknown")


def test_leap_days_in_the_year_of_reclaiming() -> None:
    leap = permit("2022-02-28", "2024-02-29", project="other")
    found = clock(leap, dt.date(2025, 2, 28), "other")
    assert (found.reclaim_by, found.state) == (dt.date(2025, 2, 28), RECLAIMING)
    assert found.term_too_long == "yes"  # two years from 28 February end on 28 February
    assert clock(leap, dt.date(2025, 3, 1), "other").state == OVERDUE


@pytest.mark.parametrize(
    ("on", "state"),
    [("2024-06-02", IN_TERM), ("2025-06-01", IN_TERM), ("2025-06-02", RECLAIMING), ("2026-06-02", OVERDUE)],
)
def test_an_extension_moves_the_end(on: str, state: PermitState) -> None:
    extended = permit("2022-06-01", "2024-06-01", extended="2025-06-01", project="energy")
    found = clock(extended, dt.date.fromisoformat(on), "other")
    assert (found.state, found.ends, found.term_too_long) == (state, dt.date(2025, 6, 1), "no")


def test_an_extension_over_the_change_of_the_law_leaves_its_term_open() -> None:
    found = clock(
        permit("2020-06-01", "2022-06-01", extended="2024-06-01", project="energy"), dt.date(2023, 1, 1), "other"
    )
    assert (found.state, found.term_too_long) == (IN_TERM, "unknown")
    assert "day of the extension" in found.missing


@pytest.mark.parametrize(
    ("approved", "expires", "on", "state", "missing"),
    [
        ("2022-06-01", None, "2024-01-01", UNKNOWN, ("expires",)),
        ("2022-06-01", None, "2022-01-01", NOT_YET, ()),
        (None, "2024-06-01", "2023-01-01", UNKNOWN, ("approved",)),
        (None, "2024-06-01", "2024-12-01", RECLAIMING, ()),
        (None, "2024-06-01", "2026-01-01", OVERDUE, ()),
        (None, None, "2024-01-01", UNKNOWN, ("expires",)),
        ("2024-06-01", "2022-06-01", "2023-01-01", UNKNOWN, ("expires",)),  # contradicts itself
    ],
)
def test_missing_dates_are_named_and_not_guessed(
    approved: str | None, expires: str | None, on: str, state: PermitState, missing: tuple[str, ...]
) -> None:
    found = clock(permit(approved, expires), dt.date.fromisoformat(on), "other")
    assert found.state == state
    assert set(missing) <= set(found.missing)
    if approved is None or expires is None:
        assert found.term_too_long == "unknown"
        assert {name for name, value in (("approved", approved), ("expires", expires)) if value is None} <= set(
            found.missing
        )


def test_ground_that_is_not_known_is_said_in_the_year_of_reclaiming() -> None:
    found = clock(permit("2022-06-01", "2024-06-01"), dt.date(2024, 9, 1))
    assert found.state == RECLAIMING
    assert any("如系草原" in note.zh for note in found.notes)
    own = clock(permit("2022-06-01", "2024-06-01", ground="grassland"), dt.date(2024, 9, 1))
    assert own.state == OVERDUE


@pytest.mark.parametrize(
    ("reclaim_by", "last", "noted"),
    [("2024-12-01", "2024-12-01", False), ("2026-06-01", "2025-06-01", True), ("2024-01-01", "2025-06-01", False)],
)
def test_the_permits_own_day_for_reclaiming_counts_where_it_is_earlier(reclaim_by: str, last: str, noted: bool) -> None:
    found = clock(permit("2022-06-01", "2024-06-01", reclaim_by=reclaim_by), dt.date(2025, 1, 1), "other")
    assert found.reclaim_by == day(last)
    assert any("晚于法定期限" in note.zh for note in found.notes) is noted


def test_accepted_reclamation_ends_the_clock() -> None:
    done = permit("2022-06-01", "2024-06-01", accepted="2024-10-01")
    assert clock(done, dt.date(2024, 9, 30), "other").state == RECLAIMING
    assert clock(done, dt.date(2024, 10, 1), "other").state == RECLAIMED
    assert clock(done, dt.date(2027, 1, 1), "other").state == RECLAIMED


@pytest.mark.parametrize(
    ("registered", "on", "recognised"),
    [
        (True, "2024-01-01", "yes"),
        (False, "2024-01-01", "no"),
        (None, "2024-01-01", "unknown"),
        (False, "2023-12-31", "unknown"),
    ],
)
def test_a_permit_absent_from_the_national_system_is_not_recognised(
    registered: bool | None, on: str, recognised: str
) -> None:
    found = clock(
        dataclasses.replace(permit("2022-06-01", "2024-06-01"), registered=registered),
        dt.date.fromisoformat(on),
        "other",
    )
    assert found.recognised == recognised


def test_a_clock_names_the_rules_it_rests_on() -> None:
    assert clock(permit("2022-06-01", "2024-06-01"), dt.date(2024, 9, 1), "grassland").rules == (
        "temporary-grassland-2003",
        "temporary-system-2023",
    )
    assert clock(permit("2021-06-01", "2023-06-01"), dt.date(2022, 9, 1), "other").rules == (
        "temporary-land-1999",
        "temporary-land-2021",
    )


# --- from a row -------------------------------------------------------------------------------------------------------


def row(**attributes: str) -> Permit:
    return permit_of(Crossing("temporary_land_permits", "P", "", 1.0, attributes))


@pytest.mark.parametrize(
    "written", ["2024-06-01", "2024/6/1", "2024.6.1", "20240601", "2024年6月1日", "2024-06-01 00:00:00", "45444"]
)
def test_dates_as_offices_write_them(written: str) -> None:
    assert row(approved="2022-06-01", expires=written).expires == dt.date(2024, 6, 1)


def test_a_row_of_canonical_columns() -> None:
    found = row(
        approved="2022-06-01", expires="2024-06-01", extended="2025-06-01", reclaim_by="2026-06-01",
        project="transport", ground="草地", registered="LS-15-2022-001", holder="某公司",
    )  # fmt: skip
    assert found == Permit(
        "P", "某公司", dt.date(2022, 6, 1), dt.date(2024, 6, 1), dt.date(2025, 6, 1), dt.date(2026, 6, 1), None,
        "transport", "grassland", True,
    )  # fmt: skip


def test_a_length_of_time_gives_the_end_only_where_no_end_is_written() -> None:
    assert row(approved="2024-02-29", term_months="24").expires == dt.date(2026, 2, 28)
    assert row(approved="2022-06-01", term_months="24", expires="2023-06-01").expires == dt.date(2023, 6, 1)
    assert row(term_months="24").expires is None
    assert row(approved="2022-06-01", term_months="24", expires="06/07/2023").expires is None


@pytest.mark.parametrize("blank", ["", " ", "-", "无", "不详", "null"])
def test_a_blank_is_no_date(blank: str) -> None:
    found = row(approved="2022-06-01", expires=blank)
    assert found.expires is None
    assert found.unreadable == ()


@pytest.mark.parametrize("name", ["expires", "extended"])
def test_what_can_not_be_read_leaves_the_end_open(name: str) -> None:
    dates = {"approved": "2022-06-01", "expires": "2024-06-01", name: "2024-13-01"}
    found = clock(row(**dates), dt.date(2024, 9, 1), "other")
    assert (found.state, found.ends) == (UNKNOWN, None)
    assert any("2024-13-01" in note.zh for note in found.notes)


def test_without_end_is_too_long_and_in_term() -> None:
    found = clock(row(approved="2022-06-01", expires="长期", project="other"), dt.date(2030, 1, 1), "other")
    assert (found.state, found.term_too_long, found.reclaim_by) == (IN_TERM, "yes", None)


@pytest.mark.parametrize(
    ("text", "registered"), [("无", False), ("否", False), ("", None), ("2022-15-7", True), ("是", True)]
)
def test_the_number_in_the_national_system(text: str, registered: bool | None) -> None:
    assert row(registered=text).registered is registered

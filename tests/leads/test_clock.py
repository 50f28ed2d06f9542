import datetime as dt

import pytest

from leads.clock import add_months, add_years


@pytest.mark.parametrize(
    ("day", "years", "last"),
    [
        ("2024-02-29", 2, "2026-02-28"),
        ("2024-02-29", 4, "2028-02-29"),
        ("2023-02-28", 1, "2024-02-28"),
        ("2022-06-15", 0, "2022-06-15"),
        ("2021-08-31", 2, "2023-08-31"),
    ],
)
def test_a_term_ends_on_its_day_or_on_the_months_last(day: str, years: int, last: str) -> None:
    assert add_years(dt.date.fromisoformat(day), years) == dt.date.fromisoformat(last)


@pytest.mark.parametrize(
    ("day", "months", "last"),
    [("2023-08-31", 6, "2024-02-29"), ("2023-12-01", 1, "2024-01-01"), ("2022-10-31", 18, "2024-04-30")],
)
def test_months_run_over_the_year(day: str, months: int, last: str) -> None:
    assert add_months(dt.date.fromisoformat(day), months) == dt.date.fromisoformat(last)


def test_without_end_stays_without_end() -> None:
    assert add_years(dt.date.max, 2) == dt.date.max
    assert add_years(dt.date(9998, 1, 1), 5) == dt.date.max

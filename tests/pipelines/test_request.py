"""Date ranges as people write them."""

import datetime as dt

import pytest

from pipelines.errors import BadInputError
from pipelines.request import check_order, parse_dates

DAY = dt.date(2016, 12, 9)


def test_one_day_is_a_range_of_one_day() -> None:
    assert parse_dates("2016-12-09", "--before") == (DAY, DAY)
    assert parse_dates("2016-12-01/2016-12-09", "--before") == (dt.date(2016, 12, 1), DAY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2016-12-09/", "a date is missing"),
        ("/2016-12-09", "a date is missing"),
        ("9.12.2016", "'9.12.2016' is not a date"),
        ("2016-13-01", "is not a date"),
        ("2016-01-01/2016-02-01/2016-03-01", "has 3 dates"),
        ("2018-03-09/2016-12-09", "runs backwards; write 2016-12-09/2018-03-09"),
    ],
)
def test_what_can_not_be_read_is_refused_with_the_option_named(text: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said) as raised:
        parse_dates(text, "--after")
    assert str(raised.value).startswith("--after")


def test_after_must_come_after_before() -> None:
    later = (dt.date(2017, 1, 1), dt.date(2017, 1, 2))
    check_order((DAY, DAY), later)
    with pytest.raises(BadInputError, match="must begin later"):
        check_order(later, (DAY, DAY))
    with pytest.raises(BadInputError, match="must begin later"):
        check_order(later, later)

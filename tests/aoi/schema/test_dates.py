import datetime as dt

import pytest

from aoi.schema.dates import UNLIMITED, DateError, read_day, read_months, read_period

DAY = dt.date(2023, 6, 15)


@pytest.mark.parametrize(
    "text",
    ["2023-06-15", "2023/6/15", "2023.6.15", "20230615", "2023年6月15日", "2023 年 6 月 15 日", "２０２３－０６－１５",
     "2023-06-15 00:00:00", "2023-06-15T08:00:00Z", "二〇二三年六月十五日", "二零二三年六月十五日", "45092", "45092.5",
     " 2023-06-15 ", "2023-6-15"],
)  # fmt: skip
def test_a_day_in_all_habits(text):
    assert read_day(text).date == DAY


@pytest.mark.parametrize("text", ["", " ", "-", "—", "/", "无", "NULL", "nan", "不详"])
def test_blanks(text):
    assert read_day(text) is None


@pytest.mark.parametrize("text", ["长期", "永久", "长期有效"])
def test_without_end_is_later_than_any_day(text):
    assert read_day(text).date == UNLIMITED > dt.date(2200, 1, 1)


def test_a_month_alone_is_vague_and_goes_to_the_end_that_is_asked_for():
    assert read_day("2024年2月", "last").date == dt.date(2024, 2, 29)
    assert read_day("2024-02").date == dt.date(2024, 2, 1)
    assert read_day("2024.2").vague
    assert not read_day("2024-02-29").vague


@pytest.mark.parametrize(
    ("text", "says"),
    [("06/07/2023", "several days"), ("23-6-15", "several days"), ("2023-02-29", "no such day"),
     ("2023-13-01", "no such"),
     ("1023-01-01", "the year must be"), ("45", "not a date"), ("下月", "not a date"), ("202306", "not a date")],
)  # fmt: skip
def test_what_is_no_day_or_several_is_refused(text, says):
    with pytest.raises(DateError, match=says) as caught:
        read_day(text)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in caught.value.args[1])


@pytest.mark.parametrize(
    "text",
    [
        "自2010年1月1日至2030年1月1日",
        "2010-01-01至2030-01-01",
        "贰拾年 自2010年1月1日至2030年1月1日",
        "2010.1.1—2030.1.1",
    ],
)
def test_a_term_in_one_cell(text):
    first, last = read_period(text)
    assert (first.date, last.date) == (dt.date(2010, 1, 1), dt.date(2030, 1, 1))


def test_terms_with_one_end_or_none():
    assert read_period("") == (None, None)
    assert read_period("长期")[1].date == UNLIMITED
    first, last = read_period("2010年1月1日至长期")
    assert (first.date, last.date) == (dt.date(2010, 1, 1), UNLIMITED)
    with pytest.raises(DateError):
        read_period("二十年")


@pytest.mark.parametrize(
    ("text", "months"),
    [("24个月", 24), ("2年", 24), ("两年", 24), ("二年", 24), ("1年6个月", 18), ("半年", 6), ("", None)],
)
def test_lengths_of_time(text, months):
    assert read_months(text) == months


def test_what_is_no_length_of_time_is_refused():
    with pytest.raises(DateError):
        read_months("很久")

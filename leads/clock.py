"""Years counted as the Civil Code counts them."""

import calendar
import datetime as dt

from aoi.schema.dates import UNLIMITED


def add_years(day: dt.date, years: int) -> dt.date:
    """The last day of a term of years that begins with a day; see `add_months`."""
    return add_months(day, 12 * years)


def add_months(day: dt.date, months: int) -> dt.date:
    """The last day of a term of months that begins with a day.

    The day itself does not count; the term ends on the same day of its last month, or on that month's last day where
    it has no such day (民法典 arts 201–202): two years from 2024-02-29 end on 2026-02-28, one year from 2023-02-28 on
    2024-02-28.
    """
    if day == UNLIMITED:
        return UNLIMITED
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    if year > UNLIMITED.year:
        return UNLIMITED
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))

"""Which images a day is held against: the same span of the year, in earlier years."""

import calendar
import datetime as dt

from pipelines.patrol.config import Before
from pipelines.request import DateRange


def ranges_before(before: Before, day: dt.date) -> tuple[DateRange, ...]:
    """The same season of earlier years, the oldest first; empty where a day is in no season of the configuration."""
    for span in before.seasons:
        first, last = span.split("/")
        if _in_year(first, day.year) <= day <= _in_year(last, day.year):
            years = range(day.year - before.years, day.year)
            return tuple((_in_year(first, year), _in_year(last, year)) for year in years)
    return ()


def _in_year(text: str, year: int) -> dt.date:
    month, day = map(int, text.strip().split("-"))
    return dt.date(year, month, min(day, calendar.monthrange(year, month)[1]))

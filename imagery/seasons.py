"""The time of the year: which days are of one season, whatever the year."""

import datetime as dt
from collections.abc import Iterable

from imagery.scene import Scene

Season = tuple[tuple[int, int], tuple[int, int]]
"""First and last (month, day), inclusive; it may run over New Year."""

ALIKE_DAYS = 35
"""Days of the year no farther apart than this are of one season: the steppe greens within five weeks."""

_YEAR = 365


def days_apart(one: dt.date, other: dt.date) -> int:
    """Between two days of the year, the shorter way round: 0 to 182."""
    between = abs(_day_of_year(one) - _day_of_year(other))
    return min(between, _YEAR - between)


def _day_of_year(day: dt.date) -> int:
    """1 to 365, that of 29 February being that of 28."""
    return day.timetuple().tm_yday - (day.month > 2 and _is_leap(day.year)) - (day.month == 2 and day.day == 29)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def alike(scenes: Iterable[Scene], day: dt.date) -> frozenset[str]:
    """Ids of the scenes that are of one season with a day; empty where that is all of them, or none.

    Then there is nothing to choose between, and the composite is what it is without regard to the season.
    """
    found = {scene.id: days_apart(scene.solar_day, day) <= ALIKE_DAYS for scene in scenes}
    near = frozenset(name for name, close in found.items() if close)
    return near if len(near) < len(found) else frozenset()


def year_in(season: Season, day: dt.date) -> int | None:
    """The year to which a day of the season counts, which is that in which the season began; None outside it."""
    (first, last), here = season, (day.month, day.day)
    if first <= last:
        return day.year if first <= here <= last else None
    if here >= first:
        return day.year
    return day.year - 1 if here <= last else None

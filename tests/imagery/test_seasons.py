"""The time of the year."""

import datetime as dt
from dataclasses import dataclass

import pytest

from imagery.seasons import ALIKE_DAYS, alike, days_apart, year_in

DAY = dt.date(2024, 7, 20)


@dataclass(frozen=True)
class Taken:
    id: str
    solar_day: dt.date


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ((2023, 7, 20), (2024, 7, 20), 0),
        ((2023, 3, 1), (2024, 3, 1), 0),  # a leap day lies between them and 1 January
        ((2024, 2, 29), (2023, 2, 28), 0),
        ((2023, 12, 31), (2024, 1, 1), 1),
        ((2023, 1, 10), (2024, 12, 20), 21),
        ((2023, 7, 1), (2024, 8, 5), 35),
    ],
)
def test_days_of_the_year_are_apart_the_shorter_way(
    one: tuple[int, int, int], other: tuple[int, int, int], apart: int
) -> None:
    assert days_apart(dt.date(*one), dt.date(*other)) == days_apart(dt.date(*other), dt.date(*one)) == apart


def test_scenes_of_the_days_season_go_first_and_where_all_or_none_are_there_is_no_choice() -> None:
    near, edge, far = (
        Taken(name, DAY.replace(year=2023) + dt.timedelta(days=days))
        for name, days in (("near", -3), ("edge", ALIKE_DAYS), ("far", ALIKE_DAYS + 1))
    )
    assert alike([near, edge, far], DAY) == {"near", "edge"}
    assert alike([near, edge], DAY) == alike([far], DAY) == alike([], DAY) == frozenset()


def test_a_season_over_new_year_counts_to_the_year_in_which_it_began() -> None:
    winter = ((11, 1), (3, 31))
    assert [year_in(winter, dt.date(*day)) for day in ((2023, 11, 1), (2024, 3, 31), (2024, 4, 1))] == [
        2023,
        2023,
        None,
    ]
    assert year_in(((6, 15), (8, 10)), dt.date(2024, 8, 10)) == 2024
    assert year_in(((6, 15), (8, 10)), dt.date(2024, 8, 11)) is None

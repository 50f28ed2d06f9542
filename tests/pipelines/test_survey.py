"""When a survey's patch happened, and when it is a pair's."""

import datetime as dt
from collections import Counter

from detectors.core.registry import choose
from pipelines.dating import Sighting
from pipelines.survey import _sighting, _Tally

(DETECTOR, OTHER) = choose(("land_disturbance", "mine"))
SIGHTING = Sighting(dt.date(2023, 7, 17), dt.date(2024, 7, 20), (dt.date(2024, 7, 20),), 1)


def tally(shown: dict[int, int], observed: dict[int, int] | None = None) -> _Tally:
    observed = observed or dict.fromkeys(range(2020, 2025), 100)
    days = {year: Counter({dt.date(year, 5, 20).toordinal(): count}) for year, count in observed.items()}
    return _Tally(100, Counter(observed), Counter(shown), days)


def test_it_lies_between_the_last_year_without_and_the_first_with_it() -> None:
    found = _sighting(tally({2022: 60, 2023: 90, 2024: 100}))
    assert found is not None
    assert (found.last_before, found.first_seen) == (dt.date(2021, 5, 20), dt.date(2022, 5, 20))
    assert [day.year for day in found.dates_seen] == [2022, 2023, 2024]
    assert found.looks == 5


def test_a_year_in_between_that_did_not_show_it_begins_it_anew_and_one_not_observed_says_nothing() -> None:
    found = _sighting(tally({2021: 90, 2024: 90}))
    assert found is not None
    assert (found.last_before, found.first_seen) == (dt.date(2023, 5, 20), dt.date(2024, 5, 20))
    blind = _sighting(tally({2022: 90, 2024: 90}, {2020: 100, 2021: 100, 2022: 100, 2023: 30, 2024: 100}))
    assert blind is not None
    assert (blind.last_before.year, blind.first_seen.year) == (2021, 2022)


def test_what_no_year_shows_is_no_patch() -> None:
    assert _sighting(tally({2024: 40})) is None


def test_the_earliest_day_of_the_last_year_without_it_bounds_it_but_odd_pixels_do_not() -> None:
    told = tally({2024: 100})
    told.days[2023] = Counter({dt.date(2023, 5, day).toordinal(): count for day, count in ((1, 2), (9, 20), (25, 78))})
    found = _sighting(told)
    assert found is not None
    assert found.last_before == dt.date(2023, 5, 9)

"""Since when a watched site shows what it is watched for."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from detectors.core.history import SIX, History, Opinion, PatchSeries, Remark, Season, Site, Watch
from pipelines.watched import last_lawful_day, sighting_of

TODAY = dt.date(2024, 8, 10)
SITE = Site("temporary_land_permits", "1", {"expires": "2023-05-31"}, TODAY, (dt.date(2024, 7, 1), TODAY))
DAYS = tuple(dt.date(year, 7, day) for year in (2022, 2023, 2024) for day in (5, 25))
CLEAR, BARE, UNSURE = 0.0, 1.0, 2.0


def by_papers(site: Site) -> bool:
    return site.attributes["expires"] < min(site.today, site.after[1]).isoformat()


def newest(series: PatchSeries, site: Site) -> Opinion:
    """Says what the newest look holds."""
    value = series.values[-1, 0, 0, 0]
    return Opinion(bool(value == BARE), unsure=bool(value == UNSURE))


WATCH = Watch(
    "temporary_land_permits", History((Season((6, 15), (8, 10)),), 3), by_papers, newest, Remark("逾", "late")
)


def series(*looks: float) -> PatchSeries:
    values = np.broadcast_to(np.array(looks, np.float32)[:, None, None, None], (len(looks), 6, 2, 2))
    inside = np.ones((2, 2), np.bool_)
    return PatchSeries(values, SIX, DAYS[: len(looks)], inside, ~inside, 10.0, None, None)


@pytest.mark.parametrize("expires", ["2023-05-31", "2024-08-09", "2019-01-01", "1991-02-03"])
def test_the_last_lawful_day_is_found_from_the_papers_alone(expires: str) -> None:
    site = replace(SITE, attributes={"expires": expires})
    assert last_lawful_day(WATCH, site) == dt.date.fromisoformat(expires)


def test_papers_that_were_never_in_order_have_none() -> None:
    assert last_lawful_day(replace(WATCH, due=lambda site: True), SITE) is None


def test_it_is_dated_from_the_deadline_to_the_first_look_after_it_that_shows_it() -> None:
    found = sighting_of(WATCH, SITE, series(BARE, BARE, BARE, BARE, BARE, BARE))
    assert found is not None
    assert (found.last_before, found.first_seen) == (dt.date(2023, 5, 31), DAYS[2])
    assert found.dates_seen == DAYS[2:]
    assert found.looks == 4


def test_a_later_look_that_did_not_show_it_is_the_tighter_bound() -> None:
    found = sighting_of(WATCH, SITE, series(BARE, BARE, BARE, CLEAR, UNSURE, BARE))
    assert found is not None
    assert (found.last_before, found.first_seen, found.dates_seen) == (DAYS[3], DAYS[5], (DAYS[5],))


def test_no_look_after_the_deadline_dates_nothing() -> None:
    assert sighting_of(WATCH, SITE, series(BARE, BARE)) is None
    assert sighting_of(WATCH, SITE, series(BARE, BARE, UNSURE)) is None


def test_without_a_lawful_day_it_began_no_later_than_before_the_first_look() -> None:
    found = sighting_of(replace(WATCH, due=lambda site: True), SITE, series(BARE, BARE))
    assert found is not None
    assert (found.last_before, found.first_seen) == (DAYS[0] - dt.timedelta(days=1), DAYS[0])

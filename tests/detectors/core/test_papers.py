import datetime as dt
from itertools import product

import pytest

from detectors.core.history import Site
from detectors.core.papers import add_months, reclaim_by, term_end
from detectors.temporary_land import due
from leads import clock as law
from leads.model import Crossing
from leads.permits import clock, permit_of
from leads.standing import PermitState

DAYS = ["2019-11-03", "2020-02-29", "2021-09-01", "2022-06-30", "2023-02-28", "2024-01-31", "", "2022-13-01"]


@pytest.mark.parametrize("day", [dt.date(2020, 2, 29), dt.date(2023, 1, 31), dt.date(2024, 12, 31), dt.date.max])
@pytest.mark.parametrize("months", [0, 1, 11, 12, 24, 48])
def test_months_are_counted_as_the_law_counts_them(day: dt.date, months: int) -> None:
    assert add_months(day, months) == law.add_months(day, months)


@pytest.mark.parametrize("ground", ["", "grassland", "forest", "cropland"])
def test_a_site_is_due_just_when_its_permits_clock_says_overdue(ground: str) -> None:
    today = dt.date(2024, 7, 20)
    seen = set()
    for approved, expires, extended, own in product(
        DAYS[:5], DAYS, ["", "2023-07-19", "2024-07-20"], ["", "2022-12-31"]
    ):
        attributes = {
            "approved": approved,
            "expires": expires,
            "extended": extended,
            "reclaim_by": own,
            "ground": ground,
        }
        site = Site("temporary_land_permits", "P", attributes, today, (today, today))
        standing = clock(permit_of(Crossing("temporary_land_permits", "P", "", 1.0, attributes)), today)
        assert due(site) is (standing.state == PermitState.OVERDUE), attributes
        seen.add(standing.state)
        if standing.state == PermitState.OVERDUE:
            assert reclaim_by(attributes) == standing.reclaim_by
    assert {PermitState.OVERDUE, PermitState.IN_TERM, PermitState.UNKNOWN} <= seen


def test_a_term_in_months_ends_as_if_it_were_written() -> None:
    assert term_end({"approved": "2020-02-29", "term_months": "24"}) == dt.date(2022, 2, 28)
    assert term_end({"term_months": "24"}) is None
    assert term_end({"approved": "2020-02-29", "term_months": "两年"}) is None

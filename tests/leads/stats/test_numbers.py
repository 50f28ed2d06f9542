"""The leader's numbers: counted once, by date, and never from the future."""

import datetime as dt

import pytest
from case_leads import looked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import box
from store_sites import EDGE, SOUTH, WEST, day, rect

from aoi.area import geodesic_area_m2
from leads.area import MU_M2
from leads.cases.book import CaseBook, Step
from leads.cases.lookback import Recovery, record
from leads.cases.procedure import procedure
from leads.stats.ground import ground
from leads.stats.numbers import numbers
from leads.store.records import CoverageRecord
from leads.store.store import Store

BANNERS = ("陈巴尔虎旗", "新巴尔虎右旗", "")
BY = "王检"


def block(name, ground, number, aoi="steppe", role="after"):
    return CoverageRecord("run", aoi, name, role, day(number), 0.5, 0.5, 0, 0, "", ground)


def site(x):
    return rect(x, 0), (BANNERS[x % 3], {"regulator": "甲局" if x % 2 else None})


def night(store, number, xs, **more):
    more = {"clear": rect(-1, -1, 40, 3)} | more
    store.night(f"run{number}", "steppe", [looked(number, dict(map(site, xs)), **more)], (), ())


def review(store, lead, status, reason, number):
    at = dt.datetime.combine(day(number), dt.time(4), dt.UTC)
    return store.review(lead.id, lead.version, status, reason, "", BY, at, "inbox.gpkg", "a" * 64)


# --- ground -----------------------------------------------------------------------------------------------------------


def test_ground_is_counted_once_however_often_it_was_seen(store):
    one, two = rect(0, 0, 4, 4), rect(4, 0, 4, 4)
    blocks = [block("b1", one, 1), block("b1", one, 3), block("b2", two, 3), block("b2", two, 1, role="before")]
    looks = [
        looked(1, {}, clear=rect(0, 0, 2, 4)),
        looked(1, {}, clear=rect(0, 0, 2, 4), detector="grassland"),  # the same ground for another model
        looked(3, {}, clear=rect(1, 0, 4, 4)),  # and beyond the first block
    ]
    store.night("run", "steppe", looks, blocks, ())
    square = geodesic_area_m2(rect(0, 0)) / 1e6
    found = ground(store, None, day(5))
    assert found.watched_km2 == pytest.approx(32 * square, rel=1e-4)
    assert found.observed_km2 == pytest.approx(20 * square, rel=1e-4)
    assert found.unobserved_km2 == pytest.approx(12 * square, rel=1e-4)
    assert found.days == 2
    later = ground(store, day(2), day(5))
    assert (later.observed_km2, later.days) == (pytest.approx(16 * square, rel=1e-4), 1)
    assert ground(store, None, day(2)).watched_km2 == pytest.approx(16 * square, rel=1e-4)
    assert ground(store, None, day(5), "elsewhere").watched_km2 == 0


# --- every figure follows the period ----------------------------------------------------------------------------------


def worked(store):
    """Leads on two days, verdicts, a case of two leads that came as far as a reply, and two looks again."""
    area = box(WEST, SOUTH, WEST + 40 * EDGE, SOUTH + 2 * EDGE)
    store.night("cover", "steppe", (), [block("b", area, 1)], ())
    night(store, 1, [0, 1, 3], inventory=True)
    night(store, 8, [0, 1, 3, 5])
    night(store, 15, [0, 1, 5])
    leads = {round((lead.geometry.bounds[0] - WEST) / EDGE): lead for lead in store.leads()}
    review(store, leads[0], "confirmed", "", 16)
    review(store, leads[1], "rejected", "mowing", 16)
    book = CaseBook(store)
    case, _ = book.open([leads[0].id, leads[5].id], "某案", BY, day(20), {"regulator": "甲局"})
    for state, number in (("filed", 21), ("recommendation", 30), ("reply", 60)):
        book.move(case.id, Step(state, BY, day(number)))
    record(store, leads[0].id, Recovery(day(100), 3 * MU_M2, 1 * MU_M2, 0.0), "look")
    record(store, leads[5].id, Recovery(day(100), 0.0, 0.0, 9.0), "look")
    return leads


def test_the_page_of_the_leader(store):
    worked(store)
    told = numbers(store, day(200)).to_json()
    assert told["leads"] == {
        "all": 4, "provisional": 0, "confirmed": 4, "withdrawn": 0, "inventory": 3, "new_confirmed": 1, "checked": 2,
        "true": 1, "false": 1, "known": 0, "field_check": 0, "reasons": {"mowing": 1},
    }  # fmt: skip
    assert told["funnel"][-1] == {"name": "合计 total", "leads": 4, "checked": 2, "true": 1, "false": 1, "filed": 1,
                                  "recommendation": 1, "reply": 1, "rectification": 0, "prosecuted": 0}  # fmt: skip
    assert [group["name"] for group in told["funnel"]] == ["陈巴尔虎旗", "新巴尔虎右旗", "不详", "合计 total"]
    assert told["cases"] == {"reply": 1}
    assert told["restored"] == {"sites": 1, "restored_mu": 3.0, "remaining_mu": 1.0, "not_observed_sites": 1,
                                "replied_cases": 1}  # fmt: skip
    observed = told["ground"]["observed_km2"]
    assert told["headline"]["false_per_1000_km2"] == pytest.approx(1000 / observed, rel=1e-3)
    assert numbers(store, day(200)).leads_per_week == pytest.approx(7 / 200)  # from the first look on
    by_regulator = numbers(store, day(200), by="regulator")
    assert {group.name: group.stages.get("filed", 0) for group in by_regulator.groups} == {"甲局": 1, "不详": 0}
    assert all(label and value for label, value in by_regulator.lines())
    assert len({len(row) for row in by_regulator.table()}) == 1


def test_every_figure_follows_the_dates(store):
    worked(store)
    late = numbers(store, day(200), since=day(25), until=day(50)).to_json()
    assert (late["leads"]["all"], late["leads"]["false"], late["ground"]["observed_km2"]) == (0, 0, 0)
    assert (late["funnel"][-1]["filed"], late["funnel"][-1]["recommendation"], late["funnel"][-1]["reply"]) == (0, 1, 0)
    assert (late["restored"]["sites"], late["cases"]) == (0, {"recommendation": 1})
    assert late["headline"] == {"false_per_1000_km2": None, "leads_per_week": 0.0}
    early = numbers(store, day(8)).to_json()
    assert (early["leads"]["confirmed"], early["leads"]["provisional"], early["leads"]["checked"]) == (3, 1, 0)
    assert early["cases"] == {}
    assert numbers(store, day(200), aoi="elsewhere").total.leads == 0


# --- never twice, never from the future -------------------------------------------------------------------------------

sites_seen = st.sets(st.integers(0, 5), max_size=4)
nights = st.lists(st.tuples(st.integers(0, 30), sites_seen), min_size=1, max_size=5)
statuses = st.sampled_from(["confirmed", "rejected"])
verdicts = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9), statuses), max_size=3)
moves = st.lists(st.tuples(st.integers(31, 60), st.integers(0, 9), st.integers(0, 9)), max_size=8)
ONE_STORE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def play(store, world, until):
    """What is dated up to a day, in the order of the days."""
    told, judged, steps = world
    acts = [(number, 0, ("night", xs)) for number, xs in dict(told).items()]
    acts += [(number, 1, ("verdict", which, status)) for number, which, status in judged]
    acts += [(number, 2, ("move", which, how)) for number, which, how in steps]
    book = CaseBook(store)
    for number, _, (what, *given_) in sorted(acts, key=lambda act: act[:2]):
        if number > until:
            return
        leads = list(store.leads())
        if what == "night":
            night(store, number, sorted(given_[0]), clear=rect(-1, -1, 8, 3))
        elif what == "verdict" and leads:
            review(store, leads[given_[0] % len(leads)], given_[1], "mowing", number)
        elif what == "move":
            advance(book, leads, number, *given_)


def advance(book, leads, number, which, how):
    """Opens a case, or takes a step that is allowed."""
    cases = book.cases()
    if which % 3 == 0 or not cases:
        if leads:
            chosen = [leads[(which + n) % len(leads)].id for n in range(1 + how % 2)]
            book.open(list(dict.fromkeys(chosen)), "案", BY, day(number))
        return
    case = cases[which % len(cases)]
    following = [one for one in procedure().state(case.state).next if one != "prosecuted"]
    if following and case.events[-1].day <= day(number):
        book.move(case.id, Step(following[how % len(following)], BY, day(number)))


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(st.tuples(nights, verdicts, moves), st.integers(0, 60), st.integers(0, 60))
def test_nothing_is_counted_twice_and_the_future_is_not_seen(sqlite_store, world, as_of, cut):
    with Store.open(sqlite_store()) as whole, Store.open(sqlite_store()) as then:
        play(whole, world, 100)
        play(then, world, as_of)
        seen = numbers(whole, day(as_of))
        assert seen.to_json() == numbers(then, day(as_of)).to_json()
        for by in ("banner", "regulator"):
            told = numbers(whole, day(100), by=by)
            parts = [
                numbers(whole, day(100), until=day(cut), by=by),
                numbers(whole, day(100), since=day(cut + 1), by=by),
            ]
            cases = len(CaseBook(whole).cases())
            assert told.total.leads == len(list(whole.leads())) == sum(part.total.leads for part in parts)
            assert sum(group.leads for group in told.groups) == told.total.leads
            for stage in ("filed", "recommendation", "reply", "rectification", "prosecuted"):
                count = told.total.stages.get(stage, 0)
                assert count <= cases
                assert sum(group.stages.get(stage, 0) for group in told.groups) == count
                assert sum(part.total.stages.get(stage, 0) for part in parts) == count


def test_postgis_counts_the_same(postgis_store, sqlite_store):
    told = []
    for url in (postgis_store(), sqlite_store()):
        with Store.open(url) as store:
            worked(store)
            told.append([numbers(store, day(number)).to_json() for number in (200, 10)])
    assert told[0] == told[1]

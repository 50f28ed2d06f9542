"""类案: leads of one kind."""

import datetime as dt

import pytest
from case_leads import looked
from store_sites import day, rect

from aoi.area import geodesic_area_m2
from leads.cases.errors import CaseError
from leads.cases.like import Alike, like

LICENCE = "采矿权 某矿 C1 900 m²（1.35 亩）"
GRASS = "草原 某草场 7 900 m²（1.35 亩）"


@pytest.fixture
def ids(store):
    sites = {
        rect(0, 0): ("陈巴尔虎旗", {"layers": f"{LICENCE}；{GRASS}", "holder": "甲矿业", "regulator": "甲局"}),
        rect(3, 0): ("陈巴尔虎旗", {"layers": GRASS, "holder": "甲矿业；乙公司", "regulator": "乙局"}),
        rect(6, 0): ("根河市", {"layers": LICENCE, "regulator": "甲局"}),
    }
    store.night("a", "steppe", [looked(1, sites)], (), ())
    over = {rect(0, 0): ("陈巴尔虎旗", {"layers": GRASS, "holder": "甲矿业"})}
    store.night("b", "steppe", [looked(9, over, detector="grassland")], (), ())
    order = sorted(store.leads(), key=lambda lead: (lead.geometry.bounds, lead.detector))
    return {name: lead.id for name, lead in zip(("grass", "one", "two", "three"), order, strict=True)}


@pytest.mark.parametrize(
    ("by", "found"),
    [
        ("model", "one two three"),
        ("permit", "one three"),
        ("holder", "grass one two"),
        ("regulator", "one three"),
        ("banner", "grass one two"),
        ("layer", "grass one two"),
        ("model holder", "one two"),
        ("model layer banner regulator", "one"),
    ],
)
def test_leads_that_share_every_trait_asked_for(store, ids, by, found):
    kind = like(store, ids["one"], [Alike(name) for name in by.split()])
    assert {lead.id for lead in kind.leads} == {ids[name] for name in found.split()}


def test_ground_of_a_holder_is_counted_once(store, ids):
    kind = like(store, ids["one"], [Alike.HOLDER])
    holders = {one.name: one for one in kind.holders}
    square = geodesic_area_m2(rect(0, 0))
    assert holders["甲矿业"].area_m2 == pytest.approx(2 * square)  # two models on one square, and another square
    assert holders["乙公司"].leads == (ids["two"],)
    assert kind.area_m2 == pytest.approx(2 * square)


def test_a_period_and_what_nobody_said(store, ids):
    assert {lead.id for lead in like(store, ids["one"], [Alike.HOLDER], until=day(5)).leads} == {ids["one"], ids["two"]}
    with pytest.raises(CaseError, match="nobody says holder"):
        like(store, ids["three"], [Alike.HOLDER])
    with pytest.raises(CaseError, match="no lead"):
        like(store, "none", since=dt.date(2025, 1, 1))

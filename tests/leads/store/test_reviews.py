"""What analysts say of leads of a store, on SQLite and PostGIS alike."""

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box
from store_sites import AT, BY, look, night, rect

from leads.store.errors import StoreError
from leads.store.query import LeadQuery
from leads.store.records import Confidence, OutlineKind


def test_a_review_is_applied_once_and_a_stale_one_is_a_conflict(store):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    assert store.review(lead_id, 1, "confirmed", "", "挖损明显", **BY).kind == "applied"
    assert store.review(lead_id, 1, "confirmed", "", "挖损明显", **BY).kind == "unchanged"
    stale = store.review(lead_id, 1, "rejected", "cloud", "", **{**BY, "reviewer": "李检"})
    assert (stale.kind, "version 2" in stale.message) == ("conflict", True)
    lead = store.lead(lead_id)
    assert (lead.status, lead.reviewer, lead.remark, lead.version) == ("confirmed", "王检", "挖损明显", 2)
    assert [(one.status, one.base_version, one.at) for one in store.reviews(lead_id)] == [("confirmed", 1, AT)]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"status": "maybe"}, "unknown status"),
        ({"status": "rejected"}, "without a reason"),
        ({"status": "rejected", "reason": "moon"}, "unknown reason"),
        ({"remark": "x" * 4001}, "longer than"),
        ({"remark": "a\0b"}, "zero character"),
        ({"survey_m2": float("nan")}, "no positive number"),
        ({"outline": shapely.Point(120, 49.5)}, "no polygon"),
        ({"outline": shapely.Polygon([(120, 49.5), (120.01, 49.51), (120.01, 49.5), (120, 49.51)])}, "crosses itself"),
        ({"outline": box(100, 30, 100.1, 30.1)}, "far from the lead"),
    ],
)
def test_a_review_that_makes_no_sense_is_refused_and_leaves_no_trace(store, told, says):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    verdict = {"status": "confirmed", "reason": "", "remark": ""} | told
    outcome = store.review(lead_id, 1, **verdict, **BY)
    assert (outcome.kind, says in outcome.message) == ("invalid", True), outcome
    assert (store.lead(lead_id).version, store.reviews(lead_id)) == (1, ())


def test_reviews_of_unknown_merged_and_withdrawn_leads(store):
    assert store.review("WX-NONE", 1, "confirmed", "", "", **BY).kind == "unknown"
    old, young = night(store, look(1, [rect(0, 0)])).new + night(store, look(2, [rect(0, 0), rect(2, 0)])).new
    night(store, look(3, [rect(0, 0, 3)]))
    told = store.review(young, 1, "confirmed", "", "", **BY)
    assert (told.kind, old in told.message) == ("conflict", True)
    night(store, look(4, []), look(5, []))
    lead = store.lead(old)
    assert lead.confidence is Confidence.WITHDRAWN
    told = store.review(old, lead.version, "confirmed", "", "", **BY)
    assert (told.kind, "withdrawn" in told.message, store.lead(old).status) == ("applied", True, "confirmed")


def test_any_text_of_an_analyst_comes_back_as_written(store):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new

    @given(text=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=60))
    @settings(max_examples=20, deadline=None)
    def written(text):
        version = store.lead(lead_id).version
        store.review(lead_id, version, "confirmed", "", text, **{**BY, "reviewer": text})
        assert (store.lead(lead_id).remark, store.lead(lead_id).reviewer) == (text, text)

    written()


def test_hostile_text_is_data(store):
    hostile = '\'); DROP TABLE leads; -- <script>alert(1)</script> =HYPERLINK("x") "quoted" \\ %s :x'
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    store.review(lead_id, 1, "confirmed", "", hostile, **BY)
    assert store.lead(lead_id).remark == hostile
    assert store.count(LeadQuery(place="%")) == 0
    assert store.lead(hostile) is None


def test_an_analysts_outline_and_a_survey_stand_beside_the_machines(store):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    store.review(lead_id, 1, "confirmed", "", "", **BY, outline=rect(0, 0, 0.9), survey_m2=31000.0)
    kinds = {one.kind: one for one in store.outlines(lead_id)}
    assert set(kinds) == set(OutlineKind)
    assert kinds[OutlineKind.ANALYST].geometry.equals(rect(0, 0, 0.9))
    assert kinds[OutlineKind.SURVEY].area_m2 == 31000.0
    assert store.lead(lead_id).geometry.equals(rect(0, 0))


def test_a_rejected_lead_returns_only_when_it_grows_past_its_outline(store):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    store.review(lead_id, 1, "rejected", "mowing", "", **BY)
    night(store, look(2, [rect(0, 0, 1.1)]))
    assert (store.lead(lead_id).status, store.lead(lead_id).reason) == ("rejected", "mowing")
    told = night(store, look(3, [rect(0, 0, 2)]))
    assert (told.returned, told.new) == ((lead_id,), ())
    assert (store.lead(lead_id).status, store.lead(lead_id).reason) == ("new", "")


def test_three_rejected_for_one_reason_near_each_other_make_a_zone(store):
    grounds = [rect(0, 0), rect(2, 0), rect(0, 2), rect(30, 30)]
    ids = night(store, look(1, grounds)).new
    for lead_id in ids:
        store.review(lead_id, 1, "rejected", "mowing", "", **BY)
    (zone,) = store.zones("steppe")
    assert (zone.detector, zone.reason, zone.proposed) == ("mine", "mowing", True)
    assert all(zone.geometry.contains(ground) for ground in grounds[:3])
    assert not zone.geometry.intersects(grounds[3])
    assert store.decide_zone(zone.id, True, "王检").proposed is False
    assert store.zones("steppe")[0].decided_by == "王检"
    store.decide_zone(zone.id, False, "王检")
    assert store.zones("steppe") == ()
    with pytest.raises(StoreError, match="no zone 99"):
        store.decide_zone(99, True, "x")

"""What becomes of leads over the nights of a store, on SQLite and PostGIS alike."""

import pytest
import shapely
from shapely.geometry import box
from store_sites import day, look, night, only, rect

from leads.store.outcome import NightResult
from leads.store.query import LeadQuery
from leads.store.records import Confidence, OutlineKind, Stock
from leads.tracking.clear import shares
from leads.tracking.overlap import array_of, grown_past


def test_one_look_is_provisional_the_second_confirms_and_keeps_the_id(store):
    first = night(store, look(1, [rect(0, 0)], inventory=True))
    assert only(store).confidence is Confidence.PROVISIONAL
    assert only(store).stock is Stock.INVENTORY
    second = night(store, look(4, [rect(0, 0)]))
    assert second == NightResult(confirmed=first.new)
    lead = only(store)
    assert (lead.id, lead.looks, lead.first_seen, lead.last_seen) == (*first.new, 2, day(1), day(4))
    assert lead.attributes["lead_id"] == lead.id
    assert lead.attributes["grade"] == "confirmed"


def test_further_days_of_a_scan_are_looks_of_their_own(store):
    night(store, look(4, [rect(0, 0)], dates_seen=(day(1), day(4))))
    lead = only(store)
    assert (lead.confidence, lead.looks, lead.first_seen) == (Confidence.CONFIRMED, 2, day(1))


def test_two_clear_looks_without_it_withdraw_a_lead_and_a_sighting_returns_it(store):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    assert night(store, look(2, [])) == NightResult(unchanged=1)
    assert night(store, look(3, [])).withdrawn == (lead_id,)
    assert [one.seen for one in store.observations(lead_id)] == [True, False, False]
    assert night(store, look(5, [rect(0, 0)])).returned == (lead_id,)
    assert only(store).confidence is Confidence.PROVISIONAL
    assert only(store).first_seen == day(1)


@pytest.mark.parametrize(
    "silent",
    [
        {"clear": rect(5, 5)},  # elsewhere
        {"clear": box(120.0, 49.5, 120.0 + 0.002 * 0.7, 49.502)},  # 70 % of it
        {"before": day(3)},  # compared with an image that shows it already
    ],
)
def test_a_look_that_could_not_show_it_says_nothing(store, silent):
    night(store, look(1, [rect(0, 0)]))
    for number in (4, 5, 6):
        night(store, look(number, [], **silent))
    assert only(store).confidence is Confidence.PROVISIONAL
    assert len(store.observations(only(store).id)) == 1


def test_the_conduct_is_dated_by_the_last_clear_look_that_did_not_show_it(store):
    night(store, look(2, [rect(6, 6)]))
    night(store, look(5, [rect(6, 6)], clear=rect(5, 5, 3, 3)))  # clouds over the other place
    night(store, look(9, [rect(6, 6), rect(0, 0)]))
    lead = next(one for one in store.leads() if one.first_seen == day(9))
    assert (lead.last_before, lead.first_seen) == (day(2), day(9))
    night(store, look(7, [rect(6, 6)]))  # comes late and narrows it
    assert store.lead(lead.id).last_before == day(7)


def test_an_earlier_look_that_comes_late_dates_the_lead_earlier_under_its_id(store):
    (lead_id,) = night(store, look(9, [rect(0, 0)])).new
    assert night(store, look(3, [rect(0, 0)])).new == ()
    lead = only(store)
    assert (lead.id, lead.first_seen, lead.looks, lead.confidence) == (lead_id, day(3), 2, Confidence.CONFIRMED)


def test_a_first_sighting_that_is_part_of_more_is_dated_by_looks_at_all_of_it(store):
    """Another look of the same day brings the other half; a look that was clear of the first half alone says nothing
    of the whole, and the interval becomes what the looks support."""
    night(store, look(6, []), look(7, [], clear=rect(0, 0, 2)))
    (lead_id,) = night(store, look(9, [rect(0, 0, 2)], last_before=day(-2))).new
    assert store.lead(lead_id).last_before == day(7)
    night(store, look(9, [rect(1, 0, 5)], last_before=day(-2)))
    (whole,) = store.leads()
    assert (whole.first_seen, whole.last_before) == (day(9), day(6))


def test_growth_raises_the_version_and_small_shifts_do_not(store):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    assert night(store, look(2, [rect(0, 0, 1.03)])).grown == ()
    assert only(store).version == 1
    assert night(store, look(3, [rect(0, 0, 2)])).grown == (lead_id,)
    assert only(store).version == 2
    assert [(one.version, one.kind) for one in store.outlines(lead_id)] == [
        (1, OutlineKind.MACHINE),
        (2, OutlineKind.MACHINE),
    ]


def test_what_clouds_hide_stays_part_of_the_outline(store):
    night(store, look(1, [rect(0, 0, 4)]))
    night(store, look(2, [rect(0, 0, 2)], clear=rect(0, 0, 2)))
    assert only(store).geometry.symmetric_difference(rect(0, 0, 4)).area < 1e-12
    night(store, look(3, [rect(0, 0, 2)]))
    assert only(store).geometry.equals(rect(0, 0, 2))


def test_two_that_one_look_joins_are_one_and_come_apart_as_themselves(store):
    old, young = night(store, look(1, [rect(0, 0)])).new + night(store, look(2, [rect(0, 0), rect(2, 0)])).new
    joined = night(store, look(3, [rect(0, 0, 3)]))
    assert joined.merged == {young: old}
    assert only(store).parents == (young,)
    assert store.lead(young).into == old
    assert night(store, look(4, [rect(0, 0), rect(2, 0)])).returned == (young,)
    assert {one.id for one in store.leads()} == {old, young}


def test_a_piece_is_a_lead_of_its_own_on_the_second_look_that_shows_it_apart(store):
    (lead_id,) = night(store, look(1, [rect(0, 0, 5)])).new
    assert night(store, look(2, [rect(0, 0, 2), rect(4, 0)])).split == {}
    assert store.count() == 1
    split = night(store, look(3, [rect(0, 0, 2), rect(4, 0)])).split
    assert list(split) == [lead_id]
    (piece,) = split[lead_id]
    assert store.lead(piece).parents == (lead_id,)
    assert store.lead(piece).first_seen == day(1)
    assert store.lead(piece).confidence is Confidence.CONFIRMED


def test_models_and_far_places_are_never_matched(store):
    night(store, look(1, [rect(0, 0)]), look(1, [rect(0, 0)], detector="grassland"), look(1, [rect(3, 3)]))
    assert store.count() == 3
    assert store.count(LeadQuery(detectors=("mine",))) == 2


def test_two_areas_that_overlap_share_a_lead(store):
    night(store, look(1, [rect(0, 0)], aoi="steppe"))
    told = night(store, look(1, [rect(0, 0, 1.02)], aoi="valley"))
    assert (told.new, store.count(), only(store).looks) == ((), 1, 1)


def test_leads_that_share_a_proposed_id_are_told_apart(store):
    night(store, look(1, [rect(0, 0)]))
    night(store, look(1, [box(120.00099, 49.50099, 120.00101, 49.50101)], detector="mine", clear=rect(9, 9)))
    assert len({one.id for one in store.leads()}) == store.count()


def test_shares_of_several_grounds_are_of_their_union():
    grounds = [rect(0, 0, 0.5), rect(0.25, 0, 0.5), shapely.Polygon()]
    assert shares(array_of([rect(0, 0), rect(5, 5), rect(0.1, 0.1, 0.1, 0.1)]), grounds) == pytest.approx([0.75, 0, 1])


def test_growing_past_allows_a_pixel():
    assert not grown_past(rect(0, 0, 1.05), rect(0, 0), 10.0)
    assert not grown_past(rect(0, 0, 1.3), rect(0, 0), 10.0)  # 24 % larger, 19 % beyond a pixel
    assert grown_past(rect(0, 0, 1.5), rect(0, 0), 10.0)
    assert not grown_past(rect(0, 0), rect(0, 0, 2), 10.0)

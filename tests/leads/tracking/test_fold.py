"""The fold by itself: a function of what is known, not of how it came to be known."""

import datetime as dt
import hashlib
import random

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from leads.store.records import Confidence
from leads.tracking.fold import Folded, fold, step
from leads.tracking.overlap import array_of, edges
from leads.tracking.track import ClearLook, Day, Sighting
from leads.tracking.zones import recurring

SPRING = dt.date(2025, 5, 1)
EDGE = 0.002
SKY = box(119, 49, 122, 51)


def rect(x, y, width=1, height=1):
    west, south = 120 + x * EDGE, 49.5 + y * EDGE
    return box(west, south, west + width * EDGE, south + height * EDGE)


def seen(number, geometry, **told):
    day = SPRING + dt.timedelta(days=number)
    key = f"{day:%Y%m%d}-{hashlib.sha256(shapely.to_wkb(geometry)).hexdigest()[:24]}"
    told = {"last_before": SPRING - dt.timedelta(days=200), "inventory": False} | told
    return Sighting(key, day, geometry, 1000.0, 900.0, 1100.0, 0.8, 10.0, **told)


def a_day(number, *grounds, clear=SKY, before=None):
    day = SPRING + dt.timedelta(days=number)
    return Day(day, tuple(seen(number, ground) for ground in grounds), (ClearLook(clear, before),))


grounds = st.builds(rect, *[st.integers(0, 6)] * 2, *[st.integers(1, 3)] * 2)
days = st.lists(
    st.builds(
        lambda number, found, clear: a_day(number, *found, clear=clear),
        st.integers(0, 9),
        st.lists(grounds, max_size=3),
        st.one_of(st.just(SKY), grounds),
    ),
    max_size=6,
    unique_by=lambda one: one.day,
)


def state(folded: Folded):
    return {
        root: (*(value for name, value in vars(track).items() if name not in ("outline", "apart")),
               shapely.to_wkb(track.outline), None if track.apart is None else shapely.to_wkb(track.apart))
        for root, track in folded.tracks.items()
    }, folded.links  # fmt: skip


@given(days=days, seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_neither_the_order_of_days_nor_of_what_they_showed_matters(days, seed):
    mixed = [
        Day(one.day, tuple(random.Random(seed).sample(one.sightings, len(one.sightings))), one.looks) for one in days
    ]
    random.Random(seed).shuffle(mixed)
    repeated = [Day(one.day, one.sightings + one.sightings, one.looks) for one in mixed]
    assert state(fold(days)) == state(fold(mixed)) == state(fold(repeated))


@given(days=days)
@settings(max_examples=25, deadline=None)
def test_places_that_no_sighting_ties_do_not_know_of_each_other(days):
    def moved(one, far):
        return shapely.transform(one, lambda points: points + np.array([0.3 * far, 0]))

    far = [
        Day(one.day, tuple(seen((one.day - SPRING).days, moved(sight.geometry, 1)) for sight in one.sightings),
            tuple(ClearLook(moved(look.ground, 1), None) for look in one.looks))
        for one in days
    ]  # fmt: skip
    both = [
        Day(one.day, one.sightings + other.sightings, one.looks + other.looks)
        for one, other in zip(days, far, strict=True)
    ]
    # the sky is over both places: only looks that end before the other place keep them apart
    if any(look.ground.equals(SKY) for one in days for look in one.looks):
        return
    apart = state(fold(days))[0] | state(fold(far))[0]
    assert state(fold(both))[0] == apart


@given(days=days)
@settings(max_examples=100, deadline=None)
def test_no_ground_is_lost_and_none_is_in_two_tracks(days):
    standing = [track.outline for track in fold(days).tracks.values() if not track.into]
    first, second, likeness = edges(array_of(standing), array_of(standing))
    assert (likeness[first != second] < 0.2).all()
    shown = shapely.Polygon()
    for one in sorted(days, key=lambda one: one.day):  # what showed, and was not seen without it afterwards
        shown = shown.difference(shapely.union_all([look.ground for look in one.looks]))
        shown = shown.union(shapely.union_all([found.geometry for found in one.sightings]))
    assert shown.difference(shapely.union_all(standing).buffer(1e-7)).area < 0.01 * EDGE**2


def test_a_site_that_shows_again_in_part_leaves_the_rest_to_the_one_it_had_ended_in():
    wide, north = rect(3, 0, 1, 4), rect(3, 3)
    one_site = [
        a_day(0, rect(0, 0, 2, 1)),
        a_day(1, rect(0, 0, 2, 1), wide),
        a_day(2, rect(0, 0, 4, 1), clear=rect(0, 0, 4, 2)),  # joined; the north of it under cloud
        a_day(3, rect(0, 0, 2, 1), clear=shapely.union_all([rect(0, 0, 2, 1), north])),  # its north is not there
    ]
    (old,) = [track for track in fold(one_site).tracks.values() if not track.into]
    again = fold([*one_site, a_day(4, north, clear=north)]).tracks
    other = next(track for track in again.values() if track.last_seen == SPRING + dt.timedelta(days=4))
    assert (other.first_seen, other.into) == (SPRING + dt.timedelta(days=1), "")
    assert shapely.equals(other.outline, north)
    assert shapely.equals(again[old.root].outline, old.outline)
    assert old.outline.intersection(wide).area == pytest.approx(2 * EDGE**2)


def test_every_sighting_belongs_to_one_track():
    folded = fold([a_day(1, rect(0, 0), rect(3, 0)), a_day(2, rect(0, 0, 4)), a_day(3, rect(0, 0), rect(3, 0))])
    assert len(folded.links) == 5
    assert set(folded.links.values()) <= set(folded.tracks)


def test_a_step_is_the_fold_of_one_day_more():
    first, second = [a_day(1, rect(0, 0)), a_day(2, rect(0, 0, 2))], a_day(3)
    whole = fold([*first, second])
    assert state(step(fold(first).tracks, second, first))[0] == state(whole)[0]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("s", Confidence.PROVISIONAL),
        ("ss", Confidence.CONFIRMED),
        ("s-s", Confidence.CONFIRMED),
        ("s-", Confidence.PROVISIONAL),
        ("ss-", Confidence.CONFIRMED),
        ("ss--", Confidence.WITHDRAWN),
        ("ss-s-", Confidence.CONFIRMED),
        ("ss--s", Confidence.PROVISIONAL),
        ("ss--ss", Confidence.CONFIRMED),
        ("ss---s--", Confidence.WITHDRAWN),
    ],
)
def test_confidence_follows_the_looks(days, expected):
    (track,) = fold(
        [a_day(number, *([rect(0, 0)] if shown == "s" else [])) for number, shown in enumerate(days)]
    ).tracks.values()
    assert track.confidence is expected
    assert track.looks == days.count("s")
    assert track.first_seen == SPRING


def test_three_near_each_other_make_a_zone_and_two_or_far_ones_do_not():
    assert recurring(rect(0, 0), [rect(2, 0)]) is None
    assert recurring(rect(0, 0), [rect(2, 0), rect(40, 0)]) is None
    assert recurring(rect(0, 0), [rect(2, 0), rect(0, 2)]).contains(rect(0, 0))

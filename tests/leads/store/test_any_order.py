"""Random nights, in any order and more than once: the store always holds what all facts together say.

The oracle is the pure fold over every look that was entered, whatever the order; the store takes its short cuts.
"""

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import pytest
import shapely
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from store_sites import GROUND, day, look, rect

from leads.store import tables
from leads.store.facts import facts_of
from leads.store.records import LeadRecord
from leads.store.refold import days_of
from leads.store.store import LeadQuery, Store
from leads.tracking.fold import fold
from leads.tracking.overlap import array_of, edges
from leads.tracking.track import ClearLook, Track

DETECTORS = ("mine", "grassland")

small = st.integers(0, 7)
rects = st.builds(rect, small, small, st.integers(1, 4), st.integers(1, 4))


@st.composite
def apart(draw: st.DrawFn) -> list[Any]:
    """Outlines that do not touch: what one detector finds on one day."""
    kept: list[Any] = []
    for one in draw(st.lists(rects, max_size=4)):
        if not any(one.intersects(other) for other in kept):
            kept.append(one)
    return kept


clears = st.one_of(st.just(GROUND), st.just(GROUND), rects, st.builds(rect, small, small, st.just(8), st.just(8)))
befores = st.one_of(st.none(), st.none(), st.integers(-40, 15).map(day))
looks = st.builds(
    look,
    st.integers(0, 14),
    apart(),
    clears,
    detector=st.sampled_from(DETECTORS),
    aoi=st.sampled_from(("steppe", "valley")),
    inventory=st.sampled_from((False, False, True)),
    before=befores,
    dates_seen=st.one_of(st.just(()), st.just(()), st.lists(st.integers(0, 14).map(day), min_size=1, max_size=2)),
    last_before=st.integers(-30, 5).map(day),
)


def track_state(track: Track) -> tuple[Any, ...]:
    told = {name: value for name, value in vars(track).items() if name not in ("outline", "apart")}
    ground = [None if one is None else shapely.to_wkb(one) for one in (track.outline, track.apart)]
    return (tuple(sorted(told.items())), *ground)


def folded(entered: list[Any]) -> dict[tuple[str, str], Track]:
    out = {}
    for detector in DETECTORS:
        facts = {one.digest: one for one in facts_of(entered) if one.detector == detector}
        ordered = sorted(facts.values(), key=lambda one: (one.day, one.digest))
        sightings = {found.sighting.key: found.sighting for one in ordered for found in one.found}
        grounds = [(one.day, ClearLook(one.clear, one.before)) for one in ordered]
        tracks = fold(days_of(grounds, list(sightings.values()))).tracks
        out |= {(detector, root): track for root, track in tracks.items()}
    return out


class Nights(RuleBasedStateMachine):
    """A store that is given nights."""

    make: Any = None

    @initialize()
    def start(self) -> None:
        self.url = type(self).make()
        self.store = Store.open(self.url)
        self.entered: list[Any] = []
        self.dates: dict[str, tuple[Any, ...]] = {}
        self.runs = itertools.count()

    @rule(night=st.lists(looks, min_size=1, max_size=3))
    def a_night(self, night: list[Any]) -> None:
        self.enter(night)

    @precondition(lambda self: self.entered)
    @rule(data=st.data())
    def once_more(self, data: st.DataObject) -> None:
        before = self.rows()
        self.enter([data.draw(st.sampled_from(self.entered))])
        assert self.rows() == before

    @precondition(lambda self: self.store.count())
    @rule(data=st.data(), status=st.sampled_from(("confirmed", "rejected")))
    def a_review(self, data: st.DataObject, status: str) -> None:
        lead = data.draw(st.sampled_from([one.id for one in self.store.leads()]))
        version = self.store.lead(lead).version
        reason = "season" if status == "rejected" else ""
        at = data.draw(st.datetimes(timezones=st.just(dt.UTC)))
        outcome = self.store.review(lead, version, status, reason, "", "wang", at, "x.gpkg", "0" * 64)
        assert outcome.kind in ("applied", "unchanged")
        assert self.store.lead(lead).status == status

    def enter(self, night: list[Any]) -> None:
        known = {one.id for one in self.store.leads(LeadQuery(merged=True))}
        for aoi in ("steppe", "valley"):
            told = self.store.night(f"run{next(self.runs)}", aoi, [one for one in night if one.aoi == aoi], (), ())
            known |= set(told.new) | {one for off in told.split.values() for one in off}
            assert set(told.new) <= {one.id for one in self.store.leads()}
            assert not set(told.merged) & {one.id for one in self.store.leads()}
        self.entered += night
        self.no_date_is_lost(known)

    def no_date_is_lost(self, known: set[str]) -> None:
        """An id that was handed out leads to a lead whose conduct is dated as early and as narrowly as it was."""
        for lead_id in known:
            lead = self.store.lead(lead_id)
            assert lead is not None
            assert lead.last_before < lead.first_seen <= lead.last_seen
            if lead.into:
                continue
            if lead_id in self.dates:
                first_seen, last_before, had, began = self.dates[lead_id]
                assert lead.first_seen <= first_seen
                # none of what dated it turned out to be another lead's, nor to be part of more on the same day: an
                # earlier look that was clear of the part alone does not date the whole
                kept = had <= self.sightings(lead) and began == self.sightings(lead, lead.first_seen)
                if lead.first_seen == first_seen and kept and not self.shown(lead, last_before):
                    assert lead.last_before >= last_before
            began = self.sightings(lead, lead.first_seen)
            self.dates[lead_id] = (lead.first_seen, lead.last_before, self.sightings(lead), began)

    def sightings(self, lead: LeadRecord, day_: dt.date | None = None) -> set[int]:
        seen = [one for one in self.store.observations(lead.id) if one.seen]
        return {one.id for one in seen if day_ is None or one.day == day_}

    def shown(self, lead: LeadRecord, day_: dt.date) -> bool:
        """Whether the day that was taken for clear of it has been reported to show something there after all."""
        observations = tables.observations
        of_day = sa.select(observations.c.geometry).where(
            observations.c.detector == lead.detector, observations.c.day == day_
        )
        with self.store.reading() as connection:
            reach = connection.execute(sa.select(tables.leads.c.reach).where(tables.leads.c.id == lead.id)).scalar_one()
            return any(one.intersects(reach) for one in connection.execute(of_day).scalars())

    def rows(self) -> list[Any]:
        with self.store.reading() as connection:
            return [tuple(row) for row in connection.execute(tables.leads.select().order_by(tables.leads.c.number))]

    @invariant()
    def it_holds_what_the_facts_say(self) -> None:
        from leads.store.entry import load

        with self.store.reading() as connection:
            numbers = connection.execute(sa.select(tables.leads.c.number).where(~tables.leads.c.alias)).scalars().all()
            detectors = dict(connection.execute(sa.select(tables.leads.c.number, tables.leads.c.detector)).all())
        with self.store.writing() as connection:
            entries = load(connection, numbers)
        stored = {(detectors[number], entry.track.root): entry.track for number, entry in entries.items()}
        expected = folded(self.entered)
        assert {key: track_state(one) for key, one in stored.items()} == {
            key: track_state(one) for key, one in expected.items()
        }

    @invariant()
    def none_is_lost_or_doubled(self) -> None:
        everyone = {one.id: one for one in self.store.leads(LeadQuery(merged=True))}
        standing = [one for one in everyone.values() if not one.into]
        for one in everyone.values():  # every id that was ever given leads to a lead that stands
            end, steps = one, 0
            while end.into:
                end, steps = everyone[end.into], steps + 1
                assert steps <= len(everyone)
        for detector in DETECTORS:
            outlines = array_of([one.geometry for one in standing if one.detector == detector])
            first, second, likeness = edges(outlines, outlines)
            assert (likeness[first != second] < 0.2).all(), "two leads on the same ground"
        with self.store.reading() as connection:
            seen = connection.execute(sa.select(sa.func.count()).select_from(tables.observations)).scalar()
            linked = connection.execute(
                sa.select(sa.func.count())
                .select_from(tables.links.join(tables.leads, tables.links.c.lead == tables.leads.c.number))
                .where(~tables.leads.c.alias)
            ).scalar()
        assert seen == linked, "an observation of no lead"

    @invariant()
    def a_rejection_holds_until_it_grows(self) -> None:
        from leads.tracking.overlap import grown_past

        with self.store.reading() as connection:
            rows = connection.execute(
                tables.leads.select().where(tables.leads.c.judged.is_not(None), ~tables.leads.c.alias)
            )
            for row in rows.mappings():
                past = grown_past(row["geometry"], row["judged"], row["gsd_m"])
                assert (row["status"], row["reason"]) == (("new", "") if past else ("rejected", "season"))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            if self.url.startswith("sqlite"):
                for end in ("", "-wal", "-shm"):
                    Path(self.url.removeprefix("sqlite:///") + end).unlink(missing_ok=True)


def machine(make: Any) -> type[Nights]:
    return type("NightsHere", (Nights,), {"make": staticmethod(make)})


UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)
"""Shrinking nights takes many minutes, and eight of them can be read as they are."""

CHECKS = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


def test_nights_in_any_order_on_sqlite(sqlite_store):
    how = settings(max_examples=15, stateful_step_count=8, deadline=None, suppress_health_check=CHECKS, phases=UNSHRUNK)
    run_state_machine_as_test(machine(sqlite_store), settings=how)


def test_nights_in_any_order_on_postgis(postgis_store):
    how = settings(max_examples=4, stateful_step_count=6, deadline=None, suppress_health_check=CHECKS, phases=UNSHRUNK)
    run_state_machine_as_test(machine(postgis_store), settings=how)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgis"])
def test_many_nights_in_any_order(kind, request):
    examples = 300 if kind == "sqlite" else 40
    how = settings(
        max_examples=examples, stateful_step_count=14, deadline=None, suppress_health_check=CHECKS, phases=UNSHRUNK
    )
    run_state_machine_as_test(machine(request.getfixturevalue(f"{kind}_store")), settings=how)

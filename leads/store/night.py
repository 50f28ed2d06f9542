"""A night in the store: new facts in, and the leads that they touch brought to what all facts together say.

Looks mostly come in the order of their days; then one step of the fold is taken from the leads as they stand. Where a
look is no newer than another over the same ground, the leads around it are folded again from their first observation.
Both give the same, and the cost follows the findings and the ground looked at, not the number of leads.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import shapely
import sqlalchemy as sa
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from sqlalchemy.engine import Connection

from leads.store import places, tables
from leads.store.entry import Entry, chunks, live_under, load, reaches_under
from leads.store.facts import Facts, facts_of
from leads.store.ledger import Ledger
from leads.store.outcome import NightResult
from leads.store.places import Box
from leads.store.refold import Observed, days_of, grounds_near, observed_of
from leads.store.watching import Watching
from leads.tracking.fold import Folded, fold, missed, step
from leads.tracking.look import Look
from leads.tracking.overlap import Geometries, array_of, edges
from leads.tracking.track import ClearLook, Day


def take_in(
    connection: Connection, run_id: str, looks: Sequence[Look], at: dt.datetime, watching: Watching | None = None
) -> NightResult:
    """Enters the looks of a night in the transaction that is open, and says what they changed."""
    ledger = Ledger(connection, at, watching)
    for facts in facts_of(looks):
        observed = _record(connection, run_id, facts)
        if observed is not None:
            _Taking(connection, facts, observed, ledger).take()
    ledger.done()
    return ledger.result()


def _record(connection: Connection, run_id: str, facts: Facts) -> list[Observed] | None:
    """Appends a look and its observations; None where the look is there already."""
    c = tables.looks.c
    same = (c.detector == facts.detector, c.day == facts.day, c.digest == facts.digest)
    if connection.execute(sa.select(c.id).where(*same)).first():
        return None
    look_id = _next(connection, tables.looks.c.id)
    connection.execute(
        tables.looks.insert(),
        {
            "id": look_id,
            "run_id": run_id,
            "aoi": facts.aoi,
            "detector": facts.detector,
            "day": facts.day,
            "before": facts.before,
            "inventory": facts.inventory,
            "clear": facts.clear,
            "digest": facts.digest,
        },
    )
    places.put(connection, "looks", [(look_id, facts.clear)])
    return _observe(connection, run_id, look_id, facts)


def _observe(connection: Connection, run_id: str, look_id: int, facts: Facts) -> list[Observed]:
    c = tables.observations.c
    keys = [one.sighting.key for one in facts.found]
    known = {
        key: number
        for part in chunks(keys)
        for key, number in connection.execute(
            sa.select(c.key, c.id).where(c.detector == facts.detector, c.key.in_(part))
        )
    }
    number = _next(connection, c.id)
    rows, out = [], []
    for one in facts.found:
        sighting = one.sighting
        if sighting.key not in known:
            known[sighting.key] = number
            rows.append(
                {
                    "id": number,
                    "look_id": look_id,
                    "run_id": run_id,
                    "aoi": facts.aoi,
                    "detector": facts.detector,
                    "day": sighting.day,
                    "key": sighting.key,
                    "proposal": one.proposal,
                    "inventory": sighting.inventory,
                    "last_before": sighting.last_before,
                    "geometry": sighting.geometry,
                    "area_m2": sighting.area_m2,
                    "area_low_m2": sighting.area_low_m2,
                    "area_high_m2": sighting.area_high_m2,
                    "score": sighting.score,
                    "gsd_m": sighting.gsd_m,
                    "place": one.place,
                    "row": dict(one.row),
                }
            )
            number += 1
        out.append(Observed(known[sighting.key], sighting, facts.aoi, one.proposal, one.place, one.row, None))
    if rows:
        connection.execute(tables.observations.insert(), rows)
    return out


def _next(connection: Connection, column: sa.Column[int]) -> int:
    """The next number of a table that only nights write to, one at a time."""
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(column), 0))).scalar_one()) + 1


class _Taking:
    """One look on its way into the state of the leads."""

    def __init__(self, connection: Connection, facts: Facts, observed: Sequence[Observed], ledger: Ledger) -> None:
        self.connection = connection
        self.facts = facts
        self.observed = observed
        self.ledger = ledger
        self.grounds = array_of([one.sighting.geometry for one in observed])
        self.boxes: list[Box] = [one.sighting.geometry.bounds for one in observed]
        self.pairs = places.pairs(connection, facts.detector, self.boxes)
        self.entries = load(connection, {number for _, number in self.pairs})
        self.later = self._later()

    def take(self) -> None:
        """Brings every lead that the look touches up to date."""
        old_leads, old_sightings = self._out_of_order()
        live = self._live(old_leads)  # before anything begins today
        self._step(old_leads, old_sightings)
        self._speak_against(live)
        if old_leads or old_sightings:
            self._fold_again(old_leads, old_sightings)

    def _later(self) -> list[BaseGeometry]:
        """Ground of the looks that are no older than this one."""
        if self.facts.clear.is_empty:
            return []
        c = tables.looks.c
        near = places.near("looks", self.facts.clear.bounds, self.connection.dialect.name)
        same = sa.and_(c.day == self.facts.day, c.digest == self.facts.digest)
        asked = sa.select(c["clear"]).where(c.detector == self.facts.detector, c.day >= self.facts.day, ~same, near)
        return list(self.connection.execute(asked.order_by(c.id)).scalars())

    def _out_of_order(self) -> tuple[set[int], set[int]]:
        """Numbers of the leads that have to be folded again, and places of the sightings that go with them."""
        leads: set[int] = set()
        if self.later:
            reaches = reaches_under(self.connection, self.facts.detector, self.facts.clear.bounds)
            grounds = array_of(list(reaches.values()))
            met = _touched(grounds, self.later) & _touched(grounds, [self.facts.clear])
            leads = {number for number, old in zip(reaches, met.tolist(), strict=True) if old}
        sightings = set(np.flatnonzero(_touched(self.grounds, self.later)).tolist())
        # like nothing that stands, yet beside something: what was seen there earlier decides when it began
        order = list(self.entries)
        outlines = array_of([self.entries[number].track.outline for number in order])
        alike = set(edges(self.grounds, outlines)[0].tolist())
        sightings |= {place for place, _ in self.pairs if place not in alike}
        return self._tied(leads, sightings)

    def _tied(self, leads: set[int], sightings: set[int]) -> tuple[set[int], set[int]]:
        """With everything that a sighting ties to them, however far."""
        near: dict[int, set[int]] = defaultdict(set)
        for place, number in self.pairs:
            near[number].add(place)
        reached: set[int] = set()
        asked: set[int] = set()
        while leads - reached or sightings - asked:
            fresh = load(self.connection, leads - reached - set(self.entries))
            boxes = [(self.entries.get(number) or fresh[number]).reach for number in leads - reached]
            boxes += [self.boxes[place] for place in sightings - asked]
            reached |= leads
            asked |= sightings
            leads = leads | {number for _, number in places.pairs(self.connection, self.facts.detector, boxes)}
            sightings = sightings.union(*(near[number] for number in leads if number in near))
        return leads, sightings

    def _step(self, not_leads: set[int], not_sightings: set[int]) -> None:
        entries = {number: entry for number, entry in self.entries.items() if number not in not_leads}
        observed = [one for place, one in enumerate(self.observed) if place not in not_sightings]
        if not observed and not entries:
            return
        beside = {place for place, _ in self.pairs}
        births = [one for place, one in enumerate(self.observed) if place not in not_sightings and place not in beside]
        looks = (ClearLook(self.facts.clear, self.facts.before),)
        day = Day(self.facts.day, tuple(one.sighting for one in observed), looks)
        folded = step({entry.track.root: entry.track for entry in entries.values()}, day, self._past(births))
        self.ledger.enter(self.facts.detector, list(entries.values()), folded, observed)

    def _past(self, births: Sequence[Observed]) -> list[Day]:
        """Earlier looks that may have been over ground where something begins."""
        box = places.bounds_of(one.sighting.geometry for one in births)
        if box is None:
            return []
        since = min(one.sighting.last_before for one in births)
        return days_of(grounds_near(self.connection, self.facts.detector, box, since, self.facts.day), [])

    def _live(self, not_leads: set[int]) -> list[int]:
        """Leads on the ground looked at, with no finding near them, that the look may speak against."""
        if self.facts.clear.is_empty:
            return []
        box = self.facts.clear.bounds
        live = live_under(self.connection, self.facts.detector, box, self.facts.before)
        return [number for number in live if number not in not_leads and number not in self.entries]

    def _speak_against(self, numbers: Sequence[int]) -> None:
        look = ClearLook(self.facts.clear, self.facts.before)
        for part in chunks(numbers):
            entries = list(load(self.connection, part).values())
            tracks = missed([entry.track for entry in entries], [look])
            after = {entry.track.root: entry.track for entry in entries} | {track.root: track for track in tracks}
            self.ledger.enter(self.facts.detector, entries, Folded(after, {}), [])

    def _fold_again(self, leads: set[int], sightings: set[int]) -> None:
        entries: dict[int, Entry] = load(self.connection, leads)
        observed = observed_of(self.connection, entries)
        known = {one.number for one in observed}
        observed += [self.observed[place] for place in sorted(sightings) if self.observed[place].number not in known]
        boxes = [shapely.box(*entry.reach) for entry in entries.values()]
        box = places.bounds_of([*boxes, *(one.sighting.geometry for one in observed)])
        looks = grounds_near(self.connection, self.facts.detector, box, None, None) if box else []
        folded = fold(days_of(looks, [one.sighting for one in observed]))
        self.ledger.enter(self.facts.detector, list(entries.values()), folded, observed)


def _touched(geometries: Geometries, grounds: Sequence[BaseGeometry]) -> NDArray[np.bool_]:
    out = np.zeros(len(geometries), dtype=bool)
    for ground in grounds:
        shapely.prepare(ground)
        out |= shapely.intersects(ground, geometries)
    return out

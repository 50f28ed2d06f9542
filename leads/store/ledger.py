"""Writes what tracking made of a look, and keeps account of what changed for whom."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leads.store import places, tables
from leads.store.entry import Entry, by_root, chunks, columns_of, load
from leads.store.linked import Links, links_of
from leads.store.outcome import NightResult
from leads.store.places import Box
from leads.store.records import Confidence, OutlineKind
from leads.store.refold import Observed
from leads.store.watching import Watching
from leads.tracking.fold import Folded
from leads.tracking.overlap import changed, grown_past
from leads.tracking.track import Track


@dataclass
class _Account:
    """A lead before the night and now."""

    id: str
    was: str
    """Confidence before; empty where the lead is new."""

    was_in: str = ""
    is_: str = ""
    is_in: str = ""
    grown: bool = False
    reopened: bool = False
    off: str = ""
    """Lead that it came off."""


@dataclass
class _Batch:
    """Rows to be written together."""

    new: list[dict[str, Any]] = field(default_factory=list)
    moved: list[dict[str, Any]] = field(default_factory=list)
    outlines: list[dict[str, Any]] = field(default_factory=list)
    reaches: list[tuple[int, Any]] = field(default_factory=list)


class Ledger:
    """The writing side of one night."""

    def __init__(self, connection: Connection, at: dt.datetime, watching: Watching | None = None) -> None:
        """Starts an empty account.

        Args:
            connection: in a transaction that writes.
            at: moment of the night.
            watching: is told of every lead before it is changed.
        """
        self._connection = connection
        self._at = at
        self._watching = watching
        self._changed: set[int] = set()
        self._accounts: dict[int, _Account] = {}
        self._looked: set[int] = set()

    def enter(self, detector: str, entries: Sequence[Entry], folded: Folded, observed: Sequence[Observed]) -> None:
        """Writes the leads as folded.

        Args:
            detector: whose they are.
            entries: the leads as they stood. One whose root is no track's any more goes on as the track that its root
                belongs to now, or ends in the lead that does.
            folded: every one of their tracks, and new ones.
            observed: every observation that is linked.
        """
        self._looked.update(entry.number for entry in entries)
        owners, ended = self._owners(detector, entries, folded)
        numbers = self._numbered(owners, folded)
        ids = {root: entry.id for root, entry in owners.items()}
        ids |= self._new_ids([root for root in folded.tracks if root not in owners], observed)
        ids |= self._ids_beyond(detector, folded, ids)
        reaches = _reaches(folded, owners, observed)
        seen = {one.sighting.key: one for one in observed}
        batch = _Batch()
        for root, track in folded.tracks.items():
            entry = owners.get(root)
            row = columns_of(track, reaches[root])
            row |= {"parents": [ids[one] for one in track.parents], "merged_into": ids.get(track.into, "")}
            if track.newest in seen:
                row |= _told(seen[track.newest])
            if entry is None:
                off = [ids[one] for one in track.parents if one not in folded.tracks or folded.tracks[one].into != root]
                row |= {"aoi": seen[root].aoi}
                self._begin(batch, numbers[root], ids[root], detector, row, track, off)
            elif not _same(entry, track, reaches[root], row):
                row |= {"aoi": seen[root].aoi} if root in seen and root != entry.track.root else {}
                self._move(batch, entry, row, track)
        for entry, root in ended:
            self._end(batch, entry, ids[root])
        links = links_of(observed, folded.links, numbers)
        self._announce(batch, links)
        self._write(batch)
        links.write(self._connection)

    def done(self) -> None:
        """Tells who watches that the night is written."""
        if self._watching is not None:
            self._watching.after_leads(self._connection, frozenset(self._changed))

    def result(self) -> NightResult:
        """What the night changed."""
        accounts = [account for _, account in sorted(self._accounts.items(), key=lambda pair: pair[1].id)]
        standing = [one for one in accounts if not one.is_in]
        split: dict[str, list[str]] = defaultdict(list)
        for one in standing:
            if not one.was and one.off:
                split[one.off].append(one.id)
        told = NightResult(
            new=tuple(one.id for one in standing if not one.was and not one.off),
            grown=tuple(one.id for one in standing if one.was and one.grown),
            confirmed=tuple(
                one.id for one in standing if one.is_ == Confidence.CONFIRMED and one.was != Confidence.CONFIRMED
            ),
            withdrawn=tuple(
                one.id for one in standing if one.is_ == Confidence.WITHDRAWN and one.was != Confidence.WITHDRAWN
            ),
            returned=tuple(one.id for one in standing if _returned(one)),
            merged={one.id: one.is_in for one in accounts if one.was and one.is_in and one.is_in != one.was_in},
            split={lead: tuple(off) for lead, off in split.items()},
        )
        listed = {*told.new, *told.grown, *told.confirmed, *told.withdrawn, *told.returned, *told.merged}
        listed |= {lead for off in told.split.values() for lead in off}
        moved = sum(1 for number, one in self._accounts.items() if one.id in listed and number in self._looked)
        return NightResult(**{**vars(told), "unchanged": len(self._looked) - moved})

    # --- who goes on as what -------------------------------------------------------------------------------------

    def _owners(
        self, detector: str, entries: Sequence[Entry], folded: Folded
    ) -> tuple[dict[str, Entry], list[tuple[Entry, str]]]:
        """Which lead goes on as which track; and the leads that end, each with the root it ends in."""
        owners = {entry.track.root: entry for entry in entries if entry.track.root in folded.tracks}
        homeless = [entry for entry in entries if entry.track.root not in folded.tracks]
        ended = []
        # an id that somebody has decided upon is kept before one that nobody has
        for entry in sorted(homeless, key=lambda one: (bool(one.merged_into), one.status == "new", one.number)):
            root = folded.links[entry.track.root]
            if root in owners:
                ended.append((entry, root))
            else:
                owners[root] = entry
        return owners | self._revived(detector, [root for root in folded.tracks if root not in owners]), ended

    def _revived(self, detector: str, roots: Sequence[str]) -> dict[str, Entry]:
        """Leads that had ended and stand for themselves again."""
        c = tables.leads.c
        numbers = {
            number
            for part in chunks(sorted(roots))
            for number in self._connection.execute(
                sa.select(c.number).where(c.detector == detector, c.root.in_(part))
            ).scalars()
        }
        return {entry.track.root: entry for entry in load(self._connection, numbers).values()}

    def _numbered(self, owners: Mapping[str, Entry], folded: Folded) -> dict[str, int]:
        numbers = {root: entry.number for root, entry in owners.items()}
        fresh = sorted(root for root in folded.tracks if root not in owners)
        if fresh:
            top = sa.select(sa.func.coalesce(sa.func.max(tables.leads.c.number), 0))
            first = int(self._connection.execute(top).scalar_one()) + 1
            numbers |= {root: first + place for place, root in enumerate(fresh)}
        return numbers

    def _new_ids(self, roots: Iterable[str], observed: Sequence[Observed]) -> dict[str, str]:
        """The proposals of first sightings, told apart where another lead has the name."""
        proposals = {one.sighting.key: one.proposal for one in observed}
        wanted = {root: proposals[root] for root in sorted(roots)}
        taken = self._taken(wanted.values())
        ids: dict[str, str] = {}
        for root, proposal in wanted.items():
            name, number = proposal, 1
            while name in taken:
                number += 1
                name = f"{proposal}-{number}"
                if name not in taken:
                    taken |= self._taken([name])
            taken.add(name)
            ids[root] = name
        return ids

    def _taken(self, names: Iterable[str]) -> set[str]:
        c = tables.leads.c
        return {
            name
            for part in chunks(sorted(set(names)))
            for name in self._connection.execute(sa.select(c.id).where(c.id.in_(part))).scalars()
        }

    def _ids_beyond(self, detector: str, folded: Folded, known: Mapping[str, str]) -> dict[str, str]:
        """Ids of leads that are named by tracks here and are not among them."""
        named = {root for track in folded.tracks.values() for root in (*track.parents, track.into) if root}
        return by_root(self._connection, detector, named - set(known))

    # --- rows ----------------------------------------------------------------------------------------------------

    def _begin(
        self, batch: _Batch, number: int, lead_id: str, detector: str, row: dict[str, Any], track: Track, off: list[str]
    ) -> None:
        own = {"number": number, "id": lead_id, "detector": detector, "version": 1, "status": "new"}
        own |= dict.fromkeys(("reason", "reviewer", "remark", "rejected_for"), "")
        own |= {"alias": False, "created": self._at, "updated": self._at, "handed_out": track.outline, "judged": None}
        batch.new.append(row | own)
        batch.reaches.append((number, row["reach"]))
        batch.outlines.append(self._outline(lead_id, 1, track))
        account = self._accounts.setdefault(number, _Account(lead_id, was=""))
        account.is_, account.is_in, account.off = row["confidence"], row["merged_into"], off[0] if off else ""

    def _move(self, batch: _Batch, entry: Entry, row: dict[str, Any], track: Track) -> None:
        same_outline = track.outline == entry.track.outline
        material = not same_outline and changed(track.outline, entry.handed_out, track.gsd_m)
        status, reason = (entry.status, None) if same_outline else entry.standing(track)
        version = entry.version + (material or status != entry.status)
        if material:
            batch.outlines.append(self._outline(entry.id, version, track))
        account = self._account(entry)
        account.grown |= material and grown_past(track.outline, entry.handed_out, track.gsd_m)
        account.reopened |= entry.status == "rejected" and status == "new"
        account.is_, account.is_in = row["confidence"], row["merged_into"]
        row |= {"alias": False, "updated": self._at, "version": version, "status": status, "key": entry.number}
        row["handed_out"] = track.outline if material else entry.handed_out
        if reason is not None and entry.judged is not None:
            row["reason"] = reason
        batch.moved.append(row)
        if row["reach"].bounds != entry.reach:
            batch.reaches.append((entry.number, row["reach"]))

    def _end(self, batch: _Batch, entry: Entry, into: str) -> None:
        """A lead whose first sighting turned out to be another lead's: its id leads there."""
        account = self._account(entry)
        account.is_, account.is_in = entry.confidence, into
        batch.moved.append({"key": entry.number, "alias": True, "merged_into": into, "updated": self._at})

    def _account(self, entry: Entry) -> _Account:
        fresh = _Account(entry.id, was=entry.confidence, was_in=entry.merged_into)
        return self._accounts.setdefault(entry.number, fresh)

    def _outline(self, lead_id: str, version: int, track: Track) -> dict[str, Any]:
        return {
            "lead_id": lead_id,
            "version": version,
            "kind": OutlineKind.MACHINE.value,
            "geometry": track.outline,
            "area_m2": track.area_m2,
            "made_by": "weixun",
            "made_at": self._at,
            "source": track.newest,
        }

    def _write(self, batch: _Batch) -> None:
        if batch.new:
            self._connection.execute(tables.leads.insert(), batch.new)
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for row in batch.moved:
            by_columns[tuple(sorted(row))].append(row)
        for columns, rows in by_columns.items():
            statement = tables.leads.update().where(tables.leads.c.number == sa.bindparam("key"))
            # bound under other names: a column's own name is taken for its new value
            renamed = [{f"new_{name}" if name != "key" else name: value for name, value in row.items()} for row in rows]
            values = {n: sa.bindparam(f"new_{n}", type_=tables.leads.c[n].type) for n in columns if n != "key"}
            self._connection.execute(statement.values(values), renamed)
        if batch.outlines:
            self._connection.execute(tables.outlines.insert(), batch.outlines)
        places.put(self._connection, "leads", batch.reaches)

    def _announce(self, batch: _Batch, links: Links) -> None:
        """Tells who watches of the leads that stand in the store as another transaction left them."""
        mine = {row["number"] for row in batch.new}
        changing = {row["key"] for row in batch.moved} | links.leads | mine
        if self._watching is not None and changing - mine - self._changed:
            self._watching.before_leads(self._connection, changing - mine - self._changed)
        self._changed |= changing


def _reaches(folded: Folded, owners: Mapping[str, Entry], observed: Sequence[Observed]) -> dict[str, Box]:
    """The box around everything ever seen of each track."""
    boxes: dict[str, list[Box]] = {root: [track.outline.bounds] for root, track in folded.tracks.items()}
    for root, entry in owners.items():
        boxes[root].append(entry.reach)
    for one in observed:
        boxes[folded.links[one.sighting.key]].append(one.sighting.geometry.bounds)
    out = {}
    for root, found in boxes.items():
        wests, souths, easts, norths = zip(*found, strict=True)
        out[root] = (min(wests), min(souths), max(easts), max(norths))
    return out


def _told(one: Observed) -> dict[str, str]:
    """What the columns of a lead take from its newest observation."""
    row = one.row
    return {
        "change": str(row.get("change") or ""),
        "change_zh": str(row.get("change_zh") or ""),
        "place": one.place,
        "classification": str(row.get("classif") or ""),
    }


def _same(entry: Entry, track: Track, reach: Box, row: Mapping[str, Any]) -> bool:
    return entry.track == track and entry.reach == reach and entry.merged_into == row["merged_into"]


def _returned(one: _Account) -> bool:
    if not one.was:
        return False
    back = one.was == Confidence.WITHDRAWN and one.is_ != Confidence.WITHDRAWN
    return back or one.reopened or bool(one.was_in)

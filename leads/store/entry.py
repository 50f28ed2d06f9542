"""A lead's row as tracking needs it, read and written many at a time."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import shapely
import sqlalchemy as sa
from shapely.geometry.base import BaseGeometry
from sqlalchemy.engine import Connection, RowMapping

from leads.store import tables
from leads.store.places import Box, by_place, near
from leads.store.records import Stock
from leads.tracking.overlap import grown_past
from leads.tracking.track import LOOKS_TO_WITHDRAW, Track

CHUNK = 5_000
"""Rows that one statement asks for by number."""


@dataclass(frozen=True)
class Entry:
    """A lead in the store."""

    number: int
    id: str
    track: Track
    reach: Box
    """The box around everything ever seen of it."""

    version: int
    status: str
    confidence: str
    merged_into: str
    handed_out: BaseGeometry
    """Outline of its latest version."""

    judged: BaseGeometry | None
    """Outline that an analyst rejected; None where the last verdict was no rejection."""

    rejected_for: str

    def standing(self, track: Track) -> tuple[str, str]:
        """Review status and reason with the outline of a track.

        A rejection holds for the outline that was judged: past it the lead is new again.
        """
        if self.judged is None:
            return self.status, ""
        if grown_past(track.outline, self.judged, track.gsd_m):
            return "new", ""
        return "rejected", self.rejected_for


def load(connection: Connection, numbers: Collection[int]) -> dict[int, Entry]:
    """Leads by number, in that order; in PostgreSQL locked until the transaction ends."""
    out: dict[int, Entry] = {}
    for part in chunks(sorted(numbers)):
        asked = sa.select(*_COLUMNS).where(tables.leads.c.number.in_(part)).order_by(tables.leads.c.number)
        for row in connection.execute(asked.with_for_update()).mappings():
            out[row["number"]] = _entry(row)
    return out


def live_under(connection: Connection, detector: str, box: Box, before: dt.date | None) -> list[int]:
    """Numbers of the leads of a detector near a box that a look can still speak against.

    Args:
        connection: to the store.
        detector: its id.
        box: in degrees.
        before: last day of the image that the look was compared with; leads that are older are left out.
    """
    c = tables.leads.c
    wanted = [c.into_root == "", c.misses < LOOKS_TO_WITHDRAW]
    wanted += [] if before is None else [c.last_before >= before]
    asked = sa.select(c.number).where(*_under(connection, detector, box), *wanted).order_by(c.number)
    return list(connection.execute(asked).scalars())


def reaches_under(connection: Connection, detector: str, box: Box) -> dict[int, BaseGeometry]:
    """All leads of a detector near a box: number and reach."""
    c = tables.leads.c
    asked = sa.select(c.number, c.reach).where(*_under(connection, detector, box)).order_by(c.number)
    return {number: reach for number, reach in connection.execute(asked)}


def _under(connection: Connection, detector: str, box: Box) -> list[sa.ColumnElement[bool]]:
    c = tables.leads.c
    return [by_place(c.detector) == detector, ~c.alias, near("leads", box, connection.dialect.name)]


def by_root(connection: Connection, detector: str, roots: Collection[str]) -> dict[str, str]:
    """Ids of leads by their roots."""
    c = tables.leads.c
    found: dict[str, str] = {}
    for part in chunks(sorted(roots)):
        asked = sa.select(c.root, c.id).where(c.detector == detector, c.root.in_(part))
        found |= {root: lead_id for root, lead_id in connection.execute(asked)}
    return found


def chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    """As many at a time as one statement takes."""
    everything = list(values)
    for start in range(0, len(everything), CHUNK):
        yield everything[start : start + CHUNK]


def columns_of(track: Track, reach: Box) -> dict[str, Any]:
    """The columns that tracking decides."""
    return {
        "root": track.root,
        "newest": track.newest,
        "last_before": track.last_before,
        "first_seen": track.first_seen,
        "last_seen": track.last_seen,
        "looks": track.looks,
        "streak": track.streak,
        "misses": track.misses,
        "confidence": track.confidence.value,
        "stock": (Stock.INVENTORY if track.inventory else Stock.NEW).value,
        "geometry": track.outline,
        "area_m2": track.area_m2,
        "area_low_m2": track.area_low_m2,
        "area_high_m2": track.area_high_m2,
        "score": track.score,
        "gsd_m": track.gsd_m,
        "apart": track.apart,
        "parent_roots": list(track.parents),
        "into_root": track.into,
        "reach": shapely.box(*reach),
    }


def _entry(row: RowMapping) -> Entry:
    track = Track(
        root=row["root"],
        newest=row["newest"],
        last_before=row["last_before"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        looks=row["looks"],
        streak=row["streak"],
        misses=row["misses"],
        outline=row["geometry"],
        area_m2=row["area_m2"],
        area_low_m2=row["area_low_m2"],
        area_high_m2=row["area_high_m2"],
        score=row["score"],
        gsd_m=row["gsd_m"],
        inventory=row["stock"] == Stock.INVENTORY,
        apart=row["apart"],
        parents=tuple(row["parent_roots"]),
        into=row["into_root"],
    )
    told: Mapping[str, Any] = {name: row[name] for name in _OWN}
    return Entry(track=track, reach=row["reach"].bounds, **told)


_OWN = ("number", "id", "version", "status", "confidence", "merged_into", "handed_out", "judged", "rejected_for")
_TRACK = (
    *("root", "newest", "last_before", "first_seen", "last_seen", "looks", "streak", "misses", "geometry", "area_m2"),
    *("area_low_m2", "area_high_m2", "score", "gsd_m", "stock", "apart", "parent_roots", "into_root", "reach"),
)
_COLUMNS = [tables.leads.c[name] for name in (*_TRACK, *_OWN)]

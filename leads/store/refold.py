"""Facts read back, for leads that have to be folded again."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leads.attributes import Value
from leads.store import places, tables
from leads.store.entry import Entry, chunks
from leads.store.places import Box
from leads.tracking.track import ClearLook, Day, Sighting


@dataclass(frozen=True)
class Observed:
    """An observation in the store."""

    number: int
    sighting: Sighting
    aoi: str
    proposal: str
    place: str
    row: Mapping[str, Value]
    lead: int | None
    """Number of the lead that it is linked to; None where it is new."""


def observed_of(connection: Connection, entries: Mapping[int, Entry]) -> list[Observed]:
    """All observations of some leads."""
    seen, links = tables.observations, tables.links
    out = []
    for part in chunks(sorted(entries)):
        asked = (
            sa.select(seen, links.c.lead)
            .join_from(links, seen, links.c.observation_id == seen.c.id)
            .where(links.c.lead.in_(part))
            .order_by(seen.c.id)
        )
        for row in connection.execute(asked).mappings():
            sighting = Sighting(**{name: row[name] for name in _SIGHTING})
            out.append(
                Observed(row["id"], sighting, row["aoi"], row["proposal"], row["place"], row["row"], row["lead"])
            )
    return out


_SIGHTING = (
    *("key", "day", "geometry", "area_m2", "area_low_m2", "area_high_m2", "score", "gsd_m"),
    *("last_before", "inventory"),
)


def grounds_near(
    connection: Connection, detector: str, box: Box, after: dt.date | None, before: dt.date | None
) -> list[tuple[dt.date, ClearLook]]:
    """Looks of a detector over a box, between two days, neither included."""
    c = tables.looks.c
    wanted = [c.detector == detector, places.near("looks", box, connection.dialect.name)]
    wanted += [] if after is None else [c.day > after]
    wanted += [] if before is None else [c.day < before]
    asked = sa.select(c.day, c["clear"], c.before).where(*wanted).order_by(c.day, c.digest)
    return [(day, ClearLook(ground, compared)) for day, ground, compared in connection.execute(asked)]


def days_of(looks: Iterable[tuple[dt.date, ClearLook]], sightings: Sequence[Sighting]) -> list[Day]:
    """Looks and sightings gathered by day, earliest first."""
    by_day: dict[dt.date, tuple[list[Sighting], list[ClearLook]]] = defaultdict(lambda: ([], []))
    for day, look in looks:
        by_day[day][1].append(look)
    for sighting in sightings:
        by_day[sighting.day][0].append(sighting)
    return [Day(day, tuple(by_day[day][0]), tuple(by_day[day][1])) for day in sorted(by_day)]

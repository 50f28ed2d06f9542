"""The looks at one lead: those that showed it, and those that did not."""

import datetime as dt
from collections import defaultdict

import shapely
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leads.store import tables
from leads.store.records import ObservationRecord
from leads.store.refold import grounds_near
from leads.tracking.clear import CLEAR, shares
from leads.tracking.overlap import array_of
from leads.tracking.track import ClearLook


def observations_of(connection: Connection, lead_id: str) -> tuple[ObservationRecord, ...]:
    """Looks at a lead by day. One that did not show it has no row of its own, so its id is 0.

    Of days that speak neither for nor against it, too little was clear or the image compared with was younger than
    the change: they are not listed.
    """
    lead = connection.execute(tables.leads.select().where(tables.leads.c.id == lead_id)).mappings().first()
    if lead is None:
        return ()
    seen, links = tables.observations, tables.links
    asked = sa.select(seen).join_from(links, seen, links.c.observation_id == seen.c.id)
    rows = connection.execute(asked.where(links.c.lead == lead["number"]).order_by(seen.c.day, seen.c.id)).mappings()
    by_day: dict[dt.date, list[ClearLook]] = defaultdict(list)
    for day, look in grounds_near(connection, lead["detector"], lead["reach"].bounds, None, None):
        by_day[day].append(look)
    out = [
        ObservationRecord(
            row["id"], lead_id, row["run_id"], row["day"], True, row["geometry"], row["area_m2"], row["score"],
            _share(row["geometry"], by_day[row["day"]]),
        )
        for row in rows
    ]  # fmt: skip
    shown = {one.day for one in out}
    for day, looks in by_day.items():
        telling = [look for look in looks if look.tells_of(lead["last_before"]) or day <= lead["last_before"]]
        clear = _share(lead["geometry"], telling)
        if day not in shown and clear >= CLEAR:
            out.append(ObservationRecord(0, lead_id, "", day, False, None, 0.0, 0.0, clear))
    return tuple(sorted(out, key=lambda one: (one.day, one.id)))


def _share(outline: shapely.Geometry, looks: list[ClearLook]) -> float:
    return round(float(shares(array_of([outline]), [look.ground for look in looks])[0]), 4)

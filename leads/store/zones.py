"""Zones of recurring false leads: proposed by what was rejected, decided by an analyst."""

from typing import Any, Literal

import shapely
import sqlalchemy as sa
from shapely.geometry.base import BaseGeometry
from sqlalchemy.engine import Connection, RowMapping

from leads.store import places, tables
from leads.store.errors import StoreError
from leads.store.records import KnownZone
from leads.tracking.zones import recurring, widened

State = Literal["proposed", "accepted", "declined"]


def zones(connection: Connection, aoi: str) -> tuple[KnownZone, ...]:
    """Zones of an AOI that are proposed or accepted."""
    c = tables.zones.c
    found = connection.execute(tables.zones.select().where(c.aoi == aoi, c.state != "declined").order_by(c.id))
    return tuple(_zone(row) for row in found.mappings())


def propose(connection: Connection, aoi: str, detector: str, geometry: BaseGeometry, reason: str) -> KnownZone:
    """Proposes a zone; one that overlaps it is widened, and one that was decided upon stays as it is."""
    c = tables.zones.c
    near = places.near("zones", geometry.bounds, connection.dialect.name)
    asked = tables.zones.select().where(c.aoi == aoi, c.detector == detector, c.reason == reason, near)
    ground = geometry
    for row in connection.execute(asked.order_by(c.id)).mappings():
        if not shapely.intersects(row["geometry"], geometry):
            continue
        if row["state"] != "proposed":
            return _zone(row)
        ground = shapely.union_all([row["geometry"], geometry]).convex_hull
        connection.execute(tables.zones.update().where(c.id == row["id"]).values(geometry=ground))
        places.put(connection, "zones", [(row["id"], ground)])
        return _zone({**row, "geometry": ground})
    own: dict[str, Any] = {"aoi": aoi, "detector": detector, "geometry": ground, "reason": reason}
    own |= {"state": "proposed", "decided_by": ""}
    key = connection.execute(tables.zones.insert().values(own)).inserted_primary_key
    number = int(key[0]) if key is not None else 0
    places.put(connection, "zones", [(number, ground)])
    return _zone({**own, "id": number})


def decide(connection: Connection, zone_id: int, accepted: bool, by: str) -> KnownZone:
    """Accepts or declines a zone."""
    c = tables.zones.c
    row = connection.execute(tables.zones.select().where(c.id == zone_id)).mappings().first()
    if row is None:
        raise StoreError(f"there is no zone {zone_id}: list them first")
    state: State = "accepted" if accepted else "declined"
    connection.execute(tables.zones.update().where(c.id == zone_id).values(state=state, decided_by=by))
    return _zone({**row, "state": state, "decided_by": by})


def propose_around(connection: Connection, aoi: str, detector: str, outline: BaseGeometry, reason: str) -> None:
    """Proposes a zone where a rejected lead is one of several; to be called once it is entered."""
    c = tables.leads.c
    near = places.near("leads", widened(outline), connection.dialect.name)
    asked = sa.select(c.judged).where(
        places.by_place(c.detector) == detector, c.rejected_for == reason, c.judged.is_not(None), near
    )
    others = [ground for ground in connection.execute(asked.order_by(c.number)).scalars() if ground != outline]
    zone = recurring(outline, others)
    if zone is not None:
        propose(connection, aoi, detector, zone, reason)


def _zone(row: RowMapping | dict[str, Any]) -> KnownZone:
    told = {name: row[name] for name in ("id", "aoi", "detector", "geometry", "reason", "decided_by")}
    return KnownZone(**told, proposed=row["state"] == "proposed")

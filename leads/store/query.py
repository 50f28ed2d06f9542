"""Asking for leads, and from row to record."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import shapely
import sqlalchemy as sa
from shapely.geometry.base import BaseGeometry
from sqlalchemy.engine import Connection, RowMapping

from leads.area import mu
from leads.attributes import Value
from leads.store import tables
from leads.store.places import Box, near
from leads.store.records import Confidence, LeadRecord, Stock

_CHUNK = 2_000


@dataclass(frozen=True)
class LeadQuery:
    """Which leads; what is left out does not matter."""

    ids: Collection[str] | None = None
    aoi: str | None = None
    detectors: Collection[str] | None = None
    statuses: Collection[str] | None = None
    confidences: Collection[Confidence] | None = None
    stocks: Collection[Stock] | None = None
    since: dt.date | None = None
    """First seen on this day or later."""

    until: dt.date | None = None
    """First seen on this day or earlier."""

    bbox: Box | None = None
    """West, south, east, north in degrees, touched by the outline."""

    geometry: BaseGeometry | None = None
    """EPSG:4326, touched by the outline."""

    place: str | None = None
    """Part of the place's name."""

    changed_since: dt.datetime | None = None
    limit: int | None = None
    merged: bool = False
    """Also leads that have ended in another one; those asked for by id come always."""


def leads(connection: Connection, query: LeadQuery) -> Iterator[LeadRecord]:
    """Leads by id, a few thousand in memory at a time."""
    ground = _ground(query)
    left, after = query.limit, ""
    while left is None or left > 0:
        chunk = _CHUNK if left is None or ground is not None else min(left, _CHUNK)
        statement = _selected(query, connection).where(tables.leads.c.id > after)
        rows = connection.execute(statement.order_by(tables.leads.c.id).limit(chunk)).mappings().all()
        for row in rows:
            if ground is not None and not shapely.intersects(ground, row["geometry"]):
                continue
            if left is not None:
                if not left:
                    return
                left -= 1
            yield record_of(row)
        if len(rows) < chunk:
            return
        after = rows[-1]["id"]


def count(connection: Connection, query: LeadQuery) -> int:
    """How many leads."""
    ground = _ground(query)
    if ground is None and query.limit is None:
        counted = sa.select(sa.func.count()).select_from(tables.leads).where(*_conditions(query, connection))
        return int(connection.execute(counted).scalar_one())
    return sum(1 for _ in leads(connection, query))


def _selected(query: LeadQuery, connection: Connection) -> sa.Select[Any]:
    seen = tables.observations
    joined = tables.leads.join(
        seen, sa.and_(seen.c.detector == tables.leads.c.detector, seen.c.key == tables.leads.c.newest)
    )
    return sa.select(tables.leads, seen.c.row).select_from(joined).where(*_conditions(query, connection))


def _conditions(query: LeadQuery, connection: Connection) -> list[sa.ColumnElement[bool]]:
    c = tables.leads.c
    wanted: list[sa.ColumnElement[bool]] = []
    if query.ids is not None:
        wanted.append(c.id.in_(list(query.ids)))
    elif not query.merged:
        wanted.append(c.merged_into == "")
    for column, values in (
        (c.aoi, None if query.aoi is None else [query.aoi]),
        (c.detector, query.detectors),
        (c.status, query.statuses),
        (c.confidence, query.confidences),
        (c.stock, query.stocks),
    ):
        if values is not None:
            wanted.append(column.in_([str(value) for value in values]))
    wanted += [] if query.since is None else [c.first_seen >= query.since]
    wanted += [] if query.until is None else [c.first_seen <= query.until]
    wanted += [] if query.changed_since is None else [c.updated >= query.changed_since]
    wanted += [c.place.contains(query.place, autoescape=True)] if query.place else []
    ground = _ground(query)
    if ground is not None:
        wanted.append(near("leads", ground.bounds, connection.dialect.name))
    return wanted


def _ground(query: LeadQuery) -> BaseGeometry | None:
    grounds = [query.geometry] if query.geometry is not None else []
    grounds += [shapely.box(*query.bbox)] if query.bbox is not None else []
    if not grounds:
        return None
    ground = shapely.intersection_all(grounds)
    shapely.prepare(ground)
    return ground


def record_of(row: RowMapping) -> LeadRecord:
    """A row of leads, with the flat row of its newest observation, as a record."""
    confidence = Confidence(row["confidence"])
    told = {name: row[name] for name in _SAME}
    return LeadRecord(
        **told,
        confidence=confidence,
        stock=Stock(row["stock"]),
        attributes=_attributes(row, confidence),
        parents=tuple(row["parents"]),
        into=row["merged_into"],
    )


_SAME = (
    *("id", "aoi", "detector", "status", "reason", "reviewer", "remark", "version", "change", "change_zh"),
    *("last_before", "first_seen", "last_seen", "looks", "geometry", "area_m2", "area_low_m2", "area_high_m2"),
    *("score", "place", "classification", "created", "updated"),
)


def _attributes(row: RowMapping, confidence: Confidence) -> Mapping[str, Value]:
    """The flat row as the newest observation left it, with what the lead itself knows better."""
    known: dict[str, Value] = dict(row["row"])
    areas = {"area": row["area_m2"], "lo": row["area_low_m2"], "hi": row["area_high_m2"]}
    known |= {
        "lead_id": row["id"],
        "status": row["status"],
        "reason": row["reason"] or None,
        "reviewer": row["reviewer"] or None,
        "remark": row["remark"] or None,
        "date_bef": row["last_before"].isoformat(),
        "seen_first": row["first_seen"].isoformat(),
        "date_aft": row["last_seen"].isoformat(),
        "looks": row["looks"],
        "area_m2": round(areas["area"], 1),
        "area_lo": round(areas["lo"], 1),
        "area_hi": round(areas["hi"], 1),
        "area_mu": round(mu(areas["area"]), 2),
        "mu_lo": round(mu(areas["lo"]), 2),
        "mu_hi": round(mu(areas["hi"]), 2),
    }
    if confidence is not Confidence.WITHDRAWN:
        known["grade"] = confidence.value
    return known

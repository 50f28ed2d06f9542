"""Leads as they stood at the end of a day: nothing dated later is seen.

A lead's state is a fold over dated observations. On the newest day that is what the store holds; for an earlier one the
observations up to it are folded again, so that a merger, a withdrawal or a verdict of later is not known yet.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, replace

import sqlalchemy as sa
from shapely.geometry.base import BaseGeometry
from sqlalchemy.engine import Connection

from leads.cases.regulators import UNKNOWN
from leads.priority import SHANGHAI
from leads.store import tables
from leads.store.records import Confidence, Stock
from leads.store.refold import days_of
from leads.store.store import Store
from leads.tracking.fold import fold
from leads.tracking.overlap import grown_past
from leads.tracking.track import ClearLook, Sighting

_SIGHTING = (
    *("key", "day", "geometry", "area_m2", "area_low_m2", "area_high_m2", "score", "gsd_m"),
    *("last_before", "inventory"),
)


@dataclass(frozen=True)
class Standing:
    """A lead on a day."""

    id: str
    aoi: str
    detector: str
    confidence: Confidence
    stock: Stock
    first_seen: dt.date
    area_m2: float
    place: str
    regulator: str
    status: str
    reason: str


@dataclass(frozen=True)
class _Verdict:
    status: str
    reason: str
    judged: BaseGeometry


def end_of(day: dt.date) -> dt.datetime:
    """The first moment after a day in Asia/Shanghai."""
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), SHANGHAI)


def standings(store: Store, as_of: dt.date, aoi: str | None = None) -> tuple[Standing, ...]:
    """The leads that stand for themselves at the end of a day, by id.

    Args:
        store: where they are.
        as_of: looks and verdicts up to this day count.
        aoi: only those of one area.
    """
    with store.reading() as connection:
        verdicts, later = _verdicts(connection, as_of)
        newest = connection.execute(sa.select(sa.func.max(tables.looks.c.day))).scalar()
        if newest is None or newest <= as_of:
            found = _stored(connection, verdicts, later)
        else:
            found = _folded(connection, as_of, verdicts)
    return tuple(sorted((one for one in found if aoi is None or one.aoi == aoi), key=lambda one: one.id))


def _stored(connection: Connection, verdicts: dict[str, _Verdict], later: set[str]) -> list[Standing]:
    c, seen = tables.leads.c, tables.observations
    names = ("id", "aoi", "detector", "first_seen", "area_m2", "place", "status", "reason", "confidence", "stock")
    joined = sa.and_(seen.c.detector == c.detector, seen.c.key == c.newest)
    asked = sa.select(*(c[name] for name in names), seen.c.row["regulator"].as_string())
    found = []
    for *values, regulator in connection.execute(
        asked.join_from(tables.leads, seen, joined).where(c.merged_into == "").execution_options(yield_per=2000)
    ):
        told = dict(zip(names, values, strict=True))
        told |= {"confidence": Confidence(told["confidence"]), "stock": Stock(told["stock"])}
        found.append(Standing(**told, regulator=_regulator(regulator)))
    for place, one in enumerate(found):
        if one.id in later:  # judged again since
            outline = connection.execute(sa.select(c.geometry, c.gsd_m).where(c.id == one.id)).one()
            status, reason = _status(verdicts.get(one.id), *outline)
            found[place] = replace(one, status=status, reason=reason)
    return found


def _folded(connection: Connection, as_of: dt.date, verdicts: dict[str, _Verdict]) -> list[Standing]:
    looks: dict[str, list[tuple[dt.date, ClearLook]]] = defaultdict(list)
    c = tables.looks.c
    asked = sa.select(c.detector, c.day, c["clear"], c.before).where(c.day <= as_of).order_by(c.day, c.digest)
    for detector, day, ground, before in connection.execute(asked):
        looks[detector].append((day, ClearLook(ground, before)))
    found = []
    for detector in sorted(looks):
        o = tables.observations.c
        columns = [o[name] for name in (*_SIGHTING, "aoi", "proposal", "place")]
        mine = sa.select(*columns, o.row["regulator"].as_string()).where(o.detector == detector, o.day <= as_of)
        rows = connection.execute(mine.order_by(o.id)).all()
        by_key = {row[0]: row for row in rows}
        roots = sa.select(tables.leads.c.root, tables.leads.c.id).where(tables.leads.c.detector == detector)
        ids: dict[str, str] = {root: lead_id for root, lead_id in connection.execute(roots)}
        sightings = [Sighting(**dict(zip(_SIGHTING, row[: len(_SIGHTING)], strict=True))) for row in rows]
        for root, track in fold(days_of(looks[detector], sightings)).tracks.items():
            if track.into:
                continue
            aoi, proposal, _, _ = by_key[root][len(_SIGHTING) :]
            place, regulator = by_key[track.newest][-2:]
            lead_id = ids.get(root, proposal)
            status, reason = _status(verdicts.get(lead_id), track.outline, track.gsd_m)
            told = Standing(
                id=lead_id,
                aoi=aoi,
                detector=detector,
                confidence=track.confidence,
                stock=Stock.INVENTORY if track.inventory else Stock.NEW,
                first_seen=track.first_seen,
                area_m2=track.area_m2,
                place=place,
                regulator=_regulator(regulator),
                status=status,
                reason=reason,
            )
            found.append(told)
    return found


def _verdicts(connection: Connection, as_of: dt.date) -> tuple[dict[str, _Verdict], set[str]]:
    """The latest verdict on each lead up to a day, and the leads that were judged after it."""
    c = tables.reviews.c
    found: dict[str, _Verdict] = {}
    later: set[str] = set()
    for lead_id, status, reason, at, judged in connection.execute(
        sa.select(c.lead_id, c.status, c.reason, c.at, c.judged).order_by(c.id)
    ):
        if at < end_of(as_of):
            found[lead_id] = _Verdict(status, reason, judged)
        else:
            later.add(lead_id)
    return found, later


def _status(verdict: _Verdict | None, outline: BaseGeometry, gsd_m: float) -> tuple[str, str]:
    """Review status and reason; a rejection does not hold for what has outgrown it."""
    if verdict is None or (verdict.status == "rejected" and grown_past(outline, verdict.judged, gsd_m)):
        return "new", ""
    return verdict.status, verdict.reason


def _regulator(told: str | None) -> str:
    return UNKNOWN if not told or told.startswith(UNKNOWN) else told

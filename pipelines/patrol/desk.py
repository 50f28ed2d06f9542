"""What the desk gets of a night: at most so many leads a week, in an inbox that is never written again."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import shapely
import sqlalchemy as sa
from shapely.geometry.base import BaseGeometry

from aoi.classification import Classification
from leads.desk.inbox import Beside, write_inbox
from leads.desk.shelf import note_inbox
from leads.priority import fill, prioritised, week_of
from leads.store import tables
from leads.store.records import Confidence, CoverageRecord, LeadRecord
from leads.store.store import LeadQuery, Store
from pipelines.patrol.config import Budget
from pipelines.patrol.files import Places


@dataclass(frozen=True)
class Chosen:
    """The leads of an inbox, and how many wait for another week."""

    now: tuple[LeadRecord, ...]
    waiting: int
    priorities: Mapping[str, float]


def choose(store: Store, areas: Sequence[str], budget: Budget, night: dt.date) -> Chosen:
    """The confirmed leads that nobody was handed yet, the weightiest first, as the week's budget allows."""
    handed = _handed_out(store)
    already = sum(1 for nights in handed.values() if min(nights) >= week_of(night))
    waiting = [
        lead
        for area in areas
        for lead in store.leads(LeadQuery(aoi=area, confidences={Confidence.CONFIRMED}, statuses={"new"}))
        if lead.id not in handed
    ]
    scores = {name: found.score for name, found in prioritised(store, waiting, night).items()}
    filled = fill(waiting, budget, night, already, scores)
    return Chosen(filled.now, len(filled.waiting), scores)


def _handed_out(store: Store) -> dict[str, list[dt.date]]:
    """The nights of the inboxes that held each lead."""
    found: dict[str, list[dt.date]] = {}
    together = tables.inbox_leads.join(tables.inboxes, tables.inboxes.c.id == tables.inbox_leads.c.inbox_id)
    with store.engine.connect() as connection:
        rows = connection.execute(sa.select(tables.inbox_leads.c.lead_id, tables.inboxes.c.night).select_from(together))
        for lead, night in rows:
            found.setdefault(lead, []).append(night)
    return found


def hand_out(
    store: Store,
    places: Places,
    night: dt.date,
    chosen: Chosen,
    coverage: Sequence[CoverageRecord],
    grounds: Sequence[BaseGeometry],
    images: Mapping[str, Path],
    classification: Classification,
) -> Path:
    """Write the inbox and note in the store what it holds. What a crash left of the same inbox is taken up.

    Raises:
        OutputError: if it can not be written.
    """
    file = _left_by_a_crash(store, places, night)
    if file is None:
        around = shapely.union_all(list(grounds))
        beside = Beside(priorities=chosen.priorities)
        file = write_inbox(places.inbox, night, chosen.now, coverage, images, around, classification, beside)
    note_inbox(store, file, night, chosen.now, dt.datetime.now(dt.UTC))
    return file


def _left_by_a_crash(store: Store, places: Places, night: dt.date) -> Path | None:
    """An inbox of the night that is whole (its project is written last) and that the store does not know."""
    with store.engine.connect() as connection:
        known = set(connection.execute(sa.select(tables.inboxes.c.name)).scalars())
    found = [file for file in sorted(places.inbox.glob(f"inbox_{night:%Y%m%d}*.gpkg")) if file.name not in known]
    whole = [file for file in found if file.with_suffix(".qgz").exists()]
    return whole[0] if whole else None

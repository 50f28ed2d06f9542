"""Inboxes and the store: what an inbox wants to know of each lead, and the note of what was handed out."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import sqlalchemy as sa

from aoi.layers import Layer
from leads.desk.inbox import Beside
from leads.desk.keep import ORIGINALS
from leads.store.records import LeadRecord, OutlineKind
from leads.store.store import Store
from leads.store.tables import inbox_leads, inboxes


def beside_of(
    store: Store,
    leads: Sequence[LeadRecord],
    priorities: Mapping[str, float] | None = None,
    layers: Sequence[Layer] = (),
) -> Beside:
    """What an inbox holds besides the leads themselves: the last outline that was drawn, the last surveyed area."""
    outlines, surveys = {}, {}
    for lead in leads:
        for drawn in store.outlines(lead.id):
            if drawn.kind is OutlineKind.ANALYST:
                outlines[lead.id] = drawn.geometry
            elif drawn.kind is OutlineKind.SURVEY:
                surveys[lead.id] = drawn.area_m2
    return Beside(dict(priorities or {}), outlines, surveys, layers)


def note_inbox(store: Store, geopackage: Path, night: dt.date, leads: Sequence[LeadRecord], at: dt.datetime) -> None:
    """Notes in the store which leads were handed out, in which version; noting it twice changes nothing.

    Args:
        store: the store.
        geopackage: what `leads.desk.inbox.write_inbox` returned.
        night: the patrol's day.
        leads: those that it holds.
        at: when; aware.
    """
    original = geopackage.parent / ORIGINALS / geopackage.name
    with original.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with store.writing() as connection:
        same = sa.select(inboxes.c.id).where(inboxes.c.name == geopackage.name, inboxes.c.sha256 == digest)
        if connection.execute(same).first() is not None:
            return
        key = connection.execute(
            inboxes.insert().values(night=night, name=geopackage.name, sha256=digest, created=at, leads=len(leads))
        ).inserted_primary_key
        if key is not None and leads:
            rows = [{"inbox_id": key[0], "lead_id": lead.id, "base_version": lead.version} for lead in leads]
            connection.execute(inbox_leads.insert(), rows)

"""What an inbox remembers of the moment it was handed out, so that what comes back can be compared with it.

Two tables without geometry in the GeoPackage itself: they travel with it, whoever copies or renames it.
"""

import datetime as dt
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import shapely
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

SCHEMA = 1
"""Of these tables and of the layers `leads` and `outlines`."""

META = "weixun_inbox"
GIVEN = "weixun_handed_out"

_TABLES = f"""
CREATE TABLE {META} (id INTEGER PRIMARY KEY, schema INTEGER NOT NULL, name TEXT NOT NULL, night TEXT NOT NULL);
CREATE TABLE {GIVEN} (
  id INTEGER PRIMARY KEY, lead_id TEXT NOT NULL, base_version INTEGER NOT NULL, status TEXT, reason TEXT, remark TEXT,
  area_srv REAL, machine BLOB NOT NULL, outline BLOB NOT NULL);
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
  VALUES ('{META}', 'attributes', '{META}', '', 0), ('{GIVEN}', 'attributes', '{GIVEN}', '', 0);
"""


@dataclass(frozen=True)
class Given:
    """A lead as it was handed out."""

    lead_id: str
    base_version: int
    status: str
    reason: str
    remark: str
    area_srv: float | None
    machine: BaseGeometry
    """The outline in the layer `leads`, EPSG:4326."""

    outline: BaseGeometry
    """The outline in the layer `outlines`: the analyst's last, or the machine's."""


def keep_given(database: sqlite3.Connection, name: str, night: dt.date, given: Sequence[Given]) -> None:
    """Writes both tables into a GeoPackage in the making."""
    database.executescript(_TABLES)
    database.execute(
        f"INSERT INTO {META} (id, schema, name, night) VALUES (1, ?, ?, ?)", (SCHEMA, name, night.isoformat())
    )
    database.executemany(
        f"INSERT INTO {GIVEN} (lead_id, base_version, status, reason, remark, area_srv, machine, outline) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                one.lead_id,
                one.base_version,
                one.status,
                one.reason,
                one.remark,
                one.area_srv,
                shapely.to_wkb(one.machine),
                shapely.to_wkb(one.outline),
            )
            for one in given
        ],
    )


def read_given(database: sqlite3.Connection, most: int) -> Mapping[str, Given]:
    """What was handed out, by lead.

    Args:
        database: the GeoPackage, opened for reading.
        most: rows at most.

    Raises:
        ValueError: if a row is none of ours.
        sqlite3.Error: if the table is missing.
    """
    rows = database.execute(
        f"SELECT lead_id, base_version, status, reason, remark, area_srv, machine, outline FROM {GIVEN} LIMIT ?",
        (most + 1,),
    ).fetchall()
    if len(rows) > most:
        raise ValueError(f"more than {most} leads")
    return {str(row[0]): _given(row) for row in rows}


def _given(row: Sequence[object]) -> Given:
    lead_id, version, status, reason, remark, area, machine, outline = row
    if not isinstance(version, int) or not isinstance(machine, bytes) or not isinstance(outline, bytes):
        raise ValueError(f"a row of {GIVEN} is not as it was handed out")
    texts = ("" if value is None else str(value) for value in (lead_id, status, reason, remark))
    name, state, why, said = texts
    survey = float(area) if isinstance(area, int | float) else None
    try:
        shapes = shapely.from_wkb(machine), shapely.from_wkb(outline)
    except GEOSException as error:
        raise ValueError(f"an outline of {GIVEN} is damaged") from error
    return Given(name, version, state, why, said, survey, *shapes)

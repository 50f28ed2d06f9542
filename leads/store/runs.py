"""Runs, what they covered, and the scenes that each block has been worked with."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from leads.store import places, tables
from leads.store.errors import StoreError
from leads.store.records import CoverageRecord, RunRecord, SeenScene


def insert_new(connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Inserts the rows that are not there yet."""
    if not rows:
        return
    statement: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    connection.execute(statement.on_conflict_do_nothing(), rows)


def begin(connection: Connection, run: RunRecord) -> None:
    """Enters a run; one that is there already stays as it is."""
    insert_new(connection, tables.runs, [asdict(run)])


def finish(connection: Connection, run_id: str, exit_code: int, run_sha256: str, at: dt.datetime) -> None:
    """Notes how a run ended."""
    ended = tables.runs.update().where(tables.runs.c.id == run_id)
    done = connection.execute(ended.values(exit_code=exit_code, run_sha256=run_sha256, finished=at))
    if not done.rowcount:
        raise StoreError(f"the run {run_id} is not in the store: begin it before it is finished")


def runs(
    connection: Connection, aoi: str | None, since: dt.date | None, until: dt.date | None
) -> tuple[RunRecord, ...]:
    """Runs by night, the first first."""
    c = tables.runs.c
    wanted = [] if aoi is None else [c.aoi == aoi]
    wanted += [] if since is None else [c.night >= since]
    wanted += [] if until is None else [c.night <= until]
    found = connection.execute(tables.runs.select().where(*wanted).order_by(c.night, c.started, c.id)).mappings()
    return tuple(RunRecord(**row) for row in found)


def cover(connection: Connection, rows: Sequence[CoverageRecord]) -> None:
    """Enters coverage; rows that are there already stay as they are."""
    c = tables.coverage.c
    known = {
        tuple(row)
        for run_id in sorted({row.run_id for row in rows})
        for row in connection.execute(sa.select(c.run_id, c.aoi, c.block, c.role, c.day).where(c.run_id == run_id))
    }
    fresh = {(row.run_id, row.aoi, row.block, row.role, row.day): row for row in rows}
    first = int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(c.id), 0))).scalar_one()) + 1
    new = [row for key, row in fresh.items() if key not in known]
    # asdict would copy the geometry point by point
    entries = [{"id": first + n, **{name: getattr(row, name) for name in _COVERAGE}} for n, row in enumerate(new)]
    if entries:
        connection.execute(tables.coverage.insert(), entries)
        places.put(connection, "coverage", [(entry["id"], entry["geometry"]) for entry in entries])


_COVERAGE = ["run_id", "aoi", "block", "role", "day", "observed", "cloudy", "snow", "no_scene", "failed", "geometry"]


def covered(connection: Connection, aoi: str, since: dt.date, until: dt.date) -> Iterator[CoverageRecord]:
    """Coverage of an AOI by day and block."""
    c = tables.coverage.c
    asked = tables.coverage.select().where(c.aoi == aoi, c.day >= since, c.day <= until)
    asked = asked.order_by(c.day, c.block, c.role, c.id).execution_options(yield_per=1000)
    found = connection.execute(asked)
    for row in found.mappings():
        yield CoverageRecord(**{name: row[name] for name in _COVERAGE})


def remember(connection: Connection, scenes: Sequence[SeenScene]) -> None:
    """Notes the scenes that blocks have been worked with."""
    insert_new(connection, tables.seen_scenes, [asdict(scene) for scene in scenes])


def seen_scenes(connection: Connection, aoi: str, block: str) -> frozenset[str]:
    """Ids of the scenes that a block has been worked with."""
    c = tables.seen_scenes.c
    return frozenset(connection.execute(sa.select(c.scene_id).where(c.aoi == aoi, c.block == block)).scalars())

"""Rows of the store as the chain knows them: the same digest in SQLite and in PostGIS, whatever was done to the row.

Values are read as the database has them: a damaged geometry or JSON text must end in a wrong digest, never in an error
of the library that was to read it.
"""

import datetime as dt
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from leads.evidence.link import canonical, sha256_of
from leads.store import tables
from leads.store.types import Ground, Moment

CHUNK = 2_000
"""Rows that are read at a time."""


@dataclass(frozen=True)
class Facts:
    """A table whose rows are recorded, or some of its columns."""

    table: sa.Table
    thing: str
    """What messages call a row."""

    clocks: frozenset[str] = frozenset()
    """Columns that say when this program was at work; a night that is repeated has others."""

    part: str = ""
    """Name of the columns that are recorded together; empty where all of them are."""

    columns: frozenset[str] = frozenset()
    """Those columns; all but the clocks where none is named."""

    @property
    def kind(self) -> str:
        """Of its items."""
        return f"row.{self.table.name}.{self.part}" if self.part else f"row.{self.table.name}"

    @property
    def key(self) -> sa.Column[Any]:
        """Its number."""
        return next(iter(self.table.primary_key.columns))


FACTS = (
    Facts(tables.looks, "look"),
    Facts(tables.observations, "observation"),
    Facts(tables.coverage, "coverage row"),
    Facts(tables.reviews, "review"),
    Facts(tables.outlines, "outline"),
    Facts(tables.case_events, "case event"),
    Facts(tables.recoveries, "recovery"),
    Facts(tables.inboxes, "inbox", frozenset({"created"})),
    Facts(tables.attachments, "attachment"),
)
"""In the order in which writers come to them, so that locks taken one after the other block nobody for ever."""

_DESK = frozenset({"status", "reason", "reviewer", "remark", "version", "judged", "rejected_for"})
"""Columns of a lead that a verdict sets, all of them each time."""

LEADS = Facts(
    tables.leads, "lead", part="seen",
    columns=frozenset(tables.leads.c.keys()) - _DESK - {"created", "updated"},
)  # fmt: skip
"""What looks made of a lead; only nights change it."""

DESK = Facts(tables.leads, "verdict on lead", part="desk", columns=_DESK)
"""What people made of it. Recorded apart, so that a verdict explains its own columns and nothing else."""

CASES = Facts(tables.cases, "case", frozenset({"created", "updated"}))
RUNS = Facts(tables.runs, "run", frozenset({"started", "finished"}))
STATES = (LEADS, DESK, CASES, RUNS)
"""Tables whose rows change: each state that a row had when something was recorded has an item; the last one counts."""


def name_of(number: int) -> str:
    """A fact's name in the chain; text that sorts as numbers do."""
    return f"{number:012d}"


def collated(column: sa.ColumnElement[str], dialect: str) -> sa.ColumnElement[str]:
    """Text by its bytes, in every database."""
    return sa.collate(column, "C" if dialect == "postgresql" else "BINARY")


def raw(column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[Any]:
    """A column as the database has it. SQLite's text comes as bytes: it need not be text any more."""
    if dialect == "postgresql":
        return column
    if isinstance(column.type, sa.Integer | sa.Float | sa.Boolean):
        return sa.type_coerce(column, sa.types.NullType()).label(getattr(column, "name", None))
    return sa.cast(column, sa.LargeBinary).label(getattr(column, "name", None))


def told(value: Any, type_: Any) -> Any:
    """A value as plain JSON has it, the same from either database."""
    if value is None:
        return None
    if isinstance(type_, Ground):
        return (bytes(value) if isinstance(value, bytes) else shapely.to_wkb(value, byte_order=1)).hex()
    if isinstance(type_, sa.JSON):
        return _document(value)
    if isinstance(type_, sa.Boolean):
        return bool(value) if value in (0, 1) else str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(type_, Moment):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, dt.date):
        return value.isoformat()
    return _plain(value)


def _document(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {"damaged": value.hex()}
    return _plain(value)


def _plain(value: Any) -> Any:
    """Numbers alike: PostgreSQL writes 1e22 as a whole number, and keeps no negative zero in JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return repr(value)
        return int(value) if value.is_integer() else value
    return value


def digest_of(facts: Facts, row: Mapping[Any, Any], beside: object = None) -> str:
    """sha256 of a row.

    Args:
        facts: its table.
        row: raw values by column.
        beside: what belongs to the row and lies elsewhere; plain.
    """
    left_out = facts.clocks
    if facts.table.name == "outlines" and told(row["kind"], facts.table.c.kind.type) == "machine":
        left_out |= {"made_at"}  # an analyst's moment is a fact, the program's is a clock
    wanted = facts.columns or frozenset(facts.table.columns.keys()) - left_out
    columns = [column for column in facts.table.columns if column.name in wanted]
    values = {column.name: told(row[column.name], column.type) for column in columns}
    return sha256_of(canonical([facts.kind, values, beside]))


_FRESH = dict.fromkeys(_DESK, "") | {"status": "new", "version": 1, "judged": None}
UNTOUCHED = digest_of(DESK, _FRESH, [])
"""The verdict on a lead that nobody has looked at yet: it has no record of its own."""


def as_judged(row: Mapping[Any, Any], review: Mapping[Any, Any]) -> str:
    """The digest of a verdict as a review of the lead leaves it (`leads.store.reviews`, and the desk's trigger).

    Args:
        row: of the lead, raw.
        review: of the review, raw.
    """
    rejected = told(review["status"], tables.reviews.c.status.type) == "rejected"
    left = {name: review[name] for name in ("status", "reason", "reviewer", "remark")}
    left |= {"version": int(review["base_version"]) + 1, "judged": row["geometry"] if rejected else None}
    return digest_of(DESK, left | {"rejected_for": review["reason"] if rejected else ""}, [])


def after(connection: Connection, facts: Facts, number: int) -> Iterator[tuple[int, RowMapping]]:
    """Rows of facts beyond a number, a part at a time: others may be written meanwhile in the same transaction."""
    asked = sa.select(*(raw(column, connection.dialect.name) for column in facts.table.columns)).order_by(facts.key)
    while True:
        rows = connection.execute(asked.where(facts.key > number).limit(CHUNK)).mappings().all()
        for row in rows:
            number = int(row[facts.key.name])
            yield number, row
        if len(rows) < CHUNK:
            return


def states(
    connection: Connection, facts: Facts, ids: Sequence[str] | None = None
) -> Iterator[tuple[str, RowMapping, str]]:
    """(id, raw row, digest) of rows that change, by id: all of them, or some. Runs that are at work have no state."""
    dialect = connection.dialect.name
    key = collated(facts.table.c.id, dialect)
    asked = sa.select(*(raw(column, dialect) for column in facts.table.columns)).order_by(key).limit(CHUNK)
    if facts is RUNS:
        asked = asked.where(facts.table.c.finished.is_not(None))
    last: str | None = None
    parts = None if ids is None else [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
    while True:
        if parts is None:
            some = asked if last is None else asked.where(key > last)
        elif parts:
            some = asked.where(facts.table.c.id.in_(parts.pop(0)))
        else:
            return
        rows = connection.execute(some).mappings().all()
        beside = _beside(connection, facts, rows)
        for row in rows:
            last = str(told(row["id"], facts.table.c.id.type))
            yield last, row, digest_of(facts, row, beside.get(last, []))
        if parts is None and len(rows) < CHUNK:
            return


def _beside(connection: Connection, facts: Facts, rows: Sequence[RowMapping]) -> dict[str, list[Any]]:
    """Which observations belong to leads, and which leads to cases."""
    found: dict[str, list[Any]] = {}
    if facts is not LEADS and facts is not CASES:
        return found
    ids = {row["number" if facts is LEADS else "id"]: str(told(row["id"], sa.Text())) for row in rows}
    if facts is LEADS:
        c = tables.links.c
        asked = sa.select(c.lead, c.observation_id).where(c.lead.in_(list(ids))).order_by(c.lead, c.observation_id)
    else:
        d = tables.case_leads.c
        asked = sa.select(d.case_id, d.lead_id).where(d.case_id.in_(list(ids.values()))).order_by(d.case_id, d.lead_id)
        ids = {name: name for name in ids.values()}
    for owner, one in connection.execute(asked):
        found.setdefault(ids[owner], []).append(one)
    return {name: sorted(values) for name, values in found.items()}

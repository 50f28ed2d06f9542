"""What the chain says of rows, and what explains a row that is another by now."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from leads.evidence.rows import CHUNK, DESK, FACTS, UNTOUCHED, Facts, as_judged, raw, told
from leads.store import tables
from leads.store.errors import StoreError

_REVIEWS = next(facts for facts in FACTS if facts.thing == "review")
_SAID = ("lead_id", "base_version", "status", "reason", "remark", "reviewer")


def covered(connection: Connection, facts: Facts) -> str | None:
    """The last name of a table's rows that the chain knows; None if none."""
    c = tables.evidence.c
    name: str | None = connection.execute(sa.select(sa.func.max(c.name)).where(c.kind == facts.kind)).scalar()
    return name


def mark(connection: Connection, facts: Facts) -> int:
    """The number of the last row of facts that is recorded; 0 before the first.

    Raises:
        StoreError: if the chain's own record of it is no number.
    """
    name = covered(connection, facts) or "0"
    if not name.isdecimal():
        raise StoreError(f"the evidence of {facts.thing}s was tampered with: weixun leads verify says where")
    return int(name)


def last_recorded(connection: Connection, facts: Facts, names: Sequence[str]) -> dict[str, str]:
    """sha256 of the state that was recorded last, by name."""
    c = tables.evidence.c
    found: dict[str, str] = {}
    for start in range(0, len(names), CHUNK):
        some = c.name.in_(names[start : start + CHUNK])
        asked = sa.select(c.name, c.sha256).where(c.kind == facts.kind, some).order_by(c.seq)
        found |= {name: digest for name, digest in connection.execute(asked)}
    return found


def new_verdicts(connection: Connection, ids: Sequence[str] | None = None) -> dict[str, Mapping[Any, Any]]:
    """The newest review that is not recorded yet, by lead: of all leads, or of some."""
    c = tables.reviews.c
    columns = [raw(c[name], connection.dialect.name) for name in _SAID]
    asked = sa.select(*columns).where(c.id > mark(connection, _REVIEWS)).order_by(c.id)
    parts: Iterable[sa.Select[Any]] = [asked]
    if ids is not None:
        parts = (asked.where(c.lead_id.in_(ids[start : start + CHUNK])) for start in range(0, len(ids), CHUNK))
    rows = (row for part in parts for row in connection.execute(part).mappings())
    return {str(told(row["lead_id"], sa.Text())): row for row in rows}


def holds(facts: Facts, row: RowMapping, digest: str, known: str | None, verdict: Mapping[Any, Any] | None) -> bool:
    """Whether a lead's row is as it was recorded, or as a verdict that is not recorded yet leaves it.

    Args:
        facts: `LEADS` or `DESK`.
        row: raw.
        digest: of the row.
        known: that was recorded last; None where nothing was.
        verdict: the lead's newest that is not recorded yet.
    """
    if facts is not DESK:
        return digest == known
    return digest == (known or UNTOUCHED) or (verdict is not None and digest == as_judged(row, verdict))

"""The store's own rows in the chain: a look, a score, an outline, a verdict changed later does not go unseen."""

import datetime as dt
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leads.evidence.chain import Ledger, write_part
from leads.evidence.link import Item
from leads.evidence.rows import CASES, CHUNK, FACTS, LEADS, RUNS, Facts, after, digest_of, name_of, states, told
from leads.store import tables
from leads.store.errors import StoreError

_MARGIN = dt.timedelta(days=1)
"""A machine's clock may be set back; by more than this it hardly is."""


def append_store_rows(ledger: Ledger, run_id: str) -> str:
    """Puts every row of the store that is not covered yet at the end of the chain.

    To be called after whatever writes the store: a night, the import of a review, work on a case. Called twice it adds
    nothing the second time.

    Args:
        ledger: of the store.
        run_id: under which the rows are recorded; a run that has a part already gets a further one.

    Returns:
        The head of the chain.

    Raises:
        StoreLockedError: if another program holds the store; the rows are covered the next time then.
    """
    with ledger.store.writing(alone=True) as connection:
        if connection.dialect.name == "postgresql":
            # Numbers are drawn before rows are committed: without this a row could come to light below the mark.
            for facts in (*FACTS, CASES):
                connection.execute(sa.text(f"LOCK TABLE {facts.table.name} IN SHARE MODE"))
        return write_part(connection, run_id, _uncovered(connection), ledger.signer)


def covered(connection: Connection, facts: Facts) -> str | None:
    """The last name of a table's rows that the chain knows; None if none."""
    c = tables.evidence.c
    name: str | None = connection.execute(sa.select(sa.func.max(c.name)).where(c.kind == facts.kind)).scalar()
    return name


def _mark(connection: Connection, facts: Facts) -> int:
    name = covered(connection, facts) or "0"
    if not name.isdecimal():
        raise StoreError(f"the evidence of {facts.thing}s was tampered with: weixun leads verify says where")
    return int(name)


def _uncovered(connection: Connection) -> Iterator[Item]:
    first = covered(connection, LEADS) is None
    touched: set[str] = set()
    new_looks = False
    for facts in FACTS:
        for number, row in after(connection, facts, _mark(connection, facts)):
            if facts.thing in ("review", "outline"):
                touched.add(str(told(row["lead_id"], sa.Text())))
            new_looks |= facts.thing == "look"
            yield Item(facts.kind, name_of(number), digest_of(facts, row))
    ids = None if first else sorted(touched | (_lately(connection) if new_looks else set()))
    yield from _new_states(connection, LEADS, ids)
    yield from _new_states(connection, CASES, None)
    yield from _new_states(connection, RUNS, None)


def _lately(connection: Connection) -> set[str]:
    """Leads that were written since the last part, or shortly before."""
    newest = connection.execute(sa.select(sa.func.max(tables.heads.c.created))).scalar()
    c = tables.leads.c
    asked = sa.select(c.id) if newest is None else sa.select(c.id).where(c.updated >= newest - _MARGIN)
    return set(connection.execute(asked).scalars())


def _new_states(connection: Connection, facts: Facts, ids: list[str] | None) -> Iterator[Item]:
    """The states that differ from those recorded last."""
    batch: list[tuple[str, str]] = []
    for name, _, digest in states(connection, facts, ids):
        batch.append((name, digest))
        if len(batch) == CHUNK:
            yield from _changed(connection, facts, batch)
            batch = []
    yield from _changed(connection, facts, batch)


def _changed(connection: Connection, facts: Facts, batch: list[tuple[str, str]]) -> Iterator[Item]:
    c = tables.evidence.c
    names = [name for name, _ in batch]
    asked = sa.select(c.name, c.sha256).where(c.kind == facts.kind, c.name.in_(names)).order_by(c.seq)
    known = {name: digest for name, digest in connection.execute(asked)}
    for name, digest in batch:
        if known.get(name) != digest:
            yield Item(facts.kind, name, digest)

"""The store's own rows in the chain: a look, a score, an outline, a verdict changed later does not go unseen.

Facts are recorded once. A state (a lead, a case, a run) is recorded again only where something that is itself a fact
says why it is another: a night records the leads that it changed in its own transaction (`leads.evidence.witness`), as
does work on a case; here verdicts explain what they set. Whatever else differs is left as it was recorded, so that
`weixun leads verify` names it, today and after any number of nights.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leads.evidence.chain import Ledger, write_part
from leads.evidence.link import Item
from leads.evidence.recorded import covered, holds, last_recorded, mark, new_verdicts
from leads.evidence.rows import (
    CASES,
    CHUNK,
    DESK,
    FACTS,
    LEADS,
    RUNS,
    UNTOUCHED,
    Facts,
    after,
    digest_of,
    name_of,
    states,
)


def append_store_rows(ledger: Ledger, run_id: str) -> str:
    """Puts every fact of the store that is not recorded yet at the end of the chain, and the states that they explain.

    To be called after whatever writes the store: a night, the import of a review, photos. Called twice it adds nothing
    the second time.

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


def new_facts(connection: Connection, facts: Facts) -> Iterator[Item]:
    """Rows beyond those that are recorded."""
    for number, row in after(connection, facts, mark(connection, facts)):
        yield Item(facts.kind, name_of(number), digest_of(facts, row))


def all_states(connection: Connection, facts: Facts) -> Iterator[Item]:
    """Every row as it is: where none was ever recorded."""
    for name, _, digest in states(connection, facts):
        if facts is not DESK or digest != UNTOUCHED:
            yield Item(facts.kind, name, digest)


def begun(connection: Connection) -> bool:
    """Whether leads were ever recorded in this store."""
    return covered(connection, LEADS) is not None


def _uncovered(connection: Connection) -> Iterator[Item]:
    verdicts = new_verdicts(connection)
    for facts in FACTS:
        yield from new_facts(connection, facts)
    if not begun(connection):
        yield from all_states(connection, LEADS)
        yield from all_states(connection, DESK)
    else:
        ids = sorted(verdicts)
        known = last_recorded(connection, DESK, ids)
        for name, row, digest in states(connection, DESK, ids):
            last = known.get(name)
            if digest != (last or UNTOUCHED) and holds(DESK, row, digest, last, verdicts[name]):
                yield Item(DESK.kind, name, digest)
    if covered(connection, CASES) is None:
        yield from all_states(connection, CASES)
    yield from _ended_runs(connection)


def _ended_runs(connection: Connection) -> Iterator[Item]:
    """Runs that have ended since; what a run ended as never changes."""
    batch: list[tuple[str, str]] = []
    for name, _, digest in states(connection, RUNS):
        batch.append((name, digest))
        if len(batch) == CHUNK:
            yield from _unknown(connection, batch)
            batch = []
    yield from _unknown(connection, batch)


def _unknown(connection: Connection, batch: list[tuple[str, str]]) -> Iterator[Item]:
    known = last_recorded(connection, RUNS, [name for name, _ in batch])
    yield from (Item(RUNS.kind, name, digest) for name, digest in batch if name not in known)

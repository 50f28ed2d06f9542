"""The ledger: every run appends what it was made of and what it gave; nothing is ever taken out.

Each run is a part of one chain: its first link follows the head of the run before it, its last link is its head. Who
knows a head (it stands in the bulletin) can tell whether anything up to it was changed or is gone.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leads.evidence.link import GENESIS, Item, link, opening
from leads.evidence.sign import Signer, Verifier
from leads.evidence.verify import Verification, verify
from leads.store import tables
from leads.store.store import Store

__all__ = ["GENESIS", "Item", "Ledger", "Verification", "link", "write_part"]

_BATCH = 1_000


@dataclass(frozen=True)
class Ledger:
    """The chain in a store."""

    store: Store
    signer: Signer | None = None
    """Signs each head; None leaves them unsigned."""

    def append(self, run_id: str, items: Sequence[Item]) -> str:
        """Puts what belongs to a run at the end of the chain.

        A run that has exactly these items already stays as it is: a night that goes on after a crash appends nothing
        twice. Other items for the same run become a further part of it, ``<run_id>#2``.

        Returns:
            The head of that part; the head of the chain where there are no items.

        Raises:
            StoreLockedError: if another program holds the store.
        """
        if not items:
            return self.head()
        with self.store.writing(alone=True) as connection:
            for part, head in _parts(connection, run_id):
                if _items(connection, part) == list(items):
                    return head
            return write_part(connection, run_id, items, self.signer)

    def head(self) -> str:
        """The chain's last link; `GENESIS` of an empty one."""
        with self.store.reading() as connection:
            return _last(connection)[1]

    def verify(
        self,
        home: Path,
        head: str | None = None,
        key: Verifier | None = None,
        step: Callable[[], None] = lambda: None,
    ) -> Verification:
        """Holds the chain, the files kept and the store's rows against each other, streaming.

        Args:
            home: whose ``evidence`` the files are in.
            head: one that was noted elsewhere: everything up to it must be there.
            key: that signed the heads.
            step: called once for every `leads.evidence.verify.STEP` things checked.
        """
        return verify(self.store, home, head, key, step)


def write_part(connection: Connection, run_id: str, items: Iterable[Item], signer: Signer | None) -> str:
    """Appends a part in the transaction that is open; gives its head, or that of the chain where nothing came."""
    rest = iter(items)
    first = next(rest, None)
    number, prev_head = _last(connection)
    if first is None:
        return prev_head
    part = _free_name(connection, run_id)
    head, batch = prev_head, []
    for item in _chained(opening(part), first, rest):
        number += 1
        made = link(head, item.kind, item.name, item.sha256)
        batch.append({"seq": number, "run_id": part, **asdict(item), "prev": head, "link": made})
        head = made
        if len(batch) == _BATCH:
            connection.execute(tables.evidence.insert(), batch)
            batch = []
    if batch:
        connection.execute(tables.evidence.insert(), batch)
    signature = signer.sign(head) if signer else ""
    entry = {"run_id": part, "head": head, "prev_head": prev_head, "signature": signature}
    connection.execute(tables.heads.insert().values(**entry, created=dt.datetime.now(dt.UTC)))
    return head


def _chained(begin: Item, first: Item, rest: Iterator[Item]) -> Iterator[Item]:
    yield begin
    yield first
    yield from rest


def _last(connection: Connection) -> tuple[int, str]:
    c = tables.evidence.c
    row = connection.execute(sa.select(c.seq, c.link).order_by(c.seq.desc()).limit(1)).first()
    return (0, GENESIS) if row is None else (row.seq, row.link)


def _parts(connection: Connection, run_id: str) -> list[tuple[str, str]]:
    c = tables.heads.c
    mine = sa.or_(c.run_id == run_id, c.run_id.startswith(f"{run_id}#", autoescape=True))
    return [(part, head) for part, head in connection.execute(sa.select(c.run_id, c.head).where(mine))]


def _free_name(connection: Connection, run_id: str) -> str:
    taken = {part for part, _ in _parts(connection, run_id)}
    number = len(taken) + 1
    while (name := run_id if number == 1 else f"{run_id}#{number}") in taken:
        number += 1
    return name


def _items(connection: Connection, part: str) -> list[Item]:
    c = tables.evidence.c
    rows = connection.execute(sa.select(c.kind, c.name, c.sha256).where(c.run_id == part).order_by(c.seq))
    return [Item(*row) for row in rows][1:]

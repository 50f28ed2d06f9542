"""Holds the chain, the kept files and the store's rows against each other, and names the first thing that is amiss."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping
from sqlalchemy.exc import DBAPIError

from leads.errors import OutputError
from leads.evidence.keep import file_sha256, kept_path, named_by_row
from leads.evidence.link import ALTERED, GENESIS, link, opening
from leads.evidence.rowcheck import RowCheck
from leads.evidence.rows import Facts, raw, told
from leads.evidence.sign import Verifier
from leads.store import tables
from leads.store.errors import StoreError, StoreLockedError
from leads.store.store import Store

STEP = 500
"""Things between two reports of progress."""

_MOST_NAMED = 1_000
_CHUNK = 2_000


@dataclass(frozen=True)
class Verification:
    """What a verification found."""

    ok: bool
    first_broken: str
    """One sentence that names the run and the thing; empty where nothing is amiss."""

    checked: int
    """Records of the chain."""

    missing: tuple[str, ...]
    """Files of the evidence that are gone, as they lie in the home."""

    runs: int = 0
    files: int = 0
    rows: int = 0
    pending: int = 0
    """Rows of the store that no run has recorded yet: a review since the last night, say."""

    signed: int = 0
    """Heads whose signature was checked."""

    last_signed: str = ""
    """The last run with such a head: it vouches for all before it."""

    head: str = GENESIS
    """Where the chain ends."""

    altered: tuple[str, ...] = ()
    """Rows that a run found changed by hand before it wrote them: the run says so in the chain, for good."""


def verify(
    store: Store, home: Path, head: str | None, key: Verifier | None, step: Callable[[], None] = lambda: None
) -> Verification:
    """As `leads.evidence.chain.Ledger.verify`.

    Raises:
        StoreLockedError: if another program holds the store.
    """
    walk = _Walk(home, key, step)
    try:
        with store.reading() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            else:
                walk.whole(connection)
            if walk.chain(connection, head):
                walk.rows(connection)
    except StoreLockedError:
        raise
    except (StoreError, DBAPIError) as error:
        if store.engine.dialect.name != "sqlite":
            raise
        # SQLite can not read what is in its own file: text that is none, pages that are not where they were.
        walk.amiss(f"{store.name} is damaged where it was read ({' '.join(str(error).split())[:200]})")
    return walk.result()


def count(store: Store) -> int:
    """How many steps a verification reports, about."""
    with store.reading() as connection:
        records = connection.execute(sa.select(sa.func.count()).select_from(tables.evidence)).scalar_one()
    return 2 * int(records) // STEP


@dataclass
class _Walk:
    home: Path
    key: Verifier | None
    step: Callable[[], None]
    broken: str = ""
    missing: list[str] = field(default_factory=list)
    checked: int = 0
    files: int = 0
    heads: set[str] = field(default_factory=set)
    last: str = GENESIS
    signed: int = 0
    last_signed: str = ""
    row_check: RowCheck | None = None
    altered: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def amiss(self, what: str) -> None:
        self.broken = self.broken or what

    def result(self) -> Verification:
        rows = self.row_check
        broken = self.broken or next(iter(self.altered), "")
        return Verification(
            not broken, broken, self.checked, tuple(self.missing), len(self.heads), self.files,
            rows.checked if rows else 0, rows.pending if rows else 0, self.signed, self.last_signed, self.last,
            tuple(self.altered),
        )  # fmt: skip

    # --- the database itself ---------------------------------------------------------------------------------------

    def whole(self, connection: Connection) -> None:
        """SQLite's own check: indices that do not fit their tables hide rows from a query."""
        said = str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar())
        if said != "ok":
            self.amiss(f"the database file is damaged: {' '.join(said.split())[:200]}")

    # --- the chain ---------------------------------------------------------------------------------------------------

    def chain(self, connection: Connection, head: str | None) -> bool:
        """Every link, every file, every head; whether the links hold, so that going on makes sense."""
        heads = {
            _text(row["run_id"]): {name: _text(row[name]) for name in ("head", "prev_head", "signature")}
            for row in _raw(connection, tables.heads, ("run_id", "head", "prev_head", "signature"))
        }
        part, begun = "", GENESIS
        expected = 1
        for row in _records(connection):
            seq, name = int(row["seq"]), f"run {_text(row['run_id'])}: {_called(row)}"
            if seq != expected:
                return self._stop(f"{_between(expected, seq, part)} taken out of the chain")
            fresh = _text(row["run_id"]) != part
            if fresh and not self._close(heads, part, begun):
                return False
            if _text(row["prev"]) != self.last:
                return self._stop(f"{name} does not follow the record before it: records were changed or moved")
            made = link(self.last, *(_text(row[column]) for column in ("kind", "name", "sha256")))
            if made != _text(row["link"]):
                return self._stop(f"{name} was changed in the chain itself (record {seq})")
            if fresh:
                part, begun = _text(row["run_id"]), self.last
                first = opening(part)
                if (first.kind, first.name, first.sha256) != tuple(_text(row[c]) for c in ("kind", "name", "sha256")):
                    return self._stop(f"{name} was given to another run (record {seq})")
            self.last, expected = made, seq + 1
            self._check_item(part, row)
            self._count()
        if not self._close(heads, part, begun):
            return False
        extra = sorted(set(heads) - self.heads)
        if extra:
            return self._stop(f"run {extra[0]}: its records were taken out of the chain, its head is still there")
        return self._hold_against(head, heads)

    def _close(self, heads: Mapping[str, Mapping[str, str]], part: str, begun: str) -> bool:
        """The end of a part: its head as it was noted."""
        if not part:
            return True
        if part in self.heads:
            return self._stop(f"run {part}: its records are in two places of the chain")
        noted = heads.get(part)
        if noted is None:
            return self._stop(f"run {part}: its head was taken out")
        if (noted["head"], noted["prev_head"]) != (self.last, begun):
            return self._stop(
                f"run {part}: its head is not what its records give: the head was changed, or records were taken out"
            )
        if self.key is not None and noted["signature"]:
            if not self.key.vouches(noted["head"], noted["signature"]):
                return self._stop(f"run {part}: its head was not signed with this key, or the signature was changed")
            self.signed, self.last_signed = self.signed + 1, part
        self.heads.add(part)
        return True

    def _hold_against(self, head: str | None, heads: Mapping[str, Mapping[str, str]]) -> bool:
        if head is None or head == GENESIS or any(noted["head"] == head for noted in heads.values()):
            return True
        ends = f"it ends with run {list(self._order(heads))[-1]}" if heads else "it is empty"
        return self._stop(
            f"the head {head[:16]}… is nowhere in the chain ({ends}): what led up to it was taken out or rewritten"
        )

    def _order(self, heads: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
        after = {noted["prev_head"]: name for name, noted in heads.items()}
        at = GENESIS
        while at in after:
            yield after[at]
            at = heads[after.pop(at)]["head"]

    def _stop(self, what: str) -> bool:
        self.amiss(what)
        return False

    def _count(self) -> None:
        self.checked += 1
        if not self.checked % STEP:
            self.step()

    # --- files -------------------------------------------------------------------------------------------------------

    def _check_item(self, part: str, row: RowMapping) -> None:
        kind, name, sha256 = (_text(row[column]) for column in ("kind", "name", "sha256"))
        if kind == ALTERED and len(self.altered) < _MOST_NAMED:
            said = "was changed by hand after it was recorded; found before it was written again"
            self.altered.append(f"run {part}: {name} {said}")
        path = kept_path(self.home, part, kind, name, sha256)
        if path is None or (kind in ("file", "review") and path.as_posix() in self._seen):
            return
        if kind in ("file", "review"):
            self._seen.add(path.as_posix())
        self._held(part, path, sha256)

    def _named(self, run: str, facts: Facts, row: RowMapping) -> None:
        """The file that a row of the store names: an inbox as it was handed out, a photo."""
        if "sha256" not in facts.table.c or "name" not in facts.table.c:
            return
        name, sha256 = _text(row["name"]), _text(row["sha256"])
        path = named_by_row(self.home, facts.table.name, name, sha256)
        if path is not None:
            self._held(run, path, sha256)

    def _held(self, part: str, path: Path, sha256: str) -> None:
        self.files += 1
        place = path.relative_to(self.home).as_posix()
        if not path.is_file():
            self.amiss(f"run {part}: the file {place} is gone")
            if len(self.missing) < _MOST_NAMED:
                self.missing.append(place)
            return
        try:
            found = file_sha256(path)
        except OutputError as error:
            self.amiss(f"run {part}: {error}")
            return
        if found != sha256:
            self.amiss(f"run {part}: the file {place} was changed after it was recorded")

    # --- rows --------------------------------------------------------------------------------------------------------

    def rows(self, connection: Connection) -> None:
        """Every row of the store that the chain knows, and those that it does not."""
        self.row_check = RowCheck(connection, self.step, STEP, self._named)
        self.amiss(self.row_check.run())


def _records(connection: Connection) -> Iterator[RowMapping]:
    dialect = connection.dialect.name
    c = tables.evidence.c
    asked = sa.select(*(raw(column, dialect) for column in c)).order_by(c.seq).limit(_CHUNK)
    last = None
    while True:
        rows = connection.execute(asked if last is None else asked.where(c.seq > last)).mappings().all()
        yield from rows
        if len(rows) < _CHUNK:
            return
        last = rows[-1]["seq"]


def _raw(connection: Connection, table: sa.Table, names: tuple[str, ...]) -> Iterator[RowMapping]:
    columns = [raw(table.c[name], connection.dialect.name) for name in names]
    yield from connection.execute(sa.select(*columns)).mappings()


def _text(value: Any) -> str:
    return str(told(value, sa.Text()))


def _called(row: RowMapping) -> str:
    kind, name = _text(row["kind"]), _text(row["name"])
    table = kind.removeprefix("row.")
    return f"the record of {table} {name.lstrip('0') or name}" if table != kind else f"the record of {kind} {name}"


def _between(first: int, there: int, part: str) -> str:
    where = f" (after run {part})" if part else ""
    return f"record {first}{where} was" if there == first + 1 else f"records {first} to {there - 1}{where} were"

"""Backup, restore and move: whole stores, whatever database they lie in."""

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import shapely
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leads.store import places, tables
from leads.store.errors import StoreError
from leads.store.store import Store

_CHUNK = 2_000


def backup(store: Store, out: Path) -> int:
    """Writes a store into one SQLite file, which is a store itself; a night may run meanwhile.

    Args:
        store: of either kind.
        out: must not exist.

    Returns:
        How many leads are in it.

    Raises:
        StoreError: if `out` exists, can not be written, or does not hold what the store holds.
        leads.errors.DiskFullError: if there is no room for it.
    """
    if out.exists():
        raise StoreError(f"{out} is there already: name another file, backups are never written over")
    with _whole(out) as part, Store.open(f"sqlite:///{part.resolve()}") as copy:
        return _copy(store, copy)


def restore(file: Path, url: str) -> int:
    """Fills an empty store from a backup.

    Raises:
        StoreError: if the file is no backup, or the store holds leads already.
        StoreVersionError: if a newer Weixun wrote it.
    """
    if not file.is_file():
        raise StoreError(f"{file} is not there: name the file that weixun leads backup wrote")
    with Store.open(f"sqlite:///{file.resolve()}", create=False) as saved, Store.open(url) as store:
        return _copy(saved, store)


def move(store: Store, url: str) -> int:
    """Copies a store into another, empty one; the first stays as it is.

    Raises:
        StoreError: if the other holds leads already or is the same.
    """
    with Store.open(url) as other:
        if other.name == store.name:
            raise StoreError(f"{store.name} is where the store lies now: name another address")
        return _copy(store, other)


def _copy(source: Store, target: Store) -> int:
    """All rows in one transaction; what was read is held against what was written."""
    with source.reading() as reads, target.writing(alone=True) as writes:
        if reads.dialect.name == "postgresql":
            reads.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        for table in tables.metadata.sorted_tables:
            if writes.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
                raise StoreError(f"{target.name} holds data already: name an empty store, or move that one away first")
        for table in tables.metadata.sorted_tables:
            read, written = _copy_table(reads, writes, table), _digest(writes, table)
            if read != written:
                raise StoreError(f"{target.name}: the table {table.name} did not arrive whole; nothing was written")
        count = writes.execute(sa.select(sa.func.count()).select_from(tables.leads)).scalar_one()
        _set_counters(writes)
    return int(count)


def _copy_table(reads: Connection, writes: Connection, table: sa.Table) -> str:
    digest = hashlib.sha256()
    for rows in _chunks(reads, table):
        for row in rows:
            digest.update(_told(row))
        entries = [dict(zip(table.columns.keys(), row, strict=True)) for row in rows]
        writes.execute(table.insert(), entries)
        if table.name in tables.PLACED:
            key = next(iter(table.primary_key.columns)).name
            places.put(writes, table.name, [(entry[key], entry[tables.PLACED[table.name]]) for entry in entries])
    return digest.hexdigest()


def _digest(connection: Connection, table: sa.Table) -> str:
    digest = hashlib.sha256()
    for rows in _chunks(connection, table):
        for row in rows:
            digest.update(_told(row))
    return digest.hexdigest()


def _told(row: sa.Row[tuple[object, ...]]) -> bytes:
    return repr([_plain(one) for one in row]).encode()


def _plain(value: object) -> object:
    if isinstance(value, shapely.Geometry):
        return shapely.to_wkb(value)
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True)  # PostgreSQL keeps no order of keys
    return value


def _chunks(connection: Connection, table: sa.Table) -> Iterator[list[sa.Row[tuple[object, ...]]]]:
    keys = list(table.primary_key.columns)
    # the same order in every database: text by its bytes
    order = [
        sa.collate(key, "C" if connection.dialect.name == "postgresql" else "BINARY")
        if isinstance(key.type, sa.Text)
        else key
        for key in keys
    ]
    result = connection.execute(table.select().order_by(*order).execution_options(yield_per=_CHUNK))
    for rows in result.partitions(_CHUNK):
        yield list(rows)


def _set_counters(connection: Connection) -> None:
    """PostgreSQL numbers new rows from a counter of its own."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables.metadata.sorted_tables:
        keys = list(table.primary_key.columns)
        if len(keys) == 1 and isinstance(keys[0].type, sa.Integer) and keys[0].autoincrement is not False:
            counter = connection.execute(
                sa.text("SELECT pg_get_serial_sequence(:table, :key)"), {"table": table.name, "key": keys[0].name}
            ).scalar()
            if counter:
                top = sa.select(sa.func.coalesce(sa.func.max(keys[0]), 0)).scalar_subquery()
                connection.execute(sa.select(sa.func.setval(counter, top + 1, False)))


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """A hidden name beside a file; it becomes the file when the block ends without an error."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{file.parent} can not be made ({error.strerror}): name another folder") from error
    part = file.with_name(f".{file.name}-{secrets.token_hex(4)}.part")
    try:
        yield part
        part.replace(file)
    finally:
        for end in ("", "-wal", "-shm"):
            part.with_name(part.name + end).unlink(missing_ok=True)

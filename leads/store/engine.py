"""Connections to SQLite and PostgreSQL, and their errors in our words."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from leads.store.errors import DiskFullError, StoreError, StoreLockedError

WAIT_S = 30.0
"""How long to wait for another writer."""

_NIGHT_LOCK = 0x7765_6978
"""Key of the advisory lock that lets one night at a time write to a PostgreSQL store."""


def parsed(url: str) -> URL:
    """The URL of a store.

    Raises:
        StoreError: if it is none, or of a database that Weixun does not use.
    """
    try:
        found = make_url(url)
    except ArgumentError:
        found = None
    if found is None or found.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(
            "the store's address is not understood: use sqlite:////absolute/path/store.sqlite or "
            "postgresql+psycopg://user@host/database"
        )
    if found.get_backend_name() == "postgresql":
        return found.set(drivername="postgresql+psycopg")
    if not found.database or found.database == ":memory:":
        raise StoreError("a store in memory would be lost: name a file, sqlite:////absolute/path/store.sqlite")
    return found


def name_of(url: URL) -> str:
    """How messages call a store; never with a password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"postgresql://{url.host or url.query.get('host') or 'localhost'}/{url.database or ''}"


def connect(url: URL, wait_s: float, read_only: bool) -> Engine:
    """An engine whose connections are set up as the store needs them."""
    if url.get_backend_name() == "postgresql":
        options = (
            f"-c lock_timeout={int(wait_s * 1000)} -c timezone=UTC -c default_transaction_isolation=read\\ committed"
        )
        if read_only:
            options += " -c default_transaction_read_only=on"
        return sa.create_engine(url, pool_pre_ping=True, connect_args={"options": options, "connect_timeout": 10})
    arguments: dict[str, Any] = {"timeout": wait_s}
    if read_only:
        # without a journal beside it the file is whole, and can be read where nothing may be written
        url = url.set(database=f"file:{url.database}", query={"mode": "ro", "immutable": "1", "uri": "true"})
    engine = sa.create_engine(url, connect_args=arguments)
    event.listen(engine, "connect", _set_up_read_only if read_only else _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transaction of its own; `_begin` does
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "trusted_schema=OFF",
        "cache_size=-65536",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _set_up_read_only(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA trusted_schema=OFF")


def _begin(connection: Connection) -> None:
    """A writer takes the lock at once: two that read first and write later would both fail."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Turns what a database reports into our errors; what is a fault of ours passes."""
    try:
        yield
    except DBAPIError as error:
        told = _told(name, error.orig) if error.orig is not None else None
        if told is None:
            raise
        raise told from error


@contextmanager
def reading(engine: Engine, name: str) -> Iterator[Connection]:
    """One transaction that only reads."""
    with speaking(name), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine, name: str, alone: bool = False) -> Iterator[Connection]:
    """One transaction that writes: all of it or nothing.

    Args:
        engine: from `connect`.
        name: for messages.
        alone: whether it must not run beside another of its kind (SQLite has one writer anyway).
    """
    with speaking(name), engine.connect().execution_options(writes=True) as connection, connection.begin():
        if alone and connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_NIGHT_LOCK)))
        yield connection


_FULL = "{name}: the disk is full; nothing of this step was written. Make room and run it again"
_LOCKED = "{name} is in use by another program and stayed so; nothing was written. Try again when it is free"
_READ_ONLY = "{name} can not be written: give this user the right to write it and its folder, or name another store"
_UNREADABLE = "{name} can not be opened: check that the path exists and that this user may read it"
_BROKEN = "{name} is damaged or is no store of Weixun: restore a backup (weixun leads restore)"
_AWAY = "{name} does not answer: check that the server runs and that the address, user and password are right"
_FORBIDDEN = "{name}: this user may not do that; ask for the role analyst or maintainer"

_SQLITE: dict[str, tuple[type[StoreError | DiskFullError], str]] = {
    "SQLITE_BUSY": (StoreLockedError, _LOCKED),
    "SQLITE_LOCKED": (StoreLockedError, _LOCKED),
    "SQLITE_FULL": (DiskFullError, _FULL),
    "SQLITE_IOERR_WRITE": (DiskFullError, _FULL),
    "SQLITE_IOERR_SHMSIZE": (DiskFullError, _FULL),
    "SQLITE_READONLY": (StoreError, _READ_ONLY),
    "SQLITE_CANTOPEN": (StoreError, _UNREADABLE),
    "SQLITE_PERM": (StoreError, _UNREADABLE),
    "SQLITE_AUTH": (StoreError, _UNREADABLE),
    "SQLITE_NOTADB": (StoreError, _BROKEN),
    "SQLITE_CORRUPT": (StoreError, _BROKEN),
    "SQLITE_IOERR": (StoreError, _BROKEN),
}
"""By the error's name, or its first part."""

_POSTGRES: dict[str, tuple[type[StoreError | DiskFullError], str]] = {
    "55P03": (StoreLockedError, _LOCKED),
    "40P01": (StoreLockedError, _LOCKED),
    "57014": (StoreLockedError, _LOCKED),
    "53100": (DiskFullError, _FULL),
    "25006": (StoreError, _READ_ONLY),
    "42501": (StoreError, _FORBIDDEN),
}


def _told(name: str, error: BaseException) -> Exception | None:
    code = getattr(error, "sqlite_errorname", None)
    if code:
        kind = _SQLITE.get(code) or _SQLITE.get("_".join(code.split("_")[:2]))
        return kind[0](kind[1].format(name=name)) if kind else None
    state = getattr(error, "sqlstate", None)
    kind = _POSTGRES.get(state or "")
    if kind:
        return kind[0](kind[1].format(name=name))
    lost = state is None or state.startswith(("08", "28", "3D", "57P"))
    if lost and type(error).__module__.startswith("psycopg") and type(error).__name__.endswith("OperationalError"):
        return StoreError(_AWAY.format(name=name))
    return StoreError(_AWAY.format(name=name)) if state and state.startswith(("08", "28", "3D", "57P")) else None

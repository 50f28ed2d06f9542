"""What the cache holds, in SQLite: several processes write it at once, and a killed one leaves it whole."""

import contextlib
import secrets
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from imagery.errors import DiskFullError, ProviderError

BUSY_S = 60
"""Seconds to wait for another process that writes."""

WRITING = "BEGIN IMMEDIATE"
"""Asks for the right to write at once: one that reads first and writes later may find that another was faster."""

_TABLES = """
CREATE TABLE IF NOT EXISTS entries (
    name TEXT PRIMARY KEY, file TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL,
    source TEXT NOT NULL, fetched TEXT NOT NULL, used REAL NOT NULL);
CREATE INDEX IF NOT EXISTS entries_used ON entries (used);
CREATE TABLE IF NOT EXISTS uses (lease TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (lease, name)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Entry:
    """One content file."""

    name: str
    """Hash of its key: keys may be long or hold what nobody should read."""

    file: str
    """Path below the cache's folder."""

    size: int
    sha256: str
    source: str
    """Where it came from, without query or signature."""

    fetched: str
    """UTC, ISO 8601."""


class Index:
    """The table of entries, and which processes alive use which."""

    def __init__(self, folder: Path) -> None:
        """Opens or makes the index of a cache; one that is damaged is dropped, and with it what it vouched for."""
        self._folder = folder
        self._file = folder / "index.sqlite"
        self._lock = threading.RLock()
        self._lease = secrets.token_hex(8)
        (folder / "leases").mkdir(parents=True, exist_ok=True)
        held = FileLock(self._lease_file(self._lease), thread_local=False)
        held.acquire(timeout=0)
        with FileLock(folder / "leases" / "open"):
            try:
                self._connection = _connected(self._file)
            except sqlite3.DatabaseError:
                for file in folder.glob("index.sqlite*"):
                    file.unlink(missing_ok=True)
                self._connection = _connected(self._file)
        self.close = weakref.finalize(self, _let_go, self._connection, held)

    @contextlib.contextmanager
    def _open(self, begin: str = "") -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with self._connection:  # commits, or rolls back
                    if begin:
                        self._connection.execute(begin)
                    yield self._connection
            except sqlite3.Error as error:
                said = f"The cache in {self._folder} can not be written ({error}); "
                if "full" in str(error):
                    raise DiskFullError(said + "free some space.") from error
                raise ProviderError(said + "remove that folder, or choose another.") from error

    def find(self, name: str) -> Entry | None:
        """An entry; nothing is said about its file."""
        with self._open() as connection:
            return _found(connection, name)

    def enter(self, entry: Entry) -> Entry | None:
        """Adds an entry that this process uses from now on; the one it replaces, if any."""
        with self._open(WRITING) as connection:
            # by the same transaction: `find` would end it, and a third writer's file be forgotten in between
            old = _found(connection, entry.name)
            connection.execute(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)",
                (entry.name, entry.file, entry.size, entry.sha256, entry.source, entry.fetched, time.time()),
            )
            connection.execute("INSERT OR IGNORE INTO uses VALUES (?, ?)", (self._lease, entry.name))
        return old

    def use(self, names: Iterable[str]) -> None:
        """Notes that this process uses entries, now."""
        now = time.time()
        rows = [(name, now) for name in names]
        with self._open(WRITING) as connection:
            connection.executemany("UPDATE entries SET used = ?2 WHERE name = ?1", rows)
            connection.executemany(
                "INSERT OR IGNORE INTO uses VALUES (?, ?)", [(self._lease, name) for name, _ in rows]
            )

    def drop(self, entries: Iterable[Entry]) -> None:
        """Forgets entries, unless they were replaced meanwhile."""
        rows = [(entry.name, entry.file) for entry in entries]
        with self._open(WRITING) as connection:
            connection.executemany("DELETE FROM entries WHERE name = ? AND file = ?", rows)

    def total_bytes(self) -> int:
        """Size of all entries together."""
        with self._open() as connection:
            return int(connection.execute("SELECT coalesce(sum(size), 0) FROM entries").fetchone()[0])

    def files(self) -> set[str]:
        """Paths of all entries' files below the cache's folder."""
        with self._open() as connection:
            return {row[0] for row in connection.execute("SELECT file FROM entries")}

    def unused(self) -> list[Entry]:
        """Entries that no process alive uses, least recently used first."""
        with self._open(WRITING) as connection:
            leases = [row[0] for row in connection.execute("SELECT DISTINCT lease FROM uses")]
            dead = [lease for lease in leases if lease != self._lease and not self._alive(lease)]
            connection.executemany("DELETE FROM uses WHERE lease = ?", [(lease,) for lease in dead])
            rows = connection.execute(
                "SELECT name, file, size, sha256, source, fetched FROM entries"
                " WHERE name NOT IN (SELECT name FROM uses) ORDER BY used"
            ).fetchall()
        return [Entry(*row) for row in rows]

    def _alive(self, lease: str) -> bool:
        """Whether the process of a lease still holds its lock: the system lets go of it when a process dies."""
        file = self._lease_file(lease)
        try:
            with FileLock(file, timeout=0):
                file.unlink(missing_ok=True)
        except Timeout:
            return True
        return False

    def _lease_file(self, lease: str) -> Path:
        return self._folder / "leases" / f"{lease}.lock"


def _found(connection: sqlite3.Connection, name: str) -> Entry | None:
    row = connection.execute(
        "SELECT name, file, size, sha256, source, fetched FROM entries WHERE name = ?", (name,)
    ).fetchone()
    return Entry(*row) if row else None


def _connected(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=BUSY_S, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_TABLES)
        connection.execute("SELECT count(*) FROM entries WHERE used < 0").fetchone()
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _let_go(connection: sqlite3.Connection, held: FileLock) -> None:
    connection.close()
    file = Path(held.lock_file)
    held.release()
    file.unlink(missing_ok=True)

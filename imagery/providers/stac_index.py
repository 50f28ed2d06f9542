"""What was listed before: items by collection, and which ground was asked about which days, and when."""

import datetime as dt
import json
import math
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from imagery.errors import ProviderError
from imagery.providers.stac_item import Kept

Cell = tuple[int, int]
"""A whole degree: west and south edge."""

_VERSION = 1
_SCHEMA = """
CREATE TABLE item (
    collection TEXT, id TEXT, day INTEGER, moment TEXT, updated TEXT, footprint BLOB,
    west REAL, south REAL, east REAL, north REAL, content TEXT, PRIMARY KEY (collection, id)
);
CREATE INDEX item_day ON item (collection, day);
CREATE TABLE listed (
    collection TEXT, x INTEGER, y INTEGER, day INTEGER, listed REAL, asked REAL,
    PRIMARY KEY (collection, x, y, day)
) WITHOUT ROWID;
CREATE TABLE dated (collection TEXT PRIMARY KEY, property TEXT);
"""


@dataclass(frozen=True)
class State:
    """When a day of a cell was listed in full, and when it was last asked about; seconds since 1970."""

    listed: float
    asked: float


@dataclass(frozen=True)
class Listing:
    """One answer of a service, as far as it is written down."""

    collection: str
    cells: frozenset[Cell]
    first: dt.date
    last: dt.date
    """UTC days, both inclusive."""

    items: tuple[Kept, ...]
    asked: float
    """When it was asked, seconds since 1970."""

    complete: bool
    """Whether it holds all there is (True), or only what is new."""


def cells_of(ground: BaseGeometry) -> frozenset[Cell]:
    """The whole degrees that a geometry in EPSG:4326 touches."""
    west, south, east, north = ground.bounds
    x, y = (
        axis.ravel() for axis in np.meshgrid(np.arange(math.floor(west), east), np.arange(math.floor(south), north))
    )
    touched = shapely.intersects(ground, shapely.box(x, y, x + 1, y + 1))
    return frozenset(zip(x[touched].astype(int).tolist(), y[touched].astype(int).tolist(), strict=True))


def ground_of(cells: Iterable[Cell]) -> BaseGeometry:
    """Whole degrees as one geometry in EPSG:4326."""
    corners = np.array(sorted(cells), float)
    return shapely.union_all(shapely.box(corners[:, 0], corners[:, 1], corners[:, 0] + 1, corners[:, 1] + 1))


@dataclass(frozen=True)
class Index:
    """A SQLite file per service; losing it costs one listing."""

    file: Path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.file, timeout=60)) as connection:
                self._prepare(connection)
                with connection:
                    yield connection
        except (sqlite3.OperationalError, OSError) as error:  # locked, disk full, not writable
            raise ProviderError(
                f"The index {self.file} of what was listed can not be used ({error}); make room, or name another home."
            ) from error
        except sqlite3.DatabaseError as error:
            self.file.unlink(missing_ok=True)
            raise ProviderError(f"The index {self.file} was damaged and is deleted; search again.") from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == _VERSION:
            return
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION:
                return  # another process was faster
            for table in ("item", "listed", "dated"):
                connection.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_VERSION}")

    def states(
        self, collection: str, cells: Collection[Cell], first: dt.date, last: dt.date
    ) -> dict[tuple[Cell, int], State]:
        """What is known of when these days of these cells were listed; days by their ordinal."""
        xs, ys = [x for x, _ in cells], [y for _, y in cells]
        with self._open() as connection:
            rows = connection.execute(
                "SELECT x, y, day, listed, asked FROM listed WHERE collection = ? "
                "AND x BETWEEN ? AND ? AND y BETWEEN ? AND ? AND day BETWEEN ? AND ?",
                (collection, min(xs), max(xs), min(ys), max(ys), first.toordinal(), last.toordinal()),
            )
            return {((x, y), day): State(listed, asked) for x, y, day, listed, asked in rows if (x, y) in cells}

    def dated_by(self, collection: str) -> str | None:
        """The property by which a collection says what is new: empty = by none, None = not yet known."""
        with self._open() as connection:
            row = connection.execute("SELECT property FROM dated WHERE collection = ?", (collection,)).fetchone()
        return None if row is None else str(row[0])

    def set_dated_by(self, collection: str, name: str) -> None:
        """Remember what `dated_by` tells."""
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO dated VALUES (?, ?)", (collection, name))

    def write(self, listing: Listing) -> None:
        """Write one answer down: what it holds is there, and, if it is complete, what it does not hold is gone."""
        first, last = listing.first.toordinal(), listing.last.toordinal()
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            if listing.complete:
                self._forget_vanished(connection, listing)
            connection.executemany(
                "INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_row, listing.items)
            )
            days = [(x, y, day) for x, y in sorted(listing.cells) for day in range(first, last + 1)]
            if listing.complete:
                rows = [(listing.collection, *place, listing.asked, listing.asked) for place in days]
                connection.executemany("INSERT OR REPLACE INTO listed VALUES (?, ?, ?, ?, ?, ?)", rows)
            else:
                connection.executemany(
                    "UPDATE listed SET asked = ? WHERE collection = ? AND x = ? AND y = ? AND day = ?",
                    [(listing.asked, listing.collection, *place) for place in days],
                )

    def _forget_vanished(self, connection: sqlite3.Connection, listing: Listing) -> None:
        """Items that lie well inside the ground asked about, but are in the answer no more."""
        inside = ground_of(listing.cells).buffer(-1e-6)  # what only touches the edge may be another's
        rows = connection.execute(
            "SELECT id, footprint FROM item WHERE collection = ? AND day BETWEEN ? AND ?",
            (listing.collection, listing.first.toordinal(), listing.last.toordinal()),
        ).fetchall()
        held = {item.id for item in listing.items}
        rows = [(name, footprint) for name, footprint in rows if name not in held]
        if not rows:
            return
        shapely.prepare(inside)
        meets = shapely.intersects(inside, shapely.from_wkb([footprint for _, footprint in rows]))
        connection.executemany(
            "DELETE FROM item WHERE collection = ? AND id = ?",
            [(listing.collection, name) for (name, _), gone in zip(rows, meets, strict=True) if gone],
        )

    def items(self, collection: str, ground: BaseGeometry, first: dt.date, last: dt.date) -> list[Kept]:
        """Items that meet a geometry on UTC days from first to last, both inclusive."""
        west, south, east, north = ground.bounds
        with self._open() as connection:
            rows = connection.execute(
                "SELECT id, moment, footprint, content FROM item WHERE collection = ? AND day BETWEEN ? AND ? "
                "AND west <= ? AND east >= ? AND south <= ? AND north >= ? ORDER BY moment, id",
                (collection, first.toordinal(), last.toordinal(), east, west, north, south),
            ).fetchall()
        if not rows:
            return []
        footprints = shapely.from_wkb([row[2] for row in rows])
        shapely.prepare(ground)
        return [
            _item(collection, row, footprint)
            for row, footprint, meets in zip(rows, footprints, shapely.intersects(ground, footprints), strict=True)
            if meets
        ]

    def find(self, collection: str, name: str) -> Kept | None:
        """One item; None if it is not known."""
        with self._open() as connection:
            row = connection.execute(
                "SELECT id, moment, footprint, content FROM item WHERE collection = ? AND id = ?", (collection, name)
            ).fetchone()
        return None if row is None else _item(collection, row, shapely.from_wkb(row[2]))


def _item(collection: str, row: tuple[str, str, bytes, str], footprint: BaseGeometry) -> Kept:
    return Kept(row[0], collection, dt.datetime.fromisoformat(row[1]), footprint, json.loads(row[3]))


def _row(item: Kept) -> tuple[object, ...]:
    return (
        item.collection, item.id, item.when.date().toordinal(), item.when.isoformat(), item.updated,
        shapely.to_wkb(item.footprint), *item.footprint.bounds,
        json.dumps(item.content, ensure_ascii=False, separators=(",", ":")),
    )  # fmt: skip

"""The spatial index: an R*Tree beside each table in SQLite, GiST over its column in PostGIS."""

import json
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from shapely.geometry.base import BaseGeometry
from sqlalchemy.engine import Connection

from leads.store.tables import PLACED, metadata

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


def create(connection: Connection, table: str, column: str) -> None:
    """Makes the index of a table."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"CREATE VIRTUAL TABLE {table}_place USING rtree(key, west, east, south, north)")
    else:
        connection.exec_driver_sql(f"CREATE INDEX ix_{table}_{column}_place ON {table} USING gist ({column})")


def put(connection: Connection, table: str, rows: Sequence[tuple[int, BaseGeometry]]) -> None:
    """Enters rows, or moves them, by key. In PostGIS the column itself is the index."""
    if connection.dialect.name != "sqlite" or not rows:
        return
    entries = [
        {"key": key, "west": west, "east": east, "south": south, "north": north}
        for key, geometry in rows
        if not geometry.is_empty
        for west, south, east, north in [geometry.bounds]
    ]
    if entries:
        connection.execute(
            sa.text(f"INSERT OR REPLACE INTO {table}_place VALUES (:key, :west, :east, :south, :north)"), entries
        )


def near(table: str, box: Box, dialect: str) -> sa.ColumnElement[bool]:
    """Condition: rows of a table whose box touches another. It may let a hair more through, never less."""
    west, south, east, north = box
    key = next(iter(metadata.tables[table].primary_key.columns))
    if dialect == "sqlite":
        inside = sa.text(
            f"SELECT key FROM {table}_place "
            f"WHERE west <= :{table}_e AND east >= :{table}_w AND south <= :{table}_n AND north >= :{table}_s"
        ).bindparams(**{f"{table}_w": west, f"{table}_s": south, f"{table}_e": east, f"{table}_n": north})
        return key.in_(inside.columns(sa.column("key", sa.Integer)).scalar_subquery())
    envelope = sa.func.ST_MakeEnvelope(west, south, east, north, 4326)
    return sa.literal_column(f"{table}.{PLACED[table]}").op("&&", return_type=sa.Boolean())(envelope)


def by_place(column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """A column that is compared without its index.

    SQLite without statistics takes an index over the model, which all leads may share, for better than the few rows
    that place or number name.
    """
    return column.concat("")


def pairs(connection: Connection, detector: str, boxes: Sequence[Box]) -> list[tuple[int, int]]:
    """Leads of a detector whose reach touches each box: (place in `boxes`, number), in that order.

    One statement for all boxes; each costs a walk down the index, however many leads there are.
    """
    found: list[tuple[int, int]] = []
    for start in range(0, len(boxes), _CHUNK):
        part = json.dumps([list(box) for box in boxes[start : start + _CHUNK]])
        rows = connection.execute(_PAIRS[connection.dialect.name], {"boxes": part})
        found += [(start + int(place), int(number)) for place, number in rows]
    c = metadata.tables["leads"].c
    numbers = sorted({number for _, number in found})
    theirs: set[int] = set()
    for start in range(0, len(numbers), _CHUNK):
        some = (c.number.in_(numbers[start : start + _CHUNK]), by_place(c.detector) == detector, ~c.alias)
        theirs.update(connection.execute(sa.select(c.number).where(*some)).scalars())
    return sorted({(place, number) for place, number in found if number in theirs})


_CHUNK = 5_000

_PAIRS = {
    # Not joined with the leads: SQLite would read all of them to filter those few.
    # CROSS JOIN keeps the order of the loops: boxes, then the index.
    "sqlite": sa.text(
        "SELECT b.key, p.key FROM json_each(:boxes) AS b "
        "CROSS JOIN leads_place AS p ON p.west <= json_extract(b.value, '$[2]') "
        "AND p.east >= json_extract(b.value, '$[0]') AND p.south <= json_extract(b.value, '$[3]') "
        "AND p.north >= json_extract(b.value, '$[1]')"
    ),
    "postgresql": sa.text(
        "SELECT b.place - 1, l.number "
        "FROM jsonb_array_elements(CAST(:boxes AS jsonb)) WITH ORDINALITY AS b(box, place) "
        "JOIN leads AS l ON l.reach && ST_MakeEnvelope((b.box->>0)::float8, (b.box->>1)::float8, "
        "(b.box->>2)::float8, (b.box->>3)::float8, 4326)"
    ),
}


def bounds_of(geometries: Iterable[BaseGeometry]) -> Box | None:
    """The box around all that are not empty; None where all are."""
    boxes = [geometry.bounds for geometry in geometries if not geometry.is_empty]
    if not boxes:
        return None
    wests, souths, easts, norths = zip(*boxes, strict=True)
    return min(wests), min(souths), max(easts), max(norths)

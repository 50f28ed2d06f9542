"""Tables of a PostGIS database: read only, a box at a time, with bound parameters."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
import shapely
from psycopg import sql
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from aoi.errors import UnreadableVectorError
from aoi.intake.pointer import Pointer

TIMEOUT_MS = 60_000
"""For one question."""

BATCH = 2000

_TYPES = {
    "GEOMETRY": "Unknown",
    "POLYGON": "Polygon",
    "MULTIPOLYGON": "MultiPolygon",
    "POINT": "Point",
    "MULTIPOINT": "Point",
    "LINESTRING": "LineString",
    "MULTILINESTRING": "LineString",
    "GEOMETRYCOLLECTION": "GeometryCollection",
}


@dataclass(frozen=True)
class Table:
    """What the database says of a table."""

    srid: int
    crs: str
    geometry_type: str
    """As `aoi.tables` has it."""

    id: str
    """Column of whole numbers."""

    columns: tuple[str, ...]
    """All others but the geometry."""


@lru_cache(maxsize=32)
def described(pointer: Pointer, path: Path) -> Table:
    """A table's CRS and columns.

    Raises:
        UnreadableVectorError: if the server does not answer, or there is no such table with geometry, key and CRS.
    """
    schema, _, name = pointer.table.rpartition(".")
    with _connected(pointer, path) as connection:
        found = connection.execute(
            "SELECT f_table_schema, srid, type FROM geometry_columns WHERE f_table_name = %s "
            "AND f_geometry_column = %s AND (%s = '' OR f_table_schema = %s)",
            (name, pointer.geometry, schema, schema),
        ).fetchall()
        if len(found) != 1:
            raise UnreadableVectorError(
                f"{path}: the database has {len(found)} tables {pointer.table} with a geometry {pointer.geometry}; "
                "write schema.table, and geometry = its column"
            )
        schema, srid, kind = found[0]
        crs = connection.execute(
            "SELECT auth_name, auth_srid, srtext FROM spatial_ref_sys WHERE srid = %s", (srid,)
        ).fetchone()
        if crs is None:
            raise UnreadableVectorError(
                f"{path}: {pointer.table} has no CRS (SRID {srid}); set it with UpdateGeometrySRID"
            )
        columns = [
            str(row[0])
            for row in connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s "
                "AND column_name <> %s ORDER BY ordinal_position",
                (schema, name, pointer.geometry),
            )
        ]
        own = pointer.id or _key(connection, schema, name)
    if own is None or own not in columns:
        raise UnreadableVectorError(f"{path}: {pointer.table} has no key of one column; name one with id =")
    text = f"{crs[0]}:{crs[1]}" if crs[0] and crs[1] else str(crs[2])
    return Table(srid, text, _TYPES.get(str(kind).rstrip("ZM"), "Unknown"), own, tuple(c for c in columns if c != own))


def rows_of(
    pointer: Pointer, table: Table, path: Path, bounds: Sequence[float] | None = None
) -> Iterator[tuple[int, BaseGeometry | None, Mapping[str, str]]]:
    """Rows: key, geometry in the table's CRS, and what they say without blanks.

    Args:
        pointer: which table.
        table: what `described` said of it.
        path: for messages.
        bounds: only rows whose box meets this one, in the table's CRS; the database's own index finds them.

    Raises:
        UnreadableVectorError: if the server does not answer or the rows can not be read.
    """
    geometry = sql.Identifier(pointer.geometry)
    query = sql.SQL("SELECT {}, ST_AsBinary(ST_Force2D({})){} FROM {}").format(
        sql.Identifier(table.id),
        geometry,
        sql.SQL("").join(sql.SQL(", {}::text").format(sql.Identifier(column)) for column in table.columns),
        sql.SQL(".").join(sql.Identifier(part) for part in pointer.table.split(".")),
    )
    values: tuple[Any, ...] = ()
    if bounds is not None:
        query += sql.SQL(" WHERE {} && ST_MakeEnvelope(%s, %s, %s, %s, %s)").format(geometry)
        values = (*(float(value) for value in bounds), table.srid)
    query += sql.SQL(" ORDER BY {}").format(sql.Identifier(table.id))
    with _connected(pointer, path) as connection, connection.cursor("weixun") as cursor:
        cursor.itersize = BATCH
        for own, wkb, *texts in cursor.execute(query, values):
            told = {
                name: text.strip() for name, text in zip(table.columns, texts, strict=True) if text and text.strip()
            }
            yield int(own), _geometry(wkb), {table.id: str(own), **told}


def _geometry(wkb: bytes | None) -> BaseGeometry | None:
    try:
        return None if wkb is None else shapely.from_wkb(bytes(wkb), on_invalid="fix")
    except GEOSException:
        return None


def _key(connection: "psycopg.Connection[Any]", schema: str, name: str) -> str | None:
    found = connection.execute(
        "SELECT a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey) "
        "WHERE i.indisprimary AND n.nspname = %s AND c.relname = %s",
        (schema, name),
    ).fetchall()
    return str(found[0][0]) if len(found) == 1 else None


@contextmanager
def _connected(pointer: Pointer, path: Path) -> "Iterator[psycopg.Connection[Any]]":
    where = {key: value for key, value in pointer.server.model_dump().items() if value is not None}
    options = f"-c statement_timeout={TIMEOUT_MS} -c default_transaction_read_only=on"
    try:
        with psycopg.connect(**where, connect_timeout=10, options=options) as connection:
            yield connection
    except psycopg.Error as error:
        # what libpq says names host and role, never the password
        raise UnreadableVectorError(
            f"{path}: the PostGIS server did not answer ({' '.join(str(error).split())[:160]})"
        ) from error

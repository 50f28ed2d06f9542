"""What a stored layer says of itself, in a table of its own GeoPackage."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from aoi.errors import AoiStoreError

TABLE = "weixun_layer"

KEYS = ("name", "kind", "status", "classification", "source", "source_sha256", "source_crs", "rows", "rows_left_out",
        "checked", "reading", "code")  # fmt: skip
"""What is written: name; kind; status; classification; file it came from and its hash; CRS it was read in; rows taken
and left out; when; with which options; version of the code."""


def write_meta(path: Path, values: Mapping[str, str]) -> None:
    """Add the table to a GeoPackage that is not in use yet.

    Raises:
        AoiStoreError: if it can not be written.
    """
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"CREATE TABLE {TABLE} (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
            connection.executemany(f"INSERT INTO {TABLE} VALUES (?, ?)", sorted(values.items()))
            connection.execute(
                "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES (?, 'attributes', ?, 0)",
                (TABLE, TABLE),
            )
    except sqlite3.Error as error:
        raise AoiStoreError(f"{path}: can not be written ({error})") from error


def read_meta(path: Path) -> Mapping[str, str] | None:
    """What a GeoPackage says of itself; None where it does not, because nobody checked it.

    Raises:
        AoiStoreError: if it can not be read.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            known = connection.execute("SELECT 1 FROM sqlite_master WHERE type='table' AND name=?", (TABLE,)).fetchone()
            if known is None:
                return None
            return {str(key): str(value) for key, value in connection.execute(f"SELECT key, value FROM {TABLE}")}
    except sqlite3.Error as error:
        raise AoiStoreError(f"{path}: damaged, it can not be read ({error}); add the layer again") from error

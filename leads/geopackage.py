"""The GeoPackage that is handed out: leads and coverage, each with its style, aliases and review form inside.

A GeoPackage in an analyst's hands is never rewritten: QGIS would report success and lose the edit. Where one that was
edited, or is open, stands in the way, writing is refused.
"""

import datetime as dt
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError
from pyogrio.raw import write as write_layer
from shapely.geometry import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from aoi.classification import Classification
from leads.errors import OutputError
from leads.fields import FIELDS, Field
from leads.model import Coverage
from leads.qgis.style import COVERAGE_FIELDS, Model, coverage_style, leads_style, qml
from leads.staging import refusal, staged

LEADS = "leads"
COVERAGE = "coverage"

_TYPES = {"text": "object", "real": "float64", "integer": "int32", "date": "datetime64[D]"}
_UNTOUCHED = "T00:00:00.000Z"
"""Our own files carry midnight as the time of their last change; any edit puts the clock's time there."""

Row = tuple[BaseGeometry, Mapping[str, object]]
"""A geometry in EPSG:4326 and a value, or None, for every field of its table."""


@dataclass(frozen=True)
class Table:
    """One layer of a GeoPackage."""

    name: str
    fields: Sequence[Field]
    rows: Sequence[Row]
    """May be empty: the layer then has its schema and no rows."""

    style: str
    """As `leads.qgis.style.qml` gives it; QGIS loads it by itself."""

    geometry_type: Literal["MultiPolygon", "Point"] = "MultiPolygon"


def write_geopackage(
    path: Path,
    records: Sequence[Row],
    coverage: Sequence[Coverage],
    classification: Classification = Classification.PUBLIC,
) -> None:
    """Writes the layers `leads` and `coverage`; the same input gives the same bytes.

    Args:
        path: the ``.gpkg``; appears only when it is whole.
        records: for each lead its Polygon or MultiPolygon in EPSG:4326 and a value (or None) for every name in
            `FIELDS`; may be empty, the layer then has its schema and no rows.
        coverage: what was seen of each block; may be empty.
        classification: how widely it may be shown; said in the description of its layers.

    Raises:
        OutputError: if the folder is read-only, the disk is full, or a file with an analyst's edits is in the way.
    """
    refuse_edited(path)
    day = max((row.date for row in coverage), default=dt.date(1970, 1, 1))
    leads = Table(LEADS, FIELDS, records, qml(leads_style(models_of(records)), labels=True))
    write_tables(path, (leads, coverage_table(coverage)), day, classification)


def coverage_table(coverage: Sequence[Coverage]) -> Table:
    """What was seen and what was not, as a layer."""
    return Table(COVERAGE, COVERAGE_FIELDS, _coverage_records(coverage), qml(coverage_style(), labels=False))


def write_tables(
    path: Path,
    tables: Sequence[Table],
    day: dt.date,
    classification: Classification,
    finish: Callable[[sqlite3.Connection], None] | None = None,
) -> None:
    """Writes any layers; the same input gives the same bytes.

    Args:
        path: the ``.gpkg``; appears only when it is whole. What is there is replaced: ask `refuse_edited` first.
        tables: the layers, in their order.
        day: stands as the day of the last change, with midnight as its time.
        classification: said in the description of each layer.
        finish: adds what is no layer, such as a table without geometry.

    Raises:
        OutputError: if the folder is read-only or the disk is full.
    """
    try:
        with staged(path) as temporary:
            for table in tables:
                _write(temporary, table)
            with closing(sqlite3.connect(temporary)) as database:
                for table in tables:
                    _describe(database, table.name, table.fields)
                _add_styles(database, {table.name: table.style for table in tables}, f"{day}{_UNTOUCHED}")
                if finish is not None:
                    finish(database)
                database.execute("UPDATE gpkg_contents SET last_change = ?", (f"{day}{_UNTOUCHED}",))
                said = f"分级 Classification: {classification.value} {classification.en}"
                database.executemany(
                    "UPDATE gpkg_contents SET description = ? WHERE table_name = ?",
                    [(said, table.name) for table in tables],
                )
                database.commit()
                database.execute("VACUUM")
                _verify(database, {table.name: len(table.rows) for table in tables})
            _settle(temporary)
    except (sqlite3.Error, DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError) as error:
        raise refusal(path, error) from error


def _settle(path: Path) -> None:
    """Sets SQLite's counter of changes to 1: how often a writer committed on its way differs from run to run.

    It stands at byte 24 of the file, and at byte 92 as that for which the version number is valid
    (https://www.sqlite.org/fileformat2.html#file_change_counter).
    """
    with path.open("r+b") as file:
        for place in (24, 92):
            file.seek(place)
            file.write((1).to_bytes(4, "big"))


def refuse_edited(path: Path) -> None:
    """Refuses to replace what somebody may have worked on."""
    if not path.exists():
        return
    if any(path.with_name(path.name + end).exists() for end in ("-wal", "-shm", "-journal")):
        raise OutputError(f"{path} is open in another program: close it there, or choose another folder")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            changes = [str(row[0]) for row in database.execute("SELECT last_change FROM gpkg_contents")]
    except sqlite3.Error:
        changes = [""]
    if not all(change.endswith(_UNTOUCHED) for change in changes):
        raise OutputError(f"{path} was edited since it was handed out and is not overwritten: choose another folder")


def _write(path: Path, table: Table) -> None:
    rows, fields = table.rows, table.fields
    columns = [[record.get(field.name) for _, record in rows] for field in fields]
    shapes = [_typed(geometry, table.geometry_type) for geometry, _ in rows]
    write_layer(
        path,
        np.asarray(shapely.to_wkb(shapes), dtype=object),
        [_column(field, column) for field, column in zip(fields, columns, strict=True)],
        [field.name for field in fields],
        field_mask=[np.array([value is None for value in column], dtype=bool) for column in columns],
        layer=table.name,
        driver="GPKG",
        geometry_type=table.geometry_type,
        crs="EPSG:4326",
        # 1.2 is what QGIS 3.22 writes itself; later versions make older GDAL warn.
        dataset_options={"VERSION": "1.2"},
        layer_options={"IDENTIFIER": table.name},
    )


def _typed(geometry: BaseGeometry, wanted: str) -> MultiPolygon | Point:
    flat = shapely.force_2d(geometry)
    if isinstance(flat, Polygon):
        flat = MultiPolygon([flat])
    if isinstance(flat, MultiPolygon | Point) and flat.geom_type == wanted:
        return flat
    raise ValueError(f"a row of this layer is a {wanted}, not a {geometry.geom_type}")


_BLANK: dict[str, Any] = {"text": "", "real": np.nan, "integer": 0, "date": "NaT"}


def _column(field: Field, values: Sequence[object]) -> NDArray[Any]:
    filled: list[Any] = [_BLANK[field.type] if value is None else value for value in values]
    return np.array(filled, dtype=_TYPES[field.type])


def _coverage_records(coverage: Sequence[Coverage]) -> list[Row]:
    best: dict[tuple[str, str], float] = {}
    for row in coverage:
        best[row.block, row.role] = max(row.observed, best.get((row.block, row.role), 0.0))
    return [
        (
            row.geometry,
            {
                "block": row.block,
                "role": row.role,
                "date": row.date.isoformat(),
                "observed": row.observed,
                "cloudy": row.cloudy,
                "snow": row.snow,
                "no_scene": row.no_scene,
                "best": best[row.block, row.role],
                "failed": row.failed or None,
            },
        )
        for row in coverage
    ]


def _verify(database: sqlite3.Connection, counts: Mapping[str, int]) -> None:
    """Counts the rows: a layer that GDAL could not finish must not be handed out."""
    for layer, wanted in counts.items():
        (found,) = database.execute(f'SELECT count(*) FROM "{layer}"').fetchone()
        if found != wanted:
            raise sqlite3.DataError(f"{wanted - found} of {wanted} rows of the layer {layer} were lost")


def models_of(records: Sequence[Row]) -> list[Model]:
    """The models that have leads, for the legend."""
    named = [record for _, record in records if record.get("model")]
    return sorted({(str(record["model"]), str(record.get("model_zh") or "")) for record in named})


def _describe(database: sqlite3.Connection, layer: str, fields: Sequence[Field]) -> None:
    """Chinese and English names of the columns and their choices, as the GeoPackage schema extension has them."""
    database.executescript(_SCHEMA_TABLES)
    for field in fields:
        constraint = f"{layer}_{field.name}" if field.choices else None
        database.execute(
            "INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description, constraint_name) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (layer, field.name, field.name, f"{field.zh} {field.en}", field.en, constraint),
        )
        database.executemany(
            "INSERT INTO gpkg_data_column_constraints (constraint_name, constraint_type, value, description) "
            "VALUES (?, 'enum', ?, ?)",
            [(constraint, value, f"{zh} {en}") for value, zh, en in field.choices],
        )


def _add_styles(database: sqlite3.Connection, styles: Mapping[str, str], moment: str) -> None:
    """The table from which QGIS loads a layer's style and form by itself."""
    database.executescript(_STYLE_TABLE)
    for layer, style in styles.items():
        database.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
            "styleQML, styleSLD, useAsDefault, description, owner, ui, update_time) "
            "VALUES ('', '', ?, 'geom', ?, ?, '', 1, '卫巡 Weixun', '', NULL, ?)",
            (layer, layer, style, moment),
        )


_SCHEMA_TABLES = """
CREATE TABLE IF NOT EXISTS gpkg_data_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT, mime_type TEXT,
  constraint_name TEXT, CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name));
CREATE TABLE IF NOT EXISTS gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC, min_is_inclusive BOOLEAN,
  max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value));
INSERT OR IGNORE INTO gpkg_extensions
  SELECT name, NULL, 'gpkg_schema', 'http://www.geopackage.org/spec121/#extension_schema', 'read-write'
  FROM (SELECT 'gpkg_data_columns' AS name UNION SELECT 'gpkg_data_column_constraints')
  WHERE name NOT IN (SELECT table_name FROM gpkg_extensions WHERE extension_name = 'gpkg_schema');
"""

_STYLE_TABLE = """
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
  f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
  useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
  update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')));
INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
  VALUES ('layer_styles', 'attributes', 'layer_styles', '', 0);
"""

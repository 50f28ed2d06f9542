"""The GeoPackage that is handed out: leads and coverage, each with its style, aliases and review form inside.

A GeoPackage in an analyst's hands is never rewritten: QGIS would report success and lose the edit. Where one that was
edited, or is open, stands in the way, writing is refused.
"""

import datetime as dt
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError
from pyogrio.raw import write as write_layer
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from aoi.classification import Classification
from leads.errors import OutputError
from leads.fields import FIELDS, Field
from leads.model import Coverage
from leads.qgis.style import COVERAGE_FIELDS, coverage_style, leads_style, qml
from leads.staging import refusal, staged

LEADS = "leads"
COVERAGE = "coverage"

_TYPES = {"text": "object", "real": "float64", "integer": "int32", "date": "datetime64[D]"}
_UNTOUCHED = "T00:00:00.000Z"
"""Our own files carry midnight as the time of their last change; any edit puts the clock's time there."""


def write_geopackage(
    path: Path,
    records: Sequence[tuple[BaseGeometry, Mapping[str, object]]],
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
    try:
        with staged(path) as temporary:
            _write(temporary, LEADS, FIELDS, records)
            _write(temporary, COVERAGE, COVERAGE_FIELDS, _coverage_records(coverage))
            with closing(sqlite3.connect(temporary)) as database:
                _describe(database, LEADS, FIELDS)
                _describe(database, COVERAGE, COVERAGE_FIELDS)
                _add_styles(database, _styles(records), f"{day}{_UNTOUCHED}")
                database.execute("UPDATE gpkg_contents SET last_change = ?", (f"{day}{_UNTOUCHED}",))
                said = f"分级 Classification: {classification.value} {classification.en}"
                database.execute(
                    "UPDATE gpkg_contents SET description = ? WHERE table_name IN (?, ?)", (said, LEADS, COVERAGE)
                )
                database.commit()
                database.execute("VACUUM")
                _verify(database, {LEADS: len(records), COVERAGE: len(coverage)})
    except (sqlite3.Error, DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError) as error:
        raise refusal(path, error) from error


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


def _write(
    path: Path, layer: str, fields: Sequence[Field], rows: Sequence[tuple[BaseGeometry, Mapping[str, object]]]
) -> None:
    columns = [[record.get(field.name) for _, record in rows] for field in fields]
    write_layer(
        path,
        np.asarray(shapely.to_wkb([_multi(geometry) for geometry, _ in rows]), dtype=object),
        [_column(field, column) for field, column in zip(fields, columns, strict=True)],
        [field.name for field in fields],
        field_mask=[np.array([value is None for value in column], dtype=bool) for column in columns],
        layer=layer,
        driver="GPKG",
        geometry_type="MultiPolygon",
        crs="EPSG:4326",
        # 1.2 is what QGIS 3.22 writes itself; later versions make older GDAL warn.
        dataset_options={"VERSION": "1.2"},
        layer_options={"IDENTIFIER": layer},
    )


def _multi(geometry: BaseGeometry) -> MultiPolygon:
    flat = shapely.force_2d(geometry)
    if isinstance(flat, Polygon):
        return MultiPolygon([flat])
    if isinstance(flat, MultiPolygon):
        return flat
    raise ValueError(f"a lead or a block is a polygon, not a {geometry.geom_type}")


_BLANK: dict[str, Any] = {"text": "", "real": np.nan, "integer": 0, "date": "NaT"}


def _column(field: Field, values: Sequence[object]) -> NDArray[Any]:
    filled: list[Any] = [_BLANK[field.type] if value is None else value for value in values]
    return np.array(filled, dtype=_TYPES[field.type])


def _coverage_records(coverage: Sequence[Coverage]) -> list[tuple[BaseGeometry, dict[str, object]]]:
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


def _styles(records: Sequence[tuple[BaseGeometry, Mapping[str, object]]]) -> dict[str, str]:
    named = [record for _, record in records if record.get("model")]
    models = {(str(record["model"]), str(record.get("model_zh") or "")) for record in named}
    return {
        LEADS: qml(leads_style(sorted(models)), labels=True),
        COVERAGE: qml(coverage_style(), labels=False),
    }


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

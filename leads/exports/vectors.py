"""Leads as vectors for other programs: Shapefile in GBK, GeoJSON, GeoPackage."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError
from pyogrio.raw import write as write_layer
from shapely.geometry import MultiPolygon, Polygon, mapping
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from aoi.classification import Classification
from leads.exports.row import Row
from leads.exports.text import one_line, plain
from leads.exports.tuban import COLUMNS, Column
from leads.fields import FIELDS, NOTE
from leads.geopackage import write_geopackage
from leads.staging import refusal, stage, staged

DBF_BYTES = 254
"""Of one text in a DBF; longer ones are cut, and say so."""

_CUT = "…"
_SPELT = str.maketrans({"²": "2", "³": "3", "–": "-", "−": "-", "⁠": ""})
"""What GBK has no sign for but people write; everything else that it lacks becomes a question mark."""


def write_shapefile(path: Path, rows: Iterable[Row]) -> int:
    """Write a Shapefile with 图斑 columns, DBF in GBK with its .cpg, CGCS2000 degrees; return how many leads.

    Raises:
        OutputError: if the folder can not be written, the disk is full, or there is nothing to write.
    """
    kept = list(rows)
    folder = stage(path)
    try:
        values = [[_dbf(column, row) for row in kept] for column in COLUMNS]
        write_layer(
            folder / path.name,
            _wkb([row.geometry for row in kept]),
            [_array(column, told) for column, told in zip(COLUMNS, values, strict=True)],
            [column.name for column in COLUMNS],
            field_mask=[np.array([one is None for one in told], dtype=bool) for told in values],
            driver="ESRI Shapefile",
            geometry_type="Polygon",
            crs="EPSG:4490",
            encoding="GBK",
        )
        (folder / path.with_suffix(".cpg").name).write_text("GBK", encoding="ascii")
        for part in sorted(folder.iterdir(), key=lambda one: one.suffix == ".shp"):
            part.replace(path.parent / part.name)
    except (DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError, OSError) as error:
        raise refusal(path, error) from error
    finally:
        for part in folder.iterdir():
            part.unlink()
        folder.rmdir()
    return len(kept)


def _dbf(column: Column, row: Row) -> Any:
    value = column.value(row)
    return gbk_text(value) if isinstance(value, str) else value


def gbk_text(text: str) -> str:
    """Text that GBK can hold, in at most `DBF_BYTES`, cut between characters."""
    held = one_line(text).translate(_SPELT).encode("gbk", "replace").decode("gbk")
    if len(held.encode("gbk")) <= DBF_BYTES:
        return held
    while len((held + _CUT).encode("gbk")) > DBF_BYTES:
        held = held[: -max(1, (len((held + _CUT).encode("gbk")) - DBF_BYTES) // 2)]
    return held + _CUT


def _array(column: Column, values: Sequence[Any]) -> NDArray[Any]:
    blank: Mapping[str, Any] = {"text": "", "real": np.nan, "integer": 0}
    filled = [blank[column.type] if value is None else value for value in values]
    return np.array(filled, dtype={"text": "object", "real": "float64", "integer": "int32"}[column.type])


def _wkb(geometries: Sequence[BaseGeometry]) -> NDArray[Any]:
    return np.asarray(shapely.to_wkb([_multi(one) for one in geometries]), dtype=object)


def _multi(geometry: BaseGeometry) -> MultiPolygon:
    flat = shapely.force_2d(geometry)
    return MultiPolygon([flat]) if isinstance(flat, Polygon) else flat


def write_geojson(path: Path, rows: Iterable[Row], title: str, classification: str) -> int:
    """Write GeoJSON (RFC 7946) with the fields' own names and return how many leads.

    Raises:
        OutputError: if the folder is read-only or the disk is full.
    """
    head = {"type": "FeatureCollection", "name": one_line(title, 200), "classification": classification, "note": NOTE}
    count = 0
    with staged(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "features": [')
        for row in rows:
            file.write(",\n" if count else "\n")
            file.write(json.dumps(_feature(row), ensure_ascii=False, allow_nan=False))
            count += 1
        file.write("\n]}\n")
    return count


def _feature(row: Row) -> dict[str, Any]:
    told = {field.name: row.values.get(field.name) for field in FIELDS}
    values = {name: plain(value) if isinstance(value, str) else value for name, value in told.items()}
    return {"type": "Feature", "id": row.id, "geometry": mapping(_right_handed(row.geometry)), "properties": values}


def _right_handed(geometry: BaseGeometry) -> BaseGeometry:
    parts = [orient(part) for part in shapely.get_parts(shapely.force_2d(geometry))]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def write_gpkg(path: Path, rows: Iterable[Row], classification: Classification) -> int:
    """Write a GeoPackage like a scan's, with styles and form, and return how many leads.

    Raises:
        OutputError: if the folder can not be written, the disk is full, or a file with edits is in the way.
    """
    kept = list(rows)
    clean = [
        (row.geometry, {name: plain(value) if isinstance(value, str) else value for name, value in row.values.items()})
        for row in kept
    ]
    write_geopackage(path, clean, (), classification)
    return len(kept)

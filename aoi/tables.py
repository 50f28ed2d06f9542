"""Rows of a large vector file that lie near a place, without reading the others."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import shapely
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from aoi.crs import known_crs, missing_crs, to_degrees
from aoi.errors import UnreadableVectorError
from aoi.features import VectorFile
from aoi.geojson import read_geojson
from aoi.intake.pointer import read_pointer
from aoi.vectors import OGR_ERRORS, brief, describe, gdal_says_nothing, read_rows

_TEXT = (".geojson", ".json")

POINTER = ".postgis.toml"
"""Suffix of a file that names a table of a PostGIS database (`aoi.intake.pointer`)."""

_GROUND = ("Polygon", "MultiPolygon", "Unknown", "GeometryCollection", "CurvePolygon", "MultiSurface", "Surface")
"""Geometry types of tables that may hold polygons; Z and M do not matter."""

PAD_DEG = 1e-4
"""The filter's box is grown by about 10 m, for what reprojection bends between the places that are sampled."""


@dataclass(frozen=True)
class Row:
    """One row, not yet judged."""

    fid: int
    geometry: BaseGeometry | None
    """In EPSG:4326."""

    properties: Mapping[str, str]
    repaired: bool = False
    """True when a ring was not closed in the file, and is here."""


def rows_near(path: Path, table: str | None, geometry: BaseGeometry) -> Iterator[Row]:
    """The rows whose box meets the box of a geometry in EPSG:4326.

    Raises:
        UnreadableVectorError: if the file can not be read.
    """
    if geometry.is_empty:
        return
    if path.suffix.casefold() in _TEXT:
        file, tree = _held(path, *_stamp(path))
        for index in sorted(tree.query(shapely.box(*geometry.bounds))):
            feature = file.features[index]
            yield Row(int(index) + 1, feature.geometry, feature.properties)
        return
    if path.name.casefold().endswith(POINTER):
        yield from _rows_of_database(path, geometry)
        return
    crs_text, indexed = _described(path, table, *_stamp(path))
    bounds = _bounds_in(known_crs(crs_text, path), geometry)
    if bounds is None:
        return
    only = _only_near(path, table, bounds, indexed)
    if only is None:
        return
    rows = read_rows(path, table, name=path, **only)
    moved, _ = to_degrees(rows.geometries, crs_text, path)
    for fid, place, properties, unclosed in zip(rows.fids, moved, rows.properties, rows.unclosed, strict=True):
        yield Row(fid, place, properties, unclosed)


def _only_near(
    path: Path, table: str | None, bounds: tuple[float, float, float, float], indexed: bool
) -> dict[str, Any] | None:
    """How to ask GDAL for the rows whose box meets this one; None where there are none."""
    if not indexed:
        fids, tree = _boxes(path, table, *_stamp(path))
        near = np.sort(fids[tree.query(shapely.box(*bounds))])
        return {"fids": near} if len(near) else None
    # GDAL takes 20 ms to open a GeoPackage, its R-tree answers in one
    if path.suffix.casefold() == ".gpkg" and not _any_near(path, table, bounds):
        return None
    return {"bbox": bounds}


def _any_near(path: Path, table: str | None, bounds: tuple[float, float, float, float]) -> bool:
    """Whether the R-tree of a GeoPackage's table has a box that meets this one; True where it can not be asked."""
    west, south, east, north = bounds
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            column = connection.execute(
                "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (table,)
            ).fetchone()
            if column is None:
                return True
            tree = f"rtree_{table}_{column[0]}".replace('"', '""')
            # a name can not be bound: it is quoted
            found = connection.execute(
                f'SELECT 1 FROM "{tree}" WHERE maxx >= ? AND minx <= ? AND maxy >= ? AND miny <= ? LIMIT 1',
                (west, east, south, north),
            ).fetchone()
    except sqlite3.Error:
        return True  # GDAL says what is wrong with it
    return found is not None


def _rows_of_database(path: Path, geometry: BaseGeometry) -> Iterator[Row]:
    from aoi.intake.postgis import described, rows_of  # for those who have a database

    pointer, table = read_pointer(path), described(read_pointer(path), path)
    bounds = _bounds_in(known_crs(table.crs, path), geometry)
    if bounds is None:
        return
    rows = list(rows_of(pointer, table, path, bounds))
    moved, _ = to_degrees([place for _, place, _ in rows], table.crs, path)
    for (fid, _, properties), place in zip(rows, moved, strict=True):
        yield Row(fid, place, properties)


def pointed_kind(path: Path) -> str:
    """The kind that a pointer to a PostGIS table names.

    Raises:
        UnreadableVectorError: if it is no pointer.
    """
    return read_pointer(path).kind


def refuse_unusable(path: Path, table: str | None) -> None:
    """Refuse a layer that can never answer, before anything is asked of it.

    Raises:
        UnreadableVectorError: if it can not be read, does not say its CRS, holds points or lines, or has a ring that
            no polygon can be built from.
    """
    if path.suffix.casefold() in _TEXT:
        file, _ = _held(path, *_stamp(path))
        for feature in file.features:
            if feature.fault is not None:  # rather than cross everything but this one
                raise UnreadableVectorError(f"{path}: {feature.label}: {feature.fault.message_en}")
        kinds = {feature.geometry.geom_type for feature in file.features if feature.geometry is not None}
    elif path.name.casefold().endswith(POINTER):
        from aoi.intake.postgis import described

        kinds = {described(read_pointer(path), path).geometry_type}
    else:
        known_crs(_described(path, table, *_stamp(path))[0], path)
        kinds = {str(describe(path, table, path)["geometry_type"]).split(" ")[0].removeprefix("2.5D ")}
    if kinds and not kinds & set(_GROUND):
        where = path.name if table is None else f"{path.name}:{table}"
        raise UnreadableVectorError(f"{path}: {where} holds {sorted(kinds)[0]}s; a layer must hold polygons")


def _stamp(path: Path) -> tuple[int, int]:
    """Tells one state of a file from another, so that what was remembered of an older one is not used."""
    try:
        if path.is_dir():  # a file geodatabase
            states = [member.stat() for member in path.iterdir()]
            return max(state.st_mtime_ns for state in states), sum(state.st_size for state in states)
        status = path.stat()
    except OSError as error:
        raise UnreadableVectorError(f"{path}: can not be read ({error.strerror})") from error
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=8)
def _held(path: Path, mtime_ns: int, size: int) -> tuple[VectorFile, STRtree]:
    file = read_geojson(path)
    return file, STRtree([feature.geometry for feature in file.features])


@lru_cache(maxsize=64)
def _described(path: Path, table: str | None, mtime_ns: int, size: int) -> tuple[str, bool]:
    """The CRS of a table, and whether it has a spatial index."""
    info = describe(path, table, path)
    if info["crs"] is None:
        raise missing_crs(describe(path, table, path, force_total_bounds=True)["total_bounds"], path)
    return str(info["crs"]), bool(info["capabilities"]["fast_spatial_filter"])


@lru_cache(maxsize=8)
def _boxes(path: Path, table: str | None, mtime_ns: int, size: int) -> tuple[Any, STRtree]:
    """Row ids and a tree of their boxes, made once for a file that has no spatial index of its own."""
    try:
        with gdal_says_nothing():
            fids, bounds = pyogrio.read_bounds(path, layer=table)
    except OGR_ERRORS as error:
        raise UnreadableVectorError(f"{path}: can not be read ({brief(error)}); it may be truncated") from error
    return np.asarray(fids), STRtree(shapely.box(*bounds))


def _bounds_in(crs: pyproj.CRS, geometry: BaseGeometry) -> tuple[float, float, float, float] | None:
    """The box of a geometry in another CRS; None where that CRS does not reach it."""
    west, south, east, north = geometry.bounds
    grown = (west - PAD_DEG, south - PAD_DEG, east + PAD_DEG, north + PAD_DEG)
    transformer = _into(crs.to_wkt())
    bounds = transformer.transform_bounds(*grown, densify_pts=51)
    return bounds if np.isfinite(bounds).all() else None


@lru_cache(maxsize=32)
def _into(wkt: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(4326, wkt, always_xy=True)

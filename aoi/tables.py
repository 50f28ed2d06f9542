"""Rows of a large vector file that lie near a place, without reading the others."""

from collections.abc import Iterator, Mapping
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
from aoi.vectors import OGR_ERRORS, brief, describe, gdal_says_nothing, read_rows

_TEXT = (".geojson", ".json")

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
    crs_text, indexed = _described(path, table, *_stamp(path))
    bounds = _bounds_in(known_crs(crs_text, path), geometry)
    if bounds is None:
        return
    only: dict[str, Any] = {"bbox": bounds}
    if not indexed:
        fids, tree = _boxes(path, table, *_stamp(path))
        only = {"fids": np.sort(fids[tree.query(shapely.box(*bounds))])}
        if not len(only["fids"]):
            return
    rows = read_rows(path, table, name=path, **only)
    moved, _ = to_degrees(rows.geometries, crs_text, path)
    for fid, place, properties, unclosed in zip(rows.fids, moved, rows.properties, rows.unclosed, strict=True):
        yield Row(fid, place, properties, unclosed)


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
    else:
        known_crs(_described(path, table, *_stamp(path))[0], path)
        kinds = {str(describe(path, table, path)["geometry_type"]).split(" ")[0].removeprefix("2.5D ")}
    if kinds and not kinds & set(_GROUND):
        where = path.name if table is None else f"{path.name}:{table}"
        raise UnreadableVectorError(f"{path}: {where} holds {sorted(kinds)[0]}s; a layer must hold polygons")


def _stamp(path: Path) -> tuple[int, int]:
    """Tells one state of a file from another, so that what was remembered of an older one is not used."""
    try:
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

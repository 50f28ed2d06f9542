"""Vector files of every format that is read here, as features in EPSG:4326."""

import contextlib
import os
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError
from pyogrio.raw import read as ogr_read
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from aoi.crs import missing_crs, to_degrees
from aoi.errors import UnreadableVectorError
from aoi.features import Feature, Problem, VectorFile, label_of
from aoi.geojson import read_geojson
from aoi.kml import read_kml
from aoi.shapefile import decoded, refuse_bad_prj
from aoi.zipped import unpacked

FORMATS = "GeoJSON (.geojson, .json), GeoPackage (.gpkg), Shapefile (.shp, .zip), KML (.kml, .kmz)"

TABLED = (".gpkg", ".gdb", ".xlsx", ".dxf")
"""Suffixes of what may hold several tables: of a database, sheets of a workbook, layers of a drawing."""

FEATURES_MAX = 20_000
"""An area has at most this many polygons; a file with more is a layer."""

OGR_ERRORS = (DataSourceError, DataLayerError, FeatureError, FieldError, GEOSException, UnicodeDecodeError)


def read_features(path: Path, limit: int | None = FEATURES_MAX) -> VectorFile:
    """All features of a vector file.

    Args:
        path: of the file; ``FILE.gpkg:table`` names one of several tables.
        limit: how many features it may have.

    Raises:
        UnreadableVectorError: if it is missing, damaged or hostile, of an unknown format, does not say its CRS, or
            has too many features.
    """
    file, table = split_table(path)
    if not file.is_file():
        raise UnreadableVectorError(f"{file}: there is no such file")
    suffix = file.suffix.casefold()
    if suffix in (".geojson", ".json"):
        read = read_geojson(file)
    elif suffix == ".kml":
        read = read_kml(file)
    elif suffix == ".kmz":
        with unpacked(file, ".kml") as inner:
            read = read_kml(inner, file)
    elif suffix == ".zip":
        with unpacked(file, ".shp") as inner:
            read = _read_ogr(inner, None, limit, file)
    elif suffix in (".shp", ".gpkg"):
        read = _read_ogr(file, table, limit, file)
    else:
        raise UnreadableVectorError(f"{file}: not a format that is read here; give {FORMATS}")
    _refuse_many(len(read.features), limit, file)
    return read


def split_table(path: Path) -> tuple[Path, str | None]:
    """A file and one of its tables from ``FILE.gpkg:table``, and so with the others of `TABLED`; else no table."""
    for suffix in TABLED:
        file, colon, table = str(path).rpartition(suffix + ":")
        if colon and table and not path.exists():
            return Path(file + suffix), table
    return path, None


def _refuse_many(count: int, limit: int | None, path: Path) -> None:
    if limit is not None and count > limit:
        raise UnreadableVectorError(
            f"{path}: has {count:,} features, an area has at most {limit:,}; is it a layer? Then give it as one"
        )


def _read_ogr(path: Path, table: str | None, limit: int | None, name: Path) -> VectorFile:
    if path.suffix.casefold() == ".gpkg":
        table = _one_table(path, table)
    rows = read_rows(path, table, name=name, limit=limit)
    features = [
        _feature(number, geometry, fault, properties)
        for number, (geometry, fault, properties) in enumerate(
            zip(rows.geometries, rows.unclosed, rows.properties, strict=True), start=1
        )
    ]
    if rows.crs is None:
        if all(geometry is None or geometry.is_empty for geometry in rows.geometries):
            return VectorFile(name, tuple(features))
        raise missing_crs(shapely.total_bounds([g for g in rows.geometries if g is not None]), name)
    moved, problems = to_degrees(rows.geometries, rows.crs, name)
    return VectorFile(name, tuple(replace(f, geometry=g) for f, g in zip(features, moved, strict=True)), problems)


def _feature(number: int, geometry: BaseGeometry | None, unclosed: bool, properties: dict[str, str]) -> Feature:
    label = label_of(number, properties)
    if not unclosed:
        return Feature(label, geometry, properties)
    told = ("a ring is not closed, or has fewer than four positions", "环未闭合，或坐标少于四个")
    return Feature(label, None, properties, Problem(label, "error", *told))


def _one_table(path: Path, named: str | None) -> str:
    tables = vector_tables(path)
    if named in tables or (named is None and len(tables) == 1):
        return named or tables[0]
    if named is not None:
        raise UnreadableVectorError(f"{path}: has no table {named!r}; it has {', '.join(tables[:6]) or 'none'}")
    if not tables:
        raise UnreadableVectorError(f"{path}: has no table with geometry")
    raise UnreadableVectorError(
        f"{path}: has {len(tables)} tables ({', '.join(tables[:6])}); name one as {path.name}:{tables[0]}"
    )


def vector_tables(path: Path) -> tuple[str, ...]:
    """Names of the tables with geometry in a GeoPackage or a file geodatabase.

    Raises:
        UnreadableVectorError: if it is neither, or damaged.
    """
    return tuple(name for name, kind in _tables(path) if kind is not None)


def plain_tables(path: Path) -> tuple[str, ...]:
    """Names of the tables without geometry in a GeoPackage or a file geodatabase.

    Raises:
        UnreadableVectorError: if it is neither, or damaged.
    """
    return tuple(name for name, kind in _tables(path) if kind is None)


def _tables(path: Path) -> list[tuple[str, str | None]]:
    refuse_disguised(path, path)
    try:
        with gdal_says_nothing():
            return [(str(name), kind) for name, kind in pyogrio.list_layers(path)]
    except OGR_ERRORS as error:
        raise UnreadableVectorError(f"{path}: damaged or not a database ({brief(error)})") from error


@dataclass(frozen=True)
class Rows:
    """Rows of a table as they are in the file."""

    fids: tuple[int, ...]
    geometries: list[BaseGeometry | None]
    """In the file's CRS, two-dimensional; rings that were not closed are closed."""

    unclosed: list[bool]
    properties: list[dict[str, str]]
    """What each row says, without what it leaves blank."""

    crs: str | None


def read_rows(
    path: Path, table: str | None, *, name: Path, limit: int | None = None, bare: bool = False, **only: Any
) -> Rows:
    """Rows of a database's table or a Shapefile.

    Args:
        path: of the file.
        table: in a GeoPackage.
        name: how messages call the file.
        limit: how many rows it may have.
        bare: whether a table without geometry will do.
        only: ``bbox`` in the file's CRS, or ``fids``; ``skip_features`` and ``max_features``.

    Raises:
        UnreadableVectorError: if it is damaged, lacks a part, or is something else under that name.
    """
    refuse_disguised(path, name)
    try:
        if limit is not None:
            _refuse_many(int(describe(path, table, name)["features"]), limit, name)
        only |= {"force_2d": True, "return_fids": True, "datetime_as_string": True}
        with gdal_says_nothing():
            meta, fids, wkb, columns = ogr_read(path, layer=table, encoding=_encoding(path), **only)
    except OGR_ERRORS as error:
        raise UnreadableVectorError(f"{name}: can not be read ({brief(error)}); it may be truncated") from error
    if wkb is None and not bare:
        raise UnreadableVectorError(f"{name}: has no geometry")
    wkb = np.full(len(fids), None, dtype=object) if wkb is None else wkb
    geometries = shapely.from_wkb(wkb, on_invalid="ignore")
    unclosed = np.array([g is None and w is not None for g, w in zip(geometries, wkb, strict=True)], dtype=bool)
    geometries[unclosed] = shapely.from_wkb(wkb[unclosed], on_invalid="fix")
    fields, values = [str(field) for field in meta["fields"]], [[_told(v) for v in column] for column in columns]
    if _encoding(path) is not None:
        fields, values = decoded(fields, values, path)
    rows = zip(*values, strict=True) if values else ((),) * len(fids)
    properties = [{key: value for key, value in zip(fields, row, strict=True) if value} for row in rows]
    return Rows(tuple(map(int, fids)), list(geometries), unclosed.tolist(), properties, meta["crs"])


def describe(path: Path, table: str | None, name: Path, **asked: bool) -> dict[str, Any]:
    """What GDAL says of a table: ``crs``, ``geometry_type``, ``features``, ``capabilities`` and more.

    Raises:
        UnreadableVectorError: if it is damaged, or something else under that name.
    """
    refuse_disguised(path, name)
    try:
        with gdal_says_nothing():
            return dict(pyogrio.read_info(path, layer=table, encoding=_encoding(path), **asked))
    except OGR_ERRORS as error:
        raise UnreadableVectorError(f"{name}: can not be read ({brief(error)}); it may be truncated") from error


@contextlib.contextmanager
def gdal_says_nothing() -> Iterator[None]:
    """Keeps GDAL's warnings from the user's terminal: what matters of them is found and said here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="pyogrio")
        yield


def _encoding(path: Path) -> str | None:
    """How to take text: a DBF lies about its encoding or does not say, so its bytes are taken one by one."""
    return "ISO-8859-1" if path.suffix.casefold() == ".shp" else None


def _told(value: Any) -> str:
    if value is None or isinstance(value, bytes) or value != value:  # NaN and NaT differ from themselves
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def brief(error: Exception) -> str:
    """The first line of an error, for a sentence."""
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


def refuse_disguised(path: Path, name: Path) -> None:
    """Refuse a file that is not what its suffix says, or shorter than it says.

    GDAL opens by content: a text file under this name could make it read others, or the network.

    Raises:
        UnreadableVectorError: says which it is.
    """
    if path.suffix.casefold() == ".gdb":
        _refuse_bad_geodatabase(path, name)
        return
    try:
        with path.open("rb") as file:
            head, size = file.read(100), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise UnreadableVectorError(f"{name}: can not be read ({error.strerror})") from error
    if path.suffix.casefold() == ".gpkg":
        if not head.startswith(b"SQLite format 3\0") or len(head) < 100:
            raise UnreadableVectorError(f"{name}: not a GeoPackage")
        page, pages = struct.unpack_from(">H", head, 16)[0], struct.unpack_from(">I", head, 28)[0]
        claimed = (65536 if page == 1 else page) * pages
        if head[24:28] != head[92:96]:  # an old writer left the count of pages as it was
            claimed = 0
    else:
        if not head.startswith(b"\x00\x00\x27\x0a") or len(head) < 100:
            raise UnreadableVectorError(f"{name}: not a Shapefile")
        claimed = struct.unpack_from(">I", head, 24)[0] * 2
        refuse_bad_prj(path, name)
    if size < claimed:
        raise UnreadableVectorError(f"{name}: truncated, it has {size:,} of {claimed:,} bytes; copy it again")


def _refuse_bad_geodatabase(path: Path, name: Path) -> None:
    try:
        members = list(path.iterdir())
        catalogue = (path / "a00000001.gdbtable").read_bytes()[:4]
    except OSError as error:
        raise UnreadableVectorError(
            f"{name}: not a file geodatabase, or not all of it ({error.strerror}); copy the whole folder again"
        ) from error
    if any(member.is_symlink() or member.is_dir() for member in members):
        raise UnreadableVectorError(f"{name}: refused, a file geodatabase holds no links and no folders")
    if struct.unpack("<I", catalogue.ljust(4, b"\0"))[0] not in (3, 4):
        raise UnreadableVectorError(f"{name}: not a file geodatabase, or damaged; copy the whole folder again")


def headings_of(path: Path, table: str | None, name: Path) -> tuple[str, ...]:
    """Names of a table's columns as `read_rows` gives them.

    Raises:
        UnreadableVectorError: if it is damaged, or something else under that name.
    """
    fields = [str(field) for field in describe(path, table, name)["fields"]]
    return tuple(decoded(fields, [], path)[0] if _encoding(path) is not None else fields)

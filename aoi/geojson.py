"""GeoJSON, read without GDAL: a file may not name another file, and each feature gets its own sentence."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic_core import from_json
from shapely.geometry import GeometryCollection, LineString, Point
from shapely.geometry.base import BaseGeometry

from aoi.crs import to_degrees
from aoi.errors import UnreadableVectorError
from aoi.features import Feature, Position, Problem, RingError, VectorFile, finite, label_of, polygons

TEXT_LIMIT_BYTES = 256 << 20
"""A GeoJSON or KML file may be this large; beyond it a GeoPackage is the right container."""

_NOT_POLYGON = {
    "Point": Point(),
    "MultiPoint": Point(),
    "LineString": LineString(),
    "MultiLineString": LineString(),
}


def read_geojson(path: Path) -> VectorFile:
    """The features of a GeoJSON file, in EPSG:4326 unless its (older) ``crs`` member says otherwise.

    Raises:
        UnreadableVectorError: if it is not GeoJSON, is too large, or names a CRS that nobody knows.
    """
    document = _parse(path)
    members = [_feature(number, member) for number, member in enumerate(_members(document, path), start=1)]
    name = _crs_name(document, path)
    if name is None:
        return VectorFile(path, tuple(members))
    geometries, problems = to_degrees([feature.geometry for feature in members], name, path)
    moved = (replace(feature, geometry=geometry) for feature, geometry in zip(members, geometries, strict=True))
    return VectorFile(path, tuple(moved), problems)


def read_text(path: Path, kind: str) -> bytes:
    """The bytes of a text format.

    Raises:
        UnreadableVectorError: if it can not be read or is larger than `TEXT_LIMIT_BYTES`.
    """
    try:
        if path.stat().st_size > TEXT_LIMIT_BYTES:
            raise UnreadableVectorError(
                f"{path}: larger than {TEXT_LIMIT_BYTES >> 20} MiB, too much for {kind}; convert it to a GeoPackage"
            )
        return path.read_bytes()
    except OSError as error:
        raise UnreadableVectorError(f"{path}: can not be read ({error.strerror})") from error


def _parse(path: Path) -> Mapping[str, Any]:
    raw = read_text(path, "GeoJSON")
    if not raw.strip():
        raise UnreadableVectorError(f"{path}: the file is empty (0 features); it must be GeoJSON with a polygon")
    try:
        document = from_json(raw.decode("utf-8-sig"), allow_inf_nan=False)
    except UnicodeDecodeError as error:
        raise UnreadableVectorError(f"{path}: not UTF-8, as GeoJSON must be; save it again as UTF-8") from error
    except ValueError as error:
        raise UnreadableVectorError(
            f"{path}: not JSON ({error}); it may be truncated, nested too deeply or hold NaN"
        ) from error
    if not isinstance(document, dict):
        raise UnreadableVectorError(f"{path}: JSON, but not GeoJSON: it has no type")
    return document


def _members(document: Mapping[str, Any], path: Path) -> list[Any]:
    kind = document.get("type")
    if kind == "FeatureCollection":
        features = document.get("features")
        if isinstance(features, list):
            return features
        raise UnreadableVectorError(f"{path}: a FeatureCollection without a list of features")
    if kind == "Feature":
        return [document]
    if isinstance(kind, str) and (kind in _NOT_POLYGON or kind in ("Polygon", "MultiPolygon", "GeometryCollection")):
        return [{"geometry": document}]
    raise UnreadableVectorError(f"{path}: JSON, but not GeoJSON (its type is {str(kind)[:40]!r})")


def _crs_name(document: Mapping[str, Any], path: Path) -> str | None:
    crs = document.get("crs")
    if crs is None:
        return None
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str):
        raise UnreadableVectorError(f"{path}: its crs member has no name; write the CRS as a name such as EPSG:4490")
    return name


def _feature(number: int, member: Any) -> Feature:
    properties = member.get("properties") if isinstance(member, dict) else None
    told = {str(key): _told(value) for key, value in (properties or {}).items()} if _is_object(properties) else {}
    told = {key: value for key, value in told.items() if value}
    label = label_of(number, told)
    try:
        return Feature(label, _geometry(member.get("geometry") if isinstance(member, dict) else None), told)
    except RingError as error:
        return Feature(label, None, told, Problem(label, "error", *error.args))


def _is_object(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _told(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _geometry(member: Any, depth: int = 0) -> BaseGeometry | None:
    if member is None:
        return None
    kind = member.get("type") if isinstance(member, dict) else None
    if kind in _NOT_POLYGON:
        return _NOT_POLYGON[kind]
    if kind == "Polygon":
        return polygons([_rings(member.get("coordinates"))])
    if kind == "MultiPolygon":
        return polygons([_rings(part) for part in _list(member.get("coordinates"))])
    if kind == "GeometryCollection" and depth < 8:
        built = [_geometry(part, depth + 1) for part in _list(member.get("geometries"))]
        return GeometryCollection([geometry for geometry in built if geometry is not None])
    raise RingError(f"its geometry has the type {str(kind)[:40]!r}", f"几何类型为 {str(kind)[:40]!r}，无法识别")


def _rings(rings: Any) -> list[list[Position]]:
    return [list(_positions(ring)) for ring in _list(rings)]


def _positions(ring: Any) -> Iterator[Position]:
    for position in _list(ring):
        xy = _list(position)[:2]
        if len(xy) < 2 or not all(isinstance(value, int | float) and not isinstance(value, bool) for value in xy):
            raise RingError("a position is not a pair of numbers", "坐标不是一对数")
        try:
            yield finite(float(xy[0]), float(xy[1]))
        except OverflowError as error:
            raise RingError("a coordinate is not a finite number", "坐标不是有限的数") from error


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise RingError("its coordinates are not nested lists of numbers", "坐标不是数的嵌套列表")
    return value

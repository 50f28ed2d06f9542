"""An area of interest from whatever the user typed."""

import difflib
import hashlib
import re
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from aoi.area import CGCS2000
from aoi.errors import InvalidGeometryError, UnknownAoiError, UnreadableVectorError
from aoi.features import WHOLE_FILE, Problem, VectorFile, polygonal
from aoi.model import Aoi
from aoi.stored import ID, starter_file, starter_ids, stored_file, stored_ids
from aoi.validate import NORTH, SOUTH, problems_of
from aoi.vectors import FORMATS, read_features, split_table

RADIUS_MAX_M = 500_000.0

CIRCLE_VERTICES = 256
"""A circle's polygon has 0.01 % less ground than the circle."""

_SUFFIXES = (".geojson", ".json", ".gpkg", ".shp", ".zip", ".kml", ".kmz")


def read_aoi(text: str, home: Path | None = None) -> Aoi:
    """The area of interest that a text names.

    Args:
        text: id of a stored or shipped AOI; or a path (GeoJSON, GeoPackage, Shapefile, zipped Shapefile, KML, KMZ;
            ``FILE.gpkg:table`` for one of several tables); or ``lon,lat,radius_m``, a geodesic circle.
        home: folder whose ``aoi/`` holds the stored AOIs, which come before the shipped ones.

    Raises:
        UnknownAoiError: if it is neither an id nor a file.
        UnreadableVectorError: if the file can not be read.
        InvalidGeometryError: if what it holds can not be patrolled; names the feature and what to do.
    """
    text = text.strip()
    if ID.fullmatch(text):
        file = stored_file(text, home) or starter_file(text)
        if file is not None:
            return aoi_from(file)
    if re.fullmatch(r"[-+.\deE\s]+([,，][-+.\deE\s]+){1,3}", text):
        return _circle(text)
    path = Path(text).expanduser()
    if not split_table(path)[0].is_file():
        raise _unknown(text, path, home)
    return aoi_from(path)


def aoi_from(path: Path) -> Aoi:
    """The AOI that a vector file holds: its polygons united, names and settings where all its features agree.

    Raises:
        UnreadableVectorError: if it can not be read.
        InvalidGeometryError: if what it holds can not be patrolled.
    """
    file = read_features(path)
    errors = [problem for problem in problems_of(file) if problem.severity == "error"]
    if errors:
        raise InvalidGeometryError(_sentence(path, errors))
    geometry = polygonal(shapely.union_all([feature.geometry for feature in file.features]))
    told = _agreed(file)
    stem = split_table(path)[0].name.split(".")[0]
    name = told.get("name") or told.get("名称") or stem
    own = told.get("id", "")
    return Aoi(
        id=slug(stem if own.isdigit() or not own else own),  # a bare number is a row's, not an area's
        name_zh=told.get("name_zh") or name,
        name_en=told.get("name_en") or name,
        geometry=geometry,
        detectors=_names(told.get("detectors", "")),
        layers=_names(told.get("layers", "")),
        approximate=told.get("approximate", "").casefold() in ("true", "1"),
    )


def read_polygons(path: Path) -> Any:
    """The features of a vector file as a GeoDataFrame in EPSG:4326, all properties as text.

    Raises:
        UnreadableVectorError: if it can not be read.
        InvalidGeometryError: if a feature has no geometry or is not a polygon; rings are not judged here.
    """
    file = read_features(path, limit=None)
    for feature in file.features:
        kind = feature.geometry.geom_type if feature.geometry is not None else ""
        if kind not in ("Polygon", "MultiPolygon"):
            why = f"is a {kind}, not a polygon" if kind else "has no geometry"
            why = feature.fault.message_en if feature.fault is not None else why
            raise InvalidGeometryError(f"{path}: {feature.label}: {why}")
    return geopandas.GeoDataFrame(
        [dict(feature.properties) for feature in file.features],
        geometry=[feature.geometry for feature in file.features],
        crs="EPSG:4326",
    )


def slug(name: str) -> str:
    """An id from a name: ASCII, safe as a file name, and always the same."""
    plain = re.sub(r"[^a-z0-9_-]+", "_", name.casefold()).strip("_-")[:48]
    if plain and name.isascii():
        return plain
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{plain or 'aoi'}_{mark}"


def _agreed(file: VectorFile) -> dict[str, str]:
    """What all features of a file say alike, keys in lower case."""
    told = [{key.casefold(): value for key, value in feature.properties.items()} for feature in file.features]
    return {key: value for key, value in told[0].items() if all(other.get(key) == value for other in told)}


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in re.split(r"[,;，；\s]+", text) if name)


def _sentence(path: Path, errors: list[Problem]) -> str:
    first = errors[0]
    subject = f"{path}: " + ("" if first.feature == WHOLE_FILE else f"{first.feature}: ")
    more = f" (and {len(errors) - 1} more; `weixun aoi check` lists them)" if len(errors) > 1 else ""
    return f"{subject}{first.message_en}{more}"


def _circle(text: str) -> Aoi:
    try:
        lon, lat, radius_m = (float(number) for number in re.split("[,，]", text))
    except ValueError as error:
        raise UnknownAoiError(f"{text!r} is not lon,lat,radius_m: three numbers, such as 119.72,49.38,5000") from error
    if not (-180 <= lon <= 180 and SOUTH <= lat <= NORTH):
        swapped = "; longitude comes first" if -90 <= lon <= 90 and abs(lat) <= 180 else ""
        raise InvalidGeometryError(
            f"{text!r}: ({lon:g}, {lat:g}) is not a longitude and a latitude between 80° S and 84° N{swapped}"
        )
    if not 1 <= radius_m <= RADIUS_MAX_M:
        raise InvalidGeometryError(f"{text!r}: the radius must be 1 to {RADIUS_MAX_M:,.0f} metres, not {radius_m:g}")
    name = f"{abs(lon):.5f}{'E' if lon >= 0 else 'W'} {abs(lat):.5f}{'N' if lat >= 0 else 'S'} {radius_m:g} m"
    return Aoi(slug(name), name, name, _ring(text, lon, lat, radius_m))


def _ring(text: str, lon: float, lat: float, radius_m: float) -> BaseGeometry:
    azimuths = np.arange(CIRCLE_VERTICES) * (360 / CIRCLE_VERTICES)
    same = np.ones(CIRCLE_VERTICES)
    east, north, _ = CGCS2000.fwd(lon * same, lat * same, azimuths, radius_m * same)
    if float(np.ptp(east)) > 180:
        raise InvalidGeometryError(f"{text!r}: the circle crosses the antimeridian; give a circle on each side")
    if float(np.min(north)) < SOUTH or float(np.max(north)) > NORTH:
        raise InvalidGeometryError(f"{text!r}: the circle reaches beyond 80° S or 84° N, where the UTM grid ends")
    return Polygon(zip(east, north, strict=True))


def _unknown(text: str, path: Path, home: Path | None) -> UnknownAoiError | UnreadableVectorError:
    if path.suffix.casefold() in _SUFFIXES or len(path.parts) > 1:
        what = "is a folder, not a file" if path.is_dir() else "there is no such file"
        return UnreadableVectorError(f"{path}: {what}; give an id, lon,lat,radius_m, or a file: {FORMATS}")
    known = sorted({*starter_ids(), *stored_ids(home)})
    near = difflib.get_close_matches(text, known, n=1)
    meant = f"; did you mean {near[0]}?" if near else "."
    return UnknownAoiError(
        f"{text!r} is not an AOI{meant} Known are {', '.join(known)}; or give a file, or lon,lat,radius_m"
    )

"""From whatever CRS a file is in to degrees, and what to say when it does not tell."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import CRSError, ProjError
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from aoi.errors import UnreadableVectorError
from aoi.features import WHOLE_FILE, Problem
from aoi.zones import FIRST_ZONE, LAST_ZONE, zone_epsg

EDGE_M = 2000.0
"""Edges longer than this are cut before reprojection: straight on a map is not straight in degrees (0.1 m here)."""

OLD_DATUMS = ("Xian 1980", "Beijing 1954", "New Beijing")
"""Their shift to CGCS2000 is not public to the metre; PROJ takes none, or a coarse one."""

BEYOND_USE_DEG = 20.0
"""A place this far outside the ground that a CRS is made for was written in another CRS."""


def to_degrees(
    geometries: Sequence[BaseGeometry | None], crs_text: str, path: Path
) -> tuple[list[BaseGeometry | None], tuple[Problem, ...]]:
    """Geometries in EPSG:4326, longitude first, and what must be said of the CRS.

    Raises:
        UnreadableVectorError: if nobody knows the CRS, it does not lie on the Earth, or the coordinates are not in it.
    """
    crs = known_crs(crs_text, path)
    moved, lost = moved_to_degrees(geometries, crs, path)
    if lost.any():
        raise misfit(geometries[int(np.flatnonzero(lost)[0])], crs, path)
    return moved, datum_problems(crs)


def moved_to_degrees(
    geometries: Sequence[BaseGeometry | None], crs: pyproj.CRS, path: Path
) -> tuple[list[BaseGeometry | None], NDArray[np.bool_]]:
    """Geometries in EPSG:4326, and which of them have coordinates that can not be in this CRS.

    Raises:
        UnreadableVectorError: if nothing can be brought from this CRS to degrees.
    """
    if crs.is_projected:
        geometries = [None if g is None else _with_short_edges(g) for g in geometries]
    transformer = transformer_from(crs.to_wkt())
    try:
        moved = [
            None if geometry is None else shapely.transform(geometry, transformer.transform, interleaved=False)
            for geometry in geometries
        ]
    except ProjError as error:
        raise UnreadableVectorError(f"{path}: can not be brought to degrees from {crs.name}: {error}") from error
    return moved, _misfits(moved, crs)


def _with_short_edges(geometry: BaseGeometry) -> BaseGeometry:
    """Edges cut to `EDGE_M`, ring by ring where rings cross: GEOS would drop what such a ring encloses backwards."""
    if geometry.geom_type not in ("Polygon", "MultiPolygon", "GeometryCollection") or geometry.is_valid:
        return shapely.segmentize(geometry, EDGE_M)
    if geometry.geom_type == "Polygon":
        shell, *holes = (shapely.segmentize(ring, EDGE_M) for ring in (geometry.exterior, *geometry.interiors))
        return Polygon(shell, holes)
    return type(geometry)([_with_short_edges(part) for part in shapely.get_parts(geometry)])


@lru_cache(maxsize=32)
def transformer_from(wkt: str) -> pyproj.Transformer:
    """From a CRS to EPSG:4326, x then y on both sides."""
    return pyproj.Transformer.from_crs(wkt, 4326, always_xy=True)


@lru_cache(maxsize=32)
def known_crs(text: str, path: Path) -> pyproj.CRS:
    """The CRS that a file names.

    Raises:
        UnreadableVectorError: if nobody knows it, or it is not of the Earth's surface.
    """
    try:
        crs = pyproj.CRS.from_user_input(text)
    except CRSError as error:
        raise UnreadableVectorError(
            f"{path}: names a CRS that is not known ({text[:60]!r}); assign one, such as EPSG:4490 or EPSG:4528"
        ) from error
    if not (crs.is_geographic or crs.is_projected):
        raise UnreadableVectorError(
            f"{path}: its CRS is {crs.name!r}, not places on the Earth; assign the true one, such as EPSG:4528"
        )
    return crs


def _misfits(after: Sequence[BaseGeometry | None], crs: pyproj.CRS) -> NDArray[np.bool_]:
    lonlat, owner = shapely.get_coordinates(np.array(after, dtype=object), return_index=True)
    lost = ~np.isfinite(lonlat).all(axis=1)
    if (use := crs.area_of_use) is not None and crs.is_projected and use.west < use.east:
        lost |= (lonlat[:, 0] < use.west - BEYOND_USE_DEG) | (lonlat[:, 0] > use.east + BEYOND_USE_DEG)
        lost |= (lonlat[:, 1] < use.south - BEYOND_USE_DEG) | (lonlat[:, 1] > use.north + BEYOND_USE_DEG)
    found = np.zeros(len(after), dtype=bool)
    found[owner[lost]] = True
    return found


def misfit(written: BaseGeometry | None, crs: pyproj.CRS, path: Path) -> UnreadableVectorError:
    """The refusal of coordinates that can not be in the CRS that a file names."""
    x, y = shapely.get_coordinates(written)[0]
    return UnreadableVectorError(
        f"{path}: the coordinates ({x:.10g}, {y:.10g}) do not fit its CRS {crs.name}; "
        "the CRS is wrong, x and y are swapped, or the zone prefix of the eastings is missing"
    )


def datum_problems(crs: pyproj.CRS) -> tuple[Problem, ...]:
    """What must be said of an old datum."""
    geodetic = crs.geodetic_crs
    datum = geodetic.datum.name if geodetic is not None and geodetic.datum is not None else ""
    if datum not in OLD_DATUMS:
        return ()
    return (
        Problem(
            WHOLE_FILE,
            "warning",
            f"its datum is {datum}: without the official shift to CGCS2000 places may be up to 100 m off",
            f"坐标系基准为 {datum}：没有官方转换参数，转到 CGCS2000 后可能有百米以内的偏差",
        ),
    )


class MissingCrsError(UnreadableVectorError):
    """A file that does not say its CRS, or says one that its coordinates do not fit."""

    def __init__(self, message: str, bounds: tuple[float, float, float, float]) -> None:
        """With the range of its coordinates: x, y least, then greatest (see `aoi.zones.candidates`)."""
        super().__init__(message)
        self.bounds = bounds


def missing_crs(bounds: Sequence[float], path: Path) -> MissingCrsError:
    """The refusal of a file that does not say its CRS: the range of its coordinates, and what they could be."""
    west, south, east, north = (float(value) for value in bounds)
    span = f"x {west:.10g} to {east:.10g}, y {south:.10g} to {north:.10g}"
    sidecar = "add its .prj" if path.suffix.casefold() in (".shp", ".zip") else "assign one to the file"
    if max(abs(west), abs(east)) <= 360 and max(abs(south), abs(north)) <= 360:
        hint = "these may be degrees (EPSG:4490, EPSG:4326, or shifted GCJ-02), but nobody says which"
    else:
        hint = f"these can not be degrees{_could_be(west, east, south, north)}"
    message = f"{path}: does not say its CRS ({span}: {hint}); {sidecar}, it is not guessed"
    return MissingCrsError(message, (west, south, east, north))


def _could_be(west: float, east: float, south: float, north: float) -> str:
    """Names of the Chinese grids whose coordinates look like these; they are shown, never chosen."""
    if 13_000_000 <= south <= north < 46_000_000 and 0 < west <= east < 10_000_000:
        return "; x and y look swapped"
    if not (0 < south <= north < 10_000_000):
        return ""
    first, last = int(west // 1_000_000), int(east // 1_000_000)
    for width in (3, 6):
        if first == last and FIRST_ZONE[width] <= first <= LAST_ZONE[width]:
            return (
                f"; by the prefix of x they look like {width}-degree zone {first}: "
                f"EPSG:{zone_epsg('CGCS2000', width, zone=first)} (CGCS2000), "
                f"EPSG:{zone_epsg('Xian 1980', width, zone=first)} (Xian 1980) or "
                f"EPSG:{zone_epsg('Beijing 1954', width, zone=first)} (Beijing 1954)"
            )
    if 100_000 <= west <= east < 1_000_000:
        return "; they look like a Gauss-Krüger zone without its prefix, EPSG:4534 to EPSG:4554 (CGCS2000)"
    return ""

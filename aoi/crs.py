"""From whatever CRS a file is in to degrees, and what to say when it does not tell."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyproj
import shapely
from pyproj.exceptions import CRSError, ProjError
from shapely.geometry.base import BaseGeometry

from aoi.errors import UnreadableVectorError
from aoi.features import WHOLE_FILE, Problem

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
    if crs.is_projected:
        geometries = [None if g is None else shapely.segmentize(g, EDGE_M) for g in geometries]
    transformer = transformer_from(crs.to_wkt())
    try:
        moved = [
            None if geometry is None else shapely.transform(geometry, transformer.transform, interleaved=False)
            for geometry in geometries
        ]
    except ProjError as error:
        raise UnreadableVectorError(f"{path}: can not be brought to degrees from {crs.name}: {error}") from error
    _refuse_misfits(geometries, moved, crs, path)
    return moved, _datum_problems(crs)


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


def _refuse_misfits(
    before: Sequence[BaseGeometry | None], after: Sequence[BaseGeometry | None], crs: pyproj.CRS, path: Path
) -> None:
    written = shapely.get_coordinates([g for g in before if g is not None])
    lonlat = shapely.get_coordinates([g for g in after if g is not None])
    lost = ~np.isfinite(lonlat).all(axis=1)
    if (use := crs.area_of_use) is not None and crs.is_projected and use.west < use.east:
        lost |= (lonlat[:, 0] < use.west - BEYOND_USE_DEG) | (lonlat[:, 0] > use.east + BEYOND_USE_DEG)
        lost |= (lonlat[:, 1] < use.south - BEYOND_USE_DEG) | (lonlat[:, 1] > use.north + BEYOND_USE_DEG)
    if lost.any():
        x, y = written[lost][0]
        raise UnreadableVectorError(
            f"{path}: the coordinates ({x:.10g}, {y:.10g}) do not fit its CRS {crs.name}; "
            "the CRS is wrong, x and y are swapped, or the zone prefix of the eastings is missing"
        )


def _datum_problems(crs: pyproj.CRS) -> tuple[Problem, ...]:
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


def missing_crs(bounds: Sequence[float], path: Path) -> UnreadableVectorError:
    """The refusal of a file that does not say its CRS: the range of its coordinates, and what they could be."""
    west, south, east, north = bounds
    span = f"x {west:.10g} to {east:.10g}, y {south:.10g} to {north:.10g}"
    sidecar = "add its .prj" if path.suffix.casefold() in (".shp", ".zip") else "assign one to the file"
    if max(abs(west), abs(east)) <= 360 and max(abs(south), abs(north)) <= 360:
        hint = "these may be degrees (EPSG:4490, EPSG:4326, or shifted GCJ-02), but nobody says which"
    else:
        hint = f"these can not be degrees{_candidates(west, east, south, north)}"
    return UnreadableVectorError(f"{path}: does not say its CRS ({span}: {hint}); {sidecar}, it is not guessed")


def _candidates(west: float, east: float, south: float, north: float) -> str:
    """Names of the Chinese grids whose coordinates look like these; they are shown, never chosen."""
    if 13_000_000 <= south <= north < 46_000_000 and 0 < west <= east < 10_000_000:
        return "; x and y look swapped"
    if not (0 < south <= north < 10_000_000):
        return ""
    first, last = int(west // 1_000_000), int(east // 1_000_000)
    if first == last and 25 <= first <= 45:
        cgcs, xian, beijing = 4513 + first - 25, 2349 + first - 25, 2401 + first - 25
        return (
            f"; by the prefix of x they look like 3-degree zone {first}: "
            f"EPSG:{cgcs} (CGCS2000), EPSG:{xian} (Xian 1980) or EPSG:{beijing} (Beijing 1954)"
        )
    if first == last and 13 <= first <= 23:
        cgcs, xian, beijing = 4491 + first - 13, 2327 + first - 13, 21413 + first - 13
        return (
            f"; by the prefix of x they look like 6-degree zone {first}: "
            f"EPSG:{cgcs} (CGCS2000), EPSG:{xian} (Xian 1980) or EPSG:{beijing} (Beijing 1954)"
        )
    if 100_000 <= west <= east < 1_000_000:
        return "; they look like a Gauss-Krüger zone without its prefix, EPSG:4534 to EPSG:4554 (CGCS2000)"
    return ""

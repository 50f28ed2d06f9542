"""Areas on the ellipsoid."""

import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

CGCS2000 = pyproj.Geod(a=6378137, rf=298.257222101)
"""Ellipsoid of the China Geodetic Coordinate System 2000, the same as GRS80."""

EDGE_DEG = 0.01
"""Longer edges are cut here first: an edge is straight in degrees, not the shortest way over the ground."""


def geodesic_area_m2(geometry: BaseGeometry) -> float:
    """Area on the CGCS2000 ellipsoid, m².

    Args:
        geometry: polygon or multipolygon with holes in EPSG:4326 or EPSG:4490, valid; orientation does not matter.
            Of a collection the polygons count; points, lines and nothing at all have no area.
    """
    if geometry.geom_type == "Polygon":
        return _polygon_m2(geometry)
    if geometry.geom_type in ("MultiPolygon", "GeometryCollection"):
        return float(sum(geodesic_area_m2(part) for part in shapely.get_parts(geometry)))
    return 0.0


def _polygon_m2(polygon: BaseGeometry) -> float:
    if polygon.is_empty:
        return 0.0
    cut = shapely.segmentize(polygon, EDGE_DEG)
    rings = (cut.exterior, *cut.interiors)
    shell, *holes = (abs(CGCS2000.geometry_area_perimeter(ring)[0]) for ring in rings)
    return float(shell - sum(holes))

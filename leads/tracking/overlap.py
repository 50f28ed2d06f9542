"""When two outlines are the same site, and when an outline has become another."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from aoi.features import polygonal

OVERLAP = 0.1
"""Share of the smaller of two outlines that must be common ground for them to be one site."""

CHANGED = 0.2
"""Share of an outline that must lie outside another, a pixel's width allowed, for it to be materially another."""

_GRID_DEG = 1e-9
"""0.1 mm: for needles that the arithmetic can not cross as they are."""

_METRES_PER_DEGREE = 111_320.0

Geometries = NDArray[np.object_]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def array_of(geometries: Sequence[BaseGeometry]) -> Geometries:
    """Geometries as an array; numpy would take a multipolygon apart."""
    out = np.empty(len(geometries), dtype=object)
    out[:] = geometries
    return out


def areas_shared(one: Geometries, other: Geometries | BaseGeometry) -> Floats:
    """Planar area of what each pair shares, in the square units of their coordinates."""
    return np.asarray(shapely.area(_overlaid(shapely.intersection, one, other)), dtype=np.float64)


def without(geometry: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    """The polygons of the first that lie outside the second."""
    return polygonal(_overlaid(shapely.difference, geometry, other))


def together(geometries: Sequence[BaseGeometry]) -> BaseGeometry:
    """The ground of all."""
    if len(geometries) == 1:
        return geometries[0]
    try:
        return polygonal(shapely.union_all(list(geometries)))
    except GEOSException:
        return polygonal(shapely.union_all(list(geometries), grid_size=_GRID_DEG))


def edges(one: Geometries, other: Geometries) -> tuple[Indices, Indices, Floats]:
    """Pairs that are one site: index into the first, into the second, and intersection over union.

    In the order of the indices, so that what is made of them depends on the outlines alone.
    """
    if not len(one) or not len(other):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    first, second = shapely.STRtree(other).query(one, predicate="intersects")
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    shared = areas_shared(one[first], other[second])
    sizes = shapely.area(one)[first], shapely.area(other)[second]
    kept = (shared >= OVERLAP * np.minimum(*sizes)) & (shared > 0)
    union = (sizes[0] + sizes[1] - shared)[kept]
    return first[kept].astype(np.int64), second[kept].astype(np.int64), shared[kept] / union


def grown_past(outline: BaseGeometry, earlier: BaseGeometry, gsd_m: float) -> bool:
    """Whether more than `CHANGED` of an outline lies outside an earlier one, widened by a pixel.

    Args:
        outline: today's, EPSG:4326.
        earlier: the one that somebody has seen or judged.
        gsd_m: the pixel size at which today's was seen.
    """
    if outline is earlier or outline.is_empty or shapely.equals_exact(outline, earlier):
        return False
    scale = metres_per_degree(outline)
    today, before = (shapely.transform(geometry, lambda points: points * scale) for geometry in (outline, earlier))
    outside = float(_overlaid(shapely.difference, today, before.buffer(gsd_m)).area)
    return outside > CHANGED * float(today.area)


def metres_per_degree(geometry: BaseGeometry) -> Floats:
    """East and north, at the middle of a geometry: for distances of a few hundred metres."""
    middle = math.cos(math.radians((geometry.bounds[1] + geometry.bounds[3]) / 2))
    return np.array([middle * _METRES_PER_DEGREE, _METRES_PER_DEGREE])


def changed(outline: BaseGeometry, earlier: BaseGeometry, gsd_m: float) -> bool:
    """Whether an outline is materially larger, smaller or elsewhere."""
    return grown_past(outline, earlier, gsd_m) or grown_past(earlier, outline, gsd_m)


def _overlaid(operation: Any, one: Any, other: Any) -> Any:
    try:
        return operation(one, other)
    except GEOSException:
        if not isinstance(one, np.ndarray):
            return operation(one, other, grid_size=_GRID_DEG)
    # pair by pair, so that the result of one never hangs on its neighbours
    pairs = zip(*np.broadcast_arrays(one, other), strict=True)
    return array_of([_overlaid(operation, *pair) for pair in pairs])

"""Where a detector keeps finding what is no lead."""

from collections.abc import Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from leads.tracking.overlap import metres_per_degree

NEAR_M = 300.0
"""Rejected leads no further apart than this are of one place."""

RECURRING = 3
"""So many, rejected for one reason, make a place where the next will be false too."""

_MARGIN_M = 30.0


def recurring(outline: BaseGeometry, rejected: Sequence[BaseGeometry]) -> BaseGeometry | None:
    """The zone around a rejected lead, if enough others were rejected near it.

    Args:
        outline: of the lead that was rejected just now, EPSG:4326.
        rejected: outlines of others of the same detector and reason; those far away do not count.

    Returns:
        The ground that holds them all with a margin; None where there are too few.
    """
    scale = metres_per_degree(outline)
    here, *others = (shapely.transform(one, lambda points: points * scale) for one in (outline, *rejected))
    near = [here, *(other for other in others if here.distance(other) <= NEAR_M)]
    if len(near) < RECURRING:
        return None
    hull = shapely.union_all(near).convex_hull.buffer(_MARGIN_M, quad_segs=4)
    return shapely.transform(hull, lambda points: points / scale)


def widened(outline: BaseGeometry) -> tuple[float, float, float, float]:
    """The box, in degrees, that holds everything within `NEAR_M` of an outline."""
    east, north = NEAR_M / metres_per_degree(outline)
    west, south, right, top = outline.bounds
    return west - east, south - north, right + east, top + north

"""Areas: 亩, and the interval that the pixels along an outline leave open.

docs/design/area-interval.md derives the model and holds the measurements.
"""

import math

from shapely.geometry.base import BaseGeometry

from aoi.area import CGCS2000, geodesic_area_m2

MU_M2 = 2000 / 3
"""One 亩 in square metres."""

BLUR_PX = 0.58
"""Standard deviation of what a sensor makes of an edge: its optics (0.5 pixel) and the pixel itself (1/√12)."""

CELL_PX = 1 / math.sqrt(12)
"""Standard deviation of where the ground's edge lies in one pixel of the outline: anywhere in it."""

LEVEL_PX = 0.1
"""Standard deviation of the whole outline's offset: a threshold at 37–63 % of the contrast, not just at half of it."""

SHAPE_PX = 1.0
"""Standard deviation, in square pixels, of what corners and narrow ends lose whatever the size; counts in specks."""

SIGMAS = 2.0


def mu(area_m2: float) -> float:
    """An area in 亩."""
    return area_m2 / MU_M2


def area_interval(geometry: BaseGeometry, gsd_m: float) -> tuple[float, float]:
    """Lowest and highest area that the pixels of a patch allow, m² on the CGCS2000 ellipsoid.

    Holds the true area in 95 of 100 patches as long as the score crosses its threshold between 37 % and 63 % of the
    patch's contrast. What was mistaken for change, or missed, is no part of it.

    Args:
        geometry: outline of the patch, EPSG:4326.
        gsd_m: pixel size at which it was seen.
    """
    outline_px = perimeter_m(geometry) / gsd_m
    # the level moves all of the outline together; where the ground's edge lies in each pixel is its own chance
    half_px = SIGMAS * math.hypot(LEVEL_PX * outline_px, CELL_PX * math.sqrt(outline_px), SHAPE_PX)
    # blur draws a closed outline inwards by BLUR_PX² / 2 times its curvature: in sum π BLUR_PX², whatever its shape
    middle = geodesic_area_m2(geometry) + math.pi * (BLUR_PX * gsd_m) ** 2
    half_m2 = half_px * gsd_m**2
    return max(middle - half_m2, 0.0), middle + half_m2


def perimeter_m(geometry: BaseGeometry) -> float:
    """Length of all rings on the CGCS2000 ellipsoid, m."""
    return float(CGCS2000.geometry_length(geometry.boundary))

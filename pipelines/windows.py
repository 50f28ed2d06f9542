"""The window around a patch or site in which its history is read: its grid, what lies inside it, and its ring."""

import math
from collections.abc import Sequence

import numpy as np
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from aoi.grid import epsg_of, to_crs, zone_of
from detectors.core.types import BoolArray

MOST_PX = 320 * 320
"""Pixels of a window at most: what is larger is read at a coarser pixel (a site of 2.6 km at 10 m still is not)."""

CLEAR_PX = 2
"""The ring keeps this far from the patch and from every other: their mixed pixels are not like ground."""


def window_around(geometry: BaseGeometry, gsd_m: float, ring_m: float) -> GeoBox:
    """The grid of a window, north-up on the lattice of its pixel size, in the zone of the patch's centre.

    Args:
        geometry: in EPSG:4326.
        gsd_m: pixel size of the run; a window of more than `MOST_PX` takes a multiple of it.
        ring_m: ground wanted around it.
    """
    centre = geometry.centroid
    epsg = zone_of(centre.x, centre.y)
    left, bottom, right, top = to_crs(shapely.segmentize(geometry, 0.01), 4326, epsg).bounds
    factor = 1
    while True:
        step = gsd_m * factor
        margin = ring_m + (CLEAR_PX + 1) * step
        col, row = math.floor((left - margin) / step), math.floor((bottom - margin) / step)
        width, height = math.ceil((right + margin) / step) - col, math.ceil((top + margin) / step) - row
        if width * height <= MOST_PX:
            return GeoBox((height, width), Affine(step, 0, col * step, 0, -step, (row + height) * step), f"EPSG:{epsg}")
        factor = max(factor + 1, math.ceil(factor * math.sqrt(width * height / MOST_PX)))


def inside_and_ring(
    geometry: BaseGeometry, geobox: GeoBox, others: Sequence[BaseGeometry], ring_m: float
) -> tuple[BoolArray, BoolArray]:
    """(H, W) the patch, and the ground within `ring_m` of it that is clear of it and of the others.

    Args:
        geometry: in EPSG:4326.
        geobox: from `window_around`.
        others: other patches of the run, EPSG:4326.
        ring_m: width of the ring.
    """
    inside = _burnt([geometry], geobox)
    if not inside.any():  # narrower than a pixel
        inside = _burnt([geometry], geobox, touched=True)
    pixel_m = float(geobox.affine.a)
    apart = ndimage.distance_transform_edt(~inside)
    ring = (apart > CLEAR_PX) & (apart * pixel_m <= ring_m)
    if others:
        taken = _burnt(others, geobox, touched=True)
        if taken.any():
            ring &= ndimage.distance_transform_edt(~taken) > CLEAR_PX
    return inside, np.asarray(ring)


def _burnt(geometries: Sequence[BaseGeometry], geobox: GeoBox, touched: bool = False) -> BoolArray:
    epsg = epsg_of(geobox)
    shapes = [to_crs(shapely.segmentize(one, 0.01), 4326, epsg) for one in geometries]
    return np.asarray(geometry_mask(shapes, geobox.shape, geobox.affine, all_touched=touched, invert=True))

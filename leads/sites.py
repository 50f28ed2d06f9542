"""Patches of a watched site: the part of it that shows what it is watched for, or all of it."""

from dataclasses import replace

import numpy as np
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from detectors.core.types import BoolArray, Detector
from leads.area import area_interval
from leads.join import join
from leads.model import Patch
from leads.vectorize import fragments

SCORE = 1.0
"""What a patch carries that no score made: its papers are past, and the imagery shows it."""

_NONE = np.empty((0, 2), dtype=np.int32)


def shown_patches(where: BoolArray, geobox: GeoBox, detector: Detector) -> tuple[Patch, ...]:
    """The connected parts that show it, outlined like any other patch; parts below the minimum area are left out.

    Args:
        where: (H, W) the part of the site that shows it.
        geobox: its grid, north-up in UTM on the lattice of its pixel size. It may reach over its zone's edge: a site
            is drawn whole in one plane.
        detector: gives its id and the minimum area.
    """
    everywhere = np.ones(where.shape, np.bool_)
    pieces = fragments(where.astype(np.float32), np.zeros(where.shape, np.uint8), geobox, everywhere, detector)
    # the window is all there is: nothing of it goes on in another block or zone
    whole = (replace(piece, border=_NONE, seam=_NONE, edge=False) for piece in pieces if not piece.blind)
    return join(whole, detector, ())


def site_patch(geometry: BaseGeometry, gsd_m: float, detector: Detector) -> Patch:
    """A site as its layer draws it.

    Args:
        geometry: polygon or multipolygon, EPSG:4326.
        gsd_m: pixel size at which it was looked at.
        detector: gives its id.
    """
    low, high = area_interval(geometry, gsd_m)
    return Patch(detector.id, geometry, SCORE, SCORE, 0, geodesic_area_m2(geometry), low, high, gsd_m)

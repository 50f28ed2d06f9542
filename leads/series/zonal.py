"""Means over a lead and its ring, pixels on the outline counted by the part of them that lies inside.

A lead of 3 亩 is 20 pixels, and half of them lie on its outline: whole pixels would either lose or mix them.
"""

import math
from collections.abc import Mapping

import numpy as np
import shapely
from exactextract import exact_extract  # type: ignore[import-untyped]  # ships no types
from exactextract.raster import NumPyRasterSource  # type: ignore[import-untyped]
from numpy.typing import NDArray
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from aoi.grid import epsg_of, to_crs, zone_of
from leads.series.indices import index_images
from leads.series.model import Pixels, Sample

GAP_PX = 2.0
"""Between a lead and its ring: what lies there is mixed, or trodden by whoever made the change."""

LEAST_RING_M, MOST_RING_M = 100.0, 600.0
"""Width of a ring."""


def ring_of(geometry: BaseGeometry, gsd_m: float, beside: BaseGeometry | None = None) -> BaseGeometry:
    """The ground around a lead that it is compared with, EPSG:4326.

    Half as wide as the side of a square of the lead's area, so that it is like ground and not another country.

    Args:
        geometry: of the lead, EPSG:4326.
        gsd_m: pixel size of the imagery.
        beside: other leads, which are no undisturbed ground; left out with the same gap.
    """
    epsg = zone_of(geometry.centroid.x, geometry.centroid.y)
    lead = to_crs(geometry, 4326, epsg)
    gap_m = GAP_PX * gsd_m
    width_m = min(max(math.sqrt(lead.area) / 2, LEAST_RING_M, 5 * gsd_m), MOST_RING_M)
    inner = lead.buffer(gap_m)
    ring = inner.buffer(width_m).difference(inner)
    if beside is not None and not beside.is_empty:
        left = ring.difference(to_crs(beside, 4326, epsg).buffer(gap_m))
        # among many leads nothing might be left; a ring that holds some of them still says more than none
        ring = left if left.area > 0.2 * ring.area else ring
    return to_crs(ring, epsg, 4326)


def sample(pixels: Pixels, geometry: BaseGeometry, ring: BaseGeometry) -> Sample:
    """The means of one day.

    Args:
        pixels: on a grid that holds the ring.
        geometry: the lead, EPSG:4326.
        ring: as `ring_of` gives it.
    """
    images = index_images(pixels)
    zones = [to_crs(part, 4326, epsg_of(pixels.geobox)) for part in (geometry, ring)]
    seen = np.asarray(np.isfinite(pixels.data).any(axis=0), np.float32)
    layers: dict[str, NDArray[np.float32]] = {"seen": seen, **images}
    means = _means(layers, pixels, zones)
    inside, around = ({name: one[name] for name in images} for one in means)
    return Sample(
        pixels.day, pixels.scenes, pixels.sensor, inside, around, _share(means[0]["seen"]), _share(means[1]["seen"])
    )


def _share(value: float) -> float:
    return 0.0 if math.isnan(value) else min(value, 1.0)


def _means(
    layers: Mapping[str, NDArray[np.float32]], pixels: Pixels, zones: list[BaseGeometry]
) -> list[dict[str, float]]:
    """Of each zone the mean of each layer over its observed ground."""
    affine, (height, width) = pixels.geobox.affine, pixels.geobox.shape
    left, top = affine.c, affine.f
    box = (left, top + affine.e * height, left + affine.a * width, top)
    sources = [NumPyRasterSource(image, *box, nodata=np.nan, name=name) for name, image in layers.items()]
    features = [
        {"type": "Feature", "geometry": mapping(shapely.intersection(zone, shapely.box(*box))), "properties": {}}
        for zone in zones
    ]
    found = exact_extract(sources, features, ["mean"])
    return [{name: _number(one["properties"], name, len(layers)) for name in layers} for one in found]


def _number(properties: Mapping[str, float | None], name: str, count: int) -> float:
    value = properties.get(f"{name}_mean" if count > 1 else "mean")
    return math.nan if value is None else float(value)

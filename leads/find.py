"""From patch to finding: when it happened, and what the ground is in law."""

import datetime as dt
from collections.abc import Sequence

import shapely
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from aoi.conflicts import conflicts
from aoi.features import polygonal
from aoi.layers import Layer, LayerFeature, crossings
from leads.model import Crossing, Finding, Patch

LAYER_STATUS = "layer_status"
"""Attribute of a crossing: ``official``, ``derived`` or ``simulated``."""

LAYER_NAME = "layer_name"
"""Attribute of a crossing: the file and table it came from."""


def finding(
    patch: Patch,
    *,
    last_before: dt.date,
    first_seen: dt.date,
    dates_seen: Sequence[dt.date],
    looks: int,
    layers: Sequence[Layer],
    wanted: tuple[str, ...],
) -> Finding:
    """A patch with its dates, crossed with the layers given.

    Args:
        patch: as seen.
        last_before: last clear day before the change, over the patch.
        first_seen: first clear day that shows it.
        dates_seen: all clear days that show it.
        looks: clear days over the patch inside the after range, whether they show it or not.
        layers: all that were given. Those of kinds that the detector does not want are crossed too: where two maps
            disagree over the ground, both are shown.
        wanted: kinds of layer that the detector asks for.

    Raises:
        UnreadableVectorError: if a layer can not be read.
    """
    given = {layer.kind for layer in layers}
    crossed = [(layer, pair) for layer in layers for pair in crossings(patch.geometry, (layer,))]
    return Finding(
        patch=patch,
        last_before=last_before,
        first_seen=first_seen,
        dates_seen=tuple(sorted(set(dates_seen))),
        looks=looks,
        crossings=tuple(_crossing(patch, layer, *pair) for layer, pair in crossed),
        layers_missing=tuple(kind for kind in wanted if kind not in given),
        conflicts=conflicts([pair for _, pair in crossed], patch.geometry),
    )


def _crossing(patch: Patch, layer: Layer, feature: LayerFeature, area_m2: float) -> Crossing:
    attributes = {**feature.attributes, LAYER_STATUS: layer.status, LAYER_NAME: layer.name}
    ground = _shared(patch.geometry, feature.geometry)
    return Crossing(layer.kind, feature.id, feature.name, area_m2, attributes, ground)


def _shared(one: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    """The ground of both: what two layers share of a patch is told by it."""
    try:
        return polygonal(shapely.intersection(one, other))
    except GEOSException:  # needles thinner than the arithmetic: on a grid of a tenth of a millimetre they are gone
        return polygonal(shapely.intersection(one, other, grid_size=1e-9))

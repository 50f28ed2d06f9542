"""Patches of the pair that lie off a model's own ground: a pit in a town is no business of the model of grassland."""

import math
from collections.abc import Sequence
from dataclasses import replace

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from detectors.core.history import Opinion, PatchSeries, Remark
from detectors.core.types import Detector
from pipelines.judged import Account, Dated
from pipelines.law import Law

LEAST_SHARE = 0.1
"""A patch of which less lies on a model's own ground is not its business."""

M_PER_DEGREE = 111_320.0
"""Of latitude, and of longitude at the equator; within half a per cent."""


def on_own_ground(found: Sequence[Dated], law: Law, account: Account) -> list[Dated]:
    """The patches that lie on their model's own ground, as far as its layers were given.

    Where none of the layers that would tell was given, every patch stays: the lead says what was missing.

    Args:
        found: patches of the pair.
        law: its layers.
        account: takes what lies elsewhere.
    """
    kept = []
    for one in found:
        kinds = one.detector.ground
        layers = [layer for layer in law.layers if layer.kind in kinds]
        if not layers:
            kept.append(one)
            continue
        within, place = one.detector.ground_within_m, one.patch.geometry
        reach = _grown(place, within)
        ground = [feature.geometry for layer in layers for feature in layer.features_in(reach)]
        if _share(place, ground) >= LEAST_SHARE:
            kept.append(one)
        elif within and any(reach.intersects(near) for near in ground):
            kept.append(replace(one, detector=_asked_first(one.detector)))  # its look has to show why it is the model's
        else:
            account.drop(one.detector.id, _OFF)
    return kept


def by_its_look(found: Sequence[Dated], law: Law) -> list[Dated]:
    """Patches of models that were given no layer of their ground: judged also by what the ground looked like before."""
    return [replace(one, detector=_asked_first(one.detector)) if _blind(one.detector, law) else one for one in found]


def _blind(detector: Detector, law: Law) -> bool:
    return bool(detector.ground) and not law.kinds.intersection(detector.ground)


def _asked_first(detector: Detector) -> Detector:
    look, judge = detector.own_by_look, detector.judge
    if look is None or judge is None:
        return detector

    def judged(series: PatchSeries) -> Opinion:
        other = look(series)
        return judge(series) if other is None else Opinion(False, (other,))

    return replace(detector, judge=judged)


_OFF = Opinion(False, (Remark("不在本模型图层范围内", "off the model's own ground, by the layers given"),))


def _share(place: BaseGeometry, ground: Sequence[BaseGeometry]) -> float:
    """Share of a place that is such ground."""
    area = geodesic_area_m2(place)
    pieces = [shapely.intersection(place, one) for one in ground]
    shared = sum(geodesic_area_m2(piece) for piece in pieces if piece.area > 0)
    return shared / area if area > 0 else 0.0


def _grown(geometry: BaseGeometry, metres: float) -> BaseGeometry:
    if metres <= 0:
        return geometry
    narrow = math.cos(math.radians(geometry.centroid.y))
    flat = shapely.transform(geometry, lambda points: points * (narrow, 1.0))
    return shapely.transform(flat.buffer(metres / M_PER_DEGREE), lambda points: points / (narrow, 1.0))

"""Patches off a model's own ground, or on ground that it leaves to another: each model minds its own business."""

import math
from collections.abc import Sequence
from dataclasses import replace

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from detectors.core.history import Opinion, PatchSeries, Remark
from detectors.core.papers import handed_over
from detectors.core.types import Detector, Left
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


def left_to_others(found: Sequence[Dated], law: Law, account: Account) -> list[Dated]:
    """The patches without those on ground that their model leaves to another (`Detector.leaves`).

    Args:
        found: patches of the pair, or of surveys.
        law: its layers.
        account: takes what is left to another model, with its name.
    """
    kept = []
    for one in found:
        left = next((left for left in one.detector.leaves if _lies_in(one, left, law)), None)
        if left is None:
            kept.append(one)
        else:
            account.drop(one.detector.id, _left(left))
    return kept


def _lies_in(one: Dated, left: Left, law: Law) -> bool:
    place, day = one.patch.geometry, one.sighting.first_seen
    reach = _grown(place, left.within_m)
    permits = [
        _grown(feature.geometry, left.within_m)
        for layer in law.layers
        if layer.kind == left.kind
        for feature in layer.features_in(reach)
        if handed_over(feature.attributes, day)
    ]
    return bool(permits) and _share(place, [shapely.union_all(permits)]) >= left.least_share


def _left(left: Left) -> Opinion:
    around = f"及其周边{left.within_m:.0f}米" if left.within_m else ""
    near = f" or within {left.within_m:.0f} m of it" if left.within_m else ""
    why = Remark(
        f"位于在用许可（{left.kind}）用地{around}内：由{left.to}模型判断",
        f"on ground in use under a permit ({left.kind}){near}: left to the model {left.to}",
    )
    return Opinion(False, (why,))


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

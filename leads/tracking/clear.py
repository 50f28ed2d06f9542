"""How much of an outline a day's clear ground covers."""

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from leads.tracking.overlap import Floats, Geometries, areas_shared, together

CLEAR = 0.8
"""Share of an outline that must be seen before a look without it speaks against it: the rest may hide the change."""

WHOLE = 0.99
"""From this share on the outline was seen whole: what a look does not show of it has gone."""


def shares(outlines: Geometries, grounds: Sequence[BaseGeometry]) -> Floats:
    """Share of each outline, 0–1, that lies on any of the grounds.

    A ground may have a hundred thousand vertices: it is prepared once, and crossed only with outlines at its edge.
    """
    out = np.zeros(len(outlines))
    edge: dict[int, list[BaseGeometry]] = {}
    for ground in grounds:
        shapely.prepare(ground)
        todo = np.flatnonzero(out < 1)
        if ground.is_empty or not len(todo):
            continue
        todo = todo[shapely.intersects(ground, outlines[todo])]
        inside = shapely.covers(ground, outlines[todo])
        out[todo[inside]] = 1.0
        for index in todo[~inside].tolist():
            edge.setdefault(index, []).append(ground)
    for index, around in edge.items():
        if out[index] < 1:
            out[index] = _share(outlines[index], around)
    return out


def _share(outline: BaseGeometry, grounds: Sequence[BaseGeometry]) -> float:
    west, south, east, north = outline.bounds
    pad = max(east - west, north - south) * 0.01
    near = [shapely.clip_by_rect(ground, west - pad, south - pad, east + pad, north + pad) for ground in grounds]
    if len(near) > 1:
        near = [together([shapely.make_valid(part) for part in near])]
    shared = float(areas_shared(np.array([outline], dtype=object), shapely.make_valid(near[0]))[0])
    return min(shared / float(outline.area), 1.0)

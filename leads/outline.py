"""Outlines of pixels: from runs on the lattice to a smooth polygon of the same area.

The outline is traced from runs (row, first column, column after the last), never from an image, so its cost follows
the patch and not its bounding box, and the same pixels always give the same vertices. Corner-touching pixels belong
together (8-connected): where two of them meet, the outline is traced so that they stay joined by a neck of 0.7 pixel.
One connected set of pixels therefore has exactly one shell, and the polygon is valid by construction.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

IntArray = NDArray[np.int64]

KEPT_CORNER_PX = 3
"""A corner between two edges of at least this length is a corner on the ground; others are steps of the raster."""

INTRICATE = 1000
"""A patch with more rings than this keeps the steps of the raster: simplifying takes time with the square of them."""

TOLERANCES_PX = (0.5, 0.35, 0.2)
"""Tried in turn until the outline is valid and keeps its area."""

AREA_KEPT = 0.005
"""Greatest relative change of area that smoothing may leave."""

_AREA_EXACT = 2e-4
"""Relative change of area that is not worth correcting."""


def merged(runs: IntArray) -> IntArray:
    """The same pixels as runs in order, abutting and overlapping ones made one.

    Args:
        runs: (n, 3) row, first column, column after the last.
    """
    runs = runs[np.lexsort((runs[:, 1], runs[:, 0]))]
    row, start, stop = runs.T
    # the furthest column reached so far in the row: rows are kept apart by an offset wider than any of them
    apart = (row - row[0]) * (int(stop.max()) - int(start.min()) + 2)
    reach = np.maximum.accumulate(stop + apart)
    first = np.ones(len(runs), dtype=bool)
    first[1:] = (start[1:] + apart[1:]) > reach[:-1]
    begin = np.flatnonzero(first)
    last = np.append(begin[1:], len(runs)) - 1
    return np.stack([row[begin], start[begin], reach[last] - apart[last]], axis=1)


@dataclass(frozen=True)
class Outline:
    """A smooth-stepped outline and the exact area of the pixels that it stands for."""

    geometry: BaseGeometry
    """Polygon or MultiPolygon in pixel units, valid."""

    pixels: int
    """Pixels inside, those of filled holes included."""


def outline(runs: IntArray, least_hole_px: float) -> Outline:
    """Outline of one 8-connected set of pixels.

    Args:
        runs: (n, 3) as from `merged`; row r covers y from r to r + 1.
        least_hole_px: holes of fewer pixels are filled.
    """
    rings, areas = _rings(runs, least_hole_px)
    shells = [ring for ring, area in zip(rings, areas, strict=True) if area > 0]
    if len(shells) != 1:
        raise ValueError(f"a connected patch has one shell, not {len(shells)}")
    holes = [ring for ring, area in zip(rings, areas, strict=True) if area < 0]
    return Outline(shapely.normalize(Polygon(shells[0], holes)), sum(areas))


def outlines(runs: IntArray, least_hole_px: float) -> Outline:
    """Outline of any set of pixels; as `outline`, which is faster where they are connected."""
    rings, areas = _rings(runs, least_hole_px)
    lines = shapely.geometrycollections([shapely.linearrings(ring) for ring in rings])
    return Outline(shapely.build_area(lines), sum(areas))


def _rings(runs: IntArray, least_hole_px: float) -> tuple[list[NDArray[np.float64]], list[int]]:
    """Closed rings, steps cut to slopes, shells anticlockwise; and for each the signed area of its pixels."""
    tail, head = _edges(runs)
    following, saddle = _following(tail, head)
    cycles = _cycles(following)
    order = np.concatenate([np.asarray(cycle) for cycle in cycles])
    begin = np.cumsum([0, *(len(cycle) for cycle in cycles[:-1])])
    # twice the area is the sum of cross products; for edges along the axes that is exact in whole numbers
    near_tail, near_head = (tail - tail[0])[order], (head - tail[0])[order]
    cross = near_tail[:, 0] * near_head[:, 1] - near_head[:, 0] * near_tail[:, 1]
    areas = (np.add.reduceat(cross, begin) // 2).tolist()
    kept = [n for n, area in enumerate(areas) if area > 0 or -area >= least_hole_px]
    leg = 0.5 if len(kept) <= INTRICATE else 0.02
    return [_cut_steps(tail[cycles[n]], saddle[cycles[n]], leg) for n in kept], [areas[n] for n in kept]


def without_small_holes(geometry: BaseGeometry, least: float) -> BaseGeometry:
    """The geometry with holes smaller than `least` (square units of its plane) filled."""
    parts = [
        Polygon(part.exterior, [hole for hole in part.interiors if Polygon(hole).area >= least])
        for part in shapely.get_parts(geometry)
    ]
    # an island may have lain in a hole that is filled now
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)


def smoothed(geometry: BaseGeometry, area: float, pixel: float) -> BaseGeometry:
    """The outline with fewer vertices, valid, and of the area asked for within `AREA_KEPT`.

    An outline of more than `INTRICATE` rings is left as it is.

    What simplifying and cutting corners took from the area is given back by moving the outline by a few hundredths of
    a pixel. Where no tolerance succeeds, the outline comes back as it was.

    Args:
        geometry: valid Polygon or MultiPolygon in a plane.
        area: the area of its pixels, holes that were filled included.
        pixel: edge of a pixel in units of the plane.
    """
    start = shapely.normalize(geometry)
    if shapely.get_num_interior_rings(shapely.get_parts(start)).sum() >= INTRICATE:
        return start
    for tolerance in TOLERANCES_PX:
        candidate = _of_area(shapely.simplify(start, tolerance * pixel, preserve_topology=True), area)
        if _good(candidate, start, area):
            return candidate
    exact = _of_area(start, area)
    return exact if _good(exact, start, area) else start


def _of_area(geometry: BaseGeometry, area: float) -> BaseGeometry:
    for _ in range(3):
        if geometry.is_empty or abs(geometry.area - area) <= _AREA_EXACT * area:
            break
        geometry = geometry.buffer((area - geometry.area) / geometry.length, join_style="mitre", mitre_limit=2)
    return geometry


def _good(candidate: BaseGeometry, start: BaseGeometry, area: float) -> bool:
    return bool(
        candidate.is_valid
        and candidate.geom_type == start.geom_type
        and shapely.get_num_geometries(candidate) == shapely.get_num_geometries(start)
        and abs(candidate.area - area) <= AREA_KEPT * area
    )


def _edges(runs: IntArray) -> tuple[IntArray, IntArray]:
    """Directed edges of the outline, ground on their left: (n, 2) first and last points."""
    row, start, stop = runs.T
    down = np.stack([start, row + 1, start, row], axis=1)
    up = np.stack([stop, row, stop, row + 1], axis=1)
    # Along each lattice line, the ends of the runs above and below it, sorted and taken in pairs, are the stretches
    # where one side is ground and the other is not.
    line = np.concatenate([row, row, row + 1, row + 1])
    x = np.concatenate([start, stop, start, stop])
    above = np.repeat([1, 0], 2 * len(runs))
    order = np.lexsort((x, line))
    line, x, inside = line[order], x[order], np.cumsum(above[order]) % 2 == 1
    left, right, level, upward = x[0::2], x[1::2], line[0::2], inside[0::2]
    flat = np.stack([np.where(upward, left, right), level, np.where(upward, right, left), level], axis=1)
    edges = np.concatenate([down, up, flat[left < right]])
    return edges[:, :2], edges[:, 2:]


def _following(tail: IntArray, head: IntArray) -> tuple[IntArray, NDArray[np.bool_]]:
    """For each edge the one that follows it, and whether its tail is a point where pixels touch by a corner only."""
    low = np.minimum(tail.min(axis=0), head.min(axis=0))
    width = int(np.max(tail[:, 0].max() - low[0]) + 2)
    begins = (tail[:, 1] - low[1]) * width + tail[:, 0] - low[0]
    ends = (head[:, 1] - low[1]) * width + head[:, 0] - low[0]
    order = np.argsort(begins, kind="stable")
    ordered = begins[order]
    first = np.searchsorted(ordered, ends, side="left")
    double = np.searchsorted(ordered, ends, side="right") - first == 2
    following = order[first]
    # at a saddle turn right: that keeps the two corner-touching pixels joined
    step, other = head - tail, order[np.minimum(first + 1, len(order) - 1)]
    out = head[following] - tail[following]
    turn = step[:, 0] * out[:, 1] - step[:, 1] * out[:, 0]
    following = np.where(double & (turn > 0), other, following)
    saddle = np.zeros(len(tail), dtype=bool)
    saddle[following[double]] = True
    return following, saddle


def _cycles(following: IntArray) -> list[list[int]]:
    after = following.tolist()
    seen = bytearray(len(after))
    found = []
    for first in range(len(after)):
        if seen[first]:
            continue
        ring, edge = [], first
        while not seen[edge]:
            seen[edge] = 1
            ring.append(edge)
            edge = after[edge]
        found.append(ring)
    return found


def _cut_steps(points: IntArray, saddle: NDArray[np.bool_], leg: float) -> NDArray[np.float64]:
    """A closed ring with corners cut by `leg` pixels (0.5: at the middle of a step); those of long edges are kept."""
    step = np.roll(points, -1, axis=0) - points
    direction = np.sign(step)
    turns = np.any(direction != np.roll(direction, 1, axis=0), axis=1)
    corner, saddle = points[turns].astype(np.float64), saddle[turns]
    outward = np.roll(corner, -1, axis=0) - corner
    length = np.abs(outward).sum(axis=1)
    outward /= length[:, None]
    inward = np.roll(outward, 1, axis=0)
    kept = (np.minimum(length, np.roll(length, 1)) >= KEPT_CORNER_PX) & ~saddle
    legs = np.where(kept, 0.0, leg)[:, None]
    ring = np.stack([corner - legs * inward, corner + legs * outward], axis=1).reshape(-1, 2)
    fresh = np.any(ring != np.roll(ring, 1, axis=0), axis=1)
    ring = ring[fresh]
    return np.concatenate([ring, ring[:1]])

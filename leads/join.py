"""From pieces of blocks to patches: united on the lattice and across zones, thresholded, outlined, measured.

Pixels are united before anything is smoothed, so the patches do not depend on how the ground was cut into blocks nor on
the order of the pieces.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.features import polygonal
from aoi.grid import to_crs, zone_box
from detectors.core.types import Detector
from leads.area import lead_interval
from leads.contact import beyond, groups, sides_of
from leads.lattice import IntArray
from leads.model import Patch
from leads.outline import INTRICATE, merged, outline, outlines, smoothed, without_small_holes
from leads.vectorize import LEAST_SCALE, Fragment

MOST_PARTS = 0.7
"""Share of a patch's pixels of which no transition of its model need speak: one that is hardly anything else is none of
the model's."""

HOLE_SHARE = 0.25
"""Holes smaller than this share of the minimum area are filled: they are specks inside one site."""

_GRID_DEG = 1e-9
"""0.1 mm: what two zones bring to their common edge is rounded to it, so that they meet without a sliver."""

_STRAIGHT_M = 1000.0
"""Longer edges get vertices in between before they are taken to another CRS, where they would be curves."""


def join(fragments: Iterable[Fragment], detector: Detector, analysed: Collection[GeoBox]) -> tuple[Patch, ...]:
    """The patches that the pieces of all blocks make.

    Args:
        fragments: from `leads.vectorize.fragments` of every block, in any order. Taken one by one: only pieces that
            touch a border are kept until the end.
        detector: gives thresholds and minimum area.
        analysed: the cores of the blocks that were worked, read after the last fragment (so a generator of fragments
            may fill it). A patch that reaches beyond them is marked `clipped`, as is one beside unobserved ground.

    Returns:
        Patches from south-west to north-east, each a valid Polygon (a MultiPolygon only where pixels of two zones
        meet by hardly a corner), at least `minimum_area_m2` large.
    """
    held: list[Fragment] = []
    patches: list[Patch | None] = []
    for fragment in fragments:
        if fragment.touches:
            held.append(fragment)
        else:
            patches.append(_patch((fragment,), fragment.edge, detector))
    if held:
        patches += [_patch(group, clipped, detector) for group, clipped in groups(held, analysed)]
    return tuple(sorted((patch for patch in patches if patch is not None), key=_place))


def _place(patch: Patch) -> tuple[float, ...]:
    west, south, east, north = patch.geometry.bounds
    return south, west, north, east, patch.area_m2


def _patch(group: Sequence[Fragment], clipped: bool, detector: Detector) -> Patch | None:
    score_max = max(fragment.score_max for fragment in group)
    pixels = sum(fragment.pixels for fragment in group)
    turned = np.sum([fragment.transitions for fragment in group], axis=0)
    if score_max < detector.begun_at or turned[-1] > MOST_PARTS * pixels:
        return None
    geometry = _ground(group, detector)
    area_m2 = geodesic_area_m2(geometry) if geometry is not None else 0.0
    if geometry is None or area_m2 < detector.minimum_area_m2:
        return None
    gsd_m = group[0].gsd_m
    score_mean = round(sum(fragment.score_sum for fragment in group) / pixels, 6)
    low, high = lead_interval(geometry, gsd_m, score_mean)
    return Patch(
        detector=detector.id,
        geometry=geometry,
        score_max=round(score_max, 6),
        score_mean=score_mean,
        transition=int(np.argmax(turned[:-1])),
        area_m2=area_m2,
        area_low_m2=low,
        area_high_m2=high,
        gsd_m=gsd_m,
        clipped=clipped,
    )


def _ground(group: Sequence[Fragment], detector: Detector) -> BaseGeometry | None:
    """Outline of the united pixels, EPSG:4326; None where a look at the pixels tells that they are too few."""
    gsd_m, least_hole_m2 = group[0].gsd_m, detector.minimum_area_m2 * HOLE_SHARE
    if any(len(fragment.seam) for fragment in group):
        epsg = _main_zone(group)
        plane, cut_m2 = _across_zones(group, epsg, least_hole_m2)
        plane = without_small_holes(plane, least_hole_m2)
        plane = smoothed(plane, plane.area + cut_m2, gsd_m)
    else:
        epsg = group[0].epsg
        traced = outline(_runs(group), least_hole_m2 / gsd_m**2)
        if traced.pixels * gsd_m**2 < detector.minimum_area_m2 * LEAST_SCALE:
            return None
        in_pixels = smoothed(traced.geometry, traced.pixels, 1.0)
        plane = shapely.transform(in_pixels, lambda cells: cells * gsd_m)
    return to_crs(_with_short_edges(plane), epsg, 4326)


def _with_short_edges(plane: BaseGeometry) -> BaseGeometry:
    rings = shapely.get_num_interior_rings(shapely.get_parts(plane)).sum()
    # an intricate outline has the steps of the raster for edges, and GEOS takes minutes over its holes
    return plane if rings >= INTRICATE else shapely.segmentize(plane, _STRAIGHT_M)


def _runs(group: Sequence[Fragment]) -> IntArray:
    return merged(np.concatenate([fragment.runs for fragment in group]).astype(np.int64))


def _main_zone(group: Sequence[Fragment]) -> int:
    """The zone that holds most of the pixels; of equals the lower EPSG code."""
    pixels: dict[int, int] = defaultdict(int)
    for fragment in group:
        pixels[fragment.epsg] += fragment.pixels
    return min(pixels, key=lambda epsg: (-pixels[epsg], epsg))


def _across_zones(group: Sequence[Fragment], epsg: int, least_hole_m2: float) -> tuple[BaseGeometry, float]:
    """The union over zones in the plane of one of them, without gap or overlap at the zones' edge.

    Returns:
        The union, and the area that cutting the steps of the raster to slopes took from it.
    """
    zones: dict[int, list[Fragment]] = defaultdict(list)
    for fragment in group:
        zones[fragment.epsg].append(fragment)
    parts, cut_m2 = zip(*(_up_to_edge(members, least_hole_m2) for _, members in sorted(zones.items())), strict=True)
    whole = shapely.normalize(shapely.union_all(parts, grid_size=_GRID_DEG))
    plane = polygonal(shapely.make_valid(to_crs(whole, 4326, epsg)))
    return plane if plane.geom_type == "Polygon" else _bridged(plane, epsg, group), sum(cut_m2)


def _up_to_edge(members: Sequence[Fragment], least_hole_m2: float) -> tuple[BaseGeometry, float]:
    """One zone's pixels, drawn out or cut to end exactly on the zone's edge, EPSG:4326; and what slopes took, m²."""
    epsg, gsd_m = members[0].epsg, members[0].gsd_m
    runs = merged(np.concatenate([_runs(members), _drawn_out(members)]))
    traced = outlines(runs, least_hole_m2 / gsd_m**2)
    cut_px = traced.pixels - traced.geometry.area
    plane = shapely.transform(traced.geometry, lambda xy: xy * gsd_m)
    ground = to_crs(_with_short_edges(plane), epsg, 4326)
    return polygonal(shapely.intersection(ground, zone_box(epsg), grid_size=_GRID_DEG)), cut_px * gsd_m**2


def _drawn_out(members: Sequence[Fragment]) -> IntArray:
    """Runs of one cell: the two cells beyond each pixel that ends on the zone's edge."""
    epsg, gsd_m = members[0].epsg, members[0].gsd_m
    seam = np.concatenate([fragment.seam for fragment in members]).astype(np.int64)
    found = [np.empty((0, 3), dtype=np.int64)]
    for side in sides_of(epsg):
        ends = seam[beyond(side, epsg, gsd_m, seam)]
        for far in (1, 2):
            col, row = (ends + far * np.array(side.step)).T
            found.append(np.stack([row, col, col + 1], axis=1))
    return np.concatenate(found)


def _bridged(plane: BaseGeometry, epsg: int, group: Sequence[Fragment]) -> BaseGeometry:
    """Parts that come within a pixel of each other on a zone's edge, joined there."""
    gsd_m, (west, south, east, north) = group[0].gsd_m, to_crs(plane, epsg, 4326).bounds
    lines = [
        LineString([(side.value, south), (side.value, north)] if side.axis == "lon" else [(west, 0), (east, 0)])
        for side in sides_of(epsg)
    ]
    edges = shapely.union_all([to_crs(shapely.segmentize(line, 0.01), 4326, epsg) for line in lines])
    near, reach = shapely.intersection(plane, edges.buffer(4 * gsd_m)), 0.75 * gsd_m
    closed = near.buffer(reach, join_style="mitre").buffer(-reach, join_style="mitre")
    return polygonal(shapely.union(plane, shapely.intersection(closed, edges.buffer(2 * gsd_m))))

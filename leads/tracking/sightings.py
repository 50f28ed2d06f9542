"""From a look's findings to sightings, and the sightings of a day that are one and the same."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import replace

import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from aoi.area import geodesic_area_m2
from leads.model import Finding
from leads.tracking.overlap import array_of, edges, together
from leads.tracking.track import Sighting


def sighting_of(finding: Finding, day: dt.date, inventory: bool) -> Sighting:
    """A finding on one of the days that show it."""
    patch = finding.patch
    # the change lies after it; a composite's last day may be later than that over the patch
    last_before = min(finding.last_before, day - dt.timedelta(days=1))
    geometry = shapely.force_2d(patch.geometry)
    numbers = (patch.area_m2, patch.area_low_m2, patch.area_high_m2, patch.score_mean, patch.gsd_m)
    told = f"{last_before} {inventory} {' '.join(map(float.hex, map(float, numbers)))}"
    digest = hashlib.sha256(shapely.to_wkb(shapely.normalize(geometry), byte_order=1) + told.encode())
    return Sighting(f"{day:%Y%m%d}-{digest.hexdigest()[:24]}", day, geometry, *numbers, last_before, inventory)


def united(sightings: Sequence[Sighting]) -> tuple[list[Sighting], dict[str, tuple[str, ...]]]:
    """A day's sightings in the order of their keys, those of common ground made one, and the keys of each.

    Two runs over one day, or two areas that overlap, may report a site twice with outlines that differ a little.
    """
    ordered = sorted({sighting.key: sighting for sighting in sightings}.values(), key=lambda one: one.key)
    if not ordered:
        return [], {}
    grounds = array_of([one.geometry for one in ordered])
    first, second, _ = edges(grounds, grounds)
    if len(first) == len(ordered):
        return ordered, {one.key: (one.key,) for one in ordered}
    graph = coo_array(([1] * len(first), (first, second)), shape=(len(ordered), len(ordered)))
    _, label = connected_components(graph, directed=False)
    groups: dict[int, list[Sighting]] = {}
    for sighting, group in zip(ordered, label.tolist(), strict=True):
        groups.setdefault(group, []).append(sighting)
    out = [_one(group) for group in groups.values()]
    keys = {one.key: tuple(part.key for part in group) for one, group in zip(out, groups.values(), strict=True)}
    return out, keys


def _one(group: Sequence[Sighting]) -> Sighting:
    first = group[0]
    if len(group) == 1:
        return first
    ground = together([one.geometry for one in group])
    area = geodesic_area_m2(ground)
    best = max(group, key=lambda one: (one.area_m2, one.key))
    return replace(
        first,
        geometry=ground,
        area_m2=area,
        area_low_m2=min(area, *(one.area_low_m2 for one in group)),
        area_high_m2=max(area, *(one.area_high_m2 for one in group)),
        score=best.score,
        gsd_m=best.gsd_m,
        last_before=max(one.last_before for one in group),
        befores=tuple(sorted({one.last_before for one in group})),
        inventory=any(one.inventory for one in group),
    )

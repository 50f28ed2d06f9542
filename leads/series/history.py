"""From the pixels of every date to a lead's history."""

from collections.abc import Iterable

from shapely.geometry.base import BaseGeometry

from leads.series.change import find_break
from leads.series.model import History, Pixels, Sample, Unread
from leads.series.zonal import ring_of, sample

LEAST_SEEN_INSIDE, LEAST_SEEN_RING = 0.8, 0.4
"""Shares that must have been observed for a day to count."""


def history_of(
    geometry: BaseGeometry, looks: Iterable[Pixels | Unread], gsd_m: float, beside: BaseGeometry | None = None
) -> History:
    """The history of a lead.

    Args:
        geometry: its outline, EPSG:4326.
        looks: all dates in any order; read one at a time.
        gsd_m: pixel size of the imagery.
        beside: other leads, kept out of the ring.
    """
    ring = ring_of(geometry, gsd_m, beside)
    samples: list[Sample] = []
    unread: list[Unread] = []
    passed_over = 0
    for look in looks:
        if isinstance(look, Unread):
            unread.append(look)
            continue
        one = sample(look, geometry, ring)
        if one.inside and one.seen_inside >= LEAST_SEEN_INSIDE and one.seen_ring >= LEAST_SEEN_RING:
            samples.append(one)
        else:
            passed_over += 1
    samples.sort(key=lambda one: one.day)
    found, why = find_break(samples)
    return History(tuple(samples), ring, found, why, passed_over, tuple(unread))

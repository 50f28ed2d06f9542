"""How works grow: what is there of an outline on each day, and a permitted site's three lives."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator
from shapely import affinity
from shapely.geometry import Point, box
from shapely.geometry.base import BaseGeometry

from imagery.simulated.parts import Part
from imagery.simulated.shapes import valid
from imagery.simulated.works import Layers

Steps = tuple[tuple[dt.date, BaseGeometry], ...]
"""Days, ascending, and all that is there from then on; ground coordinates. The last is the whole outline."""

REGROWN = {"green_grass": 0.40, "dry_grass": 0.35, "chestnut_soil": 0.25}
CLEARED = {"chestnut_soil": 0.75, "spoil": 0.25}


def halved_growth(rng: Generator, outline: BaseGeometry, happened: dt.date, completed: dt.date) -> Steps:
    """A good half of the outline first, cut by a straight line, and the rest later."""
    west, south, east, north = outline.bounds
    middle, size = outline.centroid, (east - west) + (north - south)
    plane = box(middle.x - size, middle.y - size, middle.x + (east - west) * 0.08, middle.y + size)
    half = affinity.rotate(plane, rng.uniform(0, 360), origin=middle)
    return ((happened, valid(outline.intersection(half))), (completed, outline))


def growth(rng: Generator, outline: BaseGeometry, days: tuple[dt.date, ...], manner: str) -> Steps:
    """An outline that spreads from day to day.

    Args:
        rng: source of chance.
        outline: the whole, ground coordinates.
        days: ascending, two or more; on the last the whole is there.
        manner: ``outwards`` from a place inside, or ``along`` its length.
    """
    inside = _samples(rng, outline)
    if manner == "outwards":
        start = inside[int(rng.integers(len(inside)))]
        far = np.hypot(*(inside - start).T)
    else:
        start, heading = _axis(outline, bool(rng.integers(2)))
        far = (inside - start) @ heading
    shares = np.linspace(float(rng.uniform(0.2, 0.6)), 1.0, len(days))[:-1]
    steps: list[tuple[dt.date, BaseGeometry]] = []
    for day, share in zip(days, shares, strict=False):
        reach = float(np.quantile(far, share))
        if manner == "outwards":
            front = Point(*start).buffer(max(reach, 1.0))
        else:
            size = float(np.hypot(*np.ptp(inside, axis=0))) + 10
            band = box(-size, -2 * size, reach, 2 * size)
            turned = affinity.rotate(band, np.degrees(np.arctan2(heading[1], heading[0])), origin=(0, 0))
            front = affinity.translate(turned, *start)
        steps.append((day, valid(outline.intersection(front))))
    return (*steps, (days[-1], outline))


def _samples(rng: Generator, outline: BaseGeometry) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    west, south, east, north = outline.bounds
    places = np.column_stack([rng.uniform(west, east, 4_000), rng.uniform(south, north, 4_000)])
    kept = places[shapely.contains_xy(outline, places)]
    return kept if len(kept) else np.array([[outline.centroid.x, outline.centroid.y]])


def _axis(outline: BaseGeometry, backwards: bool) -> tuple[np.ndarray, np.ndarray]:
    """One end of an outline, and the unit vector along its length."""
    corners = shapely.get_coordinates(outline.minimum_rotated_rectangle)[:4]
    first, second = corners[1] - corners[0], corners[2] - corners[1]
    way = first if np.hypot(*first) >= np.hypot(*second) else second
    heading = way / max(float(np.hypot(*way)), 1e-6) * (-1 if backwards else 1)
    middle = corners.mean(axis=0)
    return middle - heading * float(np.hypot(*way)) / 2, heading


def grown(layers: Layers, steps: Steps, contrast: float) -> tuple[Part, ...]:
    """The parts of a growing change: each layer cut to what every step adds."""
    parts: list[Part] = []
    reached: BaseGeometry | None = None
    for day, there in steps:
        # the last step has no front: nothing is left over at the outline's rim by rounding
        last = day == steps[-1][0]
        for shape, mix in layers:
            piece = shape if last else shape.intersection(there)
            if reached is not None:
                piece = piece.difference(reached)
            parts.append(Part(valid(piece), mix, contrast, since=day, planted=True))
        reached = there
    return tuple(part for part in parts if not part.geometry.is_empty)


@dataclass(frozen=True)
class Lives:
    """A permitted site: cleared, used, left to recover; the latter two may not come."""

    cleared: dt.date
    used: dt.date | None
    left: dt.date | None

    def parts(self, layers: Layers, contrast: float) -> tuple[Part, ...]:
        """What lies on the ground, life after life."""
        yard = layers[0][0]
        parts = [Part(yard, CLEARED, contrast, since=self.cleared, planted=True)]
        if self.used is not None:
            parts += [Part(shape, mix, contrast, since=self.used, planted=True) for shape, mix in layers]
        if self.left is not None:
            parts.append(Part(yard, REGROWN, 0.6, since=self.left, planted=True))
        return tuple(parts)


def lives(rng: Generator, happened: dt.date, after: tuple[dt.date, ...]) -> Lives:
    """The lives of a site that was cleared on a day; each after date sees it as it was or one life on."""
    stage, days = int(rng.choice(3, p=[0.4, 0.4, 0.2])), [happened]
    for date in after:
        while len(days) <= stage:
            days.append(max(days[-1], date - dt.timedelta(days=int(rng.integers(1, 4)))))
        stage = min(2, stage + int(rng.integers(0, 2)))
    return Lives(days[0], days[1] if len(days) > 1 else None, days[2] if len(days) > 2 else None)

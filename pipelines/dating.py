"""When a patch happened: which looks observed it, which of them show it, and how old its before pixels are."""

import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rasterio.features import geometry_mask
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from aoi.grid import Block, owned, to_crs
from detectors.core.arrays import places_of
from detectors.core.types import Detector
from leads.model import Patch
from pipelines.outputs import SCORE_STEPS, UNSEEN, Looks, Outputs

OBSERVED_SHARE = 0.5
"""A look counts for a patch when it observed at least this share of its pixels …"""

SHOWN_SHARE = 0.5
"""… and shows it when at least this share of those reach the detector's low threshold."""

SURE = 0.85
"""A look shows a patch surely when `SHOWN_SHARE` of what it observed of it is so certain."""

EARLIEST_SHARE = 0.05
"""Before dates that hold less of a patch than this are left aside: a few odd pixels do not widen the interval."""


@dataclass(frozen=True)
class Sighting:
    """The dates of one patch."""

    last_before: dt.date
    first_seen: dt.date
    dates_seen: tuple[dt.date, ...]
    looks: int
    doubted: bool = False
    """Seen on more looks since it began than have to be sure (`Detector.sure_looks`), and fewer were.

    Works are sure on two looks nearly always. What deceives (char that grows over, bars of a river, wet ground) is
    likely on many and sure on none or one (docs/design/time-logic.md).
    """


@dataclass
class _Tally:
    """Pixel counts of one patch over all its blocks."""

    pixels: int
    observed: Counter[dt.date]
    shown: Counter[dt.date]
    before: list[dict[dt.date, Counter[int]]]
    """For each block, and each of its looks, the days of the before pixels that it was held against."""

    sure: Counter[dt.date] = field(default_factory=Counter)

    def held_against(self, day: dt.date) -> Counter[int]:
        """Pixels by the day of their before look: that of one look, and in blocks that it missed that of another."""
        total: Counter[int] = Counter()
        for looks in self.before:
            total.update(looks[day] if day in looks else next(iter(looks.values())))
        return total


class Dating:
    """Dates patches from the looks that the blocks left behind."""

    def __init__(self, blocks: Sequence[Block], outputs: Outputs) -> None:
        """Lays an index over the blocks' ground."""
        self._blocks, self._outputs = blocks, outputs
        cores = [to_crs(block.geobox.extent.geom, block.epsg, 4326) for block in blocks]
        self._tree = STRtree(cores)

    def by_block(self, patches: Sequence[Patch]) -> list[tuple[Block, list[int]]]:
        """The patches (by index) that touch each block, so that each block's looks are read once."""
        if not patches:
            return []
        pairs = self._tree.query([patch.geometry for patch in patches], predicate="intersects")
        touched: dict[int, list[int]] = {}
        for patch, block in pairs.T.tolist():
            touched.setdefault(block, []).append(patch)
        return [(self._blocks[block], found) for block, found in sorted(touched.items())]

    def sightings(self, patches: Sequence[Patch], detector: Detector) -> tuple[Sighting | None, ...]:
        """The dates of each patch; None where no look holds a pixel of it."""
        tallies = [_Tally(0, Counter(), Counter(), []) for _ in patches]
        low = round(detector.grown_to * SCORE_STEPS)
        sure = [round(certain(detector, patch.transition) * SCORE_STEPS) for patch in patches]
        for block, indices in self.by_block(patches):
            looks = self._outputs.looks(detector.id, block)
            if looks is None:
                continue
            for index in indices:
                pixels = pixels_of(block, patches[index].geometry)
                if len(pixels):
                    _count(tallies[index], looks.at(pixels), low, sure[index])
        return tuple(_sighting(tally, detector.sure_looks) for tally in tallies)


def pixels_of(block: Block, geometry: BaseGeometry) -> NDArray[np.int32]:
    """(N,) row × width + column, ascending: pixels of a block's core and zone whose centres lie in a patch.

    Args:
        block: the block.
        geometry: the patch, EPSG:4326.
    """
    shape, (height, width) = to_crs(geometry, 4326, block.epsg), block.geobox.shape
    left, bottom, right, top = shape.bounds
    cols, rows = ~block.geobox.affine * (np.array([left, right]), np.array([top, bottom]))
    first_col, last_col = max(math.floor(cols[0]), 0), min(math.ceil(cols[1]), width)
    first_row, last_row = max(math.floor(rows[0]), 0), min(math.ceil(rows[1]), height)
    if first_col >= last_col or first_row >= last_row:
        return np.empty(0, np.int32)
    box = block.geobox[first_row:last_row, first_col:last_col]
    inside = geometry_mask([shape], box.shape, box.affine, invert=True) & owned(box)
    down, across = places_of(inside)
    return np.asarray((down + first_row) * width + across + first_col, np.int32)


def certain(detector: Detector, transition: int) -> float:
    """From what certainty on a pixel of a patch is sure; a score that is no probability is as sure as it shows it.

    Args:
        detector: whose patch it is.
        transition: index from 1 of its kind, whose weight the odds are multiplied with; 0 = none.
    """
    if detector.patch_high is None:
        return detector.grown_to
    weight = detector.transitions[transition - 1].weight if 0 < transition <= len(detector.transitions) else 1.0
    return min(SURE * weight / (SURE * weight + 1 - SURE), weight)


def _count(tally: _Tally, looks: Looks, low: int, sure: int = round(SURE * SCORE_STEPS)) -> None:
    tally.pixels += len(looks.pixels)
    observed = looks.scores != UNSEEN
    shown = observed & (looks.scores >= low)
    for number, day in enumerate(looks.days):
        tally.observed[day] += int(observed[number].sum())
        tally.shown[day] += int(shown[number].sum())
        tally.sure[day] += int((observed[number] & (looks.scores[number] >= sure)).sum())
    composites = [_counted(before) for before in looks.before]
    tally.before.append({day: composites[n] for day, n in zip(looks.days, looks.held_against, strict=True)})


def _counted(ordinals: NDArray[np.int32]) -> Counter[int]:
    days, counts = np.unique(ordinals[ordinals > 0], return_counts=True)
    return Counter(dict(zip(days.tolist(), counts.tolist(), strict=True)))


def _sighting(tally: _Tally, sure_looks: int = 0) -> Sighting | None:
    if not tally.pixels or not any(any(days.values()) for days in tally.before):
        return None
    looks = sorted(day for day, count in tally.observed.items() if count >= OBSERVED_SHARE * tally.pixels)
    # A patch pieced together from looks that each saw less than half of it is dated by the best of them.
    looks = looks or [max(tally.observed, key=lambda day: (tally.observed[day], day))]
    seen = [day for day in looks if tally.shown[day] >= SHOWN_SHARE * tally.observed[day]]
    seen = seen or [max(looks, key=lambda day: (tally.shown[day], day))]
    before = tally.held_against(seen[0])
    enough = EARLIEST_SHARE * sum(before.values())
    earliest = min(day for day, count in before.items() if count >= enough)
    since = [day for day in looks if day >= seen[0]]
    sure = [day for day in since if tally.sure[day] >= SHOWN_SHARE * tally.observed[day]]
    doubted = len(since) > sure_looks > len(sure)
    return Sighting(dt.date.fromordinal(earliest), seen[0], tuple(seen), len(looks), doubted)

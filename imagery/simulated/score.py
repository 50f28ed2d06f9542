"""Leads against what was planted: one to one, and honest about decoys."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from imagery.simulated.truth import Planted, Truth

IntersectionOverUnion = NDArray[np.float64]


@dataclass(frozen=True)
class Hit:
    """A lead and the planted change it found."""

    lead: int
    """Index into the leads given."""

    planted: str
    """Id of the change."""

    iou: float


@dataclass(frozen=True)
class FalseLead:
    """A lead that found nothing it should have."""

    lead: int
    decoy: str = ""
    """Id of the decoy that it overlaps most, if any."""

    planted: str = ""
    """Id of a planted change that it overlaps, too little or of another model, if any."""


@dataclass(frozen=True)
class MatchTable:
    """How one detector did on one world."""

    detector: str
    hits: tuple[Hit, ...]
    misses: tuple[str, ...]
    """Ids of planted changes that no lead found."""

    false_leads: tuple[FalseLead, ...]
    aside: tuple[int, ...]
    """Leads that do not count: too small, or on a change that is."""

    decoys_raised: tuple[str, ...]
    """Ids of the decoys that raised a false lead."""

    @property
    def precision(self) -> float:
        """Hits over leads that count; NaN when there is none."""
        return _share(len(self.hits), len(self.hits) + len(self.false_leads))

    @property
    def recall(self) -> float:
        """Hits over planted changes that count; NaN when there is none."""
        return _share(len(self.hits), len(self.hits) + len(self.misses))

    @property
    def f1(self) -> float:
        """Harmonic mean of both; NaN when there is nothing to count."""
        return _share(2 * len(self.hits), 2 * len(self.hits) + len(self.false_leads) + len(self.misses))


def match(
    leads: Sequence[tuple[str, BaseGeometry]],
    truth: Truth,
    detector: str,
    min_area_m2: float = 2000.0,
    iou: float = 0.3,
) -> MatchTable:
    """Matches a detector's leads with the changes it should find, one to one, so that most are matched.

    A decoy is not truth: a lead on one is false. Leads and changes below the smallest area are left aside, and so
    is a lead that lies mostly on such a change.

    Args:
        leads: (detector id, polygon in EPSG:4326) of every lead; other detectors' are passed over.
        truth: of the world.
        detector: id of the model that is judged.
        min_area_m2: smallest geodesic area that counts.
        iou: least intersection over union of a match, 0–1.
    """
    own = [index for index, (name, _) in enumerate(leads) if name == detector]
    small = {index for index in own if geodesic_area_m2(leads[index][1]) < min_area_m2}
    counted = [index for index in own if index not in small]
    sought = [item for item in truth.planted if detector in item.detectors and item.area_m2 >= min_area_m2]
    slight = [item for item in truth.planted if detector in item.detectors and item.area_m2 < min_area_m2]
    shapes = [leads[index][1] for index in counted]
    hits = _assign(counted, sought, _overlaps(shapes, [item.geometry for item in sought]), iou)
    found = {hit.lead for hit in hits}
    excused = {
        index
        for index, shape in zip(counted, shapes, strict=True)
        if index not in found and any(_inside(shape, item.geometry) >= 0.5 for item in slight)
    }
    false_leads = tuple(
        _false(index, leads[index][1], truth) for index in counted if index not in found and index not in excused
    )
    matched = {hit.planted for hit in hits}
    return MatchTable(
        detector=detector,
        hits=hits,
        misses=tuple(item.id for item in sought if item.id not in matched),
        false_leads=false_leads,
        aside=tuple(sorted(small | excused)),
        decoys_raised=tuple(sorted({lead.decoy for lead in false_leads if lead.decoy})),
    )


def _overlaps(shapes: Sequence[BaseGeometry], wanted: Sequence[BaseGeometry]) -> IntersectionOverUnion:
    """(leads, changes) intersection over union; in degrees, as over one patch all areas shrink alike."""
    table = np.zeros((len(shapes), len(wanted)))
    if not table.size:
        return table
    rows, cols = shapely.STRtree(list(wanted)).query(list(shapes), predicate="intersects")
    for row, col in zip(rows, cols, strict=True):
        common = shapely.intersection(shapes[row], wanted[col]).area
        table[row, col] = common / (shapes[row].area + wanted[col].area - common)
    return table


def _assign(
    counted: Sequence[int], sought: Sequence[Planted], overlaps: IntersectionOverUnion, iou: float
) -> tuple[Hit, ...]:
    # a good pair weighs more than any sum of overlaps, so the number of matches is the greatest possible
    gain = np.where(overlaps >= iou, min(overlaps.shape) + 1 + overlaps, 0.0) if overlaps.size else overlaps
    rows, cols = linear_sum_assignment(gain, maximize=True)
    return tuple(
        Hit(counted[row], sought[col].id, float(overlaps[row, col]))
        for row, col in zip(rows.tolist(), cols.tolist(), strict=True)
        if gain[row, col] > 0
    )


def _false(index: int, shape: BaseGeometry, truth: Truth) -> FalseLead:
    return FalseLead(index, _most(shape, truth.decoys), _most(shape, truth.planted))


def _most(shape: BaseGeometry, items: Sequence[Planted]) -> str:
    """Id of the item that a lead overlaps most, by at least a tenth of the lead."""
    shares = [(_inside(shape, item.geometry), item.id) for item in items]
    share, name = max(shares, default=(0.0, ""))
    return name if share >= 0.1 else ""


def _inside(shape: BaseGeometry, other: BaseGeometry) -> float:
    if not shape.area or not shape.intersects(other):
        return 0.0
    return float(shapely.intersection(shape, other).area / shape.area)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")

"""Leads of several models against the truth of one world: one to one, and honest about what each false one lies on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.optimize import linear_sum_assignment
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from detectors.core.types import FloatArray
from imagery.simulated.truth import Planted, Truth

GROUNDS: Mapping[str, tuple[str, ...]] = {
    "grassland": ("grassland",),
    "forest_encroachment": ("forest_land",),
    "black_soil": ("black_soil", "basic_farmland"),
    "river_protection": ("river_scope",),
    "wetland": ("wetland",),
    "hulun_lake": ("reserve_zones",),
    "temporary_land": ("temporary_land_permits",),
    "mine": (),
}
"""The layers that are a model's own ground; a mine may be opened anywhere."""

NOT_OPENED = frozenset({"ploughed", "reploughed", "river_maize", "wet_crop", "bloom", "edge_ploughing", "drained"})
"""Planted kinds that open no ground: a lead of `mine` on one of them is as wrong as any."""

LIES_ON = 0.1
"""A false lead is put down to the deception or change under it from this share of it on."""


@dataclass(frozen=True, eq=False)
class Told:
    """A lead, as far as it is judged."""

    model: str
    change: str
    confirmed: bool
    geometry: BaseGeometry
    """EPSG:4326."""

    area_m2: float
    low_m2: float
    high_m2: float
    mean: float = 0.0
    """Mean score, 0–1."""


@dataclass(frozen=True)
class Rules:
    """When a lead has found something."""

    least_m2: float
    iou: float
    iou_site: float
    """Of kinds in `site_kinds`: what a watch or survey finds, whose outline is a permit's or a composite's."""

    site_kinds: frozenset[str]
    fire: tuple[str, ...]
    """Words of a change's English name that call it fire, or the river's own doing: such a lead accuses nobody."""

    def least_iou(self, item: Planted) -> float:
        """The least intersection over union with a planted change."""
        return self.iou_site if item.kind in self.site_kinds else self.iou


@dataclass(frozen=True, eq=False)
class Judged:
    """How one model did on one world."""

    model: str
    hits: tuple[tuple[Told, Planted], ...]
    misses: tuple[Planted, ...]
    false: tuple[tuple[Told, str], ...]
    """With what it lies on: ``decoy ID``, ``change ID`` (of another model, or found too poorly), or nothing."""

    aside: int
    """Leads that count neither way: on a small change, on another change on the model's own ground, or named fire."""


def judge(model: str, leads: Sequence[Told], truth: Truth, grounds: Mapping[str, BaseGeometry], rules: Rules) -> Judged:
    """Matches a model's leads with the changes that it should find, so that most are matched.

    Set aside is a lead that lies at least half on a planted change that is too small to count, or on one that the
    model is not asked to find though it lies on the model's own ground: it is a real deed. A second lead on a change
    that is found already is false.

    Args:
        model: its id.
        leads: of all models.
        truth: of the world.
        grounds: by kind of layer the union of its features, EPSG:4326.
        rules: sizes and overlaps.
    """
    own = [lead for lead in leads if lead.model == model and lead.area_m2 >= rules.least_m2]
    named_fire = [lead for lead in own if any(word in lead.change.casefold() for word in rules.fire)]
    counted = [lead for lead in own if lead not in named_fire]
    seen = [item for item in truth.planted if not _unseen(item, truth)]
    sought = [item for item in seen if model in item.detectors and item.area_m2 >= rules.least_m2]
    hits = _assign(counted, sought, rules)
    found_leads, found = {id(lead) for lead, _ in hits}, {item.id for _, item in hits}
    rest = [lead for lead in counted if id(lead) not in found_leads]
    spare = [lead for lead in rest if _excused(lead, model, truth, grounds, rules)]
    false = tuple((lead, lies_on(lead.geometry, truth)) for lead in rest if lead not in spare)
    misses = tuple(item for item in sought if item.id not in found)
    return Judged(model, hits, misses, false, len(spare) + len(named_fire))


def _unseen(item: Planted, truth: Truth) -> bool:
    """Whether cloud hid a change on every date since it happened."""
    days = {scene.date for scene in truth.scenes if scene.date >= item.happened}
    return days <= set(item.hidden)


def _assign(leads: Sequence[Told], sought: Sequence[Planted], rules: Rules) -> tuple[tuple[Told, Planted], ...]:
    table: FloatArray = np.zeros((len(leads), len(sought)), np.float32)
    for row, lead in enumerate(leads):
        for col, item in enumerate(sought):
            table[row, col] = overlap(lead.geometry, item.geometry)
    if not table.size:
        return ()
    least = np.array([rules.least_iou(item) for item in sought], np.float32)
    # a good pair weighs more than any sum of overlaps, so the number of matches is the greatest possible
    gain = np.where(table >= least, min(table.shape) + 1 + table, 0.0)
    rows, cols = linear_sum_assignment(gain, maximize=True)
    return tuple((leads[r], sought[c]) for r, c in zip(rows.tolist(), cols.tolist(), strict=True) if gain[r, c] > 0)


def overlap(one: BaseGeometry, other: BaseGeometry) -> float:
    """Intersection over union; in degrees, as over one patch all areas shrink alike."""
    if not one.intersects(other):
        return 0.0
    common = shapely.intersection(one, other).area
    return float(common / (one.area + other.area - common))


def _excused(lead: Told, model: str, truth: Truth, grounds: Mapping[str, BaseGeometry], rules: Rules) -> bool:
    for item in truth.planted:
        if inside(lead.geometry, item.geometry) < 0.5:
            continue
        if model in item.detectors:
            return item.area_m2 < rules.least_m2
        if model == "mine":
            return item.kind not in NOT_OPENED
        kinds = [grounds[kind] for kind in GROUNDS.get(model, ()) if kind in grounds]
        return any(inside(lead.geometry, ground) >= LIES_ON for ground in kinds)
    return False


def lies_on(geometry: BaseGeometry, truth: Truth) -> str:
    """What a lead lies on most: ``decoy ID``, ``change ID``, or nothing."""
    shares = [(inside(geometry, item.geometry), f"decoy {item.id}") for item in truth.decoys]
    shares += [(inside(geometry, item.geometry), f"change {item.id}") for item in truth.planted]
    share, name = max(shares, default=(0.0, ""))
    return name if share >= LIES_ON else ""


def inside(geometry: BaseGeometry, other: BaseGeometry) -> float:
    """Share of a geometry inside another."""
    if not geometry.area or not geometry.intersects(other):
        return 0.0
    return float(shapely.intersection(geometry, other).area / geometry.area)


def told(model: str, geometry: BaseGeometry) -> Told:
    """A lead of which only the outline is known."""
    area = geodesic_area_m2(geometry)
    return Told(model, "", False, geometry, area, area, area)

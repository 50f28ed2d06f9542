"""How much of a patch lies in the ground that a rule counts.

Where the crossings carry the shared ground itself, overlays are exact and an overlap within a layer counts once. Where
they carry areas only, what two layers share lies between two bounds, and both are kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import shapely
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from leads.model import Crossing
from leads.rows import Row
from leads.rules.outcome import Counted
from leads.rules.records import Clause

Category = Literal["public", "commercial"]

_PUBLIC = ("公益", "防护", "特种", "特用", "public")
_COMMERCIAL = ("商品", "用材", "经济林", "commercial")
_CODES: Mapping[str, Category] = {"11": "public", "12": "public", "21": "commercial", "22": "commercial"}


@dataclass(frozen=True)
class Extent:
    """Some ground of a patch."""

    low: float
    """m²; the same as `high` where it is known."""

    high: float
    ground: BaseGeometry | None
    """None where only its area is known."""


NOWHERE = Extent(0.0, 0.0, shapely.Polygon())


@dataclass(frozen=True)
class Share:
    """What a clause counts of a patch."""

    known: Extent
    """Of the clause's category, or of any where it asks for none."""

    unclear: Extent
    """Ground that may be of the category: its row does not say."""

    counted: tuple[Counted, ...]


def tags(crossing: Crossing) -> frozenset[str]:
    """What a feature is to a rule: its layer's kind, and what its land class in the national survey says."""
    found = {crossing.kind}
    land = Row(crossing.attributes).land_class() if crossing.kind in ("dltb", "wetland", "black_soil") else None
    if land is not None:
        if crossing.kind == "dltb" and "cropland" in land.grounds:
            found.add("cropland")
        found |= {"paddy"} if land.zh == "水田" else {"aquaculture"} if land.zh == "养殖坑塘" else set()
    return frozenset(found)


def category(crossing: Crossing) -> Category | None:
    """公益林地 or 商品林地; None where the row does not say."""
    text = Row(crossing.attributes).text("category").casefold()
    if text in _CODES:
        return _CODES[text]
    if any(word in text for word in _PUBLIC):
        return "public"
    return "commercial" if any(word in text for word in _COMMERCIAL) else None


def share(
    clause: Clause, crossings: Sequence[Crossing], patch_m2: float, without: Iterable[str], missing: Iterable[str]
) -> Share:
    """What a clause counts of a patch.

    Args:
        clause: of a rule.
        crossings: of the patch.
        patch_m2: its area as drawn.
        without: tags of ground left out besides the clause's own.
        missing: kinds of layer that nobody gave: ground that would be told by them may lie anywhere in the patch.
    """
    left_out = {*clause.without, *without}
    inside = [one for one in crossings if tags(one) & set(clause.within) and not _itself(one, left_out)]
    of_category = [one for one in inside if clause.category is None or category(one) == clause.category]
    unsaid = [one for one in inside if clause.category is not None and category(one) is None]
    absent = set(missing)

    def cut(features: Sequence[Crossing]) -> Extent:
        ground = _extent(features, patch_m2)
        for names, way in ((set(clause.also_within), _meet), (left_out, _minus)):
            if names:
                other = [one for one in crossings if tags(one) & names]
                known = _extent(other, patch_m2)
                ground = way(ground, Extent(known.low, patch_m2, None) if names & absent else known, patch_m2)
        return Extent(min(ground.low, patch_m2), min(ground.high, patch_m2), ground.ground)

    counted = tuple(Counted(one.kind, one.feature_id, one.area_m2) for one in (*of_category, *unsaid))
    return Share(cut(of_category), cut(unsaid), counted)


def _itself(crossing: Crossing, left_out: set[str]) -> bool:
    """Whether a feature's own row says that it is left out, such as a wetland feature that is 水田."""
    return bool((tags(crossing) - {crossing.kind}) & left_out)


def _extent(features: Sequence[Crossing], patch_m2: float) -> Extent:
    if not features:
        return NOWHERE
    grounds = [one.ground for one in features if one.ground is not None]
    if len(grounds) == len(features):
        return _exact(_overlay(lambda size: shapely.union_all(grounds, grid_size=size)))
    kinds = {one.kind for one in features}
    sums = [min(sum(one.area_m2 for one in features if one.kind == kind), patch_m2) for kind in kinds]
    return Extent(max(sums), min(sum(sums), patch_m2), None)


def _meet(one: Extent, other: Extent, patch_m2: float) -> Extent:
    first, second = one.ground, other.ground
    if first is not None and second is not None:
        return _exact(_overlay(lambda size: shapely.intersection(first, second, grid_size=size)))
    return Extent(max(one.low + other.low - patch_m2, 0.0), min(one.high, other.high), None)


def _minus(one: Extent, other: Extent, patch_m2: float) -> Extent:
    first, second = one.ground, other.ground
    if first is not None and second is not None:
        return _exact(_overlay(lambda size: shapely.difference(first, second, grid_size=size)))
    return Extent(max(one.low - other.high, 0.0), max(min(one.high, patch_m2 - other.low), 0.0), None)


def _overlay(make: Callable[[float | None], BaseGeometry]) -> BaseGeometry:
    try:
        return make(None)
    except GEOSException:  # needles thinner than the arithmetic: on a grid of a tenth of a millimetre they are gone
        return make(1e-9)


def _exact(ground: BaseGeometry) -> Extent:
    area = geodesic_area_m2(ground) if not ground.is_empty else 0.0
    return Extent(area, area, ground)

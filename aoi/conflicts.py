"""Ground that several maps claim for different things. All are shown; none is preferred."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import shapely
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.kinds import KIND_NAMES
from aoi.layers import LayerFeature
from aoi.schema.grounds import SurveyParcel

CLAIMS = {
    "forest_land": frozenset(("forest",)),
    "grassland": frozenset(("grassland",)),
    "wetland": frozenset(("wetland",)),
    "basic_farmland": frozenset(("cropland",)),
}
"""What each map says its ground is; the national survey (dltb) says it parcel by parcel."""

LEAST_M2 = 1.0
"""Less than this is what two maps' edges leave between them."""


@dataclass(frozen=True, order=True)
class Claim:
    """What one map says the ground is."""

    kind: str
    label_zh: str
    """The map, and the class where it has several: ``地类图斑 旱地``."""


@dataclass(frozen=True)
class Conflict:
    """Ground that two maps claim for different things."""

    claims: tuple[Claim, Claim]
    area_m2: float


def conflicts(
    crossings: Sequence[tuple[LayerFeature, float]], within: BaseGeometry | None = None
) -> tuple[Conflict, ...]:
    """Ground claimed for different things by the survey, forest, grassland, wetland and farmland maps.

    Maps that agree are no conflict: a swamp meadow (0402) may be on the grassland map and on the wetland map.

    Args:
        crossings: of a patch, from `aoi.layers.crossings`.
        within: the patch, in EPSG:4326; only ground inside it counts. None = all of the features' ground.

    Returns:
        Each pair of claims once, the largest ground first; m² on the CGCS2000 ellipsoid.
    """
    claimed: dict[tuple[Claim, frozenset[str]], list[BaseGeometry]] = defaultdict(list)
    for feature, _ in crossings:
        if (claim := _claim(feature)) is not None:
            claimed[claim].append(_shared(feature.geometry, within) if within is not None else feature.geometry)
    grounds = {key: shapely.union_all(parts) for key, parts in claimed.items()}
    found = []
    for (one, is_one), (other, is_other) in combinations(sorted(grounds, key=lambda key: key[0]), 2):
        if one.kind == other.kind or is_one & is_other:
            continue
        shared = _shared(grounds[one, is_one], grounds[other, is_other])
        if (area_m2 := geodesic_area_m2(shared)) >= LEAST_M2:
            found.append(Conflict((one, other), area_m2))
    return tuple(sorted(found, key=lambda conflict: (-conflict.area_m2, conflict.claims)))


def _claim(feature: LayerFeature) -> tuple[Claim, frozenset[str]] | None:
    title = KIND_NAMES[feature.kind][0]
    if feature.kind in CLAIMS:
        return Claim(feature.kind, title), CLAIMS[feature.kind]
    record = feature.record
    if isinstance(record, SurveyParcel) and (found := record.land_class) is not None:
        return Claim(feature.kind, f"{title} {found.zh}"), frozenset(found.grounds)
    return None


def _shared(one: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    try:
        return shapely.intersection(one, other)
    except GEOSException:  # needles thinner than the arithmetic
        return shapely.intersection(one, other, grid_size=1e-9)

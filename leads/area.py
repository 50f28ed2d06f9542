"""Areas: 亩, and the interval that the pixels along an outline leave open.

docs/design/area-interval.md derives the model and holds the measurements. `area.json` holds by how far the
outlines of leads were found to lie beside the ground's own, and the command that found it.
"""

import json
import math
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files

from shapely.geometry.base import BaseGeometry

from aoi.area import CGCS2000, geodesic_area_m2

MU_M2 = 2000 / 3
"""One 亩 in square metres."""

BLUR_PX = 0.58
"""Standard deviation of what a sensor makes of an edge: its optics (0.5 pixel) and the pixel itself (1/√12)."""

CELL_PX = 1 / math.sqrt(12)
"""Standard deviation of where the ground's edge lies in one pixel of the outline: anywhere in it."""

LEVEL_PX = 0.1
"""Standard deviation of the whole outline's offset: a threshold at 37–63 % of the contrast, not just at half of it."""

SHAPE_PX = 1.0
"""Standard deviation, in square pixels, of what corners and narrow ends lose whatever the size; counts in specks."""

SIGMAS = 2.0

BACK = 0.5
"""Where the images draw another outline than the score did, the ground's own lies this share of the way back."""

LEAST_CASES = 60
"""A class of offsets that rests on fewer takes those of all classes."""


@dataclass(frozen=True)
class Cut:
    """What can be told of an outline that was cut at half of its own contrast in the images (`leads.halfcut`)."""

    apart_px: float
    """By so many pixels the outline that the score drew lies outside it (inside where negative)."""

    soft_px: float
    """By so many pixels it moves from a cut at 0.6 of the contrast to one at 0.4."""

    @property
    def back_px(self) -> float:
        """By so many pixels the middle of the interval lies outside it."""
        return BACK * self.apart_px

    @property
    def doubt_px(self) -> float:
        """How far it can be trusted: the more, the less."""
        return max(abs(self.apart_px), self.soft_px)


@dataclass(frozen=True)
class CutClass:
    """How far outlines cut at half contrast lie beside the ground's own, once moved by `Cut.back_px`."""

    from_px: float
    """The class begins at this `Cut.doubt_px`."""

    low_px: float
    high_px: float
    """As of `OffsetClass`."""

    real: int
    """Cases on real ground …"""

    simulated: int
    """… and in simulated worlds; the wider of both counts."""


@dataclass(frozen=True)
class OffsetClass:
    """How far outlines of leads of one class lie beside the ground's own."""

    from_score: float
    """The class begins at this mean score."""

    low_px: float
    """By so many pixels the outline has to move outwards (inwards where negative), at the least …"""

    high_px: float
    """… and at the most."""

    cases: int


@dataclass(frozen=True)
class Offsets:
    """What was found of the outlines of leads on planted changes."""

    classes: tuple[OffsetClass, ...]
    """By ascending score, the first from 0."""

    cut: tuple[CutClass, ...]
    """Of outlines cut at half of their own contrast, by ascending doubt, the first from 0."""

    share: float
    """Of the cases that lie between low and high."""

    cut_share: float
    """The same of outlines cut at half contrast."""

    command: str
    """What found it."""

    def at(self, score: float) -> tuple[float, float]:
        """Low and high of the class of a mean score, pixels."""
        own = [one for one in self.classes if one.from_score <= score] or [self.classes[0]]
        return own[-1].low_px, own[-1].high_px

    def of_cut(self, cut: Cut) -> tuple[float, float]:
        """Low and high of an outline cut at half of its own contrast, pixels."""
        own = [one for one in self.cut if one.from_px <= cut.doubt_px] or [self.cut[0]]
        return cut.back_px + own[-1].low_px, cut.back_px + own[-1].high_px

    def to_json(self) -> str:
        """One JSON document."""
        return json.dumps(asdict(self), indent=1)

    @staticmethod
    def from_json(text: str) -> "Offsets":
        """Reads what `to_json` wrote."""
        said = json.loads(text)
        classes = tuple(OffsetClass(**one) for one in said["classes"])
        cut = tuple(CutClass(**one) for one in said["cut"])
        return Offsets(classes, cut, said["share"], said["cut_share"], said["command"])


@cache
def offsets() -> Offsets:
    """The offsets that are shipped."""
    return Offsets.from_json(files("leads").joinpath("area.json").read_text(encoding="utf-8"))


def mu(area_m2: float) -> float:
    """An area in 亩."""
    return area_m2 / MU_M2


def area_interval(geometry: BaseGeometry, gsd_m: float) -> tuple[float, float]:
    """Lowest and highest area that the pixels of a patch allow, m² on the CGCS2000 ellipsoid.

    Holds the true area in 95 of 100 patches as long as the score crosses its threshold between 37 % and 63 % of the
    patch's contrast. What was mistaken for change, or missed, is no part of it.

    Args:
        geometry: outline of the patch, EPSG:4326.
        gsd_m: pixel size at which it was seen.
    """
    outline_px = perimeter_m(geometry) / gsd_m
    # the level moves all of the outline together; where the ground's edge lies in each pixel is its own chance
    half_px = SIGMAS * math.hypot(LEVEL_PX * outline_px, CELL_PX * math.sqrt(outline_px), SHAPE_PX)
    # blur draws a closed outline inwards by BLUR_PX² / 2 times its curvature: in sum π BLUR_PX², whatever its shape
    middle = geodesic_area_m2(geometry) + math.pi * (BLUR_PX * gsd_m) ** 2
    half_m2 = half_px * gsd_m**2
    return max(middle - half_m2, 0.0), middle + half_m2


def lead_interval(geometry: BaseGeometry, gsd_m: float, score: float) -> tuple[float, float]:
    """Lowest and highest area of what a lead stands for, m²: its outline moved as far as outlines were found to be off.

    Holds the true area in `Offsets.share` of leads like those that the offsets were found with; the outline's own area
    always lies inside.

    Args:
        geometry: outline of the lead, EPSG:4326.
        gsd_m: pixel size at which it was seen.
        score: mean score of the patch, 0–1.
    """
    return _moved(geometry, gsd_m, *offsets().at(score))


def cut_interval(geometry: BaseGeometry, gsd_m: float, cut: Cut) -> tuple[float, float]:
    """As `lead_interval`, of an outline that was cut at half of its own contrast: `Offsets.cut_share` of them.

    Args:
        geometry: the outline, EPSG:4326.
        gsd_m: pixel size at which it was seen.
        cut: what can be told of it.
    """
    return _moved(geometry, gsd_m, *offsets().of_cut(cut))


def _moved(geometry: BaseGeometry, gsd_m: float, low_px: float, high_px: float) -> tuple[float, float]:
    return moved_area(geodesic_area_m2(geometry), perimeter_m(geometry), gsd_m, low_px, high_px)


def moved_area(area_m2: float, outline_m: float, gsd_m: float, low_px: float, high_px: float) -> tuple[float, float]:
    """Lowest and highest area of an outline that is moved outwards by between `low_px` and `high_px`, m².

    Args:
        area_m2: inside the outline; always in the interval.
        outline_m: its length.
        gsd_m: pixel size at which it was seen.
        low_px: pixels, negative inwards.
        high_px: pixels.
    """
    edge_m2 = outline_m * gsd_m
    # where the ground's edge lies in each pixel of the outline, and what corners lose, is in the offsets of all but
    # the smallest patches, for which it is more than they say
    least = SIGMAS * math.hypot(CELL_PX * math.sqrt(edge_m2 / gsd_m**2), SHAPE_PX) * gsd_m**2
    low, high = area_m2 + low_px * edge_m2, area_m2 + high_px * edge_m2
    return max(min(low, area_m2 - least), 0.0), max(high, area_m2 + least)


def perimeter_m(geometry: BaseGeometry) -> float:
    """Length of all rings on the CGCS2000 ellipsoid, m."""
    return float(CGCS2000.geometry_length(geometry.boundary))

"""What a vector file holds, feature by feature, and what is wrong with it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

WHOLE_FILE = "file"
"""Label of a problem that is not one feature's."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a feature."""

    feature: str
    """Which one: its number from 1, and its name in brackets where it has one; or `WHOLE_FILE`."""

    severity: Severity
    """An error keeps the file from being used; a warning does not."""

    message_en: str
    message_zh: str


@dataclass(frozen=True)
class Feature:
    """One feature of a file, not yet judged."""

    label: str
    """How messages call it."""

    geometry: BaseGeometry | None
    """In EPSG:4326, any kind, possibly invalid or empty; None = the file has none, or none could be built."""

    properties: Mapping[str, str] = field(default_factory=dict)
    fault: Problem | None = None
    """Why no geometry could be built."""


@dataclass(frozen=True)
class VectorFile:
    """All features of a file, with what must be said of the file as a whole."""

    path: Path
    features: tuple[Feature, ...]
    problems: tuple[Problem, ...] = ()


def label_of(number: int, properties: Mapping[str, str]) -> str:
    """How messages call a feature: its number from 1, and its name where it has one."""
    named = {key.casefold(): value for key, value in properties.items()}
    for key in ("name_zh", "name", "名称", "id"):
        if value := named.get(key, "").strip():
            return f"feature {number} ({value[:40]})"
    return f"feature {number}"


class RingError(ValueError):
    """A ring or position that no polygon can be built from; args are the English and the Chinese sentence."""


Position = tuple[float, float]


def polygons(parts: Iterable[Sequence[Sequence[Position]]]) -> BaseGeometry:
    """A polygon or multipolygon from its parts, each an outer ring and its holes.

    Raises:
        RingError: if a ring has fewer than four positions, or is not closed.
    """
    built = []
    for part in parts:
        if not any(part):  # GeoJSON writes an empty polygon as one empty ring
            continue
        for ring in part:
            _refuse_bad(ring)
        built.append(Polygon(part[0], part[1:]))
    if not built:
        return Polygon()
    return built[0] if len(built) == 1 else MultiPolygon(built)


def _refuse_bad(ring: Sequence[Position]) -> None:
    if len(ring) < 4:
        raise RingError(
            f"a ring has {len(ring)} positions; a polygon's ring needs at least four, the first repeated at the end",
            f"环只有 {len(ring)} 个坐标；多边形的环至少要四个坐标，首尾相同",
        )
    first, last = ring[0], ring[-1]
    if first != last:
        raise RingError(
            f"a ring is not closed: it begins at {place(*first)} and ends at {place(*last)}; repeat the first position",
            f"环未闭合：起点 {place(*first)}，终点 {place(*last)}；请在末尾重复起点",
        )


def finite(x: float, y: float) -> Position:
    """A position.

    Raises:
        RingError: if a coordinate is not a finite number.
    """
    if not (math.isfinite(x) and math.isfinite(y)):
        raise RingError("a coordinate is not a finite number", "坐标不是有限的数")
    return x, y


def place(x: float, y: float) -> str:
    """A position as messages write it."""
    return f"({x:.6g}, {y:.6g})" if max(abs(x), abs(y)) > 400 else f"({x:.6f}, {y:.6f})"


def polygonal(geometry: BaseGeometry) -> BaseGeometry:
    """The polygons of a geometry, without the points and lines that cutting or repair leave behind."""
    if geometry.geom_type in ("Polygon", "MultiPolygon"):
        return geometry
    parts = shapely.get_parts(geometry)
    return shapely.union_all([polygonal(part) for part in parts if part.area > 0]) if len(parts) else Polygon()

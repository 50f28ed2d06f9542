"""Lines that stand for ground: closed ones are polygons, open ones are closed only when told."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from aoi.area import CGCS2000
from aoi.intake.rings import CornerError, polygon_of

LINES_MAX = 20_000
"""Open lines of one drawing layer; joining them is for banks of rivers, not for contour maps."""

_LINES = ("LineString", "LinearRing", "MultiLineString")


@dataclass(frozen=True)
class Outlined:
    """What became of lines."""

    ground: BaseGeometry | None
    """Polygons of those that are closed; None where none is."""

    gaps_m: tuple[float, ...] = ()
    """Of those that stayed open: how far apart the ends are."""

    closed_m: tuple[float, ...] = ()
    """Gaps that were closed because it was told so."""


def is_line(geometry: BaseGeometry | None) -> bool:
    """Whether a geometry is a line or several."""
    return geometry is not None and geometry.geom_type in _LINES


def outlined(lines: Sequence[BaseGeometry], close_lines_m: float | None, degrees: bool) -> Outlined:
    """The ground that lines enclose; pieces that touch end to end are one line.

    Args:
        lines: LineStrings and MultiLineStrings in one CRS.
        close_lines_m: gaps up to this are closed, between the ends of one line and from one line to the next.
        degrees: whether the CRS is geographic.

    Raises:
        CornerError: if rings cross each other, or there are too many lines.
    """
    merged = shapely.line_merge(
        shapely.union_all([shapely.force_2d(line) for line in lines]) if len(lines) > 1 else lines[0]
    )
    parts = [part for part in shapely.get_parts(merged) if part.length > 0]
    rings = [part for part in parts if part.is_closed]
    open_lines = [part for part in parts if not part.is_closed]
    if len(open_lines) > LINES_MAX:
        raise CornerError(f"more than {LINES_MAX} open lines", f"未闭合线超过 {LINES_MAX} 条")
    closed: list[float] = []
    left: list[float] = []
    if close_lines_m is not None:
        open_lines, bridged = _chained(open_lines, close_lines_m, degrees)
        closed += bridged
    for line in open_lines:
        gap = _metres(line.coords[0], line.coords[-1], degrees)
        if close_lines_m is not None and gap <= close_lines_m and len(line.coords) > 2:
            closed.append(gap)
            rings.append(line)
        else:
            left.append(gap)
    corners = [[(x, y) for x, y, *_ in ring.coords] for ring in rings]
    corners = [ring[:-1] if ring[0] == ring[-1] else ring for ring in corners]
    ground = polygon_of(corners) if corners else None
    return Outlined(ground, tuple(left), tuple(closed))


def _metres(one: Sequence[float], other: Sequence[float], degrees: bool) -> float:
    if degrees:
        return float(CGCS2000.inv(one[0], one[1], other[0], other[1])[2])
    return float(np.hypot(one[0] - other[0], one[1] - other[1]))


def _chained(lines: list[LineString], reach_m: float, degrees: bool) -> tuple[list[LineString], list[float]]:
    """Lines joined end to nearest end across gaps up to a reach, and the gaps that were bridged."""
    left = list(lines)
    chains: list[LineString] = []
    bridged: list[float] = []
    while left:
        chain = list(left.pop(0).coords)
        while left:
            gaps = [
                (_metres(chain[-1], end, degrees), index, flip)
                for index, line in enumerate(left)
                for flip, end in ((False, line.coords[0]), (True, line.coords[-1]))
            ]
            gap, index, flip = min(gaps)
            # its own beginning is nearer: it closes on itself
            if gap > reach_m or (len(chain) > 2 and _metres(chain[-1], chain[0], degrees) <= gap):
                break
            following = list(left.pop(index).coords)
            chain += following[::-1] if flip else following
            bridged.append(gap)
        chains.append(LineString(chain))
    return chains, bridged

"""The map of a bulletin as inline SVG: the area, what was seen of its blocks, and the leads. No tiles, no request."""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from leads.store.records import CoverageRecord

WIDTH_PX = 920
LEAST_PX, MOST_PX = 160, 640
"""Height of a map, whatever the area's shape."""

MARGIN_PX = 16
_DOT_PX = 5.0, 9.0
"""Least and greatest radius: a dot is to be found and hit, its outline says how large the lead is."""


@dataclass(frozen=True)
class Dot:
    """A lead on the map."""

    id: str
    geometry: BaseGeometry
    what: str


Place = Callable[[BaseGeometry], BaseGeometry]


def map_of(name: str, outline: BaseGeometry, coverage: Sequence[CoverageRecord], dots: Sequence[Dot]) -> str:
    """SVG of one area; text in it is escaped.

    Args:
        name: of the area, for those who can not see the map.
        outline: EPSG:4326.
        coverage: rows of the after days of the night; of a block the best day is shown.
        dots: its leads.
    """
    shapes = [outline, *(row.geometry for row in coverage), *(dot.geometry for dot in dots)]
    shapes = [shape for shape in shapes if not shape.is_empty]
    if not shapes:
        return ""
    place, height = _projection(shapes)
    best: dict[str, CoverageRecord] = {}
    for row in coverage:
        if row.block not in best or row.observed > best[row.block].observed:
            best[row.block] = row
    blocks = "".join(_block(row, place) for _, row in sorted(best.items()))
    leads = "".join(_dot(dot, place) for dot in dots)
    said = html.escape(f"{name}: {len(best)} blocks, {len(dots)} leads")
    return (
        f'<svg class="map" viewBox="0 0 {WIDTH_PX} {height}" role="group" aria-label="{said}">'
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<path d="M0 6 6 0" class="hatch"/></pattern></defs>'
        f"<g>{blocks}</g>"
        f'<path class="aoi" d="{_path(place(outline))}"/><g>{leads}</g></svg>'
    )


def _projection(shapes: Sequence[BaseGeometry]) -> tuple[Place, int]:
    """Degrees to pixels: equirectangular about the middle, north up."""
    west, south, east, north = shapely.total_bounds(np.array(shapes, dtype=object))
    narrow = math.cos(math.radians((south + north) / 2))
    across, up = max((east - west) * narrow, 1e-6), max(north - south, 1e-6)
    scale = min((WIDTH_PX - 2 * MARGIN_PX) / across, (MOST_PX - 2 * MARGIN_PX) / up)
    height = max(LEAST_PX, math.ceil(up * scale) + 2 * MARGIN_PX)
    left = (WIDTH_PX - across * scale) / 2
    top = (height - up * scale) / 2

    def place(shape: BaseGeometry) -> BaseGeometry:
        def moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.column_stack(
                [left + (points[:, 0] - west) * narrow * scale, top + (north - points[:, 1]) * scale]
            )

        return shapely.transform(shape, moved)

    return place, height


def _block(row: CoverageRecord, place: Place) -> str:
    level = "failed" if row.failed else f"c{min(4, math.ceil(row.observed * 4))}"
    said = f"{row.block} {row.day}: 观测 observed {row.observed:.0%}, 云 cloud {row.cloudy:.0%}"
    said += f", {row.failed}" if row.failed else ""
    return f'<path class="block {level}" d="{_path(place(row.geometry))}"><title>{html.escape(said)}</title></path>'


def _dot(dot: Dot, place: Place) -> str:
    shape = place(dot.geometry)
    centre = shape.representative_point()
    radius = min(max(_DOT_PX[0], math.sqrt(shape.area / math.pi)), _DOT_PX[1])
    name = html.escape(dot.id, quote=True)
    return (
        f'<a href="#{name}" class="dot w-{html.escape(dot.what, quote=True)}" data-lead="{name}" aria-label="{name}">'
        f'<path d="{_path(shape)}"/><circle cx="{centre.x:.1f}" cy="{centre.y:.1f}" r="{radius:.1f}"/>'
        f"<title>{name}</title></a>"
    )


def _path(shape: BaseGeometry) -> str:
    """All rings of a polygon, to a tenth of a pixel."""
    parts = []
    for part in shapely.get_parts(shapely.simplify(shape, 0.3)):
        if part.geom_type != "Polygon" or part.is_empty:
            continue
        for ring in (part.exterior, *part.interiors):
            points = [f"{x:.1f} {y:.1f}" for x, y in np.asarray(ring.coords)[:, :2]]
            parts.append(f"M{'L'.join(points)}Z")
    return "".join(parts)

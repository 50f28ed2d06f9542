"""Corner tables (界址点成果表) as land offices write them: X north, Y east with the zone's number, rings closed.

3° Gauss-Krüger zones of CGCS2000. An edge is straight in degrees; on the grid it is slightly bent, so long edges get
corners in between, and the table gives the same ground again when it is read.
"""

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import pyproj
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.zones import FIRST_ZONE, LAST_ZONE, meridian_of, zone_epsg
from leads.attributes import centre
from leads.errors import OutputError
from leads.exports.text import defused, one_line

WIDTH_DEG = 3

BEND_M = 0.004
"""How far an edge may lie off the straight line between its corners on the grid."""

DEEPEST = 12
"""Times that an edge is halved at most."""

AWAY_ZONES = 1
"""Zones beside its own that an outline may be written in; farther off the grid's scale is wrong by metres."""

HEADINGS = ("点号", "圈号", "X（北，米）", "Y（东，带号，米）", "边长（米）")


class ZoneError(OutputError):
    """A zone was asked for that the ground does not lie in or beside."""


@dataclass(frozen=True)
class CornerPoint:
    """One line of a corner table."""

    label: str
    """``J1`` …; the closing point has the label of its ring's first."""

    ring: int
    """From 1, through all parts; a hole is a ring of its own."""

    x_north: float
    """Metres, to the millimetre."""

    y_east: float
    """Metres with the zone's number in front, to the millimetre."""

    side_m: float | None
    """Length on the grid to the next corner; None at a closing point."""


@dataclass(frozen=True)
class CornerTable:
    """The corners of an outline in one zone."""

    points: tuple[CornerPoint, ...]
    zone: int
    epsg: int
    meridian: int
    area_m2: float
    """Geodesic, on the CGCS2000 ellipsoid; not the plane area of the grid."""

    holes: tuple[int, ...]
    """Numbers of the rings that are holes."""

    @property
    def crs_zh(self) -> str:
        """What the numbers mean, in words that office staff use."""
        return (
            f"2000国家大地坐标系（CGCS2000）高斯-克吕格投影 3度分带 第{self.zone}带 "
            f"中央经线{self.meridian}°E（EPSG:{self.epsg}）"
        )

    @property
    def rings(self) -> int:
        """How many."""
        return max(point.ring for point in self.points)

    def rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        """The lines of the table as text, in the order of `HEADINGS`."""
        for point in self.points:
            side = "" if point.side_m is None else f"{point.side_m:.2f}"
            yield point.label, str(point.ring), f"{point.x_north:.3f}", f"{point.y_east:.3f}", side


def zone_of(geometry: BaseGeometry) -> int:
    """Number of the 3° zone that the centre of an outline lies in: 39 has its meridian at 117° E."""
    lon, _ = centre(geometry)
    return math.floor((lon + 1.5) / 3)


def zones_offered(geometry: BaseGeometry) -> tuple[int, ...]:
    """Zones that an outline may be written in, its own first."""
    own = zone_of(geometry)
    around = (own, *(own + side * step for step in range(1, AWAY_ZONES + 1) for side in (-1, 1)))
    return tuple(zone for zone in around if FIRST_ZONE[WIDTH_DEG] <= zone <= LAST_ZONE[WIDTH_DEG])


def corner_table(geometry: BaseGeometry, zone: int | None = None) -> CornerTable:
    """The corners of a polygon or multipolygon in EPSG:4326.

    Shells run clockwise from their north-western corner, as in a survey; holes run the other way.

    Args:
        geometry: valid.
        zone: number of the 3° zone; that of the centre when left out.

    Raises:
        ZoneError: if the zone is not one that is offered for this ground.
    """
    offered = zones_offered(geometry)
    number = offered[0] if zone is None and offered else zone
    if number is None or number not in offered:
        named = "、".join(map(str, offered)) or "none: it is not in China"
        raise ZoneError(f"an outline here can not be written in zone {zone}; choose one of {named}")
    epsg = zone_epsg("CGCS2000", WIDTH_DEG, zone=number)
    assert epsg is not None  # the zones offered are those that have a code
    points: list[CornerPoint] = []
    holes: list[int] = []
    for ring, (coords, hole) in enumerate(_rings(geometry), 1):
        if hole:
            holes.append(ring)
        points += _numbered(_bent(coords, epsg), ring, len({(p.ring, p.label) for p in points}))
    area = geodesic_area_m2(geometry)
    return CornerTable(tuple(points), number, epsg, meridian_of(WIDTH_DEG, number), area, tuple(holes))


def _rings(geometry: BaseGeometry) -> Iterator[tuple[list[tuple[float, float]], bool]]:
    """Each ring without its closing corner, and whether it is a hole; a part's holes follow its shell."""
    for part in shapely.get_parts(shapely.force_2d(geometry)):
        turned = shapely.geometry.polygon.orient(part, sign=-1.0)
        yield _from_north_west(list(turned.exterior.coords)[:-1]), False
        for hole in turned.interiors:
            yield _from_north_west(list(hole.coords)[:-1]), True


def _from_north_west(coords: list[tuple[float, float]]) -> list[tuple[float, float]]:
    start = max(range(len(coords)), key=lambda at: (coords[at][1] - coords[at][0], coords[at][1]))
    return coords[start:] + coords[:start]


def _bent(coords: list[tuple[float, float]], epsg: int) -> list[tuple[float, float]]:
    """The ring on the grid as (north, east), to the millimetre, corners added where an edge bends."""
    grid: list[tuple[float, float]] = []
    for start, end in zip(coords, coords[1:] + coords[:1], strict=True):
        grid.append(_on_grid(start, epsg))
        grid += _between(start, end, epsg, DEEPEST)
    rounded = [(round(north, 3), round(east, 3)) for north, east in grid]
    return [corner for at, corner in enumerate(rounded) if corner != rounded[at - 1]]


def _between(
    start: tuple[float, float], end: tuple[float, float], epsg: int, depth: int
) -> Iterator[tuple[float, float]]:
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    a, b, bent = _on_grid(start, epsg), _on_grid(end, epsg), _on_grid(middle, epsg)
    if depth == 0 or math.dist(bent, ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)) <= BEND_M:
        return
    yield from _between(start, middle, epsg, depth - 1)
    yield bent
    yield from _between(middle, end, epsg, depth - 1)


def _numbered(grid: list[tuple[float, float]], ring: int, before: int) -> list[CornerPoint]:
    """Corners with running numbers through all rings, the first one again at the end."""
    closed = [*grid, grid[0]]
    labels = [f"J{before + at + 1}" for at in range(len(grid))] + [f"J{before + 1}"]
    sides = [round(math.dist(a, b), 2) for a, b in pairwise(closed)] + [None]
    return [
        CornerPoint(label, ring, north, east, side)
        for label, (north, east), side in zip(labels, closed, sides, strict=True)
    ]


def _on_grid(corner: tuple[float, float], epsg: int) -> tuple[float, float]:
    east, north = _projection(epsg).transform(corner[0], corner[1])
    return float(north), float(east)


@lru_cache(maxsize=8)
def _projection(epsg: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(4326, epsg, always_xy=True)


def polygon_from(table: CornerTable) -> BaseGeometry:
    """The outline on the grid, (east, north): what the table's figures say."""
    rings: dict[int, list[tuple[float, float]]] = {}
    for point in table.points:
        rings.setdefault(point.ring, []).append((point.y_east, point.x_north))
    shells: list[tuple[list[tuple[float, float]], list[list[tuple[float, float]]]]] = []
    for number, ring in rings.items():
        if number in table.holes:
            shells[-1][1].append(ring)
        else:
            shells.append((ring, []))
    parts = [Polygon(shell, holes) for shell, holes in shells]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def as_csv(table: CornerTable, name: str, note: str) -> str:
    """The table as CSV text with a title, to be written as UTF-8 with its mark so that Excel reads it."""
    out = io.StringIO()
    pen = csv.writer(out, lineterminator="\r\n")
    pen.writerow([defused(f"{name} 界址点坐标表"), defused(table.crs_zh), defused(note)])
    pen.writerow(("地块编号", *HEADINGS[:2], "X", "Y", HEADINGS[4]))
    pen.writerows((defused(name), *row) for row in table.rows())
    return out.getvalue()


def as_report(table: CornerTable, name: str, note: str, office: str = "") -> str:
    """The table as a land report's text (勘测定界报盘), which says its CRS itself.

    Args:
        table: of the outline.
        name: of the block.
        note: what it is and is not; stands in the head.
        office: who made it.
    """

    def field(text: str) -> str:
        return one_line(text, 100).replace(",", "，").replace("@", "＠").replace("=", "＝")

    block = (
        f"{len(table.points)}",
        f"{table.area_m2 / 10_000:.4f}",
        field(name),
        field(name),
        "面",
        "",
        field(note),
        "",
        "@",
    )
    head = (
        "[属性描述]", "格式版本号=1.01", f"数据产生单位={field(office)}", "坐标系=2000国家大地坐标系", "几度分带=3",
        "投影类型=高斯克吕格", "计量单位=米", f"带号={table.zone}", "精度=0.001", "转换参数=,,,,,,",
        f"备注={field(note)}", "[地块坐标]", ",".join(block),
    )  # fmt: skip
    rows = (f"{p.label},{p.ring},{p.x_north:.3f},{p.y_east:.3f}" for p in table.points)
    return "\r\n".join((*head, *rows)) + "\r\n"

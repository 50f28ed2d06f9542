"""Is a file a layer of its kind? Row by row: what is wrong, and what to do about it."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import shapely
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.features import place, polygonal
from aoi.intake.block import GEOMETRY
from aoi.intake.source import Source, SourceRow, whole_file
from aoi.schema.column import Record, columns_of
from aoi.schema.headings import columns_in
from aoi.schema.problem import RowProblem, shown
from aoi.schema.reading import M2, missing_columns, read_record

SLIVER_M2 = 1.0
"""Less ground than this is left over from cutting maps, not a parcel."""

AREA_SHARE = 0.05
AREA_M2 = 10.0
"""A stated area may differ from the outline's by this share, or these m², whichever is more."""

LISTED_MAX = 5000
"""Problems that a report lists; the others are counted."""

GLOBE = (-180.0, -80.0, 180.0, 84.0)


@dataclass(frozen=True)
class Judged:
    """A row with everything that was found about it."""

    row: SourceRow
    ground: BaseGeometry | None
    """Valid polygons in EPSG:4326, repaired where they had to be; None where there are none."""

    record: Record
    problems: tuple[RowProblem, ...]
    repaired: bool = False

    @property
    def good(self) -> bool:
        """Whether it can be taken."""
        return not any(problem.severity == "error" for problem in self.problems)


@dataclass
class Tally:
    """What was found in a file, growing row by row."""

    rows: int = 0
    good: int = 0
    area_m2: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    """Errors and warnings."""

    problems: list[RowProblem] = field(default_factory=list)
    """The first `LISTED_MAX`."""

    west: float = 180.0
    south: float = 90.0
    east: float = -180.0
    north: float = -90.0

    def note(self, problems: tuple[RowProblem, ...]) -> None:
        """Count and keep problems."""
        self.counts.update(problem.severity for problem in problems)
        self.problems += problems[: max(0, LISTED_MAX - len(self.problems))]

    def take(self, judged: Judged, area_m2: float) -> None:
        """Count a row."""
        self.rows += 1
        self.good += judged.good
        self.note(judged.problems)
        if judged.ground is not None and judged.good:
            self.area_m2 += area_m2
            west, south, east, north = judged.ground.bounds
            self.west, self.south = min(self.west, west), min(self.south, south)
            self.east, self.north = max(self.east, east), max(self.north, north)

    def as_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        found = self.east >= self.west
        return {
            "rows": self.rows,
            "good": self.good,
            "errors": self.counts["error"],
            "warnings": self.counts["warning"],
            "km2": round(self.area_m2 / 1e6, 4),
            "bounds": [round(v, 6) for v in (self.west, self.south, self.east, self.north)] if found else None,
            "problems": [problem.as_json() for problem in self.problems],
            "problems_not_listed": self.counts.total() - len(self.problems),
        }


def judged_rows(source: Source, record: type[Record], tally: Tally) -> Iterator[tuple[Judged, ...]]:
    """The rows of a source, judged, batch by batch; the tally grows as they come.

    Raises:
        UnreadableVectorError: if the file breaks off.
    """
    tally.note((*source.problems, *missing_columns(record, source.headings)))
    columns = columns_in(record, source.headings)
    seen: dict[str, dict[Any, int]] = {"ground": {}, "id": {}}
    for rows in source.batches():
        batch = []
        for row in rows:
            judged, area_m2 = _judged(row, record, columns, seen)
            tally.take(judged, area_m2)
            batch.append(judged)
        yield tuple(batch)
    if not tally.rows:
        tally.note(
            (whole_file("error", "has no rows", "没有数据行", "give the file that has them", "请提供有数据的文件"),)
        )


def _judged(
    row: SourceRow, record: type[Record], columns: Any, seen: dict[str, dict[Any, int]]
) -> tuple[Judged, float]:
    read, found = read_record(record, row.properties, columns)
    problems = [*row.problems, *(replace(problem, row=row.number) for problem in found)]
    ground, repaired, area_m2 = None, False, 0.0
    if record.located:
        ground, repaired, said = _ground(row)
        problems += said
        if ground is not None:
            area_m2 = geodesic_area_m2(ground)
            problems += _doubts(row, ground, area_m2, read, columns, seen["ground"])
    problems += _repeated(row, read, columns, seen["id"])
    return Judged(row, ground, read, tuple(problems), repaired), area_m2


def _problem(
    row: SourceRow, severity: str, texts: tuple[str, str, str, str], value: str = "", name: str = GEOMETRY
) -> RowProblem:
    return RowProblem("error" if severity == "error" else "warning", name, value, *texts, row.number)


def _ground(row: SourceRow) -> tuple[BaseGeometry | None, bool, list[RowProblem]]:
    geometry = row.geometry
    if geometry is None or geometry.is_empty:
        if any(problem.severity == "error" and problem.field != "" for problem in row.problems):
            return None, False, []  # why is said already
        texts = ("has no ground", "没有图形", "draw it or delete the row", "请补绘图形或删除该行")
        return None, False, [_problem(row, "error", texts)]
    if not {part.geom_type for part in shapely.get_parts(geometry)} & {"Polygon", "MultiPolygon"}:
        texts = (
            f"is a {geometry.geom_type}, not a polygon",
            f"是 {geometry.geom_type}，不是面",
            "give the polygon",
            "请提供面图形",
        )
        return None, False, [_problem(row, "error", texts)]
    west, south, east, north = geometry.bounds
    if west < GLOBE[0] or south < GLOBE[1] or east > GLOBE[2] or north > GLOBE[3]:
        span = f"{west:.6g} … {east:.6g}, {south:.6g} … {north:.6g}"
        texts = ("lies outside the Earth: these are no degrees, or swapped", 
                 "坐标超出地球范围：不是经纬度，或经纬度颠倒",
                 "assign the CRS, longitude first", "请指定坐标系，先经度后纬度")  # fmt: skip
        return None, False, [_problem(row, "error", texts, span)]
    if geometry.is_valid:
        return polygonal(geometry), False, []
    return _repaired(row, geometry)


def _repaired(row: SourceRow, geometry: BaseGeometry) -> tuple[BaseGeometry | None, bool, list[RowProblem]]:
    reason = shapely.is_valid_reason(geometry)
    numbers = re.findall(r"-?\d+\.?\d*(?:e[-+]?\d+)?", reason.partition("[")[2])
    where = place(float(numbers[0]), float(numbers[1])) if len(numbers) > 1 else ""
    try:
        ground = polygonal(shapely.make_valid(geometry))
    except GEOSException:
        ground = None
    if ground is None or ground.is_empty:
        texts = ("has no ground left once its outline is put right", "图形修复后无面积", "draw it again", "请重新绘制")
        return None, False, [_problem(row, "error", texts, where)]
    texts = (
        f"its outline is not valid ({reason.partition('[')[0].strip().lower()}); it was repaired to "
        f"{geodesic_area_m2(ground):,.0f} m²",
        f"边界拓扑错误（{reason.partition('[')[0].strip()}），已修复，修复后 {geodesic_area_m2(ground):,.0f} 平方米",
        "compare it on the map (in QGIS: Fix geometries)",
        "请在图上核对（QGIS：修正几何图形）",
    )
    return ground, True, [_problem(row, "warning", texts, where)]


def _doubts(
    row: SourceRow, ground: BaseGeometry, area_m2: float, read: Record, columns: Any, seen: dict[Any, int]
) -> list[RowProblem]:
    found = []
    if area_m2 < SLIVER_M2:
        texts = (
            f"is a sliver of {area_m2:.2f} m²",
            f"为 {area_m2:.2f} 平方米的碎面",
            "join it to its neighbour",
            "请并入相邻图斑",
        )
        found.append(_problem(row, "warning", texts))
    key = hash(shapely.to_wkb(shapely.normalize(ground)))
    if (other := seen.setdefault(key, row.number)) != row.number:
        texts = (f"has the same outline as row {other}", f"与第 {other} 行图形重复", "delete one of them", "请删除其一")
        found.append(_problem(row, "warning", texts))
    stated = getattr(read, "area_m2", None)
    if stated is not None and abs(stated - area_m2) > max(AREA_M2, AREA_SHARE * area_m2):
        unit = _other_unit(stated, area_m2, type(read))
        texts = (
            f"states {stated:,.0f} m², the outline has {area_m2:,.0f} m²{unit[0]}",
            f"注明 {stated:,.0f} 平方米，图形为 {area_m2:,.0f} 平方米{unit[1]}",
            "compare the area, its unit and the CRS",
            "请核对面积、单位和坐标系",
        )
        name = columns.get("area_m2", "area_m2")
        found.append(_problem(row, "warning", texts, shown(row.properties.get(name, "")), name))
    return found


def _other_unit(stated: float, area_m2: float, record: type[Record]) -> tuple[str, str]:
    own = next(column.unit for column in columns_of(record) if column.name == "area_m2")
    zh = {"m2": "平方米", "ha": "公顷", "mu": "亩", "km2": "平方千米"}
    for unit, factor in M2.items():
        if abs(stated / M2[own] * factor - area_m2) < AREA_SHARE * area_m2:
            return f"; it looks like {zh[unit]}", f"；单位似为{zh[unit]}"
    return "", ""


def _repeated(row: SourceRow, read: Record, columns: Any, seen: dict[Any, int]) -> list[RowProblem]:
    own = getattr(read, "id", "")
    if not own or (other := seen.setdefault(own, row.number)) == row.number:
        return []
    texts = (
        f"has the same number as row {other}",
        f"与第 {other} 行编号重复",
        "give each row its own",
        "请确保编号唯一",
    )
    return [_problem(row, "warning", texts, shown(own), columns.get("id", "id"))]

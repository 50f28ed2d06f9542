"""Is a file an area of interest? One sentence for each thing that is wrong with it, in English and Chinese."""

import re
from collections.abc import Iterator
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.features import WHOLE_FILE, Feature, Problem, Severity, VectorFile, place
from aoi.vectors import read_features

__all__ = ["Problem", "check", "problems_of"]

LARGE_M2 = 1e12
"""A million square kilometres, four times Hulunbuir."""

PIXEL_M2 = 100.0
"""One Sentinel-2 pixel."""

SOUTH, NORTH = -80.0, 84.0
"""Where the UTM zones, and so the analysis grid, end."""

_REASONS_ZH = {
    "Self-intersection": "边界自相交",
    "Ring Self-intersection": "环与自身接触",
    "Hole lies outside shell": "孔在外环之外",
    "Holes are nested": "孔套孔",
    "Nested shells": "外环互相嵌套",
    "Interior is disconnected": "内部被孔隔断",
    "Too few points in geometry component": "环的坐标太少",
    "Duplicate Rings": "环重复",
}


def check(path: Path) -> tuple[Problem, ...]:
    """What is wrong with a file as an area of interest; empty when nothing is.

    Raises:
        UnreadableVectorError: if it can not be read at all, so that there is nothing to judge.
    """
    return problems_of(read_features(path))


def problems_of(file: VectorFile) -> tuple[Problem, ...]:
    """What is wrong with the features of a file as an area of interest, file first, then in order."""
    found = list(file.problems)
    if not file.features:
        found.append(_problem(WHOLE_FILE, "error", "the file is empty (0 features)", "文件为空，没有要素"))
    for feature in file.features:
        found.extend(_of_feature(feature))
    if not any(problem.severity == "error" for problem in found):
        found.extend(_of_all(file))
    return tuple(found)


def _problem(label: str, severity: Severity, english: str, chinese: str) -> Problem:
    return Problem(label, severity, english, chinese)


def _of_feature(feature: Feature) -> Iterator[Problem]:
    label, geometry = feature.label, feature.geometry
    if feature.fault is not None:
        yield feature.fault
    elif geometry is None:
        yield _problem(label, "error", "has no geometry; draw it or delete the row", "没有几何；请补画或删除该行")
    elif (wrong := _wrong_kind(geometry)) is not None:
        yield _problem(
            label, "error", f"is a {wrong}; an area must be a polygon", f"是 {wrong}，不是面；监测区必须是多边形"
        )
    elif geometry.is_empty:
        yield _problem(label, "error", "has an empty geometry; draw it or delete the row", "几何为空；请补画或删除该行")
    elif (misplaced := _misplaced(label, geometry)) is not None:
        yield misplaced
    elif not geometry.is_valid:
        yield _crossing(label, geometry)
    else:
        yield from _doubtful(label, geometry)


def _wrong_kind(geometry: BaseGeometry) -> str | None:
    if geometry.geom_type == "GeometryCollection":
        wrong = (_wrong_kind(part) for part in shapely.get_parts(geometry))
        return next((kind for kind in wrong if kind is not None), None)
    return None if geometry.geom_type in ("Polygon", "MultiPolygon") else str(geometry.geom_type)


def _misplaced(label: str, geometry: BaseGeometry) -> Problem | None:
    west, south, east, north = geometry.bounds
    span = f"longitude {west:.6g} to {east:.6g}, latitude {south:.6g} to {north:.6g}"
    span_zh = f"经度 {west:.6g} 至 {east:.6g}，纬度 {south:.6g} 至 {north:.6g}"
    if max(-west, east, -south, north) > 360:
        return _problem(
            label,
            "error",
            f"lies outside the Earth ({span}): these are not degrees; the file must say its CRS",
            f"坐标超出地球范围（{span_zh}）：不是经纬度；文件必须注明坐标系",
        )
    if (south < -90 or north > 90) and max(-west, east) <= 90:
        return _problem(
            label,
            "error",
            f"lies outside the Earth ({span}): longitude and latitude look swapped; longitude comes first",
            f"坐标超出地球范围（{span_zh}）：经纬度似乎颠倒；应先经度后纬度",
        )
    if south < -90 or north > 90:
        return _problem(label, "error", f"lies outside the Earth ({span})", f"坐标超出地球范围（{span_zh}）")
    if west < -180 or east > 180 or east - west > 180:
        return _problem(
            label,
            "error",
            f"crosses the antimeridian ({span}): split it at 180° into one polygon on each side",
            f"跨越 180° 经线（{span_zh}）：请在 180° 处分成两个多边形",
        )
    if south < SOUTH or north > NORTH:
        return _problem(
            label,
            "error",
            f"reaches beyond 80° S or 84° N ({span}), where the UTM grid ends",
            f"超出南纬 80° 或北纬 84°（{span_zh}），UTM 格网到此为止",
        )
    return None


def _crossing(label: str, geometry: BaseGeometry) -> Problem:
    told = shapely.is_valid_reason(geometry)
    reason, _, where = told.partition("[")
    numbers = re.findall(r"-?\d+\.?\d*(?:e[-+]?\d+)?", where)
    at = place(float(numbers[0]), float(numbers[1])) if len(numbers) > 1 else "an unknown place"
    english = "crosses itself" if "elf-intersection" in reason else f"is not valid ({reason.strip().lower()})"
    chinese = _REASONS_ZH.get(reason.strip(), "几何无效")
    return _problem(
        label,
        "error",
        f"{english} at {at}; repair the polygon there (in QGIS: Fix geometries), it is not repaired silently",
        f"{chinese}，位置 {at}；请先修复（QGIS：修正几何图形），系统不会自动改动",
    )


def _doubtful(label: str, geometry: BaseGeometry) -> Iterator[Problem]:
    west, south, east, _ = geometry.bounds
    if south > 73 and west > 18 and east < 54:
        yield _problem(
            label,
            "warning",
            "lies in the Arctic; if it should lie in China, longitude and latitude are swapped",
            "位于北极地区；若应在中国，则经纬度颠倒",
        )
    if (area := geodesic_area_m2(geometry)) < PIXEL_M2:
        yield _problem(
            label,
            "warning",
            f"is smaller than one pixel of 10 m ({area:.1f} m²); nothing can be seen in it",
            f"小于一个 10 米像元（{area:.1f} 平方米），影像无法分辨",
        )


def _of_all(file: VectorFile) -> Iterator[Problem]:
    area = sum(geodesic_area_m2(feature.geometry) for feature in file.features if feature.geometry is not None)
    if area > LARGE_M2:
        yield _problem(
            WHOLE_FILE,
            "warning",
            f"is very large ({area / 1e6:,.0f} km²); is that meant? A night may not suffice for it",
            f"面积很大（{area / 1e6:,.0f} 平方千米），请确认；一夜可能算不完",
        )

"""Seam-line polygons of a mosaic: which ground comes from an image of which day."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import shapely
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from aoi.errors import AoiError
from aoi.features import VectorFile, polygonal
from aoi.vectors import read_features
from imagery.errors import InconsistentSceneError, UnreadableImageError

MAX_POLYGONS = 5000
FIRST_YEAR = 1960

DATE_FIELDS = (
    "影像时间", "影像日期", "影像时相", "获取时间", "获取日期", "成像时间", "成像日期", "拍摄时间", "拍摄日期",
    "采集时间", "采集日期", "摄影时间", "摄影日期", "航摄时间", "航摄日期", "接收时间", "时相", "时间", "日期",
    "YXSJ", "YXRQ", "YXSX", "HQSJ", "HQRQ", "CXSJ", "CXRQ", "PSSJ", "PSRQ", "CJSJ", "SXRQ", "SHIXIANG", "SHIJIAN",
    "RIQI", "SX", "RQ", "ACQUISITION_DATE", "ACQ_DATE", "ACQDATE", "ACQUIRED", "IMAGE_DATE", "IMAGEDATE", "IMG_DATE",
    "IMGDATE", "SHOOT_DATE", "PHOTO_DATE", "SRC_DATE", "DATETIME", "DATE", "TIME",
)  # fmt: skip
"""What the field with the date of acquisition is called, the plainest names last."""

_DAY = re.compile(
    r"((?:19|20)\d{2})(?:(\d{2})(\d{2})|[-/.](\d{1,2})[-/.](\d{1,2})|\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号])"
    r"(?:[T\s]*\d{1,2}(?::|时)\d{1,2}(?:[:分]\d{1,2}(?:\.\d+)?)?[秒分]?\s*(?:Z|[+-]\d{2}:?\d{0,2})?)?"
)


def day_of(text: str) -> dt.date | None:
    """The date that a text is; None where it is none, not a whole one, or more than one."""
    match = _DAY.fullmatch(text.strip()[:40])
    if match is None:
        return None
    year, *rest = (int(part) for part in match.groups() if part)
    try:
        day = dt.date(year, rest[0], rest[1])
    except ValueError:
        return None
    return day if day.year >= FIRST_YEAR else None


@dataclass(frozen=True)
class Seam:
    """The part of a mosaic that is of one day."""

    number: int
    """From 1, as in the file."""

    day: dt.date
    geometry: BaseGeometry
    """Polygons in EPSG:4326, without what lies in a part of another day too."""

    overlap_m2: float = 0.0
    """What was taken away for that reason."""


@dataclass(frozen=True)
class Seams:
    """All parts of a mosaic."""

    path: Path
    field: str
    """Where the dates were found."""

    parts: tuple[Seam, ...]
    faults: tuple[str, ...]
    """Polygons that could not be used and ground of two days, a sentence each."""


def read_seams(path: Path, date_field: str | None) -> Seams:
    """The dated polygons of a vector file.

    Args:
        path: Shapefile, GeoPackage, GeoJSON or another that areas are read from; text in GBK is read as such.
        date_field: name of the field with the date; None = found by `DATE_FIELDS`.

    Raises:
        UnreadableImageError: if the file can not be read, or has too many polygons.
        InconsistentSceneError: if no field says the dates, or several that contradict each other.
    """
    try:
        file = read_features(path, MAX_POLYGONS)
    except AoiError as error:
        raise UnreadableImageError(f"The seam lines can not be used: {error}.") from error
    field = date_field or _date_field(file)
    parts: list[Seam] = []
    faults: list[str] = []
    for number, feature in enumerate(file.features, 1):
        text = next((value for key, value in feature.properties.items() if _same(key, field)), "")
        day, fault = day_of(text), _fault(feature.geometry)
        if feature.fault is not None:
            faults.append(f"{path.name}: polygon {number} is not used: {feature.fault.message_en}.")
        elif fault or feature.geometry is None:
            faults.append(f"{path.name}: polygon {number} is not used: {fault}.")
        elif day is None:
            said = f'its {field} "{text[:40]}" is no date' if text else f"it has no date in {field}"
            faults.append(f"{path.name}: polygon {number} is not used: {said}; write one such as 2023-06-15.")
        else:
            parts.append(Seam(number, day, polygonal(feature.geometry)))
    if not parts:
        raise InconsistentSceneError(" ".join([f"{path.name} dates no ground.", *faults[:3]]))
    return Seams(path, field, tuple(parts), tuple(faults))


def _fault(geometry: BaseGeometry | None) -> str:
    if geometry is None or geometry.is_empty:
        return "it has no geometry"
    if geometry.geom_type not in ("Polygon", "MultiPolygon"):
        return f"it is a {geometry.geom_type}"
    return "" if geometry.is_valid else f"its outline is not valid ({shapely.is_valid_reason(geometry)}); repair it"


def _date_field(file: VectorFile) -> str:
    """The field with the dates.

    Raises:
        InconsistentSceneError: if there is none, or there are several that contradict each other.
    """
    keys = list(dict.fromkeys(key for feature in file.features for key in feature.properties))
    found = [key for alias in DATE_FIELDS for key in keys if _same(key, alias)]
    dated = [key for key in dict.fromkeys(found) if any(day_of(f.properties.get(key, "")) for f in file.features)]
    if not dated:
        has = f"its fields are {', '.join(keys[:12])}" if keys else "it has no fields"
        raise InconsistentSceneError(
            f"{file.path.name} has no field with the date of acquisition ({has}): name it 影像时间 or DATE, or give "
            '"date_field" in the sidecar of the mosaic.'
        )
    for one, other in pairwise(dated):
        if any(_contradict(feature.properties, one, other) for feature in file.features):
            raise InconsistentSceneError(
                f"{file.path.name} tells of different days in {one} and {other}: say which is the acquisition's with "
                '"date_field" in the sidecar of the mosaic.'
            )
    return dated[0]


def _contradict(told: Mapping[str, str], one: str, other: str) -> bool:
    first, second = day_of(told.get(one, "")), day_of(told.get(other, ""))
    return first is not None and second is not None and first != second


def _same(key: str, name: str) -> bool:
    """Whether a field is called so; a DBF cuts names at ten bytes, in GBK or in UTF-8."""
    key, name = key.strip().casefold(), name.casefold()
    cut = {name.encode(codec)[:10].decode(codec, "ignore") for codec in ("gbk", "utf-8")}
    return key == name or (key in cut and len(key) > 1)


def disjoint(parts: Iterable[Seam], unit_m2: float, worth_m2: float) -> tuple[tuple[Seam, ...], tuple[str, ...]]:
    """The parts without the ground that parts of different days share, and a sentence on each such pair.

    Args:
        parts: with geometries in any CRS.
        unit_m2: square metres of one square unit of that CRS.
        worth_m2: less than this is how lines are drawn, and not worth a sentence.
    """
    parts = list(parts)
    left = [part.geometry for part in parts]
    lost = [0.0] * len(parts)
    told: list[str] = []
    tree = STRtree([part.geometry for part in parts])
    for one, other in sorted(map(tuple, tree.query([p.geometry for p in parts], predicate="intersects").T)):
        if one >= other or parts[one].day == parts[other].day:
            continue
        shared = polygonal(parts[one].geometry.intersection(parts[other].geometry))
        if shared.is_empty:
            continue
        for k in (one, other):
            left[k] = polygonal(left[k].difference(shared))
            lost[k] += shared.area * unit_m2
        if shared.area * unit_m2 >= worth_m2:
            told.append(
                f"polygons {parts[one].number} ({parts[one].day}) and {parts[other].number} ({parts[other].day}) share "
                f"{shared.area * unit_m2:,.0f} m²: whose day that is nobody says, so it counts as not observed."
            )
    kept = [Seam(p.number, p.day, g, m2) for p, g, m2 in zip(parts, left, lost, strict=True) if not g.is_empty]
    return tuple(kept), tuple(told)

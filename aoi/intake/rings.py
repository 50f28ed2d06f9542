"""Rings from corners, and corners from strings, as land offices write them.

X is north and Y is east, eastings with or without their zone's number. Strings that are read:

- ``1,4,1,X,Y,2,X,Y,3,X,Y,4,X,Y,1200,800,,1,`` – the national mining register: how many parts, how many corners, each
  corner's number, X and Y; then upper and lower height and a sign;
- ``1,X,Y 2,X,Y 3,X,Y*1,X,Y …`` – a star (or ``|``, ``@``, ``#``, an empty line) between rings;
- ``X1,Y1;X2,Y2;…``, with or without ``J1`` before each corner, on one line or on many;
- ``lon,lat;…`` in decimal degrees or in degrees, minutes and seconds with their signs.

Numbers are told apart by size: a northing of China has seven figures, an easting six or eight, a corner's number and a
height fewer. A ring ends where its first corner comes again, where the numbering starts again, or at a mark between
rings; the closing corner may be left out. A ring inside another is a hole.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from aoi.zones import is_easting, is_northing

RINGS_MAX = 5000

_HARD = re.compile(r"[*|@#]|\n\s*\n")
_TOKEN = re.compile(r"[-+]?\d+(?:\.\d+)?")
_DMS = re.compile(r"(\d{1,3})\s*[°度]\s*(\d{1,2})\s*['′分]\s*(\d{1,2}(?:\.\d+)?)\s*(?:[\"″秒]|'')?")
_BETWEEN = re.compile(r"[\s,;:()\[\]{}<>=、。XYNEBLJDPGKTxynebljdpgkt点号拐界址坐标纬经度东北至米m°.+]*")

Corner = tuple[float, float]
"""East, north; or longitude, latitude."""


class CornerError(ValueError):
    """Corners that no ring can be made of; args are the English and the Chinese sentence."""


@dataclass(frozen=True)
class Corners:
    """Rings as they were written."""

    rings: tuple[tuple[Corner, ...], ...]
    swapped: bool = False
    """True when X held the eastings and Y the northings; the corners here are the right way round."""

    degrees: bool = False


def corners_in(text: str) -> Corners:
    """The rings that a string of corners holds.

    Raises:
        CornerError: if it is none of the ways that are known.
    """
    plain = unicodedata.normalize("NFKC", _DMS.sub(_decimal, text)).strip()
    rings: list[tuple[Corner, ...]] = []
    found: set[tuple[bool, bool]] = set()
    for part in _HARD.split(plain):
        for ring in _rings_in(_tokens(part), found):
            rings.append(ring)
            if len(rings) > RINGS_MAX:
                raise CornerError(f"more than {RINGS_MAX} rings", f"环数超过 {RINGS_MAX}")
    if len(found) > 1:
        raise CornerError(
            "X and Y change places within it, or metres and degrees are mixed",
            "同一串坐标中 X、Y 前后不一致，或米与度混用",
        )
    if not rings:
        raise CornerError("no corners in it", "没有坐标")
    swapped, degrees = next(iter(found))
    if degrees and _packed(rings):
        raise CornerError(
            "these look like degrees with minutes and seconds behind the point (ddd.mmss); write decimal degrees, with "
            "seven decimals",
            "疑为“度.分秒”（ddd.mmss）写法；请换算为十进制度，保留七位小数",
        )
    return Corners(tuple(rings), swapped, degrees)


def _decimal(found: re.Match[str]) -> str:
    degrees, minutes, seconds = (float(part) for part in found.groups())
    return f" {degrees + minutes / 60 + seconds / 3600:.10f} "


def _tokens(part: str) -> list[str]:
    at, tokens = 0, []
    for found in _TOKEN.finditer(part):
        if not _BETWEEN.fullmatch(part[at : found.start()]):
            raise CornerError(
                f"{part[at : found.start()].strip()[:20]!r} is not understood between coordinates",
                f"坐标之间的“{part[at : found.start()].strip()[:20]}”无法识别",
            )
        tokens.append(found[0])
        at = found.end()
    if not _BETWEEN.fullmatch(part[at:]):
        raise CornerError(f"{part[at:].strip()[:20]!r} is not understood", f"“{part[at:].strip()[:20]}”无法识别")
    return tokens


def _rings_in(tokens: Sequence[str], found: set[tuple[bool, bool]]) -> list[tuple[Corner, ...]]:
    rings: list[tuple[Corner, ...]] = []
    ring: list[Corner] = []
    first_label, label, index = None, None, 0
    while index < len(tokens):
        if not _is_coordinate(tokens[index]):
            label, index = tokens[index], index + 1
            continue
        if index + 1 == len(tokens) or not _is_coordinate(tokens[index + 1]):
            raise CornerError(
                f"the coordinate {tokens[index]} has no partner", f"坐标 {tokens[index]} 缺少与之成对的另一坐标"
            )
        corner, way = _corner(tokens[index], tokens[index + 1])
        found.add(way)
        closes = len(ring) >= 3 and corner == ring[0]
        if not closes and len(ring) >= 3 and label is not None and label == first_label:
            rings.append(tuple(ring))
            ring = []
        if not ring:
            first_label = label
        if closes:
            rings.append(tuple(ring))
            ring = []
        else:
            ring.append(corner)
        label, index = None, index + 2
    if ring:
        rings.append(tuple(ring))
    return rings


def _is_coordinate(token: str) -> bool:
    value = float(token)
    if is_northing(value) or is_easting(value):
        return True
    if abs(value) >= 100_000:
        raise CornerError(
            f"{token} is neither a northing (7 figures) nor an easting (6, or 8 with the zone): a figure is missing or "
            "too many",
            f"{token} 既不是北坐标（7 位）也不是东坐标（6 位，加带号 8 位）：位数有误",
        )
    return "." in token and (15 <= value <= 56 or 70 <= value <= 140) and len(token.partition(".")[2]) >= 3


def _corner(one: str, other: str) -> tuple[Corner, tuple[bool, bool]]:
    """(east, north), and whether they came swapped, and whether they are degrees."""
    return corner_of(float(one), float(other))


def corner_of(x: float, y: float) -> tuple[Corner, tuple[bool, bool]]:
    """A corner from X (north) and Y (east): (east, north), and whether they are swapped, and whether they are degrees.

    Degrees are taken as longitude before latitude or the other way, by their size: in China they can not be confused.

    Raises:
        CornerError: if they are neither.
    """
    if is_northing(x) and is_easting(y):
        return (y, x), (False, False)
    if is_easting(x) and is_northing(y):
        return (x, y), (True, False)
    if 15 <= x <= 56 and 70 <= y <= 140:
        return (y, x), (False, True)
    if 70 <= x <= 140 and 15 <= y <= 56:
        return (x, y), (False, True)
    raise CornerError(
        f"({x:.10g}, {y:.10g}) is not a northing with an easting, nor degrees in China: a figure may be missing",
        f"（{x:.10g}，{y:.10g}）不是一对北、东坐标，也不是中国境内的经纬度：位数可能有误",
    )


def _packed(rings: Sequence[Sequence[Corner]]) -> bool:
    """Whether every fraction could be minutes and seconds: by chance that is so for one in three.

    Rather refuse one rectangle in sixty that is right than move one by kilometres.
    """
    fractions = {f"{value:.10f}".partition(".")[2] for ring in rings for corner in ring for value in corner}
    return len(fractions) >= 4 and all(
        part[:2] < "60" and part[2:4] < "60" and int(part[6:]) == 0 for part in fractions
    )


def polygon_of(rings: Sequence[Sequence[Corner]]) -> BaseGeometry:
    """A polygon or multipolygon of rings that are not closed; a ring inside another is its hole.

    Raises:
        CornerError: if a ring has fewer than three corners, or two rings cross.
    """
    for ring in rings:
        if len(set(ring)) < 3:
            raise CornerError(
                f"a ring has {len(set(ring))} corners; it needs three or more",
                f"环只有 {len(set(ring))} 个界址点，至少要 3 个",
            )
    shells = sorted((Polygon(ring) for ring in rings), key=lambda shell: -shell.area)
    if len(shells) == 1:
        return shells[0]
    parts: list[tuple[Polygon, list[Polygon]]] = []
    for shell in shells:
        inside = shell.representative_point() if shell.is_valid else shell.exterior.interpolate(0)
        around = [part for part in parts if part[0].is_valid and part[0].contains(inside)]
        if around and not any(hole.is_valid and hole.contains(inside) for hole in around[-1][1]):
            if not (shell.is_valid and around[-1][0].covers(shell)):
                raise CornerError("two rings cross each other", "两个环相互交叉")
            around[-1][1].append(shell)
        else:
            parts.append((shell, []))
    built = [Polygon(shell.exterior, [hole.exterior for hole in holes]) for shell, holes in parts]
    return built[0] if len(built) == 1 else MultiPolygon(built)

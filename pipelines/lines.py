"""Pieces of one road, dike or ditch that lie end to end are one lead."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from aoi.grid import to_crs, zone_of
from pipelines.dating import Sighting
from pipelines.judged import Account, Dated
from pipelines.samesite import united

SLENDER = 3.0
"""So many times as long as wide, a piece has a direction."""

WIDEST_M = 60.0
"""Wider strips are fields."""

GAP_M = 150.0
"""So far a road may be hidden, or be of the colour of the ground it lies on."""

ALONG = math.cos(math.radians(25))
"""How well two pieces, and the gap between them, keep to one direction."""


@dataclass(frozen=True)
class _Piece:
    """A slender patch in the plane of its zone."""

    number: int
    epsg: int
    plane: BaseGeometry
    middle: NDArray[np.float64]
    along: NDArray[np.float64]
    """(2,) unit vector of its direction."""

    width_m: float


def one_lead_a_line(found: Sequence[Dated], account: Account) -> list[Dated]:
    """Patches of one model that go on in one direction over a short gap, united with the ground between.

    Name and opinion are those of the largest piece, score and days those of all.

    Args:
        found: patches that stand.
        account: counts what was taken in.
    """
    pieces = [piece for number, one in enumerate(found) if (piece := _piece(number, one)) is not None]
    if len(pieces) < 2:
        return list(found)
    pieces.sort(key=lambda piece: piece.plane.bounds)  # the ground between them is drawn from the first to the second
    tree = STRtree([piece.plane for piece in pieces])
    pairs = tree.query([piece.plane for piece in pieces], predicate="dwithin", distance=GAP_M)
    joins = [
        (pieces[one], pieces[other])
        for one, other in sorted(pairs.T.tolist())
        if one < other and _go_on(pieces[one], pieces[other], found)
    ]
    kept: dict[int, Dated] = dict(enumerate(found))
    for numbers, strips in _lines(joins):
        parts = sorted((found[number] for number in numbers), key=_largest_first)
        account.merged[parts[0].detector.id] += len(parts) - 1
        for number in numbers:
            del kept[number]
        kept[numbers[0]] = _line(parts, strips)
    return [kept[number] for number in sorted(kept)]


def _piece(number: int, one: Dated) -> _Piece | None:
    """The patch as a piece of a line; None where it is no strip."""
    ground = one.patch.geometry
    if ground.geom_type != "Polygon":
        return None
    place = ground.representative_point()
    epsg = zone_of(place.x, place.y)
    plane = to_crs(ground, 4326, epsg)
    corners = shapely.get_coordinates(shapely.oriented_envelope(plane))
    if len(corners) < 4:
        return None
    sides = np.diff(corners[:3], axis=0)
    lengths = np.hypot(*sides.T)
    long, wide = float(lengths.max()), float(plane.area / lengths.max())
    if not (long >= SLENDER * lengths.min() and wide <= WIDEST_M):
        return None
    along = sides[int(np.argmax(lengths))] / long
    return _Piece(number, epsg, plane, corners[:4].mean(axis=0), along, wide)


def _go_on(one: _Piece, other: _Piece, found: Sequence[Dated]) -> bool:
    if one.epsg != other.epsg or found[one.number].detector.id != found[other.number].detector.id:
        return False
    between = other.middle - one.middle
    between /= max(float(np.hypot(*between)), 1e-9)
    turns = one.along @ other.along, one.along @ between, other.along @ between
    return bool(min(abs(turn) for turn in turns) >= ALONG)


def _lines(joins: Iterable[tuple[_Piece, _Piece]]) -> list[tuple[list[int], list[BaseGeometry]]]:
    """Numbers of the pieces of each line, ascending, and the strips between them, EPSG:4326."""
    line: dict[int, int] = {}
    strips: list[tuple[int, BaseGeometry]] = []

    def first(number: int) -> int:
        while line.setdefault(number, number) != number:
            number = line[number]
        return number

    for one, other in joins:
        line[max(first(one.number), first(other.number))] = min(first(one.number), first(other.number))
        strips.append((one.number, _strip(one, other)))
    numbers: dict[int, list[int]] = {}
    for number in sorted(line):
        numbers.setdefault(first(number), []).append(number)
    return [(of, [strip for number, strip in strips if first(number) == root]) for root, of in numbers.items()]


def _strip(one: _Piece, other: _Piece) -> BaseGeometry:
    """The ground between two pieces, as wide as the narrower one and reaching into both, EPSG:4326."""
    width = min(one.width_m, other.width_m)
    gap = shapely.shortest_line(one.plane, other.plane)
    return to_crs(gap.buffer(width / 2, cap_style="square"), one.epsg, 4326)


def _largest_first(one: Dated) -> tuple[float, ...]:
    return -one.patch.area_m2, *one.patch.geometry.bounds


def _line(parts: Sequence[Dated], strips: Sequence[BaseGeometry]) -> Dated:
    largest, *others = (one.patch for one in parts)
    areas, scores = zip(*((one.patch.area_m2, one.patch.score_mean) for one in parts), strict=True)
    mean, most = round(float(np.average(scores, weights=areas)), 6), max(one.patch.score_max for one in parts)
    patch = united(replace(largest, score_mean=mean, score_max=most), others, strips)
    return replace(parts[0], patch=patch, sighting=_seen(parts))


def _seen(parts: Sequence[Dated]) -> Sighting:
    """The days of a line: it began with its first piece."""
    days = {day for one in parts for day in one.sighting.dates_seen}
    begun = min(parts, key=lambda one: (one.sighting.first_seen, one.sighting.last_before)).sighting
    looks = max(one.sighting.looks for one in parts)
    return Sighting(begun.last_before, begun.first_seen, tuple(sorted(days)), looks)

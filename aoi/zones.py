"""The Gauss-Krüger zones that Chinese offices use, and which of them a file without CRS could be in.

Candidates are shown, with where each would put the file; none is ever chosen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

Datum = Literal["CGCS2000", "Xian 1980", "Beijing 1954"]

DATUMS: tuple[Datum, ...] = ("CGCS2000", "Xian 1980", "Beijing 1954")

_FIRST: dict[tuple[Datum, int, bool], int] = {
    ("CGCS2000", 3, True): 4513,
    ("CGCS2000", 3, False): 4534,
    ("CGCS2000", 6, True): 4491,
    ("CGCS2000", 6, False): 4502,
    ("Xian 1980", 3, True): 2349,
    ("Xian 1980", 3, False): 2370,
    ("Xian 1980", 6, True): 2327,
    ("Xian 1980", 6, False): 2338,
    ("Beijing 1954", 3, True): 2401,
    ("Beijing 1954", 3, False): 2422,
    ("Beijing 1954", 6, True): 21413,
    ("Beijing 1954", 6, False): 21453,
}
"""EPSG code of the first zone of each family, the one of 75° E, by width and whether eastings carry its number."""

FIRST_ZONE = {3: 25, 6: 13}
LAST_ZONE = {3: 45, 6: 23}
MERIDIANS = range(75, 136, 3)

NORTHING = (1_500_000.0, 6_500_000.0)
"""Metres from the equator that Chinese ground has."""

PLAIN_EASTING = (100_000.0, 1_000_000.0)
PREFIXED_EASTING = (13_000_000.0, 46_000_000.0)

NEAR_DEG = 0.5


@dataclass(frozen=True)
class Candidate:
    """One CRS that coordinates could be in."""

    epsg: int
    name: str
    bounds: tuple[float, float, float, float]
    """Where it would put them: west, south, east, north in degrees."""

    distance_deg: float | None
    """From known ground; 0 = on it, None = nothing is known."""

    swapped: bool = False
    """True when x and y have to change places."""

    note: str = ""

    @property
    def near(self) -> bool:
        """Whether it puts them on known ground, or no ground is known."""
        return self.distance_deg is None or self.distance_deg <= NEAR_DEG


def zone_epsg(datum: Datum, width_deg: int, *, zone: int | None = None, meridian: int | None = None) -> int | None:
    """EPSG code of a zone by its number (eastings carry it) or its central meridian (they do not); None = no such."""
    if width_deg not in FIRST_ZONE:
        return None
    if zone is not None:
        first, last = FIRST_ZONE[width_deg], LAST_ZONE[width_deg]
        return _FIRST[datum, width_deg, True] + zone - first if first <= zone <= last else None
    if meridian is None or not 75 <= meridian <= 135 or (meridian - 75) % width_deg:
        return None
    return _FIRST[datum, width_deg, False] + (meridian - 75) // width_deg


def meridian_of(width_deg: int, zone: int) -> int:
    """Central meridian of a zone, degrees east."""
    return zone * 3 if width_deg == 3 else zone * 6 - 3


def is_northing(value: float) -> bool:
    """Whether a number can be a Chinese northing."""
    return NORTHING[0] <= value < NORTHING[1]


def is_easting(value: float) -> bool:
    """Whether a number can be an easting, with or without its zone's number."""
    return any(low <= value < high for low, high in (PLAIN_EASTING, PREFIXED_EASTING))


def look_swapped(bounds: Sequence[float]) -> bool:
    """Whether x holds northings and y eastings, or x latitudes and y longitudes of China."""
    west, south, east, north = bounds
    if is_northing(west) and is_northing(east) and is_easting(south) and is_easting(north):
        return True
    return 15 <= west <= east <= 55 and 73 <= south <= north <= 136


def candidates(bounds: Sequence[float], known: BaseGeometry | None = None) -> tuple[Candidate, ...]:
    """What CRS coordinates could be in, those that put them on known ground first.

    Args:
        bounds: least x, least y, greatest x, greatest y, as written.
        known: ground that is known, in EPSG:4326.
    """
    swapped = look_swapped(bounds)
    west, south, east, north = (bounds[1], bounds[0], bounds[3], bounds[2]) if swapped else bounds
    written = (float(west), float(south), float(east), float(north))
    placed = [one for one in (_candidate(guess, written, known, swapped) for guess in _guesses(*written)) if one]
    return tuple(sorted(placed, key=lambda one: round(one.distance_deg or 0.0, 1)))


@dataclass(frozen=True)
class _Guess:
    epsg: int
    name: str
    note: str
    placed_as: int
    """CRS that places it: CGCS2000 also for the old datums of its zone, 100 m apart, which no small map shows."""


def _guesses(west: float, south: float, east: float, north: float) -> Iterator[_Guess]:
    if max(abs(west), abs(east)) <= 360 and max(abs(south), abs(north)) <= 360:
        yield _Guess(4490, "CGCS2000, degrees", "CGCS2000", 4490)
        note = "WGS 84; GCJ-02 of web and phone maps looks the same and is hundreds of metres off"
        yield _Guess(4326, "WGS 84, degrees", note, 4326)
        return
    if not (is_northing(south) and is_northing(north)):
        return
    first, last = int(west // 1_000_000), int(east // 1_000_000)
    if first == last:
        for width in (3, 6):
            yield from _zones_of(width, f"{width}° zone {first}", zone=first)
    if PLAIN_EASTING[0] <= west and east < PLAIN_EASTING[1]:
        for meridian in MERIDIANS:
            alike = "; its 6° zone is the same" if (meridian - 75) % 6 == 0 else ""
            note = f"central meridian {meridian}° E, eastings without zone number{alike}"
            yield from _zones_of(3, note, meridian=meridian)


def _zones_of(width: int, note: str, **which: int) -> Iterator[_Guess]:
    stand_in = zone_epsg("CGCS2000", width, **which)
    for datum in DATUMS:
        if (code := zone_epsg(datum, width, **which)) is not None and stand_in is not None:
            yield _Guess(code, f"{datum}, {note}", note, stand_in)


def _candidate(
    guess: _Guess, bounds: tuple[float, float, float, float], known: BaseGeometry | None, swapped: bool
) -> Candidate | None:
    placed = _to_degrees(guess.placed_as).transform_bounds(*bounds, densify_pts=3)
    if not np.isfinite(placed).all():
        return None
    west, south, east, north = (float(value) for value in placed)
    distance = None
    if known is not None and not known.is_empty:
        distance = float(shapely.distance(shapely.box(west, south, east, north), known))
    return Candidate(guess.epsg, guess.name, (west, south, east, north), distance, swapped, guess.note)


@lru_cache(maxsize=128)
def _to_degrees(epsg: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(epsg, 4326, always_xy=True)

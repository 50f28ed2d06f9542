"""A small map of where each candidate CRS would put a file: as text for a terminal, and as SVG."""

import math
import string
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from aoi.zones import Candidate

COLUMNS, ROWS = 64, 18
WIDTH, LINE = 1000, 20
MARGIN_DEG = 0.5

SPOTS_MAX = 12
"""Places that are drawn; others are said to be left out."""

_COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")

SAME_DEG = 0.05
"""Candidates that fall this close together (datums of one zone) share a spot."""


@dataclass(frozen=True)
class Spot:
    """A place that one or several candidates mean."""

    letter: str
    candidates: tuple[Candidate, ...]

    @property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude."""
        west, south, east, north = self.candidates[0].bounds
        return (west + east) / 2, (south + north) / 2

    @property
    def near(self) -> bool:
        """Whether it lies on known ground."""
        return self.candidates[0].near

    @property
    def codes(self) -> str:
        """Its EPSG codes."""
        return ", ".join(f"EPSG:{candidate.epsg}" for candidate in self.candidates)


def spots_of(candidates: Sequence[Candidate]) -> tuple[Spot, ...]:
    """Candidates gathered by place, in their order, at most `SPOTS_MAX`, the nearest to known ground first."""
    groups: list[list[Candidate]] = []
    for candidate in candidates:
        for group in groups:
            if all(abs(a - b) < SAME_DEG for a, b in zip(group[0].bounds, candidate.bounds, strict=True)):
                group.append(candidate)
                break
        else:
            groups.append([candidate])
    letters = string.ascii_uppercase
    return tuple(Spot(letters[index], tuple(group)) for index, group in enumerate(groups[:SPOTS_MAX]))


def text_map(spots: Sequence[Spot], known: BaseGeometry | None) -> str:
    """The map and its legend as lines of text: dots are known ground, letters are candidates."""
    west, south, east, north = _frame(spots, known)
    grid = [[" "] * COLUMNS for _ in range(ROWS)]
    if known is not None:
        columns = west + (np.arange(COLUMNS) + 0.5) / COLUMNS * (east - west)
        rows = north - (np.arange(ROWS) + 0.5) / ROWS * (north - south)
        inside = shapely.contains_xy(known, *np.meshgrid(columns, rows))
        for row, col in zip(*np.nonzero(inside), strict=True):
            grid[row][col] = "·"
    for spot in reversed(spots):
        lon, lat = spot.centre
        col, row = int((lon - west) / (east - west) * COLUMNS), int((north - lat) / (north - south) * ROWS)
        if 0 <= col < COLUMNS and 0 <= row < ROWS:
            grid[row][col] = spot.letter
    edge = "+" + "-" * COLUMNS + "+"
    lines = [f"{north:.1f}° N", edge, *("|" + "".join(row) + "|" for row in grid), edge]
    lines.append(f"{south:.1f}° N   {west:.1f}° E – {east:.1f}° E")
    return "\n".join([*lines, *map(_legend, spots)])


def _legend(spot: Spot) -> str:
    lon, lat = spot.centre
    first = spot.candidates[0]
    on = "" if first.distance_deg is None else ("  on known ground" if spot.near else "  far from known ground")
    swapped = "; x and y swapped" if first.swapped else ""
    return f"{spot.letter}  {lon:8.3f}° E {lat:7.3f}° N{on}  {spot.codes}  ({first.note}{swapped})"


def _frame(spots: Sequence[Spot], known: BaseGeometry | None) -> tuple[float, float, float, float]:
    """West, south, east, north of the map: known ground, and every spot that is not in another part of the world."""
    boxes = [spot.candidates[0].bounds for spot in spots]
    if known is not None and not known.is_empty:
        boxes.append(known.bounds)
    west, south, east, north = (
        (pick(box[i] for box in boxes) if boxes else value)
        for i, pick, value in ((0, min, 73.0), (1, min, 18.0), (2, max, 135.0), (3, max, 54.0))
    )
    return west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG


def svg_map(spots: Sequence[Spot], known: BaseGeometry | None, title: str) -> str:
    """The map as an SVG document; needs no font but the reader's own.

    Args:
        spots: from `spots_of`.
        known: ground that is known, EPSG:4326.
        title: such as the file's name.
    """
    west, south, east, north = _frame(spots, known)
    across = (WIDTH - 40) / (east - west)
    down = across / math.cos(math.radians((south + north) / 2))  # a degree of latitude is longer than one of longitude
    foot = 60 + (north - south) * down

    def at(lon: float, lat: float) -> tuple[float, float]:
        return 20 + (lon - west) * across, 40 + (north - lat) * down

    total = round(foot + LINE * len(spots))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{total}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{total}" fill="white"/>',
        f'<text x="20" y="24" font-size="15">{escape(title)}</text>',
    ]
    for polygon in shapely.get_parts(known) if known is not None else ():
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*xy) for xy in polygon.exterior.coords))
        parts.append(f'<polygon points="{points}" fill="#e8efe0" stroke="#7a8f6a"/>')
    for index, spot in enumerate(spots):
        colour = _COLOURS[index % len(_COLOURS)]
        left, top = at(spot.candidates[0].bounds[0], spot.candidates[0].bounds[3])
        right, bottom = at(spot.candidates[0].bounds[2], spot.candidates[0].bounds[1])
        width, height = max(6.0, right - left), max(6.0, bottom - top)
        parts += [
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}" '
            f'fill-opacity="0.35" stroke="{colour}"/>',
            f'<text x="{left + width + 3:.1f}" y="{top + 5:.1f}" font-size="14" fill="{colour}">{spot.letter}</text>',
            f'<text x="20" y="{foot + LINE * index:.0f}" font-size="12" fill="{colour}">{escape(_legend(spot))}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"

"""Which pieces of change belong together, and which end where nothing was seen.

Inside a zone pieces meet on the lattice, exactly. Two zones' lattices are turned against each other (by up to 4.5° at
49° N), so across a zone's edge pixels meet by the place where their row (or column) ends on the edge.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from aoi.grid import to_crs, zone_box
from leads.lattice import EIGHT, IntArray, centres, in_zone, window_of
from leads.vectorize import Fragment

REACH_PX = 1.5
"""Pixels that end on a zone's edge belong together when their ends are this near: on one lattice neighbouring rows
are 1 apart and the next but one 2."""

_METRES_PER_DEGREE = 111_320.0

Lattice = tuple[int, float]
"""EPSG code and pixel size."""

_Tiling = tuple[int, int, int, int]
"""Width and height of windows in cells, and how far their edges lie from whole multiples of these."""

Pairs = NDArray[np.int64]
"""(n, 2) indices of pieces in contact."""


@dataclass(frozen=True)
class Side:
    """One edge of a zone."""

    step: tuple[int, int]
    """Column and row step that leads over it."""

    neighbour: int
    """EPSG code of the zone beyond."""

    axis: str
    """``lon`` where the edge is a meridian, ``lat`` where it is the equator."""

    value: float
    """Its degree."""

    forward: bool
    """Whether this zone lies west or south of it."""


def sides_of(epsg: int) -> tuple[Side, ...]:
    """The edges of a zone beyond which another begins (none across the antimeridian)."""
    west, south, east, north = zone_box(epsg).bounds
    sides = []
    if east < 180:
        sides.append(Side((1, 0), epsg + 1, "lon", east, True))
    if west > -180:
        sides.append(Side((-1, 0), epsg - 1, "lon", west, False))
    if north == 0:
        sides.append(Side((0, 1), epsg - 100, "lat", 0.0, True))
    if south == 0:
        sides.append(Side((0, -1), epsg + 100, "lat", 0.0, False))
    return tuple(sides)


def beyond(side: Side, epsg: int, gsd_m: float, cells: IntArray) -> NDArray[np.bool_]:
    """(n,) True for cells of a zone whose next cell over a side belongs to the zone beyond."""
    if not len(cells):
        return np.zeros(0, dtype=bool)
    lon, lat = centres(epsg, gsd_m, cells + np.array(side.step))
    degree = lon if side.axis == "lon" else lat
    return np.asarray(degree >= side.value if side.forward else degree < side.value)


def groups(pieces: Sequence[Fragment], analysed: Collection[GeoBox]) -> Iterator[tuple[tuple[Fragment, ...], bool]]:
    """Pieces that are one change, and whether that change ends where nothing was seen.

    Args:
        pieces: those that touch a border or a zone's edge, and the blind ones.
        analysed: the cores that were worked.
    """
    tables = _tables(pieces)
    blind = np.array([piece.blind for piece in pieces], dtype=bool)
    pairs = np.concatenate([_on_lattice(tables, blind), _over_edges(pieces)])
    clipped = np.array([piece.edge for piece in pieces], dtype=bool)
    at_blind = blind[pairs].any(axis=1)
    clipped[pairs[at_blind].ravel()] = True
    clipped[_ends_outside(pieces, blind, tables, analysed)] = True
    first, second = pairs[~at_blind].T
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(len(pieces), len(pieces)))
    _, label = connected_components(graph, directed=False)
    members = defaultdict(list)
    for index in np.flatnonzero(~blind).tolist():
        members[label[index]].append(index)
    for group in members.values():
        yield tuple(pieces[index] for index in group), bool(clipped[group].any())


def _tables(pieces: Sequence[Fragment]) -> dict[Lattice, tuple[IntArray, IntArray]]:
    """By lattice, the border cells of all pieces and the piece that each belongs to."""
    members: dict[Lattice, list[int]] = defaultdict(list)
    for index, piece in enumerate(pieces):
        if len(piece.border):
            members[piece.epsg, piece.gsd_m].append(index)
    return {lattice: _table([pieces[n].border for n in chosen], chosen) for lattice, chosen in members.items()}


def _table(cells: Sequence[NDArray[np.int32]], owners: Sequence[int]) -> tuple[IntArray, IntArray]:
    return np.concatenate(cells).astype(np.int64), np.repeat(owners, [len(part) for part in cells])


def _on_lattice(tables: dict[Lattice, tuple[IntArray, IntArray]], blind: NDArray[np.bool_]) -> Pairs:
    """Pieces of one zone whose border cells touch by an edge or a corner; two blind ones are nobody's question."""
    found = [np.empty((0, 2), dtype=np.int64)]
    for cells, owner in tables.values():
        order = np.argsort(_keys(cells))
        keys, owners = _keys(cells)[order], owner[order]
        change = ~blind[owner]  # blind rims go round whole blocks: hundreds of cells for each of these
        around = (cells[change][:, None, :] + EIGHT).reshape(-1, 2)
        asking = np.repeat(owner[change], len(EIGHT))
        wanted = _keys(around)
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        met = (keys[at] == wanted) & (owners[at] != asking)
        found.append(np.sort(np.stack([asking[met], owners[at[met]]], axis=1), axis=1))
    return np.unique(np.concatenate(found), axis=0)


def _keys(cells: IntArray) -> IntArray:
    return (cells[:, 1] << 32) + cells[:, 0]


def _over_edges(pieces: Sequence[Fragment]) -> Pairs:
    """Pieces of two zones whose pixels meet at the edge between them."""
    ends: dict[tuple[float, str, float, bool], list[tuple[NDArray[np.float64], IntArray]]] = defaultdict(list)
    for (epsg, gsd_m), cells, owner in _seams(pieces):
        for side in sides_of(epsg):
            met = beyond(side, epsg, gsd_m, cells)
            lon, lat = centres(epsg, gsd_m, cells[met])
            along = (lat if side.axis == "lon" else lon) * _METRES_PER_DEGREE
            ends[gsd_m, side.axis, side.value, side.forward].append((along, owner[met]))
    found = [np.empty((0, 2), dtype=np.int64)]
    for (gsd_m, axis, value, forward), near in ends.items():
        far = ends.get((gsd_m, axis, value, False)) if forward else None
        if far:
            found.append(_near(*_joined(near), *_joined(far), REACH_PX * gsd_m))
    return np.unique(np.concatenate(found), axis=0)


def _seams(pieces: Sequence[Fragment]) -> Iterator[tuple[Lattice, IntArray, IntArray]]:
    members: dict[Lattice, list[int]] = defaultdict(list)
    for index, piece in enumerate(pieces):
        if len(piece.seam):
            members[piece.epsg, piece.gsd_m].append(index)
    for lattice, chosen in members.items():
        yield lattice, *_table([pieces[n].seam for n in chosen], chosen)


def _joined(parts: list[tuple[NDArray[np.float64], IntArray]]) -> tuple[NDArray[np.float64], IntArray]:
    return np.concatenate([along for along, _ in parts]), np.concatenate([owner for _, owner in parts])


def _near(
    here: NDArray[np.float64], owner: IntArray, there: NDArray[np.float64], other: IntArray, reach: float
) -> Pairs:
    """Owners of all pairs of places on a line that are within reach of each other."""
    order = np.argsort(there)
    there, other = there[order], other[order]
    first = np.searchsorted(there, here - reach, side="left")
    count = np.searchsorted(there, here + reach, side="right") - first
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.stack([np.repeat(owner, count), other[np.repeat(first, count) + offset]], axis=1)


def _ends_outside(
    pieces: Sequence[Fragment],
    blind: NDArray[np.bool_],
    tables: dict[Lattice, tuple[IntArray, IntArray]],
    analysed: Collection[GeoBox],
) -> IntArray:
    """Pieces with a pixel beside ground that no analysed block holds; blind ones are not asked."""
    cover = _Cover(analysed)
    outside = [np.empty(0, dtype=np.int64)]
    for (epsg, gsd_m), (cells, owner) in tables.items():
        change = ~blind[owner]
        around = (cells[change][:, None, :] + EIGHT).reshape(-1, 2)
        owners = np.repeat(owner[change], len(EIGHT))
        open_ = ~cover.holds(epsg, gsd_m, around)
        open_[open_] = in_zone(epsg, gsd_m, around[open_])
        outside.append(owners[open_])
    for (epsg, gsd_m), cells, owner in _seams(pieces):
        for side in sides_of(epsg):
            met = beyond(side, epsg, gsd_m, cells)
            over = shapely.points((cells[met] + np.array(side.step) + 0.5) * gsd_m)
            places = shapely.get_coordinates(to_crs(to_crs(over, epsg, 4326), 4326, side.neighbour))
            there = np.floor(places / gsd_m).astype(np.int64)
            outside.append(owner[met][~cover.holds(side.neighbour, gsd_m, there)])
    return np.unique(np.concatenate(outside))


class _Cover:
    """The ground that was analysed, asked cell by cell."""

    def __init__(self, analysed: Collection[GeoBox]) -> None:
        tilings: dict[Lattice, dict[_Tiling, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        for geobox in analysed:
            w = window_of(geobox)
            tiling = w.width, w.height, w.left % w.width, w.bottom % w.height
            tilings[w.epsg, w.gsd_m][tiling].append((w.left // w.width, w.bottom // w.height))
        self._tables = {
            lattice: {tiling: _Table.of(places) for tiling, places in found.items()}
            for lattice, found in tilings.items()
        }

    def holds(self, epsg: int, gsd_m: float, cells: IntArray) -> NDArray[np.bool_]:
        """(n,) True for cells in an analysed core."""
        held = np.zeros(len(cells), dtype=bool)
        for (width, height, left, bottom), table in self._tables.get((epsg, gsd_m), {}).items():
            held |= table.has((cells - (left, bottom)) // (width, height))
        return held


@dataclass(frozen=True)
class _Table:
    """Places of equal windows that lie side by side, by column and row."""

    first: IntArray
    taken: NDArray[np.bool_]

    @classmethod
    def of(cls, places: Sequence[tuple[int, int]]) -> "_Table":
        at = np.array(places, np.int64)
        first = at.min(axis=0)
        taken = np.zeros(at.max(axis=0) - first + 1, dtype=bool)
        taken[tuple((at - first).T)] = True
        return cls(first, taken)

    def has(self, places: IntArray) -> NDArray[np.bool_]:
        at = places - self.first
        inside: NDArray[np.bool_] = np.all((at >= 0) & (at < self.taken.shape), axis=1)
        inside[inside] = self.taken[tuple(at[inside].T)]
        return inside

"""From the score of one block to connected pieces of change.

A piece keeps its pixels as runs on its zone's lattice, so pieces of neighbouring blocks unite without rounding and the
result does not depend on how the ground was cut (see `leads.join`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from detectors.core.arrays import places_of
from detectors.core.types import BoolArray, Detector, FloatArray
from leads.lattice import IntArray, Window, in_zone, window_of
from leads.outline import outlines

_EIGHT_CONNECTED = np.ones((3, 3), dtype=bool)

NEAR_PX = 8
"""Holes that `leads.join` fills are narrower than that."""

LEAST_SCALE = 0.99
"""No lattice cell is smaller on the ground than this share of its size in the plane (UTM stays within 0.5 %)."""


@dataclass(frozen=True, eq=False)
class Fragment:
    """An 8-connected piece of score ≥ low inside one block's core; or that block's blind rim."""

    epsg: int
    gsd_m: float
    runs: NDArray[np.int32]
    """(n, 3) row, first column, column after the last, on the zone's lattice (`leads.lattice`)."""

    border: NDArray[np.int32]
    """(n, 2) its cells (column, row) in the outermost pixels of the core: a neighbouring block may go on."""

    seam: NDArray[np.int32]
    """(n, 2) its cells beside ground of another UTM zone: that zone may go on."""

    score_max: float
    score_sum: float
    pixels: int
    transitions: tuple[int, ...]
    """Pixels of each transition index, from 0; last, of those that are parts of which no transition speaks."""

    edge: bool = False
    """True when it touches, inside the core, ground that was not observed or not asked for."""

    blind: bool = False
    """True for the cells of the core's rim where nothing was observed. It is no change: it only tells a neighbouring
    block's pieces that they end at unseen ground."""

    @property
    def touches(self) -> bool:
        """Whether it may go on in another block or zone."""
        return len(self.border) > 0 or len(self.seam) > 0

    @property
    def geometry(self) -> BaseGeometry:
        """Its outline in the zone's CRS."""
        return shapely.transform(outlines(self.runs.astype(np.int64), 0).geometry, lambda cells: cells * self.gsd_m)


@dataclass(frozen=True)
class Surroundings:
    """(H, W) masks of what lies around the pieces of a block."""

    seen: BoolArray
    """Ground that was observed and asked for, which they follow from."""

    border: BoolArray
    """The outermost pixels of the core."""

    beside_zone: BoolArray
    """8-neighbours of ground of another zone."""

    unseen: BoolArray
    """Ground of this zone, not observed or not asked for."""

    beside_unseen: BoolArray
    """That ground and its 8-neighbours."""


def fragments(
    score: FloatArray,
    transition: NDArray[np.uint8],
    block_geobox: GeoBox,
    owned: BoolArray,
    detector: Detector,
    known: Surroundings | None = None,
) -> tuple[Fragment, ...]:
    """The connected pieces of change of one block's core.

    A piece that touches neither the core's border nor another zone is final: it is left out when it has no pixel of
    `begun_at` or can not reach the minimum area even with its holes filled.

    Args:
        score: (H, W) 0–1 on the core, NaN = not observed.
        transition: (H, W) as `ChangeMap.transition`.
        block_geobox: the core's grid: north-up, in UTM, on the lattice of its pixel size.
        owned: (H, W) pixels of this zone that were asked for; the rest is left out.
        detector: gives the thresholds and the minimum area.
        known: of the same ground and pixels asked for; taken where the same pixels were seen.

    Returns:
        Pieces in the order of their first pixel; last, where the core's rim holds unseen ground, one blind piece.

    Raises:
        ValueError: if the grid is off the lattice.
    """
    window = window_of(block_geobox)
    around = surroundings(np.isfinite(score) & owned, owned, block_geobox, known)
    with np.errstate(invalid="ignore"):  # NaN compares False, as meant
        low = (score >= detector.grown_to) & owned
    pieces: tuple[Fragment, ...] = ()
    if low.any():
        labels, count = ndimage.label(low, structure=_EIGHT_CONNECTED)
        pieces = _pieces(labels, count, places_of(low), score, transition, around, window, detector)
    return (*pieces, *_blind_rim(around, window))


def pixels_near(pieces: Sequence[Fragment], block_geobox: GeoBox) -> NDArray[np.int32]:
    """(N,) row × width + column on the core, ascending: pixels in the boxes of pieces, `NEAR_PX` wider all round.

    Holes of a patch that are filled, and what smoothing adds to it, lie among them.
    """
    window = window_of(block_geobox)
    near = np.zeros(block_geobox.shape, dtype=bool)
    for piece in pieces:
        if len(piece.runs):
            rows = window.bottom + window.height - 1 - piece.runs[:, 0]
            first, last = piece.runs[:, 1].min() - window.left, piece.runs[:, 2].max() - window.left
            down = slice(max(rows.min() - NEAR_PX, 0), rows.max() + 1 + NEAR_PX)
            near[down, max(first - NEAR_PX, 0) : last + NEAR_PX] = True
    return np.flatnonzero(near).astype(np.int32)


def surroundings(
    seen: BoolArray, owned: BoolArray, block_geobox: GeoBox, known: Surroundings | None = None
) -> Surroundings:
    """What lies around the pieces of a block: the same for all detectors that were in season on the same days.

    Args:
        seen: (H, W) pixels of the core that were observed and asked for.
        owned: (H, W) pixels of this zone that were asked for.
        block_geobox: the core's grid.
        known: an answer for the same ground, given back where the same pixels were seen.
    """
    if known is not None and np.array_equal(known.seen, seen):
        return known
    window = window_of(block_geobox)
    border = np.zeros(seen.shape, dtype=bool)
    border[[0, -1], :] = border[:, [0, -1]] = True
    # Pixels that are not owned belong to another zone or were not asked for. Only those beside owned ones, or on the
    # rim, matter; only their places are computed. One pixel more all round: the zone may end at the core's border.
    inner = np.s_[1:-1, 1:-1]
    candidates = np.pad(np.zeros_like(border), 1, constant_values=True)
    if not owned.all():
        candidates[inner] = ~owned & (border | _with_neighbours(owned))
    rows, cols = places_of(candidates)
    foreign = np.zeros_like(candidates)
    foreign[rows, cols] = ~in_zone(window.epsg, window.gsd_m, window.cells(rows - 1, cols - 1))
    beside = np.zeros_like(border)
    if foreign.any():
        beside = _with_neighbours(foreign)[inner] & ~foreign[inner]
    unseen = (owned & ~seen) | (candidates & ~foreign)[inner]
    beside_unseen = _with_neighbours(unseen) if unseen.any() else unseen
    return Surroundings(seen, border, beside, unseen, beside_unseen)


def _with_neighbours(mask: BoolArray) -> BoolArray:
    """(H, W) what is True and its 8-neighbours."""
    tall = mask.copy()
    tall[1:] |= mask[:-1]
    tall[:-1] |= mask[1:]
    grown = tall.copy()
    grown[:, 1:] |= tall[:, :-1]
    grown[:, :-1] |= tall[:, 1:]
    return grown


def _pieces(
    labels: NDArray[np.integer[Any]],
    count: int,
    where: tuple[NDArray[np.intp], ...],
    score: FloatArray,
    transition: NDArray[np.uint8],
    around: Surroundings,
    window: Window,
    detector: Detector,
) -> tuple[Fragment, ...]:
    rows, cols = where  # of the labels: those of a mask are found several times as fast
    label, value = labels[rows, cols] - 1, score[rows, cols].astype(np.float64)
    pixels = np.bincount(label, minlength=count)
    score_sum = np.bincount(label, weights=value, minlength=count)
    score_max = np.full(count, -np.inf)
    np.maximum.at(score_max, label, value)
    kinds = len(detector.transitions) + 2
    kind = transition[rows, cols]
    kind = np.where(kind < kinds, kind, 0)
    histogram = np.bincount(label * kinds + kind, minlength=count * kinds).reshape(count, kinds)
    edge = np.bincount(label[around.beside_unseen[rows, cols]], minlength=count) > 0

    cells = window.cells(rows, cols)
    border = _split(cells, label, around.border[rows, cols], count)
    seam = _split(cells, label, around.beside_zone[rows, cols], count)
    open_ended = np.array([len(b) + len(s) > 0 for b, s in zip(border, seam, strict=True)])
    most_m2 = _box_cells(labels) * window.gsd_m**2 / LEAST_SCALE
    kept = open_ended | ((score_max >= detector.begun_at) & (most_m2 >= detector.minimum_area_m2))
    runs = _runs(labels, kept, window)
    return tuple(
        Fragment(
            epsg=window.epsg,
            gsd_m=window.gsd_m,
            runs=runs[index],
            border=border[index],
            seam=seam[index],
            score_max=float(score_max[index]),
            score_sum=float(score_sum[index]),
            pixels=int(pixels[index]),
            transitions=tuple(histogram[index].tolist()),
            edge=bool(edge[index]),
        )
        for index in np.flatnonzero(kept).tolist()
    )


def _box_cells(labels: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Pixels of each label's bounding box: no filling of holes can make it larger."""
    boxes = ndimage.find_objects(labels)
    return np.array([(y.stop - y.start) * (x.stop - x.start) for y, x in boxes], dtype=np.int64)


def _split(cells: IntArray, label: NDArray[np.integer[Any]], wanted: BoolArray, count: int) -> list[NDArray[np.int32]]:
    """For each label its wanted cells."""
    chosen, owner = cells[wanted].astype(np.int32), label[wanted]
    chosen = chosen[np.argsort(owner, kind="stable")]
    return np.split(chosen, np.cumsum(np.bincount(owner, minlength=count))[:-1])


def _runs(labels: NDArray[np.integer[Any]], kept: BoolArray, window: Window) -> list[NDArray[np.int32]]:
    """For each label its runs on the lattice; empty where it is not kept."""
    chosen = np.concatenate([[False], kept])[labels]
    padded = np.zeros((labels.shape[0], labels.shape[1] + 2), dtype=np.int8)
    padded[:, 1:-1] = chosen
    change = np.diff(padded, axis=1)
    rows, starts = places_of(change == 1)
    stops = places_of(change == -1)[1]
    # within a row two labels never abut: abutting pixels are of one 8-connected piece
    owner = labels[rows, starts] - 1
    cells = window.cells(rows, starts)
    runs = np.stack([cells[:, 1], cells[:, 0], cells[:, 0] + stops - starts], axis=1).astype(np.int32)
    runs = runs[np.argsort(owner, kind="stable")]
    return np.split(runs, np.cumsum(np.bincount(owner, minlength=len(kept)))[:-1])


def _blind_rim(around: Surroundings, window: Window) -> tuple[Fragment, ...]:
    rows, cols = places_of(around.unseen & (around.border | around.beside_zone))
    if not len(rows):
        return ()
    cells = window.cells(rows, cols).astype(np.int32)
    return (
        Fragment(
            epsg=window.epsg,
            gsd_m=window.gsd_m,
            runs=np.empty((0, 3), dtype=np.int32),
            border=cells[around.border[rows, cols]],
            seam=cells[around.beside_zone[rows, cols]],
            score_max=float("nan"),
            score_sum=0.0,
            pixels=0,
            transitions=(),
            blind=True,
        ),
    )

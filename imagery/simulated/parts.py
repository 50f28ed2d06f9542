"""Outlined ground: what lies over the natural cover, when, and how much of each pixel it takes."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from affine import Affine
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from imagery.simulated.frame import Frame, Window
from imagery.simulated.noise import FloatArray
from imagery.simulated.spectra import INDEX

SUPERSAMPLE = 5
"""Sub-pixels along each axis when the share of a pixel is counted: 2 m at 10 m."""

_PIECE_M = 640.0


@dataclass(frozen=True)
class Part:
    """A polygon with one mixture of pure covers."""

    geometry: BaseGeometry
    """Ground coordinates."""

    mix: Mapping[str, float]
    """Pure covers and their shares, which sum to 1."""

    opacity: float = 1.0
    """How much of what lay there before it hides, 0–1."""

    since: dt.date | None = None
    """First day it exists; None = always."""

    until: dt.date | None = None
    """Last day it exists; None = for ever."""

    planted: bool = False
    """True for what truth calls planted: left out when the untouched ground is asked for."""

    def on(self, date: dt.date) -> bool:
        """Whether it exists on a day."""
        return (self.since is None or self.since <= date) and (self.until is None or date <= self.until)


@dataclass(frozen=True)
class Painted:
    """A part as one window sees it."""

    part: Part
    place: tuple[slice, slice]
    """Rows and columns of the window it touches."""

    share: FloatArray
    """(h, w) share of each of those pixels that it covers, times its opacity."""


class Zoned:
    """All parts in the coordinates of one UTM zone, ready to be asked for by window."""

    def __init__(self, parts: Sequence[Part], frame: Frame, epsg: int) -> None:
        """Reprojects the outlines once."""
        self._parts: list[Part] = []
        self._outlines: list[BaseGeometry] = []
        for part in parts:
            pieces = _cut(frame.from_ground(shapely.segmentize(part.geometry, 200.0), epsg))
            self._parts += [part] * len(pieces)
            self._outlines += pieces
        self._tree = shapely.STRtree(self._outlines)

    def within(self, window: Window) -> list[Painted]:
        """The parts that touch a window, in the order in which they were laid."""
        painted = []
        for index in sorted(int(i) for i in self._tree.query(window.bounds)):
            found = coverage(self._outlines[index], window)
            if found is not None:
                place, share = found
                part = self._parts[index]
                painted.append(Painted(part, place, share * np.float32(part.opacity)))
        return painted


def _cut(outline: BaseGeometry) -> list[BaseGeometry]:
    """An outline in pieces that fill their boxes: a long thin road would cost as much as all the ground it crosses.

    The cuts lie on pixel edges, so no pixel belongs to two pieces.
    """
    west, south, east, north = outline.bounds
    if (east - west) * (north - south) < max(4 * outline.area, (2 * _PIECE_M) ** 2):
        return [outline]
    lefts = np.arange(np.floor(west / _PIECE_M), np.ceil(east / _PIECE_M)) * _PIECE_M
    bottoms = np.arange(np.floor(south / _PIECE_M), np.ceil(north / _PIECE_M)) * _PIECE_M
    shapely.prepare(outline)
    left, bottom = (corner.ravel() for corner in np.meshgrid(lefts, bottoms))
    cells = shapely.box(left, bottom, left + _PIECE_M, bottom + _PIECE_M)
    pieces = shapely.intersection(outline, cells[shapely.intersects(outline, cells)])
    return [piece for piece in pieces if piece.area > 0]


def coverage(outline: BaseGeometry, window: Window) -> tuple[tuple[slice, slice], FloatArray] | None:
    """Which pixels of a window an outline touches, and the share 0–1 of each that it covers; None for none.

    Args:
        outline: in the window's zone.
        window: of any size.
    """
    west, south, east, north = outline.bounds
    left = max(int((west - window.left) // window.gsd_m), 0)
    right = min(int((east - window.left) // window.gsd_m) + 1, window.width)
    top = max(int((window.top - north) // window.gsd_m), 0)
    bottom = min(int((window.top - south) // window.gsd_m) + 1, window.height)
    if left >= right or top >= bottom:
        return None
    step = window.gsd_m / SUPERSAMPLE
    fine = Affine(step, 0, window.left + left * window.gsd_m, 0, -step, window.top - top * window.gsd_m)
    shape = (bottom - top, right - left)
    mask = rasterize(
        [(outline, 1)], out_shape=(shape[0] * SUPERSAMPLE, shape[1] * SUPERSAMPLE), transform=fine, dtype=np.uint8
    )
    down = mask.reshape(shape[0], SUPERSAMPLE, -1).sum(axis=1, dtype=np.uint8)
    counted = sum((down[:, step::SUPERSAMPLE] for step in range(SUPERSAMPLE)), np.zeros(shape, np.float32))
    if not counted.any():
        return None
    return (slice(top, bottom), slice(left, right)), counted / np.float32(SUPERSAMPLE**2)


def lay(mixed: FloatArray, painted: Sequence[Painted], table: FloatArray, date: dt.date, planted: bool = True) -> None:
    """Lays the parts of a day over the ground, in place.

    Args:
        mixed: (7, H, W) reflectances and texture of the ground.
        painted: parts of the same window.
        table: (7, K) spectra of the pure covers on that day.
        date: the day.
        planted: whether planted parts are laid too.
    """
    for item in painted:
        if not item.part.on(date) or (item.part.planted and not planted):
            continue
        rows, cols = item.place
        under = mixed[:, rows, cols]
        # mixing is linear, so a part's covers are mixed before they are laid
        pure = sum(np.float32(weight) * table[:, INDEX[name]] for name, weight in item.part.mix.items())
        under += item.share * (np.asarray(pure, np.float32)[:, None, None] - under)

"""Truth as rasters: what a trainer paints as changed, and where it only looks so."""

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from imagery.simulated.errors import TruthError
from imagery.simulated.frame import Window
from imagery.simulated.noise import FloatArray
from imagery.simulated.parts import coverage
from imagery.simulated.truth import Truth

Codes = NDArray[np.uint8]

UNCHANGED, CHANGED, PARTLY = 0, 1, 2

UNSEEN = frozenset({"bloom", "drained", "unrestored"})
"""Kinds of works that two images of the ground do not show, or that are not of the ground."""

LAWFUL = frozenset({"site_in_term", "site_reclaimed", "camp_in_term"})
"""Kinds of decoys that are works all the same: papers tell them from deeds, no image does."""

DECOY_CODES: Mapping[str, int] = MappingProxyType(
    {
        kind: code
        for code, kind in enumerate(
            (
                *("mowing", "harvest", "burn", "drought", "cloud_remnant", "haze", "snow", "water_level"),
                *("misregistration", "shade", "firebreak", "reed_cutting", "reseeding", "voles", "icing"),
            ),
            start=1,
        )
    }
)
"""What the pixels of `decoy_raster` say; 0 is none. Stripes along the orbit have no outline and no code."""


def truth_raster(world_dir: Path | Truth, geobox: GeoBox, date: dt.date) -> Codes:
    """Where the ground has changed since the last before date, as seen on a day.

    Misregistration is not applied: truth lies where the ground is.

    Args:
        world_dir: folder of a built world, or its truth.
        geobox: the grid, north up, square pixels in metres.
        date: the day; cloud is left to the reader of the scenes.

    Returns:
        (H, W) `UNCHANGED` 0, `CHANGED` 1, or `PARTLY` 2: a change covers less than half of the pixel, or has begun
        but not reached it, or is recovering.

    Raises:
        TruthError: if the truth can not be read, or the grid is not north up.
    """
    truth = world_dir if isinstance(world_dir, Truth) else Truth.read(world_dir)
    window = _window(geobox)
    whole, partly = np.zeros(geobox.shape, np.float32), np.zeros(geobox.shape, np.float32)
    for item in truth.planted:
        there = item.outline(date)
        if there is None:
            continue
        recovering = item.recovering is not None and item.recovering <= date
        _paint(partly if recovering else whole, there, window)
        if item.done(date) < 1:
            _paint(partly, item.geometry, window)
    codes = np.where((whole > 0) | (partly > 0), PARTLY, UNCHANGED).astype(np.uint8)
    codes[whole >= 0.5] = CHANGED
    return codes


def worked_raster(world_dir: Path | Truth, geobox: GeoBox, before: dt.date, after: dt.date) -> Codes:
    """Where people worked between two days, as far as it lies open on the second.

    Args:
        world_dir: folder of a built world, or its truth.
        geobox: the grid, north up, square pixels in metres.
        before: the first day.
        after: the second day.

    Returns:
        (H, W) `UNCHANGED` 0 (also where a work was there on both days), `CHANGED` 1, or `PARTLY` 2: as in
        `truth_raster`, or a work of one of `UNSEEN`, a decoy of one of `LAWFUL`, or a work that has gone again.

    Raises:
        TruthError: if the truth can not be read, or the grid is not north up.
    """
    truth = world_dir if isinstance(world_dir, Truth) else Truth.read(world_dir)
    window = _window(geobox)
    new, partly = np.zeros(geobox.shape, np.float32), np.zeros(geobox.shape, np.float32)
    for item in truth.planted:
        was, there = item.outline(before), item.outline(after)
        if item.kind in UNSEEN or (item.recovering is not None and item.recovering <= after):
            _paint(partly, item.geometry, window)
            continue
        if there is None:
            if was is not None:
                _paint(partly, was, window)
            continue
        old, now = np.zeros_like(new), np.zeros_like(new)
        _paint(now, there, window)
        if was is not None:
            _paint(old, was, window)
            if item.done(before) < 1:  # what is under way on both days may look either way
                np.maximum(partly, old, out=partly)
        np.maximum(new, now - old, out=new)
        if item.done(after) < 1:
            _paint(partly, item.geometry, window)
    for item in truth.decoys:
        if item.kind in LAWFUL:
            _paint(partly, item.geometry, window)
    codes = np.where((new > 0) | (partly > 0), PARTLY, UNCHANGED).astype(np.uint8)
    codes[new >= 0.5] = CHANGED
    return codes


def decoy_raster(world_dir: Path | Truth, geobox: GeoBox, date: dt.date) -> Codes:
    """Which decoy a pixel shows on a day.

    Args:
        world_dir: folder of a built world, or its truth.
        geobox: the grid, north up, square pixels in metres.
        date: the day.

    Returns:
        (H, W) `DECOY_CODES` of the decoy that covers most of the pixel, 0 = none.

    Raises:
        TruthError: as `truth_raster`.
    """
    truth = world_dir if isinstance(world_dir, Truth) else Truth.read(world_dir)
    window = _window(geobox)
    codes, most = np.zeros(geobox.shape, np.uint8), np.zeros(geobox.shape, np.float32)
    for item in truth.decoys:
        there = item.outline(date)
        if there is None:
            continue
        share = np.zeros_like(most)
        _paint(share, there, window)
        codes[share > most] = DECOY_CODES.get(item.kind, 0)
        np.maximum(most, share, out=most)
    return codes


def _window(geobox: GeoBox) -> Window:
    step, crs = geobox.affine, geobox.crs
    epsg = None if crs is None or crs.geographic else crs.epsg
    if epsg is None or step.b or step.d or step.a <= 0 or not np.isclose(step.a, -step.e):
        raise TruthError(f"truth can be painted on north-up grids with square pixels in metres only, not on {geobox}")
    height, width = geobox.shape
    return Window(epsg, step.c, step.f, height, width, step.a)


def _paint(share: FloatArray, geometry: BaseGeometry, window: Window) -> None:
    """Raises the share of the pixels that a geometry of EPSG:4326 covers, in place."""
    transform = pyproj.Transformer.from_crs(4326, window.epsg, always_xy=True).transform
    for part in _polygons(shapely.transform(geometry, transform, interleaved=False)):
        found = coverage(part, window)
        if found is not None:
            (rows, cols), counted = found
            share[rows, cols] = np.maximum(share[rows, cols], counted)


def _polygons(geometry: BaseGeometry) -> Iterable[BaseGeometry]:
    return [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon" and not part.is_empty]

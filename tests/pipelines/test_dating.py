"""Which pixels of a block a patch holds, and what looks remember of them."""

import datetime as dt

import numpy as np
import shapely
from rasterio.features import geometry_mask

from aoi.grid import Block, owned, to_crs
from pipelines.dating import pixels_of
from pipelines.outputs import UNSEEN, Looks

BLOCK = Block(32650, 10.0, 50, 5460, size_px=100)


def _by_the_whole_block(geometry: shapely.Geometry) -> np.ndarray:
    grid = BLOCK.geobox
    shape = to_crs(geometry, 4326, BLOCK.epsg)
    return np.flatnonzero(geometry_mask([shape], grid.shape, grid.affine, invert=True) & owned(grid))


def test_pixels_of_a_patch_are_those_of_the_whole_block_wherever_it_lies() -> None:
    left, bottom, right, top = BLOCK.geobox.extent.geom.bounds
    for x, y, radius in (
        (left + 333, bottom + 487, 61),
        (left - 5, top + 3, 130),
        (right, bottom, 200),
        (left + 512, bottom + 512, 4),
        (left + 500, bottom + 500, 5000),
    ):
        circle = to_crs(shapely.Point(x, y).buffer(radius), BLOCK.epsg, 4326)
        np.testing.assert_array_equal(pixels_of(BLOCK, circle), _by_the_whole_block(circle))
    beyond = to_crs(shapely.Point(right + 900, top).buffer(80), BLOCK.epsg, 4326)
    assert len(pixels_of(BLOCK, beyond)) == 0


def test_pixels_that_looks_do_not_hold_were_not_observed() -> None:
    held = np.array([7, 8, 12], np.int32)
    scores = np.array([[10, 20, 30], [40, 50, UNSEEN]], np.uint8)
    looks = Looks(held, scores, (dt.date(2025, 7, 1), dt.date(2025, 7, 9)), np.array([[1, 2, 3]], np.int32), (0, 0))
    asked = looks.at(np.array([0, 8, 12, 99], np.int32))
    assert asked.scores.tolist() == [[UNSEEN, 20, 30, UNSEEN], [UNSEEN, 50, UNSEEN, UNSEEN]]
    assert asked.before.tolist() == [[0, 2, 3, 0]]
    none = np.empty(0, np.int32)
    empty = Looks(none, np.empty((2, 0), np.uint8), looks.days, np.empty((1, 0), np.int32), (0, 0)).at(held)
    assert (empty.scores == UNSEEN).all()
    assert empty.before.shape == (1, 3)

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from aoi.grid import Block, to_crs
from pipelines.block import NEAR_M, NEAR_PX, squares_near

BLOCK = Block(32650, 10.0, 30, 268, 2048)
WEST, SOUTH, EAST, NORTH = BLOCK.geobox.extent.geom.bounds


def ground(shape: BaseGeometry) -> BaseGeometry:
    """A shape in the zone's metres, in degrees."""
    return to_crs(shapely.segmentize(shape, 1000), BLOCK.epsg, 4326)


def test_only_squares_near_an_area_are_asked_for() -> None:
    area = shapely.box(WEST + 5_000, SOUTH + 8_000, WEST + 5_100, SOUTH + 8_100)
    near = squares_near(ground(area), BLOCK)
    edge_m = NEAR_PX * BLOCK.gsd_m
    rows, cols = np.nonzero(near)
    west, east = WEST + cols.min() * 10, WEST + (cols.max() + 1) * 10
    south, north = NORTH - (rows.max() + 1) * 10, NORTH - rows.min() * 10
    left, bottom, right, top = area.bounds
    for far in (left - west, east - right, bottom - south, north - top):
        assert NEAR_M <= far + 20 <= NEAR_M + edge_m + 40  # within what reprojection there and back costs
    assert near.mean() < 0.2


@pytest.mark.parametrize("size_px", [192, 1024, 2048])
def test_the_same_ground_is_asked_for_whatever_the_blocks(size_px: int) -> None:
    """A patch at the edge must not depend on how the ground is cut."""
    centre = shapely.Point(WEST + 9_000, SOUTH + 12_000)
    area = ground(centre.buffer(700))
    span = BLOCK.size_px / size_px
    asked = {}
    for row in range(int(BLOCK.row * span), int((BLOCK.row + 1) * span) + 1):
        for col in range(int(BLOCK.col * span), int((BLOCK.col + 1) * span) + 1):
            block = Block(32650, 10.0, col, row, size_px)
            y, x = np.nonzero(squares_near(area, block))
            asked |= dict.fromkeys(zip((x + col * size_px).tolist(), (y - (row + 1) * size_px).tolist(), strict=True))
    x, y = np.array(list(asked)).T
    y0, x0 = np.nonzero(squares_near(area, BLOCK))
    known = set(zip((x0 + BLOCK.col * 2048).tolist(), (y0 - (BLOCK.row + 1) * 2048).tolist(), strict=True))
    assert known
    assert set(asked) == known


def test_all_of_a_block_within_an_area_is_asked_for() -> None:
    assert squares_near(ground(shapely.box(WEST - 50_000, SOUTH - 50_000, EAST + 50_000, NORTH + 50_000)), BLOCK).all()
    assert not squares_near(ground(shapely.box(EAST + 9_000, SOUTH, EAST + 9_100, NORTH)), BLOCK).any()

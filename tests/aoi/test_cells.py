import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aoi.cells import CELL_DEG, MARGIN_DEG, RAMP_DEG, Cell, cell_weights, cells_of
from aoi.grid import Block, lonlat_of

BLOCKS = st.builds(
    Block,
    epsg=st.sampled_from([32650, 32651, 32601, 32660, 32750]),
    gsd_m=st.just(160.0),
    col=st.integers(18, 75),
    row=st.integers(1, 800),
    size_px=st.just(64),
    halo_px=st.integers(0, 20),
)


@settings(max_examples=60, deadline=None)
@given(BLOCKS)
def test_weights_sum_to_one_and_every_cell_is_named_beforehand(block):
    weights = cell_weights(block.padded)
    total = sum(weights.values())
    np.testing.assert_allclose(total, 1, atol=1e-5)
    assert set(weights) <= set(cells_of((block,)))
    assert all(array.dtype == np.float32 and array.shape == block.padded.shape for array in weights.values())


@settings(max_examples=30, deadline=None)
@given(BLOCKS, BLOCKS)
def test_cells_of_many_are_the_cells_of_each(one, other):
    assert set(cells_of((one, other))) == set(cells_of((one,))) | set(cells_of((other,)))


def test_a_halo_over_the_antimeridian_names_the_same_ground_alike():
    # 10.24 km blocks at the equator, whose halo of 3 km reaches over 180 degrees from either side
    east = next(b for b in (Block(32660, 160, col, 100, 64, 30) for col in range(70, 90)) if _reaches_over(b))
    west = next(b for b in (Block(32601, 160, col, 100, 64, 30) for col in range(10, 30)) if _reaches_over(b))
    for block in (east, west):
        cells = cells_of((block,))
        assert all(-360 <= cell.col < 360 for cell in cells)
        assert {cell.col for cell in cells} == {-360, 359}
        np.testing.assert_allclose(sum(cell_weights(block.padded).values()), 1, atol=1e-5)


def _reaches_over(block):
    lon, _ = lonlat_of(block.padded)
    return lon.max() - lon.min() > 180


def test_the_far_inside_of_a_cell_is_its_own():
    cell = Cell(239, 98)
    weights = cell_weights(Block(32650, 10, 69, 530, 64).geobox)
    assert list(weights) != [cell]
    west, south, east, north = cell.bounds
    assert (west, south, east, north) == (119.5, 49.0, 120.0, 49.5)
    assert cell.reach.bounds == pytest.approx(
        (west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG)
    )
    assert RAMP_DEG < CELL_DEG
    assert cell.epsg == 32650


def test_the_same_ground_has_the_same_weights_in_every_window_and_nearly_those_of_its_exact_place():
    ground = Block(32651, 10, 23, 532, 1024, 211).padded
    weights = cell_weights(ground)
    assert len(weights) > 1
    window = ground[100:700, 333:900]
    for cell, share in cell_weights(window).items():
        np.testing.assert_array_equal(share, weights[cell][100:700, 333:900])
    lon, lat = lonlat_of(ground)
    for cell, share in weights.items():
        west, south, east, north = cell.bounds
        inward = [
            np.clip(np.minimum(at - low, high - at) / RAMP_DEG + 0.5, 0, 1)
            for at, low, high in ((lon, west, east), (lat, south, north))
        ]
        np.testing.assert_allclose(share, inward[0] * inward[1], atol=2e-6)

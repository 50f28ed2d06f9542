import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from leads.outline import merged, outline, outlines, smoothed

EIGHT = np.ones((3, 3), dtype=bool)


def runs_of(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    change = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(change == 1)
    return merged(np.stack([rows, starts, np.nonzero(change == -1)[1]], axis=1).astype(np.int64))


def test_runs_are_merged_whatever_their_order() -> None:
    runs = np.array([[1, 5, 7], [0, 3, 5], [0, 0, 3], [1, 6, 9], [0, 7, 8], [-2, 0, 1]])
    assert merged(runs).tolist() == [[-2, 0, 1], [0, 0, 5], [0, 7, 8], [1, 5, 9]]


def test_a_rectangle_keeps_its_corners() -> None:
    traced = outline(runs_of(np.ones((5, 8), dtype=bool)), 0)
    assert traced.geometry.equals(shapely.box(0, 0, 8, 5))
    assert traced.pixels == 40


def test_a_slope_of_steps_becomes_a_straight_line() -> None:
    mask = np.tri(30, 30, dtype=bool)
    smooth = smoothed(outline(runs_of(mask), 0).geometry, float(mask.sum()), 1.0)
    assert shapely.get_num_coordinates(smooth) <= 7
    assert smooth.area == pytest.approx(mask.sum(), rel=0.005)


def test_pixels_that_touch_by_a_corner_are_one_valid_polygon() -> None:
    mask = np.zeros((10, 10), dtype=bool)
    mask[:5, :5] = mask[5:, 5:] = True
    traced = outline(runs_of(mask), 0).geometry
    assert traced.geom_type == "Polygon"
    assert traced.is_valid
    assert traced.area == pytest.approx(50 + 0.25)  # the neck


def test_small_holes_are_filled_and_large_ones_kept() -> None:
    mask = np.ones((12, 12), dtype=bool)
    mask[2, 2] = False
    mask[5:9, 5:9] = False
    traced = outline(runs_of(mask), 2.5)
    assert len(traced.geometry.interiors) == 1
    assert traced.pixels == 144 - 16


def test_two_pieces_that_do_not_touch_are_no_patch() -> None:
    mask = np.zeros((3, 9), dtype=bool)
    mask[:, :2] = mask[:, 6:] = True
    assert outlines(runs_of(mask), 0).geometry.geom_type == "MultiPolygon"
    with pytest.raises(ValueError, match="one shell, not 2"):
        outline(runs_of(mask), 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 2.5), st.floats(0.2, 0.7))
def test_every_outline_is_valid_and_keeps_its_area(seed: int, smoothness: float, share: float) -> None:
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(40, 40)), smoothness)
    labels, count = ndimage.label(field < np.quantile(field, share), EIGHT)
    for label in range(1, count + 1):
        pixels = int((labels == label).sum())
        if pixels < 10:
            continue
        traced = outline(runs_of(labels == label), 0)
        smooth = smoothed(traced.geometry, traced.pixels, 1.0)
        assert traced.pixels == pixels
        assert smooth.is_valid
        assert smooth.geom_type == "Polygon"
        assert smooth.area == pytest.approx(pixels, rel=0.01)
        assert smooth.hausdorff_distance(traced.geometry) < 1.2

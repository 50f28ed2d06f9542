from collections.abc import Callable

import numpy as np
import pytest
from shapely.geometry import Polygon, box

from imagery.planted.canvas import CHANGED, IGNORE, UNCHANGED, Canvas, FloatArray

MakeCanvas = Callable[[int], Canvas]


def test_shares_of_an_outline_add_up_to_its_area(canvas_of: MakeCanvas) -> None:
    placed = canvas_of(0).place(box(403, 507, 503, 547))
    assert placed is not None
    window, share = placed
    assert share.sum() * 100 == pytest.approx(4000, rel=0.02)
    assert share[share.shape[0] // 2, share.shape[1] // 2] == pytest.approx(1, abs=0.05)
    rows, cols = np.nonzero(share > 0.5)
    assert (window[0].start + rows.min(), window[0].start + rows.max()) == (51, 54)
    assert (window[1].start + cols.min(), window[1].start + cols.max()) == (40, 49)


@pytest.mark.parametrize(
    "outline", [Polygon(), box(-20, 500, 80, 600), box(1950, 1950, 2010, 1990), box(500, 0, 600, 9)]
)
def test_what_leaves_the_ground_has_no_place(canvas_of: MakeCanvas, outline: Polygon) -> None:
    assert canvas_of(0).place(outline) is None


def test_ground_is_free_where_it_is_seen_and_was_not_painted(canvas_of: MakeCanvas) -> None:
    canvas = canvas_of(0)
    placed = canvas.place(box(400, 500, 500, 600))
    assert placed is not None
    assert canvas.free(*placed)
    canvas.record_decoy("snow", *placed)
    assert not canvas.free(*placed)
    other = canvas.place(box(700, 500, 800, 600))
    assert other is not None
    assert canvas.free(*other)
    canvas.after[:, 50:60, 70:75] = np.nan
    assert not canvas.free(*other)


def _square(canvas: Canvas) -> tuple[tuple[slice, slice], FloatArray, FloatArray]:
    placed = canvas.place(box(600, 1000, 750, 1150))
    assert placed is not None
    window, share = placed
    return window, share, canvas.after[(slice(None), *window)].copy()


def test_a_visible_change_is_labelled_and_its_fringe_left_out(canvas_of: MakeCanvas) -> None:
    canvas = canvas_of(0)
    window, share, unpainted = _square(canvas)
    canvas.paint(window, share, np.full_like(unpainted, 0.6))
    canvas.record_violation("stripped", window, share, unpainted)
    label = canvas.label[window]
    np.testing.assert_array_equal(label == CHANGED, share > 0.5)
    np.testing.assert_array_equal(label == IGNORE, (share > 0.08) & (share <= 0.5))
    np.testing.assert_array_equal(canvas.instance == 1, canvas.label == CHANGED)
    (item,) = canvas.instances
    assert (item.kind, item.violation, item.number) == ("stripped", True, 1)
    assert item.area_m2 == 100 * (share > 0.5).sum()


def test_paint_that_can_not_be_seen_is_no_truth(canvas_of: MakeCanvas) -> None:
    canvas = canvas_of(0)
    window, share, unpainted = _square(canvas)
    canvas.paint(window, share, unpainted * np.float32(1.001))
    canvas.record_violation("stripped", window, share, unpainted)
    assert not (canvas.label == CHANGED).any()
    assert (canvas.label == IGNORE).any()
    assert canvas.instances[0].area_m2 == 0


def test_paint_that_brings_the_ground_back_is_no_truth(canvas_of: MakeCanvas) -> None:
    """The after image differs from the before; painted over with the before, nothing changed between the dates."""
    canvas = canvas_of(0)
    window, share, _ = _square(canvas)
    canvas.after[(slice(None), *window)] = 0.5
    unpainted = canvas.after[(slice(None), *window)].copy()
    canvas.paint(window, np.ones_like(share), canvas.before[(slice(None), *window)] * np.float32(1.02))
    canvas.record_violation("stripped", window, share, unpainted)
    assert not (canvas.label == CHANGED).any()


def test_a_decoy_is_never_labelled(canvas_of: MakeCanvas) -> None:
    canvas = canvas_of(0)
    window, share, _ = _square(canvas)
    canvas.record_decoy("snow", window, share)
    assert (canvas.label == UNCHANGED).all()
    assert not canvas.instance.any()
    assert not canvas.instances[0].violation

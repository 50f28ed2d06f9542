from collections.abc import Callable

import numpy as np
import pytest

from imagery.planted.canvas import CHANGED, UNCHANGED, Canvas
from imagery.planted.materials import palette
from imagery.planted.violations import SHARES, VIOLATIONS

AREA_M2 = 8000.0


def planted(kind: str, canvas_of: Callable[[int], Canvas]) -> tuple[Canvas, Canvas]:
    """The canvas of the first seed on which a kind leaves a label, and the same unpainted."""
    for seed in range(12):
        canvas = canvas_of(seed)
        if VIOLATIONS[kind](canvas, palette(canvas), AREA_M2) and (canvas.label == CHANGED).any():
            return canvas, canvas_of(seed)
    pytest.fail(f"{kind} found no place on suitable ground")


def test_every_kind_has_a_share() -> None:
    assert SHARES.keys() == VIOLATIONS.keys()
    assert sum(SHARES.values()) == pytest.approx(1)


@pytest.mark.parametrize("kind", VIOLATIONS)
def test_it_is_painted_into_the_after_image_and_labelled_where_it_was(
    kind: str, canvas_of: Callable[[int], Canvas]
) -> None:
    canvas, clean = planted(kind, canvas_of)
    np.testing.assert_array_equal(canvas.before, clean.before)
    by = np.abs(canvas.after - clean.after).max(axis=0)
    changed = canvas.label == CHANGED
    assert (by[changed] > 0.002).mean() > 0.95
    assert 200 < changed.sum() * 100 < 3 * AREA_M2
    np.testing.assert_array_equal(canvas.instance > 0, changed)
    (item,) = canvas.instances
    assert item.kind == kind
    assert item.violation
    assert item.area_m2 == changed.sum() * 100
    assert changed[item.window].sum() == changed.sum()
    assert not canvas.burnt.any()
    if kind != "buildings":  # whose shadows fall on ground beyond the yard
        assert by[canvas.label == UNCHANGED].max() < 0.08


@pytest.mark.parametrize(("kind", "least"), [("clearing", 0.55), ("ploughed", 0.3)])
def test_plants_are_cut_where_plants_were(kind: str, least: float, canvas_of: Callable[[int], Canvas]) -> None:
    canvas, _ = planted(kind, canvas_of)
    everywhere = (slice(None), slice(None))
    changed = canvas.label == CHANGED
    before, after = (canvas.ndvi(image, everywhere)[changed] for image in canvas.images)
    assert (before > least).mean() > 0.7
    assert np.median(after) < np.median(before) - 0.1


def test_water_is_filled_and_nothing_else_is(canvas_of: Callable[[int], Canvas]) -> None:
    canvas, _ = planted("fill", canvas_of)
    green, nir = canvas.before[1], canvas.before[3]
    assert (green > nir)[canvas.label == CHANGED].mean() > 0.6
    dry = canvas_of(0)
    dry.before[:] = dry.after[:] = 0.2
    dry.before[3] = 0.4
    assert not VIOLATIONS["fill"](dry, palette(dry), AREA_M2)


def test_a_pond_is_water_on_dry_land(canvas_of: Callable[[int], Canvas]) -> None:
    canvas, clean = planted("pond", canvas_of)
    changed = canvas.label == CHANGED
    wet = canvas.after[1] > canvas.after[3]
    assert not (clean.after[1] > clean.after[3])[changed].mean() > 0.1
    assert wet[changed].mean() > 0.3


@pytest.mark.parametrize("kind", VIOLATIONS)
def test_nothing_is_planted_where_nothing_was_seen(kind: str, canvas_of: Callable[[int], Canvas]) -> None:
    canvas = canvas_of(1)
    colours = palette(canvas)
    canvas.after[:] = np.nan
    assert not VIOLATIONS[kind](canvas, colours, AREA_M2)
    assert not canvas.instances
    assert not canvas.label.any()

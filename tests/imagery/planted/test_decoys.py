from collections.abc import Callable

import numpy as np
import pytest

from imagery.planted.canvas import UNCHANGED, Canvas, FloatArray
from imagery.planted.decoys import DECOYS, SHARES, misregister, stripes
from imagery.planted.materials import palette


def planted(kind: str, canvas_of: Callable[[int], Canvas], area_m2: float = 8000.0) -> tuple[Canvas, Canvas]:
    """The canvas of the first seed on which a kind finds a place, and the same unpainted."""
    for seed in range(12):
        canvas = canvas_of(seed)
        if DECOYS[kind](canvas, palette(canvas), area_m2):
            return canvas, canvas_of(seed)
    pytest.fail(f"{kind} found no place on suitable ground")


def test_every_kind_has_a_share() -> None:
    assert SHARES.keys() == DECOYS.keys()


@pytest.mark.parametrize("kind", DECOYS)
def test_it_is_seen_and_never_labelled_as_a_change(kind: str, canvas_of: Callable[[int], Canvas]) -> None:
    canvas, clean = planted(kind, canvas_of)
    by = np.maximum(*(np.abs(a - b).max(axis=0) for a, b in zip(canvas.images, clean.images, strict=True)))
    assert (by > 0.003).sum() >= 2
    assert (canvas.label == UNCHANGED).all()
    assert not canvas.instance.any()
    assert {item.kind for item in canvas.instances} == {kind}
    assert not any(item.violation for item in canvas.instances)
    assert canvas.burnt.any() == (kind == "burn")


def test_burnt_is_what_a_fire_charred(canvas_of: Callable[[int], Canvas]) -> None:
    canvas, clean = planted("burn", canvas_of)
    np.testing.assert_array_equal(canvas.before, clean.before)
    painted = np.abs(canvas.after - clean.after).max(axis=0) > 0.003
    assert painted[canvas.burnt].all()
    nir = canvas.after[3] / clean.after[3]
    assert np.median(nir[canvas.burnt]) < 0.8


@pytest.mark.parametrize("kind", DECOYS)
def test_unobserved_ground_stays_unobserved(kind: str, canvas_of: Callable[[int], Canvas]) -> None:
    canvas = canvas_of(3)
    colours = palette(canvas)
    hole = np.zeros(canvas.label.shape, bool)
    hole[:, ::2] = True
    for image in canvas.images:
        image[:, hole] = np.nan
    DECOYS[kind](canvas, colours, 8000.0)
    for image in canvas.images:
        assert np.isnan(image[:, hole]).all()


@pytest.mark.parametrize("kind", ["harvest", "water_level"])
def test_ground_smaller_than_a_field_is_left_alone(kind: str) -> None:
    little = np.full((6, 9, 9), 0.2, np.float32)
    canvas = Canvas(
        little, little.copy(), ("blue", "green", "red", "nir", "swir16", "swir22"), 10.0, np.random.default_rng(0)
    )
    assert not DECOYS[kind](canvas, palette(canvas), 8000.0)


def waves(down: float = 0.0, right: float = 0.0) -> FloatArray:
    """(1, 60, 60) a smooth picture, moved."""
    y, x = np.mgrid[:60, :60]
    return np.asarray([0.3 + 0.1 * np.sin((y - down) / 4) * np.cos((x - right) / 5)], np.float32)


@pytest.mark.parametrize("shift", [(0.6, -0.3), (-1.0, 0.0), (0.0, 0.5)])
def test_misregistration_moves_by_what_it_says(shift: tuple[float, float]) -> None:
    inner = (slice(None), slice(3, -3), slice(3, -3))
    moved = misregister(waves(), shift)
    np.testing.assert_allclose(moved[inner], waves(*shift)[inner], atol=1e-3)
    assert np.abs(moved - waves())[inner].max() > 5e-3


def test_misregistration_widens_what_was_not_seen() -> None:
    image = waves()
    image[:, 20:30, 20:30] = np.nan
    given = image.copy()
    moved = misregister(image, (0.5, 0.0))
    np.testing.assert_array_equal(image, given)
    assert np.isnan(moved[0, 20:31, 20:30]).all()
    assert np.isnan(moved).sum() == 110


def test_stripes_are_steps_of_a_few_per_cent_along_the_track() -> None:
    image = np.full((2, 300, 300), 0.2, np.float32)
    stripes(image, np.random.default_rng(1), 60.0)
    factor = image / 0.2
    assert 2 <= len(np.unique(factor[0].round(5))) <= 8
    assert 0.001 < np.abs(factor - 1).max() < 0.1
    down, across = (np.count_nonzero(np.diff(factor[0], axis=axis)) for axis in (0, 1))
    assert across > 3 * down

from collections.abc import Callable

import numpy as np
import pytest

from imagery.planted.canvas import Canvas, FloatArray
from imagery.planted.materials import library, own_ground, palette
from imagery.scene import BANDS


def test_bare_ground_is_neither_plants_nor_water(canvas_of: Callable[[int], Canvas]) -> None:
    canvas = canvas_of(0)
    colours = palette(canvas)
    rows, cols = colours.bare.astype(int).T
    assert len(rows) > 1000
    assert (canvas.ndvi(canvas.after, (slice(None), slice(None)))[rows, cols] < 0.35).all()
    assert (canvas.after[3, rows, cols] > canvas.after[1, rows, cols] * 0.9).all()


def test_own_ground_keeps_the_radiometry_of_the_scene(land: FloatArray) -> None:
    """A scene of twice the usual brightness has materials of twice the usual brightness, and none beyond its range."""
    for gain in (1.0, 2.0):
        image = land * np.float32(gain)
        canvas = Canvas(image, image.copy(), BANDS, 10.0, np.random.default_rng(0))
        colours = palette(canvas)
        rows, cols = colours.bare.astype(int).T
        low, high = np.percentile(image[:, rows, cols], (0, 100), axis=1)
        for seed in range(25):
            made = own_ground(colours, np.random.default_rng(seed), (12, 17))
            assert made.shape == (6, 12, 17)
            assert made.dtype == np.float32
            middle = np.median(made, axis=(1, 2))
            # the middle of a piece may be a neighbour's plants, which are within the scene as well
            assert (middle > 0.9 * np.minimum(low, image.min(axis=(1, 2)))).all()
            assert (middle < 1.1 * np.maximum(high, np.percentile(image, 99.9, axis=(1, 2)))).all()


def test_a_scene_without_bare_ground_takes_a_library_soil(land: FloatArray) -> None:
    forest = np.broadcast_to(land[:, 100:101, 10:11], land.shape).copy()
    canvas = Canvas(forest, forest.copy(), BANDS, 10.0, np.random.default_rng(0))
    colours = palette(canvas)
    assert len(colours.bare) < 50
    made = own_ground(colours, np.random.default_rng(0), (10, 10))
    assert np.median(made[2]) > 3 * np.median(forest[2])


def test_the_library_is_seen_through_the_haze_of_the_scene(land: FloatArray) -> None:
    veil = np.array([0.06, 0.05, 0.03, 0, 0, 0], np.float32)[:, None, None]
    clear, hazy = (
        palette(Canvas(image, image.copy(), BANDS, 10.0, np.random.default_rng(0))) for image in (land, land + veil)
    )
    added = hazy.haze - clear.haze
    np.testing.assert_allclose(added[:3], veil[:3, 0, 0], atol=0.03)
    assert added[0] > 0.04
    one, other = (library(each, np.random.default_rng(5), (20, 20), "gravel") for each in (clear, hazy))
    np.testing.assert_allclose((other - one).mean(axis=(1, 2)), added, atol=0.01)


@pytest.mark.parametrize(("name", "brighter"), [("snow", True), ("char", False)])
def test_covers_look_like_themselves(canvas_of: Callable[[int], Canvas], name: str, brighter: bool) -> None:
    canvas = canvas_of(0)
    made = library(palette(canvas), np.random.default_rng(0), (20, 20), name)
    assert (made[1].mean() > 0.5) == brighter
    assert (made[1].mean() < 0.1) != brighter


def test_bands_that_a_scene_lacks_are_not_made(land: FloatArray) -> None:
    four = land[[1, 2, 3]]
    canvas = Canvas(four, four.copy(), ("green", "red", "nir"), 10.0, np.random.default_rng(0))
    colours = palette(canvas)
    assert own_ground(colours, np.random.default_rng(0), (5, 8)).shape == (3, 5, 8)
    assert library(colours, np.random.default_rng(0), (5, 8), "sand").shape == (3, 5, 8)

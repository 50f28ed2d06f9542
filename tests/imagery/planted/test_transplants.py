import numpy as np
import pytest

from imagery.planted.canvas import CHANGED, IGNORE, Canvas, FloatArray
from imagery.planted.plant import PlantSpec, plant
from imagery.planted.transplants import appeared, ground_of, moved, vanished
from imagery.scene import BANDS

ONLY = {"violations_per_km2": 0, "decoys_per_km2": 0, "misregistration_px": 0, "gain": 0, "offset": 0, "noise": 0}


@pytest.fixture
def town(land: FloatArray) -> FloatArray:
    """The land with a bright, rough quarter in it, where the rest is green."""
    rng = np.random.default_rng(8)
    image = land.copy()
    quarter = (slice(None), slice(20, 60), slice(20, 70))
    base = np.array([0.16, 0.18, 0.2, 0.24, 0.28, 0.26])[:, None, None]
    image[quarter] = base * rng.uniform(0.7, 1.3, (40, 50))
    return image


def canvas_of(before: FloatArray, after: FloatArray, seed: int = 1) -> Canvas:
    return Canvas(before.copy(), after.copy(), BANDS, 10.0, np.random.default_rng(seed))


def test_what_appears_is_real_ground_of_the_after_image(town: FloatArray) -> None:
    canvas = canvas_of(town, town)
    ground = ground_of(canvas)
    assert sum(appeared(canvas, ground, 6_000) for _ in range(12)) >= 6
    np.testing.assert_array_equal(canvas.before, town)
    changed = canvas.label == CHANGED
    assert changed.sum() > 100
    # every band of the changed pixels lies within what the image itself holds
    for band in range(len(BANDS)):
        assert canvas.after[band][changed].max() <= town[band].max() + 1e-6
        assert canvas.after[band][changed].min() >= town[band].min() - 1e-6
    red = BANDS.index("red")
    assert canvas.after[red][changed].mean() > 1.3 * town[red][changed].mean()


def test_what_vanishes_was_laid_into_the_before_image(town: FloatArray) -> None:
    canvas = canvas_of(town, town)
    ground = ground_of(canvas)
    assert any([vanished(canvas, ground, 6_000) for _ in range(12)])
    np.testing.assert_array_equal(canvas.after, town)
    assert (canvas.label == CHANGED).any()
    assert not np.array_equal(canvas.before, town)


def test_what_was_moved_in_both_dates_is_no_change(town: FloatArray) -> None:
    later = town * np.float32(1.1)
    canvas = canvas_of(town, later)
    ground = ground_of(canvas)
    assert any([moved(canvas, ground, 6_000) for _ in range(12)])
    assert not np.array_equal(canvas.before, town)
    np.testing.assert_allclose(canvas.after, canvas.before * np.float32(1.1), rtol=1e-4)
    assert not (canvas.label != 0).any()
    assert {item.violation for item in canvas.instances} == {False}


def test_ground_that_may_have_changed_is_not_moved(town: FloatArray) -> None:
    canvas = canvas_of(town, town)
    ground = ground_of(canvas, np.ones(canvas.label.shape, bool))
    assert not any([moved(canvas, ground, 6_000) for _ in range(10)])


def test_nothing_is_taken_from_what_was_not_seen(town: FloatArray) -> None:
    town[:, 15:45, 15:75] = np.nan
    canvas = canvas_of(town, town)
    ground = ground_of(canvas)
    for _ in range(15):
        appeared(canvas, ground, 4_000)
        moved(canvas, ground, 4_000)
    np.testing.assert_array_equal(np.isnan(canvas.after), np.isnan(town))


def test_a_plan_without_them_draws_as_before(land: FloatArray) -> None:
    """Frozen sets of planted changes were made before there were transplants."""
    spec = PlantSpec(transplants_per_km2=0, moved_per_km2=0)
    made = plant(land, land, BANDS, 10.0, np.random.default_rng(4), spec)
    assert not {"transplant", "moved"} & {item.kind for item in made.instances}
    default = plant(land, land, BANDS, 10.0, np.random.default_rng(4), PlantSpec())
    np.testing.assert_array_equal(made.after, default.after)


def test_a_plan_with_them_labels_both(town: FloatArray) -> None:
    spec = PlantSpec.model_validate({**ONLY, "transplants_per_km2": 8, "moved_per_km2": 6})
    made = plant(town, town, BANDS, 10.0, np.random.default_rng(4), spec)
    assert {"transplant", "moved"} <= {item.kind for item in made.instances}
    np.testing.assert_array_equal(made.instance > 0, made.label == CHANGED)
    assert (made.label == IGNORE).any()

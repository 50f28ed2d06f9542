from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from imagery.planted.canvas import CHANGED, IGNORE, FloatArray
from imagery.planted.plant import Planted, PlantSpec, coarser, plant, stretched, without
from imagery.scene import BANDS

DENSE = PlantSpec(violations_per_km2=4, decoys_per_km2=4)


def sown(land: FloatArray, seed: int = 0, spec: PlantSpec = DENSE) -> Planted:
    return plant(land, land, BANDS, 10.0, np.random.default_rng(seed), spec)


def test_the_seed_decides_everything(land: FloatArray) -> None:
    one, again, other = sown(land), sown(land), sown(land, 1)
    for field in ("before", "after", "label", "burnt", "instance"):
        np.testing.assert_array_equal(getattr(one, field), getattr(again, field))
    assert one.instances == again.instances
    assert not np.array_equal(one.label, other.label)


def test_the_images_given_are_not_touched(land: FloatArray) -> None:
    given = land.copy()
    made = sown(given)
    np.testing.assert_array_equal(given, land)
    assert not np.shares_memory(made.before, made.after)
    assert not np.shares_memory(made.before, given)


def test_labels_and_instances_agree(land: FloatArray) -> None:
    made = sown(land)
    np.testing.assert_array_equal(made.instance > 0, made.label == CHANGED)
    for item in made.instances:
        here = made.instance == item.number
        assert here.any() <= item.violation
        assert here[item.window].sum() == here.sum()
    kinds = {item.kind for item in made.instances}
    assert len(kinds) >= 5
    assert (made.label == IGNORE).any()


def test_what_was_not_seen_is_never_made_up(land: FloatArray) -> None:
    first, second = land.copy(), land.copy()
    first[:, 30:70, 60:120] = np.nan
    second[:, :, 150:] = np.nan
    made = plant(first, second, BANDS, 10.0, np.random.default_rng(2), DENSE)
    assert np.isnan(made.before[:, 30:70, 60:120]).all()
    assert np.isnan(made.after[:, :, 150:]).all()
    assert np.isfinite(made.before).mean() > 0.9
    # a change stands on seen ground, but for a tenth of its outline
    unseen = np.isnan(made.before[0]) | np.isnan(made.after[0])
    assert (made.label == CHANGED)[unseen].sum() < 0.1 * (made.label == CHANGED).sum()
    assert not (made.label == CHANGED)[:, 155:].any()


def test_without_anything_planted_only_the_weather_differs(land: FloatArray) -> None:
    quiet = PlantSpec(violations_per_km2=0, decoys_per_km2=0, misregistration_px=0, gain=0.02, offset=0, noise=0)
    made = sown(land, 3, quiet)
    assert not made.label.any()
    assert not made.instances
    ratio = made.before / land
    np.testing.assert_allclose(ratio, np.median(ratio, axis=(1, 2), keepdims=True) + 0 * ratio, rtol=1e-3)
    assert 0.9 < ratio.min() < ratio.max() < 1.1


@pytest.mark.parametrize("said", [{"unknown": 1}, {"misregistration_px": 2}, {"median_ha": 0}])
def test_a_wrong_spec_is_refused(said: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        PlantSpec.model_validate(said)


def by_hand(label: np.ndarray) -> Planted:
    """Six bands that count pixels, with a label."""
    shape = label.shape
    image = np.arange(6 * label.size, dtype=np.float32).reshape(6, *shape) / 1000
    instance = (3 * (label == CHANGED)).astype(np.int16)
    return Planted(image, image + 1, label.astype(np.uint8), label == CHANGED, instance, (), BANDS, 10.0)


def test_coarser_pixels_are_means_and_keep_what_most_of_them_is() -> None:
    label = np.zeros((7, 9), int)
    label[:3, :3] = CHANGED
    label[0, 0] = IGNORE
    label[0:2, 3:5] = CHANGED  # 4 of 9
    label[5, 8] = IGNORE
    fine = by_hand(label)
    fine.before[:, 4, 1] = np.nan
    made = coarser(fine, 3)
    assert made.gsd_m == 30
    assert made.before.shape == (6, 2, 3)
    np.testing.assert_array_equal(made.label, [[CHANGED, IGNORE, 0], [0, 0, IGNORE]])
    np.testing.assert_array_equal(made.instance, [[3, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(made.burnt, [[True, False, False], [False, False, False]])
    np.testing.assert_allclose(made.after[:, 0, 1], fine.after[:, :3, 3:6].mean(axis=(1, 2)), rtol=1e-6)
    assert np.isnan(made.before[:, 1, 0]).all()
    assert np.isfinite(np.delete(made.before.reshape(6, 6), 3, axis=1)).all()


def test_a_sensor_without_bands_sees_nothing_in_them() -> None:
    whole = by_hand(np.zeros((5, 5), int))
    poor = without(whole, frozenset({"swir16", "nir"}))
    for image in (poor.before, poor.after):
        np.testing.assert_array_equal(np.isnan(image).all(axis=(1, 2)), [False, False, False, True, True, False])
    assert np.isfinite(whole.before).all()
    assert poor.reflectance


def test_pictures_are_eight_bits_and_keep_their_order(land: FloatArray) -> None:
    holed = land.copy()
    holed[:, :9] = np.nan
    whole = replace(by_hand(np.zeros(land.shape[1:], int)), before=holed, after=land)
    made = stretched(without(whole, frozenset({"swir22"})), np.random.default_rng(0))
    assert not made.reflectance
    seen = made.before[:5, 9:]
    assert (seen.min(), seen.max()) == (1, 255)
    np.testing.assert_array_equal(seen, np.round(seen))
    assert np.isnan(made.before[:, :9]).all()
    assert np.isnan(made.before[5]).all()
    order = np.argsort(land[2].ravel(), kind="stable")
    assert (np.diff(made.after[2].ravel()[order]) >= 0).all()
    assert len(np.unique(made.after[2])) > 100

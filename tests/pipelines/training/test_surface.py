import numpy as np
import pytest

from detectors.core import spectral
from detectors.core.surface_head import SurfaceHead
from detectors.core.types import Surface
from pipelines.progress import Silent
from pipelines.training.endmembers import LIBRARY
from pipelines.training.fires import BURNT, LEFT_OUT, UNBURNT, draw_fire, made_up_pair, real_pair
from pipelines.training.mosaics import SURFACES, draw_chip, draw_ground, drop_bands, mix, name_surfaces
from pipelines.training.surface import SurfaceConfig, train

SMALL = SurfaceConfig(chips=120, pieces=12, pairs=60, pixels=400, epochs=4)


def rng(seed=0):
    return np.random.default_rng(seed)


def scene(seed):
    """A stand-in for a real pair: made-up ground under two skies."""
    made = [draw_chip(rng(seed + place), 96).image for place in range(2)]
    return made[0], made[1]


@pytest.fixture(scope="module")
def trained():
    return train(SMALL, [scene(900), scene(950)], Silent())


def test_training_is_a_function_of_the_seed(trained):
    again = train(SMALL, [scene(900), scene(950)], Silent())
    assert again.tensors.keys() == trained.tensors.keys()
    for name, tensor in trained.tensors.items():
        np.testing.assert_array_equal(tensor, again.tensors[name])


def test_another_seed_gives_other_numbers(trained):
    other = train(SMALL.model_copy(update={"seed": 1, "pieces": 0}), [], Silent())
    assert not np.array_equal(other.tensors["surface.0.weight"], trained.tensors["surface.0.weight"])


def test_even_a_short_training_tells_what_is_plain(trained):
    head = SurfaceHead.from_tensors(trained.tensors, trained.meta)
    right = seen = 0
    for seed in range(5000, 5012):
        chip = draw_chip(rng(seed))
        codes, _ = head.classify(chip.image, spectral.BANDS)
        known = np.isin(chip.surface, [Surface.WATER, Surface.TREE, Surface.BRIGHT_BARE])
        right += int((codes == chip.surface)[known].sum())
        seen += int(known.sum())
    assert seen > 2000
    assert right / seen > 0.45  # eleven classes: chance is 0.09


def test_every_surface_has_covers_that_a_reflectance_can_be():
    assert LIBRARY.odds.shape == (SURFACES, len(LIBRARY.names))
    np.testing.assert_allclose(LIBRARY.odds.sum(axis=1), [0] + [1] * (SURFACES - 1), atol=1e-9)
    assert ((LIBRARY.spectra > 0) & (LIBRARY.spectra < 1)).all()
    assert len(set(LIBRARY.names)) == len(LIBRARY.names)


def test_shares_of_made_up_ground_sum_to_one():
    image, shares = mix(draw_ground(rng(4), 48))
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-5)
    assert np.isfinite(image).all()


@pytest.mark.parametrize(
    ("water", "other", "kind", "expected"),
    [
        (0.9, 0.1, Surface.GRASS, Surface.WATER),
        (0.5, 0.5, Surface.CROP, Surface.WET_VEGETATION),
        (0.5, 0.5, Surface.DARK_BARE, Surface.UNKNOWN),
        (0.1, 0.9, Surface.DARK_BARE, Surface.DARK_BARE),
    ],
)
def test_water_is_named_by_its_share(water, other, kind, expected):
    shares = np.zeros((SURFACES, 1, 1), np.float32)
    shares[Surface.WATER], shares[kind] = water, other
    assert name_surfaces(shares)[0, 0] == expected


def test_bands_are_dropped_as_sensors_lack_them():
    image = np.ones((6, 2, 2), np.float32)
    lacking = [tuple(np.isnan(drop_bands(rng(seed), image)).all(axis=(1, 2))) for seed in range(200)]
    assert {pattern[4:] for pattern in lacking} == {(False, False), (True, True), (True, False), (False, True)}
    assert not any(any(pattern[1:4]) for pattern in lacking)


def test_a_fire_takes_infrared_and_only_where_there_is_fuel():
    green = LIBRARY.spectra[LIBRARY.names.index("green_grass")]
    image = np.repeat(green[:, None, None], 64, 1).repeat(64, 2)
    fuel = np.ones((64, 64), np.float32)
    fuel[:, 32:] = 0
    fire = draw_fire(rng(2), image, fuel)
    black = fire.charred > 0.3
    assert black[:, :31].any()
    assert not black[:, 33:].any()
    assert (fire.image[3][black] < image[3][black]).all()
    np.testing.assert_array_equal(fire.image[:, ~fire.outline], image[:, ~fire.outline])


def test_pairs_hold_fires_and_much_else():
    found = [made_up_pair(rng(seed)).burnt for seed in range(30)]
    assert {int(code) for burnt in found for code in np.unique(burnt)} == {UNBURNT, BURNT, LEFT_OUT}
    assert any(not burnt.any() for burnt in found)


def test_a_real_fire_that_nobody_labelled_is_left_out():
    before = np.full((6, 64, 64), 0.1, np.float32)
    before[3], after = 0.3, before.copy()
    after[3], after[5] = 0.08, 0.2
    codes = np.full((64, 64), Surface.GRASS, np.uint8)
    pairs = [real_pair(rng(seed), (before, after), codes) for seed in range(12)]
    quiet = [pair for pair in pairs if not (pair.burnt == BURNT).any()]
    assert any((pair.burnt == LEFT_OUT).all() for pair in quiet)

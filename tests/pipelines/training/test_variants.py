from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from detectors.core.features import CHANNELS
from imagery.planted.canvas import CHANGED, IGNORE, UNCHANGED
from imagery.planted.plant import PlantSpec
from pipelines.training.backgrounds import Background
from pipelines.training.variants import Variant, VariantSpec, as_it_is, variant

Make = Callable[..., Background]
DENSE = PlantSpec(violations_per_km2=4, decoys_per_km2=2)
FULL = VariantSpec(plant=DENSE, still=0, no_swir22=0, no_swir16=0, no_swir=0, coarse=0, picture=0)


def made(ground: Background, seed: int = 0, **said: object) -> Variant:
    return variant(ground, np.random.default_rng(seed), FULL.model_copy(update=said))


def channel(item: Variant, name: str) -> np.ndarray:
    return item.features.channels[CHANNELS.index(name)]


def test_the_seed_decides_everything(ground_of: Make) -> None:
    one, again, other = (made(ground_of(), seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.features.channels, again.features.channels)
    np.testing.assert_array_equal(one.label, again.label)
    assert not np.array_equal(one.label, other.label)


def test_planted_changes_are_labelled_and_doubtful_ground_is_left_out(ground_of: Make) -> None:
    doubtful = np.zeros((160, 160), bool)
    doubtful[:, :80] = True
    item = made(replace(ground_of(), doubtful=doubtful))
    planted = item.planted.instance > 0
    assert planted[:, :80].any()
    np.testing.assert_array_equal(item.label == CHANGED, planted & item.features.observed)
    assert not (item.label[:, :80] == UNCHANGED).any()
    assert (item.label[:, 80:] == UNCHANGED).mean() > 0.7
    # a fire may be among what really changed there
    unknown = (item.label == IGNORE) & ~item.planted.burnt
    assert unknown[:, :80].any()
    assert (item.burnt[unknown] == IGNORE).all()


@pytest.mark.parametrize("taken", [True, False])
def test_likely_changes_teach_only_if_asked(ground_of: Make, taken: bool) -> None:
    spot = np.zeros((160, 160), bool)
    spot[40:60, 100:120] = True
    bare = PlantSpec(violations_per_km2=0, decoys_per_km2=0)
    item = made(replace(ground_of(), doubtful=spot, likely=spot), likely=taken, plant=bare)
    seen = item.features.observed
    assert (item.label[spot & seen] == (CHANGED if taken else IGNORE)).all()
    assert (item.label[~spot & seen] == UNCHANGED).all()


def test_still_ground_is_all_known(ground_of: Make) -> None:
    everywhere = np.ones((160, 160), bool)
    bare = PlantSpec(violations_per_km2=0, decoys_per_km2=0)
    item = made(replace(ground_of(), doubtful=everywhere, likely=everywhere), still=1.0, plant=bare)
    assert (item.label[item.features.observed] == UNCHANGED).all()


def test_unobserved_ground_is_left_out(ground_of: Make) -> None:
    ground = ground_of()
    after = ground.after.copy()
    after[:, 20:50, 30:70] = np.nan
    item = made(replace(ground, after=after))
    assert (item.label[20:50, 30:70] == IGNORE).all()
    assert (item.burnt[20:50, 30:70] == IGNORE).all()
    np.testing.assert_array_equal(item.label[~item.features.observed], IGNORE)
    assert not item.features.channels[:, 20:50, 30:70].any()


@pytest.mark.parametrize(
    ("said", "missing"),
    [("no_swir22", {"swir22"}), ("no_swir16", {"swir16"}), ("no_swir", {"swir16", "swir22"}), ("still", set())],
)
def test_poorer_sensors_are_imitated(ground_of: Make, said: str, missing: set[str]) -> None:
    item = made(ground_of(), **{said: 1.0})
    lacking = {
        band for band in ("blue", "green", "red", "nir", "swir16", "swir22") if not channel(item, f"has_{band}").any()
    }
    assert lacking == missing
    assert channel(item, "has_reflectance").any()
    assert (item.label == CHANGED).any()


def test_pictures_are_imitated(ground_of: Make) -> None:
    items = [made(ground_of(), seed, picture=1.0) for seed in range(4)]
    for item in items:
        assert not item.planted.reflectance
        assert not channel(item, "has_reflectance").any()
        assert not channel(item, "has_swir16").any()
        assert np.nanmax(item.pair.before) == 255
    assert {bool(channel(item, "has_nir").any()) for item in items} == {True, False}


def test_coarse_pixels_are_imitated_where_there_is_ground_enough(ground_of: Make) -> None:
    assert made(ground_of(), coarse=1.0).label.shape == (160, 160)
    item = made(ground_of(390), coarse=1.0)
    assert item.label.shape == item.features.observed.shape == (130, 130)
    assert item.planted.gsd_m == 30
    assert item.pair.geobox.affine.a == 30
    assert (item.label == CHANGED).any()


def test_a_pair_as_it_is_has_no_truth(ground_of: Make) -> None:
    ground = ground_of()
    item = as_it_is(ground)
    assert (item.label == IGNORE).all()
    np.testing.assert_array_equal(item.pair.before, ground.before)
    np.testing.assert_array_equal(item.pair.after, ground.after)
    assert channel(item, "observed").all()


@pytest.mark.parametrize("said", [{"no_swir": 0.6, "no_swir16": 0.5}, {"still": 1.5}, {"unheard_of": 0.1}])
def test_shares_that_can_not_be_are_refused(said: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        VariantSpec.model_validate(said)

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label
from shapely.geometry import box

from detectors.core.types import FloatArray
from imagery.archive import Archive
from imagery.scene import BANDS
from imagery.simulated.spectra import INDEX, TABLE
from pipelines.training.backgrounds import SPECK_PX, Background, backgrounds, grounds, may_have_changed

Make = Callable[..., Background]
SPOT = (slice(60, 84), slice(90, 114))


def cover(name: str) -> FloatArray:
    return TABLE[:6, INDEX[name], None, None].astype(np.float32)


def painted(ground: Background, before: str, after: str) -> tuple[FloatArray, FloatArray]:
    """Both dates with a spot of one cover before and another after."""
    grain = 1 + 0.02 * np.random.default_rng(9).standard_normal((2, *ground.before.shape))
    images = ground.before.copy(), ground.after.copy()
    for image, name, texture in zip(images, (before, after), grain, strict=True):
        image[(slice(None), *SPOT)] = (cover(name) * texture)[(slice(None), *SPOT)]
    return images


def test_a_large_real_change_is_doubtful_and_likely(ground_of: Make) -> None:
    doubtful, likely = may_have_changed(painted(ground_of(), "green_grass", "concrete"), BANDS)
    assert doubtful[SPOT].mean() > 0.8
    assert likely[SPOT].mean() > 0.8
    assert not (likely & ~doubtful).any()
    elsewhere = doubtful.copy()
    elsewhere[55:89, 85:119] = False
    assert elsewhere.mean() < 0.08


@pytest.mark.parametrize(
    ("before", "after"), [("crop", "lush_meadow"), ("larch", "crop"), ("clear_water", "turbid_water")]
)
def test_plants_that_stay_plants_and_water_that_stays_water_are_quiet(ground_of: Make, before: str, after: str) -> None:
    doubtful, likely = may_have_changed(painted(ground_of(), before, after), BANDS)
    assert not doubtful[64:80, 94:110].any()
    assert not likely[64:80, 94:110].any()


def test_specks_are_no_doubt(ground_of: Make) -> None:
    images = painted(ground_of(), "green_grass", "concrete")
    images[1][:, 20, 30:32] += 0.1
    doubtful, _ = may_have_changed(images, BANDS)
    parts, count = label(doubtful)
    assert count >= 1
    assert np.bincount(parts.ravel())[1:].min() >= SPECK_PX
    assert not doubtful[15:26, 24:38].all()


def test_reversed_swaps_the_dates_and_nothing_else(ground_of: Make) -> None:
    ground = ground_of()
    other = ground.reversed()
    np.testing.assert_array_equal(other.before, ground.after)
    np.testing.assert_array_equal(other.after, ground.before)
    assert other.place == ground.place
    assert other.name != ground.name
    assert replace(other.reversed(), name=ground.name) == ground


@pytest.mark.parametrize("date", [0, 1])
def test_still_ground_surely_did_not_change(ground_of: Make, date: int) -> None:
    everywhere = np.ones((160, 160), bool)
    ground = replace(ground_of(), doubtful=everywhere, likely=everywhere)
    still = ground.still(date)
    np.testing.assert_array_equal(still.before, (ground.before, ground.after)[date])
    np.testing.assert_array_equal(still.before, still.after)
    assert not still.doubtful.any()
    assert not still.likely.any()
    assert ground.doubtful.all()


def test_an_archive_gives_each_place_with_its_two_dates(make_archive: Callable[..., Path]) -> None:
    scenes = Archive.open(make_archive(2)).scenes()
    found = list(backgrounds(scenes))
    assert len(found) == 2
    assert len({ground.place for ground in found}) == 2
    for ground in found:
        assert ground.bands == BANDS
        assert ground.gsd_m == 10
        assert min(ground.before.shape[1:]) >= 158
        gain = np.nanmedian(ground.after / ground.before)
        assert 1.05 < gain < 1.15  # the later date is the brighter one
    (alone,) = backgrounds([scene for scene in scenes if scene.id == scenes[0].id])
    np.testing.assert_array_equal(alone.before, alone.after)
    assert not alone.doubtful.any()
    assert not list(backgrounds([replace(scene, level="DN") for scene in scenes]))


def test_scenes_without_common_ground_have_none(make_archive: Callable[..., Path]) -> None:
    """Two small scenes at the ends of a large one: each overlaps it, they do not meet."""
    scene = Archive.open(make_archive(1)).scenes()[0]
    west, south, east, north = scene.geometry.bounds
    wide = replace(scene, geometry=box(west, south, west + 5 * (east - west), north))
    far = replace(scene, geometry=box(west + 4 * (east - west), south, west + 5 * (east - west), north))
    assert grounds([wide, scene, far]) == []
    (one,) = grounds([wide, scene])
    assert min(one.shape) >= 155


def test_large_ground_is_cut_without_gaps(make_archive: Callable[..., Path]) -> None:
    scene = Archive.open(make_archive(1)).scenes()[0]
    west, south, east, north = scene.geometry.bounds
    large = replace(scene, geometry=box(west, south, west + 10 * (east - west), north + 7 * (north - south)))
    boxes = grounds([large])
    assert len(boxes) == 4
    assert all(128 <= min(each.shape) <= max(each.shape) <= 1024 for each in boxes)
    lefts = sorted({each.boundingbox.left for each in boxes})
    assert lefts[1] - lefts[0] == boxes[0].shape[1] * 10


def test_ground_too_small_for_a_crop_is_left_out(make_archive: Callable[..., Path]) -> None:
    scene = Archive.open(make_archive(1)).scenes()[0]
    west, south, east, north = scene.geometry.bounds
    assert grounds([replace(scene, geometry=box(west, south, (west + east) / 2, north))]) == []

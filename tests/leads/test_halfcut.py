"""A patch cut at half of its own contrast: on shapes that are known to the fraction of a pixel."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from leads.halfcut import change_of, half_cut, near, soft_pixels

SIZE = 80


def ground(seed: int, strength: float = 0.12) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Two looks of one place, in the second of which a disc of 9 pixels radius was stripped; and the disc."""
    rng = np.random.default_rng(seed)
    before = (0.1 + 0.02 * rng.normal(size=(4, SIZE, SIZE))).astype(np.float32)
    y, x = np.mgrid[:SIZE, :SIZE]
    disc = np.hypot(y - 40, x - 40) <= 9
    cover = ndimage.gaussian_filter(disc.astype(np.float32), 0.6)
    after = before + 0.01 * rng.normal(size=before.shape).astype(np.float32) + strength * cover
    return before, after.astype(np.float32), disc


def around(inside: NDArray[np.bool_], disc: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return near(inside, ~ndimage.binary_dilation(disc | inside, iterations=3))


@pytest.mark.parametrize("found", ["whole", "half", "too_wide"])
def test_however_it_was_found_the_patch_comes_out_as_it_is(found: str) -> None:
    before, after, disc = ground(1)
    inside = {
        "whole": disc,
        "half": disc & (np.arange(SIZE)[None, :] < 41),
        "too_wide": ndimage.binary_dilation(disc, iterations=2),
    }[found]
    ring = around(inside, disc)
    change = change_of(before, after, ring)
    assert change is not None
    cut = half_cut(change, inside, ring)
    assert cut is not None
    assert abs(cut.sum() / disc.sum() - 1) < 0.08


def test_the_edge_of_a_change_that_fades_away_is_soft() -> None:
    before, after, disc = ground(7)
    y, x = np.mgrid[:SIZE, :SIZE]
    fading = np.clip((15 - np.hypot(y - 40, x - 40)) / 12, 0, 1).astype(np.float32)
    found = []
    for image in (after, before + np.float32(0.12) * fading):
        ring = around(disc, ndimage.binary_dilation(disc, iterations=8))
        change = change_of(before, image + np.float32(0.01) * np.random.default_rng(1).normal(size=image.shape), ring)
        assert change is not None
        found.append(soft_pixels(change, disc, ring))
    sharp, soft = found
    assert 0 <= sharp < 30
    assert soft > 3 * max(sharp, 20)


def test_cuts_at_other_shares_lie_inside_one_another() -> None:
    before, after, disc = ground(8)
    ring = around(disc, disc)
    change = change_of(before, after, ring)
    assert change is not None
    cuts = [half_cut(change, disc, ring, share) for share in (0.4, 0.5, 0.6)]
    wide, half, narrow = cuts
    assert wide is not None
    assert half is not None
    assert narrow is not None
    assert (wide | half).sum() == wide.sum() >= half.sum()
    assert (half | narrow).sum() == half.sum() >= narrow.sum()
    assert soft_pixels(change, disc, ring) == wide.sum() - narrow.sum()


def test_what_is_too_faint_is_left_alone() -> None:
    before, after, disc = ground(2, strength=0.004)
    ring = around(disc, disc)
    change = change_of(before, after, ring)
    assert change is not None
    assert half_cut(change, disc, ring) is None
    assert soft_pixels(change, disc, ring) == 0


def test_a_change_of_the_whole_place_is_no_contrast() -> None:
    before, after, disc = ground(3, strength=0.0)
    ring = around(disc, disc)
    change = change_of(before, after + np.float32(0.1), ring)
    assert change is not None
    assert half_cut(change, disc, ring) is None


def test_a_neighbour_on_a_thin_neck_is_another_change() -> None:
    before, after, disc = ground(4)
    other = np.zeros_like(disc)
    other[34:46, 51:63] = True
    other[40, 49:52] = True  # one pixel wide
    after = after + np.float32(0.12) * (other & ~disc)
    ring = around(disc | other, disc)
    change = change_of(before, after, ring)
    assert change is not None
    cut = half_cut(change, disc, ring)
    assert cut is not None
    assert abs(cut.sum() / disc.sum() - 1) < 0.12


def test_too_little_ground_says_nothing() -> None:
    before, after, disc = ground(5)
    assert change_of(before, after, np.zeros_like(disc)) is None
    assert change_of(np.full_like(before, np.nan), after, ~disc) is None
    unseen = after.copy()
    unseen[:, disc] = np.nan
    ring = around(disc, disc)
    change = change_of(before, unseen, ring)
    assert change is not None
    assert half_cut(change, disc, ring) is None


def test_bands_that_were_never_there_do_not_matter() -> None:
    before, after, disc = ground(6)
    ring = around(disc, disc)
    more = [np.concatenate([image, np.full_like(image[:2], np.nan)]) for image in (before, after)]
    one, other = change_of(before, after, ring), change_of(*more, ring)
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one, other)

import numpy as np

from detectors.core.neighbourhood import box_mean, boxes_of, gaussian_mean, gaussian_reach


def test_a_hole_does_not_pull_its_neighbours_down() -> None:
    observed = np.ones((40, 40), bool)
    observed[10:20, 10:20] = False
    image = np.where(observed, np.float32(7), np.float32(0))
    np.testing.assert_allclose(box_mean(image[None], observed, 5)[0][observed], 7, rtol=1e-5)
    np.testing.assert_allclose(gaussian_mean(image, observed, 2.0)[observed], 7, rtol=1e-5)


def test_a_gaussian_ends_at_its_reach() -> None:
    observed = np.ones((41, 41), bool)
    image = np.zeros((41, 41), np.float32)
    image[20, 20] = 1
    touched = np.argwhere(gaussian_mean(image, observed, 2.0) > 0)
    assert np.abs(touched - 20).max() == gaussian_reach(2.0)


def test_nothing_observed_is_finite() -> None:
    nothing = np.zeros((20, 20), bool)
    assert np.isfinite(gaussian_mean(np.zeros((20, 20), np.float32), nothing, 1.0)).all()
    assert (box_mean(np.zeros((1, 20, 20), np.float32), nothing, 3) == 0).all()


def test_boxes_hold_all_that_is_wanted_and_little_else() -> None:
    wanted = np.zeros((70, 100), bool)
    wanted[[3, 9, 3, 69], [5, 12, 99, 60]] = True
    # (3, 5) and (9, 12) lie in cells that touch
    assert boxes_of(wanted, 8) == [
        (slice(0, 16), slice(0, 16)),
        (slice(0, 8), slice(96, 100)),
        (slice(64, 70), slice(56, 64)),
    ]
    assert boxes_of(np.zeros((70, 100), bool), 8) == []

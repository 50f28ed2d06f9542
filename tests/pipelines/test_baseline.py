import numpy as np
import pytest

from pipelines.baseline import cva, otsu


def images(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    before = rng.normal(0.2, 0.05, (6, 80, 80)).astype(np.float32)
    after = (before * 1.3 + 0.02 + rng.normal(0, 0.005, before.shape)).astype(np.float32)
    after[:, 20:30, 40:60] += 0.2
    return before, after


def test_change_stands_out_whatever_the_unit_and_offset() -> None:
    before, after = images()
    score = cva(before, after)
    assert np.median(score) == pytest.approx(1)
    assert score[22:28, 42:58].min() > 2
    np.testing.assert_allclose(cva(before * 7, after * 7 - 1), score, rtol=1e-3)


def test_not_observed_stays_so_and_does_not_bleed() -> None:
    before, after = images()
    after[3, :, :10] = np.nan
    score = cva(before, after)
    assert np.isnan(score[:, :10]).all()
    assert np.isfinite(score[:, 10:]).all()
    # Smoothing over zeros would darken the pixels beside the hole.
    assert score[:, 10].mean() == pytest.approx(score[:, 15:25].mean(), rel=0.15)


def test_nothing_observed_is_nan() -> None:
    empty = np.full((6, 4, 5), np.nan, np.float32)
    assert np.isnan(cva(empty, empty)).all()


def test_otsu_parts_two_heaps() -> None:
    rng = np.random.default_rng(0)
    score = np.concatenate([rng.normal(1, 0.1, 5000), rng.normal(3, 0.2, 500), [np.nan] * 9]).astype(np.float32)
    assert score[:5000].max() * 0.9 < otsu(score) < score[5000:5500].min()


def test_otsu_is_the_threshold_of_most_variance_between_classes() -> None:
    score = np.random.default_rng(1).gamma(2, 1, 4000).astype(np.float32)

    def between(threshold: float) -> float:
        low, high = score[score < threshold], score[score >= threshold]
        return float(low.size * high.size * (high.mean() - low.mean()) ** 2)

    best = max(between(float(t)) for t in np.linspace(score.min(), score.max(), 500)[1:-1])
    assert between(otsu(score)) > 0.999 * best


def test_otsu_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing was observed"):
        otsu(np.full(3, np.nan, np.float32))

import numpy as np
import pytest

from imagery.simulated.noise import fractal, hashed, noise, smoothstep


def _places() -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.arange(0, 6_000, 13.0), np.arange(5_450_000, 5_456_000, 13.0))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_noise_has_mean_0_and_variance_1(order: int) -> None:
    field = noise(1, "a", *_places(), 40.0, order)
    assert field.dtype == np.float32
    assert abs(float(field.mean())) < 0.05
    assert float(field.std()) == pytest.approx(1, abs=0.05)


def test_a_place_has_the_same_value_however_it_is_asked_for() -> None:
    x, y = _places()
    whole = fractal(1, "a", x, y, 900, 5)
    part = fractal(1, "a", x[100:130, 50:90], y[100:130, 50:90], 900, 5)
    np.testing.assert_allclose(part, whole[100:130, 50:90], atol=1e-5)


def test_names_and_seeds_make_unrelated_fields() -> None:
    x, y = _places()
    fields = [noise(1, "a", x, y, 60.0), noise(1, "b", x, y, 60.0), noise(2, "a", x, y, 60.0)]
    related = np.corrcoef([field.ravel() for field in fields]) - np.eye(3)
    assert np.abs(related).max() < 0.05


def test_hashes_are_uniform_for_negative_indices_too() -> None:
    index = np.arange(-50_000, 50_000)
    values = hashed(3, "x", index, -index)
    counts, _ = np.histogram(values, bins=20, range=(0, 1))
    assert counts.sum() == index.size
    assert np.abs(counts / 5_000 - 1).max() < 0.06


def test_smoothstep_is_flat_outside() -> None:
    values = smoothstep(np.array([-1, 0, 0.5, 1, 2], np.float32), 0, 1)
    np.testing.assert_allclose(values, [0, 0, 0.5, 1, 1])

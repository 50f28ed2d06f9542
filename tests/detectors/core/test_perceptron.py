from itertools import pairwise

import numpy as np
import pytest

from detectors.core.errors import DetectorError
from detectors.core.perceptron import Perceptron


def tensors(sizes=(3, 5, 2), name="head"):
    rng = np.random.default_rng(0)
    made = {}
    for place, (inputs, outputs) in enumerate(pairwise(sizes)):
        made[f"{name}.{place}.weight"] = rng.normal(size=(outputs, inputs)).astype(np.float32)
        made[f"{name}.{place}.bias"] = rng.normal(size=outputs).astype(np.float32)
    return made


def test_values_are_those_of_the_formula_however_many_pixels_there_are():
    made = tensors()
    x = np.random.default_rng(1).normal(size=(3, 9001)).astype(np.float32)
    kept = x.copy()
    hidden = np.maximum(made["head.0.weight"] @ x + made["head.0.bias"][:, None], 0)
    expected = made["head.1.weight"] @ hidden + made["head.1.bias"][:, None]
    np.testing.assert_allclose(Perceptron.from_tensors(made, "head", 3, 2)(x), expected, atol=1e-5)
    np.testing.assert_array_equal(x, kept)


def test_half_precision_is_read_as_single():
    made = {name: value.astype(np.float16) for name, value in tensors().items()}
    assert Perceptron.from_tensors(made, "head", 3, 2).weights[0].dtype == np.float32


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"), [("head", 4, 2), ("head", 3, 1), ("other", 3, 2)], ids=["inputs", "outputs", "name"]
)
def test_weights_of_another_head_are_refused(name, inputs, outputs):
    with pytest.raises(DetectorError):
        Perceptron.from_tensors(tensors(), name, inputs, outputs)


def test_a_missing_bias_is_refused():
    made = tensors()
    del made["head.1.bias"]
    with pytest.raises(DetectorError, match=r"head\.1\.weight"):
        Perceptron.from_tensors(made, "head", 3, 2)

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from detectors.core import burnt, spectral
from detectors.core.errors import DetectorError
from detectors.core.surface_head import FEATURES, REACH_PX, SurfaceHead, features
from detectors.core.types import Surface

BANDS = spectral.BANDS


def random_tensors(seed=0):
    rng = np.random.default_rng(seed)
    sizes = {"surface": (FEATURES, 24, 11), "burnt": (burnt.FEATURES, 16, 1)}
    made = {}
    for name, widths in sizes.items():
        for place, (inputs, outputs) in enumerate(pairwise(widths)):
            made[f"{name}.{place}.weight"] = rng.normal(size=(outputs, inputs)).astype(np.float32)
            made[f"{name}.{place}.bias"] = rng.normal(size=outputs).astype(np.float32)
    return made


@pytest.fixture
def head():
    return SurfaceHead.from_tensors(random_tensors(), {})


def ground(height=120, width=70, seed=1):
    return np.random.default_rng(seed).uniform(0.02, 0.5, (6, height, width)).astype(np.float32)


def test_codes_and_confidence(head):
    codes, confidence = head.classify(ground(), BANDS)
    assert codes.dtype == np.uint8
    assert confidence.dtype == np.float32
    assert set(np.unique(codes)) <= set(range(1, 12))
    assert len(np.unique(codes)) > 3
    assert (confidence > 1 / 11 - 1e-6).all()
    assert (confidence <= 1 + 1e-6).all()


def test_the_answer_looks_no_further_than_its_reach(head):
    image = ground()
    before, sure = head.classify(image, BANDS)
    changed = image.copy()
    changed[:, 60, 30] = 0.9
    after, surer = head.classify(changed, BANDS)
    rows, cols = np.nonzero((before != after) | (sure != surer))
    assert len(rows)
    assert max(np.abs(rows - 60).max(), np.abs(cols - 30).max()) <= REACH_PX


def test_reach_is_short():
    assert REACH_PX <= 8


def test_a_piece_with_its_margin_gives_the_same_answer(head):
    image = ground()
    whole, sure = head.classify(image, BANDS)
    piece, surer = head.classify(image[:, 31 - REACH_PX : 90 + REACH_PX, 5:65], BANDS)
    cols = slice(REACH_PX, 60 - REACH_PX)
    np.testing.assert_array_equal(piece[REACH_PX:-REACH_PX, cols], whole[31:90, 5:65][:, cols])
    np.testing.assert_allclose(surer[REACH_PX:-REACH_PX, cols], sure[31:90, 5:65][:, cols], atol=1e-5)


def test_unobserved_and_no_reflectance_are_unknown(head):
    image = ground(40, 40)
    image[2, 3, 4] = np.nan
    image[0, 8, 8] = np.nan  # blue may be missing
    image[4, 20, 20] = 180.0
    codes, confidence = head.classify(image, BANDS)
    unknown = codes == Surface.UNKNOWN
    assert {tuple(place) for place in np.argwhere(unknown)} == {(3, 4), (20, 20)}
    assert (confidence[unknown] == 0).all()


def test_digital_numbers_are_unknown(head):
    assert not head.classify(ground() * 255 + 10, BANDS)[0].any()


@pytest.mark.parametrize("missing", ["green", "red", "nir"])
def test_without_a_band_that_is_needed_all_is_unknown(head, missing):
    kept = [place for place, name in enumerate(BANDS) if name != missing]
    codes, confidence = head.classify(ground()[kept], tuple(BANDS[place] for place in kept))
    assert not codes.any()
    assert not confidence.any()


def test_a_missing_band_is_a_band_of_nan_and_order_does_not_matter(head):
    image = ground()
    image[5] = np.nan
    expected = head.classify(image, BANDS)[0]
    order = [3, 1, 0, 4, 2]
    np.testing.assert_array_equal(head.classify(image[order], tuple(BANDS[place] for place in order))[0], expected)


def test_features_are_finite_whatever_is_missing():
    image = ground(30, 30)
    image[:, :5] = np.nan
    image[4:, 10:] = np.nan
    image[:, 20, 20] = -0.3
    assert np.isfinite(features(image)).all()


def test_no_pixels_are_no_fault(head):
    codes, confidence = head.classify(np.zeros((6, 0, 5), np.float32), BANDS)
    assert codes.shape == confidence.shape == (0, 5)


def test_weights_of_other_features_are_refused():
    made = random_tensors()
    made["surface.0.weight"] = made["surface.0.weight"][:, :-1]
    with pytest.raises(DetectorError, match="surface"):
        SurfaceHead.from_tensors(made, {})


def test_torch_is_not_imported():
    script = "import sys, detectors.core.surface_head; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

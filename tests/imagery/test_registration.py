"""The shift between two real acquisitions: by two oracles that share no code with ours, then by ours.

The oracles are written here from the textbook: phase correlation of windows with an upsampled peak, averaged robustly
over the scene (Kuglin & Hines 1975), and the least-squares solution of the brightness gradient, iterated
(Lucas & Kanade 1981). They share nothing but the idea that ground does not move.
"""

import datetime as dt

import numpy as np
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox
from scipy import ndimage

from detectors.core.coregister import estimate_shift
from imagery.read import read_band
from imagery.scene import Asset, Scene

WINDOW = 192
STEP = 160


def windows(shape):
    for y in range(0, shape[0] - WINDOW + 1, STEP):
        for x in range(0, shape[1] - WINDOW + 1, STEP):
            yield np.s_[y : y + WINDOW, x : x + WINDOW]


def by_phase(before, after, upsampling=25):
    """(rows, columns) such that ``after[y + row, x + col]`` shows ``before[y, x]``; also its standard error."""
    taper = np.outer(np.hanning(WINDOW), np.hanning(WINDOW))
    frequency = np.fft.fftfreq(WINDOW)
    low = np.hypot(*np.meshgrid(frequency, frequency)) < 0.25  # beyond it is aliasing and noise
    found = []
    for part in windows(before.shape):
        one, two = before[part], after[part]
        if (one == 0).any() or (two == 0).any() or one.std() == 0:
            continue
        one, two = (np.fft.fft2((image - image.mean()) * taper) for image in (one, two))
        cross = np.conj(one) * two
        cross = np.where(low, cross / np.maximum(np.abs(cross), 1e-12), 0)
        surface = np.fft.ifft2(cross).real
        peak = np.array(np.unravel_index(surface.argmax(), surface.shape), float)
        peak = np.where(peak > WINDOW / 2, peak - WINDOW, peak)
        if np.hypot(*peak) > 10 or surface.max() < 8 * surface.std():
            continue
        fine = np.arange(-0.8, 0.8, 1 / upsampling)
        rows = np.exp(2j * np.pi * np.outer(peak[0] + fine, frequency))
        cols = np.exp(2j * np.pi * np.outer(frequency, peak[1] + fine))
        best = np.unravel_index((rows @ cross @ cols).real.argmax(), (len(fine), len(fine)))
        found.append(peak + fine[list(best)])
    return robust_mean(np.array(found))


def by_gradient(before, after):
    """The same by least squares of the brightness gradient, window by window, iterated from a coarse start."""
    found = []
    smooth = [ndimage.gaussian_filter(image, 1.5) for image in (before, after)]
    for part in windows(before.shape):
        if (before[part] == 0).any() or (after[part] == 0).any():
            continue
        one, spline = smooth[0][part], ndimage.spline_filter(smooth[1][part], order=3, mode="nearest")
        shift = np.zeros(2)
        for _ in range(25):
            two = ndimage.shift(spline, -shift, order=3, mode="nearest", prefilter=False)
            inner = np.s_[12:-12, 12:-12]
            # another day is brighter or darker, and hazier: a gain and an offset belong to the unknowns
            down, right = np.gradient(two)
            columns = [down[inner].ravel(), right[inner].ravel(), two[inner].ravel(), np.ones(one[inner].size)]
            answer, *_ = np.linalg.lstsq(np.stack(columns, axis=1), one[inner].ravel(), rcond=None)
            step = answer[:2] / answer[2] if abs(answer[2]) > 0.2 else np.full(2, np.nan)
            if not np.isfinite(step).all() or np.hypot(*(shift + step)) > 8:
                break
            shift = shift + np.clip(step, -1, 1)
            if np.abs(step).max() < 1e-3:
                if np.corrcoef(two[inner].ravel(), one[inner].ravel())[0, 1] > 0.8:
                    found.append(shift)
                break
    return robust_mean(np.array(found))


def robust_mean(found):
    """Mean of what lies within three median deviations of the median, its standard error, and how many windows."""
    assert len(found) >= 8, len(found)
    centre = np.median(found, axis=0)
    spread = np.maximum(np.median(np.abs(found - centre), axis=0), 0.02)
    kept = found[(np.abs(found - centre) < 3 * 1.4826 * spread).all(axis=1)]
    return kept.mean(axis=0), kept.std(axis=0) / np.sqrt(len(kept)), len(kept)


def ground(seed=0, size=530):
    rng = np.random.default_rng(seed)
    image = (
        ndimage.gaussian_filter(rng.normal(size=(size, size)), 1.2)
        + ndimage.gaussian_filter(rng.normal(size=(size, size)), 6) * 4
    )
    return 1000 + 300 * image / image.std()


@pytest.mark.parametrize("oracle", [by_phase, by_gradient])
def test_the_oracles_find_a_shift_that_is_known(oracle):
    truth = np.array([1.37, -0.62])
    before = ground()
    after = 0.8 * ndimage.shift(before, truth, order=5, mode="reflect") + 90
    after += np.random.default_rng(1).normal(0, 10, after.shape)
    shift, _, _ = oracle(before, after)
    np.testing.assert_allclose(shift, truth, atol=0.03)


@pytest.fixture(scope="module")
def pair(real_data):
    """Both images on the grid of the first, as a patrol reads them."""
    folder = real_data / "arosics_coreg"
    files = [next(folder.glob(f"*/{name}*.jp2")) for name in ("ref", "tgt")]
    boxes = []
    for file in files:
        with rasterio.open(file) as source:
            boxes.append(GeoBox((source.height, source.width), source.transform, source.crs.to_wkt()))
    grid = boxes[0] & boxes[1]
    images = []
    for file in files:  # one band in a jp2, which no layout takes for a scene: handed over as one
        asset = Asset(str(file), nodata=0)
        when = dt.datetime(2016, 6, 8, tzinfo=dt.UTC)
        scene = Scene(file.stem, "sentinel-2", "L1C", when, shapely.Polygon(), {"red": asset})
        images.append(np.nan_to_num(read_band(scene, asset, grid, 10.0)))
    return images


@pytest.fixture(scope="module")
def oracles(pair):
    return by_phase(*pair), by_gradient(*pair)


@pytest.mark.real
def test_the_oracles_agree_on_the_real_pair(oracles):
    phase, gradient = oracles
    print(f"phase {phase}, gradient {gradient}")
    np.testing.assert_allclose(phase[0], gradient[0], atol=0.1)
    assert max(phase[1].max(), gradient[1].max()) < 0.05


@pytest.mark.real
def test_ours_agrees_with_the_oracles(pair, oracles):
    before, after = (np.where(image == 0, np.nan, image).astype(np.float32)[None] for image in pair)
    ours, confident = estimate_shift([(before, after)])
    assert confident
    print(f"ours {ours}")
    for shift, _, _ in oracles:
        np.testing.assert_allclose(ours, shift, atol=0.15)

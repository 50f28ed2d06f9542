"""On labelled Sentinel-2 pairs (OSCD): labels are measured with, never learned from."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling

from detectors.core.normals import fit
from detectors.core.training_free import disturbance
from detectors.core.types import BoolArray, FloatArray

pytestmark = pytest.mark.real

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
FILES = ("B02", "B03", "B04", "B08", "B11", "B12")
CITIES = ("aguasclaras", "nantes", "rennes")


def _image(folder: Path, shape: tuple[int, int]) -> FloatArray:
    bands = []
    for name in FILES:
        with rasterio.open(next(folder.glob(f"*_{name}.tif"))) as source:
            bands.append(source.read(1, out_shape=shape, resampling=Resampling.bilinear))
    return np.stack(bands).astype(np.float32) / np.float32(10000)


def _city(root: Path, name: str) -> tuple[FloatArray, FloatArray, BoolArray]:
    with rasterio.open(root / "oscd/labels" / name / "cm" / f"{name}-cm.tif") as source:
        truth = source.read(1) == 2
    folder = root / "oscd/images" / name
    return _image(folder / "imgs_1", truth.shape), _image(folder / "imgs_2", truth.shape), truth


def _auc(score: FloatArray, truth: BoolArray) -> float:
    ranks = np.empty(score.size)
    ranks[np.argsort(score, axis=None)] = np.arange(score.size)
    positives = int(truth.sum())
    below = ranks[truth.ravel()].sum() - positives * (positives - 1) / 2
    return float(below / (positives * (truth.size - positives)))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_one_threshold_for_all_cities_and_a_fit_stable_under_sampling(real_data: Path, make_pair) -> None:  # type: ignore[no-untyped-def]
    found, truths, aucs = [], [], []
    for name in CITIES:
        before, after, truth = _city(real_data, name)
        pair = make_pair(before, after)
        masks = []
        for step in (1, 3):
            normals = fit([(before, after)], BANDS, lattice_step=step)
            score = disturbance(pair, [(normals, np.ones(truth.shape, np.float32))])
            score = np.nan_to_num(score)  # the rim that the shift lays bare counts as no change
            masks.append(score >= np.percentile(score, 97))
        iou = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
        assert iou >= 0.95, name
        found.append((score >= 0.5).ravel())
        truths.append(truth.ravel())
        aucs.append(_auc(score, truth))
    seen, real = np.concatenate(found), np.concatenate(truths)
    f1 = 2 * (seen & real).sum() / (seen.sum() + real.sum())
    assert f1 >= 0.36
    assert np.mean(aucs) >= 0.88


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_landsat_numbers_without_scale(real_data: Path, make_pair) -> None:  # type: ignore[no-untyped-def]
    folder = real_data / "landsat_taizhou"
    images = []
    for name in ("2000TM", "2003TM"):
        with rasterio.open(folder / name) as source:
            images.append(source.read().astype(np.float32))
    changed, same = (_drawn(folder / f"{name}.bmp") for name in ("change", "unchanged"))
    normals = fit([(images[0], images[1])], BANDS, reflectance=False)
    pair = make_pair(images[0], images[1], reflectance=False)
    score = disturbance(pair, [(normals, np.ones(changed.shape, np.float32))])
    labelled = changed | same
    assert _auc(score[labelled], changed[labelled]) >= 0.985


def _drawn(path: Path) -> BoolArray:
    with rasterio.open(path) as source:
        return np.asarray((source.read() > 0).any(axis=0))

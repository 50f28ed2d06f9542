"""Poorer versions of a pair are what a poorer sensor would have given."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from detectors.core.types import FloatArray
from imagery.archive import Archive
from imagery.errors import ImageryError
from imagery.scene import BANDS, Scene
from pipelines.baseline import cva
from pipelines.exams.degraded import VARIANTS, stretched
from pipelines.exams.pair import index, read_on_grid
from pipelines.labelled import LabelledPair, find_pairs
from pipelines.suite import Job, measure_pairs


def scenes(pair: LabelledPair, folder: Path) -> tuple[Scene, Scene]:
    folder.mkdir(exist_ok=True)
    found = index(pair.name, pair.sources, pair.sidecar, folder)
    return found.before, found.after


def made(real: Path, kind: str, folder: Path) -> LabelledPair:
    folder.mkdir()
    (pair,) = find_pairs(real)
    return VARIANTS[kind](pair, folder)


def test_without_swir_everything_else_stays(city: Path, tmp_path: Path) -> None:
    pair = made(city, "no-swir", tmp_path / "poor")
    before, after = scenes(pair, tmp_path / "index")
    assert {"swir16", "swir22"}.isdisjoint(before.assets)
    assert {"blue", "green", "red", "nir", "cirrus"} <= set(before.assets)
    assert (str(before.solar_day), str(after.solar_day)) == ("2017-07-02", "2018-07-07")
    assert (before.level, before.gsd_m) == ("L1C", pytest.approx(10, abs=1.5))
    assert pair.group == "oscd without SWIR"


def test_at_30_m_pixels_are_means_of_nine_and_labels_majorities(city: Path, tmp_path: Path) -> None:
    pair = made(city, "30m", tmp_path / "poor")
    before, _ = scenes(pair, tmp_path / "index")
    assert pair.geobox.shape == (30, 40)
    assert before.gsd_m == pytest.approx(30, abs=4)
    with rasterio.open(city / "oscd/images/alpha/imgs_1/T50TXX_20170702T025551_B04.tif") as fine:
        means = fine.read(1)[:90, :120].reshape(30, 3, 40, 3).mean(axis=(1, 3))
    with rasterio.open(before.assets["red"].href) as coarse:
        assert np.abs(coarse.read(1) - means).max() <= 0.51
        assert coarse.transform.a == pytest.approx(3 * fine.transform.a)
    changed, ignore = pair.read_truth()
    # rows 10–40 and columns 8–49 of 10 m: a cell of which only a third changed did not change
    assert np.flatnonzero(changed.any(axis=1)).tolist() == list(range(3, 14))
    assert np.flatnonzero(changed.any(axis=0)).tolist() == list(range(3, 17))
    assert not ignore.any()


@pytest.mark.parametrize(("kind", "bands"), [("dom4", BANDS[:4]), ("dom3", BANDS[:3])])
def test_a_picture_has_8_bit_dn_and_no_reflectance(
    city: Path, tmp_path: Path, kind: str, bands: tuple[str, ...]
) -> None:
    pair = made(city, kind, tmp_path / "poor")
    before, after = scenes(pair, tmp_path / "index")
    assert set(before.assets) == set(bands)
    assert (before.level, after.level) == ("DN", "DN")
    assert (before.assets["red"].scale, before.assets["red"].offset) == (1, 0)
    with rasterio.open(before.assets["red"].href) as picture:
        assert picture.dtypes[0] == "uint8"
        red = picture.read(before.assets["red"].index)
    assert (red.min(), red.max()) == (1, 255)
    with rasterio.open(city / "oscd/images/alpha/imgs_1/T50TXX_20170702T025551_B04.tif") as source:
        assert (red == stretched(source.read(1))).all()


def test_each_image_is_stretched_by_its_own_percentiles() -> None:
    dn = np.arange(1, 1001, dtype=np.uint16).reshape(20, 50)
    out = stretched(dn)
    assert (out == stretched(dn * 7)).mean() > 0.98
    assert (out == 255).mean() == pytest.approx(0.02, abs=0.005)
    assert (out == 1).mean() == pytest.approx(0.02, abs=0.005)
    dn[0, :5] = 0
    assert (stretched(dn)[0, :5] == 0).all()
    assert not stretched(np.zeros((3, 3), np.uint16)).any()


@pytest.mark.parametrize("kind", VARIANTS)
def test_a_poorer_pair_is_measured_beside_cva_on_the_same_bands(city: Path, tmp_path: Path, kind: str) -> None:
    def by_change_vector(job: Job) -> FloatArray:
        images = [read_on_grid(scene, job.pair.geobox) for scene in (job.before, job.after)]
        assert images[0].shape == (len(job.before.assets.keys() & set(BANDS)), *job.pair.geobox.shape)
        score: FloatArray = cva(images[0], images[1]) / 8
        return score

    report = measure_pairs(find_pairs(city), tmp_path / "w", prepare=VARIANTS[kind], scorer=by_change_vector)
    assert report.failed == ()
    (pair,) = report.pairs
    assert pair.ours.auc > 0.9
    assert pair.ratio == pytest.approx(pair.ours.f1 / pair.baseline.f1)


def test_what_is_no_pair_of_that_layout_is_refused(city: Path, tmp_path: Path) -> None:
    (city / "oscd/images/alpha/dates.txt").write_text("date_1: 20170702\n")
    report = measure_pairs(find_pairs(city), tmp_path / "w", prepare=VARIANTS["dom3"])
    ((_, reason),) = report.failed
    assert "no pair of imgs_1 and imgs_2" in reason
    with pytest.raises(ImageryError):
        made(city, "30m", tmp_path / "poor")
    assert Archive.create_or_open(tmp_path / "unused").scenes() == ()

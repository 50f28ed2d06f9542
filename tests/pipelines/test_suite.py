import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from detectors.core.types import FloatArray
from imagery.errors import ImageryError
from pipelines.baseline import cva
from pipelines.commands.evaluate import evaluate_command
from pipelines.errors import BadInputError
from pipelines.labelled import find_pairs
from pipelines.suite import Job, evaluate_suite, read_on_grid

GRIDS = {
    "alpha": GeoBox((60, 80), Affine(1.3e-4, 0, 117.01, 0, -9e-5, 48.7), "EPSG:4326"),
    "beta": GeoBox((50, 50), Affine(1.3e-4, 0, 121.4, 0, -9e-5, 49.1), "EPSG:4326"),
}
BANDS = {"B02": 1, "B03": 1, "B04": 1, "B08": 1, "B11": 2, "B12": 2}
FILES = {"imgs_1": "T50TXX_20170702T025551", "imgs_2": "T50TXX_20180707T025551"}

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def write(path: Path, values: NDArray[np.generic], geobox: GeoBox | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    place = {} if geobox is None else {"crs": geobox.crs.to_wkt(), "transform": geobox.affine}
    height, width = values.shape
    driver = "BMP" if path.suffix == ".bmp" else "GTiff"
    with rasterio.open(
        path, "w", driver=driver, width=width, height=height, count=1, dtype=values.dtype, **place
    ) as file:
        file.write(values, 1)


def changed(shape: tuple[int, int]) -> NDArray[np.bool_]:
    truth = np.zeros(shape, bool)
    truth[10:22, 8:28] = True
    return truth


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Two cities laid out as OSCD lays them, with SWIR at half the detail and labels without georeference."""
    root = tmp_path / "real"
    for city, geobox in GRIDS.items():
        rng = np.random.default_rng(len(city))
        truth = changed(geobox.shape)
        for epoch, stem in FILES.items():
            for band, step in BANDS.items():
                values = rng.normal(1500, 40, geobox.shape) + 1500 * truth * (epoch == "imgs_2")
                coarse = GeoBox(tuple(n // step for n in geobox.shape), geobox.affine @ Affine.scale(step), geobox.crs)
                path = root / "oscd" / "images" / city / epoch / f"{stem}_{band}.tif"
                write(path, values[::step, ::step].astype(np.uint16), coarse)
        (root / "oscd" / "images" / city / "dates.txt").write_text("date_1: 20170702\ndate_2: 20180707\n")
        write(root / "oscd" / "labels" / city / "cm" / f"{city}-cm.tif", truth.astype(np.uint8) + 1)
    return root


def by_change_vector(job: Job) -> FloatArray:
    score: FloatArray = cva(read_on_grid(job.before, job.pair.geobox), read_on_grid(job.after, job.pair.geobox)) / 8
    return score


def test_cities_are_found_indexed_measured_and_pooled(real: Path, tmp_path: Path) -> None:
    report = evaluate_suite(real, tmp_path / "work", scorer=by_change_vector)
    assert report.failed == ()
    assert [pair.name for pair in report.pairs] == ["alpha", "beta"]
    assert all(pair.ours.auc > 0.99 and pair.baseline.auc == pytest.approx(pair.ours.auc) for pair in report.pairs)
    assert all(pair.ours.f1 > 0.8 for pair in report.pairs)
    (group,) = report.groups
    assert group.ours.pixels == 60 * 80 + 50 * 50
    assert group.ours.tp == sum(pair.ours.tp for pair in report.pairs)
    assert group.mean_auc == pytest.approx(np.mean([pair.ours.auc for pair in report.pairs]))


def test_not_observed_lowers_the_observed_share_and_recall(real: Path, tmp_path: Path) -> None:
    def half_blind(job: Job) -> FloatArray:
        score = by_change_vector(job)
        score[:16] = np.nan
        return score

    (alpha,) = evaluate_suite(real, tmp_path / "work", ["alpha"], scorer=half_blind).pairs
    assert alpha.ours.observed_share == pytest.approx(1 - 16 / 60)
    assert alpha.ours.recall == pytest.approx(0.5, abs=0.05)
    assert alpha.ours.auc_observed > 0.99 > alpha.ours.auc


def test_one_failing_pair_is_told_and_the_others_are_measured(real: Path, tmp_path: Path) -> None:
    def fails_once(job: Job) -> FloatArray:
        if job.pair.name == "alpha":
            raise ImageryError("B04 is truncated")
        return by_change_vector(job)

    report = evaluate_suite(real, tmp_path / "work", scorer=fails_once)
    assert report.failed == (("alpha", "B04 is truncated"),)
    assert [pair.name for pair in report.pairs] == ["beta"]
    assert report.as_json()["failed"] == [{"name": "alpha", "reason": "B04 is truncated"}]


def test_a_city_without_a_date_fails_with_the_reason_why_it_was_refused(real: Path, tmp_path: Path) -> None:
    (real / "oscd" / "images" / "beta" / "dates.txt").write_text("date_1: 20170702\n")
    report = evaluate_suite(real, tmp_path / "work", scorer=by_change_vector)
    ((name, reason),) = report.failed
    assert name == "beta"
    assert "dates.txt gives no date_2" in reason


def test_a_label_a_few_pixels_short_covers_the_images_box(real: Path) -> None:
    write(real / "oscd" / "labels" / "alpha" / "cm" / "alpha-cm.tif", changed((58, 79)).astype(np.uint8) + 1)
    pair = find_pairs(real, ["alpha"])[0]
    assert pair.geobox.shape == (58, 79)
    assert pair.geobox.boundingbox.bbox == pytest.approx(GRIDS["alpha"].boundingbox.bbox)


def test_taizhou_counts_labelled_pixels_only(tmp_path: Path) -> None:
    folder = tmp_path / "landsat_taizhou"
    geobox = GeoBox((20, 20), Affine(30, 0, 203_325, 0, -30, 3_604_935), "EPSG:32651")
    for name in ("2000TM", "2003TM"):
        write(folder / name, np.zeros((20, 20), np.uint8), geobox)
    changes, steady = np.zeros((2, 20, 20), np.uint8)
    changes[:3], steady[10:14] = 255, 255
    write(folder / "change.bmp", changes)
    write(folder / "unchanged.bmp", steady)
    (pair,) = find_pairs(tmp_path)
    truth, ignore = pair.read_truth()
    assert truth.sum() == 60
    assert (~ignore).sum() == 60 + 80
    assert not (truth & ignore).any()


def test_no_pair_and_unknown_pair_are_bad_input(real: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no labelled pair"):
        evaluate_suite(tmp_path / "nowhere", tmp_path / "work")
    with pytest.raises(BadInputError, match="no labelled pair 'gamma'; it has alpha, beta"):
        evaluate_suite(real, tmp_path / "work", ["gamma"])
    with pytest.raises(BadInputError, match="no detector 'nonsense'"):
        evaluate_suite(real, tmp_path / "work", detector="nonsense")


def test_command_prints_the_table_and_writes_valid_json(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipelines.suite.score_by_scan", by_change_vector)
    code = evaluate_command(suite=real, work=tmp_path / "work", out=tmp_path / "suite.json")
    printed = capsys.readouterr().out
    assert code == 0
    assert "oscd: pixels pooled" in printed
    assert "oracle" in printed
    document = json.loads((tmp_path / "suite.json").read_text())
    assert document["groups"]["oscd"]["pooled"]["f1"] > 0.8
    assert {pair["name"] for pair in document["pairs"]} == {"alpha", "beta"}


@pytest.mark.real
def test_labels_lie_where_the_images_changed(real_data: Path, tmp_path: Path) -> None:
    """CVA on the real cities has the AUC that others find: labels, grids, dates and bands are read right."""
    report = evaluate_suite(real_data, tmp_path, ["rennes", "hongkong", "taizhou"], scorer=by_change_vector)
    assert report.failed == ()
    assert {pair.name: round(pair.baseline.auc, 2) for pair in report.pairs} == {
        "hongkong": 0.87,
        "rennes": 0.98,
        "taizhou": 1.0,
    }


@pytest.mark.real
def test_the_smallest_city_scanned_as_a_user_would(real_data: Path, tmp_path: Path) -> None:
    report = evaluate_suite(real_data, tmp_path, ["rennes"])
    assert report.failed == ()
    (rennes,) = report.pairs
    assert rennes.ours.auc > 0.95
    assert rennes.ours.observed_share > 0.95


@pytest.mark.real
@pytest.mark.slow
def test_training_free_score_reaches_what_was_asked(real_data: Path, tmp_path: Path) -> None:
    report = evaluate_suite(real_data, tmp_path)
    assert report.failed == ()
    groups = {group.name: group for group in report.groups}
    assert groups["oscd"].ours.f1 >= 0.36
    assert groups["oscd"].mean_auc >= 0.88
    assert groups["landsat"].ours.auc >= 0.985

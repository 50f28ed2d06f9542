"""A scan read on the grid of a truth."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from detectors.core.types import Surface
from imagery.archive import Archive
from imagery.errors import ImageryError
from pipelines.errors import PipelineError
from pipelines.exams.pair import METHODS, Indexed, Scanned, index, scan_pair
from pipelines.request import Method, ScanRequest
from pipelines.warp import read_grid


@pytest.fixture(scope="module")
def scanned(steppe: Path, tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    scenes = sorted(Archive.open(steppe / "archive").scenes(), key=lambda scene: scene.datetime)
    pair = Indexed("steppe", steppe / "archive", scenes[0], scenes[-1])
    grid = read_grid(Path(scenes[0].assets["blue"].href))
    return scan_pair(pair, grid, ("land_disturbance",), "training-free", tmp_path_factory.mktemp("scan") / "out")


def test_scores_and_surfaces_lie_on_the_truths_grid(scanned: Scanned) -> None:
    score = scanned.scored("land_disturbance")
    before, after = scanned.surface("before"), scanned.surface("after")
    assert score.shape == before.shape == after.shape == scanned.geobox.shape
    seen = np.isfinite(score)
    assert seen.mean() > 0.5
    # bilinear scores and nearest codes part on the rim of what was seen, nowhere else
    assert ((after != Surface.UNKNOWN) == seen).mean() > 0.97
    assert {int(code) for code in np.unique(before)} <= {int(code) for code in Surface}
    assert len(np.unique(after)) > 2
    assert (before != after).any()


def test_surfaces_are_written_as_classes(scanned: Scanned) -> None:
    (file,) = (scanned.out / "surfaces").glob("after_*.tif")
    with rasterio.open(file) as source:
        assert (source.dtypes[0], source.nodata) == ("uint8", Surface.UNKNOWN)
        overview = source.read(1, out_shape=(source.height // 2, source.width // 2))
        assert set(np.unique(overview)) <= set(np.unique(source.read(1)))


def test_leads_are_masks_with_their_kind(scanned: Scanned) -> None:
    leads = scanned.leads()
    assert leads
    score = scanned.score("land_disturbance")
    for detector, change, inside in leads:
        assert detector == "land_disturbance"
        assert change
        if inside.sum() > 20:
            assert np.nanmean(score[inside]) > 0.35


def test_a_scan_that_scored_nothing_says_why(scanned: Scanned, tmp_path: Path) -> None:
    (file,) = (scanned.out / "scores").glob("land_disturbance_*.tif")
    with rasterio.open(file) as source:
        profile = source.profile
    (tmp_path / "scores").mkdir()
    blind = np.full((profile["height"], profile["width"]), np.nan, np.float32)
    with rasterio.open(tmp_path / "scores" / file.name, "w", **profile) as target:
        target.write(blind, 1)
    with pytest.raises(PipelineError, match="not one pixel was scored: too little ground"):
        Scanned(tmp_path, scanned.geobox, ("too little ground",)).scored("land_disturbance")
    with pytest.raises(PipelineError, match="wrote no surface"):
        Scanned(tmp_path, scanned.geobox).surface("after")
    with pytest.raises(PipelineError, match="wrote no leads"):
        Scanned(tmp_path, scanned.geobox).leads()


def test_a_source_that_is_no_pair_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "one.tif").write_bytes(b"not a raster")
    with pytest.raises(ImageryError, match=r"lonely has 0 scenes, a pair has two\. .*one\.tif"):
        index("lonely", [tmp_path / "one.tif"], None, tmp_path / "work")


@pytest.mark.parametrize("method", METHODS)
def test_the_method_is_what_the_scan_is_asked_for(
    scanned: Scanned, steppe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: Method
) -> None:
    asked: list[ScanRequest] = []

    def refuse(request: ScanRequest, progress: object) -> None:
        asked.append(request)
        raise PipelineError("seen enough")

    monkeypatch.setattr("pipelines.exams.pair.scan", refuse)
    scenes = Archive.open(steppe / "archive").scenes()
    pair = Indexed("steppe", steppe / "archive", scenes[0], scenes[-1])
    with pytest.raises(PipelineError, match="seen enough"):
        scan_pair(pair, scanned.geobox, ("mine",), method, tmp_path / "out")
    assert (asked[0].method, asked[0].scores, asked[0].detectors) == (method, True, ("mine",))

"""The same scan, read by the shipped network."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio

from aoi.read import read_aoi
from imagery.providers.local import LocalProvider
from imagery.simulated.spec import test_spec as tiny_spec
from pipelines.errors import BadInputError
from pipelines.request import ScanRequest
from pipelines.scan import scan
from weights.store import find

SPEC = tiny_spec()


def request(world: Path, out: Path) -> ScanRequest:
    aoi = read_aoi(str(world / "aoi.geojson"))
    before, after = (SPEC.before[0], SPEC.before[-1]), (SPEC.after[0], SPEC.after[-1])
    detectors = ("land_disturbance",)
    source = LocalProvider.open(world / "archive")
    return ScanRequest(aoi, source, before, after, out, detectors, scores=True, quicklooks=False, method="network")


@pytest.fixture(scope="module")
def scanned(steppe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("network")
    scan(request(steppe, out))
    return out


def score(out: Path) -> tuple[np.ndarray, rasterio.Affine]:
    (path,) = sorted((out / "scores").glob("land_disturbance_*.tif"))
    with rasterio.open(path) as file:
        return file.read(1), file.transform


def test_a_run_names_the_weights_and_their_thresholds(scanned: Path) -> None:
    run = json.loads((scanned / "run.json").read_text())
    entry = find("disturbance")
    assert entry is not None
    (detector,) = run["detectors"]
    assert detector["weights"] == entry.sha256
    assert (detector["threshold_low"], detector["threshold_high"]) == (entry.thresholds.low, entry.thresholds.high)
    assert not any("training-free" in note for note in run["notes"])
    assert run["leads"] > 0


def test_other_blocks_give_the_same_scores_and_leads(scanned: Path, steppe: Path, tmp_path: Path) -> None:
    scan(replace(request(steppe, tmp_path), block_px=192))
    (one, here), (other, there) = score(scanned), score(tmp_path)
    col, row = round((there.c - here.c) / here.a), round((there.f - here.f) / here.e)
    top, left = max(row, 0), max(col, 0)
    bottom, right = min(one.shape[0], row + other.shape[0]), min(one.shape[1], col + other.shape[1])
    one, other = one[top:bottom, left:right], other[top - row : bottom - row, left - col : right - col]
    apart = np.abs(one - other)[~np.isnan(one) & ~np.isnan(other)]
    assert apart.size > 10_000
    # bf16 sums in another order for windows of another shape; the network itself sees the same ground
    assert np.quantile(apart, 0.999) <= 0.02
    areas = [
        pyogrio.read_dataframe(out / "leads.gpkg", layer="leads").to_crs(32650).area.sum()
        for out in (scanned, tmp_path)
    ]
    assert areas[0] == pytest.approx(areas[1], rel=0.03)


def test_without_score_maps_the_leads_are_the_same(scanned: Path, steppe: Path, tmp_path: Path) -> None:
    """What no patch needs is not worked out then."""
    scan(replace(request(steppe, tmp_path), scores=False))
    with_maps, without = (
        pyogrio.read_dataframe(out / "leads.gpkg", layer="leads").drop(columns="lead_id", errors="ignore")
        for out in (scanned, tmp_path)
    )
    assert not (tmp_path / "scores").exists()
    pd.testing.assert_frame_equal(without, with_maps)


def test_without_weights_the_network_is_refused_and_auto_does_without(
    steppe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.chosen.find", lambda *_: None)
    monkeypatch.setattr("pipelines.readers.find", lambda *_: None)
    with pytest.raises(BadInputError, match="weixun train"):
        scan(request(steppe, tmp_path / "a"))
    run = scan(replace(request(steppe, tmp_path / "b"), method="auto"))
    assert any("no trained weights: the training-free score was used" in note for note in run.notes)

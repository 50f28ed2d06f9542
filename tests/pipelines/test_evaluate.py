import json
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.errors import NotGeoreferencedWarning

from aoi.grid import lonlat_of, owned, to_crs
from detectors.core.registry import choose
from pipelines import evaluate as module
from pipelines.commands.evaluate import evaluate_command
from pipelines.errors import BadInputError
from pipelines.evaluate import EvaluateRequest, run_evaluate, threshold_of
from pipelines.metrics import evaluate
from weights.store import find

GRID = GeoBox((60, 80), Affine(10, 0, 700_000, 0, -10, 5_450_000), "EPSG:32650")


def write(path: Path, values: NDArray[Any], geobox: GeoBox | None, nodata: float | None = None) -> Path:
    place = {} if geobox is None else {"crs": geobox.crs.to_wkt(), "transform": geobox.affine}
    height, width = values.shape
    profile = {"driver": "GTiff", "width": width, "height": height, "count": 1, "dtype": values.dtype, "nodata": nodata}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # labels come like that
        with rasterio.open(path, "w", **profile, **place) as target:
            target.write(values, 1)
    return path


@pytest.fixture
def score() -> NDArray[np.float32]:
    values = np.random.default_rng(0).random(GRID.shape, np.float32)
    values[:5] = np.nan
    return values


@pytest.fixture
def truth() -> NDArray[np.bool_]:
    return np.random.default_rng(1).random(GRID.shape) < 0.2


def test_files_on_one_grid_give_the_metrics_of_their_arrays(
    tmp_path: Path, score: NDArray[np.float32], truth: NDArray[np.bool_], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "windows", lambda shape: module_windows(shape, 32))
    files = write(tmp_path / "s.tif", score, GRID, np.nan), write(tmp_path / "t.tif", truth.astype(np.uint8), GRID)
    found = run_evaluate(EvaluateRequest((files[0],), files[1], 0.7))
    whole = evaluate(score, truth, 0.7)
    assert found == whole
    assert found.auc == pytest.approx(whole.auc, abs=1e-12)


def module_windows(shape: tuple[int, int], edge: int) -> list[tuple[slice, slice]]:
    from pipelines.warp import windows

    return list(windows(shape, edge))


def test_one_and_two_mean_unchanged_and_changed_and_nodata_is_ignored(tmp_path: Path) -> None:
    labels = np.array([[1, 2, 2, 0]], np.uint8)
    geobox = GeoBox((1, 4), GRID.affine, GRID.crs)
    scores = write(tmp_path / "s.tif", np.array([[0.9, 0.9, 0.1, 0.9]], np.float32), geobox, np.nan)
    found = run_evaluate(EvaluateRequest((scores,), write(tmp_path / "t.tif", labels, geobox, nodata=0)))
    assert (found.tp, found.fp, found.fn, found.tn, found.pixels) == (1, 1, 1, 0, 3)


def test_change_value_decides_where_there_are_many(tmp_path: Path) -> None:
    labels = np.array([[1, 2, 3, 3]], np.uint8)
    geobox = GeoBox((1, 4), GRID.affine, GRID.crs)
    scores = write(tmp_path / "s.tif", np.ones((1, 4), np.float32), geobox)
    truth = write(tmp_path / "t.tif", labels, geobox)
    with pytest.raises(BadInputError, match=r"t\.tif has more than two values.*--change-value"):
        run_evaluate(EvaluateRequest((scores,), truth))
    assert run_evaluate(EvaluateRequest((scores,), truth, change_value=3)).tp == 2


def test_one_value_alone_is_ambiguous_unless_zero(tmp_path: Path) -> None:
    scores = write(tmp_path / "s.tif", np.ones(GRID.shape, np.float32), GRID)
    zero = write(tmp_path / "zero.tif", np.zeros(GRID.shape, np.uint8), GRID)
    assert run_evaluate(EvaluateRequest((scores,), zero)).fp == GRID.shape[0] * GRID.shape[1]
    ones = write(tmp_path / "ones.tif", np.ones(GRID.shape, np.uint8), GRID)
    with pytest.raises(BadInputError, match="one value 1"):
        run_evaluate(EvaluateRequest((scores,), ones))


def wave(geobox: GeoBox) -> NDArray[np.float32]:
    """A smooth field of place alone, the same on every grid."""
    lon, lat = lonlat_of(geobox)
    return (0.5 + 0.4 * np.sin(lon * 900) * np.cos(lat * 700)).astype(np.float32)


def zone_scores(folder: Path) -> tuple[Path, Path]:
    """One map on both sides of 120° E, each file NaN beyond its own zone."""
    files = []
    for epsg in (32650, 32651):
        x, y = shapely.get_coordinates(to_crs(shapely.Point(120, 49.2), 4326, epsg))[0]
        corner = Affine(10, 0, round(x, -1) - 1500, 0, -10, round(y, -1) + 1500)
        geobox = GeoBox((300, 300), corner, f"EPSG:{epsg}")
        values = np.where(owned(geobox), wave(geobox), np.nan).astype(np.float32)
        files.append(write(folder / f"score_{epsg}.tif", values, geobox, np.nan))
    return files[0], files[1]


def test_two_zones_make_one_map_without_a_seam(tmp_path: Path) -> None:
    geobox = GeoBox((150, 200), Affine(1e-4, 0, 119.99, 0, -1e-4, 49.207), "EPSG:4326")
    truth = (wave(geobox) > 0.5).astype(np.uint8)
    request = EvaluateRequest(zone_scores(tmp_path), write(tmp_path / "t.tif", truth, geobox), 0.5)
    found = run_evaluate(request)
    # Along 120° E a strip of under a pixel is in neither file: pixels belong to a zone by their centres.
    assert found.observed_share > 0.997
    assert found.f1 > 0.99
    assert found.auc_observed > 0.9999
    alone = run_evaluate(EvaluateRequest(request.scores[:1], request.truth, 0.5))
    assert alone.observed_share == pytest.approx(0.5, abs=0.01)


def polygon_file(path: Path, *shapes: shapely.Geometry) -> Path:
    features = [{"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(shape)} for shape in shapes]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def on_ground(rows: slice, cols: slice) -> shapely.Geometry:
    """A rectangle of the grid's pixels, in degrees, a little inside their outer edges."""
    box = shapely.box(*GRID[rows, cols].boundingbox.bbox).buffer(-2, join_style="mitre")
    return to_crs(shapely.segmentize(box, 50), 32650, 4326)


def test_polygons_are_laid_on_the_scores_own_grid(tmp_path: Path, score: NDArray[np.float32]) -> None:
    drawn = polygon_file(
        tmp_path / "t.geojson", on_ground(slice(10, 20), slice(5, 30)), on_ground(slice(40, 44), slice(50, 80))
    )
    truth = np.zeros(GRID.shape, bool)
    truth[10:20, 5:30] = truth[40:44, 50:80] = True
    found = run_evaluate(EvaluateRequest((write(tmp_path / "s.tif", score, GRID, np.nan),), drawn, 0.6))
    assert found == evaluate(score, truth, 0.6)


def test_within_leaves_out_what_lies_outside(tmp_path: Path, score: NDArray[np.float32]) -> None:
    area = polygon_file(tmp_path / "aoi.geojson", on_ground(slice(20, 50), slice(0, 40)))
    drawn = polygon_file(tmp_path / "t.geojson", on_ground(slice(0, 30), slice(0, 10)))
    scores = write(tmp_path / "s.tif", score, GRID, np.nan)
    found = run_evaluate(EvaluateRequest((scores,), drawn, 0.6, within=area))
    truth = np.zeros(GRID.shape, bool)
    truth[:30, :10] = True
    assert found == evaluate(score[20:50, :40], truth[20:50, :40], 0.6)


def test_polygons_over_two_zones_count_ground_once(tmp_path: Path) -> None:
    drawn = polygon_file(tmp_path / "t.geojson", shapely.box(119.99, 49.192, 120.01, 49.208))
    found = run_evaluate(EvaluateRequest(zone_scores(tmp_path), drawn, 0.5, within=drawn))
    assert found.observed_share > 0.997
    area_px = 1457 * 1779 / 100  # 0.02° by 0.016° at 49.2° N, in pixels of 100 m²
    assert found.tp + found.fn == pytest.approx(area_px, rel=0.01)


def test_truth_without_georeference_lies_on_the_only_score_or_on_the_grid_named(
    tmp_path: Path, score: NDArray[np.float32], truth: NDArray[np.bool_]
) -> None:
    scores = write(tmp_path / "s.tif", score, GRID, np.nan)
    labels = write(tmp_path / "t.tif", truth.astype(np.uint8) + 1, None)
    assert run_evaluate(EvaluateRequest((scores,), labels)) == evaluate(score, truth, 0.5)
    larger = GeoBox((70, 90), GRID.affine @ Affine.translation(-5, -5), GRID.crs)
    wide = write(tmp_path / "wide.tif", np.pad(score, 5, constant_values=np.nan), larger, np.nan)
    with pytest.raises(BadInputError, match=r"t\.tif has no georeference and 80 × 60 pixels, .*wide\.tif has 90 × 70"):
        run_evaluate(EvaluateRequest((wide,), labels))
    assert run_evaluate(EvaluateRequest((wide,), labels, grid=scores)) == evaluate(score, truth, 0.5)


def giant(path: Path) -> Path:
    """A TIFF of a few hundred bytes whose header claims 10⁶ × 10⁶ pixels."""
    tags = {256: 10**6, 257: 10**6, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 10**6, 279: 100}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0" * 200)
    return path


def truncated(path: Path) -> Path:
    values = np.random.default_rng(0).random((600, 600), np.float32)
    whole = write(path, values, GRID).read_bytes()
    path.write_bytes(whole[: len(whole) // 20])
    return path


def text(path: Path) -> Path:
    path.write_text("not a raster at all")
    return path


def vrt(path: Path) -> Path:
    """A VRT, which may name any file or address, under a harmless name."""
    path.write_text(
        '<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand dataType="Byte" band="1"/></VRTDataset>'
    )
    return path


@pytest.mark.parametrize("broken", [giant, truncated, text, vrt, lambda path: path])
@pytest.mark.parametrize("role", ["score", "truth"])
def test_a_broken_file_is_one_sentence_that_names_it(
    tmp_path: Path, score: NDArray[np.float32], broken: Callable[[Path], Path], role: str
) -> None:
    good = write(tmp_path / "good.tif", (score > 0.5).astype(np.uint8), GRID)
    bad = broken(tmp_path / "bad.tif")
    request = EvaluateRequest((bad,), good) if role == "score" else EvaluateRequest((good,), bad)
    with pytest.raises(BadInputError, match=r"bad\.tif") as caught:
        run_evaluate(request)
    assert role in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_ground_is_refused(tmp_path: Path, score: NDArray[np.float32]) -> None:
    elsewhere = GeoBox(GRID.shape, GRID.affine @ Affine.translation(5_000, 0), GRID.crs)
    truth = write(tmp_path / "t.tif", (score > 0.5).astype(np.uint8), elsewhere)
    with pytest.raises(BadInputError, match=r"do not overlap"):
        run_evaluate(EvaluateRequest((write(tmp_path / "s.tif", score, GRID, np.nan),), truth))


def test_threshold_is_the_detectors() -> None:
    assert threshold_of("mine", "training-free") == choose(["mine"])[0].threshold_high
    shipped = find("disturbance")
    assert shipped is not None
    assert threshold_of("mine", "network") == shipped.thresholds.high
    with pytest.raises(BadInputError, match="no detector 'nonsense'"):
        threshold_of("nonsense")


def test_command_prints_one_json_document(
    tmp_path: Path, score: NDArray[np.float32], truth: NDArray[np.bool_], capsys: pytest.CaptureFixture[str]
) -> None:
    scores = write(tmp_path / "s.tif", score, GRID, np.nan)
    labels = write(tmp_path / "t.tif", truth.astype(np.uint8), GRID)
    code = evaluate_command(scores=[scores], truth=labels, threshold=0.4, as_json=True, out=tmp_path / "m.json")
    printed, errors = capsys.readouterr()
    assert (code, errors) == (0, "")
    assert json.loads(printed) == evaluate(score, truth, 0.4).as_json() == json.loads((tmp_path / "m.json").read_text())


def test_command_says_what_was_observed_and_that_the_oracle_is_one(
    tmp_path: Path, score: NDArray[np.float32], truth: NDArray[np.bool_], capsys: pytest.CaptureFixture[str]
) -> None:
    scores = write(tmp_path / "s.tif", score, GRID, np.nan)
    assert evaluate_command(scores=[scores], truth=write(tmp_path / "t.tif", truth.astype(np.uint8), GRID)) == 0
    printed = capsys.readouterr().out
    assert "observed              91.7 %" in printed
    assert "oracle" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [({}, "--scores"), ({"suite": Path("x"), "truth": Path("y")}, "leave out --truth"), ({"scores": []}, "--scores")],
)
def test_command_refuses_half_a_question(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        evaluate_command(**options)

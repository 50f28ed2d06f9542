"""The measured jobs. Each runs in a process of its own (`python -m benchmarks.jobs NAME key=value…`) and prints JSON.

Heavy modules are imported before a clock starts: what is timed is the work.
"""

import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.windows import Window
from shapely.geometry import box

WORKERS = os.cpu_count() or 1
QUARTER = 0.5
"""Share of the width and of the height."""

Result = dict[str, Any]


def scan(world: str, quarter: str) -> Result:
    """`weixun scan` of the world, or of its south-western quarter, with one detector and no scores."""
    from aoi.area import geodesic_area_m2
    from aoi.model import Aoi
    from aoi.read import read_aoi
    from imagery.providers.local import LocalProvider
    from pipelines.home import home
    from pipelines.progress import reporter
    from pipelines.request import ScanRequest
    from pipelines.scan import scan as run_scan

    geometry = read_aoi(str(Path(world) / "aoi.geojson"), home()).geometry
    if quarter == "yes":
        west, south, east, north = geometry.bounds
        corner = box(west, south, west + (east - west) * QUARTER, south + (north - south) * QUARTER)
        geometry = geometry.intersection(corner)
    before, after = _scenes(world)
    with tempfile.TemporaryDirectory(prefix="weixun-bench-") as folder:
        request = ScanRequest(
            Aoi("bench", "基准", "Benchmark", geometry),
            LocalProvider.open(Path(world) / "archive"),
            (before[0].solar_day, before[-1].solar_day),
            (after[0].solar_day, after[-1].solar_day),
            Path(folder) / "out",
            ("land_disturbance",),
        )
        start = time.perf_counter()
        run = run_scan(request, reporter(), WORKERS)
        seconds = time.perf_counter() - start
    if run.failed_blocks or run.unreadable_scenes:
        sys.exit(f"the scan is not whole: {run.failed_blocks or run.unreadable_scenes}")
    stages = dict(run.seconds)
    return {
        "seconds": seconds,
        "km2": geodesic_area_m2(geometry) / 1e6,
        "blocks": run.grid["blocks"],
        "leads": run.leads,
        "stages": stages,
    }


def detectors(world: str, which: str) -> Result:
    """CPU seconds of a scan of one block and its rim, by one detector or by all, with the world's own layers."""
    from aoi.model import Aoi
    from aoi.read import read_aoi
    from detectors.core.registry import all_detectors
    from imagery.providers.local import LocalProvider
    from pipelines.home import home
    from pipelines.progress import Silent
    from pipelines.request import ScanRequest
    from pipelines.scan import scan as run_scan

    centre = read_aoi(str(Path(world) / "aoi.geojson"), home()).geometry.centroid
    chosen = ("land_disturbance",) if which == "one" else ()
    before, after = _scenes(world)
    with tempfile.TemporaryDirectory(prefix="weixun-bench-") as folder:
        request = ScanRequest(
            Aoi("block", "块", "Block", centre.buffer(0.03).envelope),
            LocalProvider.open(Path(world) / "archive"),
            (before[0].solar_day, before[-1].solar_day),
            (after[0].solar_day, after[-1].solar_day),
            Path(folder) / "out",
            chosen,
            Path(world) / "layers",
            quicklooks=False,
        )
        start = time.process_time()
        run = run_scan(request, Silent(), 1)
        seconds = time.process_time() - start
    return {"cpu_s": seconds, "detectors": len(chosen or all_detectors()), "stages": dict(run.seconds),
            "leads": dict(run.leads_by_detector)}  # fmt: skip


def decode(world: str) -> Result:
    """Every file that the scan reads, decoded once, with a thread per core: what no reader of them can beat."""
    files = [Path(href) for href in _hrefs(world)]
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(Path.read_bytes, files))  # warms the page cache
        start = time.perf_counter()
        pixels = sum(pool.map(_decode, files))
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "files": len(files), "pixels": pixels, "bytes": sum(f.stat().st_size for f in files)}


def _decode(path: Path) -> int:
    with rasterio.open(path) as source:
        rows = source.block_shapes[0][0]
        for row in range(0, source.height, rows):
            source.read(1, window=Window(0, row, source.width, min(rows, source.height - row)))
        return int(source.width * source.height)


def read(world: str, windows: str) -> Result:
    """`read_scene` on windows of 1,024 px, beside rasterio's own reading and resampling of the same."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    from imagery.read import read_scene
    from imagery.scene import BANDS

    scene = _scenes(world)[1][0]
    with rasterio.open(scene.assets["blue"].href) as source:
        grid = GeoBox(source.shape, source.transform, source.crs.to_wkt())
    edge = min(1024, *grid.shape)
    corners = [
        (r, c) for r in range(0, grid.shape[0] - edge + 1, edge) for c in range(0, grid.shape[1] - edge + 1, edge)
    ]
    # Half a pixel off, as a scene's grid lies to the analysis grid in general: both have to resample.
    parts = [grid[r : r + edge, c : c + edge] for r, c in corners[: int(windows)]]
    parts = [GeoBox(part.shape, part.affine @ Affine.translation(0.5, 0.5), part.crs) for part in parts]
    names = (*BANDS, "scl")
    assets = [scene.assets[name] for name in names]

    def plain(part: GeoBox, pool: ThreadPoolExecutor) -> list[Any]:
        return list(pool.map(lambda asset: _warped(asset.href, part), assets))

    with ThreadPoolExecutor(WORKERS) as pool:
        ours = _best_of(lambda: [read_scene(scene, part) for part in parts])
        other = _best_of(lambda: [plain(part, pool) for part in parts])
    mpx = len(parts) * edge * edge / 1e6
    return {"ours_mpx_s": mpx / ours, "other_mpx_s": mpx / other}


def _warped(href: str, part: Any) -> Any:
    from rasterio.vrt import WarpedVRT
    from rasterio.warp import Resampling

    height, width = part.shape
    with (
        rasterio.open(href) as source,
        WarpedVRT(
            source,
            crs=part.crs.to_wkt(),
            transform=part.affine,
            width=width,
            height=height,
            resampling=Resampling.bilinear,
        ) as warped,
    ):
        return warped.read(1).astype(np.float32)


def normals(world: str, samples: str) -> Result:
    """Fitting the normals of one region cell from about so many pixels, already read."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    from detectors.core.normals import fit
    from imagery.read import read_scene
    from imagery.scene import BANDS

    before, after = (scenes[-1] for scenes in _scenes(world))
    with rasterio.open(before.assets["blue"].href) as source:
        grid = GeoBox(source.shape, source.transform, source.crs.to_wkt())
    chip, step = 128, 3
    count = max(4, round(int(samples) / (chip / step) ** 2))
    per_row = max(1, (grid.shape[1] - chip) // chip)
    places = [(number // per_row, number % per_row) for number in range(count)]
    places = [(row, col) for row, col in places if (row + 1) * chip <= grid.shape[0]]
    shift = [grid.affine @ Affine.translation(col * chip, row * chip) for row, col in places]
    boxes = [GeoBox((chip, chip), affine, grid.crs) for affine in shift]
    chips = [(read_scene(before, part).data, read_scene(after, part).data) for part in boxes]
    seconds = _best_of(lambda: fit(chips, BANDS, reflectance=True, lattice_step=step), times=2)
    return {"seconds": seconds, "samples": len(boxes) * (-(-chip // step)) ** 2}


def mosaic(world: str, way: str, part: str = "whole") -> Result:
    """The best pixel of all scenes, block by block, in one of the ways of `benchmarks.mosaic`."""
    from benchmarks.mosaic import measure

    return measure(world, way, part)


def same_mosaic(world: str) -> Result:
    """That ours and odc-stac's mosaics are the same."""
    from benchmarks.mosaic import check

    return check(world)


def evaluation(mpx: str) -> Result:
    """`pipelines.metrics.evaluate`, beside counts and an exact rank AUC by sorting."""
    from pipelines.metrics import evaluate

    rng = np.random.default_rng(0)
    side = int((float(mpx) * 1e6) ** 0.5)
    truth = rng.random((side, side)) < 0.02
    score = np.clip(rng.normal(0.2 + 0.3 * truth, 0.1), 0, 1).astype(np.float32)
    ours = _best_of(lambda: evaluate(score, truth, 0.5).as_json(), times=2)
    other = _best_of(lambda: _by_sorting(score.ravel(), truth.ravel()), times=1)
    return {"ours_mpx_s": side * side / 1e6 / ours, "other_mpx_s": side * side / 1e6 / other}


def inference(encoder: str, depth: str, times: str) -> Result:
    """A block with its halo through the network, in bf16 and fp32."""
    from benchmarks.inference import measure

    return measure(encoder, int(depth), int(times))


def plain(encoder: str, depth: str, times: str) -> Result:
    """The block's core through the same network in fp32: overlapping windows from a DataLoader, averaged."""
    os.environ["THP_MEM_ALLOC_ENABLE"] = "0"  # PyTorch as it comes
    from benchmarks.inference import measure_plain

    return measure_plain(encoder, int(depth), int(times))


def patrol(world: str, share: str) -> Result:
    """A night's patrol of a corner of the world, for one new date."""
    from benchmarks.patrol import measure

    return measure(world, share)


def _by_sorting(score: Any, truth: Any) -> tuple[float, int]:
    rank = np.empty(score.size)
    rank[np.argsort(score)] = np.arange(score.size)
    n1 = int(truth.sum())
    called = score >= 0.5
    return float((rank[truth].sum() - n1 * (n1 - 1) / 2) / (n1 * (truth.size - n1))), int((called & truth).sum())


def _best_of(work: Callable[[], Any], times: int = 3) -> float:
    """Seconds of the fastest of several runs: the others were disturbed."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def _scenes(world: str) -> tuple[list[Any], list[Any]]:
    """The archive's scenes before and after the longest pause between two dates."""
    from imagery.archive import Archive

    scenes = sorted(Archive.open(Path(world) / "archive").scenes(), key=lambda scene: scene.datetime)
    pauses = [later.datetime - earlier.datetime for earlier, later in pairwise(scenes)]
    cut = 1 + pauses.index(max(pauses))
    return scenes[:cut], scenes[cut:]


def _hrefs(world: str) -> list[str]:
    from imagery.scene import BANDS

    before, after = _scenes(world)
    names = (*BANDS, "scl")
    return [scene.assets[name].href for scene in before + after for name in names if name in scene.assets]


def store(leads: str, small: str, findings: str) -> Result:
    """A night's write into a large store and into a small one."""
    from benchmarks.leads import measure

    return measure(int(leads), int(small), int(findings))


JOBS: dict[str, Callable[..., Result]] = {
    job.__name__: job
    for job in (
        scan,
        detectors,
        decode,
        read,
        normals,
        mosaic,
        same_mosaic,
        evaluation,
        inference,
        plain,
        patrol,
        store,
    )
}


@contextlib.contextmanager
def _stdout_kept_clean() -> Iterator[None]:
    """What libraries print goes to standard error: standard output holds the result alone."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


if __name__ == "__main__":
    name, *words = sys.argv[1:]
    with _stdout_kept_clean():
        found = JOBS[name](**dict(word.split("=", 1) for word in words))
    print(json.dumps(found))

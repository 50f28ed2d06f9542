"""One detector over every labelled real pair, beside change vector analysis on the same imagery."""

import math
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from rasterio.warp import Resampling

from aoi.errors import AoiError
from aoi.grid import epsg_of, to_crs
from aoi.model import Aoi
from detectors.core.errors import DetectorError
from detectors.core.types import FloatArray
from imagery.archive import Archive
from imagery.errors import ImageryError
from imagery.scene import BANDS, Scene
from leads.errors import LeadsError
from pipelines.baseline import cva, otsu
from pipelines.errors import PipelineError
from pipelines.evaluate import threshold_of
from pipelines.labelled import LabelledPair, find_pairs
from pipelines.metrics import Metrics, evaluate, pool
from pipelines.progress import Progress, Silent
from pipelines.request import ScanRequest
from pipelines.scan import scan
from pipelines.warp import blaming, open_raster, read_scores

DOMAIN_ERRORS = (AoiError, DetectorError, ImageryError, LeadsError, PipelineError)


@dataclass(frozen=True)
class Job:
    """A labelled pair, indexed: what a scorer is handed."""

    pair: LabelledPair
    archive: Path
    before: Scene
    after: Scene
    detector: str
    work: Path
    """An empty folder of its own."""


Scorer = Callable[[Job], FloatArray]
"""(H, W) score on the pair's grid, NaN = not observed."""


@dataclass(frozen=True)
class PairResult:
    """What one pair gave."""

    name: str
    group: str
    ours: Metrics
    """At the detector's own threshold."""

    baseline: Metrics
    """Change vector analysis, at Otsu's threshold for this pair."""

    seconds: float
    """For scoring: indexing, scan and warp, without the baseline."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        numbers = {"ours": self.ours.as_json(), "cva_otsu": self.baseline.as_json()}
        return {"name": self.name, "group": self.group, "seconds": round(self.seconds, 2), **numbers}


@dataclass(frozen=True)
class GroupResult:
    """What the pairs of one group gave together."""

    name: str
    ours: Metrics
    """All their pixels pooled."""

    baseline: Metrics
    mean_auc: float
    """Mean of the pairs' AUC: unlike the pooled one it does not ask that scores of different places compare."""

    baseline_mean_auc: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "mean_auc": self.mean_auc,
            "cva_mean_auc": self.baseline_mean_auc,
            "pooled": self.ours.as_json(),
            "cva_otsu_pooled": self.baseline.as_json(),
        }


@dataclass(frozen=True)
class SuiteReport:
    """The whole table."""

    detector: str
    threshold: float
    pairs: tuple[PairResult, ...]
    failed: tuple[tuple[str, str], ...]
    """(name, reason) of pairs that could not be measured."""

    @property
    def groups(self) -> tuple[GroupResult, ...]:
        """Groups in the order of their first pair."""
        return tuple(self._group(name) for name in dict.fromkeys(pair.group for pair in self.pairs))

    def _group(self, name: str) -> GroupResult:
        pairs = [pair for pair in self.pairs if pair.group == name]
        return GroupResult(
            name,
            pool([pair.ours for pair in pairs]),
            pool([pair.baseline for pair in pairs]),
            _mean(pair.ours.auc for pair in pairs),
            _mean(pair.baseline.auc for pair in pairs),
        )

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON document; undefined numbers are null."""
        return {
            "detector": self.detector,
            "threshold": self.threshold,
            "pairs": [pair.as_json() for pair in self.pairs],
            "groups": {group.name: group.as_json() for group in self.groups},
            "failed": [{"name": name, "reason": reason} for name, reason in self.failed],
        }


def evaluate_suite(
    real: Path,
    work: Path,
    cities: Sequence[str] | None = None,
    detector: str = "land_disturbance",
    *,
    scorer: Scorer | None = None,
    progress: Progress | None = None,
) -> SuiteReport:
    """Scan every labelled pair as a user would, and measure the scores.

    Args:
        real: folder of real imagery.
        work: scratch folder; each run makes folders of its own in it.
        cities: names of pairs; None means all.
        detector: whose scores and threshold are measured.
        scorer: stands in for the scan, to measure scores made another way.
        progress: told of each pair.

    Raises:
        BadInputError: if there is no labelled pair, or no such detector. A pair that fails is reported, not raised.
    """
    threshold = threshold_of(detector)
    pairs = find_pairs(real, cities)
    results, failed = [], []
    with (progress or Silent()).stage("labelled pairs", len(pairs)) as step:
        for pair in pairs:
            try:
                results.append(_measure(pair, work, detector, threshold, scorer or score_by_scan))
            except DOMAIN_ERRORS as error:
                failed.append((pair.name, str(error)))
            step()
    return SuiteReport(detector, threshold, tuple(results), tuple(failed))


def _measure(pair: LabelledPair, work: Path, detector: str, threshold: float, scorer: Scorer) -> PairResult:
    changed, ignore = pair.read_truth()
    work.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    job = _index(pair, detector, Path(tempfile.mkdtemp(prefix=f"{pair.name}-", dir=work)))
    ours = evaluate(scorer(job), changed, threshold, ignore)
    seconds = time.perf_counter() - start
    magnitude = cva(*(read_on_grid(scene, pair.geobox) for scene in (job.before, job.after)))
    return PairResult(pair.name, pair.group, ours, evaluate(magnitude, changed, otsu(magnitude), ignore), seconds)


def _index(pair: LabelledPair, detector: str, folder: Path) -> Job:
    place = folder / "archive"
    report = Archive.create_or_open(place).add(list(pair.sources), sidecar=pair.write_sidecar(folder))
    scenes = Archive.open(place).scenes()
    if len(scenes) != 2:
        reasons = " ".join(reason for _, reason in report.refused)
        raise ImageryError(f"{pair.name} has {len(scenes)} scenes, a pair has two. {reasons}".strip())
    before, after = sorted(scenes, key=lambda scene: scene.datetime)
    return Job(pair, place, before, after, detector, folder)


def score_by_scan(job: Job) -> FloatArray:
    """The score that `weixun scan --scores` writes, on the labels' grid."""
    out = job.work / "scan"
    request = ScanRequest(
        aoi=Aoi(job.pair.name, job.pair.name, job.pair.name, _footprint(job.pair.geobox)),
        archive=job.archive,
        before=(job.before.solar_day, job.before.solar_day),
        after=(job.after.solar_day, job.after.solar_day),
        out=out,
        detectors=(job.detector,),
        scores=True,
        quicklooks=False,
    )
    run = scan(request, Silent())
    if run.failed_blocks:
        first = run.failed_blocks[0]
        raise PipelineError(f"{len(run.failed_blocks)} blocks failed; the first, {first.name}: {first.reason}")
    return scores_on_grid(sorted((out / "scores").glob(f"{job.detector}_*.tif")), job.pair.geobox)


def scores_on_grid(files: Sequence[Path], geobox: GeoBox) -> FloatArray:
    """Score files of one or more zones, warped bilinearly onto one grid.

    Raises:
        BadInputError: if a file is not a raster.
        PipelineError: if there is none.
    """
    if not files:
        raise PipelineError("the scan wrote no score")
    with ExitStack() as stack:
        sources = [stack.enter_context(open_raster(file, "score")) for file in files]
        rows, cols = geobox.shape
        return read_scores(sources, geobox, (slice(0, rows), slice(0, cols)))


def read_on_grid(scene: Scene, geobox: GeoBox) -> FloatArray:
    """(6, H, W) DN of a scene that covers the grid's own box, each band stretched to its pixel count.

    Apart from the readers of `imagery` on purpose: the baseline shall not share their mistakes.
    """
    bands = []
    for name in BANDS:
        asset = scene.assets[name]
        with open_raster(Path(asset.href), "band") as source, blaming(asset.href, "band"):
            bands.append(source.read(asset.index, out_shape=geobox.shape, resampling=Resampling.bilinear))
    data = np.stack(bands).astype(np.float32)
    data[:, (data == 0).all(axis=0)] = np.nan
    return data


def _footprint(geobox: GeoBox) -> shapely.Geometry:
    outline = geobox.extent.geom
    return to_crs(shapely.segmentize(outline, outline.length / 100), epsg_of(geobox), 4326)


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan

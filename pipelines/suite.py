"""One detector over every labelled real pair, beside change vector analysis on the same imagery."""

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detectors.core.types import FloatArray
from imagery.scene import Scene
from pipelines.baseline import cva, otsu
from pipelines.evaluate import threshold_of
from pipelines.exams.pair import DOMAIN_ERRORS, Indexed, index, read_on_grid, scan_pair
from pipelines.exams.part import plain
from pipelines.labelled import LabelledPair, find_pairs
from pipelines.metrics import Metrics, evaluate, pool
from pipelines.progress import Progress, Silent
from pipelines.request import Method


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

    method: Method = "auto"


@dataclass(frozen=True)
class _Task:
    """What is done with every pair."""

    work: Path
    detector: str
    threshold: float
    scorer: "Scorer | None"
    method: Method
    prepare: "Prepare | None"


Scorer = Callable[[Job], FloatArray]
"""(H, W) score on the pair's grid, NaN = not observed."""

Prepare = Callable[[LabelledPair, Path], LabelledPair]
"""Makes another pair of one, for instance a poorer one, in a folder."""


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

    @property
    def ratio(self) -> float:
        """F1 over the baseline's; infinite where that is 0 or not defined."""
        ours, baseline = _or_zero(self.ours.f1), _or_zero(self.baseline.f1)
        return ours / baseline if baseline else math.inf

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
    median_f1: float
    """Median of the pairs' F1; a pair whose F1 is not defined counts 0."""

    baseline_median_f1: float
    worst_ratio: float
    """The least of the pairs' F1 over that of the baseline."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "mean_auc": plain(self.mean_auc),
            "cva_mean_auc": plain(self.baseline_mean_auc),
            "median_f1": self.median_f1,
            "cva_median_f1": self.baseline_median_f1,
            "worst_f1_over_cva": plain(self.worst_ratio),
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
            statistics.median(_or_zero(pair.ours.f1) for pair in pairs),
            statistics.median(_or_zero(pair.baseline.f1) for pair in pairs),
            min(pair.ratio for pair in pairs),
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
    method: Method = "auto",
    progress: Progress | None = None,
) -> SuiteReport:
    """Scan every labelled pair as a user would, and measure the scores.

    Args:
        real: folder of real imagery.
        work: scratch folder; each run makes folders of its own in it.
        cities: names of pairs; None means all.
        detector: whose scores and threshold are measured.
        scorer: stands in for the scan, to measure scores made another way.
        method: where the scan's scores come from.
        progress: told of each pair.

    Raises:
        BadInputError: if there is no labelled pair, or no such detector. A pair that fails is reported, not raised.
    """
    return measure_pairs(find_pairs(real, cities), work, detector, scorer=scorer, method=method, progress=progress)


def measure_pairs(
    pairs: Sequence[LabelledPair],
    work: Path,
    detector: str = "land_disturbance",
    *,
    scorer: Scorer | None = None,
    prepare: Prepare | None = None,
    method: Method = "auto",
    progress: Progress | None = None,
) -> SuiteReport:
    """As `evaluate_suite`, for these pairs, each made into another one first where `prepare` is given.

    Raises:
        BadInputError: if there is no such detector.
    """
    threshold = threshold_of(detector, method)
    task = _Task(work, detector, threshold, scorer, method, prepare)
    results, failed = [], []
    with (progress or Silent()).stage("labelled pairs", len(pairs)) as step:
        for pair in pairs:
            try:
                results.append(_measure(pair, task))
            except DOMAIN_ERRORS as error:
                failed.append((pair.name, str(error)))
            step()
    return SuiteReport(detector, threshold, tuple(results), tuple(failed))


def _measure(pair: LabelledPair, task: _Task) -> PairResult:
    task.work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{pair.name}-", dir=task.work))
    pair = task.prepare(pair, folder) if task.prepare else pair
    changed, ignore = pair.read_truth()
    start = time.perf_counter()
    found = index(pair.name, pair.sources, pair.sidecar, folder)
    job = Job(pair, found.archive, found.before, found.after, task.detector, folder, task.method)
    ours = evaluate((task.scorer or score_by_scan)(job), changed, task.threshold, ignore)
    seconds = time.perf_counter() - start
    magnitude = cva(*(read_on_grid(scene, pair.geobox) for scene in (job.before, job.after)))
    return PairResult(pair.name, pair.group, ours, evaluate(magnitude, changed, otsu(magnitude), ignore), seconds)


def score_by_scan(job: Job) -> FloatArray:
    """The score that `weixun scan --scores` writes, on the labels' grid."""
    found = Indexed(job.pair.name, job.archive, job.before, job.after)
    scanned = scan_pair(found, job.pair.geobox, (job.detector,), job.method, job.work / "scan")
    return scanned.score(job.detector)


def _or_zero(f1: float) -> float:
    """An F1, 0 where it is not defined: nothing was called, though something may have changed."""
    return 0.0 if math.isnan(f1) else f1


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan

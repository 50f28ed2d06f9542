"""The labelled pairs as parts of the exam: as they are, and made poorer."""

import math
from collections.abc import Mapping
from pathlib import Path

from pipelines.exams.degraded import VARIANTS
from pipelines.exams.part import Check, Column, Part, Value
from pipelines.labelled import LabelledPair, find_pairs
from pipelines.metrics import Metrics
from pipelines.progress import Progress
from pipelines.request import Method
from pipelines.suite import GroupResult, PairResult, SuiteReport, measure_pairs

COLUMNS = (
    Column("pair", "text"),
    *(Column(name) for name in ("P", "R", "F1", "AUC")),
    Column("observed", "share"),
    *(Column(name) for name in ("best F1*", "CVA F1", "CVA AUC", "CVA best*", "F1/CVA")),
    Column("s", "seconds"),
)

NOTES = (
    "* the best of all thresholds, chosen with the truth in hand: an oracle, not a result. CVA at Otsu's threshold per "
    "pair. Not observed counts as no change.",
)

OSCD_F1, OSCD_AUC, OSCD_RATIO = 0.46, 0.91, 0.8
ABOVE_TRAINING_FREE = 0.05
TAIZHOU_AUC = 0.99

TITLES = {
    "no-swir": "OSCD without SWIR",
    "30m": "OSCD at 30 m",
    "dom4": "OSCD as 8-bit picture of four bands",
    "dom3": "OSCD as 8-bit picture of three bands",
}


def pairs_of(real: Path, group: str) -> tuple[LabelledPair, ...]:
    """The labelled pairs of one group.

    Raises:
        BadInputError: if there is no labelled pair at all.
    """
    return tuple(pair for pair in find_pairs(real) if pair.group == group)


def measure_oscd(real: Path, work: Path, method: Method, progress: Progress | None = None) -> Part:
    """The labelled cities at the shipped threshold."""
    report = measure_pairs(pairs_of(real, "oscd"), work, method=method, progress=progress)
    checks = tuple(check for group in report.groups for check in oscd_checks(group))
    return _part("oscd", "Labelled cities", method, report, checks)


def oscd_checks(group: GroupResult) -> tuple[Check, ...]:
    """What the labelled cities shall reach, whatever else was measured."""
    return (
        Check("pooled F1", group.ours.f1, OSCD_F1),
        Check("pooled AUC", group.ours.auc, OSCD_AUC),
        Check("median city F1 minus CVA's", group.median_f1 - group.baseline_median_f1, 0.0),
        Check("worst city F1 over CVA's", group.worst_ratio, OSCD_RATIO),
    )


def measure_taizhou(real: Path, work: Path, method: Method, progress: Progress | None = None) -> Part:
    """The Landsat pair, over its labelled pixels."""
    report = measure_pairs(pairs_of(real, "landsat"), work, method=method, progress=progress)
    checks = tuple(Check("AUC over labelled pixels", group.ours.auc, TAIZHOU_AUC) for group in report.groups)
    return _part("taizhou", "Taizhou", method, report, checks)


def measure_degraded(variant: str, real: Path, work: Path, method: Method, progress: Progress | None = None) -> Part:
    """The labelled cities made poorer.

    Args:
        variant: a name in `VARIANTS`.
        real: folder of real imagery.
        work: scratch folder.
        method: where scores come from.
        progress: told of each pair.
    """
    report = measure_pairs(pairs_of(real, "oscd"), work, prepare=VARIANTS[variant], method=method, progress=progress)
    return _part(variant, TITLES[variant], method, report, ())


def above_training_free(parts: Mapping[tuple[str, Method], Part]) -> dict[tuple[str, Method], Check]:
    """For each part of labelled cities that was measured both training-free and otherwise: how far above it must be.

    The cities as they are must be clearly above, the poorer ones above.
    """
    checks: dict[tuple[str, Method], Check] = {}
    for (name, method), part in parts.items():
        other = parts.get((name, "training-free"))
        if method == "training-free" or other is None or name not in ("oscd", *VARIANTS):
            continue
        gain = _pooled_f1(part) - _pooled_f1(other)
        bar = ABOVE_TRAINING_FREE if name == "oscd" else 0.0
        checks[name, method] = Check("pooled F1 minus that of training-free", gain, bar)
    return checks


POOLED = "pixels pooled"


def _pooled_f1(part: Part) -> float:
    return next((float(row[3]) for row in part.rows if row[0] == POOLED), math.nan)


def _part(name: str, title: str, method: Method, report: SuiteReport, checks: tuple[Check, ...]) -> Part:
    rows = [_pair_row(pair) for pair in report.pairs]
    for group in report.groups:
        if len(report.pairs) > 1:
            rows += _group_rows(group)
    title = f"{title}: {report.detector} at its shipped threshold {report.threshold:g}"
    return Part(name, title, method, COLUMNS, tuple(rows), checks, NOTES, report.failed)


def _pair_row(pair: PairResult) -> tuple[Value, ...]:
    return pair.name, *_figures(pair.ours, pair.baseline), pair.ratio, pair.seconds


def _group_rows(group: GroupResult) -> list[tuple[Value, ...]]:
    pooled, baseline = group.ours, group.baseline
    over = pooled.f1 / baseline.f1 if baseline.f1 else math.nan
    blank = ("",) * 2
    return [
        (POOLED, *_figures(pooled, baseline), over, ""),
        ("mean of pairs", *("",) * 3, group.mean_auc, *blank, "", group.baseline_mean_auc, "", "", ""),
        ("median of pairs", *blank, group.median_f1, "", *blank, group.baseline_median_f1, "", "", "", ""),
        ("worst of pairs", *("",) * 9, group.worst_ratio, ""),
    ]


def _figures(ours: Metrics, baseline: Metrics) -> tuple[float, ...]:
    return (
        ours.precision,
        ours.recall,
        ours.f1,
        ours.auc,
        ours.observed_share,
        ours.oracle[0],
        baseline.f1,
        baseline.auc,
        baseline.oracle[0],
    )

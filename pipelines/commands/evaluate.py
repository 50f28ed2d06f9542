"""`weixun evaluate`: how good scores are, against a truth or over all labelled real pairs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.tables import figure, part_lines, percent, table
from pipelines.progress import Progress

if TYPE_CHECKING:  # not against a circle: these are heavy, and the command line must answer at once
    from pipelines.exams.exam import ExamReport
    from pipelines.metrics import Metrics
    from pipelines.suite import SuiteReport

HELP = """Measure score maps against what is known to have changed.

Prints precision, recall, F1 and AUC. What was not observed counts as no change; the observed share is printed too.
The truth is a raster of two values (the larger means change) or a vector file. Scores are warped onto a truth raster's
grid; a truth without georeference lies on the grid of --grid, or of the only score.

\b
Examples:
  weixun evaluate --scores out/scores/mine_32650.tif --scores out/scores/mine_32651.tif \\
      --truth truth.gpkg --within aoi.geojson
  weixun evaluate --scores score.tif --truth beihai-cm.tif --grid T49QCD_20161209T031122_B02.tif --json
  weixun evaluate --suite real-imagery/ --out suite.json
  weixun evaluate --exam real-imagery/ --only burns,water --method training-free
  weixun evaluate --only models --detectors mine,grassland
  weixun evaluate --only unchanged --work exam/ --minutes 30

Two parts need no imagery, for they build simulated worlds from frozen seeds: models (each of the eight models on
worlds of five years with works and deceptions of every kind) and unchanged (5,000 km² in which nobody does anything;
it goes on where an earlier run in the same --work stopped).

The exam measures whatever a method is asked to reach on real ground, through the ordinary scan: oscd (labelled
cities), taizhou, burns, water, river (a river's own doing is no fill), sar and
sarseries (radar pairs, and a dated radar series), clear (dates between which nothing happened)
and degraded (the cities without SWIR, at 30 m and as 8-bit pictures). Several methods are measured one after another.

\b
Exit codes: 0 done, 2 bad input, 3 something of the suite or the exam could not be measured. A condition of the exam
that is not met is told, and is no failure.
"""


def evaluate_command(
    scores: Annotated[list[Path] | None, typer.Option(help="Score raster; repeat it, one per UTM zone.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Raster of two values, or vector file.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Instead of the detector's own.")] = None,
    detector: Annotated[str, typer.Option(help="Whose threshold, and in the suite whose scores.")] = "land_disturbance",
    grid: Annotated[Path | None, typer.Option(help="Raster whose grid a truth without georeference has.")] = None,
    change_value: Annotated[float | None, typer.Option(help="Value of a truth raster that means change.")] = None,
    within: Annotated[Path | None, typer.Option(help="Vector file; what lies outside counts nowhere.")] = None,
    suite: Annotated[Path | None, typer.Option(help="Folder of labelled real pairs: measure them all.")] = None,
    exam: Annotated[Path | None, typer.Option(help="Folder of real imagery: measure every part on it.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="A pair of the suite, or a part of the exam.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="auto, network or training-free; repeat it.")] = None,
    detectors: Annotated[list[str] | None, typer.Option(help="Ids, for models and unchanged; else all.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Of unchanged: begin no other world after these.")] = None,
    work: Annotated[Path | None, typer.Option(help="Keep the scans of suite or exam in this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON document to this file.")] = None,
) -> int:
    """Parse, measure, print."""
    from pipelines.errors import BadInputError, Exit
    from pipelines.progress import reporter

    progress = reporter(quiet=as_json)
    given = {"--scores": scores, "--truth": truth, "--grid": grid, "--within": within, "--threshold": threshold}
    if exam is None and suite is None and not scores and only:
        _refuse("--only models", {**given, "--change-value": change_value})
        taken = _run_simulated(work, _split(only), _split(method), _split(detectors), minutes, progress)
        _print(taken.as_json(), None if as_json else "\n\n".join(map(part_lines, taken.parts)), out)
        return Exit.PARTIAL if taken.failed else Exit.DONE
    if exam is not None:
        _refuse("--exam", {**given, "--suite": suite, "--change-value": change_value})
        taken = _run_exam(exam, work, _split(only), _split(method), progress)
        _print(taken.as_json(), None if as_json else "\n\n".join(map(part_lines, taken.parts)), out)
        return Exit.PARTIAL if taken.failed else Exit.DONE
    if suite is not None:
        _refuse("--suite", {**given, "--method": method})
        report = _run_suite(suite, work, only, detector, progress)
        _print(report.as_json(), None if as_json else _suite_lines(report), out)
        return Exit.PARTIAL if report.failed else Exit.DONE

    if not scores or truth is None:
        raise BadInputError("Name --scores FILE and --truth FILE, or --suite DIR, or --exam DIR.")
    from pipelines.evaluate import EvaluateRequest, run_evaluate, threshold_of

    at = threshold_of(detector) if threshold is None else threshold
    found = run_evaluate(EvaluateRequest(tuple(scores), truth, at, change_value, grid, within), progress)
    _print(found.as_json(), None if as_json else _metric_lines(found), out)
    return Exit.DONE


def _refuse(mode: str, given: dict[str, Any]) -> None:
    """Refuses options that a mode has no use for."""
    from pipelines.errors import BadInputError

    if clash := [name for name, value in given.items() if value not in (None, [])]:
        raise BadInputError(f"{mode} measures with its own scores and truth; leave out {', '.join(clash)}.")


def _split(names: list[str] | None) -> list[str]:
    """Names given one by one or with commas."""
    return [name.strip() for text in names or () for name in text.split(",") if name.strip()]


def _run_exam(real: Path, work: Path | None, only: list[str], methods: list[str], progress: Progress) -> "ExamReport":
    import tempfile

    from pipelines.exams.exam import run_exam

    if work is not None:
        return run_exam(real, work, only, methods or ("auto",), progress)
    with tempfile.TemporaryDirectory(prefix="weixun-exam-") as folder:
        return run_exam(real, Path(folder), only, methods or ("auto",), progress)


def _run_simulated(
    work: Path | None,
    only: list[str],
    methods: list[str],
    detectors: list[str],
    minutes: float | None,
    progress: Progress,
) -> "ExamReport":
    import tempfile

    from pipelines.exams.exam import run_simulated

    if work is not None:
        return run_simulated(work, only, methods or ("auto",), detectors, minutes, progress)
    with tempfile.TemporaryDirectory(prefix="weixun-exam-") as folder:
        return run_simulated(Path(folder), only, methods or ("auto",), detectors, minutes, progress)


def _run_suite(
    real: Path, work: Path | None, only: list[str] | None, detector: str, progress: Progress
) -> "SuiteReport":
    import tempfile

    from pipelines.suite import evaluate_suite

    if work is not None:
        return evaluate_suite(real, work, only, detector, progress=progress)
    with tempfile.TemporaryDirectory(prefix="weixun-suite-") as folder:
        return evaluate_suite(real, Path(folder), only, detector, progress=progress)


def _print(document: dict[str, Any], lines: str | None, out: Path | None) -> None:
    import json

    from pipelines.errors import BadInputError

    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    if out is not None:
        try:
            out.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise BadInputError(f"{out} can not be written ({error.strerror}).") from error
    typer.echo(text if lines is None else lines)


def _metric_lines(found: "Metrics") -> str:
    best, at = found.oracle
    return "\n".join(
        (
            f"pixels with a truth   {found.pixels:,}, of which {found.tp + found.fn:,} changed",
            f"observed              {percent(found.observed_share)} (the rest counts as no change)",
            f"threshold             {found.threshold:g}",
            f"precision             {figure(found.precision)}",
            f"recall                {figure(found.recall)}",
            f"F1                    {figure(found.f1)}",
            f"AUC                   {figure(found.auc)}   over observed pixels {figure(found.auc_observed)}",
            f"best F1 (oracle)      {figure(best)} at {figure(at)}: chosen with the truth in hand, not a result",
        )
    )


COLUMNS = ("pair", "P", "R", "F1", "AUC", "AUC obs.", "observed", "best F1*", "CVA F1", "CVA AUC", "CVA best*", "s")


def _suite_lines(report: "SuiteReport") -> str:
    rows = [(pair.name, *_row(pair.ours, pair.baseline), f"{pair.seconds:.1f}") for pair in report.pairs]
    for group in report.groups:
        rows.append((f"{group.name}: pixels pooled", *_row(group.ours, group.baseline), ""))
        means = {"AUC": group.mean_auc, "CVA AUC": group.baseline_mean_auc}
        cells = (figure(means[column]) if column in means else "" for column in COLUMNS[1:])
        rows.append((f"{group.name}: mean of pairs", *cells))
    return "\n".join(
        (
            f"{report.detector} at its shipped threshold {report.threshold:g}; CVA at Otsu's, per pair",
            table(COLUMNS, rows, COLUMNS[:1]),
            "* the best of all thresholds, chosen with the truth in hand: an oracle, not a result. "
            "Not observed counts as no change.",
            *(f"failed  {name}: {reason}" for name, reason in report.failed),
        )
    )


def _row(ours: "Metrics", baseline: "Metrics") -> tuple[str, ...]:
    return (
        *(figure(value) for value in (ours.precision, ours.recall, ours.f1, ours.auc, ours.auc_observed)),
        percent(ours.observed_share),
        *(figure(value) for value in (ours.oracle[0], baseline.f1, baseline.auc, baseline.oracle[0])),
    )

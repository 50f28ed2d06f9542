"""`weixun evaluate`: how good scores are, against a truth or over all labelled real pairs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.progress import Progress

if TYPE_CHECKING:  # not against a circle: these are heavy, and the command line must answer at once
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

\b
Exit codes: 0 done, 2 bad input, 3 a labelled pair of the suite could not be measured.
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
    only: Annotated[list[str] | None, typer.Option(help="A pair of the suite; repeat it.")] = None,
    work: Annotated[Path | None, typer.Option(help="Keep the suite's scans in this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON document to this file.")] = None,
) -> int:
    """Parse, measure, print."""
    from pipelines.errors import BadInputError, Exit
    from pipelines.progress import reporter

    progress = reporter(quiet=as_json)
    if suite is not None:
        given = {"--scores": scores, "--truth": truth, "--grid": grid, "--within": within, "--threshold": threshold}
        if clash := [name for name, value in given.items() if value not in (None, [])]:
            raise BadInputError(f"--suite measures with its own scores and truth; leave out {', '.join(clash)}.")
        report = _run_suite(suite, work, only, detector, progress)
        _print(report.as_json(), None if as_json else _suite_lines(report), out)
        return Exit.PARTIAL if report.failed else Exit.DONE

    if not scores or truth is None:
        raise BadInputError("Name score files and a truth with --scores FILE --truth FILE, or --suite DIR.")
    from pipelines.evaluate import EvaluateRequest, run_evaluate, threshold_of

    at = threshold_of(detector) if threshold is None else threshold
    found = run_evaluate(EvaluateRequest(tuple(scores), truth, at, change_value, grid, within), progress)
    _print(found.as_json(), None if as_json else _metric_lines(found), out)
    return Exit.DONE


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
            f"observed              {_percent(found.observed_share)} (the rest counts as no change)",
            f"threshold             {found.threshold:g}",
            f"precision             {_figure(found.precision)}",
            f"recall                {_figure(found.recall)}",
            f"F1                    {_figure(found.f1)}",
            f"AUC                   {_figure(found.auc)}   over observed pixels {_figure(found.auc_observed)}",
            f"best F1 (oracle)      {_figure(best)} at {_figure(at)}: chosen with the truth in hand, not a result",
        )
    )


COLUMNS = ("pair", "P", "R", "F1", "AUC", "AUC obs.", "observed", "best F1*", "CVA F1", "CVA AUC", "CVA best*", "s")


def _suite_lines(report: "SuiteReport") -> str:
    rows = [(pair.name, *_row(pair.ours, pair.baseline), f"{pair.seconds:.1f}") for pair in report.pairs]
    for group in report.groups:
        rows.append((f"{group.name}: pixels pooled", *_row(group.ours, group.baseline), ""))
        means = {"AUC": group.mean_auc, "CVA AUC": group.baseline_mean_auc}
        cells = (_figure(means[column]) if column in means else "" for column in COLUMNS[1:])
        rows.append((f"{group.name}: mean of pairs", *cells))
    return "\n".join(
        (
            f"{report.detector} at its shipped threshold {report.threshold:g}; CVA at Otsu's, per pair",
            _table(rows),
            "* the best of all thresholds, chosen with the truth in hand: an oracle, not a result. "
            "Not observed counts as no change.",
            *(f"failed  {name}: {reason}" for name, reason in report.failed),
        )
    )


def _row(ours: "Metrics", baseline: "Metrics") -> tuple[str, ...]:
    return (
        *(_figure(value) for value in (ours.precision, ours.recall, ours.f1, ours.auc, ours.auc_observed)),
        _percent(ours.observed_share),
        *(_figure(value) for value in (ours.oracle[0], baseline.f1, baseline.auc, baseline.oracle[0])),
    )


def _table(rows: list[tuple[str, ...]]) -> str:
    import io

    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "pair" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(file=io.StringIO(), width=160)  # a log has no width of its own; nothing may be cut there
    with console.capture() as text:
        console.print(table)
    return "\n".join(line.rstrip() for line in text.get().strip("\n").splitlines())


def _figure(value: float) -> str:
    return f"{value:.3f}" if value == value else "–"


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %" if share == share else "–"

"""`weixun demo`: a simulated steppe, scanned by every detector and scored against what was planted."""

from pathlib import Path
from typing import Annotated

import typer

HELP = """Show the whole way on a simulated steppe, with nothing else needed.

Builds an archive of simulated Sentinel-2 scenes with planted violations and decoys, scans it with every detector,
writes leads, QGIS project and quicklooks, and scores the leads against the planted truth.

\b
Examples:
  weixun demo
  weixun demo --out /tmp/steppe --seed 7
"""


def demo_command(
    out: Annotated[Path, typer.Option(help="Folder for the archive and the result.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same steppe.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Parse, run, print."""
    from pipelines.demo import demo
    from pipelines.progress import reporter

    report = demo(out, seed, reporter(quiet=as_json))
    typer.echo(report.to_json() if as_json else report.summary())
    return int(report.run.exit_code)

"""`weixun train`: weights from unlabelled scenes."""

from pathlib import Path
from typing import Annotated

import typer

HELP = """Train the disturbance network on scenes that nobody labelled.

Changes and decoys are planted into the scenes of the archives, simulated steppe is added, and one place in seven is
kept out to calibrate and to choose thresholds on. A first network learns what changes look like and makes the score;
a second, from the first, learns works and deceptions of several years, and patches are made of it.

A run that was stopped goes on where it was when the same command is given again. The weights land in the home (see
`weixun weights list`) and win over the shipped ones.

\b
Examples:
  weixun archive add scenes/*/ --archive my-archive
  weixun train --archive my-archive --out training-run
  weixun train --archive my-archive --out sites --sites-only
  weixun train --archive my-archive --archive more --out run2 --steps 20000 --device cuda

\b
Exit codes: 0 done, 2 bad input, 6 disk full.
"""


def train_command(
    archive: Annotated[list[Path], typer.Option(help="Local archive of real scenes; repeat it.")],
    out: Annotated[Path, typer.Option(help="Folder of the run: variants, checkpoint, curves.html.")],
    weights: Annotated[Path | None, typer.Option(help="Folder of weights; the home's when left out.")] = None,
    config: Annotated[Path | None, typer.Option(help="JSON file with fields of the configuration.")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps.", min=1)] = None,
    more_steps: Annotated[int | None, typer.Option(help="Steps after them, with painted variants too.", min=0)] = None,
    variants: Annotated[int | None, typer.Option(help="Planted variants of the real scenes.", min=1)] = None,
    painted: Annotated[int | None, typer.Option(help="Painted variants beside them.", min=0)] = None,
    simulated: Annotated[int | None, typer.Option(help="Simulated worlds beside them.", min=0)] = None,
    sites_only: Annotated[
        bool, typer.Option("--sites-only", help="Keep the score; train the network that patches are made of.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.", min=0, max=999)] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[int, typer.Option(help="Processes that plant.", min=1, max=64)] = 2,
    source: Annotated[
        list[str] | None, typer.Option(help="NAME|LICENCE|WHAT of the scenes, for the model card; repeat it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest's entry and nothing else.")] = False,
) -> int:
    """Parse, train, print."""
    from pipelines.chosen import DISTURBANCE
    from pipelines.errors import BadInputError
    from pipelines.home import home
    from pipelines.progress import reporter
    from pipelines.training.config import read_config

    if device not in ("auto", "cpu", "cuda"):
        raise BadInputError(f"--device {device!r} is unknown; write auto, cpu or cuda")
    given = {
        "steps": steps, "more_steps": more_steps, "variants": variants, "painted": painted, "simulated": simulated,
        "seed": seed,
    }  # fmt: skip
    wanted = read_config(config, {name: value for name, value in given.items() if value is not None})
    from pipelines.training.session import run_training
    from weights.manifest import Source
    from weights.store import load

    sources = []
    for said in source or ["archives given|not stated|scenes without labels"]:
        parts = said.split("|")
        if len(parts) != 3 or not all(part.strip() for part in parts):
            raise BadInputError(f"--source {said!r} has not the form NAME|LICENCE|WHAT")
        sources.append(Source(name=parts[0].strip(), licence=parts[1].strip(), what=parts[2].strip()))
    told = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items() if value is not None)
    if config is not None:
        told = f"--config {config.name} {told}"
    names = " ".join(f"--archive {path.name}" for path in archive) + (" --sites-only" if sites_only else "")
    trained = run_training(
        wanted,
        archive,
        out,
        weights or home() / "weights",
        base=load(DISTURBANCE, home()) if sites_only else None,
        sources=sources,
        device=device,
        workers=workers,
        command=f"weixun train {names} --out {out.name} {told}".strip(),
        progress=reporter(quiet=as_json),
    )
    if as_json:
        typer.echo(trained.entry.model_dump_json(indent=2))
    else:
        entry = trained.entry
        measured = "\n".join(f"{one.set}: {one.measure} {one.value:.3f}" for one in entry.metrics)
        curves = out / "sites" / "curves.html" if sites_only else out / "curves.html"
        typer.echo(
            f"{entry.file}: {entry.bytes / 1e6:.1f} MB, thresholds {entry.thresholds.low:g} and "
            f"{entry.thresholds.high:g}\n{measured}\ncurves in {curves}; see `weixun weights list`"
        )
    return 0

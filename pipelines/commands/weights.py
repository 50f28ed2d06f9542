"""`weixun weights`: which trained weights there are, and whether they are what they say."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # not against a circle: the command line must answer at once
    from weights.store import Installed

app = typer.Typer(help="Trained weights of the network.", no_args_is_help=True, rich_markup_mode=None)

LIST_HELP = """List the weights that are shipped and those that were retrained under WEIXUN_HOME.

Retrained weights win over shipped ones of the same name. Where there are none, the training-free score is used.

\b
Examples:
  weixun weights list
  weixun weights list --json

Exit codes: 0 listed, 5 a manifest is broken.
"""

VERIFY_HELP = """Read every file of weights and compare its size and SHA-256 with the manifest.

Files that no manifest names, and pickles (.pt, .bin), are reported too: they are never loaded.

\b
Examples:
  weixun weights verify
  weixun weights verify --json

Exit codes: 0 all as it should be, 5 something is not.
"""


@app.command("list", help=LIST_HELP)
def list_weights(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Look, print."""
    import json

    from pipelines.home import home
    from weights.store import installed

    everything = installed(home())
    if as_json:
        typer.echo(json.dumps([_row(one) for one in everything], ensure_ascii=False, indent=2))
        return
    for one in everything:
        entry, low, high = one.entry, one.entry.thresholds.low, one.entry.thresholds.high
        where = one.where if one.used else f"{one.where}, not used: retrained weights win"
        typer.echo(f"{entry.name:<14} {entry.file}  {entry.bytes / 1e6:.2f} MB  sha256 {entry.sha256[:12]}  ({where})")
        typer.echo(
            f"{'':<14} bands {', '.join(entry.bands)}; {entry.gsd_m[0]:g} to {entry.gsd_m[1]:g} m; "
            f"threshold {high:g} (low {low:g}); created {entry.created.isoformat()}"
        )
    if not everything:
        typer.echo("no trained weights: the training-free score is used")


@app.command("verify", help=VERIFY_HELP)
def verify_weights(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> int:
    """Verify, print."""
    import json

    from pipelines.errors import Exit
    from pipelines.home import home
    from weights.store import verify

    verdicts = verify(home())
    if as_json:
        rows = [
            {"where": v.where, "file": v.file, "name": v.name, "state": str(v.state), "ok": v.ok, "said": v.said}
            for v in verdicts
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for verdict in verdicts:
            typer.echo(f"{verdict.state:<9} {verdict.where:<8} {verdict.file}: {verdict.said}")
    return Exit.DONE if all(verdict.ok for verdict in verdicts) else Exit.NOT_VERIFIED


def _row(one: "Installed") -> dict[str, object]:
    entry = one.entry
    return {
        "name": entry.name,
        "file": entry.file,
        "mb": round(entry.bytes / 1e6, 2),
        "sha256": entry.sha256,
        "bands": list(entry.bands),
        "gsd_m": list(entry.gsd_m),
        "thresholds": {"low": entry.thresholds.low, "high": entry.thresholds.high},
        "created": entry.created.isoformat(),
        "where": one.where,
        "used": one.used,
    }

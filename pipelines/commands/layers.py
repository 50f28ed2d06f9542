"""`weixun layers`: statutory layers."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Statutory layers that leads are crossed with.", no_args_is_help=True, rich_markup_mode=None)


@app.command("check")
def check_layers(
    path: Annotated[Path, typer.Argument(help="A GeoPackage, a file or a folder.")],
    kind: Annotated[str | None, typer.Option("--kind", help="Kind of layer that is expected.")] = None,
) -> int:
    """Say which layers a file or folder holds, and what is not recognised."""
    from aoi.layers import ignored_tables, open_layers
    from pipelines.errors import Exit

    layers = open_layers(path)
    for layer in layers:
        typer.echo(f"{layer.kind:<20} {layer.status:<10} {layer.name}")
    for name in ignored_tables(path):
        typer.echo(f"not recognised: {name}", err=True)
    if kind is not None and kind not in {layer.kind for layer in layers}:
        typer.echo(f"weixun: {path} holds no layer of kind {kind!r}", err=True)
        return Exit.BAD_INPUT
    return Exit.DONE

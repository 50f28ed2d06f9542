"""`weixun archive`: index real scenes in place, and list them."""

from pathlib import Path
from typing import Annotated

import typer

GROUP = """Index scenes into a local STAC archive.

\b
Examples:
  weixun archive add IMAGERY/ --archive archive
  weixun archive list --archive archive
"""

app = typer.Typer(help=GROUP, no_args_is_help=True, rich_markup_mode=None)

ADD_HELP = """Index scenes in place: the files stay where they are.

SRC is a folder of band files (Sentinel-2 per band, OSCD city, Sentinel Hub export), a Gaofen or ZY-3 product, a
mosaic beside its seam-line polygons, or a multi-band GeoTIFF or ENVI file with a small JSON sidecar that names bands,
date and scaling. A raw image is laid onto the ground with the elevation in the archive's dem folder or in the home's.

\b
Examples:
  weixun archive add oscd/images/beihai --archive my-archive
  weixun archive add 2000TM 2003TM --sidecar taizhou.json --archive my-archive

Exit codes: 0 all added, 2 nothing could be added, 3 some were refused.
"""


@app.command("add", help=ADD_HELP)
def add(
    sources: Annotated[list[Path], typer.Argument(help="Folders or files.", metavar="SRC…")],
    archive: Annotated[Path, typer.Option(help="The archive; made when missing.")],
    sidecar: Annotated[Path | None, typer.Option(help="Sidecar kept elsewhere than beside the files.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Parse, add, print."""
    import json

    from imagery.archive import Archive
    from pipelines.errors import Exit
    from pipelines.home import home

    report = Archive.create_or_open(archive).add(sources, sidecar, (home() / "dem",))
    if as_json:
        refused = [{"path": str(path), "reason": reason} for path, reason in report.refused]
        known = {"added": list(report.added), "already": list(report.already), "refused": refused}
        typer.echo(json.dumps(known, ensure_ascii=False, indent=2))
    else:
        for scene in report.added:
            typer.echo(f"added    {scene}")
        for scene in report.already:
            typer.echo(f"already  {scene}")
        for path, reason in report.refused:
            typer.echo(f"refused  {path}: {reason}", err=True)
    if not report.refused:
        return Exit.DONE
    return Exit.PARTIAL if report.added or report.already else Exit.BAD_INPUT


@app.command("list")
def list_scenes(
    archive: Annotated[Path, typer.Option(help="The archive.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List the scenes of an archive by date."""
    import json

    from imagery.archive import Archive

    scenes = sorted(Archive.open(archive).scenes(), key=lambda scene: (scene.datetime, scene.id))
    if as_json:
        rows = [
            {
                "id": scene.id,
                "datetime": scene.datetime.isoformat(),
                "sensor": scene.sensor,
                "level": scene.level,
                "gsd_m": scene.gsd_m,
                "bounds": [round(edge, 5) for edge in scene.geometry.bounds],
                "bands": sorted(scene.assets),
            }
            for scene in scenes
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for scene in scenes:
        typer.echo(f"{scene.datetime:%Y-%m-%d}  {scene.sensor:<11} {scene.level:<4} {scene.gsd_m:>5.1f} m  {scene.id}")
    typer.echo(f"{len(scenes)} scenes")

"""`weixun aoi`: areas of interest."""

from pathlib import Path
from typing import Annotated

import typer

GROUP = """Areas of interest 监测区.

\b
Examples:
  weixun aoi list
  weixun aoi check area.shp
  weixun aoi add area.shp --id my-area
"""

app = typer.Typer(help=GROUP, no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_aois(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """List the AOIs that are shipped and those that were added."""
    import json

    from aoi.area import geodesic_area_m2
    from aoi.catalog import known
    from pipelines.home import home

    rows = [
        {
            "id": area.id,
            "name_zh": area.name_zh,
            "name_en": area.name_en,
            "km2": round(geodesic_area_m2(area.geometry) / 1e6, 1),
            "approximate": area.approximate,
            "detectors": list(area.detectors) or ["all"],
        }
        for area in known(home())
    ]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        drawn = "  outline approximate, 示意范围" if row["approximate"] else ""
        typer.echo(f"{row['id']:<24} {row['km2']:>10,.1f} km²  {row['name_zh']}  {row['name_en']}{drawn}")


@app.command("check")
def check_aoi(path: Annotated[Path, typer.Argument(help="A vector file.")]) -> int:
    """Say what is wrong with each feature of a file."""
    from aoi.validate import check
    from pipelines.errors import Exit

    problems = check(path)
    for problem in problems:
        typer.echo(f"{problem.severity:<7} {problem.feature}: {problem.message_en}  {problem.message_zh}")
    if not problems:
        typer.echo(f"{path}: nothing wrong")
    return Exit.BAD_INPUT if any(problem.severity == "error" for problem in problems) else Exit.DONE


@app.command("add")
def add_aoi(
    path: Annotated[Path, typer.Argument(help="A vector file.")],
    aoi_id: Annotated[str | None, typer.Option("--id", help="Id; from the file when left out.")] = None,
) -> None:
    """Keep an AOI under WEIXUN_HOME, to be scanned by its id."""
    from aoi.catalog import add
    from pipelines.home import home

    area = add(path, home(), id=aoi_id)
    typer.echo(f"added {area.id}")

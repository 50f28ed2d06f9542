"""`weixun layers`: statutory layers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # not against a circle: GDAL takes its time, and the command line must answer at once
    from aoi.crs import MissingCrsError
    from aoi.intake.source import Reading
    from aoi.intake.store import Checked
    from aoi.schema.problem import RowProblem

GROUP = """Statutory layers 法定图层 that leads are crossed with.

\b
Examples:
  weixun layers check licences.xlsx --kind mining_rights --crs EPSG:4527
  weixun layers add licences.xlsx --kind mining_rights --crs EPSG:4527 --classification 内部
  weixun layers list
"""

app = typer.Typer(help=GROUP, no_args_is_help=True, rich_markup_mode=None)

SHOWN = 200
"""Problems that are printed; ``--json`` has more."""

File = Annotated[Path, typer.Argument(help="A file; FILE:TABLE names a table, a sheet or a drawing layer.")]
Crs = Annotated[str | None, typer.Option("--crs", help="CRS of a file that does not say it, such as EPSG:4528.")]
CloseLines = Annotated[
    float | None, typer.Option("--close-lines", min=0, help="Close lines whose ends lie no further apart, metres.")
]
SwapXy = Annotated[bool, typer.Option("--swap-xy", help="Take coordinates that are found swapped the other way round.")]
Fixed = Annotated[
    list[str] | None, typer.Option("--set", help="A column for all rows, such as 批准文号=…; may be repeated.")
]
Map = Annotated[Path | None, typer.Option("--map", help="Write the map of candidate CRS as SVG.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("check")
def check_layers(
    path: File,
    kind: Annotated[str | None, typer.Option("--kind", help="Kind of layer that it should be.")] = None,
    crs: Crs = None,
    close_lines: CloseLines = None,
    swap_xy: SwapXy = False,
    fixed: Fixed = None,
    map_file: Map = None,
    as_json: Json = False,
) -> int:
    """Say what is wrong with each row of a file as a layer of a kind; without --kind, which layers a file holds."""
    if kind is None:
        return _recognised(path)
    from aoi.crs import MissingCrsError
    from aoi.intake.store import check_layer
    from pipelines.errors import Exit

    try:
        checked = check_layer(path, kind, _reading(crs, close_lines, swap_xy, fixed))
    except MissingCrsError as error:
        return _ask_for_crs(error, path, map_file, as_json)
    _print(checked, as_json, {})
    return Exit.DONE if checked.good else Exit.BAD_INPUT


@app.command("add")
def add_layers(
    path: File,
    kind: Annotated[str, typer.Option("--kind", help="Kind of layer.")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it; kind and file when left out.")] = None,
    status: Annotated[str, typer.Option("--status", help="official, derived or simulated.")] = "official",
    classification: Annotated[
        str, typer.Option("--classification", help="公开, 内部 or 敏感 (public, internal, sensitive).")
    ] = "内部",
    crs: Crs = None,
    close_lines: CloseLines = None,
    swap_xy: SwapXy = False,
    fixed: Fixed = None,
    accept: Annotated[
        bool, typer.Option("--accept-rows-with-problems", help="Take the good rows of a file that has others.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the layer of this name.")] = False,
    map_file: Map = None,
    as_json: Json = False,
) -> int:
    """Check a file and keep it under WEIXUN_HOME, in degrees and indexed."""
    from aoi.crs import MissingCrsError
    from aoi.intake.store import add_layer
    from pipelines.errors import Exit
    from pipelines.home import home

    try:
        added = add_layer(
            path,
            home(),
            kind,
            name=name,
            status=_status(status),
            classification=_classification(classification),
            reading=_reading(crs, close_lines, swap_xy, fixed),
            accept_rows_with_problems=accept,
            overwrite=overwrite,
        )
    except MissingCrsError as error:
        return _ask_for_crs(error, path, map_file, as_json)
    _print(added.checked, as_json, {"added": added.path.stem if added.path is not None else None})
    if added.path is None:
        if not as_json:
            typer.echo("not added: put the rows right, or give --accept-rows-with-problems to leave them out", err=True)
        return Exit.BAD_INPUT
    if not as_json:
        tally = added.checked.tally
        typer.echo(f"added {added.path.stem}: {tally.good:,} of {tally.rows:,} rows, {tally.area_m2 / 1e6:,.2f} km²")
    return Exit.DONE


@app.command("list")
def list_layers(as_json: Json = False) -> None:
    """List the layers under WEIXUN_HOME."""
    import json

    from aoi.intake.store import stored_rows
    from pipelines.home import home

    rows = stored_rows(home())
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        typer.echo(
            f"{row['name']:<32} {row['kind']:<24} {row['rows']:>9}  {row['status']:<9} {row['classification']}  "
            f"{row['source']}  {row['checked'][:10]}"
        )
    if not rows:
        typer.echo("no layers yet: weixun layers add FILE --kind KIND")


def _recognised(path: Path) -> int:
    from aoi.layers import ignored_tables, open_layers
    from pipelines.errors import Exit

    for layer in open_layers(path):
        typer.echo(f"{layer.kind:<24} {layer.status:<10} {layer.name}")
    for name in ignored_tables(path):
        typer.echo(f"not recognised: {name}", err=True)
    return Exit.DONE


def _reading(crs: str | None, close_lines: float | None, swap_xy: bool, fixed: list[str] | None) -> "Reading":
    from aoi.intake.read import fixed_columns
    from aoi.intake.source import Reading

    return Reading(crs, close_lines, swap_xy, fixed_columns(fixed or ()))


def _status(text: str) -> Any:
    from aoi.layers import STATUSES

    if text not in STATUSES:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(STATUSES)}", param_hint="--status")
    return text


def _classification(text: str) -> Any:
    from aoi.classification import Classification

    found = [level for level in Classification if text.casefold() in (level.value, level.en)]
    if not found:
        raise typer.BadParameter(f"{text!r} is none of 公开, 内部, 敏感", param_hint="--classification")
    return found[0]


def _print(checked: "Checked", as_json: bool, more: dict[str, Any]) -> None:
    tally = checked.tally
    if as_json:
        import json

        head = {"file": checked.name, "kind": checked.kind, "crs": checked.crs, **more}
        typer.echo(json.dumps(head | tally.as_json(), ensure_ascii=False, indent=2))
        return
    for problem in tally.problems[:SHOWN]:
        typer.echo(_line(problem))
    if (others := tally.counts.total() - SHOWN) > 0:
        typer.echo(f"… and {others:,} more; --json lists up to {len(tally.problems):,}")
    typer.echo(
        f"{checked.name}: {tally.rows:,} rows, {tally.good:,} good; {tally.counts['error']:,} errors, "
        f"{tally.counts['warning']:,} warnings" + (f"; read in {checked.crs}" if checked.crs else "")
    )


def _line(problem: "RowProblem") -> str:
    where = "file" if problem.row is None else f"row {problem.row}"
    what = " ".join(part for part in (problem.field, f"“{problem.value}”" if problem.value else "") if part)
    english = f"{problem.wrong_en}; {problem.do_en}"
    return f"{problem.severity:<7} {where}: {what}: {english}  {problem.wrong_zh}；{problem.do_zh}"


def _ask_for_crs(error: "MissingCrsError", path: Path, map_file: Path | None, as_json: bool) -> int:
    """Show what the CRS could be, and where each would put the file."""
    import shapely

    from aoi.candidate_map import spots_of, svg_map, text_map
    from aoi.catalog import known
    from aoi.zones import candidates
    from pipelines.errors import Exit
    from pipelines.home import home

    ground = shapely.union_all([area.geometry for area in known(home())])
    found = candidates(error.bounds, ground)
    spots = spots_of(found)
    if map_file is not None:
        map_file.write_text(svg_map(spots, ground, path.name), encoding="utf-8")
    if as_json:
        import json

        rows = [
            {"crs": f"EPSG:{one.epsg}", "name": one.name, "bounds": [round(v, 5) for v in one.bounds],
             "on_known_ground": one.near, "swapped": one.swapped, "note": one.note}
            for one in found
        ]  # fmt: skip
        typer.echo(
            json.dumps({"file": path.name, "error": str(error), "candidates": rows}, ensure_ascii=False, indent=2)
        )
        return Exit.BAD_INPUT
    typer.echo(f"weixun: {error}", err=True)
    if spots:
        typer.echo(text_map(spots, ground))
        typer.echo(
            "give the one that the office confirms with --crs; 请向数据提供单位确认后用 --crs 指定，系统不会自行选择"
        )
    else:
        typer.echo("no CRS that is used in China fits these coordinates; 没有合适的坐标系，请核对坐标", err=True)
    return Exit.BAD_INPUT

"""`weixun leads export`: leads as files for other offices and programs."""

from pathlib import Path
from typing import Annotated

import typer

HELP = """Write leads as GeoPackage, Shapefile (GBK), GeoJSON, KML (WGS 84), CSV or XLSX with 图斑 fields.

The format follows the file's ending. Every file carries its classification and 线索，非测绘成果、非鉴定意见.

\b
Examples:
  weixun leads export --out leads.gpkg
  weixun leads export --out 图斑.shp --model mine,grassland --since 2024-06-01
  weixun leads export --out leads.xlsx --status confirmed --place 新巴尔虎右旗
  weixun leads export --out leads.kml --from result --bbox 119.5,49.0,120.0,49.4

\b
Exit codes: 0 done (also with no lead), 2 bad input, 6 store locked or disk full.
"""


def export_command(
    out: Annotated[Path, typer.Option(help="File to write; its ending says the format.")],
    format: Annotated[str, typer.Option("--format", help="gpkg, shp, geojson, kml, csv or xlsx.")] = "",
    result: Annotated[Path | None, typer.Option("--from", help="A scan's result folder; else the store.")] = None,
    aoi: Annotated[str, typer.Option(help="Only of this AOI (store only).")] = "",
    model: Annotated[str, typer.Option(help="Ids of models with commas between 模型.")] = "",
    status: Annotated[str, typer.Option(help="Review states with commas between.")] = "",
    confidence: Annotated[str, typer.Option(help="provisional, confirmed, withdrawn 影像分级.")] = "",
    stock: Annotated[str, typer.Option(help="inventory 存量 or new 增量 (store only).")] = "",
    since: Annotated[str, typer.Option(help="First seen on this day or later.", metavar="DATE")] = "",
    until: Annotated[str, typer.Option(help="First seen on this day or earlier.", metavar="DATE")] = "",
    bbox: Annotated[str, typer.Option(help="west,south,east,north in degrees.")] = "",
    place: Annotated[str, typer.Option(help="Part of the place's name.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Choose, write, count."""
    import json

    from leads.exports.write import format_of, write_leads
    from pipelines.exported import Wanted, rows_of
    from pipelines.home import home

    kind = format_of(out, format)
    wanted = Wanted.parsed(aoi, model, status, confidence, stock, since, until, bbox, place)
    count = write_leads(out, rows_of(wanted, result, home()), format)
    if as_json:
        typer.echo(json.dumps({"file": out.as_posix(), "format": kind, "leads": count}, ensure_ascii=False))
    else:
        typer.echo(f"{count} leads 线索 → {out}")

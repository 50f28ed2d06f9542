"""`weixun scan`: one area, two date ranges, leads in a folder."""

from pathlib import Path
from typing import Annotated

import typer

HELP = """Compare an area before and after, and write leads.

AOI is an id (see `weixun aoi list`), a file (GeoJSON, GeoPackage, Shapefile, KML) or lon,lat,radius_m.
Writes leads.gpkg, leads.qgz, run.json, quicklook/ and imagery/ in the output folder; with --scores also score maps.

\b
Examples:
  weixun archive add beihai/ --archive my-archive
  weixun scan beihai.geojson --archive my-archive --before 2016-12-09 --after 2018-03-09 --out result
  weixun scan 119.7,49.4,5000 --archive my-archive --before 2023-06-15/2023-08-15 \\
      --after 2024-06-15/2024-08-15 --detectors mine --layers mining_rights.gpkg --out result
  weixun scan 119.7,49.4,5000 --source cdse --before 2023-06-15/2023-08-15 --after 2024-06-15/2024-08-15 --out result
  weixun scan hulun_lake --source cdse,landsat --before 2023-07-01/2023-08-15 --after 2024-07-01/2024-08-15 --out result

\b
Exit codes: 0 done (also with no lead), 1 the source can not be asked (run again: what came is kept), 2 bad input,
3 done with failed blocks or unreadable scenes, 4 nothing observed, 6 disk full.
"""


def scan_command(
    aoi: Annotated[str, typer.Argument(help="Id, file, or lon,lat,radius_m.", metavar="AOI")],
    before: Annotated[str, typer.Option(help="Day or FIRST/LAST, inclusive.", metavar="DATES")],
    after: Annotated[str, typer.Option(help="Day or FIRST/LAST; every clear day is one look.", metavar="DATES")],
    out: Annotated[Path, typer.Option(help="Folder for the result.")],
    archive: Annotated[Path | None, typer.Option(help="Local archive (see `weixun archive add`).")] = None,
    source: Annotated[
        str, typer.Option(help="Configured source, or several with commas between.", metavar="NAME")
    ] = "",
    detectors: Annotated[str, typer.Option(help="Ids with commas between, or all.")] = "all",
    layers: Annotated[
        Path | None, typer.Option(help="Statutory layers (GeoPackage, file, folder); else those stored.")
    ] = None,
    scores: Annotated[bool, typer.Option("--scores", help="Also write score maps.")] = False,
    method: Annotated[str, typer.Option(help="auto, network or training-free.")] = "auto",
    workers: Annotated[int, typer.Option(help="Blocks worked at a time.", min=1, max=64)] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print run.json and nothing else.")] = False,
) -> int:
    """Parse, scan, print."""
    from pipelines.errors import BadInputError
    from pipelines.request import check_order, parse_dates, parse_method

    if (archive is None) == (not source):
        raise BadInputError("name the imagery with either --archive DIR or --source NAME")
    before_dates, after_dates = parse_dates(before, "--before"), parse_dates(after, "--after")
    check_order(before_dates, after_dates)
    way = parse_method(method)

    from detectors.core.registry import choose

    ids = tuple(part.strip() for part in detectors.split(",") if part.strip())
    choose(ids)

    from aoi.read import read_aoi
    from pipelines.connect import imagery_of
    from pipelines.home import home
    from pipelines.progress import reporter
    from pipelines.request import ScanRequest
    from pipelines.scan import scan

    wanted = () if "all" in ids else ids
    area = read_aoi(aoi, home())
    with imagery_of(archive, source, home()) as imagery:
        request = ScanRequest(area, imagery, before_dates, after_dates, out, wanted, layers, scores, method=way)
        run = scan(request, reporter(quiet=as_json), workers)
    typer.echo(run.to_json() if as_json else run.summary())
    return int(run.exit_code)

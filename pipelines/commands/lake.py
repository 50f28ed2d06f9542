"""`weixun lake`: a lake's area, shore, ice and blooms through time."""

from pathlib import Path
from typing import Annotated

import typer

HELP = """Follow a lake: area with interval and shoreline on every clear day, ice-free season, blooms.

AOI is the lake with its shore: an id (see `weixun aoi list`), a file, or lon,lat,radius_m. All water in it counts.
An area is stated only where enough of the possible shore was seen; other days have bounds: not observed is not dry.
Writes lake.csv, lake_years.csv, lake.png, lake.gpkg (layers shoreline and water) and run.json in the output folder.
跟踪湖泊：逐个晴空日的水面面积（含区间）与岸线、每年无冰期、水华面积。非测绘成果。

\b
Examples:
  weixun lake hulun_lake --source cdse --dates 2019-01-01/2024-12-31 --out hulun
  weixun lake hulun.gpkg --archive my-archive --dates 2023-04-01/2023-11-30 --out hulun --json

\b
Exit codes: 0 done, 1 the source can not be asked, 2 bad input, 3 done with unreadable scenes, 4 nothing observed,
6 disk full.
"""


def lake_command(
    aoi: Annotated[str, typer.Argument(help="Id, file, or lon,lat,radius_m.", metavar="AOI")],
    dates: Annotated[str, typer.Option(help="FIRST/LAST, inclusive.", metavar="DATES")],
    out: Annotated[Path, typer.Option(help="Folder for the result.")],
    archive: Annotated[Path | None, typer.Option(help="Local archive (see `weixun archive add`).")] = None,
    source: Annotated[str, typer.Option(help="Configured source, or several with commas.", metavar="NAME")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print run.json and nothing else.")] = False,
) -> int:
    """Parse, follow, write, print."""
    from pipelines.errors import BadInputError
    from pipelines.request import parse_dates

    if (archive is None) == (not source):
        raise BadInputError("name the imagery with either --archive DIR or --source NAME")
    wanted = parse_dates(dates, "--dates")

    import json

    from aoi.read import read_aoi
    from pipelines.connect import imagery_of
    from pipelines.home import home
    from pipelines.lake import observe_lake
    from pipelines.lakeout import exit_code, summary, write_lake
    from pipelines.progress import reporter

    area = read_aoi(aoi, home())
    with imagery_of(archive, source, home()) as imagery:
        record = observe_lake(area, imagery, wanted, reporter(quiet=as_json))
    document = write_lake(record, out)
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False))
    else:
        typer.echo(f"{summary(record)}\n{out}/lake.csv, lake_years.csv, lake.png, lake.gpkg")
    return int(exit_code(record))

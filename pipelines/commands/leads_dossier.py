"""`weixun leads dossier`: a lead as papers."""

from pathlib import Path
from typing import Annotated

import typer

HELP = """Write a lead's dossier: HTML, PDF and DOCX, its corner table, and drafts on request.

The lead comes from the store, or with --from from a scan's result folder. With --archive (or --source) all dates of the
imagery are read: the history inside the lead and around it, one image a year, and the tests of innocent explanations.
线索材料：由卫星影像生成，非测绘成果、非鉴定意见。

\b
Examples:
  weixun leads dossier WX-MINE-20240720-y8bs0q4e --out dossier --archive archive
  weixun leads dossier WX-MINE-20240720-y8bs0q4e --out dossier --from result --archive archive --drafts
  weixun leads dossier WX-MINE-20240720-y8bs0q4e --out dossier --from result --formats pdf --zone 40

\b
Exit codes: 0 done, 2 no such lead or bad input, 6 store locked or disk full.
"""


def dossier_command(
    lead_id: Annotated[str, typer.Argument(help="监测编号 of the lead.", metavar="ID")],
    out: Annotated[Path, typer.Option(help="Folder for the papers.")],
    result: Annotated[Path | None, typer.Option("--from", help="A scan's result folder; else the store.")] = None,
    archive: Annotated[Path | None, typer.Option(help="Local archive with all dates.")] = None,
    source: Annotated[str, typer.Option(help="Configured source instead of an archive.", metavar="NAME")] = "",
    formats: Annotated[str, typer.Option(help="html, pdf, docx with commas between.")] = "html,pdf,docx",
    drafts: Annotated[
        bool, typer.Option("--drafts", help="Also 线索审查表, 检察建议书, 勘验附图, 回头看报告 as DOCX.")
    ] = False,
    zone: Annotated[int | None, typer.Option(help="3° zone of the corner table, such as 40 (EPSG:4528).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the files as one JSON document.")] = False,
) -> None:
    """Gather, write, name the files."""
    import datetime as dt
    import json
    from dataclasses import replace

    from leads.dossier.write import write_dossier, write_drafts
    from leads.exports.corners import corner_table
    from pipelines.connect import imagery_of
    from pipelines.dossiers import beside, days_in, gathered, with_archive
    from pipelines.home import home
    from pipelines.progress import reporter

    wanted = tuple(dict.fromkeys(part.strip().casefold() for part in formats.split(",") if part.strip()))
    case, rows = gathered(result, home(), lead_id, dt.datetime.now(dt.UTC))
    case = replace(case, zone=zone)
    corner_table(case.geometry, zone)  # a wrong zone is told before minutes of reading
    if archive is not None or source:
        progress = reporter(quiet=as_json)
        with imagery_of(archive, source, home()) as imagery, progress.stage("days", days_in(imagery, case)) as step:
            case = with_archive(case, imagery, beside(rows, case), step)
    written = write_dossier(case, out, wanted)
    if drafts:
        written += write_drafts(case, out)
    if as_json:
        typer.echo(json.dumps({"lead": case.id, "files": [path.as_posix() for path in written]}, ensure_ascii=False))
        return
    for path in written:
        typer.echo(path.as_posix())
    if archive is None and not source:
        typer.echo("note: without --archive no history was read: innocent explanations are untested, and it says so")

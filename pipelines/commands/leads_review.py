"""`weixun leads review`: what analysts decided, taken over into the store."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # not against a circle: the command line must answer at once
    from leads.desk.take import Taken

app = typer.Typer(help="What analysts decided.", no_args_is_help=True, rich_markup_mode=None)

IMPORT_HELP = """Take over what an analyst did in an inbox 导入审核结果.

Each row is told: applied 已采纳, unchanged 未改动, conflict 冲突, unknown 无此线索, invalid 无效. Nothing is
overwritten, and importing a file twice changes nothing. Save and close the project in QGIS first.

\b
Examples:
  weixun leads review import inbox_20240720.gpkg
  weixun leads review import inbox_20240720.gpkg --reviewer 王检 --json

Exit code 0 when every row was taken over or left as it was, 3 when one was not, 2 when the file can not be read.
"""


@app.command("import", help=IMPORT_HELP)
def import_review(
    file: Annotated[Path, typer.Argument(help="The inbox that came back (.gpkg).")],
    reviewer: Annotated[
        str, typer.Option("--reviewer", help="Whose verdicts these are, where the column is empty 审核人.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Take over a review."""
    import datetime as dt

    from leads.desk.keep import keep_review
    from leads.desk.take import take_review
    from leads.errors import ReviewError
    from leads.evidence.chain import Item, Ledger
    from leads.evidence.cover import append_store_rows
    from leads.evidence.sign import signer_of
    from leads.store.store import home_store
    from pipelines.errors import BadInputError, Exit
    from pipelines.home import home
    from pipelines.progress import reporter

    try:
        with home_store(home(), create=False) as store:
            with reporter(quiet=as_json).stage("review", 1) as step:
                taken = take_review(store, file, dt.datetime.now(dt.UTC), reviewer)
                step()
            keep_review(home(), file, taken.sha256)
            # Under the file's hash: importing it twice records it once.
            ledger, run_id = Ledger(store, signer_of(home())), f"review-{taken.sha256[:16]}"
            ledger.append(run_id, [Item("review", f"reviews/{taken.sha256}.gpkg", taken.sha256)])
            append_store_rows(ledger, run_id)
    except ReviewError as error:
        raise BadInputError(str(error)) from error
    _print(taken, as_json)
    return Exit.DONE if taken.whole else Exit.PARTIAL


def _print(taken: "Taken", as_json: bool) -> None:
    from leads.desk.take import KINDS

    counts = {kind: taken.counts[kind] for kind in KINDS}
    if as_json:
        import json
        from dataclasses import asdict

        rows = [{**asdict(row), "kind_zh": KINDS[row.kind][0]} for row in taken.rows]
        head = {"file": taken.file, "inbox": taken.inbox, "sha256": taken.sha256, "counts": counts}
        typer.echo(json.dumps({**head, "rows": rows}, ensure_ascii=False, indent=2))
        return
    for row in taken.rows:
        if row.kind != "unchanged" or row.message:
            zh, en = KINDS[row.kind]
            # the column names the lead
            said = row.message.removeprefix(f"{row.lead_id}: ").replace(f", {row.lead_id}: ", ": ", 1)
            typer.echo(f"{zh} {en:<12} {row.lead_id or '?':<28} {said}")
    typer.echo("  ".join(f"{zh} {en} {counts[kind]}" for kind, (zh, en) in KINDS.items()))

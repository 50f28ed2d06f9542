"""`weixun leads`: what the patrols found, and what became of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands import (
    cases,
    leads_desk,
    leads_dossier,
    leads_export,
    leads_field,
    leads_review,
    leads_stats,
    leads_store,
    leads_verify,
)

if TYPE_CHECKING:  # not against a circle: the command line must answer at once
    from leads.store.query import LeadQuery
    from leads.store.records import LeadRecord

app = typer.Typer(help="Leads 线索: what the patrols found.", no_args_is_help=True, rich_markup_mode=None)

LIST_HELP = """List leads of the store 列出线索.

Leads that ended in another one are left out unless --merged is given. --json prints one JSON document: an array of
flat rows with the fields of leads.gpkg and what the store adds.

\b
Examples:
  weixun leads list
  weixun leads list --model mine,grassland --status new --confidence confirmed
  weixun leads list --place 新巴尔虎右旗 --since 2026-05-01 --until 2026-09-30
  weixun leads list --bbox 119.5,49.0,120.0,49.4 --json > leads.json

Exit codes: 0 done (also with no lead), 2 bad input or no store, 6 store locked.
"""

SHOW_HELP = """Show one lead: what it is, every clear look at it, its outlines and its reviews 查看线索.

\b
Examples:
  weixun leads show WX-MINE-20260601-y8v3deqh
  weixun leads show WX-MINE-20260601-y8v3deqh --json

Exit codes: 0 done, 2 no such lead or no store, 6 store locked.
"""


@app.command("list", help=LIST_HELP)
def list_leads(
    model: Annotated[str, typer.Option(help="Ids of models with commas between 模型.")] = "",
    status: Annotated[str, typer.Option(help="new, confirmed, rejected, field_check, known 审核状态.")] = "",
    confidence: Annotated[str, typer.Option(help="provisional, confirmed, withdrawn 影像分级.")] = "",
    stock: Annotated[str, typer.Option(help="inventory 存量 or new 增量.")] = "",
    aoi: Annotated[str, typer.Option(help="Id of an AOI.")] = "",
    place: Annotated[str, typer.Option(help="Part of the place's name 坐落.")] = "",
    since: Annotated[str, typer.Option(help="First seen on this day or later.", metavar="DATE")] = "",
    until: Annotated[str, typer.Option(help="First seen on this day or earlier.", metavar="DATE")] = "",
    bbox: Annotated[str, typer.Option(help="west,south,east,north in degrees.")] = "",
    merged: Annotated[bool, typer.Option("--merged", help="Also leads that ended in another 含已并入.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many; 0 for all.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Ask, print."""
    from leads.fields import STATUS
    from leads.store.query import LeadQuery
    from leads.store.records import Confidence, Stock
    from leads.store.store import home_store
    from pipelines.home import home

    query = LeadQuery(
        aoi=aoi or None,
        detectors=_several(model, None, "--model"),
        statuses=_several(status, [value for value, _, _ in STATUS], "--status"),
        confidences=_several(confidence, list(Confidence), "--confidence"),
        stocks=_several(stock, list(Stock), "--stock"),
        since=_day(since, "--since"),
        until=_day(until, "--until"),
        bbox=_box(bbox),
        place=place or None,
        merged=merged,
        limit=limit or None,
    )
    with home_store(home(), create=False) as store:
        _print_json(store.leads(query)) if as_json else _print_table(store.leads(query), query)


@app.command("show", help=SHOW_HELP)
def show_lead(
    lead_id: Annotated[str, typer.Argument(help="监测编号 of the lead.", metavar="ID")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Ask, print."""
    from leads.store.store import home_store
    from pipelines.errors import BadInputError
    from pipelines.home import home
    from pipelines.shown import shown_json, shown_text

    with home_store(home(), create=False) as store:
        lead = store.lead(lead_id)
        if lead is None:
            raise BadInputError(f"there is no lead {lead_id} in {store.name}: weixun leads list names them all")
        history = store.observations(lead_id), store.outlines(lead_id), store.reviews(lead_id)
    typer.echo(shown_json(lead, *history) if as_json else shown_text(lead, *history))


app.command("backup", help=leads_store.BACKUP_HELP)(leads_store.backup_command)
app.command("restore", help=leads_store.RESTORE_HELP)(leads_store.restore_command)
app.command("move", help=leads_store.MOVE_HELP)(leads_store.move_command)
app.command("verify", help=leads_verify.VERIFY_HELP)(leads_verify.verify_command)
app.command("keygen", help=leads_verify.KEYGEN_HELP)(leads_verify.keygen_command)
# Commands of other rooms are registered here, one line each, in the order of `weixun leads --help`.
app.add_typer(leads_review.app, name="review")
app.command("field", help=leads_field.FIELD_HELP)(leads_field.field_command)
app.command("photos", help=leads_field.PHOTOS_HELP)(leads_field.photos_command)
app.command("desk", help=leads_desk.HELP)(leads_desk.desk_command)
app.command("export", help=leads_export.HELP)(leads_export.export_command)
app.command("dossier", help=leads_dossier.HELP)(leads_dossier.dossier_command)
app.command("like", help=cases.LIKE_HELP)(cases.like_command)
app.command("stats", help=leads_stats.HELP)(leads_stats.stats_command)


def _several(text: str, known: list[Any] | None, option: str) -> list[Any] | None:
    from pipelines.errors import BadInputError

    values = [part.strip() for part in text.split(",") if part.strip()]
    for value in values:
        if known is not None and value not in known:
            raise BadInputError(f"{option} {value}: use {', '.join(map(str, known))}, with commas between")
    return values or None


def _day(text: str, option: str) -> Any:
    import datetime as dt

    from pipelines.errors import BadInputError

    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInputError(f"{option} {text}: write the day as 2026-05-01") from None


def _box(text: str) -> Any:
    from pipelines.errors import BadInputError

    if not text:
        return None
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError:
        raise BadInputError(f"--bbox {text}: write west,south,east,north in degrees") from None
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise BadInputError(f"--bbox {text}: west lies west of east and south of north, in degrees")
    return west, south, east, north


def _print_json(leads: Any) -> None:
    """One document, a row at a time: a store may hold a million."""
    import json

    from pipelines.shown import row_of

    between = "["
    for lead in leads:
        typer.echo(f"{between}\n{json.dumps(row_of(lead), ensure_ascii=False)}", nl=False)
        between = ","
    typer.echo("[]" if between == "[" else "\n]")


def _print_table(leads: Any, query: "LeadQuery") -> None:
    import sys

    from rich.console import Console

    from pipelines.shown import table_of

    found: list[LeadRecord] = list(leads)
    # a log has no width of its own; nothing may be cut there
    console = Console(width=None if sys.stdout.isatty() else 160)
    if found:
        console.print(table_of(found))
    more = " (--limit)" if query.limit is not None and len(found) == query.limit else ""
    typer.echo(f"{len(found)} 条线索 leads{more}; 线索，非测绘成果、非鉴定意见")

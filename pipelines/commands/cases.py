"""`weixun cases`: what the office makes of its leads."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # not against a circle: the command line must answer at once
    from leads.cases.records import Case

HELP = """Cases 案件: from preliminary inquiry to closing or prosecution.

A case has one or more leads, a lead may serve several cases. Every step is kept; nothing is ever overwritten.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)

LIST_HELP = """List cases 列出案件.

\b
Examples:
  weixun cases list
  weixun cases list --state 检察建议
  weixun cases list --open --json > cases.json

Exit codes: 0 done (also with no case), 2 bad input or no store, 6 store locked.
"""

SHOW_HELP = """Show one case: its leads, every step, the term that runs, and what may follow 查看案件.

\b
Examples:
  weixun cases show AJ-2026-0001
  weixun cases show AJ-2026-0001 --json

Exit codes: 0 done, 2 no such case or no store, 6 store locked.
"""

OPEN_HELP = """Open a case of one or more leads 初步调查.

Regulator, addressee and jurisdiction are proposed from the tables, the ground and the place; what you give wins.

\b
Examples:
  weixun cases open WX-MINE-20260601-y8v3deqh --by 王检
  weixun cases open LEAD1 LEAD2 --title 某矿破坏草原案 --regulator 某旗林业和草原局 --by 王检

Exit codes: 0 done, 2 no such lead or no store, 6 store locked.
"""

ADD_HELP = """Add leads to a case 并入线索.

\b
Examples:
  weixun cases add AJ-2026-0001 WX-MINE-20260701-y8v3defk --by 王检

Exit codes: 0 done, 2 no such case or lead, or the case was changed meanwhile, 6 store locked.
"""

MOVE_HELP = """Move a case to another state 办理: 立案, 磋商, 检察建议, 回复, 整改, 回头看, 起诉, 终结, 不立案, 移送.

A recommendation begins the term of the reply: two months, fifteen days with --urgent, by the rule in force on the day
it was received. --base N refuses when somebody changed the case since version N.

\b
Examples:
  weixun cases move AJ-2026-0001 立案 --by 王检
  weixun cases move AJ-2026-0001 recommendation --on 2026-06-30 --addressee 某旗林业和草原局 --by 王检
  weixun cases move AJ-2026-0001 检察建议 --on 2026-06-30 --urgent --by 王检
  weixun cases move AJ-2026-0001 rectification --due 2026-12-31 --note 承诺年底前恢复 --by 王检

Exit codes: 0 done, 2 a step that is not allowed, or the case was changed meanwhile, 6 store locked.
"""

DUE_HELP = """What is due: terms that run, and sites to be looked at again 期限与回头看.

\b
Examples:
  weixun cases due
  weixun cases due --within 15
  weixun cases due --on 2026-09-01 --json

Exit codes: 0 done (also with nothing due), 2 bad input or no store, 6 store locked.
"""

LIKE_HELP = """Leads of the same kind as one 类案, and the ground that each holder's leads add up to.

\b
Examples:
  weixun cases like WX-MINE-20260601-y8v3deqh
  weixun cases like WX-MINE-20260601-y8v3deqh --by model,layer --since 2024-01-01
  weixun leads like WX-MINE-20260601-y8v3deqh --by holder --json

Exit codes: 0 done, 2 no such lead, or nobody says of it what is asked for, 6 store locked.
"""

By = Annotated[str, typer.Option("--by", help="Who enters it 经办人.")]
On = Annotated[str, typer.Option("--on", help="Day of the step; today when left out.", metavar="DATE")]
Base = Annotated[int | None, typer.Option("--base", help="Version of the case that you have before you.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command("list", help=LIST_HELP)
def list_cases(
    state: Annotated[str, typer.Option(help="A state, by its Chinese or English name 状态.")] = "",
    lead: Annotated[str, typer.Option(help="Id of a lead that it has.")] = "",
    open_only: Annotated[bool, typer.Option("--open", help="Without those that ended 仅在办.")] = False,
    as_json: Json = False,
) -> None:
    """Ask, print."""
    from pipelines.cased import cases_table, json_of

    with _book() as book:
        found = book.cases(state, lead, open_only)
    if as_json:
        _print([json_of(case) for case in found])
        return
    if found:
        _console().print(cases_table(found))
    typer.echo(f"{len(found)} 件案件 cases")


@app.command("show", help=SHOW_HELP)
def show_case(case_id: Annotated[str, typer.Argument(metavar="CASE")], as_json: Json = False) -> None:
    """Ask, print."""
    with _book() as book:
        _show(book.case(case_id), as_json)


@app.command("open", help=OPEN_HELP)
def open_case(
    leads: Annotated[list[str], typer.Argument(help="监测编号 of the leads.", metavar="LEAD...")],
    by: By = "",
    title: Annotated[str, typer.Option(help="Its name; place and model when left out 案由.")] = "",
    regulator: Annotated[str, typer.Option(help="监管部门.")] = "",
    addressee: Annotated[str, typer.Option(help="被建议单位.")] = "",
    jurisdiction: Annotated[str, typer.Option(help="管辖.")] = "",
    on: On = "",
    as_json: Json = False,
) -> None:
    """Ask, open, print."""
    from pipelines.cased import safe

    named = {"regulator": regulator, "addressee": addressee, "jurisdiction": jurisdiction}
    with _book(writes=True) as book:
        case, proposal = book.open(leads, title, by, _day(on, "--on"), named)
    _show(case, as_json)
    if not as_json:
        for note in proposal.notes:
            typer.echo(f"注意 note：{safe(note)}")
        if proposal.others:
            typer.echo(f"其他可能的监管部门 other regulators：{safe('、'.join(proposal.others))}")


@app.command("add", help=ADD_HELP)
def add_leads(
    case_id: Annotated[str, typer.Argument(metavar="CASE")],
    leads: Annotated[list[str], typer.Argument(metavar="LEAD...")],
    by: By = "",
    on: On = "",
    base: Base = None,
    as_json: Json = False,
) -> None:
    """Ask, add, print."""
    with _book(writes=True) as book:
        _show(book.add(case_id, leads, by, _day(on, "--on"), base), as_json)


@app.command("move", help=MOVE_HELP)
def move_case(
    case_id: Annotated[str, typer.Argument(metavar="CASE")],
    to: Annotated[str, typer.Argument(help="State by its Chinese or English name.", metavar="STATE")],
    by: By = "",
    on: On = "",
    note: Annotated[str, typer.Option(help="备注, such as the number of a document.")] = "",
    urgent: Annotated[bool, typer.Option("--urgent", help="The shorter term 情况紧急.")] = False,
    due: Annotated[str, typer.Option(help="Last day of the term, where you set it.", metavar="DATE")] = "",
    regulator: Annotated[str, typer.Option(help="监管部门, where it changes.")] = "",
    addressee: Annotated[str, typer.Option(help="被建议单位, where it changes.")] = "",
    jurisdiction: Annotated[str, typer.Option(help="管辖, where it changes.")] = "",
    base: Base = None,
    as_json: Json = False,
) -> None:
    """Ask, move, print."""
    from leads.cases.book import Step

    named = {"regulator": regulator, "addressee": addressee, "jurisdiction": jurisdiction}
    last = _day(due, "--due") if due else None
    step = Step(to, by, _day(on, "--on"), note, urgent, last, named)
    with _book(writes=True) as book:
        _show(book.move(case_id, step, base), as_json)


@app.command("due", help=DUE_HELP)
def due_cases(
    on: Annotated[str, typer.Option("--on", help="As on this day; today when left out.", metavar="DATE")] = "",
    within: Annotated[int | None, typer.Option(help="Only terms that end within so many days.", min=0)] = None,
    as_json: Json = False,
) -> None:
    """Ask, print."""
    from leads.cases.lookback import sites_due
    from pipelines.cased import due_json, due_text

    day = _day(on, "--on")
    with _book() as book:
        terms, sites = book.running(day, within), sites_due(book.store, day)
    if as_json:
        _print(due_json(terms, sites))
    else:
        typer.echo(due_text(terms, sites))


@app.command("like", help=LIKE_HELP)
def like_command(
    lead_id: Annotated[str, typer.Argument(help="监测编号 of the lead.", metavar="LEAD")],
    by: Annotated[str, typer.Option(help="model, permit, holder, regulator, banner, layer; commas between.")] = "model",
    since: Annotated[str, typer.Option(help="First seen on this day or later.", metavar="DATE")] = "",
    until: Annotated[str, typer.Option(help="First seen on this day or earlier.", metavar="DATE")] = "",
    as_json: Json = False,
) -> None:
    """Ask, print."""
    from leads.cases.like import Alike, like, to_json
    from pipelines.cased import like_text
    from pipelines.errors import BadInputError

    names = [part.strip() for part in by.split(",") if part.strip()]
    for name in names:
        if name not in list(Alike):
            raise BadInputError(f"--by {name}: use {', '.join(Alike)}, with commas between")
    days = [_day(text, option) if text else None for text, option in ((since, "--since"), (until, "--until"))]
    with _book() as book:
        kind = like(book.store, lead_id, [Alike(name) for name in names], *days)
    if as_json:
        _print(to_json(kind))
    else:
        typer.echo(like_text(kind))


def _book(writes: bool = False) -> Any:
    """The book of cases of the home's store, to be closed; what it writes goes into the chain of evidence with it."""
    from contextlib import contextmanager

    from leads.cases.book import CaseBook
    from leads.evidence.chain import Ledger
    from leads.evidence.sign import signer_of
    from leads.evidence.witness import Witness
    from leads.store.store import home_store
    from pipelines.home import home

    @contextmanager
    def opened() -> Any:
        with home_store(home(), create=False) as store:
            if not writes:
                yield CaseBook(store)
                return
            witness = Witness(Ledger(store, signer_of(home())))
            yield CaseBook(store, witness)
            for thing in witness.altered:
                typer.echo(f"注意 {thing}：数据库记录曾被人为改动，已记入证据链", err=True)
                typer.echo(f"{thing} was changed by hand since it was recorded; weixun leads verify says so", err=True)

    return opened()


def _show(case: "Case", as_json: bool) -> None:
    from pipelines.cased import case_text, json_of

    if as_json:
        _print(json_of(case))
    else:
        typer.echo(case_text(case))


def _day(text: str, option: str) -> Any:
    import datetime as dt

    from leads.priority import SHANGHAI
    from pipelines.errors import BadInputError

    try:
        return dt.date.fromisoformat(text) if text else dt.datetime.now(SHANGHAI).date()
    except ValueError:
        raise BadInputError(f"{option} {text}: write the day as 2026-05-01") from None


def _print(document: Any) -> None:
    import json

    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _console() -> Any:
    import sys

    from rich.console import Console

    # a log has no width of its own; nothing may be cut there
    return Console(width=None if sys.stdout.isatty() else 160)

"""`weixun leads stats`: the leader's numbers."""

from typing import Annotated, Any

import typer

HELP = """Numbers 统计: ground observed and not, leads true and false, and what became of them.

Every figure follows --since and --until; nothing dated after --as-of is seen. Observed ground is counted once however
often it was seen; a case counts once in each step, on the day it first came to it.

\b
Examples:
  weixun leads stats
  weixun leads stats --since 2026-01-01 --until 2026-06-30 --by regulator
  weixun leads stats --as-of 2026-06-30 --aoi hulun_lake --json

Exit codes: 0 done, 2 bad input or no store, 6 store locked.
"""


def stats_command(
    as_of: Annotated[str, typer.Option(help="As on this day; today when left out.", metavar="DATE")] = "",
    since: Annotated[str, typer.Option(help="First day of the period.", metavar="DATE")] = "",
    until: Annotated[str, typer.Option(help="Last day of the period.", metavar="DATE")] = "",
    aoi: Annotated[str, typer.Option(help="Id of an AOI.")] = "",
    by: Annotated[str, typer.Option(help="banner 旗市区 or regulator 监管部门.")] = "banner",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Ask, count, print."""
    import datetime as dt
    import json

    from leads.priority import SHANGHAI
    from leads.stats.numbers import numbers
    from leads.store.store import home_store
    from pipelines.errors import BadInputError
    from pipelines.home import home

    if by not in ("banner", "regulator"):
        raise BadInputError(f"--by {by}: use banner or regulator")
    given = {"--as-of": as_of, "--since": since, "--until": until}
    days = {option: _day(text, option) for option, text in given.items()}
    today = days["--as-of"] or dt.datetime.now(SHANGHAI).date()
    first, last = days["--since"], days["--until"]
    if first and first > min(last or today, today):
        raise BadInputError(f"--since {first} is later than {min(last or today, today)}: the period has no day")
    with home_store(home(), create=False) as store:
        found = numbers(store, today, first, last, aoi or None, "regulator" if by == "regulator" else "banner")
    if as_json:
        typer.echo(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
    else:
        _print(found)


def _print(found: Any) -> None:
    import sys

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from pipelines.shown import plain

    typer.echo(f"{found.since or '起始 beginning'} – {found.until}，截至 as of {found.as_of}")
    for label, value in found.lines():
        typer.echo(f"{label}：{value}")
    head, *rows = found.table()
    table = Table(box=box.SIMPLE_HEAD)
    for place, heading in enumerate(head):
        table.add_column(heading, justify="right" if place else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    typer.echo("线索，非测绘成果、非鉴定意见")


def _day(text: str, option: str) -> Any:
    import datetime as dt

    from pipelines.errors import BadInputError

    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInputError(f"{option} {text}: write the day as 2026-05-01") from None

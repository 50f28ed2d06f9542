"""`weixun leads backup`, `restore` and `move`: the store as a whole."""

from pathlib import Path
from typing import Annotated

import typer

BACKUP_HELP = """Write the whole store into one file 备份线索库.

The file is a SQLite store, whatever database the leads lie in; a patrol may run meanwhile. Images, evidence and
inboxes are files of the home and are copied as such.

\b
Examples:
  weixun leads backup --out backup/store-20260601.sqlite

Exit codes: 0 done, 2 bad input or no store, 6 store locked or disk full.
"""

RESTORE_HELP = """Fill the home's store from a backup 恢复线索库.

The store must be empty or missing: one that holds data is never written over. WEIXUN_STORE names another store.

\b
Examples:
  weixun leads restore backup/store-20260601.sqlite
  WEIXUN_HOME=/srv/weixun weixun leads restore backup/store-20260601.sqlite

Exit codes: 0 done, 2 no such backup, or the store holds data, 6 store locked or disk full.
"""

MOVE_HELP = """Copy the store into another, empty one, and say how to use it 迁移线索库.

The old one stays as it is. Every table is held against what was read before the copy is kept.

\b
Examples:
  weixun leads move --to postgresql+psycopg://weixun@db.example/weixun
  weixun leads move --to sqlite:////srv/weixun/store.sqlite

Exit codes: 0 done, 2 bad input, 6 store locked or disk full.
"""


def backup_command(
    out: Annotated[Path, typer.Option(help="File to write; must not exist.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Copy, count."""
    from leads.store.copies import backup
    from leads.store.store import home_store
    from pipelines.home import home

    with home_store(home(), create=False) as store:
        _say("backup", str(out), backup(store, out), as_json)


def restore_command(
    file: Annotated[Path, typer.Argument(help="What weixun leads backup wrote.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Copy, count."""
    from leads.store.copies import restore
    from leads.store.engine import name_of, parsed
    from leads.store.store import home_url
    from pipelines.home import home

    url = home_url(home())
    _say("restore", name_of(parsed(url)), restore(file, url), as_json)


def move_command(
    to: Annotated[str, typer.Option(help="Address of an empty store.", metavar="URL")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Copy, count."""
    from leads.store.copies import move
    from leads.store.engine import name_of, parsed
    from leads.store.store import home_store
    from pipelines.home import home

    with home_store(home(), create=False) as store:
        count = move(store, to)
    _say("move", name_of(parsed(to)), count, as_json)
    if not as_json:
        typer.echo("set WEIXUN_STORE to that address wherever Weixun runs; the old store was left as it is")


def _say(what: str, where: str, leads: int, as_json: bool) -> None:
    if as_json:
        import json

        typer.echo(json.dumps({"done": what, "store": where, "leads": leads}, ensure_ascii=False))
    else:
        typer.echo(f"{leads} 条线索 leads → {where}")

"""`weixun sources`: where imagery comes from, by name."""

import json
from typing import Annotated

import typer

HELP = """Sources of imagery that `scan --source NAME` can use; they are configured in sources.toml in the home.

\b
Examples:
  weixun sources example > "$WEIXUN_HOME/sources.toml"
  weixun sources list

\b
Secrets do not go into that file. They come from the environment (WEIXUN_<NAME>_CLIENT_ID and _CLIENT_SECRET of
sentinelhub; _TOKEN, or _ACCESS_KEY and _SECRET_KEY of stac), else from secrets/<name>.toml in the home, chmod 600.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_sources(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> int:
    """List what is configured, and whether its credentials are there."""
    from pipelines.errors import Exit
    from pipelines.home import home
    from pipelines.sources import FILE, configured, readiness

    rows = [
        {"name": name, "type": config.type, "ready": ready, "said": said}
        for name, config in configured(home()).named.items()
        for ready, said in [readiness(name, config, home())]
    ]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return Exit.DONE
    for row in rows:
        typer.echo(f"{row['name']:<20} {row['type']:<12} {'ready' if row['ready'] else 'not ready':<10} {row['said']}")
    if not rows:
        typer.echo(f"none configured; write {home() / FILE} (weixun sources example shows one)", err=True)
    return Exit.DONE


@app.command("example")
def example() -> int:
    """Print a sources.toml to begin with."""
    from pipelines.errors import Exit
    from pipelines.sources import EXAMPLE

    typer.echo(EXAMPLE, nl=False)
    return Exit.DONE

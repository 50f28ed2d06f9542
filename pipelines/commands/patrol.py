"""`weixun patrol`: the night watch over areas of interest."""

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer

HELP = """Patrol areas night by night: work what is new, keep leads, write the bulletin.

\b
Examples:
  weixun patrol example > patrol.toml
  weixun patrol run --config patrol.toml --dry-run
  weixun patrol run --config patrol.toml --night 2026-07-21
  weixun patrol serve --config patrol.toml

\b
Secrets do not go into patrol.toml. A webhook's token is WEIXUN_WEBHOOK_TOKEN in the environment or token in
secrets/webhook.toml of the home; a mail server's are WEIXUN_SMTP_USER and WEIXUN_SMTP_PASSWORD or secrets/smtp.toml.
"""

RUN = """Patrol the areas that are due tonight.

\b
Examples:
  weixun patrol run --config patrol.toml
  weixun patrol run --config patrol.toml --night 2026-07-21 --dry-run
"""

SERVE = """Start Prefect's server and a worker on this machine, and patrol by the schedule of the configuration.

The page is on loopback only and nothing is sent anywhere. Both stop on SIGTERM or Ctrl+C.

\b
Examples:
  weixun patrol serve --config patrol.toml
  weixun patrol serve --config patrol.toml --port 4300
"""

BULLETIN = """Write the bulletin of a finished night again.

\b
Example:
  weixun patrol bulletin --config patrol.toml --night 2026-07-21
"""

BACKFILL = """Patrol past nights of an area, the oldest first, as if it had been watched then.

\b
Example:
  weixun patrol backfill --config patrol.toml --since 2024-05-01 --until 2024-10-01 --area hulun_lake
"""

LOOKBACK = """Look again at sites whose deadline is past (回头看): how much ground is restored, left, not observed.

\b
Examples:
  weixun patrol lookback --config patrol.toml
  weixun patrol lookback --config patrol.toml --lead WX-MINE-20260709-y8bs0q4e
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)

Config = Annotated[Path, typer.Option("--config", help="The patrol.toml.")]
Night = Annotated[str, typer.Option("--night", help="ISO date in the patrol's time zone; tonight when left out.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for another patrol of this home instead of being refused.")]


@app.command("run", help=RUN)
def run_command(
    config: Config,
    night: Night = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; fetch nothing.")] = False,
    wait: Wait = False,
    as_json: Json = False,
) -> int:
    """Parse, run, print."""
    from pipelines.home import home
    from pipelines.patrol.config import read_config

    said = read_config(config)
    date = _night(night, said.schedule.tonight())
    if dry_run:
        from pipelines.patrol.forecast import forecast

        told = forecast(said, home(), date)
        typer.echo(json.dumps(told.as_dict(), ensure_ascii=False, indent=2) if as_json else told.summary())
        return 0
    from pipelines.patrol.night import run_night
    from pipelines.progress import reporter

    ended = run_night(said, home(), date, progress=reporter(quiet=as_json), wait_s=-1.0 if wait else 0.0)
    typer.echo(json.dumps(ended.as_dict(), ensure_ascii=False, indent=2) if as_json else ended.summary())
    return int(ended.exit_code)


@app.command("serve", help=SERVE)
def serve_command(
    config: Config,
    port: Annotated[int, typer.Option(help="Of Prefect's page on 127.0.0.1.", min=1, max=65_535)] = 4200,
) -> int:
    """Parse, run, print."""
    from pipelines.home import home
    from pipelines.patrol.config import read_config
    from pipelines.patrol.serve import serve

    said = read_config(config)
    return serve(config.resolve(), said, home(), port)


@app.command("bulletin", help=BULLETIN)
def bulletin_command(config: Config, night: Night = "") -> int:
    """Parse, run, print."""
    from pipelines.home import home
    from pipelines.patrol.again import bulletin_again
    from pipelines.patrol.config import read_config

    said = read_config(config)
    typer.echo(str(bulletin_again(said, home(), _night(night, said.schedule.tonight()))))
    return 0


@app.command("backfill", help=BACKFILL)
def backfill_command(
    config: Config,
    since: Annotated[str, typer.Option("--since", help="ISO date of the first night.")],
    until: Annotated[str, typer.Option("--until", help="ISO date of the last night; yesterday when left out.")] = "",
    area: Annotated[str, typer.Option("--area", help="AOI as the configuration names it; all when left out.")] = "",
    every: Annotated[int, typer.Option("--every", help="Nights between two looks.", min=1)] = 10,
    as_json: Json = False,
) -> int:
    """Parse, run, print."""
    from pipelines.home import home
    from pipelines.patrol.again import backfill
    from pipelines.patrol.config import read_config
    from pipelines.progress import reporter

    said = read_config(config)
    last = _night(until, said.schedule.tonight())
    nights = backfill(said, home(), _night(since, last), last, every, area, reporter(quiet=as_json))
    if as_json:
        typer.echo(json.dumps([night.as_dict() for night in nights], ensure_ascii=False, indent=2))
    else:
        typer.echo("\n\n".join(night.summary() for night in nights))
    return max((int(night.exit_code) for night in nights), default=0)


@app.command("lookback", help=LOOKBACK)
def lookback_command(
    config: Config,
    night: Night = "",
    lead: Annotated[list[str] | None, typer.Option("--lead", help="A lead's id; may be repeated.")] = None,
    as_json: Json = False,
) -> int:
    """Parse, run, print."""
    from pipelines.home import home
    from pipelines.patrol.config import read_config
    from pipelines.patrol.lookback import look_back, rows_of, told
    from pipelines.progress import reporter

    said = read_config(config)
    found = look_back(said, home(), _night(night, said.schedule.tonight()), lead or (), reporter(quiet=as_json))
    if as_json:
        typer.echo(json.dumps(rows_of(found), ensure_ascii=False, indent=2))
    else:
        typer.echo("\n".join(told(found)) or "no site is due 没有到期的地块")
    return 0


@app.command("example")
def example_command() -> int:
    """Print a patrol.toml to begin with."""
    from pipelines.patrol.example import EXAMPLE

    typer.echo(EXAMPLE, nl=False)
    return 0


def _night(text: str, otherwise: dt.date) -> dt.date:
    """An ISO date.

    Raises:
        BadInputError: if it is none.
    """
    from pipelines.errors import BadInputError

    if not text:
        return otherwise
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise BadInputError(f"{text!r} is no date; write one like 2026-07-21") from error

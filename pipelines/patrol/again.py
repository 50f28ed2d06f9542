"""Nights that are gone: their bulletin written anew, an area's past years patrolled."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from leads.store.store import home_store
from pipelines.errors import BadInputError
from pipelines.patrol.alarms import alarms_of
from pipelines.patrol.areafile import AreaNight
from pipelines.patrol.bulletin import gather, write_bulletin
from pipelines.patrol.config import PatrolConfig
from pipelines.patrol.files import Places
from pipelines.patrol.journal import Journal
from pipelines.patrol.lock import alone
from pipelines.patrol.night import Night, Sources, named_source, run_night
from pipelines.progress import Progress
from pipelines.scan import RunBlocks


def bulletin_again(config: PatrolConfig, home: Path, night: dt.date) -> Path:
    """Write the page of a finished night from the store as it is today; reviews since then are in its figures.

    Raises:
        BadInputError: if there was no such night, or it is not over.
    """
    places = Places(home)
    journal = Journal.read(places, night)
    if journal is None or not journal.closed:
        said = "is not over; `weixun patrol run` goes on with it" if journal else "was not patrolled"
        raise BadInputError(f"the night of {night} {said}")
    with alone(places), home_store(home) as store:
        names = [step.removeprefix("area ") for step in journal.done if step.startswith("area ")]
        areas = [AreaNight.read(places.result(night, name, journal.turn)) for name in names]
        heads = {name: journal.done.get(f"evidence {name}", "") for name in names}
        inbox = places.inbox / journal.done["inbox"] if journal.done.get("inbox") else None
        warnings = alarms_of(config.alarms, places, night, areas)
        told = gather(config, places, store, journal, areas, heads, inbox, warnings)
        return write_bulletin(places, told, config.notify.pdf)


def backfill(
    config: PatrolConfig,
    home: Path,
    since: dt.date,
    until: dt.date,
    every: int,
    area: str = "",
    progress: Progress | None = None,
    run_blocks: RunBlocks | None = None,
    sources: Sources = named_source,
) -> tuple[Night, ...]:
    """Patrol past nights, the oldest first. A lead is what its looks say whatever their order, so more may follow.

    Args:
        config: what is watched; nobody is told of past nights.
        home: state folder.
        since: first night.
        until: last night.
        every: nights between two of them; scenes in between are looked at all the same.
        area: an AOI as the configuration names it; empty = all.
        progress: where to report.
        run_blocks: how blocks are run; threads when left out.
        sources: gives the imagery of a watch.

    Raises:
        BadInputError: if the area is not watched or the dates run backwards.
    """
    if area and area not in {watch.aoi for watch in config.watch}:
        raise BadInputError(f"{area!r} is not watched; the configuration has {', '.join(w.aoi for w in config.watch)}")
    if until < since:
        raise BadInputError(f"--since {since} is later than --until {until}; swap them")
    quiet = config.notify.model_copy(update={"webhook": None, "mail": None, "pdf": False})
    past = config.model_copy(update={"notify": quiet})
    only = [area] if area else [watch.aoi for watch in config.watch]
    return tuple(
        run_night(past, home, night, progress=progress, run_blocks=run_blocks, sources=sources, only=only)
        for night in _nights(since, until, every)
    )


def _nights(since: dt.date, until: dt.date, every: int) -> Iterator[dt.date]:
    night = since
    while night < until:
        yield night
        night += dt.timedelta(days=every)
    yield until

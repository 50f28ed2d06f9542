"""One night: every area that is due, the store, the evidence, the desk, and the page of the morning."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely
import sqlalchemy as sa

from aoi.errors import AoiError
from aoi.model import Aoi
from aoi.read import read_aoi
from imagery.errors import ImageryError
from imagery.providers.provider import Provider
from leads.evidence.chain import Ledger
from leads.evidence.sign import signer_of
from leads.evidence.witness import Witness
from leads.store import tables
from leads.store.records import RunRecord
from leads.store.store import LeadQuery, Store, home_store
from pipelines.connect import imagery_of
from pipelines.errors import Exit
from pipelines.patrol.area import FOUND, Gathered, Patrol, look, seen_ground
from pipelines.patrol.areafile import AREA, NEWS, SNAPSHOT, AreaNight, note_costs, note_looked, note_troubles
from pipelines.patrol.config import PatrolConfig, Watch
from pipelines.patrol.due import Due, due_tonight, since_when
from pipelines.patrol.files import Places, read_json, write_json
from pipelines.patrol.ground import joined
from pipelines.patrol.guard import bounded, check_room, retain
from pipelines.patrol.journal import Journal
from pipelines.patrol.lock import alone
from pipelines.patrol.logs import LOG, logged
from pipelines.patrol.metrics import LEADS, NIGHT, OBSERVED, note_gpus, serve_metrics
from pipelines.patrol.morning import morning
from pipelines.patrol.news import News, news_since, remember
from pipelines.patrol.tonight import Tonight
from pipelines.progress import Progress, Silent
from pipelines.run import code_version
from pipelines.scan import RunBlocks, in_threads

Sources = Callable[[Watch, Path], AbstractContextManager[Provider]]


@dataclass(frozen=True)
class Night:
    """How a night ended."""

    night: dt.date
    turn: int
    areas: tuple[AreaNight, ...]
    bulletin: Path | None
    inbox: Path | None
    notes: tuple[str, ...] = ()
    news: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """Ids of leads by area and what became of them."""

    @property
    def exit_code(self) -> Exit:
        """0, or 3 where something failed and the rest was done."""
        return Exit.PARTIAL if any(area.partial for area in self.areas) else Exit.DONE

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "night": self.night.isoformat(),
            "turn": self.turn,
            "exit_code": int(self.exit_code),
            "areas": [area.as_dict() for area in self.areas],
            "bulletin": str(self.bulletin) if self.bulletin else None,
            "inbox": str(self.inbox) if self.inbox else None,
            "notes": list(self.notes),
            "news": {aoi: dict(news) for aoi, news in self.news.items()},
        }

    def summary(self) -> str:
        """What a person wants to know in the morning, and where to read on."""
        lines = [f"night of {self.night}", *(line for area in self.areas for line in area.lines()), *self.notes]
        counts = Counter(word for news in self.news.values() for word, ids in news.items() for _ in ids)
        lines.append("leads 线索: " + (", ".join(f"{count} {word}" for word, count in counts.items()) or "nothing new"))
        lines += [f"bulletin: {self.bulletin}"] if self.bulletin else []
        lines += [f"inbox: {self.inbox}"] if self.inbox else []
        return "\n".join(lines)


def named_source(watch: Watch, home: Path) -> AbstractContextManager[Provider]:
    """The imagery of a watch."""
    return imagery_of(watch.archive, watch.source, home)


def run_night(
    config: PatrolConfig,
    home: Path,
    night: dt.date,
    *,
    progress: Progress | None = None,
    run_blocks: RunBlocks | None = None,
    sources: Sources = named_source,
    wait_s: float = 0.0,
    only: Sequence[str] = (),
) -> Night:
    """Patrol the areas that are due; nights that a crash left unfinished are finished first.

    Args:
        config: what is watched.
        home: state folder.
        night: the date that it is in the patrol's time zone.
        progress: where to report.
        run_blocks: how blocks are run; threads when left out.
        sources: gives the imagery of a watch.
        wait_s: how long to wait for another patrol of this home; −1 = until it is over.
        only: AOIs (as the configuration names them) to patrol, their turn or not; none = all due.

    Raises:
        PatrolBusyError: if another patrol is at work.
        NoRoomError: if the disk has too little room.
        BadInputError: if an AOI or a detector does not exist.
        StoreError: if the store can not be used.
    """
    with _at_work(config, home, progress, run_blocks, sources, wait_s) as tools:
        for earlier in Journal.left_open(tools.places):
            if earlier < night:
                LOG.warning("the night of %s was not finished; it is now", earlier)
                _patrol(tools, earlier, ())
        ended = _patrol(tools, night, only)
        freed = retain(tools.places, config.keep, night)
        LOG.info("the night is over", extra={"night": night, "bytes": freed})
    return ended


def finish_nights(
    config: PatrolConfig,
    home: Path,
    *,
    progress: Progress | None = None,
    run_blocks: RunBlocks | None = None,
    sources: Sources = named_source,
    wait_s: float = 0.0,
) -> tuple[Night, ...]:
    """Finish the nights that a crash left unfinished, the oldest first, and begin none.

    Args:
        config: what is watched.
        home: state folder.
        progress: where to report.
        run_blocks: how blocks are run; threads when left out.
        sources: gives the imagery of a watch.
        wait_s: how long to wait for another patrol of this home; −1 = until it is over.

    Raises:
        PatrolBusyError: if another patrol is at work.
        NoRoomError: if the disk has too little room.
        StoreError: if the store can not be used.
    """
    with _at_work(config, home, progress, run_blocks, sources, wait_s) as tools:
        return tuple(_patrol(tools, night, ()) for night in Journal.left_open(tools.places))


@dataclass(frozen=True)
class _Tools:
    config: PatrolConfig
    places: Places
    store: Store
    progress: Progress
    run_blocks: RunBlocks | None
    sources: Sources

    def runner(self) -> RunBlocks:
        return self.run_blocks or in_threads(self.config.work.workers)


@contextmanager
def _at_work(
    config: PatrolConfig,
    home: Path,
    progress: Progress | None,
    run_blocks: RunBlocks | None,
    sources: Sources,
    wait_s: float,
) -> Iterator[_Tools]:
    """Holds the home's lock and its store; what a crash left open in the store is closed first."""
    places = Places(home)
    serve_metrics(config.work.metrics_port)
    with alone(places, wait_s), home_store(home) as store:
        check_room(places, config.keep)
        close_left_open(store, places)
        yield _Tools(bounded(config, home), places, store, progress or Silent(), run_blocks, sources)
    NIGHT.set_to_current_time()
    note_gpus()


def _patrol(tools: _Tools, night: dt.date, only: Sequence[str]) -> Night:
    """One night, from where it is."""
    watches = [watch for watch in tools.config.watch if (watch.aoi in only if only else watch.due(night))]
    named = {watch.aoi: watch for watch in tools.config.watch}
    with logged(tools.places, night):
        journal = Journal.opened(tools.places, night, [watch.aoi for watch in watches])
        areas: list[AreaNight] = []
        for name in journal.areas:
            if name in named:
                journal, area = _area(tools, journal, named[name])
                areas.append(area)
        return _ended(tools, journal, areas)


def _ended(tools: _Tools, journal: Journal, areas: Sequence[AreaNight]) -> Night:
    journal, bulletin, inbox, notes = morning(tools.config, tools.places, tools.store, journal, areas)
    journal.end()
    news = {one.aoi: read_json(tools.places.result(journal.night, one.aoi, journal.turn) / NEWS) for one in areas}
    return Night(journal.night, journal.turn, tuple(areas), bulletin, inbox, notes, news)


def _area(tools: _Tools, journal: Journal, watch: Watch) -> tuple[Journal, AreaNight]:
    """An area's night, unless it is over already."""
    home = tools.places.home
    aoi = read_aoi(watch.aoi, home)
    run_id = journal.run_id(aoi.id)
    folder = tools.places.result(journal.night, aoi.id, journal.turn)
    step = f"area {aoi.id}"
    if step in journal.done:
        return journal, AreaNight.read(folder)
    begin(tools.store, run_id, aoi.id, journal.night, folder.relative_to(home).as_posix(), "patrol")
    area = _committed(tools.store, run_id, aoi.id, folder) or _looked(tools, journal, watch, aoi, run_id, folder)
    news = news_since(folder / SNAPSHOT, tools.store.leads(LeadQuery(aoi=aoi.id, merged=True)))
    write_json(folder / NEWS, {name: list(ids) for name, ids in news.as_dict().items()})
    _remember_state(tools, area, journal.night)
    tools.store.finish_run(run_id, int(area.exit_code), area.sha256, dt.datetime.now(dt.UTC))
    _count(area, news)
    return journal.with_step(step, run_id), area


def begin(store: Store, run_id: str, aoi: str, night: dt.date, folder: str, kind: str) -> None:
    """Enter a run in the store; one that a crash left is gone on with."""
    now = dt.datetime.now(dt.UTC)
    store.begin_run(RunRecord(run_id, kind, aoi, night, now, None, 0, code_version(), f"{folder}/{AREA}", ""))


def _committed(store: Store, run_id: str, aoi: str, folder: Path) -> AreaNight | None:
    """What an area's night found, where a crash came after the store had it and before the night was over."""
    rows = sa.select(tables.coverage.c.id).where(tables.coverage.c.run_id == run_id, tables.coverage.c.aoi == aoi)
    with store.reading() as connection:
        known = connection.execute(rows.limit(1)).first() is not None
    return AreaNight.read(folder) if known and (folder / AREA).exists() else None


def _looked(tools: _Tools, journal: Journal, watch: Watch, aoi: Aoi, run_id: str, folder: Path) -> AreaNight:
    """Look at what is due, and hand it to the store in one transaction."""
    night, store = journal.night, tools.store
    try:
        with tools.sources(watch, tools.places.home) as provider:
            due, source = ask(tools.config, watch, aoi, provider, store, tools.places.home, night)
            patrol = Patrol(tools.config, tools.places, source, tools.progress, tools.runner(), folder)
            gathered = look(due, patrol, run_id)
    except (ImageryError, AoiError) as error:
        # The source could not be asked: the area was not seen tonight, and the others may well be.
        said = " ".join(str(error).split())
        LOG.error("an area could not be looked at: %s", said, extra={"run": run_id, "aoi": aoi.id})
        area = AreaNight.blind(aoi, run_id, night, journal.turn, said)
        area.write(folder)
        remember(folder / SNAPSHOT, store.leads(LeadQuery(aoi=aoi.id, merged=True)))
        return area
    area = AreaNight.of(due, gathered, night, journal.turn)
    area.write(folder)
    remember(folder / SNAPSHOT, store.leads(LeadQuery(aoi=aoi.id, merged=True)))
    _keep_ground_aside(folder, gathered)
    witness = Witness(Ledger(store, signer_of(tools.places.home)), run_id)
    coverage, seen = tuple(gathered.coverage.values()), tuple(gathered.seen.values())
    store.night(run_id, aoi.id, gathered.looks, coverage, seen, witness)
    for thing in witness.altered:
        LOG.error("%s was changed by hand since it was recorded", thing, extra={"run": run_id, "aoi": aoi.id})
    note_costs(tools.places, gathered)
    return area


def ask(
    config: PatrolConfig, watch: Watch, aoi: Aoi, provider: Provider, store: Store, home: Path, night: dt.date
) -> tuple[Due, Tonight]:
    """What an area is due on a night, and the source to look at it with."""
    since = since_when(config, store, aoi.id, night)
    source = Tonight(provider, night, since - dt.timedelta(days=1), config.before.scenes)
    return due_tonight(config, watch, aoi, source, store, home, since), source


_GROUND = "ground.json"


def _keep_ground_aside(folder: Path, gathered: Gathered) -> None:
    """The ground seen, in the night's folder until the night is in the store."""
    grounds = {name: joined(found).wkb.hex() for name, found in gathered.clear.items() if found}
    write_json(folder / _GROUND, grounds)
    write_json(folder / FOUND, {"found": gathered.found})


def _remember_state(tools: _Tools, area: AreaNight, night: dt.date) -> None:
    """What outlives the night and is no lead; each step may be taken twice."""
    folder = tools.places.result(night, area.aoi, area.turn)
    ground = seen_ground(tools.places, area.aoi)
    for detector, wkb in read_json(folder / _GROUND).items():
        ground.add(detector, shapely.from_wkb(wkb))
    note_looked(tools.places, area)
    note_troubles(tools.places, area, night)


def _count(area: AreaNight, news: News) -> None:
    OBSERVED.labels(area.aoi).set(area.observed_share)
    for what, ids in news.as_dict().items():
        LEADS.labels(what).inc(len(ids))


def close_left_open(store: Store, places: Places) -> tuple[str, ...]:
    """Close runs of the store that no journal will finish: the janitor's work in the store."""
    going_on = set(Journal.left_open(places))
    closed = []
    for run in store.runs():
        if run.finished is None and run.kind == "patrol" and run.night not in going_on:
            LOG.warning("a run that a crash left is closed", extra={"run": run.id, "aoi": run.aoi})
            store.finish_run(run.id, int(Exit.FAULT), "", dt.datetime.now(dt.UTC))
            closed.append(run.id)
    return tuple(closed)

"""The store of leads: one door for SQLite and PostGIS.

Only this code writes leads. A night is one transaction; facts are appended and never changed.
"""

import datetime as dt
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy.engine import URL, Connection, Engine

from leads.store import night, query, reviews, runs, tables, zones
from leads.store.engine import WAIT_S, connect, name_of, parsed, reading, writing
from leads.store.errors import StoreError
from leads.store.outcome import NightResult, Outcome
from leads.store.query import LeadQuery
from leads.store.records import (
    CoverageRecord,
    KnownZone,
    LeadRecord,
    ObservationRecord,
    OutlineKind,
    OutlineRecord,
    ReviewEvent,
    RunRecord,
    SeenScene,
)
from leads.store.schema import bring_up
from leads.store.sightings import observations_of
from leads.store.watching import Watching
from leads.tracking.look import Look

__all__ = ["LeadQuery", "NightResult", "Outcome", "Store", "home_store", "home_url"]

EVERYTHING = LeadQuery()


@dataclass(frozen=True)
class Store:
    """Leads, and everything that is known of them."""

    engine: Engine
    """For rooms that keep tables of their own in it; they open transactions with `reading` and `writing`."""

    name: str
    """How messages call it."""

    @classmethod
    def open(cls, url: str, create: bool = True, wait_s: float = WAIT_S) -> Self:
        """Opens a store and brings its tables to this program's version.

        Args:
            url: ``sqlite:////absolute/path`` or ``postgresql+psycopg://user@host/database``.
            create: whether to make it where there is none. Without, a file that may only be read is opened so.
            wait_s: how long to wait for another writer.

        Raises:
            StoreError: if there is none, or it can not be opened.
            StoreLockedError: if another program holds it.
            StoreVersionError: if a newer Weixun made it; nothing is changed then.
            leads.errors.DiskFullError: if there is no room for its tables.
        """
        address = parsed(url)
        name = name_of(address)
        read_only = address.get_backend_name() == "sqlite" and _prepared(address, name, create)
        engine = connect(address, wait_s, read_only)
        try:
            bring_up(engine, name, create)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, name)

    def close(self) -> None:
        """Closes its connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        """For `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        self.close()

    def reading(self) -> AbstractContextManager[Connection]:
        """One transaction that only reads; errors come in our words."""
        return reading(self.engine, self.name)

    def writing(self, alone: bool = False) -> AbstractContextManager[Connection]:
        """One transaction that writes: all of it or nothing; errors come in our words.

        Args:
            alone: whether it must not run beside a night or another such transaction.
        """
        return writing(self.engine, self.name, alone)

    # --- runs ----------------------------------------------------------------------------------------------------

    def begin_run(self, run: RunRecord) -> None:
        """Enters a run; one that is there already stays as it is."""
        with self.writing() as connection:
            runs.begin(connection, run)

    def finish_run(self, run_id: str, exit_code: int, run_sha256: str, at: dt.datetime) -> None:
        """Notes how a run ended."""
        with self.writing() as connection:
            runs.finish(connection, run_id, exit_code, run_sha256, at)

    def runs(
        self, aoi: str | None = None, since: dt.date | None = None, until: dt.date | None = None
    ) -> tuple[RunRecord, ...]:
        """Runs by night, both ends included."""
        with self.reading() as connection:
            return runs.runs(connection, aoi, since, until)

    def night(
        self,
        run_id: str,
        aoi: str,
        looks: Sequence[Look],
        coverage: Sequence[CoverageRecord],
        scenes: Sequence[SeenScene],
        watching: Watching | None = None,
    ) -> NightResult:
        """Writes all that a night saw, in one transaction: it is in the store whole or not at all.

        Nights may come in any order and more than once: the leads are the same in the end.

        Args:
            run_id: the run that saw it.
            aoi: the area; looks of another are refused.
            looks: one per detector and clear solar day.
            coverage: what was seen and what was not.
            scenes: that blocks have now been worked with.
            watching: stands by and records in the same transaction (`leads.evidence.witness`). A home whose evidence
                is kept needs it: what else changes a lead counts as changed by hand.

        Raises:
            StoreError: if a look is of another area.
            StoreLockedError: if another program holds the store.
            leads.errors.DiskFullError: if there is no room; the store is as before then.
        """
        strange = {look.aoi for look in looks} - {aoi}
        if strange:
            raise StoreError(
                f"a night of {aoi} has looks at {', '.join(sorted(strange))}: write them as nights of those"
            )
        with self.writing(alone=True) as connection:
            runs.cover(connection, coverage)
            runs.remember(connection, scenes)
            return night.take_in(connection, run_id, looks, dt.datetime.now(dt.UTC), watching)

    # --- leads ---------------------------------------------------------------------------------------------------

    def lead(self, lead_id: str) -> LeadRecord | None:
        """A lead by its id, also one that has ended in another."""
        return next(self.leads(LeadQuery(ids=(lead_id,))), None)

    def leads(self, query_: LeadQuery = EVERYTHING) -> Iterator[LeadRecord]:
        """Leads by id, streamed; those that ended in another only where asked for."""
        with self.reading() as connection:
            yield from query.leads(connection, query_)

    def count(self, query_: LeadQuery = EVERYTHING) -> int:
        """How many leads."""
        with self.reading() as connection:
            return query.count(connection, query_)

    def observations(self, lead_id: str) -> tuple[ObservationRecord, ...]:
        """Clear looks at a lead by day: those that showed it, and those that did not."""
        with self.reading() as connection:
            return observations_of(connection, lead_id)

    def outlines(self, lead_id: str) -> tuple[OutlineRecord, ...]:
        """Outlines of a lead by version."""
        c = tables.outlines.c
        with self.reading() as connection:
            found = connection.execute(tables.outlines.select().where(c.lead_id == lead_id).order_by(c.version, c.id))
            return tuple(
                OutlineRecord(
                    **{name: row[name] for name in row if name not in ("id", "kind")}, kind=OutlineKind(row["kind"])
                )
                for row in found.mappings()
            )

    def reviews(self, lead_id: str) -> tuple[ReviewEvent, ...]:
        """Verdicts on a lead, the first first."""
        c = tables.reviews.c
        with self.reading() as connection:
            found = connection.execute(tables.reviews.select().where(c.lead_id == lead_id).order_by(c.id)).mappings()
            return tuple(
                ReviewEvent(**{name: row[name] for name in row if name not in ("judged", "drawn_sha256")})
                for row in found
            )

    def review(
        self,
        lead_id: str,
        base_version: int,
        status: str,
        reason: str,
        remark: str,
        reviewer: str,
        at: dt.datetime,
        source: str,
        source_sha256: str,
        outline: BaseGeometry | None = None,
        survey_m2: float | None = None,
    ) -> Outcome:
        """Takes over an analyst's verdict on the version that they saw; anything else is reported, nothing overwritten.

        Args:
            lead_id: the lead.
            base_version: version that the analyst had before them.
            status: one of `leads.fields.STATUS`.
            reason: one of `leads.fields.REASONS`, required with ``rejected``.
            remark: free text.
            reviewer: who.
            at: when, UTC.
            source: file it came in, or ``postgis``.
            source_sha256: of that file.
            outline: drawn by the analyst, EPSG:4326.
            survey_m2: area of a survey.
        """
        verdict = reviews.Verdict(
            lead_id, base_version, status, reason, remark, reviewer, at, source, source_sha256,
            None if outline is None else shapely.force_2d(outline), survey_m2,
        )  # fmt: skip
        with self.writing() as connection:
            return reviews.enter(connection, verdict)

    # --- ground --------------------------------------------------------------------------------------------------

    def seen_scenes(self, aoi: str, block: str) -> frozenset[str]:
        """Ids of the scenes that a block has been worked with."""
        with self.reading() as connection:
            return runs.seen_scenes(connection, aoi, block)

    def coverage(self, aoi: str, since: dt.date, until: dt.date) -> Iterator[CoverageRecord]:
        """What was seen of an AOI between two days, both included."""
        with self.reading() as connection:
            yield from runs.covered(connection, aoi, since, until)

    def zones(self, aoi: str) -> tuple[KnownZone, ...]:
        """Zones of recurring false leads that are proposed or accepted."""
        with self.reading() as connection:
            return zones.zones(connection, aoi)

    def propose_zone(self, aoi: str, detector: str, geometry: BaseGeometry, reason: str) -> KnownZone:
        """Proposes a zone; rejections propose theirs by themselves."""
        with self.writing() as connection:
            return zones.propose(connection, aoi, detector, geometry, reason)

    def decide_zone(self, zone_id: int, accepted: bool, by: str) -> KnownZone:
        """Accepts or declines a zone."""
        with self.writing() as connection:
            return zones.decide(connection, zone_id, accepted, by)


def _prepared(address: URL, name: str, create: bool) -> bool:
    """Makes the folder of a SQLite store, and says whether the store may only be read."""
    file = Path(str(address.database))
    if create:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{name}: its folder can not be made ({error.strerror}); name another") from error
        return False
    if not file.is_file():
        raise StoreError(f"there is no store {name}: a patrol or the demo makes it, WEIXUN_STORE names another")
    journal = file.with_name(f"{file.name}-wal")
    whole = not journal.exists() or not journal.stat().st_size
    return whole and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK))


def home_url(home: Path) -> str:
    """Address of a home's store: WEIXUN_STORE, or ``store.sqlite`` in the home."""
    named = os.environ.get("WEIXUN_STORE")
    return named or URL.create("sqlite", database=str(home.resolve() / "store.sqlite")).render_as_string()


def home_store(home: Path, create: bool = True) -> Store:
    """The store of a home."""
    return Store.open(home_url(home), create)

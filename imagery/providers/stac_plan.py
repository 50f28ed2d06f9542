"""Which days of which ground must be asked about again, and asking."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

from shapely.geometry.base import BaseGeometry

from imagery.providers.provider import Quarantined
from imagery.providers.stac_index import Cell, Index, Listing, State, cells_of, ground_of
from imagery.providers.stac_item import Kept, Trust, UnusableItemError, kept
from imagery.providers.stac_listing import Service, Wish
from imagery.remote.retry import SYSTEM, Clock

DAY_S = 86_400.0
DATES = ("updated", "created")
"""Properties that tell what is new, the better one first."""


@dataclass(frozen=True)
class Freshness:
    """When what was listed is asked about again."""

    fresh_s: float = 600.0
    """What was asked about so lately is not asked about again."""

    late_s: float = 10 * DAY_S
    """Services publish so late: where nothing tells what is new, a day that was asked about sooner than this after its
    end is asked about again."""

    overlap_s: float = 3 * DAY_S
    """What is new is asked for from so long before the last time: clocks differ, and indexing takes its time."""

    relist_s: float = 30 * DAY_S
    """After so long all is listed again: what has vanished shows in no other way."""


@dataclass(frozen=True)
class Gap:
    """Ground and days that must be listed in full."""

    cells: frozenset[Cell]
    first: dt.date
    last: dt.date


@dataclass(frozen=True)
class Plan:
    """What must be asked."""

    gaps: tuple[Gap, ...]
    news: tuple[Gap, float] | None = None
    """Ground and days of which only what is newer than a time (seconds since 1970) is asked for."""


def plan(
    states: Mapping[tuple[Cell, int], State],
    cells: Collection[Cell],
    days: tuple[dt.date, dt.date],
    now: float,
    dated: bool,
    freshness: Freshness,
) -> Plan:
    """What must be asked to know all of some days of some cells.

    Args:
        states: what was listed before.
        cells: all that are wanted.
        days: first and last UTC day, both inclusive.
        now: seconds since 1970.
        dated: whether the service can be asked for what is new.
        freshness: when to ask again.
    """
    missing: dict[int, frozenset[Cell]] = {}
    old: list[tuple[Cell, int, float]] = []
    for day in range(days[0].toordinal(), days[1].toordinal() + 1):
        absent = set()
        for cell in cells:
            state = states.get((cell, day))
            if state is None or now - state.listed > freshness.relist_s or state.listed > now + DAY_S:
                absent.add(cell)
            elif abs(now - state.asked) > freshness.fresh_s:
                if dated:
                    old.append((cell, day, state.asked))
                elif state.asked < _end_s(day) + freshness.late_s:
                    absent.add(cell)
        if absent:
            missing[day] = frozenset(absent)
    return Plan(tuple(_gaps(missing)), _news(old))


def _end_s(day: int) -> float:
    end = dt.datetime.combine(dt.date.fromordinal(day), dt.time(), dt.UTC) + dt.timedelta(days=1)
    return end.timestamp()


def _gaps(missing: Mapping[int, frozenset[Cell]]) -> Iterator[Gap]:
    """Runs of days of one month that lack the same cells: small enough to be asked beside each other."""

    def run(place: tuple[int, int]) -> tuple[object, ...]:
        number, day = place
        return day - number, dt.date.fromordinal(day).replace(day=1), missing[day]

    for _, group in groupby(enumerate(sorted(missing)), key=run):
        found = [day for _, day in group]
        yield Gap(missing[found[0]], dt.date.fromordinal(found[0]), dt.date.fromordinal(found[-1]))


def _news(old: list[tuple[Cell, int, float]]) -> tuple[Gap, float] | None:
    if not old:
        return None
    days = [day for _, day, _ in old]
    first, last = dt.date.fromordinal(min(days)), dt.date.fromordinal(max(days))
    return Gap(frozenset(cell for cell, _, _ in old), first, last), min(asked for _, _, asked in old)


@dataclass(frozen=True)
class Lister:
    """Keeps the index of one service up to date."""

    service: Service
    index: Index
    trust: Trust
    freshness: Freshness = Freshness()
    threads: int = 4
    clock: Clock = SYSTEM

    def refresh(self, collection: str, ground: BaseGeometry, first: dt.date, last: dt.date) -> tuple[Quarantined, ...]:
        """List what the index does not know yet.

        Args:
            collection: id at the service.
            ground: in EPSG:4326.
            first: UTC day.
            last: UTC day, inclusive.

        Returns:
            Items that were listed but are of no use, with the reason.

        Raises:
            ProviderError: if the service can not be asked or answers nonsense; what was listed whole stays listed.
        """
        now = self.clock.now().timestamp()
        cells = cells_of(ground)
        states = self.index.states(collection, cells, first, last)
        dated = self.index.dated_by(collection)
        todo = plan(states, cells, (first, last), now, bool(dated), self.freshness)
        refused: list[Quarantined] = []
        if todo.news is not None and dated:
            gap, since = todo.news
            wish = self._wish(
                collection, gap, (dated, dt.datetime.fromtimestamp(since - self.freshness.overlap_s, dt.UTC))
            )
            refused += self._take(wish, gap.cells, now)
        if todo.gaps:
            self.service.open()
            with ThreadPoolExecutor(self.threads) as pool:
                jobs = [pool.submit(self._take, self._wish(collection, gap, None), gap.cells, now) for gap in todo.gaps]
                try:
                    for job in jobs:
                        refused += job.result()
                finally:
                    pool.shutdown(cancel_futures=True)
        return tuple(sorted(set(refused), key=lambda one: one.scene_id))

    def _wish(self, collection: str, gap: Gap, since: tuple[str, dt.datetime] | None) -> Wish:
        return Wish(collection, ground_of(gap.cells), gap.first, gap.last, since)

    def _take(self, wish: Wish, cells: frozenset[Cell], now: float) -> list[Quarantined]:
        """Ask for one listing and write it down."""
        found: dict[str, Kept] = {}
        refused: list[Quarantined] = []
        for page in self.service.pages(wish):
            for item in page:
                try:
                    one = kept(item, self.trust, wish.collection)
                except UnusableItemError as error:
                    name = item.get("id") if isinstance(item, dict) else None
                    refused.append(Quarantined(str(name)[:200], f"The item {str(name)[:200]!r} is of no use: {error}."))
                    continue
                # a service that ignores what it is asked for must not fill the index with the world
                if wish.first <= one.when.date() <= wish.last and one.footprint.intersects(wish.ground):
                    found[one.id] = one
        listing = Listing(wish.collection, cells, wish.first, wish.last, tuple(found.values()), now, wish.since is None)
        self.index.write(listing)
        if wish.since is None:
            self._learn_dates(wish.collection, listing.items)
        elif any(_before(item, wish.since) for item in listing.items):
            self.index.set_dated_by(wish.collection, "")  # it listed what is old as well: it does not compare
        return refused

    def _learn_dates(self, collection: str, items: Collection[Kept]) -> None:
        """Note by which property this collection says what is new, once there is something to see."""
        if items and self.index.dated_by(collection) is None:
            every = [name for name in DATES if all(name in item.content["properties"] for item in items)]
            self.index.set_dated_by(collection, every[0] if every and self.service.can_filter else "")


def _before(item: Kept, since: tuple[str, dt.datetime]) -> bool:
    name, when = since
    try:
        said = dt.datetime.fromisoformat(str(item.content["properties"].get(name)))
    except ValueError:
        return False
    return (said if said.tzinfo else said.replace(tzinfo=dt.UTC)) < when

"""A lake through time: its area and shore on every clear day, its season without ice, and its blooms."""

import datetime as dt
import hashlib
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.grid import Block, blocks_of, to_crs
from aoi.model import Aoi
from detectors.hulun_lake import APART_DAYS, BLOOM_SEASON
from imagery.compose import Failure, solar_days
from imagery.providers.provider import Provider
from imagery.scene import Scene
from leads.area import CELL_PX, LEVEL_PX, SHAPE_PX, SIGMAS
from pipelines.bring import MARGIN_DEG
from pipelines.errors import NothingObservedError
from pipelines.lakelooks import NOTHING, Look, Seen, look_at_block
from pipelines.plan import grid_gsd_m, scenes_over
from pipelines.progress import Progress, Silent
from pipelines.request import DateRange

LAKE_BLOCK_PX = 512
"""Smaller than in a scan: outlines of all days of a block are made at once."""

ENOUGH_SHORE, ENOUGH_LAKE = 0.8, 0.5
"""Shares of the shore's ground and of all possible water that must be seen for an area to be stated."""

LEAST_SEEN = 0.01
"""A day that saw less than this share of the area of interest is not listed."""

OPEN = 0.02
"""Share of the water under ice up to which a day counts as open: stray bright pixels are no ice."""

FREEZING_BEGINS = (7, 15)
"""Ice before this day of the year is the last of a winter, after it the first of the next."""

LEAST_BLOOM_M2 = 10_000.0
"""Algae on less are taken for noise."""


@dataclass(frozen=True)
class LakeDay:
    """One solar day. Areas in km²."""

    day: dt.date
    observed: float
    """Share of the ground that is water at any time which was seen, 0–1; ice counts as seen."""

    area: float | None
    """None = too little of the shore was seen, or there was ice."""

    low: float
    """NaN under ice, as `high`."""

    high: float
    """Takes ground that was not seen for water if it was water on any day asked for: a flood above all of them, under
    cloud, would not be in it."""

    ice: float
    """Share of the possible water that was seen under ice, 0–1; NaN = nothing seen."""

    bloom: float
    bloom_state: str
    """``confirmed`` on two dates of a season, ``once``, or empty."""

    shore_km: float
    sensors: tuple[str, ...] = ()


@dataclass(frozen=True)
class IceYear:
    """When a year was free of ice, as far as it was seen."""

    year: int
    last_ice: dt.date | None
    first_open: dt.date | None
    last_open: dt.date | None
    first_ice: dt.date | None

    @property
    def days(self) -> tuple[int, int] | None:
        """Shortest and longest season that the looks allow; None where an end was not seen."""
        ends = (self.last_ice, self.first_open, self.last_open, self.first_ice)
        if None in ends:
            return None
        last_ice, first_open, last_open, first_ice = (end.toordinal() for end in ends if end is not None)
        return last_open - first_open + 1, max(first_ice - last_ice - 1, 0)


@dataclass(frozen=True, eq=False)
class LakeRecord:
    """What was found."""

    aoi: Aoi
    source: str
    dates: DateRange
    gsd_m: float
    days: tuple[LakeDay, ...]
    years: tuple[IceYear, ...]
    shores: Mapping[dt.date, BaseGeometry]
    """Line between water and land on the days whose area is stated, EPSG:4326."""

    waters: Mapping[dt.date, BaseGeometry]
    ever: float
    """Ground that was water at least once, km²."""

    skipped: int
    """Days that saw next to nothing."""

    scenes: tuple[Scene, ...]
    failures: tuple[Failure, ...]

    @property
    def aoi_sha256(self) -> str:
        """Of the area of interest's geometry."""
        return hashlib.sha256(self.aoi.geometry.wkb).hexdigest()


def observe_lake(aoi: Aoi, source: Provider, dates: DateRange, progress: Progress | None = None) -> LakeRecord:
    """Follow a lake.

    Args:
        aoi: the lake with its shore; other water in it counts as well.
        source: of optical scenes.
        dates: inclusive.
        progress: told of scenes and of days of blocks.

    Raises:
        NothingObservedError: if there is no scene, or no day saw the lake.
        ProviderError: if the source can not be asked.
    """
    shown = progress or Silent()
    asked = tuple(scene for scene in source.search(aoi.geometry, *dates) if scene.optical)
    if not asked:
        raise NothingObservedError(f"{source.name} has no optical scene over {aoi.id!r} from {dates[0]} to {dates[1]}")
    gsd_m = grid_gsd_m(asked)
    blocks = blocks_of(aoi.geometry, gsd_m, 0, LAKE_BLOCK_PX)
    ground = shapely.union_all([to_crs(block.geobox.extent.geom, block.epsg, 4326) for block in blocks])
    with shown.stage("fetch", len(asked)) as step:
        fetched = source.fetch(asked, ground.buffer(MARGIN_DEG, join_style="mitre"), step)
    lost = tuple(Failure(one.scene_id, one.reason) for one in (*source.refused, *fetched.quarantined))
    seen = _blocks(blocks, aoi, fetched.scenes, shown)
    record = _record(aoi, seen, fetched.scenes)
    if not record.days:
        raise NothingObservedError(
            f"no day from {dates[0]} to {dates[1]} saw {aoi.id!r}: all of it was cloud or nodata"
        )
    failures = tuple(sorted({*lost, *record.failures}, key=lambda one: (one.scene_id, one.reason)))
    return replace(record, source=source.name, dates=dates, gsd_m=gsd_m, failures=failures)


def _blocks(blocks: Sequence[Block], aoi: Aoi, scenes: Sequence[Scene], progress: Progress) -> list[Seen]:
    plans = [(block, solar_days(scenes_over(scenes, block))) for block in blocks]
    with (
        tempfile.TemporaryDirectory(prefix="weixun-lake-") as folder,
        progress.stage("lake", sum(len(days) for _, days in plans)) as step,
    ):
        return [look_at_block(block, aoi.geometry, days, Path(folder), step) for block, days in plans]


def _record(aoi: Aoi, seen: Sequence[Seen], scenes: Sequence[Scene]) -> LakeRecord:
    total, ever = sum(one.ground for one in seen), sum(one.ever for one in seen)
    by_day = solar_days(scenes)
    days, shores, waters, skipped = [], {}, {}, 0
    for day, used in by_day.items():
        # a block that no scene of the day touches saw nothing: what may be water in it is unknown
        parts = [one.looks.get(day, replace(NOTHING, unknown=one.ever)) for one in seen]
        look = reduce(add, parts, NOTHING)
        if look.observed + look.ice < LEAST_SEEN * total:
            skipped += 1
            continue
        found = measured(day, look, ever, seen[0].gsd_m)
        days.append(replace(found, sensors=tuple(sorted({scene.sensor for scene in used}))))
        if found.area is not None:
            waters[day], shores[day] = _lines(day, seen, aoi.geometry)
    confirmed = with_blooms(days)
    failures = tuple(failure for one in seen for failure in one.failures)
    nobody = (dt.date.min, dt.date.max)
    return LakeRecord(
        aoi, "", nobody, 0.0, confirmed, ice_years(days), shores, waters, ever / 1e6, skipped, tuple(scenes), failures
    )


def measured(day: dt.date, look: Look, ever: float, gsd_m: float) -> LakeDay:
    """A day's area, its interval, and whether it can be stated.

    What was not seen is not dry: ground that was water on every other look counts as water where the area is stated;
    ground that was water on some is shared as the seen shore was, and widens the interval by all of it. Bounds without
    an area rest on water seen alone.

    Args:
        day: of the look.
        look: sums over the lake, m².
        ever: ground that was water at least once, m².
        gsd_m: pixel size.
    """
    edge_px = look.edge_px
    half = SIGMAS * math.hypot(LEVEL_PX * edge_px, CELL_PX * math.sqrt(edge_px), SHAPE_PX) * gsd_m**2
    lost = look.inferred + look.unknown
    seen_share = 1 - max(lost - look.ice, 0) / ever if ever else 0.0
    clear_share = 1 - lost / ever if ever else 0.0
    shore = look.shore_seen + look.unknown
    shore_share = look.shore_seen / shore if shore else 1.0
    possible = ever - lost + look.ice  # of the ground that is ever water: what was seen, ice among it
    ice = look.ice / possible if possible > 0 else math.nan
    stated = clear_share >= ENOUGH_LAKE and shore_share >= ENOUGH_SHORE and not ice > OPEN
    area = None
    sure = look.water
    if stated:
        sure += look.inferred
        share = look.shore_wet / look.shore_seen if look.shore_seen else 0.0
        area = (sure + look.unknown * share + (look.more - look.less) / 2) / 1e6
    high = look.water + lost + look.more + half
    low = max(sure - look.less - half, 0.0)
    if ice > OPEN:  # what lies under ice, and whether snow beside it lies on the lake, is not told
        low = high = math.nan
    bloom = look.algae if look.algae >= LEAST_BLOOM_M2 else 0.0
    return LakeDay(day, max(0.0, seen_share), area, low / 1e6, high / 1e6, ice, bloom / 1e6, "", look.shore_m / 1000)


def with_blooms(days: Sequence[LakeDay]) -> tuple[LakeDay, ...]:
    """The days with what their algae are worth: two dates of one season, apart, confirm each other."""
    dates = [one.day for one in days if one.bloom and BLOOM_SEASON.holds(one.day)]

    def state(one: LakeDay) -> str:
        if one.day not in dates:
            return ""
        others = (abs((day - one.day).days) for day in dates if day.year == one.day.year)
        return "confirmed" if any(apart >= APART_DAYS for apart in others) else "once"

    return tuple(replace(one, bloom_state=state(one)) for one in days)


def ice_years(days: Sequence[LakeDay]) -> tuple[IceYear, ...]:
    """The season without ice of each year that was looked at. Days between are neither frozen nor open."""
    found = []
    for year in sorted({one.day.year for one in days}):
        turn = dt.date(year, *FREEZING_BEGINS)
        of_year = [one for one in days if one.day.year == year]
        icy = [one.day for one in of_year if one.ice > OPEN]
        last_ice = max((day for day in icy if day < turn), default=None)
        first_ice = min((day for day in icy if day >= turn), default=None)
        open_days = [one.day for one in of_year if one.ice <= OPEN]
        between = [
            day for day in open_days if (last_ice is None or day > last_ice) and (first_ice is None or day < first_ice)
        ]
        first_open, last_open = min(between, default=None), max(between, default=None)
        found.append(IceYear(year, last_ice, first_open, last_open, first_ice))
    return tuple(found)


def _lines(day: dt.date, seen: Sequence[Seen], ground: BaseGeometry) -> tuple[BaseGeometry, BaseGeometry]:
    """Water and shore of a day, EPSG:4326: joined in each zone; along what was not seen there is no shore."""
    waters, shores = [], []
    for epsg in sorted({one.epsg for one in seen}):
        mine = [one for one in seen if one.epsg == epsg and day in one.water]
        if not mine:
            continue
        water = shapely.union_all([one.water[day] for one in mine])
        blind = [one.extent for one in seen if one.epsg == epsg and day not in one.water]
        hidden = shapely.union_all([*blind, *(one.unseen[day] for one in mine)]).buffer(mine[0].gsd_m * 0.6)
        rim = to_crs(shapely.segmentize(ground, 0.01), 4326, epsg).boundary.buffer(mine[0].gsd_m * 1.5)
        shore = shapely.difference(shapely.difference(water.boundary, hidden), rim)
        waters.append(to_crs(water, epsg, 4326))
        shores.append(to_crs(shore, epsg, 4326))
    return shapely.union_all(waters), shapely.union_all(shores)

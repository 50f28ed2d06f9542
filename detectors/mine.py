"""矿场监督: stripped ground, pits, dumps and tailings, crossed with mining rights; mines not restored after closing."""

import datetime as dt
import math
from dataclasses import replace

from detectors.core import open_water
from detectors.core.arrays import BoolArray
from detectors.core.history import History, Opinion, PatchSeries, Remark, Season, Site, Watch
from detectors.core.lasting_loss import burnt, harvested, lasting, mown
from detectors.core.papers import accepted, day_of, looked_at
from detectors.core.pits import RAINS, WET, dried, flooded, ploughed, reshaped
from detectors.core.plant_cover import median_of
from detectors.core.recovery import Duty, still_open
from detectors.core.river_channel import by_itself
from detectors.core.timelogic import (
    MAY,
    SUMMER,
    barest,
    median_level,
    since,
    until,
    within,
)
from detectors.core.types import BARE, BUILT, VEGETATION, WATER, Detector, Left, Transition

STRIPPED, WORKS, WORKED_ON, DUG_UP, TO_WATER, FROM_WATER = range(1, 7)
"""Places of the transitions, from 1."""

GROWN_OVER = 0.4
"""Summer NDVI of ground on which too much grows for a mine; that of recorded works is 0.36 at most."""

PERMITS, BESIDE_M = "temporary_land_permits", 50.0
"""A temporary site in its term is no mine, and use beyond its outline is what its permit is held to (土地管理法 art.
57): a patch half of which lies on such ground, or as near to it as `temporary_land` looks, is that model's."""

CLOSED = ("closed", "cancelled", "expired")


def judge(series: PatchSeries) -> Opinion:
    """Holds a patch against pit water, drying tailings, reshaping that restores, hay, fire and drought; two summers."""
    if series.transition == FROM_WATER:
        return dried(series)
    was_bare, after = series.transition in (WORKED_ON, DUG_UP), since(series, series.first_seen)
    # muddy water passes for bare ground; on what was stripped it may also stand in the rains alone
    if series.transition == TO_WATER or _wet(series, after if was_bare else after & within(series, RAINS)):
        return flooded(series)
    if was_bare:
        if (why := burnt(series)) is not None:
            return Opinion(False, (why,))  # dry grass passes for bare ground, and burns
        open_season = within(series, Season((5, 1), (10, 10)))
        pond = _wet(series, until(series, series.last_before) & open_season)
        return dried(series) if pond else reshaped(series)
    mays = barest(series, MAY, since(series, series.first_seen))
    water = open_water.wet(series)
    for why in (
        by_itself(series, water),
        burnt(series),
        harvested(series),
        mown(series, max(mays.values(), default=math.nan)),
    ):
        if why is not None:
            return Opinion(False, (why,))
    found = lasting(series)
    if found.stands and (weeds := _grown_over(series)) is not None:
        return replace(found, stands=False, remarks=(*found.remarks, weeds))
    field = ploughed(series) if found.stands else None
    return found if field is None else replace(found, stands=False, remarks=(*found.remarks, field))


def _wet(series: PatchSeries, looks: BoolArray) -> bool:
    return median_of(open_water.level(series, series.inside), looks) > WET


def _grown_over(series: PatchSeries) -> Remark | None:
    """A sentence where plants stand on it in summer: fallow or a thin crop; no pit or dump bears so many."""
    plants = median_level(series, "ndvi", since(series, series.first_seen) & within(series, SUMMER))
    if not plants >= GROWN_OVER:
        return None
    return Remark(
        f"首见后夏季NDVI仍为{plants:.2f}：休耕、稀疏作物或杂草，非采矿剥离",
        f"NDVI {plants:.2f} in summer since: fallow, a thin crop or weeds; no mine",
    )


# --- mines past their day ---------------------------------------------------------------------------------------------


def plan_due(site: Site) -> bool:
    """Whether a restoration plan's day was past on the last day looked at, and nobody accepted the work."""
    day = day_of(site.attributes, "restore_by")
    return day is not None and day < looked_at(site) and not accepted(site)


def right_closed(site: Site) -> bool:
    """Whether a mine has been closed for two Julys by the last day looked at; a date alone that ran out closes none."""
    if not _over(site):
        return False
    ends = _closed_on(site)
    return ends is None or _julys(ends, looked_at(site)) >= 2


def _over(site: Site) -> bool:
    return site.attributes.get("state", "") in CLOSED or day_of(site.attributes, "closed") is not None


def _closed_on(site: Site) -> dt.date | None:
    return day_of(site.attributes, "closed") or day_of(site.attributes, "valid_to")


def _julys(first: dt.date, last: dt.date) -> int:
    """How many Julys began after a day, up to another."""
    return sum(first < dt.date(year, 7, 1) <= last for year in range(first.year, last.year + 1))


def not_restored(series: PatchSeries, site: Site) -> Opinion:
    """Whether a mine's ground is still open in two summers after its day. A pit lake may be what was planned."""
    due = day_of(site.attributes, "restore_by") if site.kind == "restoration_plans" else _closed_on(site)
    opinion = still_open(series, Duty(due=due, water_open=False), looked_at(site))
    if not opinion.stands or due is None:
        return opinion
    named = (
        ("修复期限", "it was to be restored by") if site.kind == "restoration_plans" else ("闭坑", "it was closed on")
    )
    return replace(opinion, remarks=(Remark(f"{named[0]}{due}已过", f"{named[1]} {due}"), *opinion.remarks))


_HISTORY = History(seasons=(SUMMER,), years=4, most_looks=32)

DETECTOR = Detector(
    id="mine",
    name_zh="矿场监督",
    name_en="Mines",
    # Before mid May the steppe itself is bare, from October it is yellow and partly under snow.
    seasons=(Season((5, 15), (10, 10)),),
    transitions=(
        Transition(VEGETATION, BARE, 1.0, "植被剥离", "vegetation stripped"),
        Transition(VEGETATION, BUILT, 0.9, "植被变工业场地", "vegetation to works"),
        Transition(BARE, BARE | BUILT, 0.9, "采坑或排土场变化", "pit or dump worked on"),
        Transition(BUILT, BARE, 0.9, "场地开挖", "works dug up"),
        Transition(BARE | VEGETATION, WATER, 0.8, "采坑积水", "pit filled with water"),
        Transition(WATER, BARE | BUILT, 0.9, "水面变采场或尾矿", "water to pit or tailings"),
    ),
    layers=("mining_rights", "land_approvals", "restoration_plans"),
    leaves=(Left(PERMITS, "temporary_land", least_share=0.5, within_m=BESIDE_M),),
    history=History(seasons=(SUMMER, MAY, Season((8, 11), (10, 10))), years=3),
    judge=judge,
    watches=(
        Watch(
            kind="restoration_plans",
            history=_HISTORY,
            due=plan_due,
            judge=not_restored,
            change=Remark("逾期未修复矿山", "mine not restored in time"),
        ),
        Watch(
            kind="mining_rights",
            history=_HISTORY,
            due=right_closed,
            judge=not_restored,
            change=Remark("闭坑未修复矿山", "closed mine not restored"),
        ),
    ),
)

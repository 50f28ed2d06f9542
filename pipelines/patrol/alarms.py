"""What is unusual about a night: a broken one looks like a quiet one, or like a flood."""

import datetime as dt
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.patrol.areafile import AREA, NEWS, AreaNight
from pipelines.patrol.config import Alarms
from pipelines.patrol.files import Places, read_json

LEAST_NIGHTS = 5
"""Nights with a look that must be known before anything is called usual."""


@dataclass(frozen=True)
class Alarm:
    """One thing that somebody should look into."""

    aoi: str
    kind: str
    """``no_scene``, ``coverage``, ``flood``, ``source`` or ``evidence``."""

    zh: str
    en: str


@dataclass(frozen=True)
class _Past:
    """What an earlier night saw and found."""

    share: float
    new: int
    looked: bool
    newest: str
    since: str


def alarms_of(limits: Alarms, places: Places, night: dt.date, areas: Sequence[AreaNight]) -> tuple[Alarm, ...]:
    """The alarms of a night, area by area."""
    return tuple(alarm for area in areas for alarm in _of_area(limits, places, night, area))


def _of_area(limits: Alarms, places: Places, night: dt.date, area: AreaNight) -> list[Alarm]:
    past = _past(places, area.aoi, night, limits.nights)
    looked = [one for one in past if one.looked]
    found: list[Alarm] = []
    if area.error:
        zh, en = f"影像来源无法访问：{area.error}", f"the source could not be asked: {area.error}"
        found.append(Alarm(area.aoi, "source", zh, en))
    elif (days := _days_without(area, past, night)) is not None and days >= limits.no_scene_days:
        zh, en = f"已 {days} 天没有影像", f"no scene for {days} days"
        found.append(Alarm(area.aoi, "no_scene", zh, en))
    if len(looked) < LEAST_NIGHTS or not area.days:
        return found
    usual = statistics.median(one.share for one in looked)
    if area.observed_share < limits.coverage_falls * usual:
        zh = f"观测覆盖 {area.observed_share:.0%}，通常 {usual:.0%}"
        found.append(Alarm(area.aoi, "coverage", zh, f"observed {area.observed_share:.0%}, usually {usual:.0%}"))
    new = _new(places.result(night, area.aoi, area.turn))
    counts = [one.new for one in looked]
    most, mean = max(counts), statistics.fmean(counts)
    if new > limits.leads_factor * max(mean, 1.0) and new > most:
        zh = f"新增线索 {new} 条，通常每晚 {mean:.1f} 条：请先检查影像与归一化"
        found.append(
            Alarm(area.aoi, "flood", zh, f"{new} new leads, usually {mean:.1f} a night: check the imagery first")
        )
    return found


def _days_without(area: AreaNight, past: Sequence[_Past], night: dt.date) -> int | None:
    """Days since the newest scene there ever was; where there was none, since the first day that was asked for."""
    newest = max(area.newest, *(one.newest for one in past), "")
    first = newest or min((said for said in (area.since, *(one.since for one in past)) if said), default="")
    return (night - dt.date.fromisoformat(first)).days if first else None


def _past(places: Places, aoi: str, night: dt.date, nights: int) -> list[_Past]:
    """The nights before this one, the newest first."""
    folders = sorted((places.root / "nights").glob(f"*/{aoi}-*"), reverse=True)
    found: list[_Past] = []
    for folder in folders:
        said = read_json(folder / AREA)
        if not said or said.get("aoi") != aoi or said["night"] >= night.isoformat() or len(found) >= nights:
            continue
        found.append(_Past(_share(said), _new(folder), bool(said["days"]), said["newest"], said["since"]))
    return found


def _share(said: dict[str, Any]) -> float:
    return float(said["observed_km2"]) / float(said["km2"]) if said["km2"] else 0.0


def _new(folder: Path) -> int:
    return len(read_json(folder / NEWS).get("new", []))

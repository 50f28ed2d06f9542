"""`--dry-run`: what a night would do, before a pixel is fetched."""

import datetime as dt
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aoi.errors import AoiError
from aoi.read import read_aoi
from imagery.errors import ImageryError
from imagery.providers.provider import Provider
from leads.store.store import Store, home_store
from pipelines.patrol.areafile import Costs
from pipelines.patrol.config import PatrolConfig, Watch
from pipelines.patrol.due import Due
from pipelines.patrol.files import Places
from pipelines.patrol.night import Sources, ask, named_source
from pipelines.run import shortened


@dataclass(frozen=True)
class AreaForecast:
    """What one area would be looked at with."""

    aoi: str
    blocks: int
    of: int
    """Blocks of the area."""

    why: dict[str, int]
    days: dict[str, tuple[str, ...]]
    """Scenes by solar day."""

    bytes: int
    minutes: float
    notes: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Forecast:
    """What a night would do."""

    night: dt.date
    areas: tuple[AreaForecast, ...]
    measured_on: int
    """Blocks that the minutes and bytes were measured on; 0 = a guess."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"dry_run": True, **asdict(self), "night": self.night.isoformat()}

    def summary(self) -> str:
        """For people."""
        lines = [f"night of {self.night}: a dry run, nothing is fetched or written"]
        for area in self.areas:
            if area.error:
                lines.append(f"{area.aoi}: could not be asked: {area.error}")
                continue
            why = ", ".join(f"{count} {reason}" for reason, count in area.why.items()) or "nothing is new"
            lines.append(
                f"{area.aoi}: {area.blocks} blocks on {len(area.days)} days ({why}; {area.of} blocks in all), "
                f"about {area.bytes / 1e6:,.0f} MB and {area.minutes:.1f} minutes"
            )
            lines += [f"  {day}: {', '.join(scenes)}" for day, scenes in area.days.items()]
            lines += [f"  note: {note}" for note in shortened(area.notes)]
        how = f"measured on {self.measured_on} blocks here" if self.measured_on else "a guess: nothing was measured yet"
        return "\n".join([*lines, f"minutes and bytes: {how}"])


def forecast(
    config: PatrolConfig, home: Path, night: dt.date, *, sources: Sources = named_source, only: Sequence[str] = ()
) -> Forecast:
    """What a night would do, by the scenes there are: most blocks under cloud are found out only when they are fetched.

    Raises:
        StoreError: if the store can not be used.
    """
    costs = Costs.read(Places(home))
    watches = [watch for watch in config.watch if (watch.aoi in only if only else watch.due(night))]
    with home_store(home) as store:
        areas = tuple(_area(config, watch, store, home, night, sources, costs) for watch in watches)
    return Forecast(night, areas, costs.blocks)


def _area(
    config: PatrolConfig, watch: Watch, store: Store, home: Path, night: dt.date, sources: Sources, costs: Costs
) -> AreaForecast:
    aoi = read_aoi(watch.aoi, home)
    opened: AbstractContextManager[Provider] = sources(watch, home)
    try:
        with opened as provider:
            due = ask(config, watch, aoi, provider, store, home, night)[0]
    except (ImageryError, AoiError) as error:
        return AreaForecast(aoi.id, 0, 0, {}, {}, 0, 0.0, error=" ".join(str(error).split()))
    return _told(due, costs)


def _told(due: Due, costs: Costs) -> AreaForecast:
    why: dict[str, int] = {}
    for reason in (reason for day in due.days for reason in day.why.values()):
        why[reason] = why.get(reason, 0) + 1
    blocks = sum(why.values())
    days = {day.day.isoformat(): tuple(scene.id for scene in day.scenes) for day in due.days}
    size = round(blocks * costs.block_bytes)
    return AreaForecast(
        due.aoi.id, blocks, due.blocks, why, days, size, round(blocks * costs.block_s / 60, 2), due.notes
    )

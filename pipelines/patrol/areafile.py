"""The record of one area's night: what was looked at, what was not, what failed. No clock is in it."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.model import Aoi
from leads.store.records import CoverageRecord
from pipelines.errors import Exit
from pipelines.patrol.area import Gathered
from pipelines.patrol.due import Due
from pipelines.patrol.files import Places, read_json, write_json
from pipelines.run import shortened

AREA, NEWS, SNAPSHOT = "run.json", "news.json", "leads_before.json"
FORMAT = "weixun-patrol-1"


@dataclass(frozen=True)
class AreaNight:
    """One area on one night."""

    aoi: str
    name_zh: str
    name_en: str
    run_id: str
    night: str
    turn: int
    since: str
    scenes: int
    """Scenes there are since then, seen or not."""

    newest: str
    """Solar day of the newest of them; empty where there is none."""

    km2: float
    observed_km2: float
    """Ground observed tonight at least once."""

    blocks: int
    due: int
    worked: int
    """Of those due; the others had no clear pixel, or failed."""

    days: Mapping[str, Mapping[str, Any]]
    failed: Mapping[str, str]
    unreadable: Mapping[str, str]
    notes: tuple[str, ...] = ()
    error: str = ""
    """Why the source could not be asked at all."""

    classification: str = "公开"
    weights: str = ""
    fingerprint: str = ""
    looked: tuple[str, ...] = ()
    format: str = FORMAT
    why: Mapping[str, int] = field(default_factory=dict)
    """Blocks by why they were due."""

    @classmethod
    def of(cls, due: Due, gathered: Gathered, night: dt.date, turn: int) -> Self:
        """From what was looked at."""
        why: dict[str, int] = {}
        for reason in (reason for day in due.days for reason in day.why.values()):
            why[reason] = why.get(reason, 0) + 1
        return cls(
            **_head(due.aoi, gathered.run_id, night, turn),
            since=due.since.isoformat(),
            scenes=due.scenes,
            newest=due.newest.isoformat() if due.newest else "",
            observed_km2=round(observed_km2(tuple(gathered.coverage.values())), 3),
            blocks=due.blocks,
            due=sum(why.values()),
            worked=gathered.worked,
            days=dict(sorted(gathered.days.items())),
            failed=dict(sorted(gathered.failed.items())),
            unreadable=dict(sorted(gathered.unreadable.items())),
            notes=due.notes,
            classification=gathered.classification.value,
            weights=due.weights,
            fingerprint=due.fingerprint,
            looked=tuple(sorted(gathered.looked)),
            why=why,
        )

    @classmethod
    def blind(cls, aoi: Aoi, run_id: str, night: dt.date, turn: int, error: str) -> Self:
        """Where the source could not be asked."""
        nothing: dict[str, Any] = {"since": "", "scenes": 0, "newest": "", "observed_km2": 0.0, "blocks": 0, "due": 0}
        return cls(
            **_head(aoi, run_id, night, turn), **nothing, worked=0, days={}, failed={}, unreadable={}, error=error
        )

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What `write` wrote."""
        said = read_json(folder / AREA)
        return cls(**said | {"notes": tuple(said["notes"]), "looked": tuple(said["looked"])})

    def write(self, folder: Path) -> None:
        """As `run.json` of the area's result."""
        write_json(folder / AREA, asdict(self))

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @property
    def sha256(self) -> str:
        """Of the record."""
        return hashlib.sha256(repr(sorted(asdict(self).items())).encode()).hexdigest()

    @property
    def partial(self) -> bool:
        """Whether something failed and the rest was done."""
        return bool(self.failed or self.unreadable or self.error)

    @property
    def exit_code(self) -> Exit:
        """0 or 3."""
        return Exit.PARTIAL if self.partial else Exit.DONE

    @property
    def observed_share(self) -> float:
        """Of the area, 0–1."""
        return min(self.observed_km2 / self.km2, 1.0) if self.km2 else 0.0

    @property
    def days_looked(self) -> int:
        """Solar days of which a block was worked."""
        return len(self.days)

    def lines(self) -> list[str]:
        """For people, a line or more."""
        if self.error:
            return [f"{self.aoi}: not looked at: {self.error}"]
        seen = f"observed {self.observed_share:.0%} of {self.km2:,.0f} km²"
        if not self.due:
            newest = f"the newest is of {self.newest}" if self.newest else f"none since {self.since}"
            return [f"{self.aoi}: no new scenes ({newest}); no block was worked"]
        head = (
            f"{self.aoi}: {self.worked} of {self.due} blocks worked on {', '.join(self.days) or 'no clear day'}; {seen}"
        )
        failed = [f"  failed block {name}: {reason}" for name, reason in self.failed.items()]
        unread = [f"  unreadable scene {name}: {reason}" for name, reason in self.unreadable.items()]
        return [head, *failed, *unread, *(f"  note: {note}" for note in shortened(self.notes))]


def _head(aoi: Aoi, run_id: str, night: dt.date, turn: int) -> dict[str, Any]:
    return {
        "aoi": aoi.id,
        "name_zh": aoi.name_zh,
        "name_en": aoi.name_en,
        "run_id": run_id,
        "night": night.isoformat(),
        "turn": turn,
        "km2": round(geodesic_area_m2(aoi.geometry) / 1e6, 3),
    }


def observed_km2(coverage: Sequence[CoverageRecord]) -> float:
    """Ground observed on any of the after days: of each block its best day."""
    best: dict[str, tuple[float, BaseGeometry]] = {}
    for row in coverage:
        if row.role == "after" and row.observed >= best.get(row.block, (0.0, shapely.Point()))[0]:
            best[row.block] = row.observed, row.geometry
    return sum(share * geodesic_area_m2(ground) / 1e6 for share, ground in best.values() if not ground.is_empty)


# --- what outlives the night ------------------------------------------------------------------------------------------


def note_looked(places: Places, area: AreaNight) -> None:
    """Under which weights and rules each block was looked at last."""
    if area.looked:
        file = places.state("looked")
        known = read_json(file)
        mine = {**known.get(area.aoi, {}), **dict.fromkeys(area.looked, area.fingerprint)}
        write_json(file, {**known, area.aoi: mine})


def note_troubles(places: Places, area: AreaNight, night: dt.date) -> None:
    """The nights on which a scene could not be read."""
    if area.unreadable:
        file = places.state("troubles")
        known = read_json(file)
        mine = dict(known.get(area.aoi, {}))
        for scene in area.unreadable:
            mine[scene] = sorted({*mine.get(scene, []), night.isoformat()})
        write_json(file, {**known, area.aoi: mine})


@dataclass(frozen=True)
class Costs:
    """What a block cost on the nights so far."""

    block_s: float = 10.0
    block_bytes: float = 20e6
    blocks: int = 0
    """That it was measured on; 0 = a guess."""

    @classmethod
    def read(cls, places: Places) -> Self:
        """Those of a home."""
        return cls(**{name: value for name, value in read_json(places.state("costs")).items() if name in _COSTS})


_COSTS = ("block_s", "block_bytes", "blocks")


def note_costs(places: Places, gathered: Gathered) -> None:
    """Learn from a night's blocks; older nights count less and less."""
    if not gathered.made:
        return
    old = Costs.read(places)
    weight = gathered.made / (gathered.made + min(old.blocks, 400))
    new = replace(
        old,
        block_s=round(old.block_s + weight * (gathered.seconds / gathered.made - old.block_s), 3),
        block_bytes=round(old.block_bytes + weight * (gathered.bytes_read / gathered.made - old.block_bytes)),
        blocks=old.blocks + gathered.made,
    )
    write_json(places.state("costs"), asdict(new))

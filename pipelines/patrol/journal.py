"""How far a night has come: what a restart goes on from. One small file, replaced whole at each step."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from pipelines.patrol.files import Places, read_json, write_json

_FILE = "journal.json"


@dataclass(frozen=True)
class Journal:
    """The steps of one night. A night that was finished and is asked for again takes another turn."""

    places: Places
    night: dt.date
    turn: int = 1
    areas: tuple[str, ...] = ()
    """Those that this turn is about, in order."""

    done: Mapping[str, str] = field(default_factory=dict)
    """Steps that are over, with what they gave."""

    closed: bool = False

    @classmethod
    def opened(cls, places: Places, night: dt.date, areas: Sequence[str]) -> Self:
        """The night's journal: where a crash left it, or at the beginning of its next turn."""
        said = read_json(places.night(night) / _FILE)
        if said and not said["closed"]:
            return cls(places, night, said["turn"], tuple(said["areas"]), said["done"])
        begun = cls(places, night, int(said.get("turn", 0)) + 1, tuple(areas), {})
        begun._write()
        return begun

    @classmethod
    def read(cls, places: Places, night: dt.date) -> Self | None:
        """The night's journal as it is; None where there was no such night."""
        said = read_json(places.night(night) / _FILE)
        return cls(places, night, said["turn"], tuple(said["areas"]), said["done"], said["closed"]) if said else None

    @classmethod
    def left_open(cls, places: Places) -> tuple[dt.date, ...]:
        """Nights that a crash left unfinished, the oldest first."""
        files = sorted((places.root / "nights").glob(f"*/{_FILE}"))
        return tuple(
            dt.datetime.strptime(file.parent.name, "%Y%m%d").date() for file in files if not read_json(file)["closed"]
        )

    def run_id(self, aoi: str) -> str:
        """Of an area's patrol in this turn: the same after a crash."""
        return hashlib.sha256(f"patrol {aoi} {self.night} {self.turn}".encode()).hexdigest()[:32]

    def with_step(self, step: str, gave: str = "") -> Self:
        """The journal once a step is over, on disk as well."""
        after = replace(self, done={**self.done, step: gave})
        after._write()
        return after

    def end(self) -> Self:
        """The night is over."""
        after = replace(self, closed=True)
        after._write()
        return after

    def _write(self) -> None:
        said: dict[str, Any] = {
            "turn": self.turn,
            "areas": list(self.areas),
            "done": dict(self.done),
            "closed": self.closed,
        }
        write_json(self.places.night(self.night) / _FILE, said)

"""Where a patrol keeps what is neither lead nor evidence, under `patrol/` of the home; and small files made whole."""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagery.atomic import whole


@dataclass(frozen=True)
class Places:
    """The folders of a home that patrols use."""

    home: Path

    @property
    def root(self) -> Path:
        """Everything of patrols."""
        return self.home / "patrol"

    def night(self, night: dt.date) -> Path:
        """Results and journal of a night."""
        return self.root / "nights" / f"{night:%Y%m%d}"

    def result(self, night: dt.date, aoi: str, turn: int) -> Path:
        """What one patrol of one area gave, with a folder for each day that was looked at."""
        return self.night(night) / f"{aoi}-{turn}"

    @property
    def bulletins(self) -> Path:
        """The pages of the mornings."""
        return self.home / "bulletins"

    @property
    def inbox(self) -> Path:
        """What the desk gets."""
        return self.home / "inbox"

    @property
    def logs(self) -> Path:
        """JSON lines, a file a night."""
        return self.root / "logs"

    @property
    def cache(self) -> Path:
        """What can be made again."""
        return self.home / "cache"

    @property
    def lock(self) -> Path:
        """Held while a patrol runs."""
        return self.root / "patrol.lock"

    def state(self, name: str) -> Path:
        """A small JSON file that outlives nights."""
        return self.root / f"{name}.json"


def read_json(file: Path) -> dict[str, Any]:
    """What a small file says; nothing where it is missing or damaged: all of them can be made again."""
    try:
        said = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def write_json(file: Path, said: dict[str, Any]) -> None:
    """Whole or not at all."""
    with whole(file) as part:
        part.write_text(json.dumps(said, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")

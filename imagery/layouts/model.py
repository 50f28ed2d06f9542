"""What a layout reader hands on: scenes to be, or reasons why not."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imagery.levels import Scaling
from imagery.names import baseline_in_name, slug
from imagery.scene import Scene
from imagery.sidecar import SceneNote


@dataclass(frozen=True)
class BandFile:
    """One band of a scene: its name and where it lies."""

    name: str
    path: Path
    index: int = 1


@dataclass(frozen=True)
class Workplace:
    """Where a scene that can not be read from its originals is made."""

    root: Path
    """The archive's folder: its ``ortho/`` and ``masks/`` hold what is made."""

    elevation: tuple[Path, ...] = ()
    """Elevation rasters, or folders of them, for scenes that name none themselves."""


@dataclass(frozen=True)
class Candidate:
    """A scene as its names and notes describe it; no file was opened yet."""

    place: Path
    """The folder or file it was found in, for messages."""

    stem: str
    """What names the ground or the product; becomes the id together with the date."""

    when: dt.datetime
    date_source: str
    bands: tuple[BandFile, ...]
    sensor: str
    level: str
    collection: str = ""
    note: SceneNote = field(default_factory=lambda: SceneNote.model_validate({}))
    properties: Mapping[str, str] = field(default_factory=dict)
    scaling: Mapping[str, Scaling] = field(default_factory=dict)
    """By band, where the product says it itself; a scale or offset in the sidecar comes before."""

    make: Callable[[Workplace], Scene] | None = None
    """How the scene is made where looking at its files is not enough: a raw image, a part of a mosaic."""

    @property
    def id(self) -> str:
        """Unique by place and date, unless the sidecar names it."""
        if self.note.id:
            return self.note.id
        day = self.when.strftime("%Y%m%d")
        stem = slug(self.stem)
        return stem if day in stem else f"{stem}_{day}"

    @property
    def baseline(self) -> str:
        """From the sidecar, else from the product's name."""
        return self.note.baseline or baseline_in_name(self.place.name) or baseline_in_name(self.bands[0].path.name)


@dataclass(frozen=True)
class Refusal:
    """A source, or one scene of it, that can not be taken, and why."""

    path: Path
    reason: str

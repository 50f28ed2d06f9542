"""A simulated steppe as a source of scenes: written once, read like any archive."""

import datetime as dt
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from imagery.errors import ProviderError
from imagery.providers.local import LocalProvider
from imagery.providers.provider import Fetched, Quarantined
from imagery.scene import Scene
from imagery.simulated.errors import SimulationError
from imagery.simulated.spec import SteppeSpec, demo_spec
from imagery.simulated.world import build

_SPEC, _UNFINISHED = "spec.json", ".unfinished"


@dataclass(frozen=True)
class SimulatedProvider:
    """A world, by its spec; made when it is asked for anything first."""

    folder: Path
    """Where it is written; each spec needs a folder of its own."""

    spec: SteppeSpec = field(default_factory=demo_spec)
    name: str = "simulated"

    @property
    def refused(self) -> tuple[Quarantined, ...]:
        """As `Provider.refused`: nothing, an archive holds scenes only."""
        return ()

    def close(self) -> None:
        """As `Provider.close`."""

    def search(self, ground: BaseGeometry, first: dt.date, last: dt.date) -> tuple[Scene, ...]:
        """As `Provider.search`.

        Raises:
            ProviderError: if the world can not be made or written, or the folder holds another.
        """
        return self._archive().search(ground, first, last)

    def fetch(self, scenes: Sequence[Scene], ground: BaseGeometry, step: Callable[[], None]) -> Fetched:
        """As `Provider.fetch`."""
        return self._archive().fetch(scenes, ground, step)

    def _archive(self) -> LocalProvider:
        said = self.spec.model_dump_json(indent=1) + "\n"
        note = self.folder / _SPEC
        try:
            if not self.folder.exists() or (self.folder / _UNFINISHED).exists():
                self._make(said)
            if not note.is_file() or note.read_text(encoding="utf-8") != said:
                raise ProviderError(f"{self.folder} is not the simulated world of {self.name}; delete or move it.")
            return LocalProvider.open(self.folder / "archive", self.name)
        except OSError as error:
            raise ProviderError(f"The simulated world {self.folder} can not be kept ({error.strerror}).") from error
        except SimulationError as error:
            raise ProviderError(str(error)) from error

    def _make(self, said: str) -> None:
        """Write the world; the marker goes last, so that what a killed process left is known for what it is."""
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True)
        (self.folder / _UNFINISHED).touch()
        build(self.spec, self.folder)
        (self.folder / _SPEC).write_text(said, encoding="utf-8")
        (self.folder / _UNFINISHED).unlink()

"""Several sources as one: what each finds together, each scene fetched from where it was found."""

import datetime as dt
from collections.abc import Callable, Sequence

from shapely.geometry.base import BaseGeometry

from imagery.errors import DiskFullError, ProviderError
from imagery.providers.provider import Fetched, Provider, Quarantined
from imagery.scene import Scene


class SeveralProviders:
    """Sources in the order in which they are believed: of two scenes with one id the first source's is taken.

    A source that can not be asked costs its own scenes, and is named among what was refused; when none can be asked,
    that is an error.
    """

    def __init__(self, sources: Sequence[Provider]) -> None:
        """Takes at least one; closes them with itself."""
        self._sources = tuple(sources)
        self._from: dict[str, int] = {}
        """Place of the source of each scene that was found."""

        self._refused: tuple[Quarantined, ...] = ()

    @property
    def name(self) -> str:
        """Their names, with commas between."""
        return ",".join(source.name for source in self._sources)

    @property
    def refused(self) -> tuple[Quarantined, ...]:
        """As `Provider.refused`: of all of them, and sources that could not be asked."""
        return self._refused

    def close(self) -> None:
        """As `Provider.close`."""
        for source in self._sources:
            source.close()

    def search(self, ground: BaseGeometry, first: dt.date, last: dt.date) -> tuple[Scene, ...]:
        """As `Provider.search`.

        Raises:
            ProviderError: if none of them can be asked.
        """
        found: dict[str, Scene] = {}
        refused: list[Quarantined] = []
        failures: list[ProviderError] = []
        for place, source in enumerate(self._sources):
            try:
                scenes = source.search(ground, first, last)
            except DiskFullError:
                raise
            except ProviderError as error:
                failures.append(error)
                refused.append(Quarantined(source.name, f"The source {source.name} could not be searched: {error}"))
                continue
            refused += source.refused
            for scene in scenes:
                if scene.id not in found:
                    found[scene.id] = scene
                    self._from[scene.id] = place
        if len(failures) == len(self._sources):
            raise failures[0]
        self._refused = tuple(refused)
        return tuple(sorted(found.values(), key=lambda scene: (scene.datetime, scene.id)))

    def fetch(self, scenes: Sequence[Scene], ground: BaseGeometry, step: Callable[[], None]) -> Fetched:
        """As `Provider.fetch`, one source after the other.

        Raises:
            ProviderError: if none of those that were wanted can bring anything, or the disk is full.
        """
        parts: list[Fetched] = []
        failures: list[ProviderError] = []
        for place, source in enumerate(self._sources):
            wanted = [scene for scene in scenes if self._from[scene.id] == place]
            if not wanted:
                continue
            try:
                parts.append(source.fetch(wanted, ground, step))
            except DiskFullError:
                raise
            except ProviderError as error:
                failures.append(error)
                lost = tuple(Quarantined(scene.id, f"Scene {scene.id}: {error}") for scene in wanted)
                parts.append(Fetched((), lost))
        if failures and len(failures) == len(parts):
            raise failures[0]
        here = {scene.id: scene for part in parts for scene in part.scenes}
        return Fetched(
            scenes=tuple(here[scene.id] for scene in scenes if scene.id in here),
            quarantined=tuple(one for part in parts for one in part.quarantined),
            bytes_fetched=sum(part.bytes_fetched for part in parts),
            bytes_cached=sum(part.bytes_cached for part in parts),
        )

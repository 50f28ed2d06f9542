"""A local archive as a source of scenes: all that is in it is here already."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from imagery.archive import Archive
from imagery.errors import ArchiveError, ProviderError
from imagery.packed import on_disk
from imagery.providers.provider import Fetched, Quarantined
from imagery.scene import Scene


@dataclass(frozen=True)
class LocalProvider:
    """An archive, behind the protocol of all providers."""

    archive: Archive
    name: str = "local"

    @classmethod
    def open(cls, folder: Path, name: str = "local") -> "LocalProvider":
        """The archive in a folder.

        Raises:
            ProviderError: if there is none.
        """
        try:
            return cls(Archive.open(folder), name)
        except ArchiveError as error:
            raise ProviderError(str(error)) from error

    @property
    def refused(self) -> tuple[Quarantined, ...]:
        """As `Provider.refused`: nothing, an archive holds scenes only."""
        return ()

    def close(self) -> None:
        """As `Provider.close`."""

    def search(self, ground: BaseGeometry, first: dt.date, last: dt.date) -> tuple[Scene, ...]:
        """As `Provider.search`."""
        try:
            return self.archive.search(ground, first, last)
        except ArchiveError as error:
            raise ProviderError(str(error)) from error

    def fetch(self, scenes: Sequence[Scene], ground: BaseGeometry, step: Callable[[], None]) -> Fetched:
        """As `Provider.fetch`: looks whether the files are there; brings nothing."""
        here: list[Scene] = []
        quarantined: list[Quarantined] = []
        size = 0
        for scene in scenes:
            files = {on_disk(Path(asset.href)) for asset in scene.assets.values()}
            gone = sorted(str(file) for file in files if not file.is_file())
            if gone:
                reason = f"Scene {scene.id}: {gone[0]} is gone; restore it or remove the scene from the archive."
                quarantined.append(Quarantined(scene.id, reason))
            else:
                size += sum(file.stat().st_size for file in files)
                here.append(scene)
            step()
        return Fetched(tuple(here), tuple(quarantined), bytes_cached=size)

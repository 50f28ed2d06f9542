"""What every source of scenes can do: say what there is, and bring it here."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shapely.geometry.base import BaseGeometry

from imagery.scene import Scene


@dataclass(frozen=True)
class Quarantined:
    """A scene that could not be brought here whole; the others were."""

    scene_id: str
    reason: str
    """One sentence, without any secret."""


@dataclass(frozen=True)
class Fetched:
    """What became of scenes that were asked for."""

    scenes: tuple[Scene, ...]
    """Readable from here on without the network: every asset is a verified local file, or a remote one whose pieces
    over the ground asked for lie verified in the cache. In the order they were asked for."""

    quarantined: tuple[Quarantined, ...] = ()
    bytes_fetched: int = 0
    bytes_cached: int = 0
    """Bytes that were wanted and already here."""


class Provider(Protocol):
    """One source of scenes, by a name that the user chose."""

    @property
    def name(self) -> str:
        """What the user calls it (`--source NAME`)."""

    @property
    def refused(self) -> tuple[Quarantined, ...]:
        """What the latest search was told of but could not use, with the reason; empty where that can not be."""

    def close(self) -> None:
        """Let go of what is held; to be called when the run is over and its scenes will not be read any more."""

    def search(self, ground: BaseGeometry, first: dt.date, last: dt.date) -> tuple[Scene, ...]:
        """Scenes whose footprint meets a geometry in EPSG:4326 on a solar day from first to last, both inclusive.

        By time, then id; each scene once. Only metadata is asked for, no pixel is read.

        Raises:
            ProviderError: if the service can not be asked, refuses, or answers nonsense after all retries.
        """

    def fetch(self, scenes: Sequence[Scene], ground: BaseGeometry, step: Callable[[], None]) -> Fetched:
        """Bring what scenes show of a geometry in EPSG:4326 here; one that can not be brought is quarantined.

        Args:
            scenes: from `search` of this provider.
            ground: where pixels will be read, in EPSG:4326; bringing more is allowed.
            step: called once as each scene is done, from any thread.

        Raises:
            ProviderError: if nothing more can be had at all: credentials refused, disk full, byte budget used up.
        """

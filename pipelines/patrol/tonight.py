"""A source as one night sees it: nothing later than tonight, asked once, and of earlier years only the best scenes."""

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import shapely
from shapely.geometry.base import BaseGeometry

from imagery.providers.provider import Fetched, Provider, Quarantined
from imagery.scene import Scene

LATTICE_DEG = 0.1
"""Places this far apart are each given their best scenes."""

CLOUD_STEP_PCT = 5
"""Scenes whose cloud differs by less are equally good; of them the newest is taken.

A composite takes the newest look that its mask calls clear, and masks leave thin rims of cloud: these make most of the
false leads of a night, so the clearest scenes matter more than the newest.
"""

UNKNOWN_PCT = 20
"""Cloud of a scene that does not tell it."""


@dataclass(frozen=True)
class Tonight:
    """A provider, narrowed to what a night may use."""

    provider: Provider
    night: dt.date
    newest: dt.date
    """Days up to this one are before: of them only the best scenes of each place are used."""

    best: int
    """Before scenes for each place."""

    _found: dict[tuple[bytes, dt.date, dt.date], tuple[tuple[Scene, ...], tuple[Quarantined, ...]]] = field(
        default_factory=dict, repr=False
    )
    _told: list[Quarantined] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        """As `Provider.name`."""
        return self.provider.name

    @property
    def refused(self) -> tuple[Quarantined, ...]:
        """As `Provider.refused`."""
        return tuple(self._told)

    def close(self) -> None:
        """As `Provider.close`; the provider itself is closed by who opened it."""

    def search(self, ground: BaseGeometry, first: dt.date, last: dt.date) -> tuple[Scene, ...]:
        """As `Provider.search`, with an answer that does not change while the night lasts."""
        last = min(last, self.night)
        key = (ground.wkb, first, last)
        if key not in self._found:
            scenes = self.provider.search(ground, first, last) if first <= last else ()
            earlier = [scene for scene in scenes if scene.solar_day <= self.newest]
            kept = {scene.id for scene in best_over(earlier, ground, self.best)}
            chosen = tuple(scene for scene in scenes if scene.solar_day > self.newest or scene.id in kept)
            self._found[key] = chosen, self.provider.refused
        scenes, told = self._found[key]
        self._told[:] = told
        return scenes

    def fetch(self, scenes: Sequence[Scene], ground: BaseGeometry, step: Callable[[], None]) -> Fetched:
        """As `Provider.fetch`."""
        return self.provider.fetch(scenes, ground, step)


def best_over(scenes: Sequence[Scene], ground: BaseGeometry, best: int) -> tuple[Scene, ...]:
    """The scenes that are among the best over some place of a ground: least cloud, then newest.

    Args:
        scenes: any.
        ground: EPSG:4326.
        best: scenes for each place.
    """
    if len(scenes) <= best:
        return tuple(scenes)
    ranked = sorted(scenes, key=_rank)
    chosen: set[str] = set()
    for place in _lattice(ground):
        over = (scene.id for scene in ranked if scene.geometry.intersects(place))
        chosen.update(name for name, _ in zip(over, range(best), strict=False))
    return tuple(scene for scene in scenes if scene.id in chosen)


def _rank(scene: Scene) -> tuple[float, int, str]:
    cloud = scene.cloud_pct if scene.cloud_pct is not None else UNKNOWN_PCT
    return cloud // CLOUD_STEP_PCT, -scene.solar_day.toordinal(), scene.id


def _lattice(ground: BaseGeometry) -> Iterable[BaseGeometry]:
    """The ground in the squares of a fixed lattice."""
    west, south, east, north = ground.bounds
    shapely.prepare(ground)
    for row in range(math.floor(south / LATTICE_DEG), math.floor(north / LATTICE_DEG) + 1):
        for col in range(math.floor(west / LATTICE_DEG), math.floor(east / LATTICE_DEG) + 1):
            square = shapely.box(col * LATTICE_DEG, row * LATTICE_DEG, (col + 1) * LATTICE_DEG, (row + 1) * LATTICE_DEG)
            if ground.intersects(square):
                yield square

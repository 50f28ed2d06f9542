"""The before composites of a block: one for all after days of a season, in memory one at a time."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aoi.grid import Block
from imagery.compose import Failure, read_before
from imagery.mosaic import Mosaic
from imagery.scene import BANDS, Scene
from imagery.seasons import alike


class Befores:
    """Reads the composite that an after day is held against, unless that of the day before serves it too.

    A before range may hold several seasons. What a day is compared with are the looks of its own season; only where
    none of those saw the ground the others fill in.
    """

    def __init__(self, scenes: Sequence[Scene], block: Block) -> None:
        """Takes the scenes over a block; reads nothing yet."""
        self._scenes, self._block = tuple(scenes), block
        self._near: frozenset[str] | None = None
        self._mosaic: Mosaic | None = None
        self.failures: set[Failure] = set()
        self.ordinals: list[NDArray[np.int32]] = []
        """(H, W) each: solar day of each pixel of a composite's core as a proleptic ordinal; 0 = not observed."""

        self.place: dict[dt.date, int] = {}
        """For each day asked for, which of `ordinals` is its own."""

    def of(self, day: dt.date) -> Mosaic:
        """The composite for an after day; days are asked for in order."""
        near = alike(self._scenes, day)
        if self._mosaic is None or near != self._near:
            self._near = near
            self._mosaic, failed = read_before(self._scenes, self._block.padded, BANDS, near)
            self.failures.update(failed)
            days = np.array([0, *(day.toordinal() for day in self._mosaic.dates)], np.int32)
            self.ordinals.append(days[self._mosaic.source[self._block.core] + 1])
        self.place[day] = len(self.ordinals) - 1
        return self._mosaic

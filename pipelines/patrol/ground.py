"""Ground that a detector has seen clear before: what it finds elsewhere may have been there all along (存量)."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.features import polygonal
from imagery.atomic import whole


@dataclass(frozen=True)
class SeenGround:
    """The ground of one area, for each detector, in small files; without them everything is taken for new to us."""

    folder: Path

    def of(self, detector: str) -> BaseGeometry:
        """What was seen so far, EPSG:4326."""
        try:
            found = shapely.from_wkb(self._file(detector).read_bytes())
        except (OSError, shapely.errors.GEOSException):
            return shapely.Polygon()
        return found if found is not None else shapely.Polygon()

    def add(self, detector: str, ground: BaseGeometry) -> None:
        """More of it was seen."""
        with whole(self._file(detector)) as part:
            part.write_bytes(shapely.to_wkb(joined([self.of(detector), ground])))

    def _file(self, detector: str) -> Path:
        return self.folder / f"{detector}.wkb"


def joined(grounds: list[BaseGeometry]) -> BaseGeometry:
    """Grounds as one; on a grid of a centimetre, so that neighbours' edges meet."""
    return _joined(tuple(ground.wkb for ground in grounds))


@lru_cache(maxsize=4)  # the detectors have mostly seen the same, and are asked for one after the other
def _joined(grounds: tuple[bytes, ...]) -> BaseGeometry:
    valid = [shapely.make_valid(shapely.from_wkb(ground)) for ground in grounds]
    return polygonal(shapely.union_all(valid, grid_size=1e-7))


def mostly_outside(geometry: BaseGeometry, seen: BaseGeometry) -> bool:
    """Whether more than half of an outline lies beyond the ground seen before."""
    if seen.is_empty:
        return True
    return bool(geometry.intersection(seen).area < 0.5 * geometry.area)

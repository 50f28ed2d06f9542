"""Room on the simulated ground: places of the right cover where nothing else lies."""

from collections.abc import Callable

import numpy as np
import shapely
from numpy.random import Generator
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from imagery.simulated.errors import SimulationError
from imagery.simulated.landcover import Landcover
from imagery.simulated.shapes import valid

Places = NDArray[np.float64]

_HOSTS: dict[str, Callable[[Landcover, Places], NDArray[np.bool_]]] = {}


def _host(name: str) -> Callable[[Callable[[Landcover, Places], NDArray[np.bool_]]], None]:
    def keep(test: Callable[[Landcover, Places], NDArray[np.bool_]]) -> None:
        _HOSTS[name] = test

    return keep


@_host("grass")
def _grass(cover: Landcover, places: Places) -> NDArray[np.bool_]:
    lie, plots = cover.lie(*places.T), cover.cropland.locate(*places.T)
    return np.asarray((lie.bank > 1.25) & (lie.wooded < -0.1) & (lie.salty < -0.05) & ~plots.ploughed)


@_host("meadow")
def _meadow(cover: Landcover, places: Places) -> NDArray[np.bool_]:
    return np.asarray(cover.lie(*places.T).bank < 0.9)


@_host("forest")
def _forest(cover: Landcover, places: Places) -> NDArray[np.bool_]:
    lie, plots = cover.lie(*places.T), cover.cropland.locate(*places.T)
    return np.asarray((lie.bank > 1.25) & (lie.wooded > 0.15) & ~plots.ploughed)


@_host("crop")
def _crop(cover: Landcover, places: Places) -> NDArray[np.bool_]:
    lie, plots = cover.lie(*places.T), cover.cropland.locate(*places.T)
    return np.asarray(plots.ploughed & (lie.bank > 1.25) & (plots.edge_m > 20))


@_host("reed")
def _reed(cover: Landcover, places: Places) -> NDArray[np.bool_]:
    lie = cover.lie(*places.T)
    return np.asarray((lie.reedy - lie.bank > 0.6) & (lie.bank < 0.9))


class Sites:
    """Hands out places and remembers which are taken."""

    def __init__(self, rng: Generator, cover: Landcover, ground: BaseGeometry, taken: BaseGeometry) -> None:
        """Starts with the world's outline and what already lies on it, ground coordinates."""
        self._rng, self._cover, self._ground = rng, cover, ground
        self._taken: list[BaseGeometry] = list(shapely.get_parts(shapely.simplify(taken, 8.0)))

    def find(self, host: str, radius_m: float, along: BaseGeometry | None = None) -> tuple[float, float] | None:
        """The middle of a free disc of one cover.

        Args:
            host: ``grass``, ``meadow``, ``forest``, ``crop`` or ``reed``.
            radius_m: of the disc.
            along: a line on which the middle must lie.

        Returns:
            Ground coordinates, or None where there is no room.
        """
        tree = shapely.STRtree(self._taken)
        inside = self._ground.buffer(-radius_m - 40)
        for share in (0.95, 0.8, 0.65):
            places = self._draw(along, 1_500)
            good = shapely.contains_xy(inside, places) & _HOSTS[host](self._cover, places)
            near = places[good][:150]
            free = np.ones(len(near), np.bool_)
            free[tree.query(shapely.points(near), predicate="dwithin", distance=radius_m)[0]] = False
            for x, y in near[free][:40]:
                if _HOSTS[host](self._cover, self._around(x, y, radius_m)).mean() >= share:
                    return float(x), float(y)
        return None

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north of the world, ground coordinates."""
        west, south, east, north = self._ground.bounds
        return west, south, east, north

    def free(self, geometry: BaseGeometry) -> BaseGeometry:
        """What of a geometry lies in the world where nothing is taken."""
        near = [taken for taken in self._taken if taken.intersects(geometry)]
        return valid(geometry.intersection(self._ground).difference(shapely.union_all(near)))

    def take(self, geometry: BaseGeometry, margin_m: float = 60.0) -> None:
        """Nothing else shall come nearer to this than the margin."""
        self._taken.append(geometry.buffer(margin_m))

    def require(self, kind: str, host: str, radius_m: float, along: BaseGeometry | None = None) -> tuple[float, float]:
        """As `find`, on the line where there is room on it, elsewhere if not.

        Raises:
            SimulationError: where there is no room at all.
        """
        place = self.find(host, radius_m, along) if along is not None else None
        for shrink in (1.0, 0.7, 0.45):
            place = place or self.find(host, radius_m * shrink)
        if place is None:
            raise SimulationError(
                f"the simulated ground has no room for another {kind} on {host}; make it larger or plant fewer"
            )
        return place

    def _draw(self, along: BaseGeometry | None, count: int) -> Places:
        if along is not None:
            steps = self._rng.uniform(0, along.length, count)
            return np.asarray(shapely.get_coordinates(shapely.line_interpolate_point(along, steps)))
        west, south, east, north = self._ground.bounds
        return np.column_stack([self._rng.uniform(west, east, count), self._rng.uniform(south, north, count)])

    @staticmethod
    def _around(x: float, y: float, radius_m: float) -> Places:
        angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        ring = np.column_stack([np.cos(angle), np.sin(angle)]) * radius_m
        around: Places = np.vstack([ring, ring * 0.5]) + np.array([x, y])
        return around

"""Normals of the region: fitted per cell and after day, from a fixed lattice of chips, whatever the AOI."""

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.cells import Cell
from aoi.grid import epsg_of, to_crs
from detectors.core.errors import TooLittleGroundError
from detectors.core.normals import Normals, fit
from detectors.core.types import FloatArray
from imagery.compose import Failure, read_before, read_day, solar_days
from imagery.mosaic import Mosaic
from imagery.scene import BANDS, Scene
from pipelines.plan import Plan
from pipelines.progress import Progress

CHIP_PX = 128
WHOLE_PX = 2_500_000
"""Where the scenes cover no more pixels than this (250 km² at 10 m), all of them are read …"""

SPARSEST = 4
"""… and beyond it one chip in so many, each way, that about as many are; at most one in this."""

WHOLE_CHIP_PX = 512
SAMPLES = 150_000
"""Pixels that a fit takes at most; the lattice inside the chips widens until it holds."""

NormalsKey = tuple[Cell, dt.date]
_Seen = tuple[Mosaic, tuple[Failure, ...]]


@dataclass(frozen=True)
class Region:
    """The normals of every cell and day of a plan."""

    normals: Mapping[NormalsKey, Normals]
    failures: tuple[Failure, ...]
    too_little: tuple[str, ...]
    """Cells and days with too little ground observed to say what is normal."""


@dataclass(frozen=True)
class Lattice:
    """Where the normals of a cell look."""

    chips: tuple[GeoBox, ...]
    step: int
    """Every so many pixels of a chip, in both directions, enter the fit."""


def lattice_of(cell: Cell, gsd_m: float, before: Sequence[Scene], after: Sequence[Scene]) -> Lattice:
    """The fixed chips of a cell; it depends on the scenes' footprints, never on the AOI."""
    footprints = [shapely.union_all([scene.geometry for scene in scenes]) for scenes in (before, after)]
    everywhere = footprints[0].intersection(footprints[1])
    # A small scene is taken whole, beyond the cell too: all cells that it touches then have the same normals.
    small = _pixels(everywhere, gsd_m) <= WHOLE_PX
    seen = everywhere if small else everywhere.intersection(cell.reach)
    if seen.is_empty:
        return Lattice((), 1)
    apart = min(math.ceil(math.sqrt(_pixels(seen, gsd_m) / WHOLE_PX)), SPARSEST)
    chip_px = WHOLE_CHIP_PX if apart == 1 else CHIP_PX
    spacing_m = chip_px * apart * gsd_m
    ground = to_crs(shapely.segmentize(seen, 0.01), 4326, cell.epsg)
    shapely.prepare(ground)
    left, bottom, right, top = ground.bounds
    corners = (
        (col * spacing_m, row * spacing_m)
        for row in range(math.floor(bottom / spacing_m), math.floor(top / spacing_m) + 1)
        for col in range(math.floor(left / spacing_m), math.floor(right / spacing_m) + 1)
    )
    edge_m = chip_px * gsd_m
    chips = tuple(
        GeoBox((chip_px, chip_px), Affine(gsd_m, 0, x, 0, -gsd_m, y + edge_m), f"EPSG:{cell.epsg}")
        for x, y in corners
        if ground.intersects(box(x, y, x + edge_m, y + edge_m))
    )
    pixels = min(len(chips) * chip_px**2, ground.area / gsd_m**2)
    return Lattice(chips, max(3, math.ceil(math.sqrt(pixels / SAMPLES))))


def _pixels(geometry: BaseGeometry, gsd_m: float) -> float:
    """Pixels of a geometry in EPSG:4326."""
    return geodesic_area_m2(geometry) / gsd_m**2 if not geometry.is_empty else 0.0


def fit_region(plan: Plan, progress: Progress, workers: int) -> Region:
    """Fit the normals of every cell that a block of the plan touches, for every after day."""
    normals: dict[NormalsKey, Normals] = {}
    fitted: dict[object, Normals] = {}
    failures: set[Failure] = set()
    too_little: list[str] = []
    with progress.stage("normals", len(plan.cells)) as step, ThreadPoolExecutor(workers) as pool:
        for cell in plan.cells:
            sampler = _Sampler(plan, cell, pool, failures)
            for day in sampler.days:
                try:
                    same = sampler.key(day)
                    fitted[same] = normals[cell, day] = fitted.get(same) or sampler.fit(day)
                except TooLittleGroundError as error:
                    too_little.append(f"{cell.id} {day}: {error}")
            step()
    return Region(normals, tuple(sorted(failures, key=lambda f: f.scene_id)), tuple(too_little))


class _Sampler:
    """Reads a cell's chips: before once, after for each day."""

    def __init__(self, plan: Plan, cell: Cell, pool: ThreadPoolExecutor, failures: set[Failure]) -> None:
        before, after = (
            tuple(scene for scene in scenes if scene.geometry.intersects(cell.reach))
            for scenes in (plan.before, plan.after)
        )
        self._lattice = lattice_of(cell, plan.gsd_m, before, after)
        self._by_day = {day: scenes for day, scenes in solar_days(after).items() if day in plan.days}
        self._pool, self._failures, self._reflectance = pool, failures, plan.reflectance
        self.days = tuple(self._by_day) if self._lattice.chips else ()
        self._before_scenes = before
        self._before: list[FloatArray] | None = None

    def key(self, day: dt.date) -> object:
        """What decides the fit: cells with the same key share it."""
        scenes = self._before_scenes + self._by_day[day]
        return self._lattice.chips, day, tuple(scene.id for scene in scenes)

    def fit(self, day: dt.date) -> Normals:
        if self._before is None:
            self._before = self._read(read_before, self._before_scenes)
        after = self._read(read_day, self._by_day[day])
        chips = list(zip(self._before, after, strict=True))
        return fit(chips, BANDS, reflectance=self._reflectance, lattice_step=self._lattice.step)

    def _read(
        self, read: Callable[..., tuple[Mosaic, tuple[Failure, ...]]], scenes: Sequence[Scene]
    ) -> list[FloatArray]:
        def chip(geobox: GeoBox) -> tuple[Mosaic, tuple[Failure, ...]]:
            ground = to_crs(geobox.extent.geom, epsg_of(geobox), 4326)
            return read(tuple(scene for scene in scenes if scene.geometry.intersects(ground)), geobox, BANDS)

        seen = list(self._pool.map(chip, self._lattice.chips))
        self._failures.update(failure for _, failed in seen for failure in failed)
        return [mosaic.data for mosaic, _ in seen]

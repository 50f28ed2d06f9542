"""Normals of the region: fitted per cell and after day, from a fixed lattice of chips, whatever the AOI."""

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol

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
from imagery.seasons import alike
from pipelines.plan import Plan
from pipelines.progress import Progress, Step

CHIP_PX = 128
WHOLE_PX = 2_500_000
"""Where the scenes cover no more pixels than this (250 km² at 10 m), all of them are read …"""

SPARSEST = 4
"""… and beyond it one chip in so many, each way, that about as many are; at most one in this."""

WHOLE_CHIP_PX = 512
SAMPLES = 150_000
"""Pixels that a fit takes at most; the lattice inside the chips widens until it holds."""

FEW = 10_000
"""Pixels below which a lattice is taken closer than every third."""

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
    # every third pixel is an independent sample; a scene too small for that gives what it has
    sparse = max(3, math.ceil(math.sqrt(pixels / SAMPLES)))
    return Lattice(chips, min(sparse, max(1, math.floor(math.sqrt(pixels / FEW)))))


def _pixels(geometry: BaseGeometry, gsd_m: float) -> float:
    """Pixels of a geometry in EPSG:4326."""
    return geodesic_area_m2(geometry) / gsd_m**2 if not geometry.is_empty else 0.0


class KeptNormals(Protocol):
    """Normals that outlive the run that fitted them."""

    def get(self, lattice: Lattice, before: Sequence[Scene], after: Sequence[Scene], plan: Plan) -> Normals | None:
        """Those fitted on these chips from these scenes, or None."""
        ...

    def put(
        self, lattice: Lattice, before: Sequence[Scene], after: Sequence[Scene], plan: Plan, fitted: Normals
    ) -> None:
        """Keep them."""
        ...


def fit_region(plan: Plan, progress: Progress, workers: int, kept: KeptNormals | None = None) -> Region:
    """Fit the normals of every cell that a block of the plan touches, for every after day.

    Cells whose chips and scenes are the same (a small scene lies on several) share one fit. Normals that are kept are
    never fitted anew; a fit that had to do without a scene is not kept.
    """
    grounds: dict[object, _Ground] = {}
    cells: dict[object, list[Cell]] = {}
    for cell in plan.cells:
        ground = _ground_of(plan, cell)
        grounds.setdefault(ground.key, ground)
        cells.setdefault(ground.key, []).append(cell)
    with progress.stage("normals", len(grounds)) as step, ThreadPoolExecutor(workers) as pool:
        fitted = list(pool.map(lambda ground: _fit(plan, ground, workers, step, kept), grounds.values()))
    normals = {
        (cell, day): found
        for key, fits in zip(grounds, fitted, strict=True)
        for cell in cells[key]
        for day, found in fits.by_day.items()
    }
    failures = {failure for fits in fitted for failure in fits.failures}
    too_little = tuple(
        f"{cells[key][0].id} {said}" for key, fits in zip(grounds, fitted, strict=True) for said in fits.too_little
    )
    return Region(normals, tuple(sorted(failures, key=lambda f: f.scene_id)), too_little)


@dataclass(frozen=True)
class _Ground:
    """What decides a fit."""

    lattice: Lattice
    before: tuple[Scene, ...]
    after: tuple[Scene, ...]

    @property
    def key(self) -> object:
        return self.lattice.chips, tuple(scene.id for scene in (*self.before, *self.after))


@dataclass(frozen=True)
class _Fitted:
    by_day: Mapping[dt.date, Normals]
    failures: frozenset[Failure]
    too_little: tuple[str, ...]


def _ground_of(plan: Plan, cell: Cell) -> _Ground:
    before, after = (
        tuple(scene for scene in scenes if scene.geometry.intersects(cell.reach))
        for scenes in (plan.before, plan.after)
    )
    return _Ground(lattice_of(cell, plan.gsd_m, before, after), before, after)


def _fit(plan: Plan, ground: _Ground, workers: int, step: Step, kept: KeptNormals | None) -> _Fitted:
    """The normals of every day of a ground; its before chips are read once for the days that share them."""
    lattice = ground.lattice
    by_day: dict[dt.date, Normals] = {}
    failures: set[Failure] = set()
    too_little: list[str] = []
    days = {day: scenes for day, scenes in solar_days(ground.after).items() if day in plan.days}
    if kept is not None and lattice.chips:
        found = {day: kept.get(lattice, ground.before, scenes, plan) for day, scenes in days.items()}
        by_day = {day: normals for day, normals in found.items() if normals is not None}
    missing = {day: scenes for day, scenes in days.items() if day not in by_day}
    if lattice.chips and missing:
        near: frozenset[str] | None = None
        before: list[FloatArray] = []
        lost: set[Failure] = set()
        for day, scenes in missing.items():
            if near != (now := alike(ground.before, day)):
                near = now
                before, lost = _read(partial(read_before, first=near), ground.before, lattice, workers)
                failures |= lost
            after, failed = _read(read_day, scenes, lattice, workers)
            failures |= failed
            chips = list(zip(before, after, strict=True))
            try:
                by_day[day] = fit(chips, BANDS, reflectance=plan.reflectance, lattice_step=lattice.step)
            except TooLittleGroundError as error:
                too_little.append(f"{day}: {error}")
            else:
                if kept is not None and not lost and not failed:
                    kept.put(lattice, ground.before, scenes, plan, by_day[day])
    step()
    return _Fitted(by_day, frozenset(failures), tuple(too_little))


def _read(
    read: Callable[..., _Seen], scenes: Sequence[Scene], lattice: Lattice, workers: int
) -> tuple[list[FloatArray], set[Failure]]:
    def chip(geobox: GeoBox) -> _Seen:
        place = to_crs(geobox.extent.geom, epsg_of(geobox), 4326)
        return read(tuple(scene for scene in scenes if scene.geometry.intersects(place)), geobox, BANDS)

    with ThreadPoolExecutor(workers) as pool:
        seen = list(pool.map(chip, lattice.chips))
    return [mosaic.data for mosaic, _ in seen], {failure for _, failed in seen for failure in failed}

"""What a scan will work on: scenes, grid, blocks, cells and days, all decided before a pixel is read."""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.cells import Cell, cells_of
from aoi.grid import Block, blocks_of, to_crs
from aoi.layers import Layer
from aoi.model import Aoi
from detectors.core.apply import in_season
from detectors.core.history import Survey
from detectors.core.reader import Reader
from detectors.core.types import Detector
from imagery.compose import Failure, solar_days
from imagery.scene import Scene
from pipelines.errors import NothingObservedError
from pipelines.request import DateRange, ScanRequest

GSD_STEPS_M = (2.0, 4.0, 5.0, 8.0, 10.0, 15.0, 16.0, 20.0, 30.0, 60.0, 90.0, 100.0)
"""Pixel sizes that the analysis grid may have; a scene in degrees takes the nearest."""

NEAR_DAYS = 1500
"""Where nothing is found, days this far off are named."""

RIM_DEG = 0.01
"""Ground beyond the AOI that is worked too (about 1 km), so that a patch on its edge is seen whole."""


@dataclass(frozen=True)
class SurveyTask:
    """A survey of a detector, with what it needs."""

    key: str
    """Names it in what a run keeps: the detector's id and its number."""

    detector: Detector
    """With the thresholds of a survey."""

    survey: Survey
    layers: tuple[Layer, ...]
    """Those that make up its ground."""

    scenes: tuple[Scene, ...]
    """Of its season in its years."""

    years: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """The work of one scan."""

    aoi: Aoi
    gsd_m: float
    blocks: tuple[Block, ...]
    cells: tuple[Cell, ...]
    before: tuple[Scene, ...]
    after: tuple[Scene, ...]
    days: tuple[dt.date, ...]
    """Solar days of the after scenes on which at least one detector is in season."""

    detectors: tuple[Detector, ...]
    reader: Reader
    """Says what was disturbed."""

    reflectance: bool
    """False when a scene holds plain DN."""

    out_of_season: tuple[str, ...]
    """Detectors for which no after scene lies in their season."""

    refused: tuple[Failure, ...] = ()
    """What the source told of but could not make a scene of."""

    surveys: tuple[SurveyTask, ...] = ()
    """What is sought in composites of several years as well."""


def plan_scan(request: ScanRequest, detectors: Sequence[Detector], reader: Reader) -> Plan:
    """Look the scenes up and lay the grid.

    Raises:
        NothingObservedError: if one of the ranges has no scene over the AOI; says what the source does hold.
    """
    refused: dict[str, Failure] = {}

    def search(ground: BaseGeometry, ranges: Sequence[DateRange]) -> tuple[Scene, ...]:
        found: dict[str, Scene] = {}
        for dates in ranges:
            found |= {scene.id: scene for scene in _optical(request.source.search(ground, *dates))}
            refused.update({one.scene_id: Failure(one.scene_id, one.reason) for one in request.source.refused})
        return tuple(sorted(found.values(), key=lambda scene: (scene.datetime, scene.id)))

    rim = request.aoi.geometry.buffer(RIM_DEG)
    earlier, later = (*request.before_also, request.before), (request.after,)
    near = []
    for role, dates, ranges in (("before", request.before, earlier), ("after", request.after, later)):
        near.append(search(request.aoi.geometry, ranges))
        if not near[-1]:
            raise NothingObservedError(_nothing(request, role, dates, tuple(refused.values())))
    gsd_m = max(grid_gsd_m(scenes) for scenes in near)
    blocks = blocks_of(rim, gsd_m, reader.reach_px, request.block_px)
    if request.blocks is not None:
        blocks = tuple(block for block in blocks if block.id in request.blocks)
    cells = cells_of(blocks)
    # Normals look beyond the AOI, at all the ground of their cells, so that the AOI has no say in them.
    reach = shapely.union_all([cell.reach for cell in cells])
    before, after = search(reach, earlier), search(reach, later)
    days = tuple(day for day in solar_days(after) if any(in_season(detector, day) for detector in detectors))
    idle = tuple(d.id for d in detectors if not any(in_season(d, day) for day in days))
    if not days:
        raise NothingObservedError(
            f"no after scene between {request.after[0]} and {request.after[1]} lies in the season of "
            f"{', '.join(d.id for d in detectors)}; see `weixun detectors list`"
        )
    dn = any(scene.level == "DN" for scene in before + after)
    wrong = tuple(refused[name] for name in sorted(refused))
    return Plan(request.aoi, gsd_m, blocks, cells, before, after, days, tuple(detectors), reader, not dn, idle, wrong)


def _optical(scenes: Sequence[Scene]) -> tuple[Scene, ...]:
    """Radar sees through cloud, but shows no reflectance: a look with it alone would see nothing."""
    return tuple(scene for scene in scenes if scene.optical)


def _nothing(request: ScanRequest, name: str, dates: DateRange, refused: Sequence[Failure]) -> str:
    """Why there is nothing to begin with, and what there is at other times."""
    source, geometry = request.source, request.aoi.geometry
    first, last = (day + dt.timedelta(days=apart) for day, apart in zip(dates, (-NEAR_DAYS, NEAR_DAYS), strict=True))
    over = sorted({scene.solar_day for scene in source.search(geometry, first, last)})
    asked = f"no scene over AOI {request.aoi.id!r} between {dates[0]} and {dates[1]} (--{name})"
    if refused:
        asked += f", beside what could not be used ({'; '.join(one.reason.rstrip('.') for one in refused[:2])})"
    if not over:
        return f"{asked}: no scene of {source.name} touches it from {first} to {last} either"
    days = ", ".join(map(str, over[:6])) + (f" … {over[-1]} ({len(over)} days)" if len(over) > 6 else "")
    return f"{asked}; {source.name} has {days}"


def grid_gsd_m(scenes: Sequence[Scene]) -> float:
    """The finest pixel size among scenes, in the nearest step of the grid: nothing is upsampled to look finer."""
    finest = min(scene.gsd_m for scene in scenes)
    return min(GSD_STEPS_M, key=lambda step: abs(math.log(step / finest)))


def scenes_over(scenes: Sequence[Scene], block: Block) -> tuple[Scene, ...]:
    """The scenes whose footprint touches a block's padded ground."""
    ground = to_crs(block.padded.extent.geom, block.epsg, 4326)
    return tuple(scene for scene in scenes if scene.geometry.intersects(ground))

"""A glance at the masks of new scenes, at an eighth of their size: which blocks have a clear pixel at all."""

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask
from shapely.geometry.base import BaseGeometry

from aoi.grid import Block, owned, to_crs, zone_box
from detectors.core.types import BoolArray
from imagery.compose import Failure, read_day, shares
from imagery.scene import Scene
from leads.model import Coverage
from pipelines.progress import Progress

COARSER = 8
BAND = ("red",)
"""A pixel of it is read where the masks leave one clear, so that a file without pixels is found out as well."""


@dataclass(frozen=True)
class Glance:
    """What the scenes of a day show of a block, before anything is worked."""

    block: Block
    day: dt.date
    clear: float
    """Share of the block's ground that is clear, 0–1."""

    coverage: Coverage
    """As it will be recorded if the block is not worked; its geometry is empty where only the AOI's rim needs it."""

    unreadable: tuple[Failure, ...]
    """Scenes that could not be read there."""

    scenes: int
    """Scenes over the block that day."""

    @property
    def blind(self) -> bool:
        """Whether nothing could be read."""
        return len(self.unreadable) == self.scenes


def glances(
    asked: Sequence[tuple[Block, dt.date, tuple[Scene, ...]]], aoi: BaseGeometry, progress: Progress, workers: int
) -> tuple[Glance, ...]:
    """A glance at each block on each day.

    Args:
        asked: blocks, days, and the scenes of the day over the block.
        aoi: the area in EPSG:4326.
        progress: where to report.
        workers: glances at a time.
    """

    def one(block: Block, day: dt.date, scenes: tuple[Scene, ...]) -> Glance:
        found = glance(block, day, scenes, aoi)
        step()
        return found

    with progress.stage("glances", len(asked)) as step, ThreadPoolExecutor(workers) as pool:
        return tuple(pool.map(lambda question: one(*question), asked))


def glance(block: Block, day: dt.date, scenes: tuple[Scene, ...], aoi: BaseGeometry) -> Glance:
    """What the scenes of one day show of one block."""
    coarse = block.geobox.zoom_out(COARSER)
    seen, failures = read_day(scenes, coarse, BAND)
    mine = np.asarray(owned(coarse))
    inside = _inside(aoi, coarse, block.epsg) & mine
    told = shares(seen, inside if inside.any() else mine)
    clear = float((seen.observed & mine).sum() / max(int(mine.sum()), 1))
    coverage = Coverage(block.id, "after", day, block_ground(block, aoi), *told)
    return Glance(block, day, clear, coverage, failures, len(scenes))


def block_ground(block: Block, aoi: BaseGeometry) -> BaseGeometry:
    """A block's core inside an area and its own zone, EPSG:4326."""
    return to_crs(block.geobox.extent.geom, block.epsg, 4326).intersection(aoi).intersection(zone_box(block.epsg))


def _inside(aoi: BaseGeometry, grid: GeoBox, epsg: int) -> BoolArray:
    ground = shapely.intersection(aoi, zone_box(epsg))
    if ground.is_empty:
        return np.zeros(grid.shape, np.bool_)
    shape = to_crs(shapely.segmentize(ground, 0.01), 4326, epsg)
    return np.asarray(geometry_mask([shape], grid.shape, grid.affine, invert=True, all_touched=True))

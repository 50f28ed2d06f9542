"""A patrol for one new date: some blocks really worked, the rest of an area by what those cost."""

import datetime as dt
import math
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely
from rasterio.features import geometry_mask
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from aoi.cells import cells_of
from aoi.grid import blocks_of, to_crs, zone_of
from detectors.core.neighbourhood import box_of

if TYPE_CHECKING:
    from imagery.archive import Archive
    from pipelines.patrol.config import PatrolConfig

PATROL_KM2 = 37_000
BOUND_MIN = 30.0
CORES = 2
"""Of the machine that the bound is for."""


def measure(world: str, share: str) -> dict[str, Any]:
    """`weixun patrol run` over a corner of the world, with every detector; seconds by stage of the one new date.

    Args:
        world: folder of a simulated world with one after date.
        share: of the world's width and height.
    """
    from aoi.read import read_aoi
    from imagery.archive import Archive
    from leads.store.store import home_store
    from pipelines.patrol import area as area_of_night
    from pipelines.patrol.config import PatrolConfig
    from pipelines.patrol.night import run_night
    from pipelines.progress import reporter

    night = max(scene.solar_day for scene in Archive.open(Path(world) / "archive").scenes())
    stages: dict[str, float] = {}
    scan = area_of_night.scanned

    def noted(*arguments: Any, **named: Any) -> Any:
        done = scan(*arguments, **named)
        stages.update(done.run.seconds)
        return done

    area_of_night.scanned = noted
    with tempfile.TemporaryDirectory(prefix="weixun-bench-") as folder:
        home = Path(folder)
        os.environ["WEIXUN_HOME"] = folder
        (home / "corner.geojson").write_text(_corner(world, float(share)), encoding="utf-8")
        said = {"aoi": str(home / "corner.geojson"), "archive": Path(world) / "archive"}
        config = PatrolConfig.model_validate(
            {"watch": [said], "after": {"first_days": 1}, "keep": {"min_free_gb": 0.1}, "notify": {"pdf": False}}
        )
        begun, used = time.perf_counter(), time.process_time()
        ended = run_night(config, home, night, progress=reporter())
        seconds, cpu = time.perf_counter() - begun, time.process_time() - used
        begun = time.perf_counter()
        quiet = run_night(config, home, night + dt.timedelta(days=1))
        nothing_s = time.perf_counter() - begun
        with home_store(home) as store:
            leads = store.count()
        corner = read_aoi(str(home / "corner.geojson")).geometry
        work = _work(config, home, corner, Archive.open(Path(world) / "archive"))
    one = ended.areas[0]
    return {
        "seconds": seconds,
        "cpu_s": cpu,
        "blocks": one.worked,
        "km2": one.km2,
        "work": asdict(work[0]),
        "all_of_it": asdict(work[1]),
        "leads": leads,
        "stages": stages,
        "night_s": seconds - sum(stages.values()),
        "quiet_s": nothing_s,
        "quiet_blocks": quiet.areas[0].worked,
    }


def _corner(world: str, share: float) -> str:
    """The south-western part of the world as GeoJSON."""
    import json

    from shapely.geometry import mapping

    from aoi.read import read_aoi

    geometry = read_aoi(str(Path(world) / "aoi.geojson")).geometry
    west, south, east, north = geometry.bounds
    part = geometry.intersection(box(west, south, west + (east - west) * share, south + (north - south) * share))
    feature = {"type": "Feature", "properties": {"id": "corner", "name": "corner"}, "geometry": mapping(part)}
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


@dataclass(frozen=True)
class Work:
    """What an area costs, before anything is measured: halos and the outline's squares are work too."""

    mpx: float
    """Million pixels that its blocks read, each with its halo."""

    cells: int
    """Cells of normals."""


def _work(config: "PatrolConfig", home: Path, area: BaseGeometry, archive: "Archive") -> tuple[Work, Work]:
    """Of the area that was worked, as far as there is imagery; and of a square of `PATROL_KM2`, seen all over."""
    from pipelines.readers import reader_of

    halo = reader_of(config.work.method, home).reach_px
    scenes = archive.scenes()
    seen = shapely.union_all([scene.geometry for scene in scenes])
    gsd_m, block_px = min(scene.gsd_m for scene in scenes), config.work.block_px
    epsg = zone_of(area.centroid.x, area.centroid.y)
    middle = to_crs(area.centroid, 4326, epsg)
    half_m = math.sqrt(PATROL_KM2) * 500
    square = to_crs(shapely.segmentize(middle.buffer(half_m, cap_style="square"), 5e3), epsg, 4326)
    return work_of(area, seen, gsd_m, halo, block_px), work_of(square, square.buffer(0.2), gsd_m, halo, block_px)


def work_of(area: BaseGeometry, seen: BaseGeometry, gsd_m: float, halo_px: int, block_px: int) -> Work:
    """What working an area takes.

    Args:
        area: EPSG:4326.
        seen: ground of which there is imagery, likewise.
        gsd_m: pixel size.
        halo_px: read around what is wanted of a block.
        block_px: edge of a block.
    """
    from pipelines.block import squares_near
    from pipelines.plan import RIM_DEG

    blocks = blocks_of(area.buffer(RIM_DEG), gsd_m, halo_px, block_px)
    pixels = 0
    for block in blocks:
        footprint = to_crs(shapely.segmentize(seen, 0.01), 4326, block.epsg)
        box_ = block.geobox
        there = geometry_mask([footprint], box_.shape, box_.affine, invert=True) & squares_near(area, block)
        if there.any():
            pixels += math.prod(side.stop - side.start + 2 * halo_px for side in box_of(there))
    return Work(pixels / 1e6, len(cells_of(blocks)))


def minutes(small: dict[str, Any], large: dict[str, Any], km2: float = PATROL_KM2) -> float:
    """Minutes for an area, from what two measurements of `measure` took.

    Blocks by the pixels they read, normals by their cells, both from the larger one; the rest has a cost for each km²
    and one whatever the area.
    """
    whole = large["all_of_it"]
    blocks = large["stages"]["blocks"] * whole["mpx"] / large["work"]["mpx"]
    normals = large["stages"]["normals"] * whole["cells"] / large["work"]["cells"]
    (less, few), (more, many) = ((one["km2"], _rest(one)) for one in (small, large))
    slope = (many - few) / (more - less)
    return (blocks + normals + max(few - slope * less, 0.0) + slope * km2) / 60


def _rest(measured: dict[str, Any]) -> float:
    """Seconds of everything but blocks and normals."""
    return float(measured["seconds"] - measured["stages"]["blocks"] - measured["stages"]["normals"])

"""A patrol for one new date: some blocks really worked, the rest of an area by what those cost."""

import datetime as dt
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from shapely.geometry import box

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
    one = ended.areas[0]
    return {
        "seconds": seconds,
        "cpu_s": cpu,
        "blocks": one.worked,
        "km2": one.km2,
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


def minutes(small: tuple[float, float], large: tuple[float, float], km2: float = PATROL_KM2) -> float:
    """Minutes for an area, from two measurements of (km², seconds): a cost for each km², and one whatever the area."""
    slope = (large[1] - small[1]) / (large[0] - small[0])
    fixed = max(small[1] - slope * small[0], 0.0)
    return (fixed + slope * km2) / 60

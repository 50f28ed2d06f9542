"""A year over all of Hulunbuir: how much a service is asked, the first time and ever after."""

import datetime as dt

import pytest
from shapely.geometry import box, mapping

from imagery.providers.stac import StacProvider
from imagery.providers.stac_config import StacConfig
from imagery.remote.cache import Cache
from imagery.remote.limits import Limits
from imagery.remote.retry import Clock

S2 = "sentinel-2-l2a"
HULUNBUIR = box(115.6, 47.1, 125.9, 53.2)
YEAR = dt.date(2025, 1, 1), dt.date(2025, 12, 31)
TILES, PASSES = 100, 70


def fill(stac) -> None:
    """100 tiles, each seen every fifth day or so; items about as heavy as a real service's."""
    keys = (
        "blue",
        "green",
        "red",
        "nir",
        "swir16",
        "swir22",
        "scl",
        "coastal",
        "nir08",
        "nir09",
        "aot",
        "wvp",
        "visual",
    )
    extra = {f"s2:note_{number}": "x" * 60 for number in range(30)}
    for tile in range(TILES):
        west, south = 115.5 + tile % 10, 47.0 + tile // 10 * 0.6
        footprint = box(west, south, west + 1.4, south + 0.95)
        for number in range(PASSES):
            when = dt.datetime(2025, 1, 1, 3, tzinfo=dt.UTC) + dt.timedelta(days=5.2 * number, minutes=tile)
            name = f"S2A_T{tile:03d}_{when:%Y%m%d}_0_L2A"
            raster = [{"nodata": 0, "data_type": "uint16", "spatial_resolution": 10, "scale": 1e-4, "offset": -0.1}]
            stac.items.append({
                "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": S2, "links": [],
                "geometry": mapping(footprint), "bbox": list(footprint.bounds),
                "properties": {
                    "datetime": when.isoformat(), "updated": (when + dt.timedelta(hours=9)).isoformat(),
                    "platform": "sentinel-2a", "s2:processing_baseline": "05.11", "grid:code": f"MGRS-{tile}", **extra,
                },
                "assets": {
                    key: {
                        "href": stac.href(f"{name}/{key}.tif"), "title": "y" * 80, "raster:bands": raster,
                        "file:size": 100_000_000, "file:checksum": "1220" + "0" * 64,
                    }
                    for key in keys
                },
            })  # fmt: skip


@pytest.mark.slow
def test_a_year_over_hulunbuir_is_asked_for_once(stac, tmp_path):
    fill(stac)
    now = [dt.datetime(2026, 1, 10, tzinfo=dt.UTC)]
    clock = Clock(now=lambda: now[0])

    def plan(last=YEAR[1]):
        config = StacConfig(url=stac.api, collections=(S2,))
        cache = Cache(tmp_path / "cache")
        provider = StacProvider.from_config("es", config, cache, Limits(), tmp_path, tmp_path / "index", clock)
        scenes = provider.search(HULUNBUIR, YEAR[0], last)
        return len(scenes), provider.requests

    assert plan() == (TILES * PASSES, 36)  # a greeting, then month by month, in pages of 250
    assert plan() == (TILES * PASSES, 0)
    now[0] += dt.timedelta(days=1)
    assert plan() == (TILES * PASSES, 2)  # greeting, and what is new
    now[0] += dt.timedelta(days=1)
    assert plan(dt.date(2026, 1, 5)) == (TILES * PASSES, 3)  # and five new days

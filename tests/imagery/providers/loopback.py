"""Services on loopback as fixtures, for every folder of tests that wants them.

A conftest.py loads this file by its path and takes over the fixtures it needs; tests are no package.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import shapely

from imagery.scene import Scene


def module(name: str) -> ModuleType:
    """A plain module beside this file."""
    full = f"weixun_tests_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[full] = loaded  # dataclasses look their module up
        spec.loader.exec_module(loaded)
    return sys.modules[full]


# --- STAC ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def stac_module() -> ModuleType:
    """`stac_server`, for its classes."""
    return module("stac_server")


@pytest.fixture
def stac(stac_module: ModuleType) -> Iterator[Any]:
    """A `StacServer` that is up, with nothing in it."""
    with stac_module.StacServer(module("stac_search")) as server:
        yield server


def item_of(scene: Scene, href: Callable[[str], str], collection: str = "sentinel-2-l2a") -> dict[str, Any]:
    """A scene as Earth Search would list it; hrefs from the file's folder and name."""
    assets = {}
    for name, asset in scene.assets.items():
        file = Path(asset.href)
        raster = {"spatial_resolution": asset.gsd_m, "data_type": "uint16"}
        if name != "scl":
            raster |= {"scale": asset.scale, "offset": asset.offset, "nodata": asset.nodata}
        assets[name] = {
            "href": href(f"{file.parent.name}/{file.name}"),
            "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "raster:bands": [raster],
            "file:size": file.stat().st_size,
            "roles": ["data"],
        }
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": scene.id, "collection": collection,
        "geometry": shapely.geometry.mapping(scene.geometry), "bbox": list(scene.geometry.bounds),
        "properties": {
            "datetime": scene.datetime.isoformat().replace("+00:00", "Z"), "platform": "sentinel-2a",
            "created": "2024-08-01T00:00:00Z", "updated": "2024-08-01T00:00:00Z",
            "s2:processing_baseline": "05.10", "eo:cloud_cover": scene.cloud_pct or 0.0,
            "proj:code": scene.properties["crs"], "grid:code": "MGRS-50UQV",
        },
        "assets": assets, "links": [],
    }  # fmt: skip


def serve(stac: Any, scenes: Iterable[Scene]) -> Any:
    """The `StacServer`, offering scenes of a local archive as Sentinel-2 L2A."""
    for scene in scenes:
        stac.items.append(item_of(scene, stac.href))
        for asset in scene.assets.values():
            file = Path(asset.href)
            stac.files[f"{file.parent.name}/{file.name}"] = file
    return stac


# --- Sentinel Hub ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def hub_archive() -> ModuleType:
    """`sentinelhub_archive`: acquisitions to serve."""
    return module("sentinelhub_archive")


@pytest.fixture(scope="session")
def hub_module() -> ModuleType:
    """`sentinelhub_server`, for its classes."""
    return module("sentinelhub_server")


@pytest.fixture
def hub(hub_module: ModuleType, hub_archive: ModuleType) -> Iterator[Any]:
    """A `SentinelHubServer` that is up, with nothing in its archive."""
    with hub_module.SentinelHubServer(hub_archive, module("sentinelhub_order")) as server:
        yield server

"""Small rasters in the layouts that are indexed."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

EPSG = 32650
LEFT, TOP = 512_000, 5_406_720
"""Upper left corner of a block of the analysis grid, at 48.8° N."""

SIZE = 120
"""Pixels of 10 m along each edge of a scene."""

CODES = {"B02": 1, "B03": 1, "B04": 1, "B08": 1, "B11": 2, "B12": 2}
"""Band files and their pixel size in tens of metres."""


def _write(path: Path, data: np.ndarray, gsd: float = 10, left: float = LEFT, top: float = TOP, **more: Any) -> Path:
    bands = data if data.ndim == 3 else data[None]
    profile = {
        "driver": "GTiff", "count": bands.shape[0], "height": bands.shape[1], "width": bands.shape[2],
        "dtype": bands.dtype, "crs": f"EPSG:{EPSG}", "transform": Affine(gsd, 0, left, 0, -gsd, top),
        "tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate", **more,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **profile) as target:
        target.write(bands)
    return path


@pytest.fixture
def raster() -> Callable[..., Path]:
    """Writes a tiled, compressed GeoTIFF of (H, W) or (C, H, W) values."""
    return _write


def _noise(seed: int, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(seed).integers(300, 1400, (size, size)).astype(np.uint16)


@pytest.fixture
def noise() -> Callable[..., np.ndarray]:
    """(size, size) DN of something like ground, none of it so bright that cloud is looked for."""
    return _noise


@pytest.fixture
def band_folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a Sentinel-2 scene as a folder of band files with classes and a sidecar."""

    def make(name: str = "s2", date: str = "2025-06-12", seed: int = 0, left: float = LEFT, **note: Any) -> Path:
        folder = tmp_path / name
        for index, (code, step) in enumerate(CODES.items()):
            _write(folder / f"{code}.tif", _noise(seed * 10 + index, SIZE // step), 10 * step, left)
        _write(folder / "SCL.tif", np.full((SIZE // 2, SIZE // 2), 4, np.uint8), 20, left)
        said = {"datetime": f"{date}T03:00:00Z", "level": "L2A", "sensor": "sentinel-2", "scale": 1e-4, "offset": 0.0}
        (folder / "scene.json").write_text(json.dumps({**said, **note}))
        return folder

    return make


@pytest.fixture
def city(tmp_path: Path) -> Callable[..., Path]:
    """Makes an OSCD city whose file names lie about the first date."""

    def make(name: str = "norcia", dates: str | None = "date_1: 20150711\ndate_2: 20171018\n") -> Path:
        stems = {
            "imgs_1": "S2A_OPER_MSI_L1C_TL_EPA__20160811T174848_A000262_T33TUH",
            "imgs_2": "T33TUH_20171018T100031",
        }
        for epoch, stem in stems.items():
            for index, (code, step) in enumerate(CODES.items()):
                _write(tmp_path / name / epoch / f"{stem}_{code}.tif", _noise(index, SIZE // step), 10 * step)
        if dates is not None:
            (tmp_path / name / "dates.txt").write_text(dates)
        return tmp_path / name

    return make


@pytest.fixture
def archive(tmp_path: Path):
    """An empty archive."""
    from imagery.archive import Archive

    return Archive.create_or_open(tmp_path / "archive")


@pytest.fixture(scope="session")
def faulty() -> ModuleType:
    """The module tests/imagery/remote/faulty.py: a loopback server that misbehaves by plan."""
    spec = importlib.util.spec_from_file_location("faulty", Path(__file__).parent / "remote" / "faulty.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["faulty"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def pushbroom() -> ModuleType:
    """The module beside this one: a satellite with exact geometry."""
    spec = importlib.util.spec_from_file_location("pushbroom", Path(__file__).with_name("pushbroom.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["pushbroom"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module

"""A scene's files, written window by window as Sentinel-2 L2A band files."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import Window as RasterWindow

from imagery.simulated.frame import Window
from imagery.simulated.render import Seen
from imagery.simulated.spectra import BAND_FILES, COARSE_FILES

SCALE = 0.0001
TILE_PX = 512
CHUNK_PX = 1024
"""Windows are rendered at this size: whole tiles at 10 m and at 20 m."""

_OVERVIEWS_FROM_PX = 2048


def chunks(extent: Window) -> Iterator[tuple[int, int, Window]]:
    """The windows that a scene is rendered in: row and column of the corner in fine pixels, and the window."""
    for row in range(0, extent.height, CHUNK_PX):
        for col in range(0, extent.width, CHUNK_PX):
            height, width = min(CHUNK_PX, extent.height - row), min(CHUNK_PX, extent.width - col)
            left, top = extent.left + col * extent.gsd_m, extent.top - row * extent.gsd_m
            yield row, col, Window(extent.epsg, left, top, height, width, extent.gsd_m)


@dataclass(frozen=True)
class SceneFiles:
    """Where a scene is written, and how it is called."""

    id: str
    folder: Path
    extent: Window
    time: dt.datetime


class SceneWriter:
    """Open files of one scene; a context manager."""

    def __init__(self, scene: SceneFiles) -> None:
        """Nothing is opened before the context is entered."""
        self._scene = scene
        self._stack = ExitStack()
        self._files: dict[str, Any] = {}

    def __enter__(self) -> "SceneWriter":
        """Makes the folder and opens every file."""
        scene = self._scene
        scene.folder.mkdir(parents=True)
        for name in (*BAND_FILES, "SCL"):
            path, profile = scene.folder / f"{name}.tif", _profile(name, scene.extent)
            self._files[name] = self._stack.enter_context(rasterio.open(path, "w", **profile))
        return self

    def write(self, row: int, col: int, seen: Seen) -> None:
        """Writes one window; its corner in fine pixels of the scene."""
        arrays = dict(zip(BAND_FILES, (*seen.fine, *seen.coarse), strict=True))
        for name, reflectance in arrays.items():
            self._put(name, row, col, np.clip(np.rint(reflectance / SCALE), 1, 65_535).astype(np.uint16))
        self._put("SCL", row, col, seen.classes)

    def _put(self, name: str, row: int, col: int, values: NDArray[Any]) -> None:
        step = 2 if _halved(name) else 1
        place = RasterWindow(col // step, row // step, values.shape[1], values.shape[0])
        self._files[name].write(values, 1, window=place)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Builds overviews of a large scene, closes the files and writes the sidecar last."""
        if kind is None and max(self._scene.extent.height, self._scene.extent.width) > _OVERVIEWS_FROM_PX:
            for name, file in self._files.items():
                file.build_overviews([4, 16], Resampling.nearest if name == "SCL" else Resampling.average)
        self._stack.close()
        if kind is None:
            sidecar = json.dumps(_sidecar(self._scene), indent=1)
            (self._scene.folder / "scene.json").write_text(sidecar, encoding="utf-8")


def _halved(name: str) -> bool:
    return name in COARSE_FILES or name == "SCL"


def _profile(name: str, extent: Window) -> dict[str, Any]:
    step = 2 if _halved(name) else 1
    gsd = extent.gsd_m * step
    return {
        "driver": "GTiff",
        "height": extent.height // step,
        "width": extent.width // step,
        "count": 1,
        "dtype": "uint8" if name == "SCL" else "uint16",
        "crs": f"EPSG:{extent.epsg}",
        "transform": Affine(gsd, 0, extent.left, 0, -gsd, extent.top),
        "nodata": 0,
        "tiled": True,
        "blockxsize": TILE_PX,
        "blockysize": TILE_PX,
        "compress": "deflate",
        "zlevel": 3,
        "predictor": 2,
    }


def _sidecar(scene: SceneFiles) -> Mapping[str, Any]:
    return {
        "datetime": scene.time.isoformat().replace("+00:00", "Z"),
        "level": "L2A",
        "baseline": "05.10",
        "sensor": "sentinel-2",
        "scale": SCALE,
        "offset": 0.0,
    }

"""A scene's files, written window by window."""

import json
import math
from collections.abc import Iterator
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

from imagery.simulated.formats import Format, RasterFile
from imagery.simulated.frame import Window
from imagery.simulated.sensors import Seen

TILE_PX = 512
CHUNK_PX = 1024
"""Windows are rendered at about this size: whole tiles at the rendered pixel size and at the sensor's."""

_OVERVIEWS_FROM_PX = 2048


def chunks(extent: Window, step: int = 1) -> Iterator[tuple[int, int, Window]]:
    """The windows that a scene is rendered in: row and column of the corner in rendered pixels, and the window.

    Args:
        extent: of the scene, rendered pixels.
        step: rendered pixels along one of the sensor's.
    """
    size = math.lcm(TILE_PX, step * TILE_PX) if step > 2 else CHUNK_PX
    for row in range(0, extent.height, size):
        for col in range(0, extent.width, size):
            height, width = min(size, extent.height - row), min(size, extent.width - col)
            left, top = extent.left + col * extent.gsd_m, extent.top - row * extent.gsd_m
            yield row, col, Window(extent.epsg, left, top, height, width, extent.gsd_m)


@dataclass(frozen=True)
class SceneFiles:
    """Where a scene is written, and how."""

    folder: Path
    extent: Window
    """Rendered pixels."""

    format: Format


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
        for file in scene.format.files:
            path, profile = scene.folder / file.name, _profile(file, scene.extent)
            self._files[file.name] = self._stack.enter_context(rasterio.open(path, "w", **profile))
        return self

    def write(self, row: int, col: int, seen: Seen) -> None:
        """Writes one window; its corner in rendered pixels of the scene."""
        arrays = self._scene.format.encode(seen)
        for file in self._scene.format.files:
            self._put(file, row, col, arrays[file.name])

    def _put(self, file: RasterFile, row: int, col: int, values: NDArray[Any]) -> None:
        stack = values if values.ndim == 3 else values[np.newaxis]
        place = RasterWindow(col // file.step, row // file.step, stack.shape[2], stack.shape[1])
        self._files[file.name].write(stack, window=place)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Builds overviews of a large scene, closes the files and writes the sidecar last."""
        scene = self._scene
        if kind is None and max(scene.extent.height, scene.extent.width) > _OVERVIEWS_FROM_PX:
            for file in scene.format.files:
                resampling = Resampling.nearest if file.mask else Resampling.average
                self._files[file.name].build_overviews([4, 16], resampling)
        self._stack.close()
        if kind is None:
            note = json.dumps(scene.format.note, indent=1)
            (scene.folder / scene.format.note_name).write_text(note, encoding="utf-8")


def _profile(file: RasterFile, extent: Window) -> dict[str, Any]:
    gsd = extent.gsd_m * file.step
    return {
        "driver": "GTiff",
        "height": extent.height // file.step,
        "width": extent.width // file.step,
        "count": file.count,
        "dtype": file.dtype,
        "crs": f"EPSG:{extent.epsg}",
        "transform": Affine(gsd, 0, extent.left, 0, -gsd, extent.top),
        "nodata": file.nodata,
        "tiled": True,
        "blockxsize": TILE_PX,
        "blockysize": TILE_PX,
        "interleave": "band",
        "compress": "deflate",
        "zlevel": 3,
        "predictor": 2,
    }

"""The cloud mask of a scene as a file: computed once for the whole scene, so that no block cut shows in it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError

from imagery.atomic import whole
from imagery.clouds import CLOUD_BANDS, GSD_M, NEEDED, cloud_flags, cloud_probability
from imagery.errors import ArchiveError
from imagery.raster import sha256_of
from imagery.read import read_band, source_geobox
from imagery.scene import Asset, Scene

STRIP_ROWS = 256
"""Rows of 60 m classified at once: 22 MB for a full Sentinel-2 tile."""


def wants_mask(scene: Scene) -> bool:
    """Whether a scene has the bands for a cloud mask and no better one."""
    return not scene.has_cloud_mask and scene.level == "L1C" and all(name in scene.assets for name in NEEDED)


def with_mask(scene: Scene, file: Path) -> Scene:
    """The scene with its cloud mask, written to a file as flags (band 1) and probability in percent (band 2).

    Raises:
        UnreadableImageError: if a band can not be read.
        ArchiveError: if the file can not be written.
    """
    grid = source_geobox(scene, scene.assets["cirrus"], GSD_M)
    flags, percent = _classified(scene, grid)
    _write(file, grid, flags, percent)
    asset = Asset(str(file.resolve()), gsd_m=GSD_M, sha256=sha256_of(file))
    return replace(scene, assets={**scene.assets, "cloud_mask": asset})


def _classified(scene: Scene, grid: GeoBox) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    bands = {name: read_band(scene, scene.assets[name], grid, GSD_M) for name in NEEDED}
    rows = range(0, grid.shape[0], STRIP_ROWS)
    probability = np.concatenate(
        [
            cloud_probability(np.stack([bands[name][start : start + STRIP_ROWS] for name in CLOUD_BANDS], axis=-1))
            for start in rows
        ]
    )
    percent = np.where(np.isfinite(probability), np.round(probability * 100), 255).astype(np.uint8)
    return cloud_flags(probability, bands), percent


def _write(file: Path, grid: GeoBox, flags: NDArray[np.uint8], percent: NDArray[np.uint8]) -> None:
    """Whole or not at all."""
    profile = {
        "driver": "COG", "height": grid.shape[0], "width": grid.shape[1], "count": 2, "dtype": "uint8",
        "crs": str(grid.crs), "transform": grid.affine, "compress": "deflate", "overviews": "none",
    }  # fmt: skip
    try:
        with whole(file) as part, rasterio.open(part, "w", **profile) as target:
            target.write(flags, 1)
            target.write(percent, 2)
            target.set_band_description(1, "flags")
            target.set_band_description(2, "cloud probability in percent, 255 = no data")
    except (OSError, RasterioError) as error:
        raise ArchiveError(f"The cloud mask {file} can not be written ({error}).") from error

"""The cloud mask of a scene as a file: computed once for the whole scene, so that no block cut shows in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError

from imagery import clouds, spectral_clouds
from imagery.atomic import whole
from imagery.clouds import CLOUD_BANDS, GSD_M, NEEDED, cloud_flags, cloud_probability, snow_mask
from imagery.errors import ArchiveError
from imagery.raster import sha256_of
from imagery.read import read_band, source_geobox
from imagery.scene import CLOUD_MASKS, COARSE_MASK, Asset, Scene
from imagery.spectral_clouds import SPECTRAL_BANDS, spectral_probability
from imagery.sun import sun_of

STRIP_ROWS = 256
"""Rows of 60 m classified at once: 22 MB for a full Sentinel-2 tile."""

Bands = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class _Way:
    """A way to see clouds."""

    name: str
    """For the record."""

    bands: tuple[str, ...]
    grid: str
    """The band on whose pixels the mask lies."""

    probability: Callable[[Bands], NDArray[np.float32]]
    likely: float
    certain: float


def _s2cloudless(bands: Bands) -> NDArray[np.float32]:
    rows = range(0, bands["cirrus"].shape[0], STRIP_ROWS)
    strips = (np.stack([bands[name][start : start + STRIP_ROWS] for name in CLOUD_BANDS], axis=-1) for start in rows)
    return np.concatenate([cloud_probability(strip) for strip in strips])


def _spectral(bands: Bands) -> NDArray[np.float32]:
    """Snow is as white as cloud: what the snow rule takes is no cloud."""
    likelihood = spectral_probability(bands)
    return np.where(snow_mask(bands) & np.isfinite(likelihood), np.float32(0), likelihood)


_S2CLOUDLESS = _Way("s2cloudless", NEEDED, "cirrus", _s2cloudless, clouds.LIKELY, clouds.CERTAIN)
_SPECTRAL = _Way(
    "spectral tests of Sen2Cor", SPECTRAL_BANDS, "swir16", _spectral, spectral_clouds.LIKELY, spectral_clouds.CERTAIN
)


def _way(scene: Scene) -> _Way | None:
    """The best way to see clouds in a scene; None where it has a mask of its own, or not the bands or reflectance."""
    if scene.level not in ("L1C", "L2A", "SR") or any(name in scene.assets for name in CLOUD_MASKS):
        return None
    if scene.level == "L1C" and all(name in scene.assets for name in NEEDED):
        return _S2CLOUDLESS
    if COARSE_MASK in scene.assets or not all(name in scene.assets for name in SPECTRAL_BANDS):
        return None
    return _SPECTRAL


def wants_mask(scene: Scene) -> bool:
    """Whether a scene has the bands for a cloud mask and no better one."""
    return _way(scene) is not None


def with_mask(scene: Scene, file: Path) -> Scene:
    """The scene with its cloud mask, written to a file as flags (band 1) and probability in percent (band 2).

    Args:
        scene: one that `wants_mask`; any other comes back as it is.
        file: where to.

    Raises:
        UnreadableImageError: if a band can not be read.
        ArchiveError: if the file can not be written.
    """
    way = _way(scene)
    if way is None:
        return scene
    grid = source_geobox(scene, scene.assets[way.grid], GSD_M)
    bands = {name: read_band(scene, scene.assets[name], grid, GSD_M) for name in way.bands}
    probability = way.probability(bands)
    flags = cloud_flags(probability, bands, way.likely, way.certain, sun_of(scene))
    percent = np.where(np.isfinite(probability), np.round(probability * 100), 255).astype(np.uint8)
    _write(file, grid, flags, percent)
    asset = Asset(str(file.resolve()), gsd_m=GSD_M, sha256=sha256_of(file))
    return replace(
        scene,
        assets={**scene.assets, "cloud_mask": asset},
        properties={**scene.properties, "cloud_mask": way.name},
    )


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

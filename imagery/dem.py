"""Heights of the ground under a scene, from whatever elevation rasters are at hand."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.warp import reproject
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from imagery.assemble import footprint
from imagery.errors import InconsistentSceneError, UnreadableImageError
from imagery.projection import transformer
from imagery.raster import RasterInfo, driver_of, probe

MAX_FILES = 5000
MAX_PIXELS = 60_000_000
"""A scene of Gaofen's widest camera at 30 m; finer elevation is averaged down to this."""

MARGIN_PX = 4
LOWEST_M, HIGHEST_M = -500.0, 9000.0


@dataclass(frozen=True)
class Terrain:
    """Heights on a grid of their own."""

    heights: NDArray[np.float32]
    """(H, W) metres above whatever the rasters count from; NaN = not known."""

    geobox: GeoBox
    files: tuple[Path, ...]
    """The rasters, the one that wins where they overlap first."""

    @property
    def known(self) -> float:
        """Share of the grid whose height is known."""
        return float(np.isfinite(self.heights).mean())

    @property
    def range_m(self) -> tuple[float, float]:
        """Lowest and highest height."""
        return float(np.nanmin(self.heights)), float(np.nanmax(self.heights))

    @property
    def sha256(self) -> str:
        """Hash of the heights and their grid, hexadecimal."""
        grid = f"{self.geobox.crs} {tuple(self.geobox.affine)[:6]} {tuple(self.geobox.shape)}"
        return hashlib.sha256(grid.encode() + self.heights.tobytes()).hexdigest()


def terrain_under(ground: BaseGeometry, places: Sequence[Path]) -> Terrain | None:
    """Heights of the box around a geometry in EPSG:4326; None where no raster reaches it.

    Args:
        ground: in EPSG:4326.
        places: elevation rasters, or folders of GeoTIFFs; where they overlap the finest wins, then the first named.

    Raises:
        UnreadableImageError: if a raster is damaged or hostile.
        InconsistentSceneError: if its values are no heights in metres.
    """
    wanted = box(*ground.bounds)
    infos = [info for info in map(probe, _files(places)) if footprint(info).intersects(wanted)]
    if not infos:
        return None
    infos.sort(key=lambda info: info.gsd_m)  # stable: as named where equal
    grid = _grid(infos[0], wanted)
    heights = np.full(grid.shape, np.nan, np.float32)
    for info in infos:
        missing = np.isnan(heights)
        if not missing.any():
            break
        heights[missing] = _onto(info, grid)[missing]
    return Terrain(heights, grid, tuple(info.path for info in infos)) if np.isfinite(heights).any() else None


def _files(places: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            found += sorted(file for file in place.iterdir() if file.suffix.lower() in (".tif", ".tiff"))
        elif place.exists():
            found.append(place)
    if len(found) > MAX_FILES:
        raise UnreadableImageError(
            f"{places[0]} holds {len(found):,} elevation rasters; at most {MAX_FILES:,} are read."
        )
    return found


def _grid(info: RasterInfo, wanted: BaseGeometry) -> GeoBox:
    """The pixels of a raster around a box in EPSG:4326, coarser where that would be too many."""
    outline = shapely.segmentize(wanted, max(wanted.length / 100, 1e-6))
    x, y = transformer("EPSG:4326", info.crs.to_wkt()).transform(*shapely.get_coordinates(outline).T)
    cols, rows = ~info.affine * (np.asarray(x), np.asarray(y))
    left, top = math.floor(cols.min()) - MARGIN_PX, math.floor(rows.min()) - MARGIN_PX
    width, height = math.ceil(cols.max()) + MARGIN_PX - left, math.ceil(rows.max()) + MARGIN_PX - top
    k = math.ceil(math.sqrt(width * height / MAX_PIXELS))
    affine = info.affine * Affine.translation(left, top) * Affine.scale(k)
    return GeoBox((math.ceil(height / k), math.ceil(width / k)), affine, info.crs)


def _onto(info: RasterInfo, grid: GeoBox) -> NDArray[np.float32]:
    heights = np.full(grid.shape, np.nan, np.float32)
    try:
        with rasterio.open(info.path, driver=driver_of(info.path)) as source:
            reproject(
                rasterio.band(source, 1), heights, dst_transform=grid.affine, dst_crs=str(grid.crs),
                src_nodata=info.nodata, dst_nodata=np.nan, resampling=Resampling.bilinear,
            )  # fmt: skip
    except RasterioError as error:
        raise UnreadableImageError(f"{info.path} can not be read as elevation: it is truncated or damaged.") from error
    seen = heights[np.isfinite(heights)]
    if seen.size and (seen.min() < LOWEST_M or seen.max() > HIGHEST_M):
        raise InconsistentSceneError(
            f"{info.path} holds {seen.min():g} to {seen.max():g}: heights are metres between {LOWEST_M:g} and "
            f"{HIGHEST_M:g}; if a value stands for no data, write it into the file as its nodata value."
        )
    return heights

"""Which pixels of a mosaic are of one day: a mask on the mosaic's own grid."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.windows import Window
from scipy import ndimage
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from imagery.atomic import whole
from imagery.errors import ArchiveError, InconsistentSceneError, UnreadableImageError
from imagery.projection import transformer
from imagery.raster import RasterInfo, driver_of, sha256_of
from imagery.scene import Asset
from imagery.seams import Seam

PATCH_PX = 4096
"""Rasterised at once; a multiple of the file's tiles."""

LOOK_PX = 1024
"""The mosaic is looked at with at most so many pixels along an edge to find ground that nobody dates."""

EDGE_POINTS = 4
"""The mosaic's own edges are straight in its CRS, not in degrees: followed in so many steps."""


def write_mask(
    info: RasterInfo, part: Seam, parts: Sequence[Seam], root: Path, scene_id: str
) -> tuple[Asset, BaseGeometry]:
    """``masks/<scene>.tif`` of an archive: 1 where a pixel of the mosaic is in a part, each pixel in one part at most.

    Args:
        info: the mosaic.
        part: with its geometry in the mosaic's CRS, as all.
        parts: all of them: a pixel whose centre lies on a shared line is the later one's.
        root: the archive's folder.
        scene_id: names the file.

    Returns:
        The mask, and the part's ground on the mosaic in EPSG:4326.

    Raises:
        InconsistentSceneError: if the archive holds that scene with another mask.
        ArchiveError: if the file can not be written.
    """
    file = root / "masks" / f"{scene_id}.tif"
    height, width = info.shape
    profile = {
        "driver": "GTiff", "height": height, "width": width, "count": 1, "dtype": "uint8", "nbits": 1,
        "crs": info.crs.to_wkt(), "transform": info.affine, "tiled": True, "blockxsize": 512, "blockysize": 512,
        "compress": "deflate", "sparse_ok": True, "bigtiff": "if_safer",
    }  # fmt: skip
    try:
        with whole(file) as draft:
            with rasterio.open(draft, "w", **profile) as target:
                for window, inside in _inside(info, part, parts):
                    target.write(inside, 1, window=window)
            digest = sha256_of(draft)
            if (root / "items" / f"{scene_id}.json").exists() and file.exists() and sha256_of(file) != digest:
                raise InconsistentSceneError(
                    f"The scene {scene_id} is in this archive with other seam lines; give {info.path.name} another "
                    f'"id" in its sidecar, or remove {scene_id}.json from the archive first.'
                )
    except (OSError, RasterioError) as error:
        raise ArchiveError(f"The mask {file} can not be written ({error}).") from error
    return Asset(str(file.resolve()), gsd_m=info.gsd_m, sha256=digest), _shown(info, part)


def _inside(info: RasterInfo, part: Seam, parts: Sequence[Seam]) -> Iterator[tuple[Window, NDArray[np.uint8]]]:
    """Patches of the mosaic that the part touches, 1 where a pixel's centre is in it and in no later part."""
    height, width = info.shape
    for top in range(0, height, PATCH_PX):
        for left in range(0, width, PATCH_PX):
            high, wide = min(PATCH_PX, height - top), min(PATCH_PX, width - left)
            corner = info.affine * Affine.translation(left, top)
            ground = shapely.transform(box(0, 0, wide, high), lambda x, y, a=corner: a * (x, y), interleaved=False)
            if not part.geometry.intersects(ground):
                continue
            shapes = [
                (other.geometry, 1 if other.number == part.number else 0)
                for other in parts
                if other.geometry.intersects(ground)
            ]
            yield Window(left, top, wide, high), rasterize(shapes, (high, wide), transform=corner, dtype="uint8")


def _shown(info: RasterInfo, part: Seam) -> BaseGeometry:
    left, bottom, right, top = info.bounds
    frame = shapely.segmentize(box(left, bottom, right, top), max(right - left, top - bottom) / EDGE_POINTS)
    shown = shapely.intersection(part.geometry, frame)
    move = transformer(info.crs.to_wkt(), "EPSG:4326").transform
    return shapely.make_valid(shapely.transform(shown, move, interleaved=False))


def undated_m2(path: Path, dated: Sequence[BaseGeometry]) -> float:
    """Ground of a mosaic that has data and lies in no dated polygon, seen from afar; 0 where it is only a line.

    Args:
        path: the mosaic.
        dated: polygons in its CRS.

    Raises:
        UnreadableImageError: if it can not be read.
    """
    try:
        with rasterio.open(path, driver=driver_of(path)) as image:
            k = max(1, -(-max(image.shape) // LOOK_PX))
            shape = (-(-image.height // k), -(-image.width // k))
            pixels = image.read(out_shape=(image.count, *shape))
            scale = Affine.scale(image.width / shape[1], image.height / shape[0])
            affine, nodata, crs = image.transform * scale, image.nodata, image.crs
    except RasterioError as error:
        raise UnreadableImageError(f"{path} can not be read: it is truncated or damaged.") from error
    blank = (pixels == 0).all(axis=0) | (pixels == 255).all(axis=0)
    if nodata is not None:
        blank |= (pixels == nodata).all(axis=0)
    covered = rasterize(dated, shape, transform=affine, dtype="uint8") > 0
    undated = ~covered & ~blank
    if not ndimage.binary_erosion(undated).any():
        return 0.0
    return float(undated.sum()) * _pixel_m2(crs, affine, shape)


def _pixel_m2(crs: rasterio.crs.CRS, affine: Affine, shape: tuple[int, int]) -> float:
    """Square metres of a pixel."""
    area = abs(affine.determinant)
    if not crs.is_geographic:
        return float(area)
    _, latitude = affine * (shape[1] / 2, shape[0] / 2)
    return float(area * 111_320 * 110_574 * np.cos(np.radians(latitude)))

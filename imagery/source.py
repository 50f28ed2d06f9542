"""The pixels of one asset, as they are in its file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from imagery.backscatter import PROPERTY, linear
from imagery.errors import UnreadableImageError
from imagery.files import opened
from imagery.sampling import Sampler, sampler
from imagery.scene import RADAR, Asset, Scene


@contextmanager
def open_source(scene: Scene, asset: Asset, factor: int = 1) -> Iterator["Source"]:
    """An asset of a scene, open for this thread.

    Args:
        scene: for messages.
        asset: the band.
        factor: cells of so many pixels in each direction count as one pixel, their mean as its value.

    Raises:
        UnreadableImageError: if its file is missing, truncated or damaged, here or inside the block.
    """
    try:
        with opened(asset.href) as dataset:
            if dataset.crs is None or dataset.count < asset.index:
                raise UnreadableImageError(f"{asset.href} is not the file that was indexed")
            kind = scene.properties.get(PROPERTY, "") if _is_radar(scene, asset) else ""
            yield Source(asset, factor, dataset, kind)
    except RasterioError as error:
        raise UnreadableImageError(
            f"Scene {scene.id}: {asset.href} is truncated or damaged ({error}); "
            "restore it or remove the scene from the archive."
        ) from error
    except UnreadableImageError as error:
        raise UnreadableImageError(f"Scene {scene.id}: {error}") from error


_PLACES: WeakKeyDictionary[DatasetReader, tuple[Affine, str]] = WeakKeyDictionary()
"""Of open datasets: a file is asked once where it lies, not once a block and band."""


def _place(dataset: DatasetReader) -> tuple[Affine, str]:
    """Geotransform and CRS as WKT."""
    known = _PLACES.get(dataset)
    if known is None:
        known = _PLACES[dataset] = (dataset.transform, dataset.crs.to_wkt())
    return known


def _is_radar(scene: Scene, asset: Asset) -> bool:
    return any(scene.assets.get(name) == asset for name in RADAR)


@dataclass(frozen=True)
class Source:
    """An open asset."""

    asset: Asset
    factor: int
    dataset: DatasetReader
    backscatter: str = ""
    """What radar holds, as in `imagery.backscatter`: scaled and made linear before means are taken. Empty = not radar,
    or linear as it is."""

    @property
    def dtype(self) -> str:
        """Type of its DN."""
        return str(self.dataset.dtypes[self.asset.index - 1])

    @property
    def geobox(self) -> GeoBox:
        """The file's pixel grid, `factor` times `factor` pixels counting as one."""
        return GeoBox(*self._lattice)

    @property
    def _lattice(self) -> tuple[tuple[int, int], Affine, str]:
        transform, crs = _place(self.dataset)
        a, b, c, d, e, f = transform[:6]
        k = self.factor
        shape = -(-self.dataset.height // k), -(-self.dataset.width // k)
        return shape, Affine(a * k, b * k, c, d * k, e * k, f), crs

    def view(self, geobox: GeoBox) -> Sampler:
        """A grid seen from the file."""
        return sampler(geobox, *self._lattice)

    def raw(self, window: Window, margin: int = 0) -> tuple[NDArray[Any], tuple[slice, slice]]:
        """DN of a window with so many pixels around it as there are, and where in it the window lies."""
        top, left = max(0, window.row_off - margin), max(0, window.col_off - margin)
        bottom = min(self.dataset.height, window.row_off + window.height + margin)
        right = min(self.dataset.width, window.col_off + window.width + margin)
        part = self.dataset.read(self.asset.index, window=Window(left, top, right - left, bottom - top))
        rows = slice(window.row_off - top, window.row_off - top + window.height)
        cols = slice(window.col_off - left, window.col_off - left + window.width)
        return part, (rows, cols)

    def raw_into(self, window: Window, own: tuple[slice, slice], out: NDArray[np.float32]) -> None:
        """DN of part of a window, put into a (H, W) array; GDAL converts them on the way, without a copy between.

        Args:
            window: of the file.
            own: rows and columns of the window that are wanted, as many as the array has.
            out: may be part of another array.
        """
        top, left = window.row_off + (own[0].start or 0), window.col_off + (own[1].start or 0)
        part = Window(left, top, out.shape[1], out.shape[0])
        if out.flags.c_contiguous:
            self.dataset.read(self.asset.index, window=part, out=out)
        else:
            out[:] = self.dataset.read(self.asset.index, window=part)

    def values(self, window: Window) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """DN of a window of the coarsened file (of radar linear power), and which of them are valid."""
        k = self.factor
        part, _ = self.raw(Window(window.col_off * k, window.row_off * k, window.width * k, window.height * k))
        valid = np.isfinite(part) if part.dtype.kind == "f" else np.ones(part.shape, np.bool_)
        if self.asset.nodata is not None and not np.isnan(self.asset.nodata):
            valid &= part != self.asset.nodata
        values = part.astype(np.float32)
        if self.backscatter:
            values = linear(values * np.float32(self.asset.scale) + np.float32(self.asset.offset), self.backscatter)
            valid &= np.isfinite(values)
        if not valid.all():
            values[~valid] = 0
        if k > 1:
            values, valid = _averaged(values, valid, k)
        return values, valid


def _averaged(
    values: NDArray[np.float32], valid: NDArray[np.bool_], k: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Means of k × k cells over their valid pixels; the last cells of a file may be cut short."""
    height, width = values.shape
    pad = ((0, -height % k), (0, -width % k))
    shape = (-(-height // k), k, -(-width // k), k)
    total = np.pad(values, pad).reshape(shape).sum(axis=(1, 3), dtype=np.float32)
    count = np.pad(valid, pad).reshape(shape).sum(axis=(1, 3))
    return (total / np.maximum(count, 1)).astype(np.float32), count > 0

"""Rasters that are written block by block and end as Cloud-Optimized GeoTIFFs.

A sink takes the blocks of one UTM zone in any order. Memory stays that of one block: blocks go to a sparse tiled file
first, and `close` copies that into a COG with overviews. What no block covers is nodata and takes no space.
"""

import contextlib
import shutil
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio._err import CPLE_BaseError  # what a failed copy raises; rasterio exports it nowhere else
from rasterio.errors import RasterioError, RasterioIOError
from rasterio.io import MemoryFile
from rasterio.windows import Window

from aoi.grid import Block, epsg_of
from leads.staging import refusal, stage

TILE_PX = 512
IMAGE_BANDS = ("red", "green", "blue", "nir")
"""Bands of an exported image, in the order in which they are stored."""

REFLECTANCE_SCALE = 10_000.0

_SCRATCH: dict[str, Any] = {"compress": "zstd", "zstd_level": 1, "blockxsize": TILE_PX, "blockysize": TILE_PX}
"""How what is read again soon is packed: 134 MB of images take 0.45 s where deflate takes 1.7, and are smaller."""

_FAILURES = (RasterioError, CPLE_BaseError, OSError)


def zone_geobox(blocks: Sequence[Block]) -> GeoBox:
    """The smallest grid on the lattice that holds the cores of blocks of one zone and pixel size.

    Raises:
        ValueError: if there are no blocks, or they differ in zone, pixel size or edge.
    """
    if len({(block.epsg, block.gsd_m, block.size_px) for block in blocks}) != 1:
        raise ValueError("a raster holds blocks of one zone and one pixel size")
    first = blocks[0]
    columns, rows = [block.col for block in blocks], [block.row for block in blocks]
    edge_m = first.size_px * first.gsd_m
    shape = ((max(rows) - min(rows) + 1) * first.size_px, (max(columns) - min(columns) + 1) * first.size_px)
    affine = Affine(first.gsd_m, 0, min(columns) * edge_m, 0, -first.gsd_m, (max(rows) + 1) * edge_m)
    return GeoBox(shape, affine, f"EPSG:{first.epsg}")


class RasterSink:
    """A COG in the making. Use it as a context manager: leaving it with an error leaves no file."""

    def __init__(
        self,
        path: Path,
        geobox: GeoBox,
        bands: int,
        dtype: str,
        nodata: float,
        descriptions: Sequence[str] = (),
        tags: dict[str, str] | None = None,
        overviews: str = "AVERAGE",
    ) -> None:
        """Opens the sparse file that the blocks go to.

        Args:
            path: where the COG appears on `close`.
            geobox: all the ground, north up; `zone_geobox` gives it for a set of blocks.
            bands: number of bands.
            dtype: NumPy name of the pixel type.
            nodata: value of pixels that no block covers or that were not observed; may be NaN.
            descriptions: a name for each band.
            tags: metadata of the file.
            overviews: how GDAL makes them; ``MODE`` for classes.

        Raises:
            OutputError: if the folder can not be written.
        """
        self.path = path
        self.geobox = geobox
        self._lock = threading.Lock()
        self._written: dict[Window, int] = {}
        self._folder = stage(path)
        self._float = np.dtype(dtype).kind == "f"
        self._overviews = overviews
        profile = {
            "driver": "GTiff",
            "height": geobox.shape[0],
            "width": geobox.shape[1],
            "count": bands,
            "dtype": dtype,
            "nodata": nodata,
            "crs": f"EPSG:{epsg_of(geobox)}",
            "transform": geobox.affine,
            "tiled": True,
            "sparse_ok": True,
            "bigtiff": "IF_SAFER",
            "predictor": 3 if self._float else 2,
            **_SCRATCH,
        }
        self._file: Any = None
        try:
            with rasterio.Env():
                self._file = rasterio.open(self._folder / "blocks.tif", "w", **profile)
        except _FAILURES as error:
            self.discard()
            raise refusal(path, error) from error
        for index, name in enumerate(descriptions, 1):
            self._file.set_band_description(index, name)
        self._file.update_tags(**(tags or {}))

    def write(self, geobox: GeoBox, data: NDArray[Any]) -> None:
        """Puts one block in its place; blocks do not overlap, and threads may call it at the same time.

        Args:
            geobox: where the block lies: on this sink's own lattice and inside it.
            data: (bands, H, W), or (H, W) where there is one band, in the sink's pixel type and nodata.

        Raises:
            ValueError: if the block is of another lattice or reaches beyond the sink's ground.
            OutputError: if the disk is full.
        """
        window = self._window(geobox)
        block = data.reshape(self._file.count, window.height, window.width)
        with self._lock:
            self._written[window] = _checksum(block)
            try:
                with rasterio.Env():
                    self._file.write(block, window=window)
            except _FAILURES as error:
                raise refusal(self.path, error) from error

    def close(self) -> Path:
        """Turns the blocks into a COG at `path`.

        Raises:
            OutputError: if the disk is full.
        """
        options = {
            "COMPRESS": "DEFLATE",
            "LEVEL": 1,
            "PREDICTOR": "FLOATING_POINT" if self._float else "STANDARD",
            "BLOCKSIZE": TILE_PX,
            "OVERVIEW_RESAMPLING": self._overviews,
            "SPARSE_OK": "TRUE",
            "BIGTIFF": "IF_SAFER",
            "NUM_THREADS": "ALL_CPUS",
        }
        whole = self._folder / self.path.name
        try:
            with rasterio.Env():
                self._file.close()
                rasterio.shutil.copy(self._folder / "blocks.tif", whole, driver="COG", **options)
                self._verify(whole)
            whole.replace(self.path)
        except _FAILURES as error:
            raise refusal(self.path, error) from error
        finally:
            self.discard()
        return self.path

    def _verify(self, path: Path) -> None:
        """Reads every block back: GDAL does not say so when the disk fills up while a file is closed."""
        with rasterio.open(path) as source:
            lost = [window for window, sum_ in self._written.items() if _checksum(source.read(window=window)) != sum_]
        if lost:
            raise RasterioIOError(f"{len(lost)} of {len(self._written)} blocks were lost")

    def discard(self) -> None:
        """Drops what was written; nothing appears at `path`."""
        with rasterio.Env(), contextlib.suppress(*_FAILURES):
            # Closed here, not when it is collected, where GDAL would speak past us if the disk is full.
            if self._file is not None:
                self._file.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        """The sink itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Finishes the file, or drops it after an error."""
        if kind is None:
            self.close()
        else:
            self.discard()

    def _window(self, geobox: GeoBox) -> Window:
        height, width = geobox.shape
        ours, theirs = self.geobox.affine, geobox.affine
        col, row = (theirs.c - ours.c) / ours.a, (theirs.f - ours.f) / ours.e
        place = Window(round(col), round(row), width, height)
        same = geobox.crs == self.geobox.crs and np.allclose((theirs.a, theirs.e), (ours.a, ours.e))
        rows, columns = self.geobox.shape
        inside = 0 <= place.col_off <= columns - width and 0 <= place.row_off <= rows - height
        if not (same and inside and np.allclose((col, row), (place.col_off, place.row_off), atol=1e-3)):
            raise ValueError(f"the block {geobox} does not lie on the grid of {self.path.name}")
        return place


def _checksum(block: NDArray[Any]) -> int:
    """Of the values; every NaN counts the same, whatever its bits."""
    plain = np.nan_to_num(block, nan=-9999.0) if block.dtype.kind == "f" else block
    return zlib.crc32(np.ascontiguousarray(plain).data)


def stored_image(data: NDArray[np.float32], bands: Sequence[str], scale: float) -> NDArray[np.uint16]:
    """(4, H, W) values of an exported image: `IMAGE_BANDS`, 0 = not observed or no such band.

    Args:
        data: (C, H, W) reflectance 0–1 or DN, NaN = not observed.
        bands: names of the C bands.
        scale: stored value for a value of 1.
    """
    stored = np.zeros((len(IMAGE_BANDS), *data.shape[1:]), np.uint16)
    for index, name in enumerate(IMAGE_BANDS):
        if name in bands:
            band = data[list(bands).index(name)]
            # Dark but observed ground must not become nodata: the least stored value is 1.
            values = np.clip(np.rint(band * scale), 1, np.iinfo(np.uint16).max)
            stored[index] = np.where(np.isnan(band), 0, values).astype(np.uint16)
    return stored


_SOMEWHERE = Affine.scale(10, -10)
"""Without a place rasterio warns of its lack."""


def packed_image(stored: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """A (4, H, W) image of `stored_image` as the bytes of a GeoTIFF that lies nowhere: six times as fast as deflate."""
    bands, height, width = stored.shape
    shape = {"count": bands, "height": height, "width": width, "dtype": "uint16", "transform": _SOMEWHERE}
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", tiled=True, predictor=2, **shape, **_SCRATCH) as file:
            file.write(stored)
        return np.frombuffer(memory.read(), np.uint8)


def unpacked_image(packed: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """What `packed_image` was given.

    Raises:
        ValueError: if it is something else.
    """
    try:
        with MemoryFile(packed.tobytes()) as memory, memory.open(driver="GTiff") as file:
            image: NDArray[np.uint16] = file.read()
    except RasterioError as error:
        raise ValueError(f"no packed image ({error})") from error
    return image


class ImageSink:
    """A before or after image for people to look at: red, green, blue and near infrared as uint16, nodata 0."""

    def __init__(self, path: Path, geobox: GeoBox, scale: float = REFLECTANCE_SCALE) -> None:
        """Opens the image; see `RasterSink`.

        Args:
            path: where the COG appears on `close`.
            geobox: all the ground.
            scale: stored value for a value of 1; 10,000 for reflectance, 1 for DN of unknown scaling.
        """
        self._scale = scale
        tags = {"STORED": f"reflectance * {scale:g}" if scale != 1 else "DN"}
        self._sink = RasterSink(path, geobox, len(IMAGE_BANDS), "uint16", 0, IMAGE_BANDS, tags)

    def write(self, geobox: GeoBox, data: NDArray[np.float32], bands: Sequence[str]) -> None:
        """Puts one block in its place.

        Args:
            geobox: where the block lies.
            data: (C, H, W) reflectance 0–1 or DN, NaN = not observed.
            bands: names of the C bands; one that is missing here is stored as nodata.
        """
        self.put(geobox, stored_image(data, bands, self._scale))

    def put(self, geobox: GeoBox, stored: NDArray[np.uint16]) -> None:
        """Puts one block in its place, as `stored_image` made it."""
        self._sink.write(geobox, stored)

    def close(self) -> Path:
        """Turns the blocks into a COG."""
        return self._sink.close()

    def discard(self) -> None:
        """Drops what was written."""
        self._sink.discard()

    def __enter__(self) -> Self:
        """The sink itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finishes the file, or drops it after an error."""
        self._sink.__exit__(kind, error, trace)

"""A look at a raster file before anything is believed of it."""

import hashlib
import math
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.crs import CRS
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from imagery.errors import UnreadableImageError
from imagery.packed import binary, is_packed, size_of

SIGNATURES = {
    b"II*\0": "GTiff",
    b"MM\0*": "GTiff",
    b"II+\0": "GTiff",
    b"MM\0+": "GTiff",
    b"\0\0\0\x0c": "JP2OpenJPEG",
    b"\xffO\xffQ": "JP2OpenJPEG",
}

MAX_PIXELS = 20_000_000_000
"""Absolute limit of width × height × bands: two hundred Sentinel-2 tiles in one file."""

MAX_RATIO = 1500
"""Deflate can not shrink by more than 1032; a header that claims more than this over the file's size lies."""

SMALL_BYTES = 500_000_000
"""Up to this a compressed file is believed: other codecs shrink a constant further, and it does no harm."""

_READ_BYTES = 1 << 20

RASTER_SUFFIXES = (".tif", ".tiff", ".jp2", ".img", ".dat", ".bsq", ".bil", ".bip")


def driver_of(path: Path) -> str:
    """The GDAL driver for a file, by its first bytes or the ENVI header beside it.

    Only formats that hold their own pixels are known: VRT, WMS and the like point elsewhere and are never opened.

    Raises:
        UnreadableImageError: if it is missing or of no known format.
    """
    with binary(path) as stream:
        head = stream.read(4)
    if head in SIGNATURES:
        return SIGNATURES[head]
    if not is_packed(path) and envi_header(path) is not None:
        return "ENVI"
    raise UnreadableImageError(f"{path} is not a raster: GeoTIFF, JPEG 2000 or ENVI with its .hdr are read.")


def envi_header(path: Path) -> Path | None:
    """The ENVI header of a raw file, if it has one."""
    candidates = (path.with_name(path.name + suffix) for suffix in (".hdr", ".HDR"))
    others = (path.with_suffix(suffix) for suffix in (".hdr", ".HDR"))
    return next((header for header in (*candidates, *others) if header.is_file() and header != path), None)


@dataclass(frozen=True)
class RasterInfo:
    """Shape and place of a raster."""

    path: Path
    shape: tuple[int, int]
    count: int
    dtype: str
    crs: CRS
    affine: Affine
    nodata: float | None

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top in its own CRS."""
        height, width = self.shape
        x, y = self.places(np.array([0, width, 0, width]), np.array([0, 0, height, height]))
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    def places(
        self, cols: NDArray[np.generic], rows: NDArray[np.generic]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """X and y in its own CRS of places in pixels, counted from the outer corner of the first."""
        a, b, c, d, e, f = self.affine[:6]
        x, y = a * cols + b * rows + c, d * cols + e * rows + f
        return np.asarray(x, np.float64), np.asarray(y, np.float64)

    @property
    def crs_name(self) -> str:
        """``EPSG:32650``, or the name of a CRS that has no code."""
        return f"EPSG:{self.crs.epsg}" if self.crs.epsg else str(self.crs.proj.name)

    @property
    def gsd_m(self) -> float:
        """Pixel size in metres (geometric mean of both directions at the centre), to 0.1 m."""
        a, b, _, d, e, _ = self.affine[:6]
        wide, high = math.hypot(a, d), math.hypot(b, e)
        if self.crs.geographic:
            _, bottom, _, top = self.bounds
            latitude = math.radians((bottom + top) / 2)
            wide, high = wide * 111_320 * math.cos(latitude), high * 110_574
        return round(math.sqrt(wide * high), 1)


@dataclass(frozen=True)
class PixelsInfo:
    """What can be said of a raster that need not lie on the ground."""

    path: Path
    shape: tuple[int, int]
    count: int
    dtype: str
    nodata: float | None
    georeferenced: bool


def probe_pixels(path: Path) -> PixelsInfo:
    """As `probe`, for an image as the camera saw it: it need not have a georeference.

    Raises:
        UnreadableImageError: if it is missing, not a raster of a known format, truncated, or claims a size that
            cannot be.
    """
    driver = driver_of(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, driver=driver) as source:
                _check_size(source, path)
                _check_blocks(source, path)
                placed = source.crs is not None and not source.transform.is_identity
                shape = (source.height, source.width)
                return PixelsInfo(path, shape, source.count, source.dtypes[0], source.nodata, placed)
    except RasterioError as error:
        raise UnreadableImageError(f"{path} can not be read as {driver}: it is truncated or damaged.") from error


def probe(path: Path) -> RasterInfo:
    """Open a raster, check what its header claims against the file, and decode its last block.

    Raises:
        UnreadableImageError: if it is missing, not a raster of a known format, truncated, without georeference,
            or claims a size that cannot be.
    """
    driver = driver_of(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, driver=driver) as source:
                _check_size(source, path)
                info = _info(source, path)
                _check_blocks(source, path)
    except RasterioError as error:
        raise UnreadableImageError(f"{path} can not be read as {driver}: it is truncated or damaged.") from error
    return info


def _info(source: DatasetReader, path: Path) -> RasterInfo:
    crs = source.crs
    if crs is None or source.transform.is_identity:
        raise UnreadableImageError(f"{path} has no georeference; a scene needs a CRS and a geotransform.")
    if not source.transform.determinant:
        raise UnreadableImageError(f"{path} has a geotransform that maps everything to a line.")
    if np.dtype(source.dtypes[0]).kind not in "uif":
        raise UnreadableImageError(f"{path} holds {source.dtypes[0]} values; integer or float are expected.")
    shape = (source.height, source.width)
    return RasterInfo(path, shape, source.count, source.dtypes[0], CRS(crs.to_wkt()), source.transform, source.nodata)


def _check_size(source: DatasetReader, path: Path) -> None:
    pixels = source.width * source.height * source.count
    claimed = pixels * np.dtype(source.dtypes[0]).itemsize
    size = size_of(path)
    if pixels > MAX_PIXELS:
        raise UnreadableImageError(
            f"{path} claims {source.width} × {source.height} pixels × {source.count}; the limit is {MAX_PIXELS:,}."
        )
    raw = source.driver == "GTiff" and source.compression is None
    if claimed > size * (1 if raw else MAX_RATIO) and (raw or claimed > SMALL_BYTES):
        raise UnreadableImageError(
            f"{path} claims {source.width} × {source.height} pixels, which a file of {size:,} bytes can not hold."
        )
    if source.driver == "ENVI" and claimed > size:
        raise UnreadableImageError(f"{path} is truncated: its header asks for {claimed:,} bytes, it has {size:,}.")


def _check_blocks(source: DatasetReader, path: Path) -> None:
    """Each block must lie inside the file, and the last one must decode."""
    rows, cols = source.block_shapes[0]
    down, across = math.ceil(source.height / rows), math.ceil(source.width / cols)
    if source.driver == "GTiff":
        size = size_of(path)
        for row in range(down):
            for col in range(across):
                start = source.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=1)
                length = source.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=1)
                if start is not None and int(start) + int(length or 0) > size:
                    raise UnreadableImageError(f"{path} is truncated: its pixels reach beyond its {size:,} bytes.")
    if rows * cols <= MAX_PIXELS // 100:
        last = Window((across - 1) * cols, (down - 1) * rows, 1, 1)
        source.read(source.count, window=last)


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes, hexadecimal.

    Raises:
        UnreadableImageError: if the file can not be read.
    """
    digest = hashlib.sha256()
    with binary(path) as stream:
        while chunk := stream.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()

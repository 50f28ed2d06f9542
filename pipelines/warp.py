"""Score rasters of whatever grid, read onto one grid a window at a time."""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.warp import Resampling, reproject, transform_bounds
from rasterio.windows import Window

from detectors.core.types import FloatArray
from pipelines.errors import BadInputError

DRIVERS = ("GTiff", "ENVI", "BMP", "PNG", "HFA", "JP2OpenJPEG")
"""Formats that are read. None of them can name another file or address, as a VRT can."""

MAX_PIXELS = 20_000_000_000
"""All of Inner Mongolia at 10 m is 1.2 × 10¹⁰; a header that claims more is a mistake or a trap."""

MAX_BLOCK_PIXELS = 1 << 27
"""GDAL holds a whole block of the file in memory."""

WINDOW_PX = 2048

Window2D = tuple[slice, slice]


@contextmanager
def open_raster(path: Path, what: str) -> Iterator[rasterio.DatasetReader]:
    """Open a raster that a user named. Read it inside `blaming`, so that a truncated file is named too.

    Args:
        path: a local file.
        what: ``score`` or ``truth``, for the message.

    Raises:
        BadInputError: if it is missing, not a raster, or claims a size that cannot be.
    """
    if not path.is_file():
        raise BadInputError(f"The {what} {path} does not exist or is not a file.")
    with rasterio.Env():
        with blaming(path, what):
            source = _open(path)
        with source:
            rows, cols = max(source.block_shapes, default=(1, 1))
            if source.width * source.height > MAX_PIXELS or rows * cols > MAX_BLOCK_PIXELS:
                raise BadInputError(
                    f"The {what} {path} claims {source.width} × {source.height} pixels in blocks of {cols} × {rows}; "
                    "that is more than is read. Cut it to the area of interest and write it in tiles."
                )
            yield source


@contextmanager
def blaming(path: Path | str, what: str) -> Iterator[None]:
    """Turns what GDAL says of a file that it can not read into a sentence that names the file.

    Raises:
        BadInputError: if GDAL fails.
    """
    try:
        yield
    except RasterioError as error:
        reason = str(error.__cause__ or error).rstrip(".")
        raise BadInputError(f"The {what} {path} can not be read as a raster: {reason}.") from error


def _open(path: Path) -> rasterio.DatasetReader:
    with warnings.catch_warnings():
        # Labels often have no georeference; whether that matters is said where the grid is asked for.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        # rasterio.open takes one driver, its reader takes several.
        return rasterio.DatasetReader(str(path), driver=list(DRIVERS))


def geobox_of(source: rasterio.DatasetReader) -> GeoBox:
    """The grid of an open raster; without a CRS where the file has none."""
    return GeoBox(source.shape, source.transform, source.crs.to_wkt() if source.crs else None)


def read_grid(path: Path, what: str = "grid") -> GeoBox:
    """The grid of a raster file.

    Raises:
        BadInputError: as `open_raster`.
    """
    with open_raster(path, what) as source:
        return geobox_of(source)


def windows(shape: Sequence[int], edge_px: int = WINDOW_PX) -> Iterator[Window2D]:
    """Rows and columns of the squares that cover an array of (H, W), row by row."""
    height, width = shape
    for row in range(0, height, edge_px):
        for col in range(0, width, edge_px):
            yield slice(row, min(row + edge_px, height)), slice(col, min(col + edge_px, width))


def read_scores(sources: Sequence[rasterio.DatasetReader], geobox: GeoBox, window: Window2D) -> FloatArray:
    """Scores on part of a grid: bilinear where a file has another grid, as they are where it has the same.

    Args:
        sources: open score rasters, for instance one per UTM zone; where several have a value, the first counts.
        geobox: the whole grid.
        window: the part to read.

    Returns:
        (h, w) scores, NaN where no file has one.
    """
    score: FloatArray | None = None
    for source in sources:
        with blaming(source.name, "score"):
            part = _read(source, geobox, window)
        score = part if score is None else np.where(np.isnan(score), part, score)
    if score is None:
        raise ValueError("no score raster")
    return score


def _read(source: rasterio.DatasetReader, geobox: GeoBox, window: Window2D) -> FloatArray:
    if geobox_of(source) == geobox:
        rows, cols = window
        masked = source.read(1, window=Window.from_slices(rows, cols), masked=True)
        values: FloatArray = masked.astype(np.float32).filled(np.nan)
        return values
    part = geobox[window]
    target = np.full(part.shape, np.nan, np.float32)
    reproject(
        rasterio.band(source, 1),
        target,
        dst_transform=part.affine,
        dst_crs=geobox.crs.to_wkt() if geobox.crs else None,
        src_nodata=source.nodata,
        dst_nodata=math.nan,
        resampling=Resampling.bilinear,
    )
    return target


def overlaps(source: rasterio.DatasetReader, geobox: GeoBox) -> bool:
    """Whether a raster lies on a grid at least in part; one without a CRS lies on the grid that equals its own."""
    if source.crs is None or geobox.crs is None:
        return bool(geobox_of(source) == geobox)
    left, bottom, right, top = transform_bounds(source.crs, geobox.crs.to_wkt(), *source.bounds)
    frame = geobox.boundingbox
    return bool(left < frame.right and right > frame.left and bottom < frame.top and top > frame.bottom)


def frame_of(sources: Sequence[rasterio.DatasetReader]) -> GeoBox:
    """A grid that holds several rasters: the first one's, enlarged by whole pixels where others reach beyond it.

    Raises:
        BadInputError: if there are several and one has no CRS.
    """
    first, *others = sources
    frame = geobox_of(first)
    if not others:
        return frame
    if any(source.crs is None for source in sources):
        raise BadInputError("Several score files were given and one has no georeference; give one, or georeference it.")
    corners = [(0.0, 0.0), (float(frame.shape[1]), float(frame.shape[0]))]
    for source in others:
        left, bottom, right, top = transform_bounds(source.crs, first.crs, *source.bounds)
        corners += [~frame.affine @ place for place in ((left, bottom), (left, top), (right, bottom), (right, top))]
    col, row = (math.floor(min(corner[axis] for corner in corners)) for axis in (0, 1))
    width, height = (math.ceil(max(corner[axis] for corner in corners)) - start for axis, start in ((0, col), (1, row)))
    return GeoBox((height, width), frame.affine @ frame.affine.translation(col, row), frame.crs)

"""An answer of the service: looked at before anything is believed of it, then written as files of each pixel size."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, DatasetWriter, MemoryFile
from rasterio.windows import Window

from imagery.errors import DiskFullError, ProviderError
from imagery.providers.sh.collections import Channel
from imagery.providers.sh.exchange import StoppedError
from imagery.providers.sh.request import MIXED, Wanted
from imagery.providers.sh.tiles import HALO_PX
from imagery.remote.content import check_head
from imagery.remote.retry import RefusedError, RetryableError

STRIP_ROWS = 256
"""Rows worked at once; even, so that pixels of 20 m stay whole."""


ROOM_BYTES = 64 * 2**20
"""With less free than an answer can need, want of room is the reason why nothing can be written."""

_PREDICTORS = {"uint16": 2, "float32": 3}


@dataclass(frozen=True)
class Part:
    """The channels of one pixel size, in one file."""

    gsd_m: int
    channels: tuple[Channel, ...]

    def index(self, name: str) -> int:
        """Raster band of a channel, from 1."""
        return [channel.name for channel in self.channels].index(name) + 1


def parts_of(wanted: Wanted) -> tuple[Part, ...]:
    """The files that an answer becomes, finest last: when that one is there, all are."""
    bands = wanted.collection.bands
    sizes = sorted({channel.gsd_m for channel in bands}, reverse=True)
    return tuple(Part(size, tuple(channel for channel in bands if channel.gsd_m == size)) for size in sizes)


def unpack(content: bytes, wanted: Wanted, files: Mapping[Part, Path]) -> None:
    """Write an answer as tiled GeoTIFFs, one for each pixel size; pixels without data are 0 in every band.

    Bands coarser than the answer are taken back to their own pixels, of which the answer repeats each: they are then
    interpolated as if they had been read from the original file. The data mask is 1 only in the tile's core.

    Args:
        content: what the service sent.
        wanted: what it was asked for.
        files: where to write; an existing file is replaced.

    Raises:
        RetryableError: if it is not the raster that was asked for, whole.
        RefusedError: if it mixes acquisitions.
        DiskFullError: if there is no room for the files.
        StoppedError: if they can not be written for another reason.
    """
    check_head(content[:512], "tiff")
    # Overviews and statistics that GDAL may look for beside a file do not exist for one in memory.
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED=False), MemoryFile(content) as memory:
        source = _opened(memory)
        with source:
            _check(source, wanted)
            targets = {part: _target(part, wanted, file) for part, file in files.items()}
            try:
                for top in range(0, source.height, STRIP_ROWS):
                    _copy(source, wanted, top, targets)
            finally:
                _close(targets)


def _opened(memory: MemoryFile) -> DatasetReader:
    try:
        return memory.open(driver="GTiff")
    except RasterioError:
        pass
    raise RetryableError("answered with a damaged TIFF")


def _check(source: DatasetReader, wanted: Wanted) -> None:
    """Whether the header is that of what was asked for; only then its pixels are read."""
    expected = wanted.tile.geobox
    found = (source.shape, source.count, set(source.dtypes))
    if found != (wanted.tile.shape, len(wanted.collection.bands), {wanted.collection.dtype}):
        raise RetryableError(f"answered with other dimensions, bands or types than asked for: {found}")
    epsg = source.crs.to_epsg() if source.crs is not None else None
    if epsg != wanted.tile.epsg or not source.transform.almost_equals(expected.affine, 1e-3):
        raise RetryableError(f"answered with another place (EPSG:{epsg}, {tuple(source.bounds)})")


def _target(part: Part, wanted: Wanted, file: Path) -> DatasetWriter:
    step = part.gsd_m // wanted.collection.gsd_m
    box: GeoBox = wanted.tile.geobox
    a, _, c, _, e, f = box.affine[:6]
    try:
        return rasterio.open(
            file, "w", driver="GTiff", height=box.shape[0] // step, width=box.shape[1] // step,
            count=len(part.channels), dtype=wanted.collection.dtype, crs=str(box.crs),
            transform=Affine(a * step, 0, c, 0, e * step, f), tiled=True, blockxsize=512, blockysize=512,
            interleave="band", compress="zstd", zstd_level=1, predictor=_PREDICTORS[wanted.collection.dtype],
        )  # fmt: skip
    except RasterioError as error:
        raise _unwritable(file, error) from error


def _close(targets: Mapping[Part, DatasetWriter]) -> None:
    try:
        for target in targets.values():
            target.close()
    except RasterioError as error:  # the last pixels are written only now
        raise _unwritable(Path(target.name), error) from error


def _unwritable(file: Path, error: RasterioError) -> ProviderError:
    """Why nothing more can be had: GDAL does not say whether there was no room."""
    if shutil.disk_usage(file.parent).free < ROOM_BYTES:
        return DiskFullError(f"The disk is full: {file.parent} can not be written. Free some space.")
    return StoppedError(f"The cache can not be written: {file} ({type(error).__name__}).")


def _copy(source: DatasetReader, wanted: Wanted, top: int, targets: Mapping[Part, DatasetWriter]) -> None:
    rows = min(STRIP_ROWS, source.height - top)
    strip = _read(source, Window(0, top, source.width, rows))
    seen = strip[-1] != 0
    if (strip[-1] == MIXED).any():
        raise RefusedError(
            "is mixed: the service has several products of this second here and does not say which is which"
        )
    if not np.isin(strip[-1], (0, 1)).all() or not np.isfinite(strip).all():
        raise RetryableError("answered with values that can not be")
    if wanted.harmonised:  # 0 is no data in every file, and here also what should be negative
        bands = [place for place, band in enumerate(wanted.collection.bands) if not band.mask]
        strip[bands] = np.maximum(strip[bands], 1)
    strip *= seen
    strip[-1] *= _core(wanted, top, rows)
    names = [channel.name for channel in wanted.collection.bands]
    try:
        for part, target in targets.items():
            step = part.gsd_m // wanted.collection.gsd_m
            window = Window(0, top // step, source.width // step, rows // step)
            chosen = [names.index(channel.name) for channel in part.channels]
            target.write(strip[chosen, ::step, ::step], window=window)
    except RasterioError as error:
        raise _unwritable(Path(target.name), error) from error


def _read(source: DatasetReader, window: Window) -> NDArray[Any]:
    try:
        return np.asarray(source.read(window=window))
    except RasterioError:
        pass
    raise RetryableError("answered with a truncated or damaged TIFF")


def _core(wanted: Wanted, top: int, rows: int) -> NDArray[np.bool_]:
    """(rows, W) which pixels of a strip lie in the tile's core."""
    height, width = wanted.tile.shape
    down, across = np.arange(top, top + rows)[:, None], np.arange(width)
    inside: NDArray[np.bool_] = (down >= HALO_PX) & (down < height - HALO_PX)
    return np.asarray(inside & (across >= HALO_PX) & (across < width - HALO_PX))

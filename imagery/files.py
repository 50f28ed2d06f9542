"""Open rasters, kept open between blocks.

A block of the analysis grid rarely falls on the tiles of a file, so neighbouring blocks need the same tiles. GDAL keeps
decoded tiles as long as the file stays open: closing it after each block means decoding most tiles four times.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rasterio
from rasterio.io import DatasetReader

from imagery.raster import driver_of

MAX_IDLE = 64
"""Files kept open while nobody reads them."""

CACHE_BYTES = 512_000_000
"""Decoded tiles kept by GDAL, unless the environment says otherwise by GDAL_CACHEMAX."""

_Key = tuple[str, int, int]


class _Shelf:
    """Idle datasets; one thread uses a dataset at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: OrderedDict[_Key, list[DatasetReader]] = OrderedDict()

    def take(self, key: _Key) -> DatasetReader | None:
        with self._lock:
            found = self._idle.get(key)
            dataset = found.pop() if found else None
            if found is not None and not found:
                del self._idle[key]
            return dataset

    def give(self, key: _Key, dataset: DatasetReader) -> None:
        surplus: list[DatasetReader] = []
        with self._lock:
            self._idle.setdefault(key, []).append(dataset)
            self._idle.move_to_end(key)
            while sum(map(len, self._idle.values())) > MAX_IDLE:
                surplus += self._idle.popitem(last=False)[1]
        for old in surplus:
            old.close()


_SHELF = _Shelf()


@contextmanager
def opened(path: Path) -> Iterator[DatasetReader]:
    """A raster, open for this thread alone; a file that changed on disk is opened anew.

    Raises:
        UnreadableImageError: if it is missing or of no known format.
        RasterioError: if it can not be opened or, inside the block, read.
    """
    options = {} if "GDAL_CACHEMAX" in os.environ else {"GDAL_CACHEMAX": CACHE_BYTES}
    with rasterio.Env(**options):  # also keeps GDAL's warnings off the terminal in worker threads
        try:
            state = path.stat()
            key = (str(path), state.st_mtime_ns, state.st_size)
        except OSError:
            key = (str(path), 0, 0)
        dataset = _SHELF.take(key) or rasterio.open(path, driver=driver_of(path))
        try:
            yield dataset
        except BaseException:
            dataset.close()
            raise
        _SHELF.give(key, dataset)

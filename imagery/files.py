"""Open rasters, kept open between blocks.

A block of the analysis grid rarely falls on the tiles of a file, so neighbouring blocks need the same tiles. GDAL keeps
decoded tiles as long as the file stays open: closing it after each block means decoding most tiles four times.
"""

import os
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import rasterio
from rasterio.io import DatasetReader

from imagery.packed import on_disk
from imagery.raster import driver_of
from imagery.remote.address import is_remote, stable

MAX_IDLE = 64
"""Files kept open while nobody reads them."""

PATIENCE_S = 1.0
"""How long a thread waits for a file that another reads. GDAL keeps decoded tiles with the dataset that decoded them:
two datasets of one file decode twice what both need."""

CACHE_BYTES = 512_000_000
"""Decoded tiles kept by GDAL, unless the environment says otherwise by GDAL_CACHEMAX.

It holds for the whole process: whoever sets up GDAL with less empties the cache of all (and rasterio takes any number
for bytes, where GDAL itself takes a small one for megabytes). So nobody else sets it, not for writing either.
"""

_Key = tuple[str, int, int]


class _Closable(Protocol):
    def close(self) -> None: ...


_D = TypeVar("_D", bound=_Closable)
_K = TypeVar("_K")


class _Shelf(Generic[_D]):
    """Open datasets; one thread uses a dataset at a time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._idle: OrderedDict[_Key, list[_D]] = OrderedDict()
        self._lent: Counter[_Key] = Counter()

    @contextmanager
    def lend(self, key: _Key, anew: Callable[[], _D], patience_s: float = 0.0) -> Iterator[_D]:
        """A dataset for this thread alone: one that is idle, or that another gives back in time, or a new one.

        It is closed if the block ends with an error.
        """
        dataset = self._take(key, patience_s)
        try:
            dataset = dataset or anew()
            yield dataset
        except BaseException:
            self._give(key, None)
            if dataset:
                dataset.close()
            raise
        self._give(key, dataset)

    def lent(self, href: str) -> bool:
        """Whether a dataset of a file is in use."""
        with self._changed:
            return any(key[0] == href for key in self._lent)

    def _take(self, key: _Key, patience_s: float) -> _D | None:
        with self._changed:
            self._changed.wait_for(lambda: key in self._idle or not self._lent[key], patience_s)
            self._lent[key] += 1
            found = self._idle.get(key)
            dataset = found.pop() if found else None
            if found is not None and not found:
                del self._idle[key]
            return dataset

    def _give(self, key: _Key, dataset: _D | None) -> None:
        surplus: list[_D] = []
        with self._changed:
            self._lent[key] -= 1
            if not self._lent[key]:
                del self._lent[key]
            if dataset is not None:
                self._idle.setdefault(key, []).append(dataset)
                self._idle.move_to_end(key)
            while sum(map(len, self._idle.values())) > MAX_IDLE:
                surplus += self._idle.popitem(last=False)[1]
            self._changed.notify_all()
        for old in surplus:
            old.close()


_SHELF: _Shelf[DatasetReader] = _Shelf()
_REMOTE: _Shelf[Any] = _Shelf()
_THREAD = threading.local()


@contextmanager
def opened(href: Path | str) -> Iterator[DatasetReader]:
    """A raster, open for this thread alone; a file that changed on disk is opened anew.

    Args:
        href: a path, or the address of an object that a source of imagery answers for (`imagery.remote.registry`): its
            pieces are fetched as they are read, and come from the cache when they were read before.

    Raises:
        UnreadableImageError: if it is missing or of no known format; for an address also if it can not be fetched,
            which may only show when the block ends.
        RasterioError: if it can not be opened or, inside the block, read.
    """
    if isinstance(href, str):
        if is_remote(href):
            with _opened_remotely(href) as dataset:
                yield dataset
            return
        href = Path(href)
    with reading():
        try:
            state = on_disk(href).stat()
            key = (str(href), state.st_mtime_ns, state.st_size)
        except OSError:
            key = (str(href), 0, 0)
        # who holds a file does not wait for another, lest two wait for each other
        patience_s = 0.0 if getattr(_THREAD, "holds", False) else PATIENCE_S
        with _SHELF.lend(key, lambda: rasterio.open(href, driver=driver_of(href)), patience_s) as dataset:
            held, _THREAD.holds = getattr(_THREAD, "holds", False), True
            try:
                yield dataset
            finally:
                _THREAD.holds = held


def idle_first(hrefs: Mapping[_K, str]) -> Iterator[_K]:
    """Whatever files are called, in an order that spares waiting: at each turn one that nobody reads just then."""
    left = dict(hrefs)
    while left:
        name = next((name for name, href in left.items() if not _SHELF.lent(href)), next(iter(left)))
        del left[name]
        yield name


@contextmanager
def reading() -> Iterator[None]:
    """GDAL set up for all files that this thread opens or writes inside; for each anew it costs as much as to open it.

    Also keeps GDAL's warnings off the terminal in worker threads.
    """
    if getattr(_THREAD, "reads", False):
        yield
        return
    with rasterio.Env(**_options()):
        _THREAD.reads = True
        try:
            yield
        finally:
            _THREAD.reads = False


def _options() -> dict[str, Any]:
    return {} if "GDAL_CACHEMAX" in os.environ else {"GDAL_CACHEMAX": CACHE_BYTES}


@contextmanager
def _opened_remotely(href: str) -> Iterator[DatasetReader]:
    from imagery.remote import bridge  # it needs an HTTP client, for which nobody who reads files shall wait

    file = bridge.remote_file(href)
    with rasterio.Env(**_options(), **bridge.OPTIONS):
        bridge.join()
        # A dataset of a source that was closed since is not taken for one of another run's.
        key = (stable(href), hash((file.identity, id(file.fetcher))), file.size)
        with _REMOTE.lend(key, lambda: bridge.RemoteDataset(file, href)) as remote:
            try:
                yield remote.dataset
            finally:
                remote.check()  # says more than GDAL, which only saw a file end too early

"""Remote objects as GDAL sees them: files of a file system of ours.

rasterio hands GDAL such a file system through ``rasterio.open(…, opener=…)``. It installs one for each dataset that is
opened so, which GDAL does without a lock while other threads open theirs; and it remembers its openers per context, so
that a dataset does not outlive the thread that opened it. So one file system is installed once and kept, an object is a
name in it, and each thread that opens, reads or closes remote objects joins its context first.

What fails inside a read can not be raised through GDAL. It is noted, GDAL is told that the file ended, and whoever
asked for the dataset raises what was noted.
"""

import atexit
import contextvars
import io
import itertools
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import rasterio
from affine import Affine
from rasterio.abc import MultiByteRangeResourceContainer
from rasterio.io import DatasetReader, MemoryFile

from imagery.errors import DiskFullError, ProviderError, UnreadableImageError
from imagery.raster import SIGNATURES
from imagery.remote.address import public
from imagery.remote.ranged import RangedFile
from imagery.remote.registry import fetcher_for

OPTIONS = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_NUM_THREADS": "1"}
"""GDAL shall not look for files beside an object: there are none that we would trust. And it shall not decode in
threads of its own: they have not joined, read nothing, and the JPEG 2000 driver then gives out what memory holds."""


class _Handle(io.RawIOBase):
    """One open file of GDAL's: a position of its own in an object."""

    def __init__(self, remote: "_Object") -> None:
        super().__init__()
        self._remote = remote
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._remote.file.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, count: int = -1) -> bytes:
        content = self._remote.at(self._position, self._remote.file.size if count < 0 else count)
        self._position += len(content)
        return content

    def get_byte_ranges(self, offsets: list[int], sizes: list[int]) -> list[bytes]:
        """Several spans at once, so that those beside each other are one request."""
        self._remote.bring(list(zip(offsets, sizes, strict=True)))
        # GDAL copies what it gets without looking at its length: a span must be as long as it asked.
        return [
            self._remote.at(offset, count).ljust(count, b"\0") for offset, count in zip(offsets, sizes, strict=True)
        ]


class _Bytes(Protocol):
    """Content that can be read from any place."""

    @property
    def size(self) -> int: ...

    def at(self, offset: int, count: int) -> bytes: ...

    def bring(self, spans: Iterable[tuple[int, int]]) -> None: ...


@dataclass(frozen=True)
class _InMemory:
    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    def at(self, offset: int, count: int) -> bytes:
        return self.content[offset : offset + count]

    def bring(self, spans: Iterable[tuple[int, int]]) -> None:
        pass


class _Object:
    """Content, and what went wrong with it since it was opened."""

    def __init__(self, file: _Bytes) -> None:
        self.file = file
        self.failure: str | None = None

    def at(self, offset: int, count: int) -> bytes:
        try:
            return self.file.at(offset, count)
        except ProviderError as error:
            self.failure = str(error)
            return b""

    def bring(self, spans: list[tuple[int, int]]) -> None:
        try:
            self.file.bring(spans)
        except ProviderError as error:
            self.failure = str(error)
        if any(offset + count > self.file.size for offset, count in spans):
            self.failure = f"it is truncated: its pixels reach beyond its {self.file.size:,} bytes"


class _Files(MultiByteRangeResourceContainer):  # type: ignore[misc]  # rasterio ships no types
    """The file system: objects by name."""

    def __init__(self) -> None:
        self.objects: dict[str, _Object] = {}

    def open(self, path: str, *args: object, **kwargs: object) -> Any:
        found = self.objects.get(_name(path))
        if found is None:
            raise FileNotFoundError(path)
        return _Handle(found)

    def isfile(self, path: str) -> bool:
        return _name(path) in self.objects

    def isdir(self, path: str) -> bool:
        return False

    def ls(self, path: str) -> list[str]:
        return []

    def mtime(self, path: str) -> int:
        return 0

    def rm(self, path: str) -> None:
        raise FileNotFoundError(path)

    def size(self, path: str) -> int:
        found = self.objects.get(_name(path))
        if found is None:
            raise FileNotFoundError(path)
        return found.file.size


def _name(path: str) -> str:
    return path.rpartition("/")[2]


class _Mount:
    """The file system of this process, installed when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._context = contextvars.Context()
        self._numbers = itertools.count()
        self._anchor: DatasetReader | None = None
        self._files = _Files()
        self._datasets: set[RemoteDataset] = set()

    def enter(self, content: _Object) -> tuple[str, str]:
        """Gives content a name, and says its path for GDAL."""
        with self._lock:
            if self._anchor is None:
                self._anchor = self._context.run(_anchored, self._files)
            name = f"{next(self._numbers)}.tif"
            self._files.objects[name] = content
            path = str(self._anchor.name).replace(_ANCHOR, name)
        self.join()
        return name, path

    def keep(self, dataset: "RemoteDataset") -> None:
        """Notes an open dataset."""
        with self._lock:
            self._datasets.add(dataset)

    def leave(self, name: str, dataset: "RemoteDataset | None" = None) -> None:
        """Forgets a name, and the dataset that had it."""
        with self._lock:
            self._files.objects.pop(name, None)
            self._datasets -= {dataset}

    def unmount(self) -> None:
        """Closes all: what GDAL closes by itself, after the interpreter has ended, crashes the process."""
        for dataset in tuple(self._datasets):
            dataset.close()
        if self._anchor is not None:
            self._anchor.close()

    def join(self) -> None:
        """Makes this thread know the openers: without them GDAL finds no file and can not close one."""
        for variable, value in self._context.items():
            variable.set(value)


def _anchored(files: _Files) -> DatasetReader:
    """A dataset that is never closed: with it rasterio keeps the file system."""
    with MemoryFile() as memory:
        where = {"transform": Affine.scale(2), "crs": "EPSG:4326"}
        with memory.open(driver="GTiff", width=1, height=1, count=1, dtype="uint8", **where) as target:
            target.write(np.ones((1, 1, 1), np.uint8))
        files.objects[_ANCHOR] = _Object(_InMemory(memory.read()))
    return rasterio.open(f"weixun/{_ANCHOR}", driver="GTiff", opener=files)


_ANCHOR = "anchor.tif"
_MOUNT = _Mount()
atexit.register(_MOUNT.unmount)


class RemoteDataset:
    """A raster of a remote object, open."""

    def __init__(self, file: RangedFile, href: str) -> None:
        """Opens it.

        Raises:
            UnreadableImageError: if it is of no known format, or can not be read.
            RasterioError: if GDAL can not make sense of it.
        """
        self._href = href
        self._content = _Object(file)
        head = self._content.at(0, 4)
        self.check()
        if head not in SIGNATURES:
            raise UnreadableImageError(
                f"{public(href)} is not a raster: GeoTIFF and JPEG 2000 are read over a network."
            )
        self._name, path = _MOUNT.enter(self._content)
        try:
            self.dataset: DatasetReader = rasterio.open(path, driver=SIGNATURES[head])
        except BaseException:
            _MOUNT.leave(self._name)
            self.check()
            raise
        _MOUNT.keep(self)

    def check(self) -> None:
        """Raises what went wrong in a read, of which GDAL may have made zeros.

        Raises:
            UnreadableImageError: if something did.
        """
        if self._content.failure is not None:
            raise UnreadableImageError(f"{public(self._href)} can not be read: {self._content.failure}")

    def close(self) -> None:
        """Closes it, in any thread."""
        _MOUNT.join()
        self.dataset.close()
        _MOUNT.leave(self._name, self)


def remote_file(href: str) -> RangedFile:
    """The object behind an href, through the fetcher that is registered for it.

    Raises:
        UnreadableImageError: if nobody answers for it, or it can not be reached.
        DiskFullError: if there is no room for its first piece.
    """
    fetcher = fetcher_for(href)
    if fetcher is None:
        raise UnreadableImageError(
            f"No source of imagery answers for {public(href)}; "
            "read it through the source that found it (--source NAME)."
        )
    try:
        return RangedFile(fetcher, href)
    except DiskFullError:
        raise
    except ProviderError as error:
        raise UnreadableImageError(str(error)) from error


def join() -> None:
    """To be called in each thread before remote datasets are read in it."""
    _MOUNT.join()

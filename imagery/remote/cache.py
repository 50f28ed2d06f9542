"""Content that was fetched, kept with its checksum: what is torn or was changed is never given out."""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from imagery.atomic import whole
from imagery.errors import DiskFullError, ProviderError
from imagery.remote.index import Entry, Index

CHECK_EVERY_BYTES = 64 * 2**20
"""After so many new bytes the size limit is looked at."""

NOTE_EVERY_S = 30.0
"""How often it is written down what was used last."""

STALE_S = 7 * 86_400
"""Partial downloads, and files that no index knows, older than this are removed."""

SWEEP_EVERY_S = 3_600.0


class Cache:
    """Files by key, in a folder that several processes may share. Safe for threads."""

    def __init__(self, folder: Path, limit_bytes: int | None = None) -> None:
        """Opens or makes a cache.

        Args:
            folder: its own; made if missing.
            limit_bytes: size above which what was used least recently is removed; None = no limit.

        Raises:
            ProviderError: if the folder can not be made or written.
        """
        self.folder = folder.absolute()
        self.limit_bytes = limit_bytes
        with storing(folder):
            for name in ("objects", "partial", "locks"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            self._index = Index(self.folder)
        self._lock = threading.Lock()
        self._verified: dict[str, tuple[Entry, Path, tuple[int, int]]] = {}
        self._used: set[str] = set()
        self._noted_s = time.monotonic()
        self._swept_s = -SWEEP_EVERY_S
        self._unchecked_bytes = 0

    def get(self, key: str, sha256: str | None = None) -> Path | None:
        """The file of a key, or None. On first use in a process its size and checksum are verified.

        Args:
            key: as it was put.
            sha256: what the file must have; one with another checksum counts as absent.

        Raises:
            ProviderError: if the index can not be used.
        """
        name = name_of(key)
        known = self._verified.get(name)
        if known is not None and sha256 in (None, known[0].sha256) and _state(known[1]) == known[2]:
            self._use(name)
            return known[1]
        entry = self._index.find(name)
        if entry is None or (sha256 is not None and entry.sha256 != sha256):
            return None
        file = self.folder / entry.file
        state = _state(file)
        if state is None or state[1] != entry.size or _sha256(file) != entry.sha256:
            self._drop(entry)
            return None
        self._index.use([name])
        if _state(file) != state:  # gone meanwhile: another process evicted it before it knew that we use it
            return None
        with self._lock:
            self._verified[name] = (entry, file, state)
        return file

    def put(self, key: str, write: Callable[[Path], None], source: str, suffix: str = "", flush: bool = True) -> Path:
        """Keep what a function writes; the file appears whole, on disk and checksummed, or not at all.

        Args:
            key: what it will be asked for by; what was kept under it is replaced.
            write: fills the path it is given.
            source: where it came from, without query or signature; for the record.
            suffix: of the file's name, with its dot.
            flush: to the disk, before it is said to be kept. What is small and easily fetched again need not wait for
                that: if the power fails, its checksum tells.

        Raises:
            DiskFullError: if the disk is full.
            ProviderError: if the folder can not be written.
            Exception: whatever `write` raises.
        """
        file = self._place(key, suffix)
        with storing(self.folder), whole(file) as part:
            write(part)
            entry = self._entry(key, file, part.stat().st_size, _sha256(part) or "", source)
            if flush:
                _synced(part)
        return self._enter(key, entry)

    def adopt(self, key: str, part: Path, sha256: str, source: str, suffix: str = "") -> Path:
        """Keep a finished download by renaming it.

        Args:
            key: what it will be asked for by.
            part: a file in this cache's folder, complete.
            sha256: of its bytes, as they were received.
            source: where it came from, without query or signature.
            suffix: of the file's name, with its dot.

        Raises:
            DiskFullError: if the disk is full.
            ProviderError: if the folder can not be written.
        """
        file = self._place(key, suffix)
        with storing(self.folder):
            file.parent.mkdir(parents=True, exist_ok=True)
            _synced(part)
            entry = self._entry(key, file, part.stat().st_size, sha256, source)
            # Entered before it is there and once more after: whoever dies in between leaves the finished download
            # where the next process finds it, and whoever looks in between may have dropped the entry.
            self._replace(entry)
            part.replace(file)
        return self._enter(key, entry)

    def drop(self, key: str) -> None:
        """Forget a key and remove its file."""
        entry = self._index.find(name_of(key))
        if entry is not None:
            self._drop(entry)

    def evict(self) -> int:
        """Remove what was used least recently until the limit is met; how many bytes that freed.

        What any process alive uses stays, even if the limit is then not met. Old partial downloads and stray files of
        killed processes go as well.
        """
        self._note()
        self._sweep()
        if self.limit_bytes is None:
            return 0
        surplus = self._index.total_bytes() - self.limit_bytes
        going: list[Entry] = []
        freed = 0
        for entry in self._index.unused() if surplus > 0 else []:
            if freed >= surplus:
                break
            going.append(entry)
            freed += entry.size
        self._index.drop(going)
        for entry in going:
            (self.folder / entry.file).unlink(missing_ok=True)
        return freed

    def partial(self, key: str) -> Path:
        """Where the bytes of an unfinished download of a key are; hold its lock while writing there."""
        return self.folder / "partial" / name_of(key)

    @contextlib.contextmanager
    def locked(self, key: str, wait_s: float) -> Iterator[None]:
        """Let one thread of one process at a time fetch a key. Never to be held twice by one thread.

        Raises:
            ProviderError: if another holds it for longer than that.
        """
        # Keys share 4,096 locks: lock files can not be removed without a race, and these few need not be.
        lock = FileLock(self.folder / "locks" / name_of(key)[:3], thread_local=False)
        try:
            lock.acquire(timeout=wait_s, poll_interval=0.02)
        except Timeout:
            raise ProviderError(f"Another process has been fetching the same object for {wait_s:.0f} s.") from None
        try:
            yield
        finally:
            lock.release()

    def close(self) -> None:
        """Let go of the index; entries that this process used may then be evicted by others."""
        self._note()
        self._index.close()

    def _place(self, key: str, suffix: str) -> Path:
        name = name_of(key)
        plain = suffix if re.fullmatch(r"(\.[A-Za-z0-9]{1,8})?", suffix) else ""
        # A new name each time: whoever still reads the old content keeps it, and never sees half of each.
        return self.folder / "objects" / name[:2] / f"{name}-{secrets.token_hex(4)}{plain}"

    def _entry(self, key: str, file: Path, size: int, sha256: str, source: str) -> Entry:
        where = file.relative_to(self.folder).as_posix()
        return Entry(name_of(key), where, size, sha256, source, datetime.now(UTC).isoformat(timespec="seconds"))

    def _replace(self, entry: Entry) -> None:
        old = self._index.enter(entry)
        if old is not None and old.file != entry.file:
            (self.folder / old.file).unlink(missing_ok=True)

    def _enter(self, key: str, entry: Entry) -> Path:
        file = self.folder / entry.file
        state = _state(file)
        self._replace(entry)
        if state is None or _state(file) != state:
            found = self.get(key)  # another process put the same key at the same time
            if found is None:
                raise ProviderError(f"The cache in {self.folder} lost a file while it was being kept.")
            return found
        with self._lock:
            self._verified[entry.name] = (entry, file, state)
            self._unchecked_bytes += entry.size
            check = self.limit_bytes is not None and self._unchecked_bytes >= min(
                CHECK_EVERY_BYTES, self.limit_bytes // 8
            )
            if check:
                self._unchecked_bytes = 0
        if check:
            self.evict()
        return file

    def _use(self, name: str) -> None:
        self._used.add(name)
        if time.monotonic() - self._noted_s > NOTE_EVERY_S:
            self._note()

    def _note(self) -> None:
        with self._lock:
            names, self._used = self._used, set()
            self._noted_s = time.monotonic()
        if names:
            self._index.use(names)

    def _drop(self, entry: Entry) -> None:
        with self._lock:
            self._verified.pop(entry.name, None)
        self._index.drop([entry])
        (self.folder / entry.file).unlink(missing_ok=True)

    def _sweep(self) -> None:
        if time.monotonic() - self._swept_s < SWEEP_EVERY_S:
            return
        self._swept_s = time.monotonic()
        known = self._index.files()
        oldest = time.time() - STALE_S
        for file in [*(self.folder / "objects").glob("*/*"), *(self.folder / "partial").iterdir()]:
            state = _state(file)
            if state and state[0] / 1e9 < oldest and file.relative_to(self.folder).as_posix() not in known:
                file.unlink(missing_ok=True)


def name_of(key: str) -> str:
    """The name that a key has in the cache."""
    return hashlib.sha256(key.encode()).hexdigest()


def _state(file: Path) -> tuple[int, int] | None:
    """Time of last change in ns, and size; None if there is no such file."""
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size


def _sha256(file: Path) -> str | None:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def _synced(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def storing(folder: Path) -> Iterator[None]:
    """Says in a `ProviderError` what keeps something from being written in a cache's folder."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(f"The disk is full: {folder} can not be written. Free some space.") from error
        raise ProviderError(f"The cache in {folder} can not be written ({error.strerror}).") from error

"""The bytes of one object that arrived so far, and the proof that they are what arrived.

Beside the bytes lies a journal: who the object was (ETag, date, size), then a line for each quarter of a megabyte with
the running SHA-256 up to there. Whoever goes on after a crash reads the bytes once, believes them as far as the journal
proves them, and fetches the rest. Nothing needs to be flushed to disk for that: bytes that were lost do not prove.
"""

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

SEGMENT_BYTES = 262_144
"""How often the journal is written: at most so much is fetched again after a crash."""


@dataclass(frozen=True)
class Identity:
    """Which object this is; bytes of two identities are never mixed."""

    size: int | None = None
    etag: str = ""
    modified: str = ""

    @property
    def validator(self) -> str:
        """What ``If-Range`` can be asked with; empty if the server named nothing that is strong enough."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified

    def contradicts(self, other: "Identity") -> bool:
        """Whether two answers can not be about the same content."""
        pairs = ((self.size, other.size), (self.etag, other.etag), (self.modified, other.modified))
        return any(one and two and one != two for one, two in pairs)


class Partial:
    """An unfinished download, open for writing at its end. To be used under the lock of its key."""

    def __init__(self, base: Path) -> None:
        """Goes on where a download stopped, or begins one.

        Args:
            base: path without suffix; ``.part`` and ``.journal`` are added.

        Raises:
            OSError: if they can not be read or written.
        """
        self.file = base.with_name(base.name + ".part")
        self._journal_file = base.with_name(base.name + ".journal")
        self._data = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600)
        self._journal = os.open(self._journal_file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self.identity = Identity()
        self.length = 0
        self._sha256 = hashlib.sha256()
        self._noted = 0
        self._prove()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Proves what arrived, and closes."""
        self._note()
        os.close(self._data)
        os.close(self._journal)

    @property
    def sha256(self) -> str:
        """Of the bytes so far, hexadecimal."""
        return self._sha256.hexdigest()

    def restart(self, identity: Identity) -> None:
        """Begin anew, with an object that may be another one."""
        os.ftruncate(self._data, 0)
        os.ftruncate(self._journal, 0)
        self.identity, self.length, self._noted = identity, 0, 0
        self._sha256 = hashlib.sha256()
        self._begin(identity)

    def append(self, chunk: bytes) -> None:
        """Add bytes that arrived."""
        view = memoryview(chunk)
        at = self.length
        while view:
            written = os.pwrite(self._data, view, at)
            view, at = view[written:], at + written
        self._sha256.update(chunk)
        self.length += len(chunk)
        if self.length - self._noted >= SEGMENT_BYTES:
            self._note()

    def head(self, count: int) -> bytes:
        """The first bytes."""
        return os.pread(self._data, min(count, self.length), 0)

    def remove(self) -> None:
        """Remove what is left on disk; the file of bytes may have been moved away."""
        for file in (self._journal_file, self.file):
            with contextlib.suppress(FileNotFoundError):
                file.unlink()

    def _note(self) -> None:
        if self.length > self._noted:
            os.write(self._journal, f"{json.dumps([self.length, self.sha256])}\n".encode())
            self._noted = self.length

    def _prove(self) -> None:
        with self._journal_file.open("rb") as stream:
            lines = stream.read().splitlines()
        try:
            identity = Identity(**json.loads(lines[0]))
        except (IndexError, ValueError, TypeError):  # new, or of a process that was killed at once
            self.restart(Identity())
            return
        self.identity = identity
        for line in lines[1:]:
            try:
                length, sha256 = json.loads(line)
            except (ValueError, TypeError):
                break  # the last line of a process that was killed
            running = self._sha256.copy()
            running.update(os.pread(self._data, length - self.length, self.length))
            if running.hexdigest() != sha256:
                break
            self._sha256, self.length = running, length
        os.ftruncate(self._data, self.length)
        os.ftruncate(self._journal, 0)
        self._begin(identity)
        self._noted = 0
        self._note()

    def _begin(self, identity: Identity) -> None:
        line = {"size": identity.size, "etag": identity.etag, "modified": identity.modified}
        os.write(self._journal, f"{json.dumps(line)}\n".encode())

"""A remote object read in pieces, each fetched once and kept verified in the cache."""

import contextlib
import dataclasses
import io
import json
import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from imagery.errors import ProviderError
from imagery.remote.address import public, stable
from imagery.remote.asking import Errand
from imagery.remote.content import HEAD_BYTES, check_head, check_type, is_encoded, kind_of
from imagery.remote.download import described
from imagery.remote.http import Fetcher
from imagery.remote.partial import Identity
from imagery.remote.retry import RefusedError, RetryableError
from imagery.remote.transport import Answer

PIECE_BYTES = 2**20
GROUP = 16
"""Pieces that are asked for in one request at most; a group of so many is fetched by one thread at a time."""


class RangedFile(io.RawIOBase):
    """A remote object as a file for reading. Safe for threads, though they share one position."""

    def __init__(self, fetcher: Fetcher, href: str, key: str | None = None) -> None:
        """Learns the object's size and identity, from the cache or with its first piece.

        Args:
            fetcher: brings it.
            href: of the object.
            key: of the object in the cache; None = its href without what signs it.

        Raises:
            ProviderError: if it can not be reached within the limits.
        """
        super().__init__()
        self._fetcher = fetcher
        self._href = href
        self._key = key or stable(href)
        self._counted: set[int] = set()
        self._moving = threading.Lock()
        self._counting = threading.Lock()
        self._position = 0
        self._identity = self._remembered() or self._met()

    @property
    def fetcher(self) -> Fetcher:
        """What brings it."""
        return self._fetcher

    @property
    def identity(self) -> Identity:
        """Which object is read; it never changes while this file is open."""
        return self._identity

    @property
    def size(self) -> int:
        """Bytes of the object."""
        return self._identity.size or 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Position in bytes from the start."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position, which may lie behind the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, count: int = -1) -> bytes:
        """Bytes from the position on: all that were asked for, unless the object ends.

        Raises:
            ProviderError: if they can not be had, or the object has changed since it was opened.
        """
        with self._moving:
            content = self.at(self._position, self.size if count is None or count < 0 else count)
            self._position += len(content)
            return content

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """As `read`, into a buffer."""
        view = memoryview(buffer).cast("B")
        content = self.read(len(view))
        view[: len(content)] = content
        return len(content)

    def at(self, offset: int, count: int) -> bytes:
        """Bytes from a place, whatever the position; fewer where the object ends.

        Raises:
            ProviderError: as `read`.
        """
        end = min(offset + count, self.size)
        if end <= offset:
            return b""
        self.bring([(offset, end - offset)])
        parts = []
        for index in range(offset // PIECE_BYTES, -(-end // PIECE_BYTES)):
            base = index * PIECE_BYTES
            parts.append(self._piece(index, max(0, offset - base), min(PIECE_BYTES, end - base)))
        return b"".join(parts)

    def bring(self, spans: Iterable[tuple[int, int]]) -> None:
        """Fetch what is missing of some spans, neighbouring pieces with one request.

        Args:
            spans: offset and count in bytes, each.

        Raises:
            ProviderError: as `read`.
        """
        wanted = {
            index
            for offset, count in spans
            for index in range(offset // PIECE_BYTES, -(-min(offset + count, self.size) // PIECE_BYTES))
        }
        missing = sorted(index for index in wanted if self._kept(index) is None)
        for group in sorted({index // GROUP for index in missing}):
            self._fill([index for index in missing if index // GROUP == group])
        with self._counting:
            here = wanted - self._counted
            self._counted |= wanted
        self._fetcher.asking.meter.cached(sum(self._length(index) for index in here.difference(missing)))

    def forget(self) -> None:
        """Drop every piece of the object from the cache: what they hold proved to be damaged, and they came that way.

        Open it anew to read it: who it is, is asked again as well.
        """
        cache = self._fetcher.cache
        for index in range(-(-self.size // PIECE_BYTES)):
            cache.drop(self._piece_key(index, self._identity))
        cache.drop(f"{self._key}#identity")

    # --- pieces in the cache ------------------------------------------------------------------------------------------

    def _length(self, index: int) -> int:
        return min(PIECE_BYTES, self.size - index * PIECE_BYTES)

    def _piece_key(self, index: int, identity: Identity) -> str:
        return f"{self._key}#{identity.size}#{identity.etag}#{identity.modified}#{index}"

    def _kept(self, index: int) -> Path | None:
        return self._fetcher.cache.get(self._piece_key(index, self._identity))

    def _keep(self, index: int, identity: Identity, content: bytes | bytearray) -> None:
        def write(part: Path) -> None:
            part.write_bytes(content)

        self._fetcher.cache.put(self._piece_key(index, identity), write, public(self._href), flush=False)

    def _piece(self, index: int, start: int, stop: int) -> bytes:
        for _ in range(3):
            file = self._kept(index)
            if file is not None:
                with contextlib.suppress(FileNotFoundError), file.open("rb", buffering=0) as stream:
                    stream.seek(start)
                    return stream.read(stop - start)
            self._fill([index])  # another process evicted it
        raise ProviderError(
            f"{public(self._href)}: its pieces vanish from the cache while it is read; raise its limit."
        )

    def _remembered(self) -> Identity | None:
        file = self._fetcher.cache.get(f"{self._key}#identity")
        if file is None:
            return None
        try:
            return Identity(**json.loads(file.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def _remember(self, identity: Identity) -> None:
        def write(part: Path) -> None:
            part.write_text(json.dumps(dataclasses.asdict(identity)))

        self._fetcher.cache.put(f"{self._key}#identity", write, public(self._href))

    # --- pieces from the server ---------------------------------------------------------------------------------------

    def _met(self) -> Identity:
        """Who the object is, learnt with its first piece."""
        asking, cache = self._fetcher.asking, self._fetcher.cache
        with cache.locked(f"{self._key}#0", asking.limits.deadline_s):
            known = self._remembered()
            return known or asking.errand(self._href, lambda errand: self._ask(errand, 0, 1, None))

    def _fill(self, indices: list[int]) -> None:
        """Fetches missing pieces of one group."""
        asking, cache = self._fetcher.asking, self._fetcher.cache
        with cache.locked(f"{self._key}#{indices[0] // GROUP}", asking.limits.deadline_s):
            for first, stop in _runs(index for index in indices if self._kept(index) is None):
                asking.errand(self._href, partial(self._continue, first=first, stop=stop))

    def _continue(self, errand: Errand, first: int, stop: int) -> None:
        """One attempt at a run of pieces: asks for those that no attempt before this one brought."""
        while first < stop and self._kept(first) is not None:
            first += 1
        if first < stop:
            self._ask(errand, first, stop, self._identity)

    def _ask(self, errand: Errand, first: int, stop: int, known: Identity | None) -> Identity:
        headers = {"Range": f"bytes={first * PIECE_BYTES}-{stop * PIECE_BYTES - 1}"}
        if known is not None and known.validator:
            headers["If-Range"] = known.validator
        with self._fetcher.asking.asked(errand, headers=headers) as answer:
            check_type(answer.headers)
            start, identity = described(answer)
            if answer.status == 416:
                raise self._changed(errand) if known else RetryableError("answered with nothing")
            if identity.size == 0:
                raise RetryableError("answered with nothing")
            if known is not None and identity.contradicts(known):
                raise self._changed(errand)
            if start not in (0, first * PIECE_BYTES):
                raise RetryableError("answered with another part of itself than was asked for")
            identity = known or identity
            self._check_new(answer, identity)
            self._take(answer, start // PIECE_BYTES, stop if answer.status == 206 else None, identity)
        if known is None:
            self._remember(identity)
        return identity

    def _check_new(self, answer: Answer, identity: Identity) -> None:
        limit = self._fetcher.limits.max_object_bytes
        if identity.size is None or is_encoded(answer.headers):
            raise RetryableError("does not say how long it is")
        if identity.size > limit:
            raise RefusedError(f"is larger than the limit of {limit:,} bytes")

    def _take(self, answer: Answer, index: int, stop: int | None, identity: Identity) -> None:
        """Keeps each piece as soon as it is whole."""
        size = identity.size or 0
        count = -(-size // PIECE_BYTES)
        last = count if stop is None else min(stop, count)
        kept = 0
        pending = bytearray()
        try:
            for chunk in answer.chunks:
                pending += chunk
                while index < last and len(pending) >= (length := min(PIECE_BYTES, size - index * PIECE_BYTES)):
                    if index == 0:
                        check_head(bytes(pending[:HEAD_BYTES]), kind_of(self._href))
                    self._keep(index, identity, pending[:length])
                    del pending[:length]
                    index, kept = index + 1, kept + 1
        except RetryableError as error:
            error.progressed = kept > 0
            raise
        if index < last:
            raise RetryableError("broke off the connection in the middle", progressed=kept > 0)

    def _changed(self, errand: Errand) -> Exception:
        if not errand.changed:
            errand.changed = True
            return RetryableError("seems to have changed")
        # What is opened from now on asks anew who the object is; this file can not be read to its end.
        self._fetcher.cache.drop(f"{self._key}#identity")
        return RefusedError("changed while it was read; read it again from its beginning")


def _runs(indices: Iterable[int]) -> list[tuple[int, int]]:
    """First and stop of each run of neighbours."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        if runs and runs[-1][1] == index:
            runs[-1] = runs[-1][0], index + 1
        else:
            runs.append((index, index + 1))
    return runs

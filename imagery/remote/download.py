"""One whole object into the cache, resumed where it broke off."""

import re
from dataclasses import dataclass
from pathlib import Path

from imagery.remote.address import public
from imagery.remote.asking import Asking, Errand
from imagery.remote.cache import Cache, storing
from imagery.remote.content import HEAD_BYTES, Kind, check_head, check_type, decoded, is_encoded, suffix_of
from imagery.remote.partial import Identity, Partial
from imagery.remote.retry import RefusedError, RetryableError
from imagery.remote.transport import Answer

PROGRESS_BYTES = 65_536
"""An attempt that brought so much more was not in vain."""

PACKED_ALREADY = ("tiff", "jp2", "zip")
"""Kinds that nobody compresses once more, except to do harm."""


@dataclass(frozen=True)
class Wanted:
    """An object, and what is known of it beforehand."""

    href: str
    key: str
    size: int | None
    sha256: str | None
    """Hexadecimal, lower case."""

    kind: Kind


def download(asking: Asking, cache: Cache, wanted: Wanted) -> Path:
    """The object's file in the cache.

    Raises:
        ProviderError: if it can not be had whole and unchanged within the limits.
    """
    found = cache.get(wanted.key, wanted.sha256)
    if found is None:
        with cache.locked(wanted.key, asking.limits.deadline_s):
            found = cache.get(wanted.key, wanted.sha256)  # another thread or process may have been faster
            if found is None:
                return asking.errand(wanted.href, lambda errand: _attempt(asking, cache, wanted, errand))
    asking.meter.cached(found.stat().st_size)
    return found


def _attempt(asking: Asking, cache: Cache, wanted: Wanted, errand: Errand) -> Path:
    with storing(cache.folder), Partial(cache.partial(wanted.key)) as partial:
        had = partial.length
        try:
            if not had or had != partial.identity.size:  # else all of it came, and nobody lived to say so
                _continue(asking, wanted, errand, partial)
            _check(wanted, partial)
        except RetryableError as error:
            error.progressed = partial.length - had >= PROGRESS_BYTES
            raise
        file = cache.adopt(wanted.key, partial.file, partial.sha256, public(wanted.href), suffix_of(wanted.href))
        partial.remove()
        return file


def _continue(asking: Asking, wanted: Wanted, errand: Errand, partial: Partial) -> None:
    """Asks for what is missing, and adds it to what is here."""
    headers: dict[str, str] = {}
    if partial.length and (partial.identity.validator or wanted.sha256):
        headers["Range"] = f"bytes={partial.length}-"
        if partial.identity.validator:
            headers["If-Range"] = partial.identity.validator
    with asking.asked(errand, headers=headers) as answer:
        if answer.status == 416:
            partial.restart(Identity())
            raise RetryableError("has fewer bytes than it had before (416)")
        check_type(answer.headers)
        start, identity = described(answer)
        _check_size(asking, wanted, answer, identity)  # before anything is thrown away: this answer may be the fault
        if start == 0:  # new; or changed since; or the server knows no ranges
            partial.restart(identity)
        elif start != partial.length or identity.contradicts(partial.identity):
            partial.restart(Identity())
            raise RetryableError("changed while it was fetched")
        limit = wanted.size or asking.limits.max_object_bytes
        for chunk in decoded(answer.chunks, answer.headers, limit - partial.length):
            partial.append(chunk)
    if identity.size not in (None, partial.length):
        raise RetryableError(f"announced {identity.size:,} bytes and sent {partial.length:,}")


def _check_size(asking: Asking, wanted: Wanted, answer: Answer, identity: Identity) -> None:
    if identity.size == 0:
        raise RetryableError("answered with nothing")
    if identity.size is not None:
        if identity.size > asking.limits.max_object_bytes:
            raise RefusedError(f"is larger than the limit of {asking.limits.max_object_bytes:,} bytes")
        if wanted.size not in (None, identity.size):
            raise RetryableError(f"has {identity.size:,} bytes instead of {wanted.size:,}")
    elif is_encoded(answer.headers) and wanted.kind in PACKED_ALREADY:
        raise RetryableError("answered compressed, which was not asked for")
    elif not (wanted.size or wanted.sha256 or is_encoded(answer.headers) or _is_chunked(answer)):
        raise RetryableError("does not say how long it is, so that nobody could tell whether all of it came")


def _check(wanted: Wanted, partial: Partial) -> None:
    """Looks at all that came; what is wrong is thrown away, since nobody knows which of its bytes are."""
    try:
        check_head(partial.head(HEAD_BYTES), wanted.kind)
        if wanted.size not in (None, partial.length):
            raise RetryableError(f"has {partial.length:,} bytes instead of {wanted.size:,}")
        if wanted.sha256 not in (None, partial.sha256):
            raise RetryableError("has the wrong checksum")
    except RetryableError:
        partial.restart(Identity())
        raise


def described(answer: Answer) -> tuple[int, Identity]:
    """Where in the object the body begins, and which object it is.

    Raises:
        RetryableError: if the answer contradicts itself.
    """
    etag, modified = answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")
    length = answer.headers.get("Content-Length", "")
    if answer.status != 206:
        counted = length.isdecimal() and not is_encoded(answer.headers)
        return 0, Identity(int(length) if counted else None, etag, modified)
    found = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", answer.headers.get("Content-Range", "").strip())
    if found is None or is_encoded(answer.headers):
        raise RetryableError("answered with a part of itself and did not say which")
    start, last, total = int(found[1]), int(found[2]), None if found[3] == "*" else int(found[3])
    if (
        last < start
        or (total is not None and last >= total)
        or (length.isdecimal() and int(length) != last - start + 1)
    ):
        raise RetryableError("answered with a part of itself that contradicts its own length")
    return start, Identity(total, etag, modified)


def _is_chunked(answer: Answer) -> bool:
    return answer.headers.get("Transfer-Encoding", "").strip().lower() == "chunked"

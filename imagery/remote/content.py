"""Whether what came is what was asked for."""

import zlib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from imagery.remote.retry import RefusedError, RetryableError

Kind = Literal["tiff", "jp2", "zip", "xml", "any"]

HEAD_BYTES = 64

_MAGIC: dict[Kind, tuple[bytes, ...]] = {
    "tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "jp2": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xffO\xffQ"),
    "zip": (b"PK\x03\x04", b"PK\x05\x06"),
    "xml": (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<", b"\xfe\xff\0<"),
    "any": (b"",),
}

_KINDS: dict[str, Kind] = {
    ".tif": "tiff", ".tiff": "tiff", ".jp2": "jp2", ".j2k": "jp2", ".zip": "zip", ".xml": "xml",
}  # fmt: skip


def kind_of(href: str) -> Kind:
    """What an href's suffix promises; ``any`` where it promises nothing."""
    return _KINDS.get(suffix_of(href).lower(), "any")


def suffix_of(href: str) -> str:
    """The suffix of an href's path, with its dot."""
    return PurePosixPath(urlsplit(href).path).suffix


def check_type(headers: Mapping[str, str]) -> None:
    """Refuses a web page, whatever its status.

    Raises:
        RetryableError: if the content is declared as HTML: login and error pages often come with status 200.
    """
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml"):
        raise RetryableError("answered with a web page instead of the data")


def check_head(head: bytes, kind: Kind) -> None:
    """Looks at the first bytes of an object.

    Args:
        head: at least `HEAD_BYTES` of them, or all there are.
        kind: what it should be.

    Raises:
        RetryableError: if it is empty, a web page, or of another kind.
    """
    if not head:
        raise RetryableError("answered with nothing")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise RetryableError("answered with a web page instead of the data")
    if not head.startswith(_MAGIC[kind]):
        raise RetryableError(f"answered with something that is not {kind.upper()}")


def decoded(chunks: Iterator[bytes], headers: Mapping[str, str], limit: int) -> Iterator[bytes]:
    """A body freed of its Content-Encoding, never more than a limit: a gzip bomb ends here.

    Args:
        chunks: the body as it was sent.
        headers: of the answer.
        limit: bytes of the decoded body that are accepted.

    Raises:
        RefusedError: if there is more than that.
        RetryableError: if it can not be decoded, or ends early.
    """
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        plain = chunks
    elif encoding in ("gzip", "x-gzip", "deflate"):
        plain = _inflated(chunks, limit)
    else:
        raise RetryableError("answered in an encoding that was not asked for")
    total = 0
    for chunk in plain:
        total += len(chunk)
        if total > limit:
            raise RefusedError(f"is larger than the limit of {limit:,} bytes")
        yield chunk


def is_encoded(headers: Mapping[str, str]) -> bool:
    """Whether a body is sent in another form than it is asked for, so that its bytes can not be counted."""
    return headers.get("Content-Encoding", "").strip().lower() not in ("", "identity")


def _inflated(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    inflate = zlib.decompressobj(wbits=47)  # zlib or gzip, by its head
    step = min(limit + 1, 1 << 20)
    for chunk in chunks:
        pending = chunk
        while pending and not inflate.eof:
            broken = False
            try:
                plain = inflate.decompress(pending, step)
            except zlib.error:
                broken = True
            if broken:
                raise RetryableError("answered with damaged compressed data")
            yield plain
            pending = inflate.unconsumed_tail
    if not inflate.eof:
        raise RetryableError("broke off the connection in the middle")

"""What a Shapefile keeps beside its shapes: a CRS, and text in an encoding that it lies about or does not say."""

import codecs
import struct
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aoi.errors import UnreadableVectorError

CODECS = {
    **dict.fromkeys(("936", "cp936", "gbk", "gb2312", "gb18030", "ansi 936"), "gb18030"),
    **dict.fromkeys(("utf-8", "utf8", "65001"), "utf-8"),
    **dict.fromkeys(("big5", "950", "cp950"), "big5"),
    **dict.fromkeys(("iso-8859-1", "88591", "latin1", "1252", "cp1252", "ansi 1252"), "cp1252"),
}
"""What a .cpg may say, and what Python calls it; anything else is as if there were none."""

DISTINCT_ENOUGH = 20_000
"""So many different texts settle what encoding a file is in."""


def refuse_bad_prj(path: Path, name: Path) -> None:
    """Refuse a .prj that GDAL can not take as text.

    Raises:
        UnreadableVectorError: says so.
    """
    prj = _part_of(path, ".prj")
    try:
        if prj is not None:
            prj.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableVectorError(f"{name}: its .prj is not plain text; assign the CRS again") from error
    except OSError as error:
        raise UnreadableVectorError(f"{name}: its .prj can not be read ({error.strerror})") from error


def _part_of(path: Path, suffix: str) -> Path | None:
    """Another file of a Shapefile, in whatever case its suffix is written."""
    parts = (part for part in sorted(path.parent.iterdir()) if part.stem == path.stem)
    return next((part for part in parts if part.suffix.casefold() == suffix), None)


def decoded(fields: Sequence[str], values: Sequence[Sequence[str]], path: Path) -> tuple[list[str], list[list[str]]]:
    """Text that was read byte by byte, in the encoding that the .cpg names, or else that all of the file fits."""
    codec = codec_of(path)
    return [_text(field, codec) for field in fields], [[_text(text, codec) for text in column] for column in values]


def text_of_bytes(texts: Sequence[str]) -> list[str]:
    """Text that something took byte by byte where its encoding was not said: UTF-8 if all fits, else GB 18030."""
    bytewise = [text for text in texts if not text.isascii()]
    if not bytewise or any(ord(letter) > 255 for text in bytewise for letter in text):
        return list(texts)  # it was decoded already
    codec = "utf-8" if all(_fits(text.encode("latin-1"), "utf-8") for text in bytewise) else "gb18030"
    return [_text(text, codec) for text in texts]


def _text(bytewise: str, codec: str) -> str:
    # A DBF cuts a name at a byte, perhaps inside a character: what is left of that is dropped.
    return bytewise.encode("latin-1", "replace").decode(codec, "ignore").strip()


def codec_of(path: Path) -> str:
    """The encoding of a Shapefile's text: of the whole file, since a few rows of GBK may by chance be UTF-8.

    Raises:
        UnreadableVectorError: if a part can not be read.
    """
    try:
        sidecar, table = _part_of(path, ".cpg"), _part_of(path, ".dbf")
        named = sidecar.read_bytes()[:40].decode("ascii", "replace").strip().casefold() if sidecar is not None else ""
        if table is None:
            return "utf-8"
        status = table.stat()
        return _codec_of(table, named, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise UnreadableVectorError(f"{path}: a part of it can not be read ({error.strerror})") from error


@lru_cache(maxsize=64)
def _codec_of(table: Path, named: str, mtime_ns: int, size: int) -> str:
    codec = CODECS.get(named)
    texts = _foreign(table)
    if all(_fits(text, "utf-8") for text in texts):
        # GBK that is UTF-8 by chance becomes Greek or Hebrew, never Chinese: then the .cpg lies
        return "utf-8" if codec is None or any(_is_chinese(text) for text in texts) else codec
    return codec if codec is not None and all(_fits(text, codec) for text in texts) else "gb18030"


def _foreign(table: Path) -> list[bytes]:
    """Every distinct text of a DBF that is not ASCII, names of columns among them, as bytes."""
    with table.open("rb") as file:
        head = file.read(32)
        if len(head) < 32:
            return []
        header_bytes, record_bytes = struct.unpack_from("<HH", head, 8)
        described = file.read(max(0, header_bytes - 32))
    columns = [described[at : at + 32] for at in range(0, len(described) - 31, 32) if described[at] != 0x0D]
    found = {column[:11].split(b"\0")[0] for column in columns}
    if record_bytes and (count := (table.stat().st_size - header_bytes) // record_bytes) > 0:
        records = np.memmap(table, np.uint8, "r", header_bytes, (count, record_bytes))
        at = 1  # the mark of a deleted row
        for column in columns:
            if column[11:12] == b"C":
                found |= _distinct(records[:, at : at + column[16]])
            at += column[16]
    return [text for text in found if not text.isascii()]


def _distinct(cells: NDArray[np.uint8]) -> set[bytes]:
    found: set[bytes] = set()
    for start in range(0, len(cells), 100_000):
        part = np.asarray(cells[start : start + 100_000])
        foreign = part[(part >= 0x80).any(axis=1)]
        found |= {row.tobytes().split(b"\0")[0].rstrip() for row in np.unique(foreign, axis=0)}
        if len(found) > DISTINCT_ENOUGH:
            break
    return found


def _is_chinese(text: bytes) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text.decode("utf-8", "ignore"))


def _fits(text: bytes, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)().decode(text, final=False)
    except UnicodeDecodeError:
        return False
    return True

"""What a Shapefile keeps beside its shapes: a CRS, and text in an encoding that it lies about or does not say."""

import codecs
from collections.abc import Iterable, Sequence
from pathlib import Path

from aoi.errors import UnreadableVectorError

CODECS = {
    **dict.fromkeys(("936", "cp936", "gbk", "gb2312", "gb18030", "ansi 936"), "gb18030"),
    **dict.fromkeys(("utf-8", "utf8", "65001"), "utf-8"),
    **dict.fromkeys(("big5", "950", "cp950"), "big5"),
    **dict.fromkeys(("iso-8859-1", "88591", "latin1", "1252", "cp1252", "ansi 1252"), "cp1252"),
}
"""What a .cpg may say, and what Python calls it; anything else is as if there were none."""


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
    """Text that was read byte by byte, in the encoding that the .cpg names, or else that all of it fits."""
    codec = _codec_of(path, [*fields, *(text for column in values for text in column)])
    return [_text(field, codec) for field in fields], [[_text(text, codec) for text in column] for column in values]


def _text(bytewise: str, codec: str) -> str:
    # A DBF cuts a name at a byte, perhaps inside a character: what is left of that is dropped.
    return bytewise.encode("latin-1", "replace").decode(codec, "ignore").strip()


def _codec_of(path: Path, texts: Iterable[str]) -> str:
    texts = [text for text in texts if not text.isascii()]
    sidecar = _part_of(path, ".cpg")
    named = sidecar.read_bytes()[:40].decode("ascii", "replace").strip().casefold() if sidecar is not None else ""
    codec = CODECS.get(named)
    if codec is not None and all(_fits(text, codec) for text in texts):
        return codec
    return "utf-8" if all(_fits(text, "utf-8") for text in texts) else "gb18030"


def _fits(bytewise: str, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)().decode(bytewise.encode("latin-1", "replace"), final=False)
    except UnicodeDecodeError:
        return False
    return True

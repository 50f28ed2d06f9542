"""CSV and its kin: UTF-8 or GBK, commas, tabs or semicolons, each line bounded before it is taken apart."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

from aoi.errors import UnreadableVectorError
from aoi.intake.sheet import CELL_CHARS_MAX, COLUMNS_MAX, ROWS_MAX, Cells, Sheet, sheet_of

FILE_MAX_BYTES = 512 << 20
_SEPARATORS = (",", "\t", ";", "，", "|")


def read_delimited(path: Path, known: Callable[[str], bool]) -> Sheet:
    """A CSV file.

    Args:
        path: of the file.
        known: whether a heading is one that is looked for.

    Raises:
        UnreadableVectorError: if it is not text, too large, has a line with too many columns, or no headings.
    """
    text = read_plain(path)
    separator = max(_SEPARATORS, key=lambda mark: text[:4000].count(mark))
    return sheet_of(path, None, _cells(text, separator, path), known, frozenset())


def read_plain(path: Path) -> str:
    """The text of a file in UTF-8, UTF-16 with its mark, or GBK.

    Raises:
        UnreadableVectorError: if it can not be read, is too large, or is no text.
    """
    try:
        if path.stat().st_size > FILE_MAX_BYTES:
            raise UnreadableVectorError(
                f"{path}: larger than {FILE_MAX_BYTES >> 20} MiB, too much for a table of text; give a GeoPackage"
            )
        raw = path.read_bytes()
    except OSError as error:
        raise UnreadableVectorError(f"{path}: can not be read ({error.strerror})") from error
    if not raw.strip():
        raise UnreadableVectorError(f"{path}: the file is empty")
    marked = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    for codec in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        if "\0" not in text[:10_000]:
            return text
    raise UnreadableVectorError(f"{path}: not text in UTF-8 or GBK; save it again as CSV in UTF-8")


def _cells(text: str, separator: str, path: Path) -> Iterator[Cells]:
    csv.field_size_limit(CELL_CHARS_MAX)
    reader = csv.reader(_bounded(text, path), delimiter=separator)
    first = 1
    try:
        for row in reader:
            if len(row) > COLUMNS_MAX:
                raise UnreadableVectorError(
                    f"{path}: line {first} has {len(row):,} columns; a table has at most {COLUMNS_MAX}"
                )
            if first > ROWS_MAX:
                raise UnreadableVectorError(f"{path}: has more than {ROWS_MAX:,} lines; give a GeoPackage")
            yield first, [cell.strip() for cell in row]
            first = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableVectorError(f"{path}: line {reader.line_num} is not CSV ({error})") from error


def _bounded(text: str, path: Path) -> Iterator[str]:
    lines = io.StringIO(text, newline="")
    number = 0
    while line := lines.readline(CELL_CHARS_MAX + 1):
        number += 1
        if len(line) > CELL_CHARS_MAX:
            raise UnreadableVectorError(f"{path}: line {number} is longer than {CELL_CHARS_MAX:,} characters")
        yield line

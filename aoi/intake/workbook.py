"""Workbooks: .xlsx, judged as an archive before it is opened, then read row by row."""

import datetime as dt
import itertools
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# lxml is there for DOCX, and openpyxl would parse with it instead of defusedxml
os.environ.setdefault("OPENPYXL_LXML", "False")

import openpyxl
from defusedxml import DefusedXmlException
from openpyxl.utils.exceptions import InvalidFileException

from aoi.errors import UnreadableVectorError
from aoi.intake.sheet import COLUMNS_MAX, ROWS_MAX, Cells, Sheet, sheet_of
from aoi.zipped import refuse_hostile_zip

# openpyxl raises these for workbooks that are none, or broken in ways that it does not foresee
_BROKEN = (InvalidFileException, SyntaxError, KeyError, ValueError, TypeError, IndexError, AttributeError, EOFError)

PARTS_MAX_BYTES = 256 << 20


def sheet_names(path: Path) -> tuple[str, ...]:
    """Names of the sheets that hold anything.

    Raises:
        UnreadableVectorError: if it is not a workbook, or hostile.
    """
    with _opened(path) as book:
        return tuple(sheet.title for sheet in book.worksheets if _holds_anything(sheet))


def read_workbook(path: Path, table: str | None, known: Callable[[str], bool]) -> Sheet:
    """A sheet of a workbook.

    Args:
        path: of the file.
        table: name of the sheet; the only one that holds anything where it is None.
        known: whether a heading is one that is looked for.

    Raises:
        UnreadableVectorError: if it is not a workbook, is hostile, has several sheets and none is named, or no
            headings.
    """
    names = sheet_names(path)
    if table is None and len(names) != 1:
        raise UnreadableVectorError(
            f"{path}: has {len(names)} sheets ({', '.join(names[:6])}); name one as {path.name}:{(*names, '表1')[0]}"
        )
    if table is not None and table not in names:
        raise UnreadableVectorError(
            f"{path}: has no sheet {table!r} with anything in it; it has {', '.join(names[:6])}"
        )
    chosen = table or names[0]
    with _opened(path) as book:
        rows = book[chosen].iter_rows(max_row=ROWS_MAX, max_col=COLUMNS_MAX)
        formulas = frozenset(number for number, row in enumerate(rows, 1) if any(c.data_type == "f" for c in row))
    with _opened(path, values=True) as book:
        return sheet_of(path, table, _cells(book[chosen]), known, formulas)


@contextmanager
def _opened(path: Path, values: bool = False) -> Iterator[Any]:
    """A workbook; whatever goes wrong while it is read is one sentence."""
    refuse_hostile_zip(path, PARTS_MAX_BYTES)
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of styles and extensions, which are not read
            book = openpyxl.load_workbook(file, read_only=True, data_only=values, keep_links=False)
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # what a sheet says of its own size may be wrong
            yield book
    except (zipfile.BadZipFile, OSError, *_BROKEN) as error:
        if _was_refused(error):
            raise UnreadableVectorError(f"{path}: refused, because it declares a DTD or an entity") from error
        why = " ".join(str(error).split())[:120] or type(error).__name__
        raise UnreadableVectorError(
            f"{path}: damaged or not a workbook ({why}); open it and save it again as .xlsx"
        ) from error


def _was_refused(error: BaseException | None) -> bool:
    """Whether the parser refused a DTD or an entity, however openpyxl wrapped that."""
    while error is not None:
        if isinstance(error, DefusedXmlException):
            return True
        error = error.__cause__ or error.__context__
    return False


def _holds_anything(sheet: Any) -> bool:
    return any(any(texts) for _, texts in itertools.islice(_cells(sheet), 200))


def _cells(sheet: Any) -> Iterator[Cells]:
    for number, row in enumerate(sheet.iter_rows(max_row=ROWS_MAX, max_col=COLUMNS_MAX, values_only=True), 1):
        yield number, [_text(value) for value in row]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()

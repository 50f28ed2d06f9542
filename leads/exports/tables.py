"""Leads as tables: CSV and XLSX with 图斑 columns, formulas defused."""

import csv
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from leads.attributes import Value
from leads.exports.row import Row
from leads.exports.text import defused, one_line
from leads.exports.tuban import COLUMNS
from leads.fields import NOTE
from leads.staging import staged

XLSX_ROWS_MAX = 1_048_000
_HEAD = PatternFill("solid", fgColor="DCE6F1")
_WIDTHS = {"text": 22, "real": 13, "integer": 9}


def write_csv(path: Path, rows: Iterable[Row]) -> int:
    """Write leads as CSV (UTF-8 with its mark, so that Excel reads it) and return how many.

    Raises:
        OutputError: if the folder is read-only or the disk is full.
    """
    count = 0
    with staged(path) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as file:
        pen = csv.writer(file, lineterminator="\r\n")
        pen.writerow([column.name for column in COLUMNS])
        for row in rows:
            pen.writerow([_cell(column.value(row)) for column in COLUMNS])
            count += 1
    return count


def _cell(value: Value) -> Value:
    return "" if value is None else defused(value) if isinstance(value, str) else value


def write_xlsx(path: Path, rows: Iterable[Row], title: str, classification: str) -> int:
    """Write leads as a workbook and return how many: 图斑 names, their Chinese below, and a sheet that explains them.

    Raises:
        OutputError: if the folder is read-only or the disk is full.
    """
    with staged(path) as temporary:
        book = Workbook(write_only=True)
        count = _leads_sheet(book, rows, f"{one_line(title, 200)}　分级：{classification}　{NOTE}")
        legend = book.create_sheet("字段说明")
        legend.column_dimensions["B"].width = 44
        explained = (
            ("字段", "含义"),
            *((column.name, column.zh) for column in COLUMNS),
            ("", NOTE),
            ("分级", classification),
        )
        for line in explained:
            legend.append([_text(legend, part) for part in line])
        book.save(temporary)
    return count


def _leads_sheet(book: Workbook, rows: Iterable[Row], title: str) -> int:
    sheet = book.create_sheet("线索")
    sheet.freeze_panes = "C4"
    for at, column in enumerate(COLUMNS, 1):
        sheet.column_dimensions[get_column_letter(at)].width = _WIDTHS[column.type]
    sheet.append([_text(sheet, title, bold=True)])
    sheet.append([_text(sheet, column.name, bold=True, head=True) for column in COLUMNS])
    sheet.append([_text(sheet, column.zh, head=True) for column in COLUMNS])
    count = 0
    for row in islice(rows, XLSX_ROWS_MAX):
        values = (column.value(row) for column in COLUMNS)
        sheet.append([_text(sheet, value) if isinstance(value, str) else value for value in values])
        count += 1
    return count


def _text(sheet: object, value: str, bold: bool = False, head: bool = False) -> WriteOnlyCell:
    """A cell that is text whatever it begins with, also after somebody edits it or saves it as CSV."""
    cell = WriteOnlyCell(sheet, defused(value))
    cell.data_type = "s"
    cell.alignment = Alignment(wrap_text=head, vertical="top")
    if bold:
        cell.font = Font(bold=True)
    if head:
        cell.fill = _HEAD
    return cell

"""A paper as DOCX that offices edit: the same blocks, Chinese fonts named for Word and WPS."""

import datetime as dt
import io
import re
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from leads.dossier.html import NUMERALS
from leads.dossier.page import Block, Box, Boxes, Break, Facts, Paper, Para, Pictures, Table
from leads.staging import staged

BODY, HEAD = "宋体", "黑体"
_NEGATIVE = re.compile(r"(?<![0-9A-Za-z-])-(?=\d)")
"""A minus sign. Written as a hyphen it may be left at a line's end, and the number below it be read without it."""

WIDTH_MM = 176.0
"""Between the margins of A4."""

_RED, _GREY = RGBColor(0x8A, 0x1C, 0x1C), RGBColor(0x4B, 0x54, 0x5E)
_ALIGN = {"centre": WD_ALIGN_PARAGRAPH.CENTER, "right": WD_ALIGN_PARAGRAPH.RIGHT}
_SIZES = {"note": 9.0, "warn": 10.5}


def write_docx(path: Path, paper: Paper, numbered: bool = True) -> None:
    """Write a paper as DOCX.

    Args:
        path: appears only when it is whole.
        paper: its blocks.
        numbered: whether its parts have Chinese numerals; a letter's have none.

    Raises:
        OutputError: if the folder is read-only or the disk is full.
    """
    document = Document()
    _set_up(document, paper)
    _line(document, paper.mark, 10.5, HEAD, colour=_RED)
    _line(document, paper.title, 20, HEAD, align=WD_ALIGN_PARAGRAPH.CENTER)
    if paper.subtitle:
        _line(document, paper.subtitle, 10.5, BODY, align=WD_ALIGN_PARAGRAPH.CENTER, colour=_GREY)
    for number, section in zip(NUMERALS, paper.sections, strict=False):
        if section.title:
            title = f"{number}、{section.title}" if numbered else section.title
            heading = _line(document, title, 13, HEAD, colour=_RED if numbered else None)
            heading.paragraph_format.space_before = Pt(10)
            heading.paragraph_format.keep_with_next = True
        for block in section.blocks:
            _block(document, block)
    with staged(path) as temporary:
        document.save(str(temporary))


def _set_up(document: Any, paper: Paper) -> None:
    section = document.sections[0]
    section.orientation = WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(17)
    section.top_margin, section.bottom_margin = Mm(20), Mm(19)
    _chinese(document)
    style = document.styles["Normal"]
    _font(style.element.get_or_add_rPr(), BODY)
    style.font.name, style.font.size = BODY, Pt(10.5)
    style.paragraph_format.space_after = Pt(4)
    style.paragraph_format.line_spacing = 1.25
    for part, text in ((section.header, f"{paper.mark}　{paper.title}"), (section.footer, paper.foot)):
        _run(part.paragraphs[0], text, 8.5, BODY, _GREY)
    foot = section.footer.paragraphs[0]
    _run(foot, "　第 ", 8.5, BODY, _GREY)
    _field(foot, "PAGE", _run(foot, "1", 8.5, BODY, _GREY))
    _run(foot, " 页", 8.5, BODY, _GREY)
    about = document.core_properties
    about.title, about.author, about.comments = paper.title, "卫巡 Weixun", paper.foot[:250]
    # in UTC, which is how Word reads it
    moment = dt.datetime.fromisoformat(paper.made).astimezone(dt.UTC).replace(tzinfo=None)
    about.created = about.modified = moment


def _block(document: Any, block: Block) -> None:
    match block:
        case Para():
            _para(document, block)
        case Facts():
            _grid(document, [[a, b] for a, b in block.rows], (36, WIDTH_MM - 36), 9.5, labels=True, whole=block.form)
        case Table():
            parts = block.widths or (1,) * len(block.heads)
            widths = tuple(WIDTH_MM * part / sum(parts) for part in parts)
            rows = [list(block.heads), *(list(row) for row in block.rows)]
            _grid(document, rows, widths, 8 if block.small else 9.5, head=True)
        case Pictures():
            _pictures(document, block)
        case Boxes():
            _boxes(document, block)
        case Break():
            document.add_page_break()


def _para(document: Any, block: Para) -> None:
    paragraph = _line(
        document,
        block.text,
        _SIZES.get(block.kind, 10.5),
        BODY,
        align=_ALIGN.get(block.kind),
        colour=_GREY if block.kind == "note" else None,
    )
    if block.text.endswith("："):  # what it announces comes on the same page
        paragraph.paragraph_format.keep_with_next = True
    if block.kind == "warn":
        _shade(paragraph._p.get_or_add_pPr(), "FDF6E7")
    if block.kind == "quote":
        paragraph.paragraph_format.first_line_indent = Pt(21)


def _grid(
    document: Any,
    rows: list[list[str]],
    widths: tuple[float, ...],
    size: float,
    head: bool = False,
    labels: bool = False,
    whole: bool = False,
) -> None:
    table = _table(document, len(rows), widths)
    for at, row in enumerate(rows):
        cells = table.rows[at].cells
        _whole_row(table.rows[at], repeat=head and at == 0)
        for column, text in enumerate(row):
            titled = (head and at == 0) or (labels and column == 0)
            _cell(cells[column], text, size, HEAD if titled else BODY)
            if whole and at < len(rows) - 1:
                for paragraph in cells[column].paragraphs:
                    paragraph.paragraph_format.keep_with_next = True
            if titled:
                _shade(cells[column]._tc.get_or_add_tcPr(), "F3F5F7")
    _gap(document)


def _table(document: Any, rows: int, widths: tuple[float, ...], style: str = "Table Grid") -> Any:
    table = document.add_table(rows=rows, cols=len(widths), style=style)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    _margins(table)
    table.autofit = False
    for column, width in enumerate(widths):
        table.columns[column].width = Mm(width)
        for cell in table.columns[column].cells:
            cell.width = Mm(width)
    return table


def _margins(table: Any) -> None:
    """Air between text and lines, twentieths of a point."""
    margins = OxmlElement("w:tblCellMar")
    for side, width in (("top", 40), ("left", 90), ("bottom", 40), ("right", 90)):
        edge = OxmlElement(f"w:{side}")
        edge.set(qn("w:w"), str(width))
        edge.set(qn("w:type"), "dxa")
        margins.append(edge)
    table._tbl.tblPr.append(margins)


def _cell(cell: Any, text: str, size: float, font: str) -> None:
    lines = text.split("\n") or [""]
    for at, line in enumerate(lines):
        paragraph = cell.paragraphs[0] if at == 0 else cell.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(0)
        paragraph.paragraph_format.line_spacing = 1.1
        _run(paragraph, line, size, font)


_AROUND = {2: 10}
"""Millimetres left free beside a picture, by columns; two by two leave room for the table of the images below them."""


def _pictures(document: Any, block: Pictures) -> None:
    columns = block.columns
    width = WIDTH_MM / columns
    rows = -(-len(block.pictures) // columns)
    table = _table(document, rows, (width,) * columns, style="Normal Table")
    for at, one in enumerate(block.pictures):
        cell = table.rows[at // columns].cells[at % columns]
        cell.paragraphs[0].paragraph_format.space_after = Pt(0)
        cell.paragraphs[0].add_run().add_picture(io.BytesIO(one.png), width=Mm(width - _AROUND.get(columns, 5)))
        _run(cell.add_paragraph(), one.caption, 8, BODY, _GREY)
    for row in table.rows:
        _whole_row(row)
    _gap(document)


def _boxes(document: Any, block: Boxes) -> None:
    table = _table(document, 1, (WIDTH_MM / len(block.boxes),) * len(block.boxes))
    for cell, box in zip(table.rows[0].cells, block.boxes, strict=True):
        _box(cell, box)
    _gap(document)


def _box(cell: Any, box: Box) -> None:
    _cell(cell, box.title, 9, HEAD)
    for text, size, font, colour in (
        (box.figure, 11.5, HEAD, None), *((line, 8.5, BODY, None) for line in box.lines), (box.label, 8.5, BODY, _RED),
    ):  # fmt: skip
        paragraph = cell.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(2)
        paragraph.paragraph_format.line_spacing = 1.1
        _run(paragraph, text, size, font, colour)


def _line(document: Any, text: str, size: float, font: str, align: Any = None, colour: Any = None) -> Any:
    paragraph = document.add_paragraph()
    if align is not None:
        paragraph.alignment = align
    for at, line in enumerate(text.split("\n")):
        run = _run(paragraph, line, size, font, colour)
        if at < text.count("\n"):
            run.add_break()
    return paragraph


def _run(paragraph: Any, text: str, size: float, font: str, colour: Any = None) -> Any:
    run = paragraph.add_run(_NEGATIVE.sub("−", text))
    run.font.size, run.font.name = Pt(size), font
    _font(run._r.get_or_add_rPr(), font)
    if colour is not None:
        run.font.color.rgb = colour
    return run


def _font(properties: Any, name: str) -> None:
    """Word takes Chinese characters from ``w:eastAsia``, whatever else is named."""
    fonts = properties.get_or_add_rFonts()
    for kind in ("w:eastAsia", "w:ascii", "w:hAnsi", "w:cs"):
        fonts.set(qn(kind), name)


def _chinese(document: Any) -> None:
    """Says that the Chinese is simplified: who lacks the font named then takes one with the same punctuation.

    What is Latin stays English: as Chinese it would be broken anywhere, numbers too.
    """
    for spoken in document.styles.element.iter(qn("w:lang")):
        spoken.set(qn("w:eastAsia"), "zh-CN")


def _shade(properties: Any, colour: str) -> None:
    shade = OxmlElement("w:shd")
    for key, value in (("w:val", "clear"), ("w:color", "auto"), ("w:fill", colour)):
        shade.set(qn(key), value)
    properties.append(shade)


def _whole_row(row: Any, repeat: bool = False) -> None:
    """A row that is not cut by a page's end; a heading comes again on the next page."""
    properties = row._tr.get_or_add_trPr()
    for name in ("w:cantSplit", *(("w:tblHeader",) if repeat else ())):
        properties.append(OxmlElement(name))


def _field(paragraph: Any, code: str, run: Any) -> None:
    """What a program counts, set in the letters of a run, whose text stands until it is counted."""
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), code)
    field.append(run._r)
    paragraph._p.append(field)


def _gap(document: Any) -> None:
    """Word joins tables that touch."""
    between = document.add_paragraph().paragraph_format
    between.space_after, between.line_spacing = Pt(0), Pt(4)

"""A paper as one HTML file with its pictures inside, and the PDF made from it."""

import base64
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from leads.dossier.page import Block, Paper, Table
from leads.staging import staged

NUMERALS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二", "十三", "十四", "十五", "十六")


def html_of(paper: Paper) -> str:
    """The paper as HTML: every text escaped, nothing fetched from anywhere, no script."""
    loaded = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=False)
    template = loaded.from_string(files("leads.dossier").joinpath("template.jinja").read_text(encoding="utf-8"))
    return template.render(paper=paper, numerals=NUMERALS, kind_of=_kind, shares=_shares, data_uri=_data_uri)


def _kind(block: Block) -> str:
    return type(block).__name__


def _shares(table: Table) -> list[float]:
    parts = table.widths or (1,) * len(table.heads)
    return [round(100 * part / sum(parts), 2) for part in parts]


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def write_html(path: Path, text: str) -> None:
    """Write the HTML.

    Raises:
        OutputError: if the folder is read-only or the disk is full.
    """
    with staged(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_pdf(path: Path, text: str) -> None:
    """Write HTML as PDF, fonts embedded; only what is inside the HTML is read, never a file or an address.

    Raises:
        OutputError: if the folder is read-only or the disk is full.
    """
    from weasyprint import HTML  # type: ignore[import-untyped]  # ships no types
    from weasyprint.urls import URLFetcher  # type: ignore[import-untyped]

    only_inside = URLFetcher(allowed_protocols=("data",), allow_redirects=False)
    printed = HTML(string=text, url_fetcher=only_inside).write_pdf()
    with staged(path) as temporary:
        temporary.write_bytes(printed)

"""A table as text: where its headings are, and its rows by heading. What a workbook, a CSV and a report share."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aoi.errors import UnreadableVectorError

COLUMNS_MAX = 500
ROWS_MAX = 1_048_576
"""As many as a workbook's sheet can have."""

CELL_CHARS_MAX = 4 << 20
"""A cell with all corners of a large mine has some 100,000 characters."""

SEARCHED = 40
"""Headings stand in the first rows, below a title and a line about units."""

Cells = tuple[int, Sequence[str]]
"""Number of a row as its program counts, and the text of its cells."""


@dataclass(frozen=True)
class Sheet:
    """A table with headings."""

    path: Path
    table: str | None
    title: tuple[str, ...]
    """What stands above the headings: often the CRS."""

    headings: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, str]], ...]
    """Number of each row, and its text by heading, blanks left out."""

    formulas: frozenset[int] = frozenset()
    """Rows in which a value was worked out by a formula."""


def sheet_of(
    path: Path, table: str | None, cells: Iterator[Cells], known: Callable[[str], bool], formulas: frozenset[int]
) -> Sheet:
    """A table from its cells.

    Args:
        path: for messages.
        table: name of the sheet.
        cells: all rows from the top.
        known: whether a heading is one that is looked for.
        formulas: rows with a formula.

    Raises:
        UnreadableVectorError: if no row looks like headings.
    """
    top: list[Cells] = []
    for row in cells:
        top.append(row)
        if len(top) == SEARCHED:
            break
    where, headings, below = _headings(top, known, path)
    rows = []
    for number, texts in [*top[below:], *cells]:
        told = {heading: text for heading, text in zip(headings, texts, strict=False) if heading and text}
        if told:
            rows.append((number, told))
    title = tuple(text for _, texts in top[:where] for text in texts if text)
    return Sheet(path, table, title, tuple(heading for heading in headings if heading), tuple(rows), formulas)


def _headings(top: Sequence[Cells], known: Callable[[str], bool], path: Path) -> tuple[int, list[str], int]:
    """Index of the row with headings, the headings, and the index of the first row below them."""
    counts = [sum(known(text) for text in texts if text) for _, texts in top]
    if not counts or max(counts) == 0:
        first = "、".join(text for _, texts in top[:1] for text in texts[:8] if text) or "nothing"
        raise UnreadableVectorError(
            f"{path}: no row of it looks like headings (it begins with {first[:80]}); "
            "name the columns as the kind's schema does, such as 批准文号, X, Y"
        )
    where = counts.index(max(counts))
    headings, below = list(top[where][1]), where + 1
    # 坐标 over X and Y: headings in two rows, the upper one merged over several columns
    for other in (where + 1, where - 1):
        if 0 <= other < len(top) and counts[other] and not _has_figures(top[other][1]):
            upper, lower = top[min(where, other)][1], top[max(where, other)][1]
            width = max(len(upper), len(lower))
            pairs = zip(_padded(upper, width), _padded(lower, width), strict=True)
            headings = [b if known(b) or not a else a for a, b in pairs]
            where, below = min(where, other), max(where, other) + 1
            break
    return where, _distinct(headings), below


def _has_figures(texts: Sequence[str]) -> bool:
    return any(text and text.replace(".", "").replace("-", "").isdigit() for text in texts)


def _padded(cells: Sequence[str], width: int) -> list[str]:
    return [*cells, *[""] * (width - len(cells))]


def _distinct(headings: Sequence[str]) -> list[str]:
    """Headings as one line each; a repeated one gets its number."""
    seen: dict[str, int] = {}
    distinct = []
    for heading in headings:
        flat = "".join(heading.split("\n")).strip()
        seen[flat] = seen.get(flat, 0) + 1
        distinct.append(flat if seen[flat] == 1 or not flat else f"{flat}_{seen[flat]}")
    return distinct

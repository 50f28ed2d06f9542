"""Text that somebody else wrote, made harmless before it goes into a file that is opened elsewhere."""

import re

TEXT_MAX = 4000
"""Characters of one value that are handed out; the rest stays in the store."""

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters, which XML and printers refuse
    "\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"  # invisible, or turning the direction of what follows
    "\ud800-\udfff\ufffe\uffff\ufdd0-\ufdef]"  # halves of characters, and no characters at all
)
_FORMULA = re.compile(r"^[\s']*[=+\-@|＝＋－＠\t\r]")
_FIGURE = re.compile(r"^[+-]?\d+(\.\d+)?$")


def plain(value: object, most: int = TEXT_MAX) -> str:
    """A value as text on one or more lines, without what can not be seen, cut where it is longer than anybody reads.

    Args:
        value: anything; None is the empty text.
        most: characters that are kept; what was cut off is counted.
    """
    if value is None:
        return ""
    text = _INVISIBLE.sub("", str(value).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")).strip()
    return text if len(text) <= most else f"{text[:most]}…（共 {len(text)} 字，已截断）"


def one_line(value: object, most: int = TEXT_MAX) -> str:
    """As `plain`, on one line."""
    return " ".join(plain(value, most).split())


def defused(value: object) -> str:
    """Text for a cell of a spreadsheet: what a program would take for a formula begins with an apostrophe.

    Whoever opens a CSV runs what begins with ``=``, ``+``, ``-``, ``@`` (also full-width) or a tab; a plain number,
    also a negative one, is left as it is.
    """
    text = one_line(value, 32_000)  # a cell holds 32,767
    return f"'{text}" if _FORMULA.match(text) and not _FIGURE.match(text) else text

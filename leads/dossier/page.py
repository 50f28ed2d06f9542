"""A paper as blocks, which HTML and DOCX are both written from: so both say the same."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Para:
    """A paragraph."""

    text: str
    kind: Literal["text", "note", "warn", "quote", "centre", "right"] = "text"


@dataclass(frozen=True)
class Facts:
    """Labels and what is known, side by side."""

    rows: tuple[tuple[str, str], ...]
    form: bool = False
    """Whether people fill it in: it is then not cut by the end of a page. Nobody signs on a page of two rows."""


@dataclass(frozen=True)
class Table:
    """A table with headings."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...] = ()
    """Parts of the width; equal when left out."""

    small: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture with what stands below it."""

    png: bytes
    caption: str


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side."""

    pictures: tuple[Picture, ...]
    columns: int = 2


@dataclass(frozen=True)
class Box:
    """One of several figures that must not be mixed up."""

    title: str
    figure: str
    lines: tuple[str, ...]
    label: str
    """What it is not."""


@dataclass(frozen=True)
class Boxes:
    """Boxes side by side."""

    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Break:
    """A new page."""


Block = Para | Facts | Table | Pictures | Boxes | Break


@dataclass(frozen=True)
class Section:
    """A part of a paper."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Paper:
    """A whole paper."""

    title: str
    subtitle: str
    mark: str
    """Classification, at the top of every page."""

    foot: str
    """At the bottom of every page."""

    sections: tuple[Section, ...]
    made: str
    """ISO time, for the file's own properties."""

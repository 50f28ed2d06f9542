"""Declaring what a kind of layer may say: each field of a record carries its column."""

import dataclasses
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

Type = Literal["text", "date", "period", "months", "number", "area", "choice"]

Need = Literal["must", "should", "may"]
"""A row without it is not taken / is taken with a warning / is as good as any."""

Unit = Literal["m2", "ha", "mu", "km2"]

_COLUMN = "column"


@dataclass(frozen=True)
class Choice:
    """One value that a column may hold."""

    id: str
    """How records and rules call it."""

    zh: str
    en: str
    also: tuple[str, ...] = ()
    """Codes and other words that mean the same."""

    words: tuple[str, ...] = ()
    """Parts of a text that tell it, where offices write freely; ``a+b`` means both. The longest found counts."""


@dataclass(frozen=True)
class Column:
    """A column of a kind."""

    name: str
    """The field of the record."""

    zh: str
    en: str
    type: Type
    need: Need
    also: tuple[str, ...]
    """Names that offices give it, most telling first; ours and the Chinese one need not be repeated."""

    choices: tuple[Choice, ...] = ()
    open: bool = False
    """True where other values than the choices are worth a warning only."""

    unit: Unit = "m2"
    """Of an area whose heading and value do not say their own."""

    ends: bool = False
    """True for the last day of something: a month that stands alone is read as its last day."""

    fills: tuple[str, str] = ("", "")
    """Of a period: the fields that take its first and its last day where their own cells are blank."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a row says, typed. Blank text is ``""``, every other blank is None; 长期 is `aoi.schema.dates.UNLIMITED`."""

    kind: ClassVar[str]
    """One of `aoi.kinds.KINDS`."""

    located: ClassVar[bool] = True
    """False for a table that needs no geometry."""

    def contradictions(self) -> Iterator[tuple[str, str, str]]:
        """(field, English, Chinese) for what can not all be true."""
        yield from ()


def columns_of(record: type[Record]) -> tuple[Column, ...]:
    """The columns that a kind of record declares, in order."""
    found = _COLUMNS.get(record)
    if found is None:
        found = _COLUMNS[record] = _declared(record)
    return found


_COLUMNS: dict[type[Record], tuple[Column, ...]] = {}


def _declared(record: type[Record]) -> tuple[Column, ...]:
    return tuple(
        dataclasses.replace(field.metadata[_COLUMN], name=field.name)
        for field in dataclasses.fields(record)
        if _COLUMN in field.metadata
    )


def before(record: Record, first: str, last: str, zh: tuple[str, str]) -> Iterator[tuple[str, str, str]]:
    """The contradiction of a last day that lies before its first."""
    begins, ends = getattr(record, first), getattr(record, last)
    if isinstance(begins, dt.date) and isinstance(ends, dt.date) and ends < begins:
        yield (
            last,
            f"{last} {ends.isoformat()} lies before {first} {begins.isoformat()}",
            f"{zh[1]} {ends.isoformat()} 早于{zh[0]} {begins.isoformat()}",
        )


def text(zh: str, en: str, *also: str, need: Need = "may") -> Any:
    """A column of text."""
    return _field(Column("", zh, en, "text", need, also), "")


def day(zh: str, en: str, *also: str, need: Need = "may", ends: bool = False) -> Any:
    """A column of dates."""
    return _field(Column("", zh, en, "date", need, also, ends=ends), None)


def period(zh: str, en: str, *also: str, fills: tuple[str, str]) -> Any:
    """A column of text that holds both ends of a term."""
    return _field(Column("", zh, en, "period", "may", also, fills=fills), "")


def months(zh: str, en: str, *also: str, need: Need = "may") -> Any:
    """A column of lengths of time, in months."""
    return _field(Column("", zh, en, "months", need, also), None)


def number(zh: str, en: str, *also: str, need: Need = "may") -> Any:
    """A column of numbers, none below zero."""
    return _field(Column("", zh, en, "number", need, also), None)


def area(zh: str, en: str, *also: str, unit: Unit, need: Need = "may") -> Any:
    """A column of areas; the record holds m²."""
    return _field(Column("", zh, en, "area", need, also, unit=unit), None)


def choice(zh: str, en: str, *also: str, of: tuple[Choice, ...], need: Need = "may", open: bool = False) -> Any:
    """A column of given values; the record holds a choice's id, or None."""
    return _field(Column("", zh, en, "choice", need, also, choices=of, open=open), None)


def _field(column: Column, default: Any) -> Any:
    return dataclasses.field(default=default, metadata={_COLUMN: column})

"""From the text of a row to a record, with a sentence for every cell that can not be taken as it is."""

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aoi.features import Severity
from aoi.schema.column import Choice, Column, Record, Unit, columns_of
from aoi.schema.dates import BLANK, DateError, read_day, read_months, read_period
from aoi.schema.headings import UNITS, columns_in, unit_of
from aoi.schema.problem import RowProblem, shown

M2: Mapping[Unit, float] = {"m2": 1.0, "ha": 1e4, "mu": 10_000 / 15, "km2": 1e6}
"""Square metres of each unit."""

_NUMBER = re.compile(r"约?([-+]?(?:\d+(?:,\d{3})+|\d+)(?:\.\d*)?(?:e[-+]?\d+)?|[-+]?\.\d+)\s*([^\d]*)")

_GIVE = {
    "text": ("fill it in", "请填写"),
    "date": ("write it as 2023-06-15", "请写成 2023-06-15"),
    "period": ("write it as 2021-06-15至2023-06-14", "请写成 2021-06-15至2023-06-14"),
    "months": ("write it as 24个月", "请写成 24个月"),
    "number": ("write a plain number", "请填写数字"),
    "area": ("write a plain number, with its unit in the heading", "请填写数字，单位写在表头"),
}


class CellError(ValueError):
    """A cell that can not be taken; args are the English and the Chinese sentence."""


def read_record(
    record: type[Record], attributes: Mapping[str, str], columns: Mapping[str, str] | None = None
) -> tuple[Record, tuple[RowProblem, ...]]:
    """The record of a row, and what is wrong with the row.

    Args:
        record: which.
        attributes: text by heading, blanks left out or not.
        columns: heading of each field; found by name where not given.
    """
    where = columns_in(record, attributes) if columns is None else columns
    cells = {name: attributes.get(heading, "").strip() for name, heading in where.items()}
    values: dict[str, Any] = {}
    spoilt: set[str] = set()
    problems: list[RowProblem] = []
    for column in columns_of(record):
        if column.name not in where:
            continue
        try:
            value, doubt = _read(column, where[column.name], cells[column.name])
        except CellError as fault:
            spoilt.add(column.name)
            severity: Severity = "warning" if column.need == "may" or column.open else "error"
            problems.append(_problem(severity, column, where, cells, *fault.args))
            continue
        if doubt is not None:
            problems.append(_problem("warning", column, where, cells, *doubt))
        values |= _filled(column, value, values)
    for column in columns_of(record):
        if column.name in where and column.name not in spoilt and values.get(column.name) in (None, ""):
            problems += _blank(column, where, cells)
    read = record(**values)
    problems += [_contradiction(where, cells, *said) for said in read.contradictions()]
    return read, tuple(problems)


def missing_columns(record: type[Record], headings: Iterable[str]) -> tuple[RowProblem, ...]:
    """One problem for each column that a kind asks for and a table has not."""
    found = columns_in(record, headings)
    filled = {end for column in columns_of(record) if column.name in found for end in column.fills}
    return tuple(
        RowProblem(
            "error" if column.need == "must" else "warning",
            column.zh,
            "",
            f"no column for ‘{column.en}’",
            f"缺少“{column.zh}”列",
            f"add it, or name the column one of: {', '.join(_names(column))}",
            f"请补充该列，或将列名改为：{'、'.join(_names(column))}",
        )
        for column in columns_of(record)
        if column.need != "may" and column.name not in found and column.name not in filled
    )


def _names(column: Column) -> list[str]:
    return list(dict.fromkeys((column.zh, *column.also, column.name)))[:6]


def as_text(read: Record) -> dict[str, str]:
    """What a record says, as text under the names of its fields, blanks left out; days as ISO 8601."""
    told = {column.name: getattr(read, column.name) for column in columns_of(type(read))}
    return {name: _told(value) for name, value in told.items() if value not in (None, "")}


def _told(value: Any) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    return f"{value:.10g}" if isinstance(value, float) else str(value)


Doubt = tuple[str, str] | None


def _read(column: Column, heading: str, text: str) -> tuple[Any, Doubt]:
    """The value of a cell (None where it is blank), and what is doubtful about it."""
    if text.casefold() in BLANK:
        return None, None
    if text.startswith("="):
        raise CellError("is a formula, not a value", "是公式，不是值")
    try:
        match column.type:
            case "date":
                found = read_day(text, "last" if column.ends else "first")
                return (found.date, _vague(found.vague, column)) if found is not None else (None, None)
            case "months":
                return read_months(text), None
            case "period":
                first, last = read_period(text)
                return (text, first and first.date, last and last.date), None
    except DateError as fault:
        raise CellError(*fault.args) from fault
    if column.type == "choice":
        return _chosen(column, text), None
    if column.type in ("number", "area"):
        return _number(column, heading, text), None
    return text, None


def _vague(vague: bool, column: Column) -> Doubt:
    which = ("last", "最后一天") if column.ends else ("first", "第一天")
    return (f"says only the month; its {which[0]} day is taken", f"只写到月份；按当月{which[1]}计") if vague else None


def _filled(column: Column, value: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    if value is None:
        return {}
    if column.type != "period":
        return {column.name: value}
    text, *ends = value
    return {column.name: text} | {
        name: day for name, day in zip(column.fills, ends, strict=True) if day and values.get(name) is None
    }


def _number(column: Column, heading: str, text: str) -> float:
    found = _NUMBER.fullmatch(unicodedata.normalize("NFKC", text).casefold().strip())
    if not found:
        raise CellError(f"{shown(text)!r} is not a number", f"“{shown(text)}”不是数字")
    value, behind = float(found[1].replace(",", "")), found[2].strip()
    if value < 0:
        raise CellError(f"{shown(text)!r} is below zero", f"“{shown(text)}”小于零")
    if column.type == "number":
        return value
    if behind and behind not in UNITS:
        raise CellError(f"{behind!r} is not a unit of area", f"“{behind}”不是面积单位")
    own: Unit = "m2" if heading == column.name else column.unit
    return value * M2[UNITS[behind] if behind else unit_of(heading) or own]


def _chosen(column: Column, text: str) -> str:
    wanted = unicodedata.normalize("NFKC", text).casefold().strip()
    wanted = wanted.removesuffix(".0")  # a code that went through a workbook
    for option in column.choices:
        if wanted in (option.id, option.zh, option.en.casefold(), *(other.casefold() for other in option.also)):
            return option.id
    lengths = {option.id: max((_length(word, wanted) for word in option.words), default=0) for option in column.choices}
    best = max(lengths.values())
    named = [option for option in column.choices if lengths[option.id] == best > 0]
    if len(named) == 1:
        return named[0].id
    allowed = "、".join(option.zh for option in column.choices)
    if named:
        raise CellError(
            f"{shown(text)!r} names several of {allowed}; one row may have one",
            f"“{shown(text)}”同时属于{'、'.join(option.zh for option in named)}；一行只能填一个",
        )
    raise CellError(f"{shown(text)!r} is none of {allowed}", f"“{shown(text)}”不在允许值之内：{allowed}")


def _length(word: str, text: str) -> int:
    parts = word.split("+")
    return sum(map(len, parts)) if all(part in text for part in parts) else 0


def _blank(column: Column, where: Mapping[str, str], cells: Mapping[str, str]) -> Iterator[RowProblem]:
    if column.need == "may":
        return
    severity: Severity = "error" if column.need == "must" else "warning"
    english, chinese = f"‘{column.en}’ is blank", f"{column.zh}为空"
    if column.type == "date" and column.ends:
        english, chinese = f"{english}: no clock can run to it", f"{chinese}：无法据此计算期限"
    give = _GIVE.get(column.type) or _one_of(column.choices)
    do = give if column.type == "text" else (f"fill it in: {give[0]}", f"请填写：{give[1].removeprefix('请')}")
    yield RowProblem(severity, where[column.name], shown(cells[column.name]), english, chinese, *do)


def _problem(
    severity: Severity, column: Column, where: Mapping[str, str], cells: Mapping[str, str], english: str, chinese: str
) -> RowProblem:
    do = _GIVE.get(column.type) or _one_of(column.choices)
    return RowProblem(severity, where[column.name], shown(cells[column.name]), english, chinese, *do)


def _one_of(choices: tuple[Choice, ...]) -> tuple[str, str]:
    return (
        f"write one of {', '.join(option.zh for option in choices)}",
        f"请填写：{'、'.join(option.zh for option in choices)}",
    )


def _contradiction(
    where: Mapping[str, str], cells: Mapping[str, str], name: str, english: str, chinese: str
) -> RowProblem:
    do = ("compare it with the paper original", "请与纸质原件核对")
    return RowProblem("error", where.get(name, name), shown(cells.get(name, "")), english, chinese, *do)

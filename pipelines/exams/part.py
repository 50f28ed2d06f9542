"""One part of the exam: a table, what it was asked to reach, and what could not be measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "count", "share", "figure", "seconds"]
Value = str | int | float


@dataclass(frozen=True)
class Column:
    """One column of a part's table."""

    name: str
    kind: Kind = "figure"
    """``share`` is 0–1 and shown in percent."""


@dataclass(frozen=True)
class Check:
    """One condition that a part shall meet."""

    what: str
    value: float
    bar: float
    at_least: bool = True
    """False: the value must stay below the bar."""

    @property
    def met(self) -> bool:
        """Whether it is; what could not be measured is not met."""
        return self.value >= self.bar if self.at_least else self.value < self.bar


@dataclass(frozen=True)
class Part:
    """What one measurement gave for one method."""

    name: str
    title: str
    method: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    """One value per column; NaN where it is not defined, an empty text where it makes no sense."""

    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    """(name, reason) of what could not be measured."""

    def values(self, column: str) -> list[Value]:
        """A column of the table.

        Raises:
            ValueError: if there is none of that name.
        """
        place = [each.name for each in self.columns].index(column)
        return [row[place] for row in self.rows]

    def as_json(self) -> dict[str, Any]:
        """Plain values; what is not defined is null."""
        names = [column.name for column in self.columns]
        return {
            "part": self.name,
            "title": self.title,
            "method": self.method,
            "rows": [dict(zip(names, map(plain, row), strict=True)) for row in self.rows],
            "checks": [
                {
                    "what": check.what,
                    "value": plain(check.value),
                    "bar": check.bar,
                    "sense": "at least" if check.at_least else "below",
                    "met": check.met,
                }
                for check in self.checks
            ],
            "notes": list(self.notes),
            "failed": [{"name": name, "reason": reason} for name, reason in self.failed],
        }


def plain(value: Value) -> Value | None:
    """A value as JSON can hold it: null where it is not a finite number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def mean(values: Sequence[float]) -> float:
    """The mean of what is defined; NaN of nothing."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def ratio(count: int, total: int) -> float:
    """A share; NaN of nothing."""
    return count / total if total else math.nan

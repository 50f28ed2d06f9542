"""What is wrong with a row, said so that whoever keeps the table can put it right."""

from dataclasses import dataclass
from typing import Any

from aoi.features import Severity


@dataclass(frozen=True)
class RowProblem:
    """One thing that is wrong with one row, or with the table as a whole."""

    severity: Severity
    """An error keeps the row out of the house; a warning lets it in and is remembered."""

    field: str
    """Column as the file calls it, ``geometry``, or what is missing; empty where it is none of these."""

    value: str
    """What the cell says, cut where it is long."""

    wrong_en: str
    wrong_zh: str
    do_en: str
    do_zh: str

    row: int | None = None
    """As the file counts: the line of a sheet or text, the row id of a database; None = the whole table."""

    def as_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "row": self.row,
            "field": self.field,
            "value": self.value,
            "severity": self.severity,
            "wrong": {"en": self.wrong_en, "zh": self.wrong_zh},
            "do": {"en": self.do_en, "zh": self.do_zh},
        }


VALUE_CHARS = 60
"""A value in a message is cut here."""


def shown(value: str) -> str:
    """A value for a message: one line, not too long."""
    flat = " ".join(value.split())
    return flat if len(flat) <= VALUE_CHARS else flat[: VALUE_CHARS - 1] + "…"

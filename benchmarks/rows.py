"""The table of results: one row per measure, on the screen and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One measure of ours beside another."""

    name: str
    """What was measured, and beside what."""

    ours: float
    other: float | None
    """The same of something else: another way, a part, or a bound; None where there is nothing to stand beside."""

    unit: str
    command: str
    """How to measure it again by itself."""

    @property
    def ratio(self) -> float | None:
        """Ours over other."""
        return self.ours / self.other if self.other else None

    def as_json(self) -> dict[str, Any]:
        """Plain values, rounded to what was measured."""
        rounded = {key: _rounded(value) for key, value in (asdict(self) | {"ratio": self.ratio}).items()}
        return {key: rounded[key] for key in ("name", "ours", "other", "unit", "ratio", "command")}


def write(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as a JSON list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([row.as_json() for row in rows], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def show(rows: Sequence[Row], title: str) -> None:
    """Print the rows as a table, and below it the command of each."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("")
    table.add_column("measure", overflow="fold")
    for column in ("ours", "other", "unit", "ratio"):
        table.add_column(column, justify="left" if column == "unit" else "right", no_wrap=True)
    for number, row in enumerate(rows, start=1):
        table.add_row(str(number), row.name, _figure(row.ours), _figure(row.other), row.unit, _figure(row.ratio))
    console = Console(width=None if Console().is_terminal else 120, soft_wrap=True)
    console.print(table)
    for command in dict.fromkeys(row.command for row in rows):
        measured = ", ".join(str(number) for number, row in enumerate(rows, start=1) if row.command == command)
        console.print(f"{measured}: {command}", highlight=False, markup=False)


def _rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"

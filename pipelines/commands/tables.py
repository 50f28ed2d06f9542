"""Tables and figures as text, the same on a terminal and in a log."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # not against a circle: parts are measured by heavy modules, and the command line must answer at once
    from pipelines.exams.part import Check, Column, Part, Value


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[str]) -> str:
    """A plain table.

    Args:
        columns: their headings.
        rows: one text per column.
        left: headings of the columns that hold words; figures stand on the right.
    """
    import io

    from rich import box
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        grid.add_column(column, justify="left" if column in left else "right", no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    console = Console(file=io.StringIO(), width=160)  # a log has no width of its own; nothing may be cut there
    with console.capture() as text:
        console.print(grid)
    return "\n".join(line.rstrip() for line in text.get().strip("\n").splitlines())


def part_lines(part: "Part") -> str:
    """One part of the exam: its table, what it was asked to reach, its notes and what failed."""
    headings = [column.name for column in part.columns]
    rows = [[_cell(column, value) for column, value in zip(part.columns, row, strict=True)] for row in part.rows]
    return "\n".join(
        (
            f"{part.title} · {part.method}",
            table(headings, rows, [column.name for column in part.columns if column.kind == "text"]),
            *(_check_line(check) for check in part.checks),
            *(f"failed    {name}: {reason}" for name, reason in part.failed),
            *part.notes,
        )
    )


def _check_line(check: "Check") -> str:
    verdict = "met     " if check.met else "NOT MET "
    return f"{verdict}  {check.what}: {figure(check.value)}, {'at least' if check.at_least else 'below'} {check.bar:g}"


def _cell(column: "Column", value: "Value") -> str:
    if isinstance(value, str):
        return value
    match column.kind:
        case "count":
            return f"{value:,}"
        case "share":
            return percent(value)
        case "seconds":
            return f"{value:.1f}"
        case _:
            return figure(value)


def figure(value: float) -> str:
    """Three decimals, a dash where it is not defined."""
    return f"{value:.3f}" if value == value else "–"


def percent(share: float) -> str:
    """In percent, a dash where it is not defined."""
    return f"{share * 100:.1f} %" if share == share else "–"

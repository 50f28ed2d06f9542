"""Penalties: a table that names whom, for what, until when, and whether it was performed. It has no ground."""

from pathlib import Path

from aoi.intake.judge import Tally, judged_rows
from aoi.intake.meta import read_meta
from aoi.intake.read import opened
from aoi.intake.source import Reading
from aoi.schema.known import Penalty


def read_penalties(path: Path) -> tuple[Penalty, ...]:
    """The penalties of a workbook, a CSV or a table of a database, rows with errors left out, in the file's order.

    Raises:
        UnreadableVectorError: if it can not be read.
    """
    with opened(path, Penalty, Reading()) as source:
        return tuple(
            judged.record
            for batch in judged_rows(source, Penalty, Tally())
            for judged in batch
            if judged.good and isinstance(judged.record, Penalty)
        )


def stored_penalties(home: Path) -> tuple[Penalty, ...]:
    """The penalties that a home folder keeps, file by file.

    Raises:
        AoiError: if a stored file is damaged.
    """
    folder = home / "layers"
    files = sorted(folder.glob("*.gpkg")) if folder.is_dir() else []
    kept = [file for file in files if (read_meta(file) or {}).get("kind") == Penalty.kind]
    return tuple(penalty for file in kept for penalty in read_penalties(Path(f"{file}:{Penalty.kind}")))

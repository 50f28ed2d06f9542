"""Penalties: a table that names whom, for what, until when, and whether it was performed. It has no ground."""

from dataclasses import dataclass
from pathlib import Path

from aoi.classification import Classification
from aoi.intake.judge import Tally, judged_rows
from aoi.intake.meta import read_meta
from aoi.intake.read import opened
from aoi.intake.source import Reading
from aoi.kinds import kind_of
from aoi.schema.known import Penalty
from aoi.vectors import plain_tables

_DATABASES = (".gpkg", ".gdb")
_TABLES = (".csv", ".xlsx", ".xlsm", ".xls")


@dataclass(frozen=True)
class PenaltyTable:
    """A table of penalties in a file; nothing of it is held in memory."""

    path: Path
    """The file, or ``FILE:TABLE``."""

    name: str
    """For reports."""

    classification: Classification = Classification.INTERNAL

    def read(self) -> tuple[Penalty, ...]:
        """Its rows, those with errors left out.

        Raises:
            UnreadableVectorError: if it can not be read.
        """
        return read_penalties(self.path)


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


def penalty_tables(path: Path) -> tuple[PenaltyTable, ...]:
    """The tables of penalties in a file or folder of layers: those that are named after them.

    Args:
        path: a GeoPackage, a geodatabase, a workbook or CSV, or a folder of these; what else is there is left out.

    Raises:
        UnreadableVectorError: if a database there is damaged.
    """
    whole = not path.is_dir() or path.suffix.casefold() == ".gdb"
    files = [path] if whole else sorted(path.iterdir())
    return tuple(table for file in files for table in _tables_of(file))


def _tables_of(file: Path) -> list[PenaltyTable]:
    suffix = file.suffix.casefold()
    if suffix in _DATABASES:
        named = [table for table in plain_tables(file) if kind_of(table) == Penalty.kind]
        return [PenaltyTable(Path(f"{file}:{table}"), f"{file.name}:{table}") for table in named]
    if suffix in _TABLES and kind_of(file.stem) == Penalty.kind:
        return [PenaltyTable(file, file.name)]
    return []


def stored_penalty_tables(home: Path) -> tuple[PenaltyTable, ...]:
    """The tables of penalties that `weixun layers add` put into a home folder, by name of their files.

    Raises:
        AoiStoreError: if a stored file is damaged.
    """
    folder = home / "layers"
    files = sorted(folder.glob("*.gpkg")) if folder.is_dir() else []
    told = [(file, meta) for file in files if (meta := read_meta(file)) and meta["kind"] == Penalty.kind]
    return tuple(
        PenaltyTable(Path(f"{file}:{Penalty.kind}"), meta["name"], Classification(meta["classification"]))
        for file, meta in told
    )

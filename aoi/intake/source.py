"""A layer as its file gives it: rows with ground in degrees, text, and what reading them found."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from aoi.schema.problem import RowProblem

BATCH = 20_000
"""Rows that are held at a time."""


@dataclass(frozen=True)
class Reading:
    """What whoever gives a file says of it, because the file does not."""

    crs: str | None = None
    """Such as ``EPSG:4528``; comes before what the file says."""

    close_lines_m: float | None = None
    """Lines whose ends lie no further apart than this are closed to polygons; None = none are."""

    swap_xy: bool = False
    """Take coordinates that are found swapped the other way round."""

    fixed: Mapping[str, str] = field(default_factory=dict)
    """Columns that the file lacks, the same for all rows."""


@dataclass(frozen=True)
class SourceRow:
    """One row, read but not yet judged by its kind's schema."""

    number: int
    """As the file counts: line of a text, row of a sheet, row id of a database."""

    geometry: BaseGeometry | None
    """Polygon or MultiPolygon in EPSG:4326, perhaps invalid; None = the file has none, or none could be made."""

    properties: Mapping[str, str]
    problems: tuple[RowProblem, ...] = ()


@dataclass(frozen=True)
class Source:
    """A file that can be read."""

    path: Path
    table: str | None
    headings: tuple[str, ...]
    crs: str
    """Name of the CRS its coordinates were taken in; empty where it has none and needs none."""

    batches: Callable[[], Iterator[tuple[SourceRow, ...]]]
    """Reads it from the beginning, `BATCH` rows at a time."""

    problems: tuple[RowProblem, ...] = ()
    """Of the file as a whole."""

    @property
    def name(self) -> str:
        """File and table, for messages."""
        return self.path.name if self.table is None else f"{self.path.name}:{self.table}"


def whole_file(severity: str, english: str, chinese: str, do_en: str, do_zh: str, field: str = "") -> RowProblem:
    """A problem of the file as a whole."""
    return RowProblem("error" if severity == "error" else "warning", field, "", english, chinese, do_en, do_zh)

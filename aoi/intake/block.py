"""A block of ground as a table of corners gives it, before anyone knows its CRS."""

from collections.abc import Mapping
from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

from aoi.schema.problem import RowProblem

GEOMETRY = "geometry"
"""What problems call the ground of a row."""


@dataclass(frozen=True)
class Block:
    """One row of a layer in the making."""

    number: int
    """Row or line that it begins in."""

    geometry: BaseGeometry | None
    """East and north in metres, or longitude and latitude; None where none could be made."""

    properties: Mapping[str, str]
    swapped: bool = False
    problems: tuple[RowProblem, ...] = ()


def broken(number: int, value: str, english: str, chinese: str, field: str = GEOMETRY) -> RowProblem:
    """The problem of ground that could not be made."""
    return RowProblem(
        "error",
        field,
        value,
        english,
        chinese,
        "compare the corners with the survey",
        "请与勘测定界成果核对坐标",
        number,
    )

"""From ground as a file writes it to ground in degrees: swapped axes, open lines, coordinates outside their zone."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from aoi.crs import MissingCrsError, datum_problems, known_crs, missing_crs, moved_to_degrees
from aoi.intake.block import GEOMETRY, Block, broken
from aoi.intake.lines import is_line, outlined
from aoi.intake.rings import CornerError
from aoi.intake.source import Reading, SourceRow, whole_file
from aoi.schema.problem import RowProblem
from aoi.zones import look_swapped

ZONE_HALF_M = 500_000.0
"""No Gauss-Krüger zone reaches this far from its meridian: an easting beyond it carries another zone's number."""


def chosen_crs(
    told: str | None, bounds: Sequence[float] | None, reading: Reading, path: Path
) -> tuple[pyproj.CRS | None, tuple[RowProblem, ...]]:
    """The CRS to take coordinates in, and what must be said of it; None where there are no coordinates at all.

    Args:
        told: what the file says.
        bounds: of what it holds.
        reading: ``crs`` comes before what the file says.
        path: for messages.

    Raises:
        MissingCrsError: if nobody says it.
        UnreadableVectorError: if what is said is not known.
    """
    if bounds is None or not np.isfinite(bounds).all():
        return None, ()
    text = reading.crs or told
    if text is None:
        raise missing_crs(bounds, path)
    crs = known_crs(text, path)
    said = [
        whole_file(
            p.severity,
            p.message_en,
            p.message_zh,
            "give the official shift's result",
            "请提供经官方参数转换的成果",
            "CRS",
        )
        for p in datum_problems(crs)
    ]
    if reading.crs and told and not crs.equals(known_crs(told, path)):
        other = known_crs(told, path).name
        said.append(
            whole_file(
                "warning",
                f"the file says {other}; {crs.name} was assigned instead",
                f"文件注明 {other}，已按指定的 {crs.name} 读取",
                "make sure that it is so",
                "请确认",
                "CRS",
            )
        )
    return crs, tuple(said)


def grounded(blocks: Sequence[Block], crs: pyproj.CRS | None, reading: Reading, path: Path) -> tuple[SourceRow, ...]:
    """Rows with their ground in degrees.

    Raises:
        UnreadableVectorError: if nothing can be brought from this CRS to degrees.
    """
    if crs is None:
        return tuple(SourceRow(b.number, None, b.properties, _placed(b.problems, b.number)) for b in blocks)
    right = [_polygonal(_unswapped(block, reading), reading, crs.is_geographic) for block in blocks]
    moved, lost = moved_to_degrees([block.geometry for block in right], crs, path)
    lost |= _beyond_zone([block.geometry for block in right], crs)
    rows = []
    for block, geometry, misfits in zip(right, moved, lost, strict=True):
        problems = block.problems
        if misfits and block.geometry is not None:
            x, y = shapely.get_coordinates(block.geometry)[0]
            problems += (_misfit(x, y, crs.name, block.number),)
            geometry = None
        rows.append(SourceRow(block.number, geometry, block.properties, _placed(problems, block.number)))
    return tuple(rows)


def refuse_all_misfit(rows: Sequence[SourceRow], bounds: Sequence[float], crs: pyproj.CRS, path: Path) -> None:
    """Refuse a file of whose rows none fits the CRS: it is the CRS that is wrong.

    Raises:
        MissingCrsError: then.
    """
    beyond = [row for row in rows if any(problem.field == "CRS" for problem in row.problems)]
    if beyond and len(beyond) == len(rows):
        west, south, east, north = (float(value) for value in bounds)
        raise MissingCrsError(
            f"{path}: its coordinates (x {west:.10g} to {east:.10g}, y {south:.10g} to {north:.10g}) do not fit "
            f"{crs.name}: the zone or its prefix is wrong, or x and y are swapped",
            (west, south, east, north),
        )


def _placed(problems: tuple[RowProblem, ...], number: int) -> tuple[RowProblem, ...]:
    return tuple(problem if problem.row is not None else replace(problem, row=number) for problem in problems)


def _unswapped(block: Block, reading: Reading) -> Block:
    geometry, swapped = block.geometry, block.swapped
    if geometry is None or geometry.is_empty:
        return block
    if not swapped and look_swapped(geometry.bounds):
        swapped = True
        geometry = shapely.transform(geometry, lambda xy: xy[:, ::-1])
    if not swapped:
        return block
    if reading.swap_xy:
        told = RowProblem(
            "warning", GEOMETRY, "", "X and Y were swapped, and were taken the other way round",
            "X、Y 颠倒，已按互换读取", "make sure that it is so", "请确认", block.number,
        )  # fmt: skip
        return replace(block, geometry=geometry, problems=(*block.problems, told))
    x, y = shapely.get_coordinates(geometry)[0]
    told = RowProblem(
        "error", GEOMETRY, f"X {x:.10g}, Y {y:.10g}",
        "X and Y are swapped: X is north and has 7 figures, Y is east and has 6, or 8 with the zone",
        "X、Y 颠倒：X 为北坐标（7 位），Y 为东坐标（6 位，加带号 8 位）",
        "swap the columns, or give --swap-xy", "请对调两列，或使用 --swap-xy", block.number,
    )  # fmt: skip
    return replace(block, geometry=None, problems=(*block.problems, told))


def _polygonal(block: Block, reading: Reading, degrees: bool) -> Block:
    if block.geometry is None or not is_line(block.geometry):
        return block
    try:
        made = outlined([block.geometry], reading.close_lines_m, degrees)
    except CornerError as fault:
        return replace(block, geometry=None, problems=(*block.problems, broken(block.number, "", *fault.args)))
    problems = block.problems + gap_problems(made.gaps_m, made.closed_m, block.number)
    return replace(block, geometry=None if made.gaps_m else made.ground, problems=problems)


def gap_problems(open_m: Sequence[float], closed_m: Sequence[float], number: int) -> tuple[RowProblem, ...]:
    """What must be said of lines that are open, and of gaps that were closed."""
    problems = []
    for gap in open_m:
        problems.append(
            RowProblem(
                "error", GEOMETRY, "", f"is a line that is not closed: its ends are {gap:,.1f} m apart",
                f"是未闭合的线，首尾相距 {gap:,.1f} 米",
                f"close it in the drawing, or give --close-lines {max(1, round(gap + 0.5)):d}",
                f"请在图上闭合，或使用 --close-lines {max(1, round(gap + 0.5)):d}", number,
            )
        )  # fmt: skip
    if closed_m:
        problems.append(
            RowProblem(
                "warning", GEOMETRY, "", f"{len(closed_m)} gaps of up to {max(closed_m):,.1f} m were closed",
                f"已闭合 {len(closed_m)} 处缺口，最大 {max(closed_m):,.1f} 米", "look at them on the map",
                "请在图上核对", number,
            )
        )  # fmt: skip
    return tuple(problems)


def _beyond_zone(
    geometries: Sequence[BaseGeometry | None], crs: pyproj.CRS
) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    operation = crs.coordinate_operation
    if operation is None or operation.method_name != "Transverse Mercator":
        return np.zeros(len(geometries), dtype=bool)
    east = next(float(p.value) for p in operation.params if p.name == "False easting")
    bounds = shapely.bounds(np.array(geometries, dtype=object))
    with np.errstate(invalid="ignore"):  # nothing has no bounds
        return np.asarray((np.abs(bounds[:, 0] - east) > ZONE_HALF_M) | (np.abs(bounds[:, 2] - east) > ZONE_HALF_M))


def _misfit(x: float, y: float, crs: str, number: int) -> RowProblem:
    return RowProblem(
        "error", "CRS", f"X {y:.10g}, Y {x:.10g}", f"the coordinates do not fit {crs}", f"坐标与 {crs} 不符",
        "check the zone's number in front of the eastings", "请核对东坐标前的带号", number,
    )  # fmt: skip

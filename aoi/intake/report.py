"""The land report's text file (勘测定界 报盘 .txt): a head that says the CRS, then blocks with their corners.

A block begins with a line that ends in ``@``: corners, area in hectares, number, name, kind of figure, map sheet, use,
land class. Each corner has a line of its number, its ring, X (north) and Y (east, with or without the zone).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aoi.errors import UnreadableVectorError
from aoi.intake.block import Block, broken
from aoi.intake.rings import Corner, CornerError, corner_of, polygon_of
from aoi.schema.problem import RowProblem, shown
from aoi.zones import Datum, meridian_of, zone_epsg

BLOCKS_MAX = 100_000

_HEADINGS = ("界址点数", "地块面积（公顷）", "地块编号", "地块名称", "图形属性", "图幅号", "地块用途", "地类编码")

_HEAD = re.compile(r"^\s*[\[【](属性描述|地块坐标|扩展信息)[\]】]", re.MULTILINE)

_DATUMS: tuple[tuple[str, Datum], ...] = (
    ("2000", "CGCS2000"),
    ("80", "Xian 1980"),
    ("西安", "Xian 1980"),
    ("54", "Beijing 1954"),
    ("北京", "Beijing 1954"),
)


@dataclass(frozen=True)
class Report:
    """A report's blocks, and the CRS that its head says."""

    blocks: tuple[Block, ...]
    epsg: int | None
    headings: tuple[str, ...] = _HEADINGS


def is_report(text: str) -> bool:
    """Whether a text is a land report rather than a table."""
    return _HEAD.search(text[:20_000]) is not None


def read_report(text: str, path: Path) -> Report:
    """The blocks of a report.

    Raises:
        UnreadableVectorError: if it has no coordinates, or too many blocks.
    """
    lines = list(enumerate(text.splitlines(), 1))
    head: dict[str, str] = {}
    body: list[tuple[int, str]] = []
    part = ""
    for number, line in lines:
        found = _HEAD.match(line)
        if found:
            part = found[1]
        elif part == "地块坐标":
            body.append((number, line.strip()))
        elif "=" in line:
            key, _, value = line.partition("=")
            head[key.strip()] = value.strip()
    if not any(line for _, line in body):
        raise UnreadableVectorError(f"{path}: a land report without [地块坐标]: there are no corners in it")
    blocks = tuple(_blocks(body, path))
    prefixed = any(block.geometry is not None and block.geometry.bounds[0] >= 13_000_000 for block in blocks)
    return Report(blocks, _epsg(head, prefixed))


def _epsg(head: dict[str, str], prefixed: bool) -> int | None:
    """The CRS of a head; None where it does not say datum, width and zone."""
    told = head.get("坐标系", "")
    datum = next((datum for mark, datum in _DATUMS if mark in told), None)
    width = re.search(r"[36]", head.get("几度分带", ""))
    zone = re.search(r"\d{2}", head.get("带号", ""))
    if datum is None or width is None or zone is None:
        return None
    if prefixed:
        return zone_epsg(datum, int(width[0]), zone=int(zone[0]))
    return zone_epsg(datum, int(width[0]), meridian=meridian_of(int(width[0]), int(zone[0])))


def _blocks(body: list[tuple[int, str]], path: Path) -> Iterator[Block]:
    start: tuple[int, str] | None = None
    corners: list[tuple[int, str]] = []
    count = 0
    for number, line in body:
        if not line:
            continue
        if line.endswith("@"):
            if start is not None:
                yield _block(start, corners)
            start, corners, count = (number, line), [], count + 1
            if count > BLOCKS_MAX:
                raise UnreadableVectorError(f"{path}: has more than {BLOCKS_MAX:,} blocks")
        else:
            corners.append((number, line))
            start = start or (number, "")
    if start is not None:
        yield _block(start, corners)


def _block(start: tuple[int, str], lines: list[tuple[int, str]]) -> Block:
    number, head = start
    parts = [part.strip() for part in re.split("[,，]", head.rstrip("@"))]
    properties = {heading: part for heading, part in zip(_HEADINGS, parts, strict=False) if part}
    problems: list[RowProblem] = []
    rings: dict[str, list[Corner]] = {}
    ways = set()
    for at, line in lines:
        try:
            ring, corner, way = _corner(line)
        except CornerError as fault:
            problems.append(broken(at, shown(line), *fault.args))
            continue
        rings.setdefault(ring, []).append(corner)
        ways.add(way)
    claimed = properties.get("界址点数", "")
    if claimed.isdigit() and int(claimed) != len(lines):
        problems.append(
            RowProblem(
                "warning", "界址点数", claimed, f"the block says {claimed} corners and has {len(lines)}",
                f"注明 {claimed} 个界址点，实有 {len(lines)} 个", "compare it with the survey", "请与勘测定界成果核对",
                number,
            )
        )  # fmt: skip
    geometry = None
    if len(ways) > 1:
        problems.append(broken(number, "", "X and Y change places within the block", "同一地块内 X、Y 前后不一致"))
    elif not any(problem.severity == "error" for problem in problems):
        try:
            geometry = polygon_of([_opened(ring) for ring in rings.values()])
        except CornerError as fault:
            problems.append(broken(number, "", *fault.args))
    return Block(number, geometry, properties, bool(ways) and next(iter(ways))[0], tuple(problems))


def _opened(ring: list[Corner]) -> list[Corner]:
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring


def _corner(line: str) -> tuple[str, Corner, tuple[bool, bool]]:
    parts = [part.strip() for part in re.split(r"[,，\t]", line)]
    try:
        x, y = float(parts[2]), float(parts[3])
    except (IndexError, ValueError) as error:
        raise CornerError("is not a corner's number, ring, X and Y", "不是“点号,圈号,X,Y”") from error
    corner, way = corner_of(x, y)
    return parts[1], corner, way

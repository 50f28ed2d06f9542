"""CAD drawings (DXF) through GDAL: what they enclose, drawing layer by drawing layer."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyogrio
import shapely
from pyogrio.raw import read as ogr_read
from shapely.geometry.base import BaseGeometry

from aoi.errors import UnreadableVectorError
from aoi.intake.block import Block, broken
from aoi.intake.ground import gap_problems
from aoi.intake.lines import is_line, outlined
from aoi.intake.rings import CornerError
from aoi.intake.source import Reading
from aoi.shapefile import text_of_bytes
from aoi.vectors import OGR_ERRORS, brief, gdal_says_nothing

ENTITIES_MAX = 200_000
FILE_MAX_BYTES = 512 << 20

HEADINGS = ("Layer", "Text")


def refuse_bad_drawing(path: Path) -> None:
    """Refuse what is not a DXF of text.

    Raises:
        UnreadableVectorError: says so.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
        size = path.stat().st_size
    except OSError as error:
        raise UnreadableVectorError(f"{path}: can not be read ({error.strerror})") from error
    if head.startswith(b"AutoCAD Binary DXF") or head[:4] in (b"AC10", b"MC0."):
        raise UnreadableVectorError(f"{path}: a binary drawing; save it as DXF of text (R2000 to R2018)")
    words = head.split()
    if (
        len(words) < 2
        or words[0] not in (b"0", b"999")
        or b"<" in head
        or (words[0] == b"0" and words[1] != b"SECTION")
    ):
        raise UnreadableVectorError(f"{path}: not a DXF drawing")
    if size > FILE_MAX_BYTES:
        raise UnreadableVectorError(
            f"{path}: larger than {FILE_MAX_BYTES >> 20} MiB; save only the layer that is needed"
        )


def read_drawing(path: Path, layer: str | None, reading: Reading) -> tuple[Block, ...]:
    """The ground that a drawing's lines enclose: a block for each closed line, and for each chain of lines.

    Args:
        path: of the DXF.
        layer: only this drawing layer; None = all.
        reading: ``close_lines_m``.

    Raises:
        UnreadableVectorError: if it can not be read, or has no such layer.
    """
    refuse_bad_drawing(path)
    rows = _rows(path)
    names = list(dict.fromkeys(name for _, _, name, _ in rows))
    if layer is not None and layer not in names:
        raise UnreadableVectorError(f"{path}: has no drawing layer {layer!r}; it has {', '.join(names[:12])}")
    blocks: list[Block] = []
    lines: dict[str, list[tuple[int, BaseGeometry, dict[str, str]]]] = defaultdict(list)
    for number, geometry, name, properties in rows:
        if layer is not None and name != layer:
            continue
        if is_line(geometry) and not getattr(geometry, "is_closed", False):
            lines[name].append((number, geometry, properties))
        elif is_line(geometry) or geometry.geom_type in ("Polygon", "MultiPolygon"):
            blocks.append(Block(number, geometry, properties))
    for found in lines.values():
        blocks.append(_joined(found, reading))
    return tuple(sorted(blocks, key=lambda block: block.number))


def _joined(lines: Sequence[tuple[int, BaseGeometry, dict[str, str]]], reading: Reading) -> Block:
    """The open lines of one drawing layer as one block: the banks of a river belong together."""
    number, _, properties = lines[0]
    try:
        made = outlined([geometry for _, geometry, _ in lines], reading.close_lines_m, degrees=False)
    except CornerError as fault:
        return Block(number, None, properties, problems=(broken(number, "", *fault.args),))
    problems = gap_problems(made.gaps_m[:20], made.closed_m, number)
    return Block(number, None if made.gaps_m else made.ground, properties, problems=problems)


def _rows(path: Path) -> list[tuple[int, BaseGeometry, str, dict[str, str]]]:
    try:
        with gdal_says_nothing():
            info = pyogrio.read_info(path)
            if info["driver"] != "DXF":
                raise UnreadableVectorError(f"{path}: not a DXF drawing")
            if info["features"] > ENTITIES_MAX:
                raise UnreadableVectorError(
                    f"{path}: has {info['features']:,} entities; save only the drawing layer that is needed"
                )
            meta, _, wkb, columns = ogr_read(path, force_2d=True, columns=["Layer", "Text"])
    except OGR_ERRORS as error:
        raise UnreadableVectorError(f"{path}: can not be read ({brief(error)}); it may be truncated") from error
    fields = dict(zip(meta["fields"], columns, strict=True))
    layers = text_of_bytes([_text(value) for value in fields["Layer"]])
    texts = text_of_bytes([_text(value) for value in fields["Text"]])
    geometries = shapely.from_wkb(wkb, on_invalid="fix")
    return [
        (number, geometry, name, {"Layer": name} | ({"Text": text} if text else {}))
        for number, (geometry, name, text) in enumerate(zip(geometries, layers, texts, strict=True), 1)
        if geometry is not None
    ]


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)

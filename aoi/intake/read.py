"""A layer's rows from whatever file it comes in."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import shapely

from aoi.errors import UnreadableVectorError
from aoi.features import VectorFile
from aoi.geojson import read_geojson
from aoi.intake.block import Block, broken
from aoi.intake.corners import blocks_of, is_coordinate_heading
from aoi.intake.delimited import read_delimited, read_plain
from aoi.intake.drawing import HEADINGS, read_drawing
from aoi.intake.ground import chosen_crs, grounded, refuse_all_misfit
from aoi.intake.report import is_report, read_report
from aoi.intake.sheet import Sheet
from aoi.intake.source import BATCH, Reading, Source, SourceRow, whole_file
from aoi.kml import read_kml
from aoi.schema.column import Record, columns_of
from aoi.schema.headings import is_cut, plain
from aoi.schema.problem import RowProblem
from aoi.vectors import describe, headings_of, read_rows, split_table, vector_tables
from aoi.zipped import unpacked

FORMATS = (
    "GeoPackage (.gpkg), file geodatabase (.gdb), Shapefile (.shp, .zip), GeoJSON (.geojson, .json), KML (.kml, .kmz), "
    "workbook (.xlsx), table of text (.csv, .tsv), land report (.txt), drawing (.dxf), PostGIS (.toml)"
)

_ADVICE = {
    ".xls": "save it as .xlsx",
    ".et": "save it as .xlsx",
    ".dwg": "save it as DXF of text (R2000 to R2018)",
    ".mdb": "export it to a file geodatabase or a Shapefile",
    ".rar": "unpack it first",
    ".7z": "unpack it first",
    ".doc": "copy the table into a workbook",
    ".docx": "copy the table into a workbook",
    ".pdf": "ask for the table or the vectors themselves",
}


@contextmanager
def opened(path: Path, record: type[Record], reading: Reading) -> Iterator[Source]:
    """A file as rows with ground in degrees.

    Args:
        path: of the file; ``FILE:TABLE`` names a table, a sheet or a drawing layer.
        record: the kind's record, by whose names headings are known.
        reading: what the file does not say.

    Raises:
        MissingCrsError: if nobody says its CRS, or its coordinates do not fit it.
        UnreadableVectorError: if it can not be read, is hostile, or in a format that is not read.
    """
    file, table = split_table(path)
    suffix = file.suffix.casefold()
    if not file.exists():
        raise UnreadableVectorError(f"{file}: there is no such file")
    if suffix in (".gpkg", ".gdb", ".shp"):
        yield _with_fixed(_database(file, _table(file, table, record), file, record, reading), reading)
    elif suffix == ".zip":
        with unpacked(file, ".shp") as inner:
            yield _with_fixed(_database(inner, None, file, record, reading), reading)
    elif suffix == ".kmz":
        with unpacked(file, ".kml") as inner:
            yield _with_fixed(_text_vector(read_kml(inner, file)), reading)
    elif suffix == ".toml":
        yield _with_fixed(_postgis(file, reading), reading)
    else:
        yield _with_fixed(_held(file, table, suffix, record, reading), reading)


def _held(file: Path, table: str | None, suffix: str, record: type[Record], reading: Reading) -> Source:
    """A source that is read whole."""
    if suffix in (".geojson", ".json"):
        return _text_vector(read_geojson(file))
    if suffix == ".kml":
        return _text_vector(read_kml(file))
    if suffix == ".dxf":
        return _of_blocks(file, table, HEADINGS, read_drawing(file, table, reading), None, reading)
    if suffix == ".txt":
        text = read_plain(file)
        if is_report(text):
            told = read_report(text, file)
            crs = f"EPSG:{told.epsg}" if told.epsg is not None else None
            return _of_blocks(file, None, told.headings, told.blocks, crs, reading)
    if suffix in (".csv", ".tsv", ".txt"):
        return _of_sheet(read_delimited(file, partial(_is_known, record)), record, reading)
    if suffix in (".xlsx", ".xlsm"):
        from aoi.intake.workbook import read_workbook  # openpyxl is for those who have workbooks

        return _of_sheet(read_workbook(file, table, partial(_is_known, record)), record, reading)
    advice = f"; {_ADVICE[suffix]}" if suffix in _ADVICE else ""
    raise UnreadableVectorError(f"{file}: not a format that is read here{advice}; give {FORMATS}")


def _with_fixed(source: Source, reading: Reading) -> Source:
    """With the columns that were given for all rows."""
    if not reading.fixed:
        return source

    def batches() -> Iterator[tuple[SourceRow, ...]]:
        for rows in source.batches():
            yield tuple(replace(row, properties={**row.properties, **reading.fixed}) for row in rows)

    headings = tuple(dict.fromkeys((*source.headings, *reading.fixed)))
    return replace(source, headings=headings, batches=batches)


def _is_known(record: type[Record], heading: str) -> bool:
    if is_coordinate_heading(heading):
        return True
    names = [name for column in columns_of(record) for name in (column.name, column.zh, *column.also)]
    return plain(heading) in {plain(name) for name in names} or any(is_cut(heading.casefold(), name) for name in names)


def _table(file: Path, named: str | None, record: type[Record]) -> str | None:
    if file.suffix.casefold() == ".shp":
        return None
    if named is not None and not record.located:
        return named
    tables = vector_tables(file)
    if named in tables or (named is None and len(tables) == 1):
        return named or tables[0]
    listed = ", ".join(tables[:8]) or "none with geometry"
    if named is not None:
        raise UnreadableVectorError(f"{file}: has no table {named!r}; it has {listed}")
    example = f"; name one as {file.name}:{tables[0]}" if tables else ""
    raise UnreadableVectorError(f"{file}: has {len(tables)} tables ({listed}){example}")


def _database(file: Path, table: str | None, name: Path, record: type[Record], reading: Reading) -> Source:
    info = describe(file, table, name, force_total_bounds=True)
    located = info["geometry_type"] is not None
    if record.located and not located:
        raise UnreadableVectorError(f"{name}: has no geometry")
    bounds = info["total_bounds"] if located and info["features"] else None
    crs, said = chosen_crs(info["crs"], bounds, reading, name)

    def batches() -> Iterator[tuple[SourceRow, ...]]:
        done = 0
        while True:
            rows = read_rows(file, table, name=name, bare=not record.located, skip_features=done, max_features=BATCH)
            blocks = [
                Block(fid, geometry, properties, problems=(_unclosed(fid),) if fault else ())
                for fid, geometry, fault, properties in zip(
                    rows.fids, rows.geometries, rows.unclosed, rows.properties, strict=True
                )
            ]
            found = grounded(blocks, crs, reading, name)
            if crs is not None and bounds is not None and not done:
                refuse_all_misfit(found, bounds, crs, name)
            yield found
            done += len(blocks)
            if len(blocks) < BATCH:
                return

    return Source(name, table, headings_of(file, table, name), crs.name if crs is not None else "", batches, said)


def _unclosed(fid: int) -> RowProblem:
    return RowProblem(
        "warning", "geometry", "", "a ring was not closed in the file, and was closed", "文件中的环未闭合，已自动闭合",
        "look at it on the map", "请在图上核对", fid,
    )  # fmt: skip


def _text_vector(file: VectorFile) -> Source:
    rows = []
    for number, feature in enumerate(file.features, 1):
        problems: tuple[RowProblem, ...] = ()
        if feature.fault is not None:
            problems = (broken(number, "", feature.fault.message_en, feature.fault.message_zh),)
        rows.append(SourceRow(number, feature.geometry, feature.properties, problems))
    headings = tuple(dict.fromkeys(key for row in rows for key in row.properties))
    said = tuple(
        whole_file(
            p.severity, p.message_en, p.message_zh, "give the official shift's result", "请提供经官方参数转换的成果"
        )
        for p in file.problems
    )
    return Source(file.path, None, headings, "EPSG:4326", partial(_in_batches, tuple(rows)), said)


def _in_batches(rows: tuple[SourceRow, ...]) -> Iterator[tuple[SourceRow, ...]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def _of_sheet(sheet: Sheet, record: type[Record], reading: Reading) -> Source:
    blocks = blocks_of(sheet, record) if record.located else None
    if blocks is None:
        if record.located:
            raise UnreadableVectorError(
                f"{sheet.path}: has no columns of coordinates; name them X (north) and Y (east), or 坐标 for all "
                f"corners of a row (it has {'、'.join(sheet.headings[:12])})"
            )
        blocks = tuple(Block(number, None, row) for number, row in sheet.rows)
    blocks = tuple(replace(block, problems=block.problems + _formula(block, sheet)) for block in blocks)
    return _of_blocks(sheet.path, sheet.table, sheet.headings, blocks, None, reading)


def _formula(block: Block, sheet: Sheet) -> tuple[RowProblem, ...]:
    if block.number not in sheet.formulas:
        return ()
    return (
        RowProblem(
            "warning", "", "", "a value of the row was worked out by a formula; what was saved with it is taken",
            "该行含公式，按保存的计算结果读取", "paste values instead of formulas", "请粘贴为数值", block.number,
        ),
    )  # fmt: skip


def _of_blocks(
    path: Path,
    table: str | None,
    headings: Sequence[str],
    blocks: tuple[Block, ...],
    told: str | None,
    reading: Reading,
) -> Source:
    ground = [block.geometry for block in blocks if block.geometry is not None]
    bounds = shapely.total_bounds(np.array(ground, dtype=object)) if ground else None
    crs, said = chosen_crs(told, bounds, reading, path)
    rows = grounded(blocks, crs, reading, path)
    if crs is not None and bounds is not None:
        refuse_all_misfit(rows, bounds, crs, path)
    name = crs.name if crs is not None else ""
    return Source(path, table, tuple(headings), name, partial(_in_batches, rows), said)


def _postgis(file: Path, reading: Reading) -> Source:
    if find_spec("psycopg") is None:
        raise UnreadableVectorError(
            f"{file}: names a PostGIS table; to read it, install psycopg (pip install psycopg[binary])"
        )
    from aoi.intake.pointer import read_pointer
    from aoi.intake.postgis import described, rows_of

    pointer = read_pointer(file)
    table = described(pointer, file)

    def batches() -> Iterator[tuple[SourceRow, ...]]:
        crs, _ = chosen_crs(table.crs, (0, 0, 0, 0), reading, file)
        batch: list[Block] = []
        for fid, geometry, properties in rows_of(pointer, table, file):
            batch.append(Block(fid, geometry, properties))
            if len(batch) == BATCH:
                yield grounded(batch, crs, reading, file)
                batch = []
        if batch:
            yield grounded(batch, crs, reading, file)

    return Source(file, pointer.table, table.columns, table.crs, batches)


def fixed_columns(texts: Sequence[str]) -> Mapping[str, str]:
    """Columns from ``NAME=VALUE`` texts.

    Raises:
        UnreadableVectorError: if a text is none.
    """
    pairs = [text.partition("=") for text in texts]
    wrong = next(
        (text for text, (name, mark, _) in zip(texts, pairs, strict=True) if not (name.strip() and mark)), None
    )
    if wrong is not None:
        raise UnreadableVectorError(f"{wrong!r} is not NAME=VALUE, such as 批准文号=呼自然资临〔2023〕5号")
    return {name.strip(): value.strip() for name, _, value in pairs}

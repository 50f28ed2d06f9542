"""Tables, drawings and reports as offices hand them in."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import shapely
from defective import CORNERS, GROUND

PERMIT = {
    "批准文号": "呼自然资临〔2021〕5号",
    "项目名称": "某路",
    "用地单位": "甲",
    "批准日期": "2021-06-15",
    "到期日期": "2023-06-14",
    "复垦期限": "2024-06-14",
}


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """Writes a CSV or a workbook from rows of cells."""

    def write(rows: Sequence[Sequence[Any]], name: str = "t.csv", encoding: str = "utf-8", **sheets: Any) -> Path:
        path = tmp_path / name
        if path.suffix == ".xlsx":
            book = openpyxl.Workbook()
            for title, content in {"表1": rows, **sheets}.items():
                sheet = book.active if title == "表1" else book.create_sheet(title)
                sheet.title = title
                for row in content:
                    sheet.append(list(row))
            book.save(path)
            return path
        text = io.StringIO()
        for row in rows:
            text.write(",".join(_cell(value) for value in row) + "\r\n")
        path.write_bytes(text.getvalue().encode(encoding))
        return path

    return write


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f'"{text}"' if any(mark in text for mark in ',"\n') else text


@pytest.fixture
def permits(table: Callable[..., Path]) -> Callable[..., Path]:
    """Writes a table of temporary-land permits: one corner a row, the permit in the first."""

    def write(
        corners: Sequence[Any] = CORNERS, name: str = "t.csv", xy: Sequence[str] = ("X", "Y"), **changed: Any
    ) -> Path:
        told = {**PERMIT, **changed}
        rows: list[Sequence[Any]] = [[*told, "点号", *xy]]
        for number, corner in enumerate(corners, 1):
            rows.append([*(told.values() if number == 1 else [""] * len(told)), f"J{number}", *corner])
        return table(rows, name)

    return write


@pytest.fixture
def drawing(tmp_path: Path) -> Callable[..., Path]:
    """Writes a DXF of polylines: (drawing layer, closed flag, east-north pairs)."""

    def write(
        *lines: tuple[str, bool, Sequence[tuple[float, float]]], name: str = "t.dxf", encoding: str = "utf-8"
    ) -> Path:
        parts = ["0", "SECTION", "2", "ENTITIES"]
        for layer, closed, points in lines:
            parts += ["0", "LWPOLYLINE", "8", layer, "90", str(len(points)), "70", "1" if closed else "0"]
            for east, north in points:
                parts += ["10", str(east), "20", str(north)]
        path = tmp_path / name
        path.write_bytes("\n".join([*parts, "0", "ENDSEC", "0", "EOF", ""]).encode(encoding))
        return path

    return write


def east_north(geometry: Any = GROUND) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in shapely.get_coordinates(geometry)]

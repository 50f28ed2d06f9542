"""What an analyst did in an inbox, read back row by row and compared with what was handed out.

The file is hostile: it is opened for reading only, none of its views or triggers is run, and sizes are bounded.
"""

import hashlib
import math
import sqlite3
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from leads.desk.drawn import DrawnError, gpkg_shape, outline_of, same_outline
from leads.desk.handed_out import GIVEN, META, SCHEMA, Given, read_given
from leads.errors import ReviewError
from leads.fields import REASONS, STATUS

MOST_BYTES = 4 << 30
MOST_ROWS = 100_000
MOST_CHARACTERS = 4_000
MOST_BLOB = 32 << 20
"""Bytes of one outline."""

_TEXTS = ("lead_id", "status", "reason", "reviewer", "remark")
_COLUMNS = {"leads": (*_TEXTS, "base_version", "area_srv", "geom"), "outlines": ("lead_id", "geom")}
_AGAIN = "hand back the inbox file itself"


@dataclass(frozen=True)
class Edit:
    """One row of an inbox that came back."""

    number: int
    """Row in the layer, from 1."""

    lead_id: str
    base_version: int
    status: str = "new"
    reason: str = ""
    remark: str = ""
    reviewer: str = ""
    outline: BaseGeometry | None = None
    """Polygon or MultiPolygon, EPSG:4326; None where the analyst left it as it was."""

    survey_m2: float | None = None
    """None where it was not entered or not changed."""

    changed: bool = False
    """Whether anything of it was."""

    notes: tuple[str, ...] = ()
    """What is not taken over, and is no fault."""

    problem: str = ""
    """Why the row can not be taken over; empty where it can."""


@dataclass(frozen=True)
class Handback:
    """An inbox that came back."""

    name: str
    """As it was handed out, such as ``inbox_20240720``, whatever the file is called now."""

    sha256: str
    """Of the file as it came."""

    edits: tuple[Edit, ...]


def read_inbox(path: Path) -> Handback:
    """Reads what came back; a row that makes no sense is returned with its `problem` and spoils no other.

    Raises:
        ReviewError: if the file is missing, half-written, still open in QGIS, or no inbox of this version.
    """
    _refuse_unfinished(path)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            database.text_factory = lambda raw: raw.decode("utf-8", "replace")
            name = _inbox_name(database, path)
            _whole(database, path)
            given = read_given(database, MOST_ROWS)
            drawn, strangers = _outlines(database, given)
            edits = (*_edits(database, given, drawn), *strangers)
    except (sqlite3.Error, ValueError) as error:
        raise ReviewError(f"{path} is damaged or half-written ({error}): copy it again, and {_AGAIN}") from error
    with path.open("rb") as file:
        return Handback(name, hashlib.file_digest(file, "sha256").hexdigest(), edits)


def _refuse_unfinished(path: Path) -> None:
    """Refuses what is no GeoPackage, and one whose last edits may lie elsewhere."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
        size = path.stat().st_size
        beside = [path.with_name(path.name + end) for end in ("-wal", "-journal")]
        open_elsewhere = any(one.exists() and one.stat().st_size for one in beside)
    except OSError as error:
        raise ReviewError(f"{path} can not be opened: {error.strerror}") from error
    if not head.startswith(b"SQLite format 3\0"):
        raise ReviewError(f"{path} is not a GeoPackage: {_AGAIN}")
    if size > MOST_BYTES:
        raise ReviewError(f"{path} is larger than {MOST_BYTES >> 30} GB: an inbox never is")
    if open_elsewhere:
        raise ReviewError(f"{path} is still open in QGIS: save the edits, close the project, then import it")
    if head[18:20] == b"\x02\x02":
        # QGIS writes its edits into a second file and puts them together when it closes: here that was left behind.
        raise ReviewError(
            f"{path} was copied while QGIS had it open, and edits may be missing: "
            "open it in QGIS, close QGIS, then copy it again"
        )


def _inbox_name(database: sqlite3.Connection, path: Path) -> str:
    tables = {str(row[0]) for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {META, GIVEN, "leads", "outlines"} <= tables:
        raise ReviewError(f"{path} is no inbox of Weixun: {_AGAIN}, not an export of its layers")
    for table, wanted in _COLUMNS.items():
        columns = {str(row[1]) for row in database.execute("SELECT * FROM pragma_table_info(?)", (table,))}
        if lost := [name for name in wanted if name not in columns]:
            raise ReviewError(f"{path} has lost the column {lost[0]} of its layer {table}: {_AGAIN}")
    row = database.execute(f"SELECT schema, name FROM {META} LIMIT 1").fetchone()
    if row is None or row[0] != SCHEMA:
        found = "no version" if row is None else f"version {row[0]}"
        raise ReviewError(
            f"{path} is an inbox of {found}, and this Weixun reads {SCHEMA}: import it with the one it is of"
        )
    return str(row[1])[:100]


def _whole(database: sqlite3.Connection, path: Path) -> None:
    """Every page is read: a file that was cut off while it was copied often opens all the same."""
    said = [str(row[0]) for row in database.execute("PRAGMA quick_check(1)")]
    if said != ["ok"]:
        raise ReviewError(f"{path} is damaged or half-written ({said[0][:80]}): copy it again, and {_AGAIN}")


def _outlines(
    database: sqlite3.Connection, given: Mapping[str, Given]
) -> tuple[Mapping[str, list[bytes | None]], list[Edit]]:
    """The shapes of each lead, and the shapes that belong to none."""
    query = f"SELECT lead_id, CASE WHEN length(geom) <= {MOST_BLOB} THEN geom END FROM outlines ORDER BY rowid LIMIT ?"
    drawn: dict[str, list[bytes | None]] = defaultdict(list)
    strangers = []
    for number, (lead_id, blob) in enumerate(database.execute(query, (MOST_ROWS,)), 1):
        name = str(lead_id or "").strip()
        if name in given:
            drawn[name].append(blob if isinstance(blob, bytes) else None)
        else:
            said = f"轮廓的编号不在本收件箱 an outline of {name[:80]}, which is not in this inbox"
            if not name:
                said = "轮廓没有监测编号 an outline without lead_id"
            strangers.append(Edit(number, name[:80], 0, changed=True, problem=f"outlines 第 {number} 行 row: {said}"))
    return drawn, strangers


def _edits(
    database: sqlite3.Connection, given: Mapping[str, Given], drawn: Mapping[str, Sequence[bytes | None]]
) -> list[Edit]:
    columns = ", ".join((*_TEXTS, "base_version", "area_srv"))
    query = f"SELECT {columns}, CASE WHEN length(geom) <= {MOST_BLOB} THEN geom END FROM leads ORDER BY rowid LIMIT ?"
    rows = database.execute(query, (MOST_ROWS + 1,)).fetchall()
    if len(rows) > MOST_ROWS:
        raise ValueError(f"more than {MOST_ROWS} leads")
    seen, edits = set[str](), []
    for number, row in enumerate(rows, 1):
        lead_id = str(row[0] or "").strip()[:80]
        try:
            if lead_id in seen:
                raise DrawnError("该编号出现两次 the lead is there twice")
            edits.append(_edit(number, row, given, drawn.get(lead_id, ())))
        except DrawnError as error:
            edits.append(
                Edit(number, lead_id, 0, changed=True, problem=f"第 {number} 行 row, {lead_id or '?'}: {error}")
            )
        seen.add(lead_id)
    lost = [name for name in given if name not in seen]
    # A deleted row is no verdict: the lead stays as it is, and is said to.
    return edits + [
        Edit(0, name, given[name].base_version, notes=("该行被删除，线索保留 its row was deleted: the lead is kept",))
        for name in lost
    ]


def _edit(number: int, row: Sequence[object], given: Mapping[str, Given], drawn: Sequence[bytes | None]) -> Edit:
    *texts, version, area, machine = row
    notes: list[str] = []
    lead_id, status, reason, reviewer, remark = (_text(value, notes) for value in texts)
    if not lead_id:
        raise DrawnError("没有监测编号 it has no lead_id")
    was = given.get(lead_id)
    if was is None:
        raise DrawnError("该编号不在本收件箱 it was not in this inbox when it was handed out")
    if version != was.base_version:
        raise DrawnError(f"版本号被改动 its version was changed by hand from {was.base_version} to {str(version)[:20]}")
    _refuse_senseless(status or "new", reason)
    outline = outline_of(drawn, was.outline)
    survey = _survey(area, was.area_srv)
    if not drawn:
        notes.append("轮廓被删除，沿用原轮廓 its outline was deleted: the last one is kept")
    if isinstance(machine, bytes) and not same_outline(gpkg_shape(machine), was.machine):
        notes.append(
            "机器轮廓被移动，不予采用，请改 outlines 图层 the machine's outline was moved, which is not taken over"
        )
    verdict = (status or "new", reason, remark)
    changed = verdict != (was.status, was.reason, was.remark) or outline is not None or survey is not None
    return Edit(number, lead_id, was.base_version, *verdict, reviewer, outline, survey, changed, tuple(notes))


def _text(value: object, notes: list[str]) -> str:
    """Plain text: HTML, formulas and quotes are kept as they are, control characters are not."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DrawnError("某项不是文本 a value is not text")
    if len(value) > MOST_CHARACTERS:
        raise DrawnError(f"文字过长 a text is longer than {MOST_CHARACTERS} characters")
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    plain = "".join(sign for sign in lines if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cs"))
    if plain != lines:
        notes.append("已去除控制字符 control characters were taken out of a text")
    return plain.strip()


def _refuse_senseless(status: str, reason: str) -> None:
    statuses, reasons = [value for value, _, _ in STATUS], [value for value, _, _ in REASONS]
    if status not in statuses:
        raise DrawnError(f"审核状态无效 unknown status {status[:40]!r}; use one of {', '.join(statuses)}")
    if reason and reason not in reasons:
        raise DrawnError(f"原因无效 unknown reason {reason[:40]!r}; use one of {', '.join(reasons)}")
    if status == "rejected" and not reason:
        raise DrawnError("不属实须填原因 rejected without a reason")


def _survey(value: object, was: float | None) -> float | None:
    if value is None or value == was:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not 0 < value < 1e11
    ):
        raise DrawnError(f"勘测面积无效 the surveyed area {str(value)[:40]!r} is no area in m²")
    return float(value)

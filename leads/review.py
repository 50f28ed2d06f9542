"""What an analyst wrote into a GeoPackage that was handed out, read back row by row."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from leads.errors import ReviewError
from leads.fields import REASONS, STATUS

_COLUMNS = ("lead_id", "status", "reason", "reviewer", "remark")
_MOST_ROWS = 100_000
_MOST_CHARACTERS = 4_000


@dataclass(frozen=True)
class Review:
    """A person's verdict on one lead."""

    lead_id: str
    status: str
    """One of `leads.fields.STATUS`; ``new`` where nobody looked yet."""

    reason: str = ""
    """One of `leads.fields.REASONS` where the lead was rejected, else empty or one of them."""

    reviewer: str = ""
    remark: str = ""
    problem: str = ""
    """Why this row can not be taken over; empty where it can."""


def read_review(path: Path) -> tuple[Review, ...]:
    """Reads status, reason, reviewer and remark of every lead in a GeoPackage, in the order of its rows.

    A row that makes no sense is returned with its `problem`: it does not spoil the others.

    Raises:
        ReviewError: if the file is missing, is no GeoPackage, has no layer of leads with these columns, or has
            edits that QGIS has not saved into it yet.
    """
    rows = _read(path)
    reviews, seen = [], set[str]()
    for number, row in enumerate(rows, 1):
        review = _review(number, row)
        if not review.problem and review.lead_id in seen:
            review = replace(review, problem=f"row {number}: the lead {review.lead_id} is there twice")
        seen.add(review.lead_id)
        reviews.append(review)
    return tuple(reviews)


def _read(path: Path) -> list[Sequence[object]]:
    """The rows of the table of leads; the file is hostile, so no view and no trigger of its own is run."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise ReviewError(f"{path} can not be opened: {error.strerror}") from error
    if not head.startswith(b"SQLite format 3\0"):
        raise ReviewError(f"{path} is not a GeoPackage: hand back the leads.gpkg that was given out")
    # Without a journal beside it the file is whole, and can be read even where it may not be written.
    journal = path.with_name(f"{path.name}-wal")
    mode = "mode=ro" if journal.exists() and journal.stat().st_size else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            return _rows(database, path)
    except sqlite3.Error as error:
        raise ReviewError(f"{path} can not be read ({error}): save and close it in QGIS, then try again") from error


def _rows(database: sqlite3.Connection, path: Path) -> list[Sequence[object]]:
    kind = database.execute("SELECT type FROM sqlite_master WHERE lower(name) = 'leads'").fetchone()
    columns = {str(row[1]) for row in database.execute("SELECT * FROM pragma_table_info('leads')")}
    missing = [name for name in _COLUMNS if name not in columns]
    if kind is None or kind[0] != "table" or missing:
        wanted = f" with the column {missing[0]}" if kind is not None and missing else ""
        raise ReviewError(f"{path} has no layer leads{wanted}: hand back the leads.gpkg that was given out")
    query = f"SELECT {', '.join(_COLUMNS)} FROM leads ORDER BY rowid LIMIT ?"
    rows = database.execute(query, (_MOST_ROWS + 1,)).fetchall()
    if len(rows) > _MOST_ROWS:
        raise ReviewError(f"{path} has more than {_MOST_ROWS} leads: a review is never that long")
    return rows


def _texts(row: Sequence[object]) -> list[str]:
    return ["" if value is None else str(value).strip() for value in row]


def _review(number: int, row: Sequence[object]) -> Review:
    lead_id, status, reason, reviewer, remark = _texts(row)
    review = Review(lead_id, status or "new", reason, reviewer, remark)
    problem = _problem(review, row)
    if not problem:
        return review
    lead_id, status, reason, reviewer, remark = (text[:_MOST_CHARACTERS] for text in _texts(row))
    return Review(lead_id, status, reason, reviewer, remark, f"row {number}, lead {lead_id[:80] or '?'}: {problem}")


def _problem(review: Review, row: Sequence[object]) -> str:
    statuses, reasons = [value for value, _, _ in STATUS], [value for value, _, _ in REASONS]
    if any(value is not None and not isinstance(value, str) for value in row):
        return "a value is not text"
    if any(len(text) > _MOST_CHARACTERS for text in (review.lead_id, review.reviewer, review.remark)):
        return f"a text is longer than {_MOST_CHARACTERS} characters"
    if not review.lead_id:
        return "it has no lead_id"
    if review.status not in statuses:
        return f"unknown status {review.status[:40]!r}; use one of {', '.join(statuses)}"
    if review.reason and review.reason not in reasons:
        return f"unknown reason {review.reason[:40]!r}; use one of {', '.join(reasons)}"
    if review.status == "rejected" and not review.reason:
        return "rejected without a reason"
    return ""

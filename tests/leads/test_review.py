import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from shapely.geometry import box

from leads.errors import ReviewError
from leads.fields import FIELDS
from leads.geopackage import write_geopackage
from leads.review import Review, read_review


@pytest.fixture
def handed_out(tmp_path: Path) -> Path:
    path = tmp_path / "leads.gpkg"
    blank = dict.fromkeys(field.name for field in FIELDS)
    write_geopackage(path, [(box(0, 0, 1, 1), {**blank, "lead_id": name, "status": "new"}) for name in "abc"], [])
    return path


def without_index_triggers(database: sqlite3.Connection) -> None:
    """The triggers of the spatial index call functions that only GDAL has."""
    for name in ("ST_IsEmpty", "ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY"):
        database.create_function(name, 1, lambda _: 0)


def edit(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as database:
        without_index_triggers(database)
        database.execute(sql, values)
        database.commit()


def test_what_was_handed_out_reads_back_as_new(handed_out: Path) -> None:
    assert read_review(handed_out) == tuple(Review(name, "new") for name in "abc")


def test_a_verdict_is_read_back(handed_out: Path) -> None:
    sql = "UPDATE leads SET status = ?, reason = ?, reviewer = ?, remark = ? WHERE lead_id = 'b'"
    edit(handed_out, sql, "rejected", "mowing", " 王 ", "打草场\n两行")
    assert read_review(handed_out)[1] == Review("b", "rejected", "mowing", "王", "打草场\n两行")


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("status", "guilty", "unknown status 'guilty'; use one of new, confirmed"),
        ("status", "rejected", "rejected without a reason"),
        ("reason", "because", "unknown reason 'because'; use one of cloud"),
        ("lead_id", None, "it has no lead_id"),
        ("lead_id", "a", "the lead a is there twice"),
        ("remark", "x" * 5000, "longer than 4000 characters"),
        ("remark", b"\xff\x00", "not text"),
    ],
)
def test_a_row_that_makes_no_sense_says_so_and_spoils_no_other(
    handed_out: Path, column: str, value: object, problem: str
) -> None:
    edit(handed_out, f"UPDATE leads SET {column} = ? WHERE lead_id = 'b'", value)
    first, second, third = read_review(handed_out)
    assert second.problem.startswith("row 2")
    assert problem in second.problem
    assert len(second.remark) <= 4000
    assert (first.problem, third.problem) == ("", "")


def test_no_status_is_a_new_lead(handed_out: Path) -> None:
    edit(handed_out, "UPDATE leads SET status = NULL")
    assert {review.status for review in read_review(handed_out)} == {"new"}


def test_an_edit_still_in_the_journal_is_seen(handed_out: Path) -> None:
    """QGIS keeps edits in a journal beside the file for as long as the layer is open."""
    with closing(sqlite3.connect(handed_out)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        without_index_triggers(database)
        database.execute("UPDATE leads SET status = 'confirmed'")
        database.commit()
        assert {review.status for review in read_review(handed_out)} == {"confirmed"}


def test_a_missing_file_and_a_stranger_are_named(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=r"gone\.gpkg can not be opened"):
        read_review(tmp_path / "gone.gpkg")
    (tmp_path / "notes.gpkg").write_text("<OGRVRTDataSource/>")
    with pytest.raises(ReviewError, match=r"notes\.gpkg is not a GeoPackage"):
        read_review(tmp_path / "notes.gpkg")


def test_a_truncated_file_is_one_sentence(handed_out: Path) -> None:
    handed_out.write_bytes(handed_out.read_bytes()[:9000])
    with pytest.raises(ReviewError, match=r"leads\.gpkg"):
        read_review(handed_out)


def test_other_tables_and_views_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.gpkg"
    edit(path, "CREATE TABLE notes (lead_id TEXT)")
    with pytest.raises(ReviewError, match="has no layer leads"):
        read_review(path)
    edit(path, "CREATE VIEW leads AS SELECT lead_id, '' status, '' reason, '' reviewer, '' remark FROM notes")
    with pytest.raises(ReviewError, match="has no layer leads"):
        read_review(path)


def test_a_lost_column_is_named(handed_out: Path) -> None:
    edit(handed_out, "ALTER TABLE leads DROP COLUMN remark")
    with pytest.raises(ReviewError, match="no layer leads with the column remark"):
        read_review(handed_out)

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from shapely.geometry import Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from leads.desk.handback import MOST_CHARACTERS, Edit, read_inbox
from leads.desk.inbox import Beside
from leads.errors import ReviewError
from leads.store.records import LeadRecord

EditInbox = Callable[..., None]
Blob = Callable[..., bytes]


@pytest.fixture(scope="module")
def given(
    tmp_path_factory: pytest.TempPathFactory, make_lead: Callable[..., LeadRecord], make_inbox: Callable[..., Path]
) -> tuple[Path, list[LeadRecord]]:
    leads = [make_lead(0), make_lead(1, status="known", remark="旧备注"), make_lead(2)]
    drawn = {leads[2].id: leads[2].geometry.buffer(0.0002)}
    return make_inbox(tmp_path_factory.mktemp("given"), leads, Beside(outlines=drawn)), leads


@pytest.fixture
def inbox(given: tuple[Path, list[LeadRecord]], tmp_path: Path) -> Path:
    return Path(shutil.copy(given[0], tmp_path / "handed back.gpkg"))


def by_lead(path: Path) -> dict[str, Edit]:
    return {edit.lead_id: edit for edit in read_inbox(path).edits}


@pytest.fixture
def first(given: tuple[Path, list[LeadRecord]]) -> LeadRecord:
    return given[1][0]


def test_what_nobody_touched_is_unchanged(inbox: Path) -> None:
    back = read_inbox(inbox)
    assert back.name == "inbox_20240720"  # whatever the file is called now
    assert [edit.changed for edit in back.edits] == [False] * 3
    assert not any(edit.problem or edit.notes for edit in back.edits)


def test_a_verdict_and_a_surveyed_area_are_read(inbox: Path, first: LeadRecord, edit_inbox: EditInbox) -> None:
    sql = "UPDATE leads SET status = ?, reason = ?, reviewer = ?, remark = ?, area_srv = ? WHERE lead_id = ?"
    edit_inbox(inbox, (sql, ("rejected", "mowing", " 王 ", "打草场\r\n两行", 1234.5, first.id)))
    found = by_lead(inbox)[first.id]
    assert (found.status, found.reason, found.reviewer, found.remark) == ("rejected", "mowing", "王", "打草场\n两行")
    assert (found.survey_m2, found.base_version, found.changed, found.outline) == (1234.5, 3, True, None)


def test_a_moved_vertex_is_a_new_outline_and_a_new_part_belongs_to_it(
    inbox: Path, first: LeadRecord, edit_inbox: EditInbox, gpkg_blob: Blob
) -> None:
    moved = first.geometry.union(first.geometry.buffer(0.0005))
    part = box(*first.geometry.bounds).buffer(0.0003).difference(first.geometry.buffer(0.0001))
    edit_inbox(
        inbox,
        ("UPDATE outlines SET geom = ? WHERE lead_id = ?", (gpkg_blob(moved), first.id)),
        ("INSERT INTO outlines (lead_id, base_version, geom) VALUES (?, 3, ?)", (first.id, gpkg_blob(part))),
    )
    found = by_lead(inbox)[first.id]
    assert found.outline is not None
    assert found.outline.equals(moved.union(part))


def test_an_outline_is_compared_with_the_one_that_was_handed_out(
    inbox: Path, given: tuple[Path, list[LeadRecord]], edit_inbox: EditInbox, gpkg_blob: Blob
) -> None:
    third = given[1][2]
    assert by_lead(inbox)[third.id].outline is None  # the analyst's last, not the machine's
    edit_inbox(inbox, ("UPDATE outlines SET geom = ? WHERE lead_id = ?", (gpkg_blob(third.geometry), third.id)))
    drawn = by_lead(inbox)[third.id].outline
    assert drawn is not None
    assert drawn.equals(third.geometry)


BOWTIE = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (lambda lead: lead.translate(3.0), "far from the lead"),
        (lambda lead: BOWTIE, "crosses itself"),
        (lambda lead: Point(0, 0), "not a polygon"),
        (lambda lead: box(500, 0, 501, 1), "not in degrees"),
        (lambda lead: box(0, 0, float("inf"), 1), "not in degrees"),
        (lambda lead: Polygon(), "empty"),
    ],
)
def test_an_outline_that_makes_no_sense_is_told_and_spoils_no_other(
    inbox: Path,
    first: LeadRecord,
    edit_inbox: EditInbox,
    gpkg_blob: Blob,
    shape: Callable[[object], BaseGeometry],
    said: str,
) -> None:
    class Movable:
        def translate(self, by: float) -> BaseGeometry:
            from shapely.affinity import translate

            return translate(first.geometry, by, 0)

    edit_inbox(inbox, ("UPDATE outlines SET geom = ? WHERE lead_id = ?", (gpkg_blob(shape(Movable())), first.id)))
    edits = by_lead(inbox)
    assert said in edits[first.id].problem
    assert [edit.problem == "" for edit in edits.values()].count(True) == 2


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "empty or too large|no geometry"),
        (b"GP\0\1" + bytes(4), "no geometry|EPSG"),
        (b"GP\0\x01\xe6\x10\0\0\xff", "damaged"),
        (b"POLYGON", "no geometry"),
        ("text", "empty or too large"),
    ],
)
def test_bytes_that_are_no_geometry_are_told(
    inbox: Path, first: LeadRecord, edit_inbox: EditInbox, raw: object, said: str
) -> None:
    edit_inbox(inbox, ("UPDATE outlines SET geom = ? WHERE lead_id = ?", (raw, first.id)))
    assert any(one in by_lead(inbox)[first.id].problem for one in said.split("|"))


def test_an_outline_in_another_crs_is_told(
    inbox: Path, first: LeadRecord, edit_inbox: EditInbox, gpkg_blob: Blob
) -> None:
    shape = gpkg_blob(first.geometry, srid=3857)
    edit_inbox(inbox, ("UPDATE outlines SET geom = ? WHERE lead_id = ?", (shape, first.id)))
    assert "EPSG:4326" in by_lead(inbox)[first.id].problem


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("status", "guilty", "unknown status 'guilty'; use one of new, confirmed"),
        ("status", "rejected", "rejected without a reason"),
        ("reason", "because", "unknown reason"),
        ("base_version", 9, "changed by hand from 3 to 9"),
        ("remark", "x" * (MOST_CHARACTERS + 1), "longer than"),
        ("remark", b"\xff\x00", "not text"),
        ("area_srv", -4.0, "no area"),
        ("area_srv", "much", "no area"),
    ],
)
def test_a_value_that_makes_no_sense_is_told_and_spoils_no_other(
    inbox: Path, first: LeadRecord, edit_inbox: EditInbox, column: str, value: object, said: str
) -> None:
    edit_inbox(inbox, (f"UPDATE leads SET {column} = ? WHERE lead_id = ?", (value, first.id)))
    edits = by_lead(inbox)
    assert said in edits[first.id].problem
    assert [edit.problem == "" for edit in edits.values()].count(True) == 2


HOSTILE = '<script>alert(1)</script>=HYPERLINK("http://x") \'; DROP TABLE leads;-- ‮\x00\x07\x1b[31m\u2028'


def test_hostile_text_is_kept_as_text_without_its_control_characters(
    inbox: Path, first: LeadRecord, edit_inbox: EditInbox
) -> None:
    edit_inbox(inbox, ("UPDATE leads SET remark = ? WHERE lead_id = ?", (HOSTILE, first.id)))
    found = by_lead(inbox)[first.id]
    assert found.remark.startswith('<script>alert(1)</script>=HYPERLINK("http://x") \'; DROP TABLE leads;--')
    assert not set("\x00\x07\x1b") & set(found.remark)
    assert any("control characters" in note for note in found.notes)


def test_a_deleted_row_is_no_verdict(inbox: Path, first: LeadRecord, edit_inbox: EditInbox) -> None:
    edit_inbox(
        inbox,
        ("DELETE FROM leads WHERE lead_id = ?", (first.id,)),
        ("DELETE FROM outlines WHERE lead_id = ?", (first.id,)),
    )
    found = by_lead(inbox)[first.id]
    assert not found.changed
    assert "the lead is kept" in found.notes[0]


def test_strangers_and_doubles_are_told(inbox: Path, first: LeadRecord, edit_inbox: EditInbox, gpkg_blob: Blob) -> None:
    shape = gpkg_blob(first.geometry)
    edit_inbox(
        inbox,
        ("INSERT INTO outlines (lead_id, base_version, geom) VALUES ('WX-OTHER', 1, ?)", (shape,)),
        ("INSERT INTO outlines (geom) VALUES (?)", (shape,)),
        ("INSERT INTO leads (lead_id, base_version, geom) VALUES ('WX-OTHER', 1, ?)", (shape,)),
        ("INSERT INTO leads (lead_id, base_version, geom) VALUES (?, 3, ?)", (first.id, shape)),
    )
    problems = [edit.problem for edit in read_inbox(inbox).edits if edit.problem]
    assert len(problems) == 4
    for said in ("WX-OTHER, which is not in this inbox", "without lead_id", "not in this inbox when", "there twice"):
        assert any(said in problem for problem in problems), said


def test_a_machines_outline_that_was_moved_is_told_and_not_taken(
    inbox: Path, first: LeadRecord, edit_inbox: EditInbox, gpkg_blob: Blob
) -> None:
    shape = gpkg_blob(first.geometry.buffer(0.001))
    edit_inbox(inbox, ("UPDATE leads SET geom = ? WHERE lead_id = ?", (shape, first.id)))
    found = by_lead(inbox)[first.id]
    assert (found.changed, found.problem) == (False, "")
    assert "machine's outline was moved" in found.notes[0]


# --- files that can not be read at all --------------------------------------------------------------------------------


def test_a_missing_file_and_a_stranger_are_named(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=r"gone\.gpkg can not be opened"):
        read_inbox(tmp_path / "gone.gpkg")
    (tmp_path / "notes.gpkg").write_text("<html>")
    with pytest.raises(ReviewError, match="is not a GeoPackage"):
        read_inbox(tmp_path / "notes.gpkg")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_half_written_inbox_is_refused(inbox: Path, share: float) -> None:
    whole = inbox.read_bytes()
    inbox.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ReviewError, match=r"damaged or half-written|no inbox of Weixun"):
        read_inbox(inbox)


def test_an_inbox_that_is_open_elsewhere_is_refused(inbox: Path, edit_inbox: EditInbox, tmp_path: Path) -> None:
    with closing(sqlite3.connect(inbox)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("SELECT count(*) FROM leads").fetchall()
        edit_inbox(inbox, ("UPDATE leads SET status = 'confirmed'", ()))
        with pytest.raises(ReviewError, match="still open in QGIS"):
            read_inbox(inbox)
        copied = Path(shutil.copy(inbox, tmp_path / "copied.gpkg"))
    with pytest.raises(ReviewError, match="was copied while QGIS had it open"):
        read_inbox(copied)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DROP TABLE weixun_handed_out", "no inbox of Weixun"),
        ("ALTER TABLE leads DROP COLUMN remark", "lost the column remark of its layer leads"),
        ("UPDATE weixun_inbox SET schema = 99", "an inbox of version 99, and this Weixun reads 1"),
        ("DELETE FROM weixun_inbox", "an inbox of no version"),
        ("UPDATE weixun_handed_out SET outline = 'x'", "not as it was handed out"),
        ("UPDATE weixun_handed_out SET outline = x'00ff'", "damaged"),
    ],
)
def test_an_inbox_of_another_schema_is_refused(inbox: Path, edit_inbox: EditInbox, sql: str, said: str) -> None:
    edit_inbox(inbox, (sql, ()))
    with pytest.raises(ReviewError, match=said):
        read_inbox(inbox)


def test_a_view_in_the_place_of_a_layer_is_refused(inbox: Path, edit_inbox: EditInbox) -> None:
    edit_inbox(inbox, ("ALTER TABLE leads RENAME TO mine", ()), ("CREATE VIEW leads AS SELECT * FROM mine", ()))
    with pytest.raises(ReviewError, match="no inbox of Weixun"):
        read_inbox(inbox)

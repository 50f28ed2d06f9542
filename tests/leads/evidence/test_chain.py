"""Whatever is changed, taken out or slipped in afterwards is found and named."""

import datetime as dt
import hashlib
import json
import os
import shutil

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.errors import OutputError
from leads.evidence.chain import GENESIS, Item, Ledger, link
from leads.evidence.cover import append_store_rows
from leads.evidence.keep import keep
from leads.store import tables
from leads.store.copies import backup
from leads.store.store import Store

AT = dt.datetime(2025, 6, 2, tzinfo=dt.UTC)


def _flip(path, place=None):
    """One bit of one byte."""
    data = bytearray(path.read_bytes())
    place = len(data) // 2 if place is None else place
    data[place] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_a_link_is_the_hash_of_what_it_says_and_of_the_link_before():
    said = f'["{GENESIS}","run","run.json","ab"]'.encode()
    assert link(GENESIS, "run", "run.json", "ab") == hashlib.sha256(said).hexdigest()


def test_what_was_recorded_holds(home):
    found = home.verify(home.head)
    assert found.ok, found.first_broken
    assert (found.first_broken, found.missing, found.pending, found.head) == ("", (), 0, home.head)
    assert found.runs == 2 * 3 + 3  # two nights of three parts each, the inbox, what came back, and the review
    assert found.files == 2 * 4 + 2 + 1 + 5  # and of the desk: an inbox, its project and image, its return, a photo
    assert found.rows >= 16


def test_appending_again_adds_nothing(home):
    before = home.verify().checked
    assert append_store_rows(home.ledger, "again") == home.head
    items = [Item("config", "a", "00"), Item("config", "b", "11")]
    head = home.ledger.append("r", items)
    assert home.ledger.append("r", items) == head
    assert home.ledger.append("r", items[:1]) != head
    assert home.verify().checked == before + 3 + 2
    assert home.verify(head).ok


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("evidence/night3/20250504/imagery/before_32650.tif", "run night3#2: the file"),
        ("evidence/night8/20250509/scores/mine_32650.tif", "run night8#2: the file"),
        ("evidence/night8/20250509/leads.gpkg", "run night8#2: the file"),
        ("evidence/night3/20250504/run.json", "run night3#2: the file"),
        ("evidence/night3/run.json", "run night3#2: the file"),
        ("evidence/files/*", "run night3#2: the file"),
        ("inbox/handed_out/inbox_20250509.gpkg", "run review-1: the file"),
        ("inbox/inbox_20250509.qgz", "run inbox_20250509: the file"),
        ("inbox/inbox_20250509_imagery/after_32650.tif", "run inbox_20250509: the file"),
        ("evidence/reviews/*.gpkg", "run review-0: the file"),
        ("attachments/*/*.jpg", "run review-1: the file"),
    ],
)
def test_one_byte_of_a_kept_file(home, place, name):
    (path,) = home.path.glob(place)
    _flip(path)
    found = home.verify(home.head)
    assert not found.ok
    assert found.first_broken.startswith(name)
    assert path.relative_to(home.path).as_posix() in found.first_broken
    assert "changed" in found.first_broken


ROWS = [
    ("UPDATE observations SET score = score + 1e-12 WHERE id = 1", "run night3: observation 1 of lead WX-MINE"),
    ("UPDATE observations SET proposal = 'x' WHERE id = 3", "run night8: observation 3 of lead WX-MINE"),
    ("UPDATE outlines SET area_m2 = area_m2 + 1 WHERE id = 2", "run night3#3: outline 2 of lead"),
    ("UPDATE outlines SET made_by = 'x' WHERE kind = 'analyst'", "run review-1: outline"),
    ("UPDATE outlines SET made_at = created FROM heads WHERE kind = 'survey'", "run review-1: outline"),
    ("UPDATE reviews SET remark = 'x'", "run review-1: review 1 of lead"),
    ("UPDATE reviews SET at = created FROM heads", "run review-1: review 1 of lead"),
    ("UPDATE coverage SET cloudy = 0.2 WHERE id = 2", "run night8: coverage row 2"),
    ("UPDATE looks SET aoi = 'other' WHERE id = 1", "run night3: look 1"),
    ("UPDATE leads SET score = score + 1e-12 WHERE number = 1", "lead WX-MINE"),
    ("UPDATE leads SET status = 'rejected' WHERE status = 'new'", "lead WX-MINE"),
    ("UPDATE links SET lead = 1 WHERE lead = 2", "lead WX-MINE"),
    ("UPDATE runs SET exit_code = 3 WHERE id = 'night3'", "run night3#3: run night3"),
    ("UPDATE case_events SET note = 'm'", "run review-1: case event 1"),
    ("UPDATE cases SET state = '终结'", "run review-1: case C1"),
    ("DELETE FROM reviews", "run review-1: review 1 was taken out of the store"),
    ("DELETE FROM observations WHERE id = 4", "run night8: observation 4 was taken out of the store"),
]


@pytest.mark.parametrize(("sql", "name"), ROWS)
def test_one_value_of_a_row(home, sql, name):
    if sql.startswith("DELETE FROM observations"):
        home.tamper("DELETE FROM links WHERE observation_id = 4")
    home.tamper(sql)
    found = home.verify(home.head)
    assert not found.ok
    assert name in found.first_broken
    assert "\n" not in found.first_broken


@pytest.mark.parametrize(
    ("table", "key", "column"),
    [("observations", 2, "geometry"), ("observations", 2, "row"), ("looks", 1, "clear"), ("outlines", 1, "geometry"),
     ("leads", 1, "geometry"), ("leads", 1, "handed_out"), ("reviews", 1, "judged"), ("reviews", 1, "remark")],
)  # fmt: skip
def test_one_byte_anywhere_in_a_value(home, table, key, column):
    """Also where the library that reads it would refuse."""
    name = next(iter(tables.metadata.tables[table].primary_key.columns)).name
    with home.store.engine.connect() as connection:
        value = connection.exec_driver_sql(f"SELECT CAST({column} AS BLOB) FROM {table} WHERE {name} = {key}").scalar()
    for place in (0, 4, len(value) // 2, len(value) - 1):
        changed = bytearray(value)
        changed[place] ^= 0x80
        kind = "BLOB" if column in ("geometry", "clear", "handed_out", "judged") else "TEXT"
        home.tamper(f"UPDATE {table} SET {column} = CAST(x'{changed.hex()}' AS {kind}) WHERE {name} = {key}")
        found = home.verify()
        assert not found.ok
        assert f"{table.removesuffix('s')} " in found.first_broken
    home.tamper(f"UPDATE {table} SET {column} = CAST(x'{value.hex()}' AS {kind}) WHERE {name} = {key}")
    assert home.verify().ok


@pytest.mark.parametrize("column", ["seq", "run_id", "kind", "name", "sha256", "prev", "link"])
@pytest.mark.parametrize("seq", [1, 5, "last"])
def test_one_value_of_a_record_itself(home, column, seq):
    if seq == "last":
        seq = home.verify().checked
    flipped = "CASE substr(link, 1, 1) WHEN 'b' THEN 'c' ELSE 'b' END || substr(link, 2)"
    value = {"seq": "seq + 1000", "link": flipped}.get(column, f"{column} || 'x'")
    home.tamper(f"UPDATE evidence SET {column} = {value} WHERE seq = {seq}")
    found = home.verify()
    assert not found.ok
    assert "run " in found.first_broken or "record" in found.first_broken


@pytest.mark.parametrize("column", ["head", "prev_head"])
def test_a_head_that_was_changed(home, column):
    home.tamper(f"UPDATE heads SET {column} = 'x' WHERE run_id = 'night8'")
    assert "run night8: its head is not" in home.verify().first_broken


def test_records_moved_or_taken_out(home):
    home.tamper("UPDATE evidence SET seq = -1 WHERE seq = 5")
    home.tamper("UPDATE evidence SET seq = 5 WHERE seq = 6")
    home.tamper("UPDATE evidence SET seq = 6 WHERE seq = -1")
    assert "does not follow" in home.verify().first_broken
    home.tamper("DELETE FROM evidence WHERE seq = 5")
    assert home.verify().first_broken.startswith("record 5 (after run night3) was taken out")


def test_the_newest_record_taken_out(home):
    home.tamper("DELETE FROM evidence WHERE seq = (SELECT max(seq) FROM evidence)")
    assert home.verify().first_broken.startswith("run review-1: its head is not what its records give")


def test_the_newest_run_taken_out_with_all_that_belongs_to_it_needs_the_head(home):
    """Who takes out everything since a run leaves a chain that is whole; only the head that was printed tells."""
    home.tamper("DELETE FROM evidence WHERE run_id = 'review-1'")
    assert "its head is still there" in home.verify().first_broken
    home.tamper("DELETE FROM heads WHERE run_id = 'review-1'")
    home.tamper("DELETE FROM reviews")
    home.tamper("DELETE FROM outlines WHERE kind != 'machine'")
    home.tamper("DELETE FROM case_events")
    home.tamper("DELETE FROM cases")
    home.tamper("UPDATE leads SET status = 'new', reviewer = '', remark = '', version = 1 WHERE status != 'new'")
    assert home.verify().ok
    found = home.verify(home.head)
    assert not found.ok
    assert f"the head {home.head[:16]}… is nowhere in the chain (it ends with run review-0)" in found.first_broken


def test_an_older_head_is_still_in_the_chain(home):
    head = home.head
    home.ledger.append("later", [Item("config", "a", "00")])
    assert home.verify(head).ok
    assert not home.verify("0" * 63 + "1").ok


def test_a_file_that_is_gone_is_missing(home):
    (home.path / "evidence" / "night3" / "run.json").unlink()
    shutil.rmtree(home.path / "evidence" / "night8")
    found = home.verify()
    assert found.first_broken == "run night3#2: the file evidence/night3/run.json is gone"
    assert len(found.missing) == 6


def test_a_row_that_was_slipped_in(home):
    home.tamper(
        "INSERT INTO observations SELECT -7, look_id, run_id, aoi, detector, day, 'k', proposal, inventory,"
        " last_before, geometry, area_m2, area_low_m2, area_high_m2, score, gsd_m, place, row FROM observations"
        " WHERE id = 1"
    )
    assert "observation -7 is in the store and in no run's records: it was slipped in" in home.verify().first_broken


def test_what_is_not_recorded_yet_is_counted_and_is_no_fault(home):
    lead = list(home.store.leads())[1]
    done = home.store.review(lead.id, lead.version, "rejected", "cloud", "", "王", AT, "i.gpkg", "bb" * 32)
    assert done.kind == "applied", done
    found = home.verify(home.head)
    assert found.ok, found.first_broken
    assert found.pending == 2  # the review, and the lead that it changed
    append_store_rows(home.ledger, "review-2")
    assert (home.verify().ok, home.verify().pending) == (True, 0)
    home.tamper("UPDATE leads SET status = 'new'")
    assert not home.verify().ok


def test_a_damaged_database_file_is_told(home):
    home.store.close()
    file = home.store.name
    with open(file, "r+b") as opened:
        size = os.path.getsize(file)
        for page in range(4, size // 4096):
            opened.seek(page * 4096)
            opened.write(b"\xff" * 64)
    found = Ledger(home.store).verify(home.path)
    assert not found.ok
    assert "damaged" in found.first_broken


def test_a_copy_of_the_store_has_the_same_digests(team_home, tmp_path):
    """PostGIS and SQLite; numbers, JSON, moments and ground are told alike."""
    out = tmp_path / "copy.sqlite"
    backup(team_home.store, out)
    with Store.open(f"sqlite:///{out}") as copy:
        found = Ledger(copy).verify(team_home.path, team_home.head)
    assert found.ok, found.first_broken
    assert team_home.verify(team_home.head) == found


def test_postgis_finds_what_sqlite_finds(team_home):
    assert team_home.verify(team_home.head).ok
    for sql, name in ROWS:
        if "DELETE" in sql:
            continue
        table = sql.split()[1]
        with team_home.store.engine.connect() as connection:
            old = connection.execute(tables.metadata.tables[table].select()).mappings().all()
        team_home.tamper(sql)
        assert name in team_home.verify().first_broken
        _put_back(team_home, tables.metadata.tables[table], old)
    assert team_home.verify(team_home.head).ok
    team_home.tamper("DELETE FROM evidence WHERE seq = (SELECT max(seq) FROM evidence)")
    assert "its head is not what its records give" in team_home.verify().first_broken


def _put_back(home, table, rows):
    keys = list(table.primary_key.columns)
    with home.store.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for row in rows:
            mine = sa.and_(*(key == row[key.name] for key in keys))
            connection.execute(table.update().where(mine).values(dict(row)))


def test_a_result_that_was_changed_before_it_was_kept_is_refused(home):
    folder = home.path / "patrol" / "night3" / "20250504"
    keep(home.path, "night3", folder)
    _flip(folder / "leads.gpkg")
    with pytest.raises(OutputError, match="was changed after its run"):
        keep(home.path, "night3", folder)


@given(st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bit_of_any_kept_file(home, data):
    files = sorted(path for path in (home.path / "evidence").rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = path.read_bytes()
    changed = bytearray(content)
    changed[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.chmod(0o644)
    path.write_bytes(changed)
    found = home.verify()
    path.write_bytes(content)
    assert not found.ok
    assert path.relative_to(home.path).as_posix() in found.first_broken or path.parent.name == "files"


def test_images_cost_no_room_and_what_qgis_opens_is_a_copy(home):
    kept, made = home.path / "evidence" / "night3" / "20250504", home.path / "patrol" / "night3" / "20250504"
    assert (kept / "imagery/before_32650.tif").samefile(made / "imagery/before_32650.tif")
    assert not (kept / "leads.gpkg").samefile(made / "leads.gpkg")
    assert all(path.stat().st_mode & 0o222 == 0 for path in kept.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd"])
def test_a_record_that_names_files_elsewhere_is_refused(tmp_path, name):
    (tmp_path / "run.json").write_text(json.dumps({"outputs": {name: "00"}}))
    with pytest.raises(OutputError, match="outside its folder"):
        keep(tmp_path / "home", "r", tmp_path)

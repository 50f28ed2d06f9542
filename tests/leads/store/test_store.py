"""What the store is asked, keeps and copies, on SQLite and PostGIS alike."""

import datetime as dt
import json

import pytest
import shapely
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from store_sites import AT, BY, GROUND, day, look, night, rect

from leads.evidence.chain import Ledger
from leads.evidence.cover import append_store_rows
from leads.evidence.witness import Witness
from leads.store import tables
from leads.store.copies import backup, move, restore
from leads.store.errors import StoreError, StoreVersionError
from leads.store.places import near
from leads.store.query import LeadQuery
from leads.store.records import Confidence, CoverageRecord, RunRecord, SeenScene, Stock
from leads.store.schema import REVISIONS
from leads.store.store import Store


def test_leads_are_asked_for_by_everything_that_matters(store):
    night(store, look(1, [rect(0, 0)], inventory=True), look(5, [rect(6, 6)], detector="grassland"))
    night(store, look(9, [rect(0, 0)]))
    mine, grass = (next(store.leads(LeadQuery(detectors=(name,)))).id for name in ("mine", "grassland"))
    for query, expected in (
        (LeadQuery(), {mine, grass}),
        (LeadQuery(ids=(grass,)), {grass}),
        (LeadQuery(aoi="nowhere"), set()),
        (LeadQuery(stocks=(Stock.INVENTORY,)), {mine}),
        (LeadQuery(confidences=(Confidence.CONFIRMED,)), {mine}),
        (LeadQuery(statuses=("new",)), {mine, grass}),
        (LeadQuery(statuses=("rejected",)), set()),
        (LeadQuery(since=day(2)), {grass}),
        (LeadQuery(until=day(2)), {mine}),
        (LeadQuery(bbox=rect(6.5, 6.5).bounds), {grass}),
        (LeadQuery(geometry=rect(0.5, 0.5, 0.1, 0.1)), {mine}),
        (LeadQuery(bbox=GROUND.bounds, geometry=rect(3, 3)), set()),
        (LeadQuery(changed_since=dt.datetime(2100, 1, 1, tzinfo=dt.UTC)), set()),
        (LeadQuery(limit=0), set()),
    ):
        assert {one.id for one in store.leads(query)} == expected, query
        assert store.count(query) == len(expected), query
    assert len(list(store.leads(LeadQuery(limit=1)))) == 1


def test_the_spatial_index_is_used(store):
    with store.reading() as connection:
        dialect = connection.dialect.name
        asked = sa.select(tables.leads.c.number).where(near("leads", (120.0, 49.5, 120.1, 49.6), dialect))
        text = str(asked.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
        if dialect == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plan = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}".replace("%", "%%"))]
        else:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    assert any("VIRTUAL TABLE INDEX" in line or "ix_leads_reach_place" in line for line in plan), plan


def test_no_statement_of_a_night_reads_all_leads(sqlite_store):
    asked: list[tuple[str, object]] = []
    with Store.open(sqlite_store()) as store:
        night(store, look(1, [rect(2 * x, 0) for x in range(5)]))
        append_store_rows(Ledger(store), "first")

        @sa.event.listens_for(store.engine, "before_cursor_execute")
        def keep(_connection, _cursor, statement, parameters, _context, many):
            if statement.startswith(("SELECT", "UPDATE")):
                asked.append((statement, parameters[0] if many else parameters))

        late = [look(3, [rect(0, 0, 1.4), rect(20, 0)]), look(2, [rect(2, 0)])]
        witness = Witness(Ledger(store), "late")  # its questions are part of the night
        store.night("late", "steppe", late, (), (), witness)
        assert witness.altered == []
        sa.event.remove(store.engine, "before_cursor_execute", keep)
        assert len(asked) > 20
        wholes = [f"SCAN {name}" for name in ("leads", "observations", "links", "outlines", "evidence")]
        with store.reading() as connection:
            for statement, parameters in asked:
                plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
                for line in plan:
                    newest = "ORDER BY evidence.seq DESC\n LIMIT" in statement  # begins at the end and stops there
                    assert newest or line not in wholes, (statement, plan)
                    assert "leads_1 (detector=?)" not in line, (statement, plan)
                    assert "observations_1 (detector=?)" not in line, (statement, plan)


def test_runs_coverage_and_scenes(store):
    run = RunRecord("r1", "patrol", "steppe", day(1), AT, None, 0, "1.0", "runs/r1/run.json", "")
    store.begin_run(run)
    store.begin_run(run)
    store.finish_run("r1", 3, "f" * 64, AT)
    assert store.runs(aoi="steppe", since=day(1), until=day(1))[0].exit_code == 3
    assert store.runs(since=day(2)) == ()
    with pytest.raises(StoreError, match="not in the store"):
        store.finish_run("r2", 0, "", AT)
    row = CoverageRecord("r1", "steppe", "b1", "after", day(1), 0.7, 0.3, 0.0, 0.0, "", rect(0, 0))
    scene = SeenScene("steppe", "b1", "S2A", "r1", day(1))
    for _ in range(2):
        store.night("r1", "steppe", [], [row], [scene])
    assert list(store.coverage("steppe", day(0), day(2))) == [row]
    assert store.seen_scenes("steppe", "b1") == {"S2A"}
    assert store.seen_scenes("valley", "b1") == frozenset()


def test_a_night_is_of_one_area(store):
    with pytest.raises(StoreError, match="valley"):
        store.night("r", "steppe", [look(1, [rect(0, 0)], aoi="valley")], (), ())
    assert store.count() == 0


@pytest.mark.parametrize("table", tables.APPEND_ONLY)
def test_facts_are_neither_changed_nor_taken_out(store, table):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    store.review(lead_id, 1, "confirmed", "", "", **BY)
    with store.writing() as connection:
        connection.execute(
            tables.evidence.insert(), dict.fromkeys(("run_id", "kind", "name", "sha256", "prev", "link"), "")
        )
        at = {"created": AT, "updated": AT, "opened": day(1), "version": 1}
        texts = ("id", "title", "state", "regulator", "addressee", "jurisdiction")
        connection.execute(tables.cases.insert(), dict.fromkeys(texts, "c") | at)
        connection.execute(tables.case_events.insert(), {"case_id": "c", "state": "", "at": AT, "by": "", "note": ""})
    column = next(iter(tables.metadata.tables[table].columns)).name
    for statement in (f"UPDATE {table} SET {column} = {column} + 1", f"DELETE FROM {table}"):
        with pytest.raises(DBAPIError, match="append-only"), store.writing() as connection:
            connection.exec_driver_sql(statement)


def test_the_migrations_make_the_tables_that_the_code_declares(store):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def ours(_object, name, kind, _reflected, _compare_to):
        return kind != "table" or name in tables.metadata.tables

    with store.reading() as connection:
        told = {"include_object": ours, "version_table": "weixun_version", "compare_type": False}
        differences = compare_metadata(MigrationContext.configure(connection, opts=told), tables.metadata)
    indices = [one for one in differences if one[0] == "remove_index" and "_place" in str(one[1].name)]
    assert [one for one in differences if one not in indices] == []


def test_a_store_of_a_newer_program_is_not_touched(url):
    with Store.open(url) as store, store.writing() as connection:
        connection.exec_driver_sql("UPDATE weixun_version SET version_num = '9999'")
    with pytest.raises(StoreVersionError, match=f"newer Weixun.*{REVISIONS[-1]}"):
        Store.open(url)


def everything(store):
    with store.reading() as connection:
        return {
            name: sorted(
                repr([shapely.to_wkb(one) if isinstance(one, shapely.Geometry) else
                      json.dumps(one, sort_keys=True) if isinstance(one, dict | list) else one for one in row])
                for row in connection.execute(table.select())
            )
            for name, table in tables.metadata.tables.items()
        }  # fmt: skip


def test_backup_restore_and_move_keep_everything(store, tmp_path, sqlite_store, postgis_store):
    (lead_id,) = night(store, look(1, [rect(0, 0)]), look(2, [rect(3, 3)])).new[:1]
    store.review(lead_id, 1, "rejected", "fire", "烧荒", **BY, outline=rect(0, 0))
    file = tmp_path / "saved" / "store.sqlite"
    assert backup(store, file) == 2
    with pytest.raises(StoreError, match="there already"):
        backup(store, file)
    for make in (sqlite_store, postgis_store):
        url = make()
        assert restore(file, url) == 2
        with Store.open(url) as other:
            assert everything(other) == everything(store)
            night(other, look(3, [rect(0, 0), rect(8, 8)]))  # numbers and index go on
            assert other.count() == 3
            assert other.review(lead_id, 2, "confirmed", "", "", **BY).kind == "applied"
        with pytest.raises(StoreError, match="holds data already"):
            restore(file, url)
        target = make()
        assert move(store, target) == 2
        with Store.open(target) as other:
            assert everything(other) == everything(store)
    assert [path.name for path in file.parent.iterdir()] == ["store.sqlite"]

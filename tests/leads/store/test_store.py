"""What the store promises, on SQLite and PostGIS alike."""

import datetime as dt
import json

import pytest
import shapely
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box
from sqlalchemy.exc import DBAPIError
from store_sites import GROUND, day, look, rect

from leads.evidence.chain import Ledger
from leads.evidence.cover import append_store_rows
from leads.evidence.witness import Witness
from leads.store import tables
from leads.store.copies import backup, move, restore
from leads.store.errors import StoreError, StoreVersionError
from leads.store.outcome import NightResult
from leads.store.places import near
from leads.store.query import LeadQuery
from leads.store.records import Confidence, CoverageRecord, OutlineKind, RunRecord, SeenScene, Stock
from leads.store.schema import REVISIONS
from leads.store.store import Store
from leads.tracking.clear import shares
from leads.tracking.overlap import array_of, grown_past

AT = dt.datetime(2025, 7, 1, 3, 4, 5, tzinfo=dt.UTC)
BY = {"reviewer": "王检", "at": AT, "source": "inbox.gpkg", "source_sha256": "a" * 64}


def night(store, *looks, run="run"):
    return store.night(run, looks[0].aoi, looks, (), ())


def only(store):
    (lead,) = store.leads()
    return lead


# --- tracking through the store ---------------------------------------------------------------------------------------


def test_one_look_is_provisional_the_second_confirms_and_keeps_the_id(store):
    first = night(store, look(1, [rect(0, 0)], inventory=True))
    assert only(store).confidence is Confidence.PROVISIONAL
    assert only(store).stock is Stock.INVENTORY
    second = night(store, look(4, [rect(0, 0)]))
    assert second == NightResult(confirmed=first.new)
    lead = only(store)
    assert (lead.id, lead.looks, lead.first_seen, lead.last_seen) == (*first.new, 2, day(1), day(4))
    assert lead.attributes["lead_id"] == lead.id
    assert lead.attributes["grade"] == "confirmed"


def test_further_days_of_a_scan_are_looks_of_their_own(store):
    night(store, look(4, [rect(0, 0)], dates_seen=(day(1), day(4))))
    lead = only(store)
    assert (lead.confidence, lead.looks, lead.first_seen) == (Confidence.CONFIRMED, 2, day(1))


def test_two_clear_looks_without_it_withdraw_a_lead_and_a_sighting_returns_it(store):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    assert night(store, look(2, [])) == NightResult(unchanged=1)
    assert night(store, look(3, [])).withdrawn == (lead_id,)
    assert [one.seen for one in store.observations(lead_id)] == [True, False, False]
    assert night(store, look(5, [rect(0, 0)])).returned == (lead_id,)
    assert only(store).confidence is Confidence.PROVISIONAL
    assert only(store).first_seen == day(1)


@pytest.mark.parametrize(
    "silent",
    [
        {"clear": rect(5, 5)},  # elsewhere
        {"clear": box(120.0, 49.5, 120.0 + 0.002 * 0.7, 49.502)},  # 70 % of it
        {"before": day(3)},  # compared with an image that shows it already
    ],
)
def test_a_look_that_could_not_show_it_says_nothing(store, silent):
    night(store, look(1, [rect(0, 0)]))
    for number in (4, 5, 6):
        night(store, look(number, [], **silent))
    assert only(store).confidence is Confidence.PROVISIONAL
    assert len(store.observations(only(store).id)) == 1


def test_the_conduct_is_dated_by_the_last_clear_look_that_did_not_show_it(store):
    night(store, look(2, [rect(6, 6)]))
    night(store, look(5, [rect(6, 6)], clear=rect(5, 5, 3, 3)))  # clouds over the other place
    night(store, look(9, [rect(6, 6), rect(0, 0)]))
    lead = next(one for one in store.leads() if one.first_seen == day(9))
    assert (lead.last_before, lead.first_seen) == (day(2), day(9))
    night(store, look(7, [rect(6, 6)]))  # comes late and narrows it
    assert store.lead(lead.id).last_before == day(7)


def test_an_earlier_look_that_comes_late_dates_the_lead_earlier_under_its_id(store):
    (lead_id,) = night(store, look(9, [rect(0, 0)])).new
    assert night(store, look(3, [rect(0, 0)])).new == ()
    lead = only(store)
    assert (lead.id, lead.first_seen, lead.looks, lead.confidence) == (lead_id, day(3), 2, Confidence.CONFIRMED)


def test_a_first_sighting_that_is_part_of_more_is_dated_by_looks_at_all_of_it(store):
    """Another look of the same day brings the other half; a look that was clear of the first half alone says nothing
    of the whole, and the interval becomes what the looks support."""
    night(store, look(6, []), look(7, [], clear=rect(0, 0, 2)))
    (lead_id,) = night(store, look(9, [rect(0, 0, 2)], last_before=day(-2))).new
    assert store.lead(lead_id).last_before == day(7)
    night(store, look(9, [rect(1, 0, 5)], last_before=day(-2)))
    (whole,) = store.leads()
    assert (whole.first_seen, whole.last_before) == (day(9), day(6))


def test_growth_raises_the_version_and_small_shifts_do_not(store):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    assert night(store, look(2, [rect(0, 0, 1.03)])).grown == ()
    assert only(store).version == 1
    assert night(store, look(3, [rect(0, 0, 2)])).grown == (lead_id,)
    assert only(store).version == 2
    assert [(one.version, one.kind) for one in store.outlines(lead_id)] == [
        (1, OutlineKind.MACHINE),
        (2, OutlineKind.MACHINE),
    ]


def test_what_clouds_hide_stays_part_of_the_outline(store):
    night(store, look(1, [rect(0, 0, 4)]))
    night(store, look(2, [rect(0, 0, 2)], clear=rect(0, 0, 2)))
    assert only(store).geometry.symmetric_difference(rect(0, 0, 4)).area < 1e-12
    night(store, look(3, [rect(0, 0, 2)]))
    assert only(store).geometry.equals(rect(0, 0, 2))


def test_two_that_one_look_joins_are_one_and_come_apart_as_themselves(store):
    old, young = night(store, look(1, [rect(0, 0)])).new + night(store, look(2, [rect(0, 0), rect(2, 0)])).new
    joined = night(store, look(3, [rect(0, 0, 3)]))
    assert joined.merged == {young: old}
    assert only(store).parents == (young,)
    assert store.lead(young).into == old
    assert night(store, look(4, [rect(0, 0), rect(2, 0)])).returned == (young,)
    assert {one.id for one in store.leads()} == {old, young}


def test_a_piece_is_a_lead_of_its_own_on_the_second_look_that_shows_it_apart(store):
    (lead_id,) = night(store, look(1, [rect(0, 0, 5)])).new
    assert night(store, look(2, [rect(0, 0, 2), rect(4, 0)])).split == {}
    assert store.count() == 1
    split = night(store, look(3, [rect(0, 0, 2), rect(4, 0)])).split
    assert list(split) == [lead_id]
    (piece,) = split[lead_id]
    assert store.lead(piece).parents == (lead_id,)
    assert store.lead(piece).first_seen == day(1)
    assert store.lead(piece).confidence is Confidence.CONFIRMED


def test_models_and_far_places_are_never_matched(store):
    night(store, look(1, [rect(0, 0)]), look(1, [rect(0, 0)], detector="grassland"), look(1, [rect(3, 3)]))
    assert store.count() == 3
    assert store.count(LeadQuery(detectors=("mine",))) == 2


def test_two_areas_that_overlap_share_a_lead(store):
    night(store, look(1, [rect(0, 0)], aoi="steppe"))
    told = night(store, look(1, [rect(0, 0, 1.02)], aoi="valley"))
    assert (told.new, store.count(), only(store).looks) == ((), 1, 1)


def test_leads_that_share_a_proposed_id_are_told_apart(store):
    night(store, look(1, [rect(0, 0)]))
    night(store, look(1, [box(120.00099, 49.50099, 120.00101, 49.50101)], detector="mine", clear=rect(9, 9)))
    assert len({one.id for one in store.leads()}) == store.count()


# --- reviews ----------------------------------------------------------------------------------------------------------


def test_a_review_is_applied_once_and_a_stale_one_is_a_conflict(store):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    assert store.review(lead_id, 1, "confirmed", "", "挖损明显", **BY).kind == "applied"
    assert store.review(lead_id, 1, "confirmed", "", "挖损明显", **BY).kind == "unchanged"
    stale = store.review(lead_id, 1, "rejected", "cloud", "", **{**BY, "reviewer": "李检"})
    assert (stale.kind, "version 2" in stale.message) == ("conflict", True)
    lead = store.lead(lead_id)
    assert (lead.status, lead.reviewer, lead.remark, lead.version) == ("confirmed", "王检", "挖损明显", 2)
    assert [(one.status, one.base_version, one.at) for one in store.reviews(lead_id)] == [("confirmed", 1, AT)]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"status": "maybe"}, "unknown status"),
        ({"status": "rejected"}, "without a reason"),
        ({"status": "rejected", "reason": "moon"}, "unknown reason"),
        ({"remark": "x" * 4001}, "longer than"),
        ({"remark": "a\0b"}, "zero character"),
        ({"survey_m2": float("nan")}, "no positive number"),
        ({"outline": shapely.Point(120, 49.5)}, "no polygon"),
        ({"outline": shapely.Polygon([(120, 49.5), (120.01, 49.51), (120.01, 49.5), (120, 49.51)])}, "crosses itself"),
        ({"outline": box(100, 30, 100.1, 30.1)}, "far from the lead"),
    ],
)
def test_a_review_that_makes_no_sense_is_refused_and_leaves_no_trace(store, told, says):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    verdict = {"status": "confirmed", "reason": "", "remark": ""} | told
    outcome = store.review(lead_id, 1, **verdict, **BY)
    assert (outcome.kind, says in outcome.message) == ("invalid", True), outcome
    assert (store.lead(lead_id).version, store.reviews(lead_id)) == (1, ())


def test_reviews_of_unknown_merged_and_withdrawn_leads(store):
    assert store.review("WX-NONE", 1, "confirmed", "", "", **BY).kind == "unknown"
    old, young = night(store, look(1, [rect(0, 0)])).new + night(store, look(2, [rect(0, 0), rect(2, 0)])).new
    night(store, look(3, [rect(0, 0, 3)]))
    told = store.review(young, 1, "confirmed", "", "", **BY)
    assert (told.kind, old in told.message) == ("conflict", True)
    night(store, look(4, []), look(5, []))
    lead = store.lead(old)
    assert lead.confidence is Confidence.WITHDRAWN
    told = store.review(old, lead.version, "confirmed", "", "", **BY)
    assert (told.kind, "withdrawn" in told.message, store.lead(old).status) == ("applied", True, "confirmed")


def test_any_text_of_an_analyst_comes_back_as_written(store):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new

    @given(text=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=60))
    @settings(max_examples=20, deadline=None)
    def written(text):
        version = store.lead(lead_id).version
        store.review(lead_id, version, "confirmed", "", text, **{**BY, "reviewer": text})
        assert (store.lead(lead_id).remark, store.lead(lead_id).reviewer) == (text, text)

    written()


def test_hostile_text_is_data(store):
    hostile = '\'); DROP TABLE leads; -- <script>alert(1)</script> =HYPERLINK("x") "quoted" \\ %s :x'
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    store.review(lead_id, 1, "confirmed", "", hostile, **BY)
    assert store.lead(lead_id).remark == hostile
    assert store.count(LeadQuery(place="%")) == 0
    assert store.lead(hostile) is None


def test_an_analysts_outline_and_a_survey_stand_beside_the_machines(store):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    store.review(lead_id, 1, "confirmed", "", "", **BY, outline=rect(0, 0, 0.9), survey_m2=31000.0)
    kinds = {one.kind: one for one in store.outlines(lead_id)}
    assert set(kinds) == set(OutlineKind)
    assert kinds[OutlineKind.ANALYST].geometry.equals(rect(0, 0, 0.9))
    assert kinds[OutlineKind.SURVEY].area_m2 == 31000.0
    assert store.lead(lead_id).geometry.equals(rect(0, 0))


def test_a_rejected_lead_returns_only_when_it_grows_past_its_outline(store):
    (lead_id,) = night(store, look(1, [rect(0, 0)])).new
    store.review(lead_id, 1, "rejected", "mowing", "", **BY)
    night(store, look(2, [rect(0, 0, 1.1)]))
    assert (store.lead(lead_id).status, store.lead(lead_id).reason) == ("rejected", "mowing")
    told = night(store, look(3, [rect(0, 0, 2)]))
    assert (told.returned, told.new) == ((lead_id,), ())
    assert (store.lead(lead_id).status, store.lead(lead_id).reason) == ("new", "")


def test_three_rejected_for_one_reason_near_each_other_make_a_zone(store):
    grounds = [rect(0, 0), rect(2, 0), rect(0, 2), rect(30, 30)]
    ids = night(store, look(1, grounds)).new
    for lead_id in ids:
        store.review(lead_id, 1, "rejected", "mowing", "", **BY)
    (zone,) = store.zones("steppe")
    assert (zone.detector, zone.reason, zone.proposed) == ("mine", "mowing", True)
    assert all(zone.geometry.contains(ground) for ground in grounds[:3])
    assert not zone.geometry.intersects(grounds[3])
    assert store.decide_zone(zone.id, True, "王检").proposed is False
    assert store.zones("steppe")[0].decided_by == "王检"
    store.decide_zone(zone.id, False, "王检")
    assert store.zones("steppe") == ()
    with pytest.raises(StoreError, match="no zone 99"):
        store.decide_zone(99, True, "x")


# --- asking -----------------------------------------------------------------------------------------------------------


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


# --- facts are kept ---------------------------------------------------------------------------------------------------


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


# --- copies -----------------------------------------------------------------------------------------------------------


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


# --- small parts ------------------------------------------------------------------------------------------------------


def test_shares_of_several_grounds_are_of_their_union():
    grounds = [rect(0, 0, 0.5), rect(0.25, 0, 0.5), shapely.Polygon()]
    assert shares(array_of([rect(0, 0), rect(5, 5), rect(0.1, 0.1, 0.1, 0.1)]), grounds) == pytest.approx([0.75, 0, 1])


def test_growing_past_allows_a_pixel():
    assert not grown_past(rect(0, 0, 1.05), rect(0, 0), 10.0)
    assert not grown_past(rect(0, 0, 1.3), rect(0, 0), 10.0)  # 24 % larger, 19 % beyond a pixel
    assert grown_past(rect(0, 0, 1.5), rect(0, 0), 10.0)
    assert not grown_past(rect(0, 0), rect(0, 0, 2), 10.0)

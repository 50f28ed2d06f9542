import datetime as dt
import hashlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import errors
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from leads.desk.postgis import ANALYST, MAINTAINER, READER, prepare
from leads.store.records import LeadRecord, OutlineKind
from leads.store.store import Store

Login = Callable[[str, str], Any]


@pytest.fixture
def store(postgis_store: Callable[[], str]) -> Iterator[Store]:
    with Store.open(postgis_store()) as opened:
        for _ in range(2):  # preparing it again changes nothing
            with opened.writing(alone=True) as connection:
                prepare(connection)
        yield opened


@pytest.fixture
def leads(store: Store, fill: Callable[..., list[LeadRecord]]) -> list[LeadRecord]:
    return fill(store, 4)


@pytest.fixture
def login(store: Store) -> Iterator[Login]:
    """A connection of somebody with a role; logins are made as they are asked for."""
    opened = []

    def make(name: str, role: str) -> Any:
        url = store.engine.url
        with store.engine.connect() as connection:
            known = connection.execute(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name}).first()
            if known is None:
                connection.exec_driver_sql(f'CREATE ROLE "{name}" LOGIN')
            connection.exec_driver_sql(f'GRANT {role} TO "{name}"')
            connection.commit()
        there = psycopg.connect(
            host=url.query["host"], port=url.query["port"], dbname=url.database, user=name, autocommit=True
        )
        opened.append(there)
        return there

    yield make
    for connection in opened:
        connection.close()


def key(lead: LeadRecord) -> str:
    return f"{lead.id}@{lead.version}"


def test_a_verdict_is_a_review_event_with_login_and_time(store: Store, leads: list[LeadRecord], login: Login) -> None:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=5)
    drawn = leads[0].geometry.buffer(0.0004)
    values = "status = 'confirmed', remark = %s, area_srv = 40000, geom = ST_Multi(%s::geometry)"
    sql = f"UPDATE desk.leads SET {values} WHERE key = %s"
    login("wang", ANALYST).execute(sql, ("属实", f"SRID=4326;{drawn.wkt}", key(leads[0])))
    now = store.lead(leads[0].id)
    assert now is not None
    assert (now.status, now.remark, now.reviewer, now.version) == ("confirmed", "属实", "wang", leads[0].version + 1)
    (event,) = store.reviews(leads[0].id)
    assert (event.reviewer, event.source, event.base_version) == ("wang", "postgis", leads[0].version)
    assert before < event.at < before + dt.timedelta(minutes=5)
    by_kind = {outline.kind: outline for outline in store.outlines(leads[0].id)}
    assert by_kind[OutlineKind.ANALYST].area_m2 == pytest.approx(geodesic_area_m2(drawn), rel=1e-6)
    assert by_kind[OutlineKind.SURVEY].area_m2 == 40000
    assert by_kind[OutlineKind.ANALYST].made_by == "wang"


def test_a_stale_edit_is_an_error_and_changes_nothing(store: Store, leads: list[LeadRecord], login: Login) -> None:
    sql = "UPDATE desk.leads SET status = %s WHERE key = %s"
    login("wang", ANALYST).execute(sql, ("confirmed", key(leads[0])))
    with pytest.raises(errors.SerializationFailure, match="changed by somebody else"):
        login("li", ANALYST).execute(sql, ("known", key(leads[0])))
    now = store.lead(leads[0].id)
    assert now is not None
    assert (now.status, now.reviewer) == ("confirmed", "wang")


def test_two_edits_at_the_same_moment_one_is_told(store: Store, leads: list[LeadRecord], login: Login) -> None:
    """The second waits for the first, and then must not go by what it read before."""
    first, second = login("wang", ANALYST), login("li", ANALYST)
    sql = "UPDATE desk.leads SET status = %s WHERE key = %s"
    said: list[BaseException | None] = []

    def edit() -> None:
        try:
            second.execute(sql, ("known", key(leads[0])))
            said.append(None)
        except psycopg.Error as error:
            said.append(error)

    with first.transaction():
        first.execute(sql, ("confirmed", key(leads[0])))
        thread = threading.Thread(target=edit)
        thread.start()
        thread.join(1.0)
        assert said == []
    thread.join(20)
    assert isinstance(said[0], errors.SerializationFailure)
    assert [event.status for event in store.reviews(leads[0].id)] == ["confirmed"]


def test_after_a_reload_the_same_analyst_goes_on(store: Store, leads: list[LeadRecord], login: Login) -> None:
    wang = login("wang", ANALYST)
    for status in ("known", "confirmed"):
        now = store.lead(leads[0].id)
        assert now is not None
        wang.execute("UPDATE desk.leads SET status = %s WHERE key = %s", (status, key(now)))
    assert [event.status for event in store.reviews(leads[0].id)] == ["known", "confirmed"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("status = 'rejected'", "rejected without a reason"),
        ("status = 'guilty'", "unknown status guilty"),
        ("status = 'rejected', reason = 'because'", "unknown reason because"),
        ("area_srv = -1", "no area"),
        ("remark = repeat('x', 5000)", "longer than"),
        ("geom = ST_Multi(ST_GeomFromText('POLYGON((0 0, 1 1, 1 0, 0 1, 0 0))', 4326))", "crosses itself"),
        ("geom = ST_Multi(ST_Translate(geom, 3, 0))", "far away"),
        ("geom = NULL", "empty"),
    ],
)
def test_what_makes_no_sense_is_refused(
    store: Store, leads: list[LeadRecord], login: Login, change: str, said: str
) -> None:
    with pytest.raises(errors.CheckViolation, match=said):
        login("wang", ANALYST).execute(f"UPDATE desk.leads SET {change} WHERE key = %s", (key(leads[0]),))
    assert store.reviews(leads[0].id) == ()


def test_hostile_text_stays_text(store: Store, leads: list[LeadRecord], login: Login) -> None:
    hostile = "<script>=1+1 '; DROP TABLE leads;-- \x07\x1b[2J"
    login("wang", ANALYST).execute("UPDATE desk.leads SET remark = %s WHERE key = %s", (hostile, key(leads[0])))
    now = store.lead(leads[0].id)
    assert now is not None
    assert now.remark == "<script>=1+1 '; DROP TABLE leads;-- [2J"


@pytest.mark.parametrize(
    ("role", "sql"),
    [
        (READER, "UPDATE desk.leads SET status = 'known'"),
        (READER, "SELECT * FROM reviews"),
        (ANALYST, "SELECT * FROM leads"),
        (ANALYST, "UPDATE desk.leads SET lead_id = 'x'"),
        (ANALYST, "UPDATE desk.leads SET base_version = 99"),
        (ANALYST, "DELETE FROM desk.leads"),
        (ANALYST, "INSERT INTO desk.leads (lead_id) VALUES ('x')"),
        (ANALYST, "INSERT INTO reviews (lead_id) VALUES ('x')"),
        (ANALYST, "UPDATE desk.machine SET status = 'known'"),
        (ANALYST, "CREATE TABLE desk.mine (id int)"),
    ],
)
def test_nobody_may_do_more_than_the_role_says(leads: list[LeadRecord], login: Login, role: str, sql: str) -> None:
    with pytest.raises((errors.InsufficientPrivilege, errors.ObjectNotInPrerequisiteState)):
        login(f"some_{role}", role).execute(sql)


def test_everybody_may_look(leads: list[LeadRecord], login: Login) -> None:
    seen = (
        login("reader", READER).execute("SELECT lead_id, base_version, regulator FROM desk.leads ORDER BY 1").fetchall()
    )
    assert [row[:2] for row in seen] == [(lead.id, lead.version) for lead in leads]
    assert login("keeper", MAINTAINER).execute("SELECT count(*) FROM reviews").fetchone() == (0,)


def test_the_trigger_does_what_the_store_does(
    store: Store, leads: list[LeadRecord], login: Login, on_ground: Callable[..., BaseGeometry]
) -> None:
    """Two leads judged alike, one by each way: their rows differ in nothing but their own names."""
    at = dt.datetime(2024, 7, 22, 9, 0, tzinfo=dt.UTC)
    store.review(leads[0].id, leads[0].version, "rejected", "mowing", "同", "wang", at, "postgis", "")
    sql = "UPDATE desk.leads SET status = 'rejected', reason = 'mowing', remark = '同' WHERE key = %s"
    login("wang", ANALYST).execute(sql, (key(leads[1]),))
    with store.reading() as connection:
        rows = {row["id"]: dict(row) for row in connection.execute(sa.text("SELECT * FROM leads")).mappings()}
        events = {row["lead_id"]: dict(row) for row in connection.execute(sa.text("SELECT * FROM reviews")).mappings()}
    own = {"id", "number", "root", "newest", "geometry", "reach", "handed_out", "judged", "updated", "lead_id", "at"}
    own |= {"area_m2", "area_low_m2", "area_high_m2", "created", "place"}
    for found in (rows, events):
        one, other = ({k: v for k, v in found[lead.id].items() if k not in own} for lead in leads[:2])
        assert one == other
    for row in (rows[lead.id] for lead in leads[:2]):
        assert row["judged"] == row["geometry"]
    assert hashlib.sha256(b"").hexdigest() not in {event["drawn_sha256"] for event in events.values()}

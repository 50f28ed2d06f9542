"""Analysts and nights at the same time: no decision is lost, and what can not be taken over is told."""

import datetime as dt
import random
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors
from shapely.geometry.base import BaseGeometry

from leads.desk.postgis import ANALYST, prepare
from leads.desk.shelf import beside_of
from leads.desk.take import take_review
from leads.store.records import LeadRecord, OutlineKind
from leads.store.store import Store

pytestmark = pytest.mark.slow

AT = dt.datetime(2024, 9, 1, 9, 0, tzinfo=dt.UTC)
COMMIT = Path(__file__).with_name("commit_in_qgis.py")


def grown(leads: list[LeadRecord], number: int) -> list[BaseGeometry]:
    """Every third lead a good deal larger from night to night, the others as they were."""
    return [
        lead.geometry.buffer(0.0003 * number) if place % 3 == 1 else lead.geometry for place, lead in enumerate(leads)
    ]


@pytest.mark.qgis
def test_thirty_qgis_commits_against_nights_on_inboxes(
    qgis_python: str,
    sqlite_store: Callable[[], str],
    fill: Callable[..., list[LeadRecord]],
    take_night: Callable[..., None],
    make_inbox: Callable[..., Path],
    tmp_path: Path,
) -> None:
    with Store.open(sqlite_store()) as store:
        leads = fill(store, 30)
        inbox = make_inbox(tmp_path, leads)
        qgis = subprocess.Popen(
            [qgis_python, str(COMMIT), str(inbox.with_suffix(".qgz")), "30"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        nights = 0
        while qgis.poll() is None:
            nights += 1
            night = dt.date(2024, 7, 20) + dt.timedelta(days=nights)
            take_night(store, f"night{nights}", grown(leads, nights % 4), night)
            now = list(store.leads())
            make_inbox(tmp_path, now, beside_of(store, now), night=night)
        said, wrong = qgis.communicate(timeout=60)
        assert qgis.returncode == 0, wrong[-2000:]
        commits = dict(line.rsplit(" ", 1) for line in said.splitlines() if line.startswith("WX-"))
        assert nights >= 2
        assert len(list(tmp_path.glob("inbox_*.gpkg"))) == nights + 1
        assert set(commits.values()) == {"True"}
        assert len(commits) == 30

        taken = take_review(store, inbox, AT)
        kinds = Counter(row.kind for row in taken.rows)
        assert kinds["applied"] + kinds["conflict"] == 30
        for row in taken.rows:
            now_ = store.lead(row.lead_id)
            events = store.reviews(row.lead_id)
            assert now_ is not None
            if row.kind == "applied":
                assert (now_.status, now_.reviewer, now_.remark[0]) == ("confirmed", "王检", "第")
                assert len(events) == 1
            else:
                assert (now_.status, events) == ("new", ())
                assert "version" in row.message
        drawn = [lead for lead in leads[::3] if any(o.kind is OutlineKind.ANALYST for o in store.outlines(lead.id))]
        assert drawn
        print(f"{nights} nights beside 30 commits: {dict(kinds)}")


def judge(there: Any, chance: random.Random, name: str, turn: int) -> tuple[str, str, str] | psycopg.Error:
    """One analyst looks at the list, takes a lead and judges it; what was told where that could not be."""
    key, lead_id = chance.choice(there.execute("SELECT key, lead_id FROM desk.leads").fetchall()[:12])  # so they meet
    moved = ", geom = ST_Multi(ST_Buffer(geom, 0.00002))" if turn % 5 == 0 else ""
    remark = f"{name} {turn}"
    try:
        there.execute(f"UPDATE desk.leads SET status = 'known', remark = %s{moved} WHERE key = %s", (remark, key))
    except psycopg.Error as error:
        return error
    return lead_id, name, remark


def test_eight_analysts_and_nights_at_once_on_postgis(
    postgis_store: Callable[[], str], fill: Callable[..., list[LeadRecord]], take_night: Callable[..., None]
) -> None:
    with Store.open(postgis_store()) as store:
        with store.writing(alone=True) as connection:
            prepare(connection)
        leads = fill(store, 24)
        url = store.engine.url
        names = [f"analyst{number}" for number in range(8)]
        with store.engine.connect() as connection:
            for name in names:
                connection.exec_driver_sql(f'CREATE ROLE "{name}" LOGIN IN ROLE {ANALYST}')
            connection.commit()
        taken: list[Any] = []
        told: list[Any] = []

        def analyst(name: str) -> None:
            there = psycopg.connect(
                host=url.query["host"], port=url.query["port"], dbname=url.database, user=name, autocommit=True
            )
            with there:
                for turn in range(30):
                    outcome = judge(there, random.Random(f"{name} {turn}"), name, turn)
                    (told if isinstance(outcome, psycopg.Error) else taken).append(outcome)

        def nights() -> None:
            for number in range(1, 7):
                day = dt.date(2024, 7, 20) + dt.timedelta(days=number)
                take_night(store, f"night{number}", grown(leads, number % 4), day)

        threads = [threading.Thread(target=analyst, args=(name,)) for name in names]
        threads.append(threading.Thread(target=nights))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(500)
        assert all(isinstance(error, errors.SerializationFailure) for error in told)
        assert len(taken) + len(told) == 8 * 30
        events = [(e.lead_id, e.reviewer, e.remark) for lead in store.leads() for e in store.reviews(lead.id)]
        assert sorted(events) == sorted(taken)
        assert told, "nobody met anybody: the test proves nothing"
        assert all("changed by somebody else" in str(error) for error in told)
        for lead in store.leads():
            history = store.reviews(lead.id)
            versions = [event.base_version for event in history]
            assert versions == sorted(set(versions))  # nobody's verdict was given over another that he had not seen
            if history:
                assert (lead.reviewer, lead.remark) == (history[-1].reviewer, history[-1].remark)
        assert len(store.runs()) == 0
        assert max(lead.last_seen for lead in store.leads()) == dt.date(2024, 7, 26)
        print(f"{len(taken)} verdicts taken, {len(told)} told to reload, 6 nights beside them")

"""A store that is locked, full, read-only, broken or killed: a clear sentence, and nothing lost."""

import datetime as dt
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from store_sites import look, rect

from leads.errors import DiskFullError
from leads.evidence.chain import Ledger
from leads.store import tables
from leads.store.errors import StoreError, StoreLockedError
from leads.store.store import LeadQuery, Store, home_store
from pipelines.cli import exit_code_of
from pipelines.errors import Exit

WRITER = Path(__file__).with_name("kill_writer.py")


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def standing(store: Store) -> list[tuple[object, ...]]:
    """Everything that a night writes, but for the moments."""
    with store.reading() as connection:
        leads = connection.execute(tables.leads.select().order_by(tables.leads.c.number)).mappings()
        rows = [tuple(str(value) for name, value in row.items() if name not in ("created", "updated")) for row in leads]
        for table in (tables.looks, tables.observations, tables.links, tables.outlines):
            count = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar()
            rows.append((table.name, count))
        if connection.dialect.name == "sqlite":
            rows.append(("place", connection.exec_driver_sql("SELECT count(*) FROM leads_place").scalar()))
    return rows


def test_a_locked_store_says_so_and_loses_nothing(sqlite_store):
    url = sqlite_store()
    with Store.open(url, wait_s=0.2) as store, closing(sqlite3.connect(path_of(url))) as other:
        store.night("r1", "steppe", [look(1, [rect(0, 0)])], (), ())
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLockedError, match="in use by another program") as caught:
            store.night("r2", "steppe", [look(2, [rect(0, 0)])], (), ())
        assert exit_code_of(caught.value) is Exit.LOCKED_OR_FULL
        assert next(store.leads()).looks == 1  # readers go on
        other.execute("ROLLBACK")
        assert store.night("r2", "steppe", [look(2, [rect(0, 0)])], (), ()).confirmed


def test_a_night_waits_for_another_on_postgis(postgis_store):
    url = postgis_store()
    with Store.open(url, wait_s=0.5) as store, Store.open(url) as other:
        with (
            other.writing(alone=True),
            pytest.raises(StoreLockedError, match="in use"),
        ):
            store.night("r", "steppe", [look(1, [rect(0, 0)])], (), ())
        assert store.night("r", "steppe", [look(1, [rect(0, 0)])], (), ()).new


def test_reviews_and_a_night_at_once_lose_no_decision_on_postgis(postgis_store):
    from concurrent.futures import ThreadPoolExecutor

    with Store.open(postgis_store()) as store:
        grounds = [rect(2 * x, 0) for x in range(16)]
        ids = store.night("r", "steppe", [look(1, grounds)], (), ()).new
        at = dt.datetime(2025, 7, 1, tzinfo=dt.UTC)

        def review(lead_id: str) -> str:
            return store.review(lead_id, 1, "confirmed", "", "", "wang", at, "x", "").kind

        with ThreadPoolExecutor(6) as pool:
            reviews = [pool.submit(review, lead_id) for lead_id in ids]
            nights = [
                pool.submit(store.night, f"r{number}", "steppe", [look(number, grounds)], (), ()) for number in (2, 3)
            ]
            assert [one.result() for one in reviews] == ["applied"] * len(ids)
            for one in nights:
                one.result()
        assert [(one.status, one.looks, one.version) for one in store.leads()] == [("confirmed", 3, 2)] * len(ids)


def test_a_full_disk_leaves_the_store_as_it_was(sqlite_store):
    url = sqlite_store()
    with Store.open(url) as store:
        store.night("r1", "steppe", [look(1, [rect(0, 0)])], (), ())
        before = standing(store)

        def narrow(connection, _record):
            connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0] + 4}")

        store.engine.dispose()
        sa.event.listen(store.engine, "connect", narrow)
        many = [rect(2 * x, 2 * y) for x in range(30) for y in range(30)]
        with pytest.raises(DiskFullError, match="disk is full; nothing of this step was written") as caught:
            store.night("r2", "steppe", [look(2, many)], (), ())
        assert exit_code_of(caught.value) is Exit.LOCKED_OR_FULL
        sa.event.remove(store.engine, "connect", narrow)
        store.engine.dispose()
        assert standing(store) == before


@pytest.mark.slow
def test_a_disk_that_really_is_full(tmp_path, missing):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(tmp_path)], check=False).returncode:
        missing("only root mounts a tmpfs; the same through SQLite's own limit runs above")
    try:
        with Store.open(f"sqlite:///{tmp_path}/store.sqlite") as store:
            store.night("r1", "steppe", [look(1, [rect(0, 0)])], (), ())
            before = standing(store)
            many = [rect(2 * x, 2 * y) for x in range(30) for y in range(30)]
            with pytest.raises(DiskFullError, match="disk is full"):
                store.night("r2", "steppe", [look(2, many)], (), ())
            assert standing(store) == before
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_store_that_may_only_be_read_is_read(sqlite_store, monkeypatch):
    url = sqlite_store()
    with Store.open(url) as store:
        store.night("r1", "steppe", [look(1, [rect(0, 0)])], (), ())
    monkeypatch.setattr(os, "access", lambda *_: False)
    with Store.open(url, create=False) as store:
        assert store.count() == 1
        with pytest.raises(StoreError, match="can not be written"):
            store.night("r2", "steppe", [look(2, [rect(0, 0)])], (), ())


def test_what_is_no_store_is_left_alone(tmp_path):
    text, other = tmp_path / "text.sqlite", tmp_path / "other.sqlite"
    text.write_text("not a database, and long enough to look at" * 40, "utf-8")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE mine (a)")
    for path, says in ((text, "damaged or is no store"), (other, "database of something else")):
        kept = path.read_bytes()
        with pytest.raises(StoreError, match=says):
            Store.open(f"sqlite:///{path}")
        assert path.read_bytes()[100:] == kept[100:]
    for url in ("sqlite://", "mysql://x/y", "nonsense"):
        with pytest.raises(StoreError):
            Store.open(url)


def test_no_store_yet_is_said_and_none_is_made(tmp_path, monkeypatch):
    monkeypatch.delenv("WEIXUN_STORE", raising=False)
    with pytest.raises(StoreError, match="there is no store"):
        home_store(tmp_path / "home", create=False)
    assert not (tmp_path / "home").exists()
    home_store(tmp_path / "home").close()
    assert (tmp_path / "home" / "store.sqlite").is_file()


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path):
    with pytest.raises(StoreError, match="does not answer") as caught:
        Store.open(f"postgresql://wang:hunter2@/weixun?host={tmp_path}&port=1")
    assert "hunter2" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgis"])
def test_killed_at_any_moment_a_night_is_there_whole_or_not_at_all(kind, request, tmp_path):
    make = request.getfixturevalue(f"{kind}_store")
    chance = random.Random(20260601)
    url = make()

    def start(number: int) -> subprocess.Popen[str]:
        child = subprocess.Popen([sys.executable, str(WRITER), url, str(number)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "writing\n"
        return child

    with start(0) as child:
        began = time.perf_counter()
        assert child.wait() == 0
    longest = time.perf_counter() - began
    outcomes = []
    number = 1
    for _ in range(20):
        with Store.open(url) as store:
            before = standing(store)
        with start(number) as child:
            time.sleep(chance.uniform(0, 1.1) * longest)
            child.send_signal(signal.SIGKILL)
        with Store.open(url) as store:
            after = standing(store)
            outcomes.append(after == before)
            if after != before:
                assert store.observations(next(store.leads()).id) is not None
                with store.reading() as connection:
                    seen = connection.execute(
                        sa.select(sa.func.count()).where(tables.observations.c.run_id == f"run{number}")
                    ).scalar()
                assert seen == 400 - number
                number += 1
            if kind == "sqlite":
                with store.reading() as connection:
                    assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            assert store.count(LeadQuery()) in (0, 400)
            proof = Ledger(store).verify(tmp_path)  # the night's records come and go with it
            assert proof.ok, proof.first_broken
    assert any(outcomes), "no kill came in time"


def test_a_copy_of_a_store_is_a_store(sqlite_store, tmp_path):
    url = sqlite_store()
    with Store.open(url) as store:
        store.night("r1", "steppe", [look(1, [rect(0, 0)])], (), ())
    shutil.copy(path_of(url), tmp_path / "copy.sqlite")
    with Store.open(f"sqlite:///{tmp_path}/copy.sqlite") as copy:
        assert copy.count() == 1

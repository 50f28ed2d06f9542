"""A home with two nights, a review and a case, all of it recorded."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
import store_sites as sites
from rasterio.transform import from_origin

from leads.desk.keep import ORIGINALS, attachment_path, keep_review
from leads.desk.shelf import note_inbox
from leads.evidence.chain import Item, Ledger, Verification
from leads.evidence.cover import append_store_rows
from leads.evidence.keep import inbox_items, keep, keep_file, keep_record
from leads.evidence.witness import Witness
from leads.geopackage import write_geopackage
from leads.store import tables
from leads.store.records import CoverageRecord, RunRecord
from leads.store.store import Store
from leads.store.tables import attachments, case_events, cases

AT = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
NIGHTS = (3, 8)


@dataclass
class Home:
    """A home and its store."""

    path: Path
    store: Store
    head: str = ""

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store)

    def verify(self, head: str | None = None) -> Verification:
        return self.ledger.verify(self.path, head)

    def tamper(self, sql: str) -> None:
        """What somebody who owns the database can do."""
        with self.store.engine.connect().execution_options(writes=True) as connection, connection.begin():
            if connection.dialect.name == "sqlite":
                for table in tables.APPEND_ONLY:
                    for verb in ("update", "delete"):
                        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
            else:
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            assert connection.exec_driver_sql(sql).rowcount > 0


def result(folder: Path, ground) -> Path:
    """What a scan leaves, small."""
    (folder / "imagery").mkdir(parents=True)
    (folder / "scores").mkdir()
    told = {"driver": "GTiff", "width": 16, "height": 16, "crs": "EPSG:32650",
            "transform": from_origin(5e5, 5.5e6, 10, 10)}  # fmt: skip
    with rasterio.open(folder / "imagery" / "before_32650.tif", "w", count=1, dtype="uint16", **told) as file:
        file.write(np.arange(256, dtype="uint16").reshape(1, 16, 16))
    with rasterio.open(folder / "scores" / "mine_32650.tif", "w", count=1, dtype="float32", **told) as file:
        file.write(np.linspace(0, 1, 256, dtype="float32").reshape(1, 16, 16))
    write_geopackage(folder / "leads.gpkg", [(ground, {"lead_id": "WX-1", "score": 0.8})], [])
    outputs = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    (folder / "run.json").write_text(json.dumps({"format": "weixun-run-1", "outputs": outputs}))
    return folder


def fill(path: Path, store: Store) -> Home:
    """Two nights with what was kept of them, a review of the first lead, and a case of it."""
    home = Home(path, store)
    weights = path / "w.safetensors"
    path.mkdir(exist_ok=True)
    weights.write_bytes(b"weights" * 100)
    for number in NIGHTS:
        run_id, day = f"night{number}", sites.day(number)
        ground = [sites.rect(0, 0, 2), sites.rect(5, 5)]
        store.begin_run(RunRecord(run_id, "patrol", "steppe", day, AT, None, 0, "weixun 1", "run.json", ""))
        row = CoverageRecord(run_id, "steppe", "b1", "after", day, 0.9, 0.1, 0.0, 0.0, "", sites.GROUND)
        store.night(run_id, "steppe", [sites.look(number, ground)], [row], [], Witness(Ledger(store), run_id))
        store.finish_run(run_id, 0, "00", AT)
        place = result(path / "patrol" / run_id / day.strftime("%Y%m%d"), ground[0])
        (path / "patrol" / run_id / "run.json").write_text(json.dumps({"night": number}))
        items = [Item("output", f"{place.name}/{name}", sha) for name, sha in keep(path, run_id, place).items()]
        items.append(Item("run", "run.json", keep_record(path, run_id, path / "patrol" / run_id / "run.json")))
        items += [Item("file", "weights", keep_file(path, weights)), Item("config", "patrol.toml", "ab" * 32)]
        Ledger(store).append(run_id, items)
        home.head = append_store_rows(Ledger(store), run_id)
    lead = next(iter(store.leads()))
    done = store.review(
        lead.id, lead.version, "confirmed", "", "看过 hand written", "王", AT, "inbox.gpkg", "aa" * 32,
        sites.rect(0, 0, 2, 0.9), 12_345.0,
    )  # fmt: skip
    assert done.kind == "applied", done
    with store.writing() as connection:
        named = {"title": "t", "regulator": "r", "addressee": "a", "jurisdiction": "j", "version": 1}
        connection.execute(
            cases.insert().values(
                id="C1", state="初步调查", opened=sites.day(9), closed=None, created=AT, updated=AT, **named
            )
        )
        connection.execute(case_events.insert().values(case_id="C1", state="立案", at=AT, due=None, by="李", note="n"))
    desk(home)
    home.head = append_store_rows(Ledger(store), "review-1")
    return home


def desk(home: Home) -> None:
    """An inbox that was handed out and came back, and a photo."""
    inbox = home.path / "inbox"
    (inbox / ORIGINALS).mkdir(parents=True)
    (inbox / "inbox_20250509_imagery").mkdir()
    (inbox / ORIGINALS / "inbox_20250509.gpkg").write_bytes(b"as handed out" * 9)
    (inbox / "inbox_20250509.gpkg").write_bytes(b"the analyst works in it")
    (inbox / "inbox_20250509.qgz").write_bytes(b"project" * 9)
    (inbox / "inbox_20250509_imagery" / "after_32650.tif").write_bytes(b"image" * 9)
    leads = tuple(home.store.leads())
    note_inbox(home.store, inbox / "inbox_20250509.gpkg", dt.date(2025, 5, 9), leads, AT)
    home.ledger.append("inbox_20250509", inbox_items(home.path, "inbox_20250509.gpkg"))
    back = home.path / "back.gpkg"
    back.write_bytes(b"as it came back" * 9)
    digest = hashlib.sha256(back.read_bytes()).hexdigest()
    keep_review(home.path, back, digest)
    home.ledger.append("review-0", [Item("review", f"reviews/{digest}.gpkg", digest)])
    photo = b"photo" * 99
    digest = hashlib.sha256(photo).hexdigest()
    place = attachment_path(home.path, digest, "a.JPG")
    place.parent.mkdir(parents=True)
    place.write_bytes(photo)
    said = {"taken": AT, "lon": 120.0, "lat": 49.0, "added": AT, "by": "李"}
    with home.store.writing() as connection:
        connection.execute(attachments.insert().values(lead_id=leads[0].id, name="a.JPG", sha256=digest, **said))


@pytest.fixture
def store(sqlite_store: Callable[[], str]) -> Iterator[Store]:
    with Store.open(sqlite_store()) as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path, store: Store) -> Home:
    return fill(tmp_path / "home", store)


@pytest.fixture
def team_home(tmp_path: Path, postgis_store: Callable[[], str]) -> Iterator[Home]:
    with Store.open(postgis_store()) as opened:
        yield fill(tmp_path / "home", opened)

"""A night's evidence: everything that an area's leads were made of, chained, and its files kept read-only."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from aoi.read import read_aoi
from leads.evidence.chain import Item, Ledger
from leads.evidence.cover import append_store_rows
from leads.evidence.keep import inbox_items, keep, keep_bytes, keep_file, keep_record
from leads.evidence.link import ALTERED
from leads.evidence.sign import signer_of
from leads.store import tables
from leads.store.store import Store
from pipelines.patrol.alarms import Alarm
from pipelines.patrol.areafile import AREA, NEWS, AreaNight
from pipelines.patrol.config import PatrolConfig
from pipelines.patrol.files import Places, read_json
from pipelines.patrol.fingerprint import code_sha256
from weights.store import installed


def prove(places: Places, store: Store, config: PatrolConfig, area: AreaNight, turn: int) -> str:
    """Keep an area's results and put them, and the rows that the night wrote, into the chain; gives the chain's head.

    No clock goes in: a night that was interrupted has the same evidence as one that was not.

    Raises:
        OutputError: if a result is not what its record says, or can not be kept.
        KeyFileError: if the signing key is not its owner's alone.
    """
    folder = places.result(dt.date.fromisoformat(area.night), area.aoi, turn)
    for name in (AREA, NEWS):
        keep_record(places.home, area.run_id, folder / name)
    for day in sorted(area.days):
        keep(places.home, area.run_id, folder / day.replace("-", ""))
    ledger = Ledger(store, signer_of(places.home))
    items = [Item(*said) for said in items_of(folder, config, area)]
    ledger.append(area.run_id, [*items, *_kept_once(places.home, config, area)])
    append_store_rows(ledger, area.run_id)
    return ledger.head()


def prove_inbox(places: Places, store: Store, name: str) -> None:
    """Put the files that were handed out with an inbox into the chain; twice is as once.

    Raises:
        OutputError: if one of them can not be read.
    """
    Ledger(store, signer_of(places.home)).append(Path(name).stem, inbox_items(places.home, name))


def tampered(store: Store, areas: Sequence[AreaNight]) -> tuple[Alarm, ...]:
    """An alarm for each row that an area's night found changed by hand before it wrote it."""
    c = tables.evidence.c
    with store.reading() as connection:
        rows = connection.execute(sa.select(c.run_id, c.name).where(c.kind == ALTERED).order_by(c.seq)).all()
    found = []
    for area in areas:
        for run, name in rows:
            if run.partition("#")[0] == area.run_id:
                zh = f"{name}：数据库记录曾被人为改动，请运行 weixun leads verify"
                en = f"{name} was changed by hand in the store since it was recorded: run weixun leads verify"
                found.append(Alarm(area.aoi, "evidence", zh, en))
    return tuple(found)


def items_of(folder: Path, config: PatrolConfig, area: AreaNight) -> Iterator[tuple[str, str, str]]:
    """(kind, name, sha256) of all that decided an area's night, and of all that it gave."""
    yield "config", "patrol.toml", config.sha256
    yield "code", "weixun", code_sha256()
    yield "weights", "weights", _sha256(area.weights.encode())
    yield "rules", "detectors and rules", area.fingerprint
    for name in (AREA, NEWS):
        yield "run", name, _sha256((folder / name).read_bytes())
    for day in sorted(area.days):
        place = day.replace("-", "")
        run = read_json(folder / place / "run.json")
        for scene in run["scenes"]:
            for asset, digest in sorted(scene["sha256"].items()):
                if digest:
                    yield "scene", f"{scene['id']}/{asset}", digest
        for layer in run["layers"]:
            if layer.get("sha256"):
                yield "layer", layer["name"], layer["sha256"]
        yield "run", f"{place}/run.json", _sha256((folder / place / "run.json").read_bytes())
        for name, digest in sorted(run["outputs"].items()):
            yield "output", f"{place}/{name}", digest


def _kept_once(home: Path, config: PatrolConfig, area: AreaNight) -> Iterator[Item]:
    """The weights and the area, copied once for all nights: a lead is recomputed from them."""
    if not area.days:
        return
    for one in installed(home):
        if one.used and one.entry.sha256 in area.weights:
            yield Item("file", f"weights {one.entry.name}", keep_file(home, one.folder / one.entry.file))
    for watch in config.watch:
        aoi = read_aoi(watch.aoi, home)
        if aoi.id == area.aoi:
            yield Item("file", f"aoi {aoi.id}", keep_bytes(home, aoi.geometry.wkb))
            return


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

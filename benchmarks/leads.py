"""A night's write into stores of very different size: what a finding costs must not follow the number of leads.

Both stores have a lead per square kilometre; the night looks at the same ten thousand of them in each. They are filled
by a fast path of the benchmark's own, which writes what a first patrol would have written.
"""

import datetime as dt
import json
import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from leads.model import Finding, Lead, Patch
from leads.store.query import LeadQuery
from leads.store.store import Store
from leads.tracking.look import Look

WEST, SOUTH, STEP_DEG = 110.0, 40.0, 0.01
FIRST = dt.date(2026, 6, 1)
NIGHTS = 3
_CHUNK = 20_000
_VERTICES = 16


def measure(leads: int, small: int, findings: int) -> dict[str, Any]:
    """Nights on a store of `small` leads and on one of `leads`, in turn, in this process."""
    with tempfile.TemporaryDirectory(prefix="weixun-bench-") as folder:
        stores, filled = {}, {}
        for size in (small, leads):
            start = time.perf_counter()
            stores[size] = _filled(Path(folder) / f"{size}.sqlite", size)
            filled[size] = time.perf_counter() - start
        laps: dict[int, list[tuple[float, float]]] = {small: [], leads: []}
        for number in range(1, NIGHTS + 1):
            for size, store in stores.items():
                look = _night(number, findings, round(size**0.5) // 2)
                clock, cpu = time.perf_counter(), time.process_time()
                told = store.night(f"night{number}", "bench", [look], (), ())
                laps[size].append((time.perf_counter() - clock, time.process_time() - cpu))
                if number == 1 and (len(told.confirmed) < findings * 0.85 or len(told.new) < findings * 0.05):
                    raise SystemExit(f"the night did not meet the leads: {len(told.confirmed)} confirmed")
        box = (WEST, SOUTH, WEST + 0.1, SOUTH + 0.1)
        start = time.perf_counter()
        asked = sum(1 for _ in stores[leads].leads(LeadQuery(bbox=box)))
        query_s = time.perf_counter() - start
        for store in stores.values():
            store.close()
        return {
            "seconds": {str(size): min(clock for clock, _ in found) for size, found in laps.items()},
            "cpu_s": {str(size): min(cpu for _, cpu in found) for size, found in laps.items()},
            "filled_s": filled[leads],
            "bytes": (Path(folder) / f"{leads}.sqlite").stat().st_size,
            "query_s": query_s,
            "query_leads": asked,
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }


def _sites(east: NDArray[np.int64], north: NDArray[np.int64], scale: float = 1.0) -> NDArray[np.object_]:
    """Round outlines of a few hectares, one in a cell."""
    turns = np.linspace(0, 2 * np.pi, _VERTICES, endpoint=False)
    radius = 0.0012 * scale * (1 + 0.2 * np.sin(3 * turns))
    ring = np.stack([radius * np.cos(turns), radius * 0.7 * np.sin(turns)], axis=1)
    centres = np.stack([WEST + (east + 0.5) * STEP_DEG, SOUTH + (north + 0.5) * STEP_DEG], axis=1)
    return np.asarray(shapely.polygons(centres[:, None, :] + ring[None]), dtype=object)


def _cells(size: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    edge = round(size**0.5)
    for start in range(0, size, _CHUNK):
        number = np.arange(start, min(start + _CHUNK, size))
        yield number + 1, number % edge, number // edge


_ROW = json.dumps({"lead_id": "", "model": "mine", "model_zh": "矿场监督", "change": "stripped", "change_zh": "剥离",
                   "layers": "草原 12000 m²", "rule": "草原破坏", "rule_state": "高于起点", "regulator": "林草局",
                   "note": "线索", "classif": "公开"}, ensure_ascii=False)  # fmt: skip


def _filled(path: Path, size: int) -> Store:
    """A store after a first patrol that found `size` leads."""
    store = Store.open(f"sqlite:///{path}")
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute("BEGIN")
        edge = round(size**0.5) + 1
        ground = shapely.box(WEST, SOUTH, WEST + edge * STEP_DEG, SOUTH + edge * STEP_DEG)
        look = {"id": 1, "run_id": "first", "aoi": "bench", "detector": "mine", "day": FIRST.isoformat(),
                "before": "2025-08-31", "inventory": 1, "clear": shapely.to_wkb(ground), "digest": "0"}  # fmt: skip
        _insert(database, "looks", [look])
        west, south, east, north = ground.bounds
        database.execute("INSERT INTO looks_place VALUES (1, ?, ?, ?, ?)", (west, east, south, north))
        for numbers, columns, rows in _cells(size):
            _fill(database, numbers, _sites(columns, rows))
            database.execute("COMMIT")  # else the journal grows as large as the store
            database.execute("BEGIN")
        database.execute("COMMIT")
    return store


def _fill(database: sqlite3.Connection, numbers: NDArray[np.int64], sites: NDArray[np.object_]) -> None:
    grounds = shapely.to_wkb(sites).tolist()
    reaches = shapely.to_wkb(shapely.box(*shapely.bounds(sites).T)).tolist()
    day, moment, size = FIRST.isoformat(), "2026-06-01 18:00:00.000000", 30_000.0
    areas = {"area_m2": size, "area_low_m2": size * 0.95, "area_high_m2": size * 1.05, "score": 0.8, "gsd_m": 10.0}
    told = {"aoi": "bench", "detector": "mine", "place": "新巴尔虎左旗", "last_before": "2025-08-31", **areas}
    empty = dict.fromkeys(("reason", "reviewer", "remark", "merged_into", "into_root", "rejected_for"), "")
    state = {"confidence": "provisional", "stock": "inventory", "status": "new", "version": 1, "change": "stripped",
             "change_zh": "剥离", "first_seen": day, "last_seen": day, "looks": 1, "classification": "公开",
             "parents": "[]", "created": moment, "updated": moment, "parent_roots": "[]", "streak": 1, "misses": 0,
             "alias": 0}  # fmt: skip
    leads, observations = [], []
    for number, ground, reach in zip(numbers.tolist(), grounds, reaches, strict=True):
        key = f"20260601-{number:024d}"
        leads.append({"number": number, "id": f"WX-MINE-20260601-{number:08d}", "root": key, "newest": key,
                      "geometry": ground, "reach": reach, "handed_out": ground, **told, **empty, **state})  # fmt: skip
        observations.append({"id": number, "look_id": 1, "run_id": "first", "day": day, "key": key, "inventory": 1,
                             "proposal": f"WX-{number}", "geometry": ground, "row": _ROW, **told})  # fmt: skip
    _insert(database, "leads", leads)
    _insert(database, "observations", observations)
    _insert(database, "links", [{"observation_id": number, "lead": number} for number in numbers.tolist()])
    drawn = {"version": 1, "kind": "machine", "area_m2": size, "made_by": "weixun", "made_at": moment, "source": ""}
    _insert(database, "outlines", [{"lead_id": lead["id"], "geometry": lead["geometry"], **drawn} for lead in leads])
    boxes = shapely.bounds(sites)[:, [0, 2, 1, 3]].tolist()
    entries = [(number, *box) for number, box in zip(numbers.tolist(), boxes, strict=True)]
    database.executemany("INSERT INTO leads_place VALUES (?, ?, ?, ?, ?)", entries)


def _insert(database: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    marks = ", ".join(f":{name}" for name in names)
    database.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)


def _night(number: int, findings: int, middle: int) -> Look:
    """Nine in ten where a lead is, every tenth of those grown; one in ten new, in a corner of its cell."""
    edge = round(findings**0.5)
    place = np.arange(findings)
    east, north = place % edge, place // edge
    low = max(middle - edge // 2, 0)
    scale = 1 + 0.15 * number * (place % 10 == 5)
    sites = _sites(east + low, north + low)
    sites = np.array([shapely.affinity.scale(site, one, one) for site, one in zip(sites, scale, strict=True)])
    moved = place % 10 == 0
    sites[moved] = shapely.transform(sites[moved], lambda points: points + STEP_DEG * 0.5)
    day = FIRST + dt.timedelta(days=5 * number)
    leads = tuple(_lead(f"WX-MINE-{day:%Y%m%d}-n{index:07d}", site, day) for index, site in enumerate(sites))
    west, south = WEST + low * STEP_DEG, SOUTH + low * STEP_DEG
    ground = shapely.box(west, south, west + (edge + 1) * STEP_DEG, south + (edge + 1) * STEP_DEG)
    clouds = shapely.union_all(shapely.buffer(shapely.points(west + 0.003 * np.arange(40), south), 0.001))
    return Look("bench", "mine", day, leads, {lead.id: json.loads(_ROW) for lead in leads},
                shapely.difference(ground, clouds), False, dt.date(2025, 8, 31))  # fmt: skip


def _lead(lead_id: str, site: Any, day: dt.date) -> Lead:
    patch = Patch("mine", site, 0.9, 0.8, 1, 30_000.0, 28_000.0, 32_000.0, 10.0)
    return Lead(lead_id, Finding(patch, dt.date(2025, 8, 31), day, (day,), 1), "新巴尔虎左旗")

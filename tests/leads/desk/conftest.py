"""Leads as the store hands them out, over images of a made-up steppe."""

import datetime as dt
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.classification import Classification
from aoi.grid import Block, to_crs
from leads.desk.inbox import Beside, write_inbox
from leads.fields import FIELDS
from leads.identity import assign_ids
from leads.model import Finding, Patch
from leads.raster import ImageSink
from leads.store.records import Confidence, CoverageRecord, LeadRecord, Stock
from leads.store.store import Store
from leads.tracking.look import Look

NIGHT = dt.date(2024, 7, 20)
MOMENT = dt.datetime(2024, 7, 20, 18, 0, tzinfo=dt.UTC)
BLOCK = Block(32651, 10.0, 180, 2110, 256)
LEFT, TOP = BLOCK.geobox.affine.c, BLOCK.geobox.affine.f
AOI = to_crs(box(LEFT, TOP - 2560, LEFT + 2560, TOP), 32651, 4326)
BEFORE = {"red": 0.06, "green": 0.10, "blue": 0.05, "nir": 0.30}
AFTER = {"red": 0.12, "green": 0.12, "blue": 0.17, "nir": 0.22}


def square(col: float, row: float, half_m: float = 120.0) -> BaseGeometry:
    """A square on the ground, its centre in metres from the corner of the images."""
    x, y = LEFT + col, TOP - row
    return to_crs(box(x - half_m, y - half_m, x + half_m, y + half_m), 32651, 4326)


def lead_record(number: int, geometry: BaseGeometry | None = None, **values: Any) -> LeadRecord:
    shape = geometry if geometry is not None else square(400 + 350 * (number % 6), 400 + 350 * (number // 6))
    area = geodesic_area_m2(shape)
    attributes = {field.name: None for field in FIELDS} | {"model": "mine", "model_zh": "矿场监督"}
    blank = LeadRecord(
        id=f"WX-MINE-20240710-{number:04d}",
        aoi="xinyouqi",
        detector="mine",
        confidence=Confidence.CONFIRMED,
        stock=Stock.NEW,
        status="new",
        reason="",
        reviewer="",
        remark="",
        version=3,
        change="stripped ground",
        change_zh="剥离",
        last_before=dt.date(2023, 7, 9),
        first_seen=dt.date(2024, 7, 10),
        last_seen=dt.date(2024, 7, 18),
        looks=2,
        geometry=shape,
        area_m2=area,
        area_low_m2=0.9 * area,
        area_high_m2=1.1 * area,
        score=0.8,
        place="新巴尔虎右旗",
        classification="内部",
        attributes=attributes,
        parents=(),
        into="",
        created=MOMENT,
        updated=MOMENT,
    )
    return blank if not values else LeadRecord(**{**vars(blank), **values})


def ground(colours: dict[str, float], seed: int, hidden: bool = False) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.01, (1, 256, 256))
    made = np.clip(noise + np.array(list(colours.values()))[:, None, None], 0.001, 1).astype(np.float32)
    if hidden:
        made[:, :, 200:] = np.nan
    return made


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Before and after; before was not observed in the east."""
    folder = tmp_path_factory.mktemp("evidence")
    for role, colours, seed in (("before", BEFORE, 1), ("after", AFTER, 2)):
        with ImageSink(folder / f"{role}_32651.tif", BLOCK.geobox) as image:
            image.write(BLOCK.geobox, ground(colours, seed, hidden=role == "before"), tuple(colours))
    return {f"{role}_32651": folder / f"{role}_32651.tif" for role in ("before", "after")}


@pytest.fixture(scope="session")
def coverage() -> tuple[CoverageRecord, ...]:
    return tuple(
        CoverageRecord("run", "xinyouqi", BLOCK.id, role, NIGHT, 1.0, 0.0, 0.0, 0.0, "", AOI)
        for role in ("before", "after")
    )


@pytest.fixture(scope="session")
def make_lead() -> Callable[..., LeadRecord]:
    return lead_record


@pytest.fixture(scope="session")
def on_ground() -> Callable[..., BaseGeometry]:
    return square


@pytest.fixture(scope="session")
def make_inbox(images: dict[str, Path], coverage: tuple[CoverageRecord, ...]) -> Callable[..., Path]:
    """An inbox of these leads in a folder."""

    def make(folder: Path, leads: list[LeadRecord], beside: Beside | None = None, night: dt.date = NIGHT) -> Path:
        return write_inbox(folder, night, leads, coverage, images, AOI, Classification.INTERNAL, beside)

    return make


@pytest.fixture(scope="session")
def edit_inbox() -> Callable[..., None]:
    """Runs statements in a GeoPackage as an editor would."""

    def edit(path: Path, *statements: tuple[str, tuple[object, ...]]) -> None:
        with closing(sqlite3.connect(path)) as database:
            for name in ("ST_IsEmpty", "ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY"):
                database.create_function(name, 1, lambda _: 0)  # the triggers of the spatial index call GDAL's own
            for sql, values in statements:
                database.execute(sql, values)
            database.commit()

    return edit


@pytest.fixture(scope="session")
def gpkg_blob() -> Callable[..., bytes]:
    """A polygon as a GeoPackage holds it."""

    def make(shape: BaseGeometry, srid: int = 4326) -> bytes:
        parts = shapely.multipolygons([shape]) if shape.geom_type == "Polygon" else shape
        return b"GP\0\1" + srid.to_bytes(4, "little") + shapely.to_wkb(parts)

    return make


def look(grounds: list[BaseGeometry], day: dt.date) -> Look:
    """A clear day that showed these changes."""
    findings = []
    for ground in grounds:
        area = geodesic_area_m2(ground)
        patch = Patch("mine", ground, 0.9, 0.8, 1, area, area * 0.95, area * 1.05, 10.0)
        findings.append(Finding(patch, dt.date(2023, 7, 9), day, (day,), 1))
    leads = assign_ids(findings)
    rows = {
        lead.id: {"model": "mine", "model_zh": "矿场监督", "change": "dug", "change_zh": "剥离", "classif": "内部"}
        for lead in leads
    }
    return Look("xinyouqi", "mine", day, leads, rows, AOI, False)


@pytest.fixture(scope="session")
def take_night() -> Callable[..., None]:
    """A night that sees these changes."""

    def night(store: Store, run: str, grounds: list[BaseGeometry], day: dt.date) -> None:
        store.night(run, "xinyouqi", [look(grounds, day)], [], [])

    return night


@pytest.fixture(scope="session")
def fill(take_night: Callable[..., None]) -> Callable[..., list[LeadRecord]]:
    """A store with this many confirmed leads, each seen on two days."""

    def make(store: Store, count: int) -> list[LeadRecord]:
        grounds = [square(250 + 350 * (number % 7), 250 + 350 * (number // 7), 100) for number in range(count)]
        for run, day in (("first", dt.date(2024, 7, 10)), ("second", dt.date(2024, 7, 18))):
            take_night(store, run, grounds, day)
        return list(store.leads())

    return make

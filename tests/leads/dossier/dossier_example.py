"""A lead with its images and its history, as dossiers are tested with."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import numpy as np
from docx import Document
from pypdf import PdfReader
from shapely.geometry import box

from aoi.grid import to_crs
from detectors.core.registry import choose
from leads.attributes import record
from leads.dossier.model import DossierInput, Plate, RunNote, SceneNote
from leads.model import Finding, Lead, Patch
from leads.quicklook import quicklook_geobox
from leads.series.change import find_break
from leads.series.model import History, Sample

GROUND = to_crs(box(500_000, 5_450_000, 500_300, 5_450_200), 32651, 4326)
MADE = dt.datetime(2026, 11, 22, 0, 30, tzinfo=dt.UTC)
BEFORE, AFTER = dt.date(2023, 7, 17), dt.date(2024, 7, 20)


def plate(role: str, day: dt.date, bright: bool) -> Plate:
    geobox = quicklook_geobox(GROUND, 10)
    data = np.full((4, *geobox.shape), 0.06, np.float32)
    data += np.random.default_rng(1).uniform(0, 0.02, data.shape).astype(np.float32)
    data[3] += 0.2
    if bright:
        left, bottom, right, top = to_crs(GROUND, 4326, 32651).bounds
        grid = geobox.affine
        rows = slice(round((top - grid.f) / grid.e), round((bottom - grid.f) / grid.e))
        data[:3, rows, round((left - grid.c) / 10) : round((right - grid.c) / 10)] = 0.4
    return Plate(
        role, "before" if role == "前时相" else "after", day, data, geobox, (f"s2_{day:%Y%m%d}",), "sentinel-2"
    )


def history() -> History:
    days = [dt.date(year, 7, day) for year in (2021, 2022, 2023) for day in (5, 17)]
    days += [dt.date(2024, 7, 20), dt.date(2024, 8, 5), dt.date(2025, 7, 10)]
    samples = tuple(
        Sample(
            day,
            ("s",),
            "sentinel-2",
            {"ndvi": 0.15 if day >= AFTER else 0.5, "mndwi": -0.4},
            {"ndvi": 0.5, "mndwi": -0.4},
            1,
            1,
        )
        for day in days
    )
    found, why = find_break(samples)
    return History(samples, GROUND.buffer(0.001), found, why)


def case(**fields: Any) -> DossierInput:
    patch = Patch("mine", GROUND, 0.9, 0.7, 1, 60_000.0, 55_000.0, 66_000.0, 10.0)
    finding = Finding(patch, BEFORE, AFTER, (AFTER,), 1, layers_missing=("mining_rights",))
    row = record(Lead("WX-MINE-20240720-y8bs0q4e", finding, "新巴尔虎右旗"), choose(["mine"])[0])
    taken = dt.datetime(2024, 7, 20, 2, 41, 7, tzinfo=dt.UTC)
    scene = SceneNote(
        "后时相", "s2_20240720", "sentinel-2", "L2A", "05.10", taken, True, "S2A_MSIL2A_X", {"red": "ab" * 32}
    )
    run = RunNote("weixun 0.1.0", "cd" * 32, {"查询区域": "demo"}, "training-free", (), ())
    return DossierInput(
        row | fields,
        GROUND,
        10.0,
        MADE,
        plates=(plate("前时相", BEFORE, False), plate("后时相", AFTER, True)),
        years=(plate("2023", BEFORE, False), plate("2024", AFTER, True)),
        scenes=(scene,),
        history=history(),
        run=run,
        hashes=(("leads.gpkg", "ef" * 32),),
    )


def text_of(paths: tuple[Path, ...]) -> dict[str, str]:
    found = {}
    for path in paths:
        if path.suffix == ".html":
            found["html"] = re.sub(r"src=\"data:[^\"]+\"", "", path.read_text(encoding="utf-8"))
        if path.suffix == ".pdf":
            found["pdf"] = "".join(page.extract_text() for page in PdfReader(path).pages).replace("\n", "")
        if path.suffix == ".docx":
            document = Document(str(path))
            cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
            found["docx"] = "\n".join([*(one.text for one in document.paragraphs), *cells])
    return found

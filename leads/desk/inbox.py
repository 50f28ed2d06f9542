"""One night's inbox: a GeoPackage and a project that an analyst works in, and that we never write to again.

``inbox_YYYYMMDD.gpkg`` is the analyst's from the moment it appears; what was handed out is kept beside it, read-only
and with its checksums, under ``handed_out/``.
"""

import datetime as dt
import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import shapely
from filelock import FileLock
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from aoi.classification import Classification, strictest
from aoi.layers import Layer
from leads.desk.columns import AOI_FIELDS, INBOX_FIELDS, OUTLINE_FIELDS, inbox_row
from leads.desk.handed_out import Given, keep_given
from leads.desk.keep import ORIGINALS
from leads.desk.project import write_inbox_project
from leads.desk.statutory import statutory_tables
from leads.desk.style import aoi_style, ground_style, inbox_style, outlines_style
from leads.geopackage import Table, coverage_table, models_of, write_tables
from leads.model import Coverage
from leads.qgis.rasters import look_at
from leads.qgis.style import qml
from leads.staging import refusal, stage
from leads.store.records import CoverageRecord, LeadRecord

GROUND_MARGIN_DEG = 0.5
"""How far behind the before image nothing else shows, around all that an inbox holds."""


@dataclass(frozen=True)
class Beside:
    """What an inbox may hold besides leads, coverage and images."""

    priorities: Mapping[str, float] = field(default_factory=dict)
    """Score by lead id; the highest comes first. Leads without one keep the order in which they are given."""

    outlines: Mapping[str, BaseGeometry] = field(default_factory=dict)
    """The outline that an analyst drew last, by lead id."""

    surveys: Mapping[str, float] = field(default_factory=dict)
    """Surveyed area in m², by lead id."""

    layers: Sequence[Layer] = ()
    """Statutory layers; what lies near a lead is copied in."""


def write_inbox(
    folder: Path,
    night: dt.date,
    leads: Sequence[LeadRecord],
    coverage: Sequence[CoverageRecord],
    images: Mapping[str, Path],
    aoi_geometry: BaseGeometry,
    classification: Classification,
    beside: Beside | None = None,
) -> Path:
    """Writes ``inbox_YYYYMMDD.gpkg`` and ``.qgz``; a second one of a day is called ``inbox_YYYYMMDD-2``.

    Args:
        folder: made when it is missing; may be copied as a whole, everything in it is named relative to it.
        night: the patrol's day.
        leads: those to be looked at.
        coverage: what was seen and what was not.
        images: ``before_32650`` or ``after_32650`` (role and zone) → a COG with the bands red, green, blue, nir. They
            are linked or copied into the folder.
        aoi_geometry: outline in EPSG:4326.
        classification: of what lies behind the leads; a stricter layer of `beside` makes it stricter.
        beside: what else it holds.

    Returns:
        The GeoPackage.

    Raises:
        OutputError: if the folder is read-only, the disk is full, or an image can not be read. Nothing appears then.
    """
    more = beside or Beside()
    marked = max((classification, strictest(more.layers)), key=list(Classification).index)
    ranked = _ranked(leads, more.priorities)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".inbox.lock"):
            return _write(folder, night, ranked, coverage, images, aoi_geometry, marked, more)
    except OSError as error:
        raise refusal(folder / f"inbox_{night:%Y%m%d}.gpkg", error) from error


def _write(
    folder: Path,
    night: dt.date,
    leads: Sequence[LeadRecord],
    coverage: Sequence[CoverageRecord],
    images: Mapping[str, Path],
    aoi_geometry: BaseGeometry,
    classification: Classification,
    more: Beside,
) -> Path:
    name = _free_name(folder, night)
    # Built beside its place under its own name, so that the project's relative paths hold when it is moved there.
    room = stage(folder / name)
    try:
        geopackage, project = room / f"{name}.gpkg", room / f"{name}.qgz"
        pictures = _bring_images(room, name, images)
        _write_geopackage(geopackage, name, night, leads, coverage, aoi_geometry, classification, more)
        kinds = sorted({layer.kind for layer in more.layers})
        write_inbox_project(project, geopackage, pictures, leads, aoi_geometry, classification, kinds)
        _keep_original(room, name)
        _move(room, folder, name)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return folder / f"{name}.gpkg"


def _ranked(leads: Sequence[LeadRecord], priorities: Mapping[str, float]) -> list[LeadRecord]:
    """Highest priority first; sorting keeps the given order among equals."""
    return sorted(leads, key=lambda lead: -priorities.get(lead.id, float("-inf")))


def _free_name(folder: Path, night: dt.date) -> str:
    """The day's name, or the day's with a number; one that was ever handed out is never used again."""
    base = f"inbox_{night:%Y%m%d}"
    number, name = 1, base
    while any(place.exists() for place in _places(folder, name)):
        number += 1
        name = f"{base}-{number}"
    return name


def _places(folder: Path, name: str) -> tuple[Path, ...]:
    originals = folder / ORIGINALS
    return (
        originals / f"{name}.gpkg",
        originals / f"{name}.sha256",
        folder / f"{name}_imagery",
        folder / f"{name}.gpkg",
        folder / f"{name}.qgz",
    )


def _bring_images(room: Path, name: str, images: Mapping[str, Path]) -> dict[str, Path]:
    """Links the images in, so that the folder is whole; copies them where a link can not be made."""
    brought = {}
    for key in sorted(images):
        look_at(images[key])  # a file that is no raster is named before anything is handed out
        target = room / f"{name}_imagery" / f"{key}.tif"
        target.parent.mkdir(exist_ok=True)
        try:
            os.link(images[key].resolve(), target)
        except OSError:
            shutil.copyfile(images[key], target)
            target.chmod(0o444)
        brought[key] = target
    return brought


def _write_geopackage(
    path: Path,
    name: str,
    night: dt.date,
    leads: Sequence[LeadRecord],
    coverage: Sequence[CoverageRecord],
    aoi_geometry: BaseGeometry,
    classification: Classification,
    more: Beside,
) -> None:
    rows = [
        (lead.geometry, {**inbox_row(lead, rank, more.priorities.get(lead.id), more.outlines.get(lead.id)),
                         "area_srv": more.surveys.get(lead.id)})
        for rank, lead in enumerate(leads, 1)
    ]  # fmt: skip
    outlines = [
        (more.outlines.get(lead.id, lead.geometry), {"lead_id": lead.id, "base_version": lead.version})
        for lead in leads
    ]
    given = [
        Given(lead.id, lead.version, lead.status or "new", lead.reason, lead.remark, more.surveys.get(lead.id),
              lead.geometry, outline)
        for lead, (outline, _) in zip(leads, outlines, strict=True)
    ]  # fmt: skip
    grounds = [aoi_geometry, *(lead.geometry for lead in leads), *(row.geometry for row in coverage)]
    ground = box(*shapely.total_bounds(grounds)).buffer(GROUND_MARGIN_DEG, join_style="mitre")
    tables = (
        Table("leads", INBOX_FIELDS, rows, qml(inbox_style(models_of(rows)), labels=True)),
        Table("outlines", OUTLINE_FIELDS, outlines, qml(outlines_style(), labels=False)),
        coverage_table([_coverage(row) for row in coverage]),
        Table("aoi", AOI_FIELDS, [(aoi_geometry, {"name": "巡查区 AOI"})], qml(aoi_style(), labels=False)),
        Table("ground", AOI_FIELDS, [(ground, {"name": "未观测 not observed"})], qml(ground_style(), labels=False)),
        *statutory_tables(more.layers, [lead.geometry for lead in leads]),
    )
    write_tables(path, tables, night, classification, partial(keep_given, name=name, night=night, given=given))


def _coverage(row: CoverageRecord) -> Coverage:
    return Coverage(
        row.block, row.role, row.day, row.geometry, row.observed, row.cloudy, row.snow, row.no_scene, row.failed
    )


def _keep_original(room: Path, name: str) -> None:
    """The GeoPackage as it is handed out, and the checksums of both files."""
    originals = room / ORIGINALS
    originals.mkdir()
    shutil.copyfile(room / f"{name}.gpkg", originals / f"{name}.gpkg")
    sums = [
        f"{_sha256(room / file)}  {prefix}{file}\n" for prefix, file in (("", f"{name}.gpkg"), ("../", f"{name}.qgz"))
    ]
    (originals / f"{name}.sha256").write_text("".join(sums), encoding="utf-8")
    for path in (originals / f"{name}.gpkg", originals / f"{name}.sha256", room / f"{name}.qgz"):
        path.chmod(0o444)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _move(room: Path, folder: Path, name: str) -> None:
    """Everything into its place, the project last: whoever sees it finds all that it names."""
    (folder / ORIGINALS).mkdir(exist_ok=True)
    for source, target in zip(_places(room, name), _places(folder, name), strict=True):
        if source.exists():
            os.replace(source, target)

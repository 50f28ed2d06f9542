"""Everything that is known of one lead, gathered for its dossier: from a scan's result, or from the store."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from imagery.compose import solar_days
from imagery.providers.provider import Provider
from imagery.scene import Scene
from leads.cases.lookback import facts, report_of
from leads.dossier.model import DossierInput, SceneNote
from leads.exports.row import Row, row_of
from leads.store.query import LeadQuery
from leads.store.store import Store, home_store
from pipelines.errors import BadInputError
from pipelines.histories import EARLIEST, history, plates, scenes_over, years
from pipelines.plan import grid_gsd_m
from pipelines.results import NOON, Result, hashes, read_result, result_plates, run_note, scene_notes

NEAR_DEG = 0.02
"""Leads within about 2 km are kept out of a ring."""

GSD_M = 10.0
"""Where nobody says."""


def from_result(result: Result, lead_id: str, made: dt.datetime) -> DossierInput:
    """What a scan's folder knows of a lead.

    Raises:
        BadInputError: if it has no such lead, or an image of it is damaged.
    """
    row = result.row(lead_id)
    case = DossierInput(
        row.values,
        row.geometry,
        result.gsd_m,
        made,
        run=run_note(result, str(row.values.get("model") or "")),
        hashes=hashes(result, lead_id),
    )
    if case.conduct is None:
        return case
    notes = scene_notes(result, row.geometry.centroid.x, *case.conduct)
    return replace(case, plates=result_plates(result, row, *case.conduct), scenes=notes)


def from_store(store: Store, home: Path, lead_id: str, made: dt.datetime) -> DossierInput:
    """What the store knows of a lead, with the record of the run that saw it last where that is kept.

    Raises:
        BadInputError: if there is no such lead, or it became part of another.
    """
    lead = store.lead(lead_id)
    if lead is None:
        raise BadInputError(
            f"the store has no lead {lead_id!r}; see `weixun leads list`, or name a scan with --from DIR"
        )
    if lead.into:
        raise BadInputError(f"the lead {lead_id} became part of {lead.into}: ask for that one")
    observations = store.observations(lead_id)
    row = row_of(lead)
    again = report_of(store, lead_id)
    case = DossierInput(
        row.values,
        row.geometry,
        GSD_M,
        made,
        outlines=store.outlines(lead_id),
        observations=observations,
        reviews=store.reviews(lead_id),
        extra=facts(again) if again else {},
    )
    kept = _kept_result(store, home, [one.run_id for one in observations if one.seen])
    if kept is None:
        return case
    case = replace(case, gsd_m=kept.gsd_m, run=run_note(kept, lead.detector), hashes=hashes(kept, lead_id))
    if case.conduct is None:
        return case
    notes = scene_notes(kept, row.geometry.centroid.x, *case.conduct)
    return replace(case, plates=result_plates(kept, row, *case.conduct), scenes=notes)


def _kept_result(store: Store, home: Path, run_ids: list[str]) -> Result | None:
    """The newest run of a lead whose folder is still there."""
    records = {run.id: run for run in store.runs()}
    for run_id in reversed(run_ids):
        record = records.get(run_id)
        if record is None or not record.run_json:
            continue
        folder = (home / record.run_json).resolve().parent
        if folder.is_relative_to(home.resolve()) and (folder / "leads.gpkg").is_file():
            return read_result(folder)
    return None


def with_archive(
    case: DossierInput, source: Provider, beside: BaseGeometry | None, step: Callable[[], None] | None = None
) -> DossierInput:
    """A case with its history, its plates and one image a year, from all dates of an archive.

    Args:
        case: with the interval of the conduct; else it comes back as it is.
        source: of the images.
        beside: other leads' ground, kept out of the ring.
        step: called as each day is read.

    Raises:
        ProviderError: if the source can not be asked.
    """
    if case.conduct is None:
        return case
    last_before, first_seen = case.conduct
    ground = case.geometry.envelope.buffer(NEAR_DEG / 4)
    scenes = scenes_over(source, ground, EARLIEST, case.made.date())
    if not scenes:
        return case
    gsd_m = case.gsd_m if case.run is not None else grid_gsd_m(scenes)
    told = history(scenes, case.geometry, gsd_m, beside, step)
    shown = plates(scenes, case.geometry, gsd_m, last_before, first_seen)
    roles = {plate.role_zh: plate.scenes for plate in shown}
    notes = tuple(_note(scene, role) for role, names in roles.items() for scene in scenes if scene.id in names)
    return replace(
        case,
        gsd_m=gsd_m,
        history=told,
        plates=shown if len(shown) == 2 else case.plates or shown,
        years=years(scenes, told, case.geometry, gsd_m, first_seen),
        scenes=notes if len(shown) == 2 else case.scenes or notes,
    )


def days_in(source: Provider, case: DossierInput) -> int:
    """How many days a history will read, for a progress bar."""
    ground = case.geometry.envelope.buffer(NEAR_DEG / 4)
    return len(solar_days(scene for scene in source.search(ground, EARLIEST, case.made.date()) if scene.optical))


def _note(scene: Scene, role_zh: str) -> SceneNote:
    return SceneNote(
        role_zh=role_zh,
        id=scene.id,
        sensor=scene.sensor,
        level=scene.level,
        baseline=scene.baseline,
        taken=scene.datetime,
        time_known=scene.datetime.time() != NOON,
        product=scene.properties.get("product", ""),
        sha256={name: asset.sha256 for name, asset in scene.assets.items() if asset.sha256},
    )


def beside(rows: list[Row], case: DossierInput) -> BaseGeometry | None:
    """The other leads near a case."""
    near = case.geometry.envelope.buffer(NEAR_DEG)
    others = [row.geometry for row in rows if row.id != case.id and row.geometry.intersects(near)]
    return shapely.union_all(others).difference(case.geometry) if others else None


def gathered(result: Path | None, home: Path, lead_id: str, made: dt.datetime) -> tuple[DossierInput, list[Row]]:
    """A lead and the other leads around it, from a scan's result folder or else the store.

    Raises:
        BadInputError: if there is no such lead, or the folder is no result.
        StoreError: if the store can not be read.
    """
    if result is not None:
        read = read_result(result)
        return from_result(read, lead_id, made), list(read.rows)
    with home_store(home, create=False) as store:
        case = from_store(store, home, lead_id, made)
        west, south, east, north = case.geometry.bounds
        around = (west - NEAR_DEG, south - NEAR_DEG, east + NEAR_DEG, north + NEAR_DEG)
        return case, [row_of(lead) for lead in store.leads(LeadQuery(bbox=around))]

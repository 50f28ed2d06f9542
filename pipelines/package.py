"""What is handed out: GeoPackage, QGIS project, quicklooks and their page."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aoi.classification import Classification
from leads.attributes import record
from leads.contactsheet import Entry, write_contact_sheet
from leads.geopackage import write_geopackage
from leads.model import Coverage
from leads.qgis.project import write_project
from leads.qgis.rasters import RasterLayer
from leads.quicklook import write_quicklooks
from pipelines.outputs import Outputs, Role
from pipelines.pictures import pictures
from pipelines.plan import Plan
from pipelines.progress import Progress
from pipelines.report import FoundLead

IMAGES: dict[Role, str] = {"before": "前时相影像", "after": "后时相影像"}


def package(
    plan: Plan,
    found: Sequence[FoundLead],
    coverage: Sequence[Coverage],
    folder: Path,
    outputs: Outputs,
    classification: Classification,
) -> None:
    """Write GeoPackage and project, marked with their classification, into a folder whose images are finished."""
    rows = [(lead.finding.patch.geometry, record(lead, detector, classification)) for lead, detector in found]
    geopackage = folder / "leads.gpkg"
    write_geopackage(geopackage, rows, coverage, classification)
    rasters = [
        RasterLayer(f"{IMAGES[role]} EPSG:{epsg}", folder / "imagery" / f"{role}_{epsg}.tif", role)
        for role, epsg in sorted(outputs.images)
    ]
    rasters += [
        RasterLayer(f"得分 {name} EPSG:{epsg}", folder / "scores" / f"{name}_{epsg}.tif", "score")
        for name, epsg in sorted(outputs.scores)
    ]
    write_project(folder / "leads.qgz", geopackage, rasters, plan.aoi.geometry, classification)


def draw(
    plan: Plan,
    found: Sequence[FoundLead],
    folder: Path,
    progress: Progress,
    workers: int,
    classification: Classification,
) -> None:
    """Draw each lead before and after, and the page that shows them all."""
    quicklooks = folder / "quicklook"
    quicklooks.mkdir(exist_ok=True)

    def look(found_lead: FoundLead) -> Entry:
        lead, detector = found_lead
        before, after = pictures(plan, lead)
        paths = write_quicklooks(quicklooks, lead.id, lead.finding.patch.geometry, before, after)
        step()
        return Entry(record(lead, detector, classification), *paths)

    with progress.stage("quicklooks", len(found)) as step, ThreadPoolExecutor(workers) as pool:
        entries = list(pool.map(look, found))
    title = f"{plan.aoi.name_zh} {plan.aoi.name_en} · {plan.days[0]} – {plan.days[-1]} · {classification.value}"
    write_contact_sheet(quicklooks, entries, title)

"""A simulated world built, scanned as any archive is, and what was found in it read back."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import shapely
from odc.geo.geobox import GeoBox
from pyogrio.errors import DataSourceError
from rasterio.features import shapes
from scipy.ndimage import label
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from aoi.features import polygonal
from aoi.grid import epsg_of, to_crs, zones_of
from aoi.read import read_aoi
from imagery.archive import Archive
from imagery.compose import read_before
from imagery.providers.local import LocalProvider
from imagery.scene import BANDS
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.truth import FILE, Truth
from imagery.simulated.world import build
from pipelines.baseline import cva, otsu
from pipelines.errors import PipelineError
from pipelines.exams.worldmatch import GROUNDS, Told, inside, told
from pipelines.progress import Silent
from pipelines.request import Method, ScanRequest
from pipelines.scan import scan

CVA_MONTHS = (7, 8)
"""Months whose best pixels are compared by change vector analysis."""


def built(spec: SteppeSpec, work: Path) -> Path:
    """The folder of a world, built unless it is there."""
    digest = hashlib.sha256(spec.model_dump_json().encode()).hexdigest()[:10]
    folder = work / f"world-{spec.seed}-{digest}"
    if not (folder / FILE).exists():
        work.mkdir(parents=True, exist_ok=True)
        build(spec, folder)
    return folder


def request_of(spec: SteppeSpec, folder: Path, detectors: Sequence[str], method: Method, out: Path) -> ScanRequest:
    """The last year against the one before, with the world's layers, a fortnight after the last look."""
    year = spec.after[-1].year
    earlier = [day for day in spec.before if day.year == year - 1]
    return ScanRequest(
        aoi=read_aoi(str(folder / "aoi.geojson")),
        source=LocalProvider.open(folder / "archive"),
        before=(earlier[0], earlier[-1]),
        after=(spec.after[0], spec.after[-1]),
        out=out,
        detectors=tuple(detectors),
        layers=folder / "layers",
        layers_status="simulated",
        quicklooks=False,
        method=method,
        today=spec.after[-1] + dt.timedelta(days=14),
    )


def leads_in(
    spec: SteppeSpec, folder: Path, detectors: Sequence[str], method: Method, out: Path
) -> tuple[tuple[Told, ...], Mapping[str, float]]:
    """The leads of a scan of a world, and the seconds of its stages.

    Raises:
        PipelineError: if a block failed or no lead could be read.
    """
    run = scan(request_of(spec, folder, detectors, method, out), Silent())
    if run.failed_blocks:
        first = run.failed_blocks[0]
        raise PipelineError(f"{len(run.failed_blocks)} blocks failed; the first, {first.name}: {first.reason}")
    return read_told(out / "leads.gpkg"), run.seconds


def read_told(geopackage: Path) -> tuple[Told, ...]:
    """The leads in a file.

    Raises:
        PipelineError: if it holds none.
    """
    columns = ["model", "change", "grade", "area_m2", "area_lo", "area_hi", "conf"]
    try:
        table = pyogrio.read_dataframe(geopackage, layer="leads", columns=columns)
    except DataSourceError as error:
        raise PipelineError(f"the scan wrote no leads ({error})") from error
    return tuple(
        Told(model, str(change), grade == "confirmed", ground, float(area), float(low), float(high), float(mean))
        for model, change, grade, area, low, high, mean, ground in zip(
            *(table[name] for name in columns), table.geometry, strict=True
        )
    )


def grounds_in(folder: Path) -> dict[str, BaseGeometry]:
    """By kind the union of a world's layer, EPSG:4326."""
    wanted = {kind for kinds in GROUNDS.values() for kind in kinds}
    found = {}
    for kind in sorted(wanted):
        file = folder / "layers" / f"{kind}.gpkg"
        if file.exists():
            table = geopandas.read_file(file).to_crs(4326)
            found[kind] = shapely.union_all(shapely.make_valid(table.geometry.to_numpy()))
    return found


def cva_leads(
    spec: SteppeSpec, folder: Path, truth: Truth, grounds: Mapping[str, BaseGeometry], least_m2: float
) -> tuple[Told, ...]:
    """What change vector analysis calls at Otsu's threshold; a piece is a lead of each model whose ground it is on."""
    year = spec.after[-1].year
    scenes = Archive.open(folder / "archive").scenes()
    box = _grid(truth.aoi, float(spec.gsd_m))
    images = []
    for wanted in (year - 1, year):
        chosen = [one for one in scenes if one.solar_day.year == wanted and one.solar_day.month in CVA_MONTHS]
        images.append(read_before(chosen, box, BANDS)[0].data)
    there = [place for place in range(len(BANDS)) if all(np.isfinite(image[place]).any() for image in images)]
    magnitude = cva(images[0][there], images[1][there])
    parts, _ = label(np.nan_to_num(magnitude) >= otsu(magnitude), structure=np.ones((3, 3)))
    found = shapes(parts.astype(np.int32), mask=parts > 0, connectivity=8, transform=box.affine)
    # pixels that touch by a corner make outlines that touch themselves
    outlines = [polygonal(shapely.make_valid(to_crs(shape(outline), epsg_of(box), 4326))) for outline, _ in found]
    outlines = [part for outline in outlines for part in shapely.get_parts(outline)]
    large = [piece for piece in (told("", outline) for outline in outlines) if piece.area_m2 >= least_m2]
    return tuple(
        told(model, piece.geometry)
        for model, kinds in GROUNDS.items()
        for piece in large
        if not kinds or any(inside(piece.geometry, grounds[kind]) >= 0.5 for kind in kinds if kind in grounds)
    )


def _grid(ground: BaseGeometry, gsd_m: float) -> GeoBox:
    epsg = zones_of(ground)[0]
    west, south, east, north = to_crs(shapely.segmentize(ground, 0.01), 4326, epsg).bounds
    left, bottom = np.floor(west / gsd_m) * gsd_m, np.floor(south / gsd_m) * gsd_m
    return GeoBox.from_bbox((left, bottom, east, north), f"EPSG:{epsg}", resolution=gsd_m)

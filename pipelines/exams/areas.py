"""How far the outlines of leads lie beside the ground's own: what the interval of an area is calibrated with.

    python -m pipelines.exams.areas --worlds 16 --out leads/area.json [--real REAL-IMAGERY]

Changes planted into simulated worlds, and into real cities where a folder of them is given, are found by an ordinary
scan. For each one that is matched, the offset of its outline is (true area − area) / perimeter: by so many pixels it
would have to move. Worlds and planting seeds are those for developing; no exam has one of them.
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Annotated

import numpy as np
import rasterio
import typer
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask
from rasterio.windows import from_bounds
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.grid import epsg_of, to_crs
from aoi.read import read_aoi
from imagery.providers.local import LocalProvider
from imagery.simulated.curriculum import developed_specs
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.truth import Truth
from leads.area import LEAST_CASES, OffsetClass, Offsets, perimeter_m
from pipelines.exams.models import frozen
from pipelines.exams.pair import DOMAIN_ERRORS, Indexed, scan_pair
from pipelines.exams.planted import frozen as frozen_planted
from pipelines.exams.planted import sow, written
from pipelines.exams.worldmatch import Told, judge
from pipelines.exams.worldscan import built, read_told
from pipelines.labelled import find_pairs
from pipelines.outlined import cut_outline
from pipelines.progress import Silent
from pipelines.request import Method, ScanRequest
from pipelines.scan import scan
from pipelines.windows import inside_and_ring, window_around

DETECTOR = "land_disturbance"
PLANTING_SEEDS = (810_001, 810_002)
"""Of the planted cities; the exam's are others."""

BOUNDS = (0.0, 0.75, 0.9, 1.01)
"""Classes of the mean score."""

COVER = 0.8
"""Share of the cases that the interval shall hold: for 95 in 100 it would be three times the area wide."""

RING_M = 250.0


@dataclass(frozen=True)
class Case:
    """One lead on one planted change."""

    source: str
    score: float
    area_m2: float
    true_m2: float
    perimeter_m: float
    gsd_m: float
    cut_m2: float = 0.0
    """Area of the outline at half of the patch's own contrast; 0 where that could not be told."""

    cut_perimeter_m: float = 0.0

    @property
    def cut_offset_px(self) -> float:
        """As `offset_px`, of the outline at half contrast."""
        return (self.true_m2 - self.cut_m2) / self.cut_perimeter_m / self.gsd_m

    @property
    def offset_px(self) -> float:
        """By how many pixels the outline would have to move outwards to hold the true area."""
        return (self.true_m2 - self.area_m2) / self.perimeter_m / self.gsd_m


def world_cases(count: int, seed: int, work: Path, method: Method) -> Iterable[Case]:
    """Cases of simulated worlds of Sentinel-2."""
    specs = [spec for spec in developed_specs(seed, 4 * count) if spec.sensor == "sentinel-2"][:count]
    for spec in specs:
        try:
            yield from _of_world(spec, work, method)
        except DOMAIN_ERRORS as error:
            typer.echo(f"{spec.seed}: {error}", err=True)


def _of_world(spec: SteppeSpec, work: Path, method: Method) -> Iterable[Case]:
    folder = built(spec, work)
    out = Path(mkdtemp(prefix="scan-", dir=work))
    scan(
        ScanRequest(
            aoi=read_aoi(str(folder / "aoi.geojson")),
            source=LocalProvider.open(folder / "archive"),
            before=(spec.before[0], spec.before[-1]),
            after=(spec.after[-1], spec.after[-1]),
            out=out,
            detectors=(DETECTOR,),
            quicklooks=False,
            method=method,
        ),
        Silent(),
    )
    leads = read_told(out / "leads.gpkg")
    found = judge(DETECTOR, leads, Truth.read(folder), {}, frozen().rules)
    for lead, item in found.hits:
        there = item.outline(spec.after[-1])
        if there is not None and item.recovering is None:
            yield _case("world", lead, leads, geodesic_area_m2(there), out, float(spec.gsd_m))


def planted_cases(real: Path, work: Path, method: Method) -> Iterable[Case]:
    """Cases of real cities with changes planted, from seeds that the exam has not."""
    wanted = frozen_planted()
    for pair in find_pairs(real):
        if pair.name not in wanted.cities:
            continue
        for seed in PLANTING_SEEDS:
            folder = Path(mkdtemp(prefix=f"planted-{pair.name}-", dir=work))
            sown = sow(pair, seed, wanted.plant, folder)
            indexed: Indexed = written(sown, folder)
            scanned = scan_pair(indexed, sown.geobox, [DETECTOR], method, folder / "scan")
            yield from _of_city(scanned.out, sown.planted.instance, sown.geobox, sown.planted.gsd_m)


def _case(source: str, lead: Told, leads: Sequence[Told], true_m2: float, out: Path, gsd_m: float) -> Case:
    cut = _cut(lead, leads, out, gsd_m)
    told = (0.0, 0.0) if cut is None else (geodesic_area_m2(cut), perimeter_m(cut))
    return Case(source, lead.mean, lead.area_m2, true_m2, perimeter_m(lead.geometry), gsd_m, *told)


def _cut(lead: Told, leads: Sequence[Told], out: Path, gsd_m: float) -> BaseGeometry | None:
    """The outline of a lead at half of its own contrast, from the images that the scan wrote."""
    box = window_around(lead.geometry, gsd_m, RING_M)
    if float(box.affine.a) != gsd_m:
        return None
    images = []
    for role in ("before", "after"):
        with rasterio.open(out / "imagery" / f"{role}_{epsg_of(box)}.tif") as source:
            place = from_bounds(*box.boundingbox.bbox, transform=source.transform)
            data = source.read(window=place, boundless=True, masked=True, out_shape=(source.count, *box.shape))
        images.append(data.filled(0).astype(np.float32) / 1e4)
        images[-1][:, np.ma.getmaskarray(data).all(axis=0)] = np.nan
    others = [other.geometry for other in leads if other is not lead]
    inside, ring = inside_and_ring(lead.geometry, box, others, RING_M)
    return cut_outline(images[0], images[1], inside, ring, box)


def _of_city(out: Path, instance: NDArray[np.int16], geobox: GeoBox, gsd_m: float) -> Iterable[Case]:
    sizes = np.bincount(instance.ravel())
    epsg = epsg_of(geobox)
    leads = read_told(out / "leads.gpkg")
    for lead in leads:
        ground = to_crs(lead.geometry, 4326, epsg)
        inside = geometry_mask([ground], instance.shape, geobox.affine, invert=True)
        under = np.bincount(instance[inside], minlength=len(sizes))
        under[0] = 0
        number = int(under.argmax())
        union = sizes[number] + inside.sum() - under[number]
        if number and sizes[number] * gsd_m**2 >= frozen().rules.least_m2 and under[number] / union >= frozen().iou:
            true = float(sizes[number]) * gsd_m**2
            yield _case("planted", lead, leads, true, out, gsd_m)


def calibrated(cases: Sequence[Case], command: str) -> Offsets:
    """The offsets that hold `COVER` of the cases, class by class; a class with few cases takes all cases."""
    classes = []
    every = [case.offset_px for case in cases]
    for low, high in itertools.pairwise(BOUNDS):
        own = [case.offset_px for case in cases if low <= case.score < high]
        taken = own if len(own) >= LEAST_CASES else every
        classes.append(OffsetClass(low, *_quantiles(taken), len(own)))
    cut = [case.cut_offset_px for case in cases if case.cut_m2]
    return Offsets(tuple(classes), OffsetClass(0.0, *_quantiles(cut or every), len(cut)), COVER, command)


def _quantiles(offsets: Sequence[float]) -> tuple[float, float]:
    """Lower and upper offset with the tails of the share that is left out, made wider as few cases demand."""
    tail = (1 - COVER) / 2
    wide = tail - 1 / (len(offsets) + 1) if len(offsets) > 1 / tail else 0.0
    low, high = np.quantile(offsets, [max(wide, 0.0), 1 - max(wide, 0.0)])
    return round(float(low), 4), round(float(high), 4)


def main(
    out: Annotated[Path, typer.Option(help="JSON to write.")],
    worlds: Annotated[int, typer.Option(help="How many simulated worlds.")] = 16,
    seed: Annotated[int, typer.Option(help="Set of worlds.")] = 1,
    real: Annotated[Path | None, typer.Option(help="Folder of real imagery, for planted cities.")] = None,
    cases: Annotated[Path | None, typer.Option(help="Keep the cases as JSON lines, added to what is there.")] = None,
) -> None:
    """Measure, calibrate, write."""
    found: list[Case] = []
    if cases is not None and cases.exists():
        found = [Case(**json.loads(line)) for line in cases.read_text(encoding="utf-8").splitlines()]
    with TemporaryDirectory(prefix="weixun-areas-") as folder:
        work = Path(folder)
        planted = planted_cases(real, work, "auto") if real else ()
        for case in itertools.chain(world_cases(worlds, seed, work, "auto"), planted):
            found.append(case)
            if cases is not None:
                with cases.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(case.__dict__) + "\n")
    said = f"python -m pipelines.exams.areas --worlds {worlds} --seed {seed}{' --real REAL-IMAGERY' if real else ''}"
    offsets = calibrated(found, said)
    out.write_text(offsets.to_json() + "\n", encoding="utf-8")
    held = [low <= case.offset_px <= high for case in found for low, high in [offsets.at(case.score)]]
    typer.echo(f"{len(found)} cases, {sum(held) / max(len(held), 1):.3f} held; {offsets.to_json()}")


if __name__ == "__main__":
    typer.run(main)

"""How far the outlines of leads lie beside the ground's own: what the interval of an area is calibrated with.

    python -m pipelines.exams.areas --worlds 16 --years 5 --out leads/area.json [--real REAL-IMAGERY]

Changes planted into simulated worlds, and into real cities where a folder of them is given, are found by an ordinary
scan, and works in worlds of several years by one that reads history. For each one that is matched, the offset of its
outline is (true area − area) / perimeter: by so many pixels it would have to move. Worlds and planting seeds are those
for developing; no exam has one of them.
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
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

from aoi.area import geodesic_area_m2
from aoi.grid import epsg_of, to_crs
from aoi.read import read_aoi
from imagery.providers.local import LocalProvider
from imagery.simulated.curriculum import developed_specs
from imagery.simulated.examined import DEVELOPED, years_spec
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.truth import Truth
from leads.area import perimeter_m
from pipelines.exams.areafit import Case, calibrated, elsewhere, held
from pipelines.exams.models import MODELS, frozen
from pipelines.exams.pair import DOMAIN_ERRORS, Indexed, scan_pair
from pipelines.exams.planted import frozen as frozen_planted
from pipelines.exams.planted import sow, written
from pipelines.exams.worldmatch import Told, judge, overlap
from pipelines.exams.worldscan import built, read_told, request_of
from pipelines.labelled import find_pairs
from pipelines.outlined import Drawn, cut_outline
from pipelines.progress import Silent
from pipelines.request import Method, ScanRequest
from pipelines.scan import scan, scanned
from pipelines.windows import inside_and_ring, window_around

DETECTOR = "land_disturbance"
PLANTING_SEEDS = (810_001, 810_002, 810_003, 810_004, 810_005, 810_006)
"""Of the planted cities; the exam's are others."""

DROUGHT = 0.85
"""Of every other world of several years, in its last."""

RING_M = 250.0


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
            place = f"world {spec.seed}", "world"
            yield _case(place, lead, leads, geodesic_area_m2(there), out, float(spec.gsd_m))


def years_cases(count: int, work: Path, method: Method) -> Iterable[Case]:
    """Cases of worlds of several years whose outlines were cut by looks of many days."""
    for number in range(1, count + 1):
        spec = years_spec(DEVELOPED[number], drought=0.0 if number % 2 else DROUGHT)
        try:
            yield from _of_years(spec, work, method)
        except DOMAIN_ERRORS as error:
            typer.echo(f"{spec.seed}: {error}", err=True)


def _of_years(spec: SteppeSpec, work: Path, method: Method) -> Iterable[Case]:
    folder = built(spec, work)
    truth = Truth.read(folder)
    run = scanned(request_of(spec, folder, MODELS, method, Path(mkdtemp(prefix="scan-", dir=work))), Silent())
    rules = frozen().rules
    for lead, _ in run.found:
        patch, cut = lead.finding.patch, lead.finding.patch.cut
        share, item = max(
            ((overlap(patch.geometry, item.geometry), item) for item in truth.planted), key=lambda pair: pair[0]
        )
        if share < rules.iou or item.area_m2 < rules.least_m2:
            continue
        edge_m, place = perimeter_m(patch.geometry), f"world {spec.seed}"
        drawn = Case("years", patch.score_mean, patch.area_m2, item.area_m2, edge_m, patch.gsd_m, place=place)
        if cut is None:
            yield drawn
        else:
            yield replace(
                drawn,
                area_m2=patch.area_m2 + cut.apart_px * edge_m * patch.gsd_m,
                cut_m2=patch.area_m2,
                cut_perimeter_m=edge_m,
                cut_apart_px=cut.apart_px,
                cut_soft_px=cut.soft_px,
            )


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
            found = scan_pair(indexed, sown.geobox, [DETECTOR], method, folder / "scan")
            yield from _of_city(pair.name, found.out, sown.planted.instance, sown.geobox, sown.planted.gsd_m)


def _case(place: tuple[str, str], lead: Told, leads: Sequence[Told], true_m2: float, out: Path, gsd_m: float) -> Case:
    name, source = place
    drawn = _cut(lead, leads, out, gsd_m)
    case = Case(source, lead.mean, lead.area_m2, true_m2, perimeter_m(lead.geometry), gsd_m, place=name)
    if drawn is None:
        return case
    cut = drawn.beside(lead.area_m2, gsd_m)
    return replace(
        case,
        cut_m2=geodesic_area_m2(drawn.geometry),
        cut_perimeter_m=perimeter_m(drawn.geometry),
        cut_apart_px=cut.apart_px,
        cut_soft_px=cut.soft_px,
    )


def _cut(lead: Told, leads: Sequence[Told], out: Path, gsd_m: float) -> Drawn | None:
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


def _of_city(name: str, out: Path, instance: NDArray[np.int16], geobox: GeoBox, gsd_m: float) -> Iterable[Case]:
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
            yield _case((name, "planted"), lead, leads, true, out, gsd_m)


def main(
    out: Annotated[Path, typer.Option(help="JSON to write.")],
    worlds: Annotated[int, typer.Option(help="How many simulated worlds.")] = 16,
    seed: Annotated[int, typer.Option(help="Set of worlds.")] = 1,
    years: Annotated[int, typer.Option(help="How many simulated worlds of several years.")] = 0,
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
        simulated = itertools.chain(world_cases(worlds, seed, work, "auto"), years_cases(years, work, "auto"))
        for case in itertools.chain(simulated, planted):
            found.append(case)
            if cases is not None:
                with cases.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(case)) + "\n")
    past, ground = f" --years {years}" if years else "", " --real REAL-IMAGERY" if real else ""
    offsets = calibrated(found, f"python -m pipelines.exams.areas --worlds {worlds} --seed {seed}{past}{ground}")
    out.write_text(offsets.to_json() + "\n", encoding="utf-8")
    inside = [low <= case.offset_px <= high for case in found for low, high in [offsets.at(case.score)]]
    typer.echo(f"{len(found)} cases, {sum(inside) / max(len(inside), 1):.3f} held; {offsets.to_json()}")
    for real_ground in (True, False):
        own = [case for case in found if case.cut_m2 and case.real == real_ground]
        typer.echo(f"cut at half contrast, {'real' if real_ground else 'simulated'}: {held(offsets, own)}")
    for name, halves in elsewhere(found).items():
        for half in halves:
            typer.echo(f"one half of the places by the offsets of the other, {name}: {half}")


if __name__ == "__main__":
    typer.run(main)

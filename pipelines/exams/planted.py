"""Changes planted into real ground that training never saw, found again as leads by an ordinary scan.

The set is frozen in `planted.json`: cities, seeds and densities, committed before the first training. What really
changed in a city is nobody's to say: a lead on ground whose own anomaly is high is left aside, for every method.
"""

import time
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import label
from scipy.optimize import linear_sum_assignment

from detectors.core.types import BoolArray, FloatArray
from imagery.archive import Archive
from imagery.compose import read_day, solar_days
from imagery.planted.canvas import IGNORE
from imagery.planted.plant import Planted, PlantSpec, plant
from imagery.scene import BANDS
from pipelines.baseline import cva, otsu
from pipelines.errors import BadInputError
from pipelines.exams.pair import DOMAIN_ERRORS, Indexed, index, scan_pair
from pipelines.exams.part import Check, Column, Part, Value, ratio
from pipelines.exams.raster import write_raster
from pipelines.labelled import LabelledPair, find_pairs
from pipelines.progress import Progress, Silent
from pipelines.request import Method
from pipelines.training.backgrounds import grounds, may_have_changed

LEAST_PRECISION = LEAST_RECALL = 0.90
DATES = ("2018-07-01", "2019-07-01")
DETECTOR = "land_disturbance"

COLUMNS = (
    Column("city", "text"),
    Column("planted", "count"),
    Column("found", "count"),
    Column("false", "count"),
    Column("aside", "count"),
    Column("P"),
    Column("R"),
    Column("decoys", "count"),
    Column("raised", "count"),
    Column("CVA P"),
    Column("CVA R"),
    Column("s", "seconds"),
)

NOTES = (
    "Leads and planted changes of 0.2 ha and more, one to one at IoU 0.3. Aside: leads at least half on ground that "
    "may really have changed, or on a planted change too small or too faint to count. CVA at Otsu's threshold, its "
    "connected pixels as leads, judged alike.",
)


class Frozen(BaseModel):
    """The frozen set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str = Field(description="what it is, in a sentence")
    cities: tuple[str, ...] = Field(description="labelled OSCD cities; their labels are not used")
    seeds: tuple[int, ...] = Field(description="one planting of every city for each")
    plant: PlantSpec = Field(description="how densely and how large")
    least_ha: float = Field(gt=0, description="smallest lead and change that count, hectares")
    iou: float = Field(gt=0, le=1, description="least intersection over union of a match")


@cache
def frozen() -> Frozen:
    """The frozen set."""
    return Frozen.model_validate_json(files("pipelines.exams").joinpath("planted.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, eq=False)
class Sown:
    """One city with changes planted."""

    name: str
    planted: Planted
    unknown: BoolArray
    """(H, W) True where nobody can say whether it changed."""

    geobox: GeoBox


@dataclass(frozen=True)
class Tally:
    """How many were found."""

    planted: int
    found: int
    false: int
    aside: int
    raised: int
    """Decoys under false leads."""


def measure_planted(real: Path, work: Path, method: Method, progress: Progress | None = None) -> Part:
    """Plant, scan, match.

    Raises:
        BadInputError: if the imagery is not there.
    """
    wanted = frozen()
    pairs = [pair for pair in find_pairs(real) if pair.name in wanted.cities]
    if len(pairs) < len(wanted.cities):
        raise BadInputError(f"{real} lacks cities of the frozen set; it needs {', '.join(wanted.cities)}.")
    rows: list[tuple[Value, ...]] = []
    failed: list[tuple[str, str]] = []
    ours, theirs, decoys = [], [], 0
    with (progress or Silent()).stage("planted changes", len(pairs) * len(wanted.seeds)) as step:
        for pair in pairs:
            for seed in wanted.seeds:
                start = time.perf_counter()
                folder = Path(mkdtemp(prefix=f"planted-{pair.name}-", dir=work))
                try:
                    sown = sow(pair, seed, wanted.plant, folder)
                    mine = tally(sown, _leads(sown, method, folder), wanted)
                except DOMAIN_ERRORS as error:
                    failed.append((f"{pair.name} {seed}", str(error)))
                    step()
                    continue
                other = tally(sown, _cva_leads(sown, wanted), wanted)
                count = sum(not item.violation for item in sown.planted.instances)
                rows.append(_row(f"{pair.name} {seed}", mine, other, count, time.perf_counter() - start))
                ours.append(mine)
                theirs.append(other)
                decoys += count
                step()
    total, beside = _sum(ours), _sum(theirs)
    rows.append(_row("all", total, beside, decoys, sum(float(row[-1]) for row in rows)))
    checks = (
        Check("precision of leads", _precision(total), LEAST_PRECISION),
        Check("recall of leads", _recall(total), LEAST_RECALL),
    )
    title = "changes planted into cities that training never saw"
    return Part("planted", title, method, COLUMNS, tuple(rows), checks, NOTES, tuple(failed))


def sow(pair: LabelledPair, seed: int, spec: PlantSpec, folder: Path) -> Sown:
    """Plant into a city's two images as they are; the same seed gives the same pixels."""
    pool = index(pair.name, pair.sources, pair.sidecar, folder)
    scenes = Archive.open(pool.archive).scenes()
    ground = max(grounds(scenes), key=lambda box: box.shape[0] * box.shape[1])
    before, after = (
        read_day(day, ground, BANDS)[0].data for _, day in sorted(solar_days(scenes).items(), key=lambda item: item[0])
    )
    doubtful, _ = may_have_changed((before, after), BANDS)
    rng = np.random.default_rng([seed, *pair.name.encode()])
    planted = plant(before, after, BANDS, float(ground.affine.a), rng, spec)
    unknown = (planted.instance == 0) & (doubtful | (planted.label == IGNORE))
    return Sown(pair.name, planted, unknown, ground)


def _leads(sown: Sown, method: Method, folder: Path) -> list[BoolArray]:
    """(H, W) pixels of each lead of an ordinary scan over the planted pair."""
    scanned = scan_pair(written(sown, folder), sown.geobox, [DETECTOR], method, folder / "scan")
    return [pixels for _, _, pixels in scanned.leads()]


def written(sown: Sown, folder: Path) -> Indexed:
    """The planted pair as an archive in a folder."""
    sources, notes = [], []
    for date, image in zip(DATES, (sown.planted.before, sown.planted.after), strict=True):
        path = folder / f"{sown.name}_{date}.tif"
        dn = np.where(np.isfinite(image), np.clip(np.round(image * 10_000), 1, 65_535), 0).astype(np.uint16)
        write_raster(path, dn, sown.geobox, 0)
        sources.append(path)
        notes.append(_note(path.name, date))
    return index(sown.name, sources, {"scenes": notes}, _new(folder / "pair"))


def _note(file: str, date: str) -> dict[str, Any]:
    radiometry = {"scale": 1e-4, "offset": 0.0, "nodata": 0}
    return {"file": file, "date": date, "level": "SR", "sensor": "sentinel-2", "bands": list(BANDS), **radiometry}


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _cva_leads(sown: Sown, wanted: Frozen) -> list[BoolArray]:
    magnitude = cva(sown.planted.before, sown.planted.after)
    parts, count = label(np.nan_to_num(magnitude) >= otsu(magnitude))
    least = wanted.least_ha * 1e4 / sown.planted.gsd_m**2
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    return [parts == number for number in range(1, count + 1) if sizes[number] >= least]


def tally(sown: Sown, leads: list[BoolArray], wanted: Frozen) -> Tally:
    """Match leads with planted changes, one to one, so that most are matched.

    Args:
        sown: the planted city.
        leads: (H, W) pixels of each.
        wanted: least area and IoU.
    """
    least = wanted.least_ha * 1e4 / sown.planted.gsd_m**2
    instance = sown.planted.instance
    sizes = np.bincount(instance.ravel(), minlength=len(sown.planted.instances) + 1)
    sought = [number for number in range(1, len(sizes)) if sizes[number] >= least]
    small = np.isin(instance, [number for number in range(1, len(sizes)) if 0 < sizes[number] < least])
    counted = [lead for lead in leads if np.count_nonzero(lead) >= least]
    overlap = np.array([_overlaps(lead, instance, sizes)[sought] for lead in counted]).reshape(len(counted), -1)
    gain = np.where(overlap >= wanted.iou, min(overlap.shape) + 1 + overlap, 0.0)
    rows, cols = linear_sum_assignment(gain, maximize=True) if gain.size else ((), ())
    matched = {int(row) for row, col in zip(rows, cols, strict=True) if gain[row, col] > 0}
    rest = [lead for place, lead in enumerate(counted) if place not in matched]
    aside = [lead for lead in rest if (sown.unknown | small)[lead].mean() >= 0.5]
    false = [lead for lead in rest if (sown.unknown | small)[lead].mean() < 0.5]
    return Tally(len(sought), len(matched), len(false), len(aside), _raised(sown, false))


def _overlaps(lead: BoolArray, instance: NDArray[np.int16], sizes: NDArray[np.intp]) -> FloatArray:
    """(N,) intersection over union of a lead with every planted change."""
    common = np.bincount(instance[lead], minlength=len(sizes))
    return np.asarray(common / np.maximum(sizes + np.count_nonzero(lead) - common, 1), np.float32)


def _raised(sown: Sown, false: list[BoolArray]) -> int:
    """Decoys whose middle half lies under a false lead by a tenth or more."""
    under = np.any(false, axis=0) if false else np.zeros(sown.unknown.shape, bool)
    decoys = [item for item in sown.planted.instances if not item.violation]
    return sum(bool(under[item.window].mean() > 0.1) for item in decoys)


def _sum(parts: list[Tally]) -> Tally:
    return Tally(
        *(sum(getattr(part, name) for part in parts) for name in ("planted", "found", "false", "aside", "raised"))
    )


def _precision(tally: Tally) -> float:
    return ratio(tally.found, tally.found + tally.false)


def _recall(tally: Tally) -> float:
    return ratio(tally.found, tally.planted)


def _row(name: str, ours: Tally, cva_tally: Tally, decoys: int, seconds: float) -> tuple[Value, ...]:
    return (
        name, ours.planted, ours.found, ours.false, ours.aside, _precision(ours), _recall(ours), decoys, ours.raised,
        _precision(cva_tally), _recall(cva_tally), seconds,
    )  # fmt: skip

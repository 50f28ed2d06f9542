"""Whether water is called water at one date, beside an index with a limit from a paper."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from detectors.core.types import BoolArray, FloatArray, Surface
from imagery.names import SENTINEL2
from pipelines.errors import BadInputError
from pipelines.exams.pair import DOMAIN_ERRORS, index, scan_pair
from pipelines.exams.part import Check, Column, Part, Value, ratio
from pipelines.exams.raster import write_raster
from pipelines.progress import Progress, Silent
from pipelines.request import Method
from pipelines.warp import blaming, geobox_of, open_raster

FOLDER = "sen1floods11_spain"
DATE, DATE_OF_COPY = "2019-09-18", "2018-09-18"
LEAST_IOU = 0.75
WATER_MNDWI = 0.1

BANDS = tuple(SENTINEL2.values())
"""Names of the file's 13 bands, in their order; B8A stands between B08 and B09."""

COLUMNS = (
    Column("scene", "text"),
    Column("water px", "count"),
    Column("observed", "share"),
    Column("IoU"),
    Column("IoU of observed"),
    Column("P"),
    Column("R"),
    Column("MNDWI IoU"),
    Column("s", "seconds"),
)

NOTES = (
    "IoU: surface after is water against the hand-drawn label, over all labelled pixels (not observed = not water) "
    "and over the observed ones. MNDWI > 0.1 (Xu 2006) on the same DN, unmasked. A scan needs a pair: the before image "
    "is the same one, dated a year earlier, with 1 DN of noise.",
)


@dataclass(frozen=True, eq=False)
class Labelled:
    """An image with water drawn by hand."""

    name: str
    dn: NDArray[np.uint16]
    """(13, H, W), 0 = no data."""

    water: BoolArray
    known: BoolArray
    """(H, W) True where somebody labelled."""

    geobox: GeoBox


def measure_water(real: Path, work: Path, method: Method, progress: Progress | None = None) -> Part:
    """Call the surface of every labelled scene.

    Args:
        real: folder of real imagery, holding ``sen1floods11_spain/``.
        work: scratch folder.
        method: where surfaces come from.
        progress: told of each scene.

    Raises:
        BadInputError: if there is none. A scene that fails is reported, not raised.
    """
    labels = sorted((real / FOLDER / "Labels").glob("*_LabelHand.tif"))
    if not labels:
        raise BadInputError(f"{real} holds no {FOLDER}/Labels/*_LabelHand.tif.")
    rows, checks, failed = [], [], []
    work.mkdir(parents=True, exist_ok=True)
    with (progress or Silent()).stage("water", len(labels)) as step:
        for label in labels:
            name = label.stem.removesuffix("_LabelHand")
            try:
                row = _measure(_read(label, name), Path(tempfile.mkdtemp(prefix=f"{name}-", dir=work)), method)
                rows.append(row)
                checks.append(Check(f"{name}: IoU of water", float(row[3]), LEAST_IOU))
            except DOMAIN_ERRORS as error:
                failed.append((name, str(error)))
            step()
    return Part("water", "Water is called water", method, COLUMNS, tuple(rows), tuple(checks), NOTES, tuple(failed))


def _read(label: Path, name: str) -> Labelled:
    image = label.parent.parent / "S2" / f"{name}_S2Hand.tif"
    with open_raster(label, "label") as source, blaming(label, "label"):
        drawn, geobox = source.read(1), geobox_of(source)
    with open_raster(image, "image") as source, blaming(image, "image"):
        if source.count != len(BANDS) or source.shape != drawn.shape:
            raise BadInputError(f"{image} is not an image of {len(BANDS)} bands on the grid of {label.name}.")
        dn = source.read().astype(np.uint16)
    return Labelled(name, dn, drawn == 1, drawn >= 0, geobox)


def _measure(scene: Labelled, folder: Path, method: Method) -> tuple[Value, ...]:
    # The very same image twice has no residual to scale a score by.
    noise = np.random.default_rng(0).integers(0, 2, scene.dn.shape).astype(np.uint16)
    dates = {"after.tif": DATE, "before.tif": DATE_OF_COPY}
    write_raster(folder / "after.tif", scene.dn, scene.geobox, 0)
    write_raster(folder / "before.tif", np.where(scene.dn > 0, scene.dn + noise, 0).astype(np.uint16), scene.geobox, 0)
    notes = [
        {"file": file, "date": date, "level": "L1C", "sensor": "sentinel-2", "bands": BANDS}
        for file, date in dates.items()
    ]
    start = time.perf_counter()
    pair = index(scene.name, [folder / file for file in dates], {"scenes": notes}, folder)
    scanned = scan_pair(pair, scene.geobox, ("land_disturbance",), method, folder / "scan")
    codes = scanned.surface("after")
    seconds = time.perf_counter() - start
    called, observed = codes == Surface.WATER, codes != Surface.UNKNOWN
    drawn, known = scene.water & scene.known, scene.known
    both = int((called & drawn).sum())
    return (
        scene.name,
        int(drawn.sum()),
        ratio(int((observed & known).sum()), int(known.sum())),
        iou(called, drawn, known),
        iou(called, drawn, known & observed),
        ratio(both, int((called & known).sum())),
        ratio(both, int(drawn.sum())),
        iou(mndwi(scene.dn) > WATER_MNDWI, drawn, known),
        seconds,
    )


def iou(called: BoolArray, drawn: BoolArray, among: BoolArray) -> float:
    """Intersection over union of two masks inside a third; NaN where both are empty."""
    return ratio(int((called & drawn & among).sum()), int(((called | drawn) & among).sum()))


def mndwi(dn: NDArray[np.uint16]) -> FloatArray:
    """(H, W) modified normalised difference water index of an image of 13 bands; NaN where it has no value."""
    green, swir = (dn[BANDS.index(name)].astype(np.float32) for name in ("green", "swir16"))
    total = green + swir
    index: FloatArray = np.full_like(total, np.nan)
    np.divide(green - swir, total, out=index, where=total > 0)
    return index

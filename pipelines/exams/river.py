"""A river that migrates, with a river scope drawn about it: what it did by itself must not be called fill.

Eight epochs of one river, five years apart, as 8-bit digital numbers of four bands. Patches come from the ordinary
training-free score of two epochs; each that lies in the scope is judged by `river_protection` with all epochs as the
years of its history. The same is done again with compact platforms of earth planted into water of the last epoch: fill
must still be found. Epochs are dated a year apart, so that the model's own terms apply to them.
"""

import datetime as dt
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy import ndimage

from detectors.core.history import SIX, SURVEY_HIGH, Opinion, PatchSeries, Years
from detectors.core.open_water import share, wet
from detectors.core.types import BoolArray, FloatArray
from detectors.river_protection import FILL, NATURAL, judge, new_fill
from pipelines.errors import BadInputError
from pipelines.exams.pair import DOMAIN_ERRORS, index, scan_pair
from pipelines.exams.part import Check, Column, Part, Value, ratio
from pipelines.exams.raster import write_raster
from pipelines.progress import Progress, Silent
from pipelines.request import Method
from pipelines.warp import blaming, geobox_of, open_raster

FOLDER = "pucallpa_river"
BANDS = ("swir16", "nir", "red", "green")
PIXEL_M = 90.0
FIRST_DAY = dt.date(2001, 6, 5)
"""Of the oldest epoch; each later one a year on, in the model's season."""

SCOPE_PX = 5
"""The scope: wherever the river was in any epoch before the last, and so many pixels beyond."""

RING_PX = 9
"""Ground around a patch that its history shows, as the model's own 800 m."""

PLATFORM_PX = 6
PLATFORMS = 4
EARTH = (170.0, 190.0, 95.0, 70.0)
"""Digital numbers of bare earth in these pictures, as of the town's streets."""

LEAST_NATURAL = 0.9
LEAST_FOUND = 0.75

COLUMNS = (
    Column("epochs", "text"),
    Column("planted", "count"),
    Column("leads", "count"),
    Column("px", "count"),
    Column("natural", "share"),
    Column("as fill", "count"),
    Column("open", "count"),
    Column("dropped", "count"),
    Column("fill found", "count"),
    Column("survey found", "count"),
    Column("survey false px", "count"),
    Column("s", "seconds"),
)

NOTES = (
    "natural: share of the changed ground in the scope whose lead says natural channel change. as fill: leads that "
    "stand as fill on ground where nothing was planted. open: leads that say that the cause is not known. fill found: "
    "planted platforms of which a lead called fill covers half; survey: the same of its survey of all epochs. Landsat, "
    "8-bit, about 90 m; the calendar is made up.",
)


@dataclass(frozen=True, eq=False)
class River:
    """The epochs."""

    names: tuple[str, ...]
    values: NDArray[np.uint8]
    """(T, 4, H, W) digital numbers in the order of `BANDS`."""

    geobox: GeoBox

    @property
    def days(self) -> tuple[dt.date, ...]:
        """One a year."""
        return tuple(FIRST_DAY.replace(year=FIRST_DAY.year + number) for number in range(len(self.names)))

    def series(self, inside: BoolArray, box: tuple[slice, slice], first: int) -> PatchSeries:
        """The history of a patch between one epoch and the last."""
        rows, columns = box
        dn = self.values[:, :, rows, columns].astype(np.float32)
        none = np.full((len(dn), 1, *dn.shape[2:]), np.nan, np.float32)
        values = np.concatenate([dn[:, BANDS.index(name)][:, None] if name in BANDS else none for name in SIX], axis=1)
        here = inside[rows, columns]
        return PatchSeries(values, SIX, self.days, here, ~here, PIXEL_M, self.days[first], self.days[-1])

    def years(self, ground: BoolArray) -> Years:
        """The epochs as a survey is handed them."""
        shape = self.values.shape[2:]
        whole = self.series(np.zeros(shape, bool), np.s_[:, :], 0)
        days = np.broadcast_to(
            np.array([day.toordinal() for day in self.days], np.int32)[:, None, None], (len(whole.days), *shape)
        )
        return Years(whole.values, SIX, tuple(day.year for day in self.days), days, ground, PIXEL_M)

    def water(self) -> FloatArray:
        """(T, H, W) 1 = water."""
        return wet(self.series(np.zeros(self.values.shape[2:], bool), np.s_[:, :], 0))


def measure_river(real: Path, work: Path, method: Method, progress: Progress | None = None) -> Part:
    """Judge what changed about the river between its first, or its last but one, and its last epoch.

    Args:
        real: folder of real imagery, holding ``pucallpa_river/``.
        work: scratch folder.
        method: named in the table; digital numbers are always scored without training.
        progress: told of each row.

    Raises:
        BadInputError: if there are not at least four epochs of one grid. A row that fails is reported, not raised.
    """
    river = read_river(real / FOLDER)
    rows, failed = [], []
    plain = (0, len(river.names) - 2)
    with (progress or Silent()).stage("river", 2 * len(plain)) as step:
        for planted in (False, True):
            for first in plain:
                name = f"{river.names[first]}–{river.names[-1]}" + (" planted" if planted else "")
                try:
                    rows.append(_row(river, first, planted, work))
                except DOMAIN_ERRORS as error:
                    failed.append((name, str(error)))
                step()
    return Part("river", "A river that moves", method, COLUMNS, tuple(rows), _checks(rows), NOTES, tuple(failed))


def _checks(rows: Sequence[tuple[Value, ...]]) -> tuple[Check, ...]:
    checks = []
    for row in rows:
        if row[1]:
            drawn = ratio(int(row[9]), int(row[1]))
            checks.append(Check(f"{row[0]}: planted fill that the survey draws", drawn, LEAST_FOUND))
            # between the first and the last epoch most platforms lie inside one patch with all that migrated
            if row is rows[-1]:
                found = ratio(int(row[8]), int(row[1]))
                checks.append(Check(f"{row[0]}: share of planted fill found", found, LEAST_FOUND))
        else:
            checks.append(Check(f"{row[0]}: natural change by area", float(row[4]), LEAST_NATURAL))
            checks.append(Check(f"{row[0]}: leads that stand as fill", float(row[5]), 0.5, at_least=False))
            checks.append(Check(f"{row[0]}: pixels that the survey calls fill", float(row[10]), 0.5, at_least=False))
    return tuple(checks)


def read_river(folder: Path) -> River:
    """The epochs, oldest first.

    Raises:
        BadInputError: if there are not at least four files of one grid.
    """
    files = sorted(folder.glob("[12][0-9][0-9][0-9].tif"))
    values, geobox = [], None
    for file in files:
        with open_raster(file, "epoch") as source, blaming(file, "epoch"):
            geobox = geobox or geobox_of(source)
            if source.count != len(BANDS) or source.shape != tuple(geobox.shape):
                raise BadInputError(f"{file} is not an epoch of {len(BANDS)} bands on the grid of the others.")
            values.append(source.read().astype(np.uint8))
    if len(values) < 4 or geobox is None:
        said = f"only {len(values)}" if values else "no"
        raise BadInputError(f"{folder} holds {said} epochs (YEAR.tif); at least four are needed.")
    return River(tuple(file.stem for file in files), np.stack(values), geobox)


def planted(river: River) -> tuple[River, tuple[BoolArray, ...]]:
    """Platforms of bare earth in the last epoch, on ground that was water in nearly every epoch, widest water first."""
    water = river.water()
    always = (share(water) >= 0.85) & (water[-2:] > 0.5).all(axis=0)
    room = ndimage.distance_transform_cdt(always, "chessboard").astype(np.int32)
    values = river.values.copy()
    masks: list[BoolArray] = []
    rng = np.random.default_rng(3)
    while len(masks) < PLATFORMS and room.max() >= PLATFORM_PX // 2:
        row, column = np.unravel_index(int(np.argmax(room)), room.shape)
        top, left = int(row) - PLATFORM_PX // 2, int(column) - PLATFORM_PX // 2
        place = np.s_[max(top, 0) : top + PLATFORM_PX, max(left, 0) : left + PLATFORM_PX]
        mask = np.zeros(room.shape, np.bool_)
        mask[place] = True
        for band, level in enumerate(EARTH):
            values[-1, band][mask] = np.clip(level * (1 + rng.normal(0, 0.06, int(mask.sum()))), 0, 255)
        masks.append(mask)
        room[max(top - 25, 0) : top + 30, max(left - 25, 0) : left + 30] = 0
    return River(river.names, values, river.geobox), tuple(masks)


def _row(river: River, first: int, plant: bool, work: Path) -> tuple[Value, ...]:
    start = time.perf_counter()
    seen, masks = planted(river) if plant else (river, ())
    scope = ndimage.binary_dilation(river.water()[:-1].max(axis=0) > 0.5, iterations=SCOPE_PX)
    work.mkdir(parents=True, exist_ok=True)
    patches = _patches(seen, first, Path(tempfile.mkdtemp(prefix="river-", dir=work)))
    leads = [patch for patch in patches if (patch & scope).sum() >= 0.5 * patch.sum()]
    told = [(patch, _judged(seen, patch, first)) for patch in leads]
    stand = [(patch, one) for patch, one in told if one.stands]
    size = sum(int(patch.sum()) for patch, _ in told)
    natural = sum(int(patch.sum()) for patch, one in told if one.change == NATURAL)
    fills = [patch for patch, one in stand if one.change == FILL]
    sown = np.any(masks, axis=0) if masks else np.zeros(scope.shape, bool)
    drawn = np.asarray(new_fill(seen.years(scope)) >= SURVEY_HIGH)
    cover = np.any(fills, axis=0) if fills else np.zeros(scope.shape, bool)
    return (
        f"{river.names[first]}–{river.names[-1]}",
        len(masks),
        len(stand),
        size,
        ratio(natural, size),
        sum(not (patch & sown).any() for patch in fills),
        sum(one.unsure for _, one in stand),
        len(told) - len(stand),
        sum(bool((cover & mask).sum() >= 0.5 * mask.sum()) for mask in masks),
        sum(bool((drawn & mask).sum() >= 0.5 * mask.sum()) for mask in masks),
        int((drawn & ~sown).sum()),
        time.perf_counter() - start,
    )


def _patches(river: River, first: int, folder: Path) -> tuple[BoolArray, ...]:
    """(H, W) each patch that an ordinary scan of two epochs finds."""
    files = []
    for number in (first, len(river.names) - 1):
        files.append(folder / f"{river.names[number]}.tif")
        write_raster(files[-1], river.values[number], river.geobox, None)
    days = (river.days[first], river.days[-1])
    notes = [
        {"file": file.name, "date": day.isoformat(), "level": "DN", "sensor": "landsat", "bands": BANDS}
        for file, day in zip(files, days, strict=True)
    ]
    pair = index("river", files, {"scenes": notes}, folder)
    scanned = scan_pair(pair, river.geobox, ("land_disturbance",), "training-free", folder / "scan")
    return tuple(mask for _, _, mask in scanned.leads() if mask.any())


def _judged(river: River, patch: BoolArray, first: int) -> Opinion:
    rows, columns = np.nonzero(patch)
    box = (
        slice(max(int(rows.min()) - RING_PX, 0), int(rows.max()) + RING_PX + 1),
        slice(max(int(columns.min()) - RING_PX, 0), int(columns.max()) + RING_PX + 1),
    )
    return judge(river.series(patch, box, first))

"""How much is called disturbed between clear dates of different years, where nobody dug or built."""

import datetime as dt
import itertools
import json
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.archive import Archive
from imagery.errors import ImageryError
from imagery.scene import Scene
from pipelines.errors import BadInputError
from pipelines.evaluate import threshold_of
from pipelines.exams.pair import DOMAIN_ERRORS, Indexed, scan_pair
from pipelines.exams.part import Check, Column, Part, Value, mean, ratio
from pipelines.exams.raster import write_raster
from pipelines.progress import Progress, Silent
from pipelines.request import Method

FILE = Path("eolearn_patch") / "s2_l1c_13b_10dates.npz"
EPSG = 32633
DETECTOR = "land_disturbance"
MOST_CALLED = 0.005
CLEAR_CLOUD = 0.05
"""Of the pixels with data, so much may be cloud on a clear date."""

SEASON_DAYS = 45
"""Dates whose days of the year lie no farther apart are of the same season."""

COLUMNS = (
    Column("before", "text"),
    Column("after", "text"),
    Column("pair", "text"),
    Column("observed", "share"),
    Column("called", "share"),
    Column("in leads", "share"),
    Column("s", "seconds"),
)

SAME, OTHER, WITHIN = "same season", "other season", "same year"

NOTES = (
    "Pairs of different years are judged; same season: days of the year at most 45 apart. A clear date has under 5 % "
    "cloud by the data set's own mask. called: share of the observed pixels at the shipped threshold of "
    f"{DETECTOR}; a pair whose dates are both clear but share too little ground can not be scored and is told.",
)


@dataclass(frozen=True, eq=False)
class Stack:
    """One place on many dates."""

    times: tuple[dt.datetime, ...]
    bands: tuple[str, ...]
    """Sentinel-2 codes such as ``B04``."""

    reflectance: NDArray[np.float32]
    """(T, H, W, C), NaN = no data."""

    cloud: NDArray[np.uint8]
    """(T, H, W), 0 = clear."""

    geobox: GeoBox

    def clear(self) -> tuple[int, ...]:
        """Indices of the dates without cloud."""
        seen: NDArray[np.bool_] = np.asarray(np.isfinite(self.reflectance).all(axis=-1))
        cloudy = [ratio(int((self.cloud[t] > 0)[seen[t]].sum()), int(seen[t].sum())) for t in range(len(self.times))]
        return tuple(t for t, share in enumerate(cloudy) if share < CLEAR_CLOUD)


def measure_clear_dates(real: Path, work: Path, method: Method, progress: Progress | None = None) -> Part:
    """Scan every pair of clear dates.

    Args:
        real: folder of real imagery, holding ``eolearn_patch/``.
        work: scratch folder.
        method: where scores come from.
        progress: told of each pair.

    Raises:
        BadInputError: if there is no such stack. A pair that fails is reported, not raised.
    """
    stack = read_stack(real / FILE)
    work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="clear-", dir=work))
    scenes = _archived(stack, folder)
    pairs = list(itertools.combinations(scenes, 2))
    rows, failed = [], []
    with (progress or Silent()).stage("clear dates", len(pairs)) as step:
        for before, after in pairs:
            name = f"{before.solar_day}/{after.solar_day}"
            try:
                pair = Indexed(name, folder / "archive", before, after)
                rows.append(_measure(pair, stack.geobox, method, folder / name.replace("/", "_")))
            except DOMAIN_ERRORS as error:
                failed.append((name, str(error)))
            step()
    return Part("clear", "Nothing happened", method, COLUMNS, tuple(rows), _checks(rows), NOTES, tuple(failed))


def _checks(rows: Sequence[tuple[Value, ...]]) -> tuple[Check, ...]:
    checks = []
    for kind in (SAME, OTHER):
        called = [float(row[4]) for row in rows if row[2] == kind]
        checks += [
            Check(f"{kind}, {len(called)} pairs: mean share called disturbed", mean(called), MOST_CALLED, False),
            Check(f"{kind}: worst", max(called, default=float("nan")), MOST_CALLED, False),
        ]
    return tuple(checks)


def read_stack(path: Path) -> Stack:
    """The stack in a ``.npz``.

    Raises:
        BadInputError: if it is missing or not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as kept:
            left, bottom, right, top = kept["bbox_utm33n"]
            times = tuple(dt.datetime.fromisoformat(str(when)) for when in kept["dates"])
            bands = tuple(map(str, kept["band_names"]))
            reflectance, cloud = kept["bands"], kept["clm"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BadInputError(f"{path} is missing or no stack of dates ({error}).") from error
    height, width = reflectance.shape[1:3]
    affine = Affine((right - left) / width, 0, left, 0, (bottom - top) / height, top)
    return Stack(times, bands, reflectance, cloud, GeoBox((height, width), affine, f"EPSG:{EPSG}"))


def _archived(stack: Stack, folder: Path) -> tuple[Scene, ...]:
    """The clear dates as band files in an archive, first to last."""
    for t in stack.clear():
        place = folder / "images" / f"{stack.times[t]:%Y%m%d}"
        for c, code in enumerate(stack.bands):
            values = stack.reflectance[t, :, :, c]
            dn = np.where(np.isfinite(values), np.clip(np.rint(np.nan_to_num(values) * 1e4), 1, 65534), 0)
            write_raster(place / f"{code}.tif", dn.astype(np.uint16), stack.geobox, 0)
        note = {"datetime": f"{stack.times[t]:%Y-%m-%dT%H:%M:%S}Z", "level": "L1C", "sensor": "sentinel-2"}
        (place / "scene.json").write_text(json.dumps(note), encoding="utf-8")
    archive = Archive.create_or_open(folder / "archive")
    report = archive.add([folder / "images"])
    if report.refused:
        raise ImageryError(f"A clear date could not be indexed: {report.refused[0][1]}")
    return tuple(sorted(archive.scenes(), key=lambda scene: scene.datetime))


def _measure(pair: Indexed, geobox: GeoBox, method: Method, out: Path) -> tuple[Value, ...]:
    start = time.perf_counter()
    scanned = scan_pair(pair, geobox, (DETECTOR,), method, out)
    score = scanned.scored(DETECTOR)
    seconds = time.perf_counter() - start
    seen = np.isfinite(score)
    leads = np.zeros(seen.shape, np.bool_)
    for _, _, inside in scanned.leads():
        leads |= inside
    called = np.nan_to_num(score) >= threshold_of(DETECTOR, method)
    days = pair.before.solar_day, pair.after.solar_day
    observed = int(seen.sum())
    inside_leads = int((leads & seen).sum())
    shares = (
        ratio(observed, seen.size),
        ratio(int(called.sum()), observed),
        ratio(inside_leads, observed),
    )
    return str(days[0]), str(days[1]), kind_of(*days), *shares, seconds


def kind_of(before: dt.date, after: dt.date) -> str:
    """Whether two days are of one year, and if not, of one season."""
    if before.year == after.year:
        return WITHIN
    apart = abs(before.timetuple().tm_yday - after.timetuple().tm_yday)
    return SAME if min(apart, 365 - apart) <= SEASON_DAYS else OTHER

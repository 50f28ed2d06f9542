"""Radar alone: two pairs whose changes somebody drew, and a series with dated disturbances."""

import csv
import datetime as dt
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from detectors.core.radar import FALSE_ALARM, breaks, noise_limit, pair_change, usual, windowed_db
from detectors.core.types import FloatArray
from pipelines.errors import BadInputError
from pipelines.exams.part import Check, Column, Part, Value, ratio
from pipelines.metrics import evaluate
from pipelines.progress import Progress, Silent
from pipelines.request import Method

PAIRS, SERIES = "sar_water", "s1_myanmar_series"
BEHIND_ORACLE = 0.05
LEAST_RECALL, MOST_DAYS = 0.6, 45.0
MOST_BYTES = 200_000_000
EPOCH = dt.date(1970, 1, 1)

PAIR_COLUMNS = (
    Column("pair", "text"),
    Column("px", "count"),
    Column("changed", "share"),
    Column("P"),
    Column("R"),
    Column("F1"),
    Column("log-ratio best F1*"),
    Column("same, centred*"),
    Column("single px best F1*"),
    Column("brighter from"),
    Column("darker from"),
    Column("s", "seconds"),
)
SERIES_COLUMNS = (
    Column("limit from", "text"),
    Column("limit"),
    Column("recall", "share"),
    Column("false alarms", "share"),
    Column("median d"),
    Column("within 60 d", "share"),
    Column("disturbed", "count"),
    Column("stable", "count"),
    Column("looks", "count"),
    Column("s", "seconds"),
)
PAIR_NOTES = (
    "* the best of all thresholds on |log-ratio|, chosen with the mask in hand: an oracle, not a result. The first is "
    "of the same averaged looks; centred: less the picture's own middle; single px: without averaging. Logarithms are "
    "natural, 8-bit stretched pictures.",
)
SERIES_NOTES = (
    "median d: days between the date found and the reference, of what was found. The limit from noise is that of "
    f"simulated noise at {FALSE_ALARM:.0%}; the one from stable points is set to {FALSE_ALARM:.0%} false alarms there, "
    "as the condition asks, and uses no dates.",
)


def measure_radar_pairs(real: Path, work: Path, method: Method, progress: Progress | None = None) -> Part:
    """The change of every pair against its mask, with a limit chosen without it.

    Args:
        real: folder of real imagery, holding ``sar_water/*_1.bmp``, ``*_2.bmp`` and ``*_gt.bmp``.
        work: not used: nothing is written.
        method: named in the table; radar has one.
        progress: told of each pair.

    Raises:
        BadInputError: if there is none. A pair that fails is reported, not raised.
    """
    masks = sorted((real / PAIRS).glob("*_gt.bmp"))
    if not masks:
        raise BadInputError(f"{real} holds no {PAIRS}/*_gt.bmp.")
    rows, checks, failed = [], [], []
    with (progress or Silent()).stage("sar", len(masks)) as step:
        for mask in masks:
            name = mask.stem.removesuffix("_gt")
            try:
                row = _pair_row(name, mask)
            except BadInputError as error:
                failed.append((name, str(error)))
            else:
                rows.append(row)
                short = max(float(row[6]), float(row[7])) - float(row[5])
                checks.append(Check(f"{name}: F1 behind the better oracle", short, BEHIND_ORACLE, at_least=False))
            step()
    title = "Radar pairs: water and banks"
    return Part("sar", title, method, PAIR_COLUMNS, tuple(rows), tuple(checks), PAIR_NOTES, tuple(failed))


def _pair_row(name: str, mask: Path) -> tuple[Value, ...]:
    before, after = (_picture(mask.with_name(f"{name}_{number}.bmp")) for number in (1, 2))
    drawn = _picture(mask) > 0
    if not before.shape == after.shape == drawn.shape:
        raise BadInputError(f"{mask} and its two pictures have different sizes.")
    start = time.perf_counter()
    found = pair_change(before, after, 1.0)
    seconds = time.perf_counter() - start
    ours = evaluate(found.changed.astype(np.float32), drawn, 0.5)
    single = np.log((after + 1) / (before + 1)).astype(np.float32)
    scores = (found.log_ratio + np.float32(found.middle), found.log_ratio, single)
    oracles = [evaluate(np.abs(score), drawn, 0.0).oracle[0] for score in scores]
    limits = [math.nan if limit is None else limit for limit in found.limits]
    return (
        name,
        drawn.size,
        ratio(int(drawn.sum()), drawn.size),
        ours.precision,
        ours.recall,
        ours.f1,
        *oracles,
        *limits,
        seconds,
    )


def _picture(path: Path) -> FloatArray:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L"), np.float32)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise BadInputError(f"{path} can not be read as a picture ({error}).") from error


@dataclass(frozen=True, eq=False)
class Dated:
    """A series, and points of which somebody dated the disturbance."""

    days: tuple[dt.date, ...]
    power: FloatArray
    """(T, 2, H, W) linear power of vv and vh, NaN = not seen."""

    rows: tuple[int, ...]
    cols: tuple[int, ...]
    dates: FloatArray
    """Proleptic ordinal of each point's disturbance; NaN = stable."""


def measure_radar_series(real: Path, work: Path, method: Method, progress: Progress | None = None) -> Part:
    """Date the disturbances of a series.

    Args:
        real: folder of real imagery, holding ``s1_myanmar_series/``.
        work: not used: nothing is written.
        method: named in the table; radar has one.
        progress: told when it is done.

    Raises:
        BadInputError: if the series is missing or not what it should be.
    """
    with (progress or Silent()).stage("sarseries", 1) as step:
        series = read_dated(real / SERIES)
        start = time.perf_counter()
        decibels = windowed_db(series.power)
        points = decibels[:, :, list(series.rows), list(series.cols)]
        found = breaks(points, usual(decibels), series.days)
        seconds = time.perf_counter() - start
        step()
    stable = ~np.isfinite(series.dates)
    score = np.nan_to_num(found.score, nan=-1.0)
    at = {
        "simulated noise": noise_limit(len(series.days)),
        "stable points": float(np.quantile(score[stable], 1 - FALSE_ALARM)),
    }
    rows = [_series_row(name, limit, score, found.since, series, seconds) for name, limit in at.items()]
    checks = (
        Check(f"recall at {FALSE_ALARM:.0%} false alarms", float(rows[1][2]), LEAST_RECALL),
        Check("median date error, days", float(rows[1][4]), MOST_DAYS, at_least=False),
    )
    return Part(
        "sarseries", "Radar series: dated disturbances", method, SERIES_COLUMNS, tuple(rows), checks, SERIES_NOTES
    )


def _series_row(
    name: str, limit: float, score: FloatArray, since: FloatArray, series: Dated, seconds: float
) -> tuple[Value, ...]:
    stable = ~np.isfinite(series.dates)
    hit = (score > limit) & ~stable
    off = np.abs(since - series.dates)[hit]
    disturbed = int((~stable).sum())
    return (
        name,
        limit,
        ratio(int(hit.sum()), disturbed),
        ratio(int(((score > limit) & stable).sum()), int(stable.sum())),
        float(np.median(off)) if off.size else math.nan,
        ratio(int((off <= 60).sum()), int(hit.sum())),
        disturbed,
        int(stable.sum()),
        len(series.days),
        seconds,
    )


def read_dated(folder: Path) -> Dated:
    """A series and its points. Looks of one day are averaged.

    Raises:
        BadInputError: if files are missing, too large, or do not fit together.
    """
    files, table = sorted(folder.glob("*.npz")), folder / "dt_ref.csv"
    if len(files) != 1 or not table.is_file():
        raise BadInputError(f"{folder} does not hold one series (.npz) and dt_ref.csv.")
    try:
        if files[0].stat().st_size > MOST_BYTES:
            raise BadInputError(f"{files[0]} is too large for a series of this exam.")
        with np.load(files[0], allow_pickle=False) as held:
            stored, names, bounds = held["s1"], held["dates"], held["bounds"]
        days = [dt.date(int(name[:4]), int(name[4:6]), int(name[6:8])) for name in names]
        with table.open(encoding="utf-8", newline="") as file:
            points = [(float(p["x"]), float(p["y"]), float(p["date"] or "nan")) for p in csv.DictReader(file)]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise BadInputError(f"{folder} is not a series of this exam ({error}).") from error
    if stored.ndim != 4 or stored.shape[1] != 2 or len(days) != len(stored) or not points:
        raise BadInputError(f"{folder} is not a series of this exam: looks, days or points are missing.")
    power = np.where(stored > -9000, np.power(10, stored.astype(np.float32) / 1000), np.nan).astype(np.float32)
    alone = sorted(set(days))
    merged = np.stack([_together(power[[one == day for one in days]]) for day in alone])
    pixel_m = (bounds[1] - bounds[0]) / stored.shape[3]
    x, y, date = (np.array(column) for column in zip(*points, strict=True))
    rows, cols = ((bounds[3] - y) // pixel_m).astype(int), ((x - bounds[0]) // pixel_m).astype(int)
    if (rows.min(), cols.min()) < (0, 0) or rows.max() >= stored.shape[2] or cols.max() >= stored.shape[3]:
        raise BadInputError(f"{table} has points outside the series.")
    dates = (date + EPOCH.toordinal()).astype(np.float32)
    return Dated(tuple(alone), merged, tuple(rows.tolist()), tuple(cols.tolist()), dates)


def _together(looks: FloatArray) -> FloatArray:
    seen = np.isfinite(looks)
    count = seen.sum(axis=0)
    total = np.where(seen, looks, 0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)

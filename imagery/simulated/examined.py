"""Worlds of several years, to learn from and to be examined on: every ground, work and deception in one."""

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.random import Generator, default_rng

from imagery.simulated.courses import COURSES, PASSING
from imagery.simulated.spec import DecoyCounts, PlantedCounts, Sensor, SteppeSpec

DEVELOPED = range(2_000_000_000, 2_040_000_000)
"""Seeds of worlds to build models on. No training world and no exam has one of them."""

LEARNED = range(900_000_000, 1_000_000_000)
"""Seeds of worlds of several years to learn from: inside `curriculum.TRAIN_SEEDS`, beyond those that any set of theirs
reaches."""

EXAMINED = range(1_900_000_000, 1_950_000_000)
"""Seeds of exams of models: inside `curriculum.EXAM_SEEDS`, beyond those that any set of theirs reaches."""

UNCHANGED = range(1_960_000_000, 1_999_000_000)
"""Seeds of worlds in which nobody does anything."""

_SET = 100_000
"""Worlds that a set of `learned_specs` may have."""

EARLIER = ((5, 11), (6, 12), (7, 15), (8, 7), (9, 9), (10, 15))
LAST = ((5, 9), (5, 27), (6, 10), (6, 28), (7, 14), (7, 31), (8, 13), (9, 10), (10, 16))
"""(month, day) about which the years before the last, and the last, are seen."""

SPARE = ((5, 14), (6, 15), (7, 18), (8, 8), (10, 16))
"""As `EARLIER` and `LAST`, of large worlds that have to be cheap."""

JITTER_DAYS = 4

_PLANTED = PlantedCounts(
    pit=2, stripped=2, dump=1, road=1, buildings=1, ploughed=2, solar=1, fill=2, pond=2, ditch=2, clearing=3,
    topsoil=2, greenhouse=1, site=0,
)  # fmt: skip
_DECOYS = DecoyCounts(
    mowing=3, harvest=2, burn=3, drought=2, cloud_remnant=4, haze=2, shade=3, firebreak=2, reed_cutting=2, reseeding=2,
    voles=2, icing=1, snow=1, stripes=True,
)  # fmt: skip

_NONE = PlantedCounts(**dict.fromkeys(PlantedCounts.model_fields, 0))


def years_spec(
    seed: int,
    *,
    sensor: Sensor = "sentinel-2",
    drought: float = 0.0,
    years: int = 5,
    size_m: int = 7_200,
    share: float = 1.0,
) -> SteppeSpec:
    """A world of several years with every kind of ground, work and deception.

    Args:
        seed: of the world; its place, dates, sizes and weather come from it.
        sensor: what sees it.
        drought: how dry the last year is, 0–1, against a plain or wet one before.
        years: how many are seen.
        size_m: edge of the world.
        share: of the usual number of works and deceptions.
    """
    rng = default_rng([seed, 1_101])
    last = int(rng.integers(2023, 2026))
    before, after = calendar(rng, last, years, EARLIER, LAST)
    courses = {kind: 1 for kind in COURSES} | {"site_left": 3, "edge_ploughing": 2, "winter_strip": 2, "bloom": 1}
    courses |= {"river_maize": 2, "reploughed": 2, "unrestored": 2, "drained": 2, "shore_works": 2}
    passing = {kind: 2 for kind in PASSING}
    return _world(rng, seed, before, after, size_m, sensor, drought).model_copy(
        update={
            "planted": PlantedCounts(**_scaled(_PLANTED.model_dump(), share)),
            "decoys": _DECOYS,
            "courses": tuple(_scaled(courses, share).items()),
            "passing": tuple(_scaled(passing, share).items()),
            "snow_dates": before[:1],
        }
    )


def learned_specs(seed: int, count: int) -> tuple[SteppeSpec, ...]:
    """Worlds of three years to learn works and deceptions from: smaller, plainer and less wide than those of the exam.

    More than half have a drought in the last year; one in five is seen by Gaofen or Landsat.

    Args:
        seed: of the set, 0–999; the same seed gives the same worlds.
        count: how many, up to 100,000; a longer set begins with the worlds of a shorter one.

    Raises:
        ValueError: if seed or count is out of range.
    """
    if not (0 <= seed < len(LEARNED) // _SET and 0 <= count <= _SET):
        raise ValueError(f"a set has a seed of 0–{len(LEARNED) // _SET - 1} and up to {_SET} worlds")
    return tuple(_learned(LEARNED.start + seed * _SET + number) for number in range(count))


def _learned(seed: int) -> SteppeSpec:
    rng = default_rng([seed, 1_201])
    sensors: tuple[Sensor, ...] = ("sentinel-2", "gaofen", "landsat")
    spec = years_spec(
        seed,
        sensor=sensors[int(rng.choice(3, p=[0.8, 0.12, 0.08]))],
        drought=float(round(rng.uniform(0.4, 1.0), 2)) if rng.random() < 0.55 else 0.0,
        years=3,
        size_m=6_000,
    )
    return spec.model_copy(update={"variety": float(round(rng.uniform(0.4, 0.9), 2)), "planted_ha": (0.15, 10.0)})


def unchanged_spec(seed: int, *, size_m: int = 20_000, years: int = 3, drought: float = 0.0) -> SteppeSpec:
    """A large world in which nobody does anything, with the weather, farming and deceptions of every year."""
    rng = default_rng([seed, 1_101])
    before, after = calendar(rng, int(rng.integers(2023, 2026)), years, SPARE, SPARE)
    counts = {"mowing": 8, "harvest": 6, "burn": 3, "drought": 6, "cloud_remnant": 12, "haze": 6, "shade": 10}
    counts |= {"firebreak": 3, "reed_cutting": 4, "reseeding": 3, "voles": 6}
    quiet = ("caterpillars", "thinning", "tillage", "fallow", "rotation", "ponding", "bar", "puddles", "meadow_hay")
    return _world(rng, seed, before, after, size_m, "sentinel-2", drought).model_copy(
        update={
            "planted": _NONE,
            "decoys": DecoyCounts.model_validate({**counts, "stripes": True}),
            "passing": tuple((kind, 3) for kind in quiet)
            + tuple((kind, 2) for kind in ("site_reclaimed", "site_in_term")),
            "villages": 4,
            "old_mines": 3,
            "lakes": 3,
        }
    )


def calendar(
    rng: Generator, last: int, years: int, earlier: Sequence[tuple[int, int]], latest: Sequence[tuple[int, int]]
) -> tuple[tuple[dt.date, ...], tuple[dt.date, ...]]:
    """The dates before the last year, and those in it, each a few days off."""

    def drawn(year: int, days: Sequence[tuple[int, int]]) -> list[dt.date]:
        return [
            dt.date(year, *day) + dt.timedelta(days=int(rng.integers(-JITTER_DAYS, JITTER_DAYS + 1))) for day in days
        ]

    before = [day for year in range(last - years + 1, last) for day in drawn(year, earlier)]
    return tuple(before), tuple(drawn(last, latest))


def _world(
    rng: Generator,
    seed: int,
    before: tuple[dt.date, ...],
    after: tuple[dt.date, ...],
    size_m: int,
    sensor: Sensor,
    drought: float,
) -> SteppeSpec:
    every = sorted({day.year for day in (*before, *after)})
    dry = [(year, float(round(rng.uniform(-0.35, 0.3), 2))) for year in every]
    if drought:
        dry[-1] = (every[-1], drought)
    return SteppeSpec(
        seed=seed,
        centre=(round(float(rng.uniform(115.2, 119.2)), 4), round(float(rng.uniform(47.8, 50.2)), 4)),
        width_m=size_m,
        height_m=size_m,
        sensor=sensor,
        gsd_m=8 if sensor == "gaofen" else 0,
        before=before,
        after=after,
        planted_ha=(0.2, 15.0),
        cloud_pct=(0.0, 10.0) if sensor != "gaofen" else (0.0, 0.5),
        misregistration_px=float(round(rng.uniform(0.2, 0.8), 2)),
        crop_share=float(round(rng.uniform(0.22, 0.32), 2)),
        forest_share=float(round(rng.uniform(0.2, 0.3), 2)),
        drought=float(round(rng.uniform(0.3, 0.8), 2)),
        years=tuple(dry),
        grazing=float(round(rng.uniform(0.2, 0.8), 2)),
        variety=float(round(rng.uniform(0.7, 1.0), 2)),
        lenient=True,
        blooms=False,
        villages=1,
        old_mines=1,
        lakes=2,
    )


def _scaled(counts: Mapping[str, int], share: float) -> dict[str, int]:
    return {kind: int(np.ceil(count * share)) for kind, count in counts.items()}

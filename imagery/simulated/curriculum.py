"""Worlds to learn from and worlds to be examined on: small, dense, and each different."""

import datetime as dt

import numpy as np
from numpy.random import Generator, default_rng

from imagery.simulated.phenology import MOWING
from imagery.simulated.spec import LAST_ICING, PIXELS_M, DecoyCounts, PlantedCounts, Sensor, SteppeSpec

TRAIN_SEEDS = range(0, 1_000_000_000)
EXAM_SEEDS = range(1_500_000_000, 2_000_000_000)
"""World seeds of the two kinds. They never meet, so no exam shows ground that was learned from."""

DEVELOPED_SEEDS = range(2_040_000_000, 2_147_000_000)
"""World seeds of what is developed and calibrated on; beyond those of `examined.DEVELOPED`."""

MAX_SETS = 1_000
"""Numbers that `seed` may take, and the size up to which sets of different seeds share no world."""

_STRIDE = 100_000

_SIZE_M = {"sentinel-2": 5_000, "landsat": 5_400, "gaofen": 4_600, "dom": 2_400}
"""Edge of a world: at the pixel sizes of aerial pictures a smaller one holds pixels enough."""

_CLOUD_PCT = {"sentinel-2": (0.0, 12.0), "landsat": (0.0, 12.0), "gaofen": (0.0, 0.8), "dom": (0.0, 0.1)}
"""Gaofen and DOM bring no mask, and are bought where the sky was clear."""

# how often each kind is planted, against the others; without forest or cropland theirs are not
_KINDS = {
    "pit": 3.0, "stripped": 3.0, "dump": 2.5, "road": 1.5, "buildings": 2.5, "ploughed": 2.5, "fill": 1.2, "pond": 1.2,
    "clearing": 1.5, "topsoil": 1.5, "site": 1.5, "greenhouse": 0.7, "solar": 0.7, "ditch": 0.8,
}  # fmt: skip
_DECOYS = {
    "mowing": 2.5, "harvest": 2.0, "burn": 2.0, "drought": 1.5, "cloud_remnant": 2.5, "haze": 1.0, "shade": 2.0,
    "firebreak": 1.2, "reed_cutting": 1.0, "reseeding": 1.2, "voles": 1.2,
}  # fmt: skip


def train_specs(seed: int, count: int) -> tuple[SteppeSpec, ...]:
    """Worlds to train on: about 5 × 5 km in one zone, dense with changes of all kinds and with decoys.

    Seven in ten are seen by Sentinel-2, the others by Landsat, Gaofen or as DOM; years, months, drought, shares of
    cropland, forest, villages, mines and lakes, clouds and displacement differ from world to world.

    Args:
        seed: of the set, below `MAX_SETS`; the same seed gives the same worlds.
        count: how many, up to 100,000; a longer set begins with the worlds of a shorter one.

    Raises:
        ValueError: if seed or count is out of range.
    """
    return tuple(_spec(seed, number, TRAIN_SEEDS, exam=False) for number in range(_checked(seed, count)))


def exam_specs(seed: int, count: int) -> tuple[SteppeSpec, ...]:
    """Worlds to be examined on: as `train_specs`, from seeds of their own, with wider disturbances and droughts.

    Every second world has a severe drought in the year of the after dates, against a wet or plain year before.

    Args:
        seed: of the set, below `MAX_SETS`.
        count: how many, up to 100,000.

    Raises:
        ValueError: if seed or count is out of range.
    """
    return tuple(_spec(seed, number, EXAM_SEEDS, exam=True) for number in range(_checked(seed, count)))


def developed_specs(seed: int, count: int) -> tuple[SteppeSpec, ...]:
    """Worlds as wide as `exam_specs`, to develop and calibrate on: seeds that neither training nor an exam has.

    Args:
        seed: of the set, below `MAX_SETS`.
        count: how many, up to 100,000.

    Raises:
        ValueError: if seed or count is out of range.
    """
    return tuple(_spec(seed, number, DEVELOPED_SEEDS, exam=True) for number in range(_checked(seed, count)))


def _checked(seed: int, count: int) -> int:
    if not (0 <= seed < MAX_SETS and 0 <= count <= _STRIDE):
        raise ValueError(
            f"a set of worlds has a seed of 0–{MAX_SETS - 1} and up to {_STRIDE} worlds, not {seed}, {count}"
        )
    return count


def _spec(seed: int, number: int, seeds: range, exam: bool) -> SteppeSpec:
    world = seeds.start + seed * _STRIDE + number
    rng = default_rng([world, 1_001])
    sensor = _sensor(rng)
    before, after = _dates(rng)
    spring = tuple(day for day in (*before, *after) if day.timetuple().tm_yday <= LAST_ICING)
    crops = float(round(rng.choice([0.0, rng.uniform(0.05, 0.3), rng.uniform(0.3, 0.7)]), 2))
    woods = float(round(rng.choice([0.0, rng.uniform(0.03, 0.15), rng.uniform(0.15, 0.45)]), 2))
    size = _SIZE_M[sensor]
    return SteppeSpec(
        seed=world,
        centre=(round(float(rng.uniform(115.2, 119.2)), 4), round(float(rng.uniform(47.6, 50.4)), 4)),
        width_m=size + 120 * int(rng.integers(-2, 3)),
        height_m=size + 120 * int(rng.integers(-2, 3)),
        sensor=sensor,
        gsd_m=int(rng.choice(PIXELS_M[sensor])),
        dom_bands=3 if rng.random() < 0.4 else 4,
        before=before,
        after=after,
        planted=_planted(rng, 0.5 if sensor == "dom" else 1.0, crops, woods),
        decoys=_decoys(rng, after, spring),
        planted_ha=(0.05, 12.0) if sensor != "dom" else (0.05, 2.5),
        cloud_pct=_CLOUD_PCT[sensor],
        misregistration_px=float(round(rng.uniform(0.1, 1.0), 2)),
        crop_share=crops,
        forest_share=woods,
        drought=float(round(rng.uniform(0.2, 1.0), 2)),
        years=_years(rng, before, after, severe=exam and number % 2 == 0),
        grazing=float(round(rng.uniform(0.0, 1.0), 2)),
        variety=1.0 if exam else float(round(rng.uniform(0.4, 0.9), 2)),
        staged=float(round(rng.uniform(0.2, 0.7), 2)),
        any_size=True,
        lenient=True,
        snow_dates=spring,
        villages=int(rng.integers(0, 3)),
        old_mines=int(rng.integers(0, 3)),
        lakes=int(rng.integers(0, 3)),
    )


def _sensor(rng: Generator) -> Sensor:
    draw = float(rng.random())
    if draw < 0.70:
        return "sentinel-2"
    if draw < 0.85:
        return "landsat"
    return "gaofen" if draw < 0.93 else "dom"


def _dates(rng: Generator) -> tuple[tuple[dt.date, ...], tuple[dt.date, ...]]:
    """One date before; one or two after, a year or two later, mostly in the same season."""
    year = int(rng.integers(2017, 2024))
    first = dt.date(year, 1, 1) + dt.timedelta(days=_day(rng))
    shift = int(rng.integers(-12, 13)) if rng.random() < 0.7 else int(rng.integers(-50, 51))
    later = first.timetuple().tm_yday - 1 + shift
    gap = 1 if rng.random() < 0.75 else 2
    after = dt.date(year + gap, 1, 1) + dt.timedelta(days=int(np.clip(later, 110, 288)))
    if rng.random() < 0.5:
        return (first,), (after,)
    return (first,), (after, after + dt.timedelta(days=int(rng.integers(10, 46))))


def _day(rng: Generator) -> int:
    """Days after New Year: nine in ten in June to September, the others in May or October."""
    draw = float(rng.random())
    if draw < 0.06:
        return int(rng.integers(118, 151))
    return int(rng.integers(151, 273)) if draw < 0.96 else int(rng.integers(273, 288))


def _spread(rng: Generator, weights: dict[str, float], low: int, high: int) -> dict[str, int]:
    """Between `low` and `high` things, shared among kinds by weight; every kind has its chance."""
    share = np.array(list(weights.values())) * rng.uniform(0.3, 1.7, len(weights))
    counts = rng.multinomial(int(rng.integers(low, high + 1)), share / share.sum())
    return dict(zip(weights, counts.tolist(), strict=True))


def _planted(rng: Generator, share: float, crop_share: float, forest_share: float) -> PlantedCounts:
    weights = dict(_KINDS)
    if not forest_share:
        weights["clearing"] = 0.0
    if not crop_share:
        weights |= {"topsoil": 0.0, "greenhouse": 0.0}
    return PlantedCounts(**_spread(rng, weights, round(15 * share), round(30 * share)))


def _decoys(rng: Generator, after: tuple[dt.date, ...], spring: tuple[dt.date, ...]) -> DecoyCounts:
    weights = dict(_DECOYS)
    if after[-1].timetuple().tm_yday < MOWING[0]:
        weights["mowing"] = 0.0
    if spring:
        weights |= {"snow": 2.5, "icing": 1.0}
    return DecoyCounts(
        **_spread(rng, weights, 15, 30),
        water_level=True,
        misregistration=True,
        stripes=bool(rng.random() < 0.4),
    )


def _years(
    rng: Generator, before: tuple[dt.date, ...], after: tuple[dt.date, ...], severe: bool
) -> tuple[tuple[int, float], ...]:
    """How dry each year is: plain, wet or in drought, whatever the other was."""

    def drawn() -> float:
        return float(round(rng.choice([rng.normal(0, 0.1), rng.uniform(-0.7, -0.2), rng.uniform(0.3, 1.0)]), 2))

    first, last = before[0].year, after[0].year
    if severe:
        return ((first, float(round(rng.uniform(-0.4, 0.1), 2))), (last, float(round(rng.uniform(0.7, 1.0), 2))))
    return ((first, float(np.clip(drawn(), -1, 1))), (last, float(np.clip(drawn(), -1, 1))))

"""The lake through the years: what its level does, what grows and floats on it, and what is done to its shore."""

import datetime as dt
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from detectors.core.history import Opinion
from detectors.hulun_lake import BLOOM, DETECTOR, PIT, RECLAIMED, judge

SHAPE = (44, 44)
YEARS = range(2020, 2026)
LAST, FIRST, CHANGE = dt.date(2024, 9, 20), dt.date(2025, 6, 1), dt.date(2025, 4, 1)
SURVEYED = ""
NUMBERS = {SURVEYED: 0} | {
    transition.name_zh: number for number, transition in enumerate(DETECTOR.transitions, start=1)
}


def water(ground: ModuleType) -> Any:
    return ground.fixed(clear_water=0.7, turbid_water=0.3)


def shore(ground: ModuleType, edges: dict[int, int], usual: int = 22) -> list[Any]:
    """Water to the right of a column that moves with the year; mud where it went, saline meadow to the left."""
    parts = []
    for column in range(14, 44):

        def cover(day: dt.date, dry: float, column: int = column) -> Any:
            wet = column >= edges.get(day.year, usual)
            return (water(ground) if wet else ground.fixed(mud=0.7, saline=0.3))(day, dry)

        parts.append((ground.box(SHAPE, slice(0, 44), slice(column, column + 1)), cover))
    return parts


def opinion(
    ground: ModuleType, parts: list[Any], inside: np.ndarray, transition: str, *, first: dt.date = FIRST,
    last: dt.date = LAST, seed: int = 1, red_edge: bool = False, step: int = 18, **weather: Any,
) -> Opinion:  # fmt: skip
    canvas = ground.Canvas(ground.grass(0.6), parts, SHAPE)
    series = ground.series(
        canvas, inside, ground.dates(YEARS, (5, 22), (10, 10), step),
        ground.Weather(seed=seed, **{"lost": 0.1, **weather}), last_before=last, first_seen=first,
        transition=NUMBERS[transition],
    )  # fmt: skip
    return judge(ground.with_red_edge(series) if red_edge else series)


@pytest.mark.parametrize("seed", [1, 2])
def test_shore_that_was_filled_is_reclaimed(ground: ModuleType, seed: int) -> None:
    inside = ground.box(SHAPE, slice(14, 28), slice(22, 30))
    filled = ground.then(water(ground), (CHANGE, ground.fixed(gravel=0.6, spoil=0.4)))
    found = opinion(ground, [*shore(ground, {}), (inside, filled)], inside, RECLAIMED.zh, seed=seed)
    assert (found.stands, found.unsure, found.change) == (True, False, RECLAIMED)
    assert found.measures["retreat_elsewhere"] < 0.1


def test_a_river_that_moved_near_the_lake_made_no_shore(ground: ModuleType) -> None:
    channel = ground.box(SHAPE, slice(0, 44), slice(10, 14))
    left, taken = ground.box(SHAPE, slice(12, 28), slice(10, 13)), ground.box(SHAPE, slice(12, 28), slice(14, 17))
    parts = [
        (channel, water(ground)),
        (left, ground.then(water(ground), (CHANGE, ground.fixed(sand=0.6, mud=0.4)))),
        (taken, ground.then(ground.grass(0.6), (CHANGE, water(ground)))),
    ]
    found = opinion(ground, parts, left, RECLAIMED.zh)
    assert not found.stands
    assert "河道" in found.remarks[0].zh


@pytest.mark.parametrize("before", [{}, {2022: 28}])
def test_a_lower_lake_lays_all_of_its_shore_dry(ground: ModuleType, before: dict[int, int]) -> None:
    """Whether it was as low before, or never was."""
    inside = ground.box(SHAPE, slice(10, 34), slice(22, 27))
    found = opinion(ground, shore(ground, {2025: 28, **before}), inside, RECLAIMED.zh)
    assert not found.stands
    assert "岸线" in found.remarks[0].zh or "水位" in found.remarks[0].zh or "涨落" in found.remarks[0].zh


def test_a_higher_lake_is_no_pit_and_a_pit_is(ground: ModuleType) -> None:
    inside = ground.box(SHAPE, slice(10, 34), slice(17, 22))
    found = opinion(ground, shore(ground, {2025: 17}), inside, PIT.zh)
    assert not found.stands
    hole = ground.box(SHAPE, slice(16, 26), slice(2, 11))
    dug = ground.then(ground.grass(0.6), (CHANGE, ground.fixed(turbid_water=1.0)))
    found = opinion(ground, [*shore(ground, {}), (hole, dug)], hole, PIT.zh)
    assert (found.stands, found.change) == (True, PIT)
    drained = ground.then(dug, (dt.date(CHANGE.year, 9, 10), ground.fixed(mud=0.3, dry_grass=0.7)))
    rained = ground.then(ground.grass(0.6), (dt.date(CHANGE.year, 7, 1), drained))
    found = opinion(
        ground, [*shore(ground, {}), (hole, rained)], hole, PIT.zh, first=dt.date(CHANGE.year, 7, 5), step=12
    )
    assert not found.stands
    assert "汛期积水" in found.remarks[0].zh


def test_works_above_the_high_water_stand_and_the_drawdown_does_not(ground: ModuleType) -> None:
    yard = ground.box(SHAPE, slice(14, 26), slice(2, 12))
    built = ground.then(ground.grass(0.6), (CHANGE, ground.fixed(gravel=0.6, blue_roof=0.4)))
    found = opinion(ground, [*shore(ground, {}), (yard, built)], yard, "湖岸变建设")
    assert (found.stands, found.unsure) == (True, False)
    assert found.measures["below_high_water"] < 0.1
    ploughed = ground.then(ground.grass(0.6), (CHANGE, ground.fixed(chernozem=0.9, dry_grass=0.1)))
    found = opinion(ground, [*shore(ground, {}), (yard, ploughed)], yard, "湖岸取土或堆弃")
    assert not found.stands
    assert "耕翻" in found.remarks[-1].zh
    rows, columns = np.indices(SHAPE)
    ragged = (columns >= 22) & (columns < 27 + (rows % 7 < 3) * 3 - (rows % 11 < 4) * 4)
    swings = {year: 34 for year in (2022, 2024, 2025)}
    parts = [
        *shore(ground, swings),
        (ragged, ground.then(shore_cover(ground), (CHANGE, ground.fixed(sand=0.8, saline=0.2)))),
    ]
    found = opinion(ground, parts, ragged, "湖岸取土或堆弃", last=dt.date(2024, 9, 20))
    assert not found.stands
    assert found.measures["below_high_water"] > 0.5


def shore_cover(ground: ModuleType) -> Any:
    """Water in years of high lake, young reed and grass between."""
    wet, green = water(ground), ground.meadow()
    return lambda day, dry: (green if day.year in (2022, 2024, 2025) else wet)(day, dry)


@pytest.mark.parametrize("transition", ["水面变植被", SURVEYED])
@pytest.mark.parametrize("red_edge", [True, False])
def test_a_bloom_needs_two_dates(ground: ModuleType, red_edge: bool, transition: str) -> None:
    inside = ground.box(SHAPE, slice(12, 32), slice(26, 42))
    first = dt.date(2025, 7, 15)

    def bloomed(*days: tuple[int, int]) -> Any:
        algae = ground.fixed(bloom_water=0.7, clear_water=0.3)
        return lambda day, dry: (
            algae if day.year == 2025 and any(a <= day.timetuple().tm_yday <= b for a, b in days) else water(ground)
        )(day, dry)

    twice = [*shore(ground, {}), (inside, bloomed((194, 225)))]
    found = opinion(ground, twice, inside, transition, first=first, step=9, lost=0, red_edge=red_edge)
    assert (found.stands, found.unsure, found.change) == (True, False, BLOOM)
    assert found.measures["bloom_dates"] >= 2
    once = [*shore(ground, {}), (inside, bloomed((190, 198)))]
    found = opinion(ground, once, inside, transition, first=first, step=9, lost=0, red_edge=red_edge)
    assert not found.stands
    assert found.measures["bloom_dates"] <= 1


def test_a_bloom_seen_on_the_only_clear_date_stands_and_says_so(ground: ModuleType) -> None:
    inside = ground.box(SHAPE, slice(12, 32), slice(26, 42))
    algae = ground.then(water(ground), (dt.date(2025, 7, 1), ground.fixed(bloom_water=1.0)))
    found = opinion(
        ground, [*shore(ground, {}), (inside, algae)], inside, "水华", first=dt.date(2025, 9, 8), step=109, lost=0
    )
    assert (found.stands, found.unsure) == (True, True)


def test_reed_in_the_same_place_every_summer_is_no_bloom(ground: ModuleType) -> None:
    inside = ground.box(SHAPE, slice(12, 32), slice(22, 30))
    reed = ground.blend(water(ground), 0.8, ground.fixed(reed=0.9, mud=0.1))
    stand = lambda day, dry: (reed if (day.month, day.day) >= (6, 20) else water(ground))(day, dry)  # noqa: E731
    found = opinion(ground, [*shore(ground, {}), (inside, stand)], inside, "水面变植被", first=dt.date(2025, 7, 10))
    assert not found.stands
    assert found.measures["rooted"] > 0.5


def test_without_looks_it_stands_and_says_so(ground: ModuleType) -> None:
    inside = ground.box(SHAPE, slice(14, 28), slice(22, 30))
    found = opinion(ground, shore(ground, {}), inside, RECLAIMED.zh, first=dt.date(2026, 6, 1))
    assert (found.stands, found.unsure) == (True, True)


# --- surveys ---------------------------------------------------------------------------------------------------------

SHORE, BLOOMING = DETECTOR.surveys


def surveyed(ground: ModuleType, survey: Any, parts: list[Any], seed: int = 1) -> np.ndarray:
    canvas = ground.Canvas(ground.grass(0.6), parts, SHAPE)
    sky = ground.Weather(seed=seed, cloud=0.02, lost=0.1)
    of = range(2026 - survey.years, 2026)
    return survey.score(ground.years(canvas, survey.season, of, sky, choose=survey.choose, step=12))


def made_land(ground: ModuleType, rows: slice, columns: slice) -> tuple[np.ndarray, Any]:
    filled = ground.then(water(ground), (CHANGE, ground.fixed(gravel=0.6, spoil=0.4)))
    return ground.box(SHAPE, rows, columns), filled


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("swings", [{}, {2021: 18, 2023: 19}])
def test_compact_land_where_the_lake_was_is_found(ground: ModuleType, seed: int, swings: dict[int, int]) -> None:
    fill = made_land(ground, slice(16, 26), slice(16, 24))
    score = surveyed(ground, SHORE, [*shore(ground, swings, usual=16), fill], seed)
    assert (score[fill[0]] >= 0.5).mean() > 0.8
    assert (score[~fill[0]] >= 0.5).mean() < 0.005


@pytest.mark.parametrize("edges", [{2025: 31}, {2025: 31, 2021: 31}, {2025: 31, 2021: 31, 2022: 31}])
def test_a_lake_that_fell_everywhere_made_no_land(ground: ModuleType, edges: dict[int, int]) -> None:
    """Nor where it had been as low before."""
    score = surveyed(ground, SHORE, shore(ground, edges))
    assert np.isfinite(score).all()
    assert score.max() < 0.5


def test_a_strip_that_fell_dry_is_no_made_land(ground: ModuleType) -> None:
    strip = made_land(ground, slice(12, 32), slice(22, 25))
    assert surveyed(ground, SHORE, [*shore(ground, {}), strip]).max() < 0.5


@pytest.mark.parametrize("seed", [1, 2])
def test_algae_on_open_water_are_found_if_only_for_a_fortnight(ground: ModuleType, seed: int) -> None:
    inside = ground.box(SHAPE, slice(12, 32), slice(28, 42))
    algae = ground.fixed(bloom_water=0.7, clear_water=0.3)
    fortnight = ground.then(water(ground), (dt.date(2025, 7, 10), algae), (dt.date(2025, 7, 31), water(ground)))
    score = surveyed(ground, BLOOMING, [*shore(ground, {}), (inside, fortnight)], seed)
    assert (score[inside] >= 0.5).mean() > 0.8
    assert (score[~inside] >= 0.5).mean() < 0.005


def reed(ground: ModuleType, dense: float = 0.8) -> Any:
    """Reed that stands in the water from June on."""
    stand = ground.blend(water(ground), dense, ground.fixed(reed=0.9, mud=0.1))
    return lambda day, dry: (stand if (day.month, day.day) >= (6, 20) else water(ground))(day, dry)


@pytest.mark.parametrize(
    "what", ["plain water", "turbid water", "bare mud", "reed", "new reed at the edge", "algae every year"]
)
def test_no_algae_where_none_float(ground: ModuleType, what: str) -> None:
    wide, edge = (ground.box(SHAPE, slice(4, 40), columns) for columns in (slice(22, 32), slice(22, 24)))
    where, cover = {
        "plain water": lambda: (wide, water(ground)),
        "turbid water": lambda: (wide, ground.then(water(ground), (CHANGE, ground.fixed(turbid_water=1)))),
        "reed": lambda: (wide, reed(ground)),
        "new reed at the edge": lambda: (edge, ground.then(water(ground), (CHANGE, reed(ground, 0.35)))),
        "algae every year": lambda: (wide, ground.fixed(bloom_water=0.7, clear_water=0.3)),
        "bare mud": lambda: (wide, ground.then(water(ground), (CHANGE, ground.fixed(mud=0.7, saline=0.3)))),
    }[what]()
    score = surveyed(ground, BLOOMING, [*shore(ground, {}), (where, cover)])
    assert (score >= 0.5).mean() < 0.005


def test_land_that_a_survey_found_is_judged_as_land(ground: ModuleType) -> None:
    inside, filled = made_land(ground, slice(15, 27), slice(22, 30))
    found = opinion(ground, [*shore(ground, {}), (inside, filled)], inside, SURVEYED)
    assert (found.stands, found.change) == (True, RECLAIMED)


def test_mud_that_a_low_lake_left_is_no_bloom(ground: ModuleType) -> None:
    inside = ground.box(SHAPE, slice(10, 34), slice(22, 30))
    found = opinion(ground, shore(ground, {2025: 31, 2021: 31}), inside, SURVEYED)
    assert found.change != BLOOM


def test_one_year_alone_tells_nothing(ground: ModuleType) -> None:
    canvas = ground.Canvas(ground.grass(0.6), shore(ground, {}), SHAPE)
    for survey in DETECTOR.surveys:
        score = survey.score(ground.years(canvas, survey.season, [2025], choose=survey.choose, step=20))
        assert not (score >= 0.5).any()


def test_ice_and_autumn_are_out_of_season() -> None:
    (season,) = DETECTOR.seasons
    assert not season.holds(dt.date(2025, 5, 15))
    assert season.holds(dt.date(2025, 5, 20))
    assert not season.holds(dt.date(2025, 10, 25))

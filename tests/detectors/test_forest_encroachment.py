"""Forest through its summers: cleared, burnt, thinned, eaten, and edges that creep."""

import datetime as dt
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from detectors.core.history import Opinion
from detectors.core.plant_cover import Crop, crop_of
from detectors.forest_encroachment import CLEARED as NO_TREES
from detectors.forest_encroachment import DETECTOR, FIRE, TILLED, creeping, judge

SHAPE = (28, 28)
LAST, FIRST, CHANGE = dt.date(2024, 8, 20), dt.date(2025, 6, 25), dt.date(2025, 6, 12)
NUMBERS = {transition.name_en: number for number, transition in enumerate(DETECTOR.transitions, start=1)}
CLEARED, BURNT = NUMBERS["forest cleared to bare ground"], NUMBERS["forest fire"]
STUMPS = {"chestnut_soil": 0.5, "dry_grass": 0.3, "tilled": 0.2}


def opinion(
    ground: ModuleType, cover: Any, *, background: Any = None, first: dt.date = FIRST, last: dt.date = LAST,
    transition: int = CLEARED, years: range = range(2021, 2026), seed: int = 1, **weather: Any,
) -> Opinion:  # fmt: skip
    inside = ground.middle(SHAPE, 9, 9)
    canvas = ground.Canvas(background or ground.forest(), [(inside, cover)], SHAPE)
    days = ground.dates(years, (5, 6), (8, 25), 10)
    weather = {"lost": 0.1, **weather}
    return judge(
        ground.series(
            canvas, inside, days, ground.Weather(seed=seed, **weather), ring_px=6, last_before=last, first_seen=first,
            transition=transition,
        )
    )  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("mix", [STUMPS, {"chernozem": 0.9, "dry_grass": 0.1}, {"gravel": 0.6, "blue_roof": 0.4}])
def test_cleared_ground_stands(ground: ModuleType, mix: dict[str, float], seed: int) -> None:
    found = opinion(ground, ground.then(ground.forest(), (CHANGE, ground.fixed(**mix))), seed=seed)
    assert (found.stands, found.unsure, found.change) == (True, False, None)
    assert found.measures["nbr_fall"] > 0.4


def test_half_cleared_and_overgrown_ground_stands(ground: ModuleType) -> None:
    half = ground.blend(ground.forest(), 0.6, ground.fixed(**STUMPS))
    assert opinion(ground, ground.then(ground.forest(), (CHANGE, half))).stands
    weeds = ground.fixed(green_grass=0.4, chestnut_soil=0.6)
    assert opinion(ground, ground.then(ground.forest(), (CHANGE, weeds))).stands


def test_weeds_on_pale_soil_that_the_reader_calls_burnt_are_a_clearing(ground: ModuleType) -> None:
    weeds = ground.fixed(green_grass=0.3, chestnut_soil=0.4, dry_grass=0.3)
    found = opinion(ground, ground.then(ground.forest(), (CHANGE, weeds)), transition=BURNT)
    assert found.stands
    assert found.change is not None
    assert found.change != FIRE


@pytest.mark.parametrize("seed", [1, 2])
def test_a_field_that_is_green_in_july_is_found_by_its_bare_may(ground: ModuleType, seed: int) -> None:
    sown = ground.then(ground.forest(), (dt.date(2024, 9, 20), ground.field_of("spring wheat")))
    found = opinion(ground, sown, first=dt.date(2025, 6, 11), seed=seed, lost=0)
    assert (found.stands, found.change) == (True, TILLED)


def test_thinning_that_stays_green_does_not_stand(ground: ModuleType) -> None:
    thinned = ground.blend(ground.forest(), 0.15, ground.fixed(chestnut_soil=0.3, dry_grass=0.3, green_grass=0.4))
    found = opinion(ground, ground.then(ground.forest(), (CHANGE, thinned)))
    assert not found.stands
    assert "间伐" in found.remarks[0].zh


def test_caterpillars_are_told_by_the_flush_after_them(ground: ModuleType) -> None:
    eaten = ground.blend(ground.forest(), 0.6, lambda day, dry: {"bare_larch": 1.0})
    same = ground.then(ground.forest(), (dt.date(2025, 6, 12), eaten), (dt.date(2025, 7, 25), ground.forest()))
    found = opinion(ground, same, first=dt.date(2025, 6, 20), lost=0)
    assert not found.stands
    assert "虫害" in found.remarks[0].zh
    following = ground.then(ground.forest(), (dt.date(2024, 6, 12), eaten), (dt.date(2024, 9, 1), ground.forest()))
    assert not opinion(ground, following, first=dt.date(2024, 6, 20), last=dt.date(2023, 8, 20), lost=0).stands
    # not back yet, and no soil: it stands, and says that another summer is wanted
    found = opinion(ground, ground.then(ground.forest(), (CHANGE, eaten)))
    assert (found.stands, found.unsure) == (True, True)
    assert "次年" in found.remarks[-1].zh
    # two summers without leaves are no caterpillars
    dead = ground.then(ground.forest(), (dt.date(2024, 6, 12), eaten))
    found = opinion(ground, dead, first=dt.date(2024, 6, 20), last=dt.date(2023, 8, 20))
    assert (found.stands, found.unsure) == (True, False)


@pytest.mark.parametrize(("strength", "transition"), [(0.8, CLEARED), (0.8, BURNT), (0.6, BURNT)])
def test_a_fire_goes_by_its_own_name(ground: ModuleType, strength: float, transition: int) -> None:
    burnt = ground.blend(ground.forest(), strength, ground.fixed(char=0.85, chestnut_soil=0.15))
    found = opinion(ground, ground.then(ground.forest(), (CHANGE, burnt)), transition=transition)
    assert (found.stands, found.change) == (True, FIRE)


def test_what_the_reader_called_burnt_but_is_pale_was_cleared(ground: ModuleType) -> None:
    found = opinion(ground, ground.then(ground.forest(), (CHANGE, ground.fixed(**STUMPS))), transition=BURNT)
    # a change without a name of its own would go by that of the transition, which is fire
    assert (found.stands, found.change) == (True, NO_TREES)


def test_slash_that_is_half_overgrown_is_no_fire(ground: ModuleType) -> None:
    weeds = ground.fixed(green_grass=0.5, chestnut_soil=0.3, dry_grass=0.2)
    found = opinion(ground, ground.then(ground.forest(), (CHANGE, weeds)), transition=BURNT)
    assert (found.stands, found.change) == (True, NO_TREES)


def test_larch_that_is_thin_in_may_was_no_field_before(ground: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    # litter and soil under bare crowns pass for a thin stand of plants on soil, and in July they are as green as wheat
    wheat = Crop(sown=1.0, stand=0.8, late=0.7, by_red_edge=False, peak=0.85)
    monkeypatch.setattr(
        "detectors.core.plant_cover.crop_of", lambda series, year: wheat if year < 2025 else crop_of(series, year)
    )
    found = opinion(ground, ground.then(ground.forest(), (CHANGE, ground.fixed(**STUMPS))))
    assert (found.stands, found.change) == (True, None)


def test_what_was_no_forest_or_did_not_change_does_not_stand(ground: ModuleType) -> None:
    gravel = ground.fixed(gravel=1.0)
    grass = opinion(ground, ground.then(ground.grass(), (CHANGE, gravel)), background=ground.grass())
    field = opinion(ground, ground.field_of("spring wheat"), lost=0)
    dry = opinion(ground, ground.forest(), dry={2025: 1.0})
    for found, word in ((grass, "变化前"), (field, "变化前已是耕地"), (dry, "一致")):
        assert not found.stands
        assert word in found.remarks[0].zh


def test_a_ring_that_is_no_forest_is_left_out(ground: ModuleType) -> None:
    felled = ground.then(ground.forest(), (CHANGE, ground.fixed(**STUMPS)))
    assert opinion(ground, felled, background=ground.grass(), dry={2025: 1.0}).stands


def test_without_a_look_in_leaf_it_stands_and_says_so(ground: ModuleType) -> None:
    found = opinion(ground, ground.fixed(gravel=1.0), years=range(2025, 2026))
    assert (found.stands, found.unsure) == (True, True)


def test_the_season_leaves_the_leafless_months_out() -> None:
    (season,) = DETECTOR.seasons
    assert season.holds(dt.date(2025, 6, 10))
    assert not season.holds(dt.date(2025, 6, 9))
    assert not season.holds(dt.date(2025, 9, 1))


# --- edges that creep ------------------------------------------------------------------------------------------------

EDGE = (64, 64)


def edge(
    ground: ModuleType, steps_m: list[float], outside: Any, seed: int = 1, swir: bool = True, **weather: Any
) -> np.ndarray:
    """The survey's score of a forest to the left whose edge lies at column 36 in 2021 and moves so many metres."""
    (survey,) = DETECTOR.surveys
    moved = np.concatenate([[0.0], np.cumsum(steps_m)]) / 10
    columns = np.arange(EDGE[1])
    parts = []
    for column in columns:
        share = [float(np.clip(36 - gone - column, 0, 1)) for gone in moved]
        by_year = dict(zip(range(2021, 2026), share, strict=True))
        strip = ground.box(EDGE, slice(0, 64), slice(int(column), int(column) + 1))

        def mixed(day: dt.date, dry: float, by_year: dict[int, float] = by_year) -> Any:
            return ground.blend(outside, by_year[day.year], ground.forest())(day, dry)

        parts.append((strip, mixed))
    land = ground.box(EDGE, slice(0, 64), slice(0, 36))
    years = ground.years(
        ground.Canvas(ground.forest(), parts, EDGE), survey.season, range(2021, 2026),
        ground.Weather(seed=seed, **weather), choose=survey.choose if survey.choose != "median" else "latest",
        ground=land, step=15,
    )  # fmt: skip
    if not swir:
        years.values[:, [years.bands.index(name) for name in ("swir16", "swir22")]] = np.nan
    return creeping(years)


@pytest.mark.parametrize("metres", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("crop", ["rotation", "fallow"])
def test_an_edge_that_creeps_is_found(ground: ModuleType, metres: float, crop: str) -> None:
    plan = dict(zip(range(2021, 2026), ("spring wheat", "rape", "barley", "potato", "spring wheat"), strict=True))
    outside = ground.rotation(plan) if crop == "rotation" else ground.field_of("fallow")
    score = edge(ground, [metres] * 4, outside, cloud=0.03)
    gone = int(4 * metres / 10)
    lost = score[4:-4, 36 - gone : 36]
    assert (lost >= 0.4).mean() > 0.6
    assert np.nanmax(score[4:-4, :24]) < 0.4


@pytest.mark.parametrize("seed", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_an_edge_that_stays_is_silent(ground: ModuleType, seed: int) -> None:
    plan = dict(zip(range(2021, 2026), ("spring wheat", "rape", "barley", "potato", "maize"), strict=True))
    score = edge(ground, [0.0] * 4, ground.rotation(plan), seed=seed, dry={2024: 1.0})
    assert np.nanmean(score >= 0.4) < 0.002
    assert np.isnan(score[:, 40:]).all()


def test_an_edge_that_creeps_is_found_without_swir(ground: ModuleType) -> None:
    lost = edge(ground, [10.0] * 4, ground.field_of("spring wheat"), swir=False, cloud=0.03)[4:-4, 32:36]
    assert (lost >= 0.4).mean() > 0.6
    still = edge(ground, [0.0] * 4, ground.field_of("spring wheat"), swir=False)
    assert np.nanmean(still >= 0.4) < 0.002


def test_what_came_in_one_year_is_left_to_the_pair(ground: ModuleType) -> None:
    assert not (edge(ground, [0, 0, 0, 40.0], ground.field_of("fallow")) >= 0.4).any()

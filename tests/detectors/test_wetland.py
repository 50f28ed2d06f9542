"""Wetland through its summers: drained, filled, sown, cut; or only mown, dry with its basin, a level that fell."""

import datetime as dt
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from detectors.core.history import Opinion
from detectors.wetland import DETECTOR, DITCH, DRAINED, ROAD, SOWN, ditches, drying, judge, sown

SHAPE = (40, 40)
LAST, FIRST, CHANGE = dt.date(2024, 8, 20), dt.date(2025, 6, 25), dt.date(2025, 4, 1)
SURVEYED = ""
NUMBERS = {SURVEYED: 0} | {
    transition.name_zh: number for number, transition in enumerate(DETECTOR.transitions, start=1)
}
SOME = "湿地剥离或填埋"


def opinion(
    ground: ModuleType, cover: Any, *, inside: np.ndarray | None = None, parts: tuple[Any, ...] = (),
    first: dt.date = FIRST, last: dt.date = LAST, transition: str = DRAINED.zh, seed: int = 1,
    days: list[dt.date] | None = None, **weather: Any,
) -> Opinion:  # fmt: skip
    place = ground.middle(SHAPE, 12, 12) if inside is None else inside
    canvas = ground.Canvas(ground.meadow(), [*parts, (place, cover)], SHAPE)
    looks = ground.dates(range(2020, 2026), (5, 6), (8, 31), 9) if days is None else days
    return judge(
        ground.series(
            canvas, place, looks, ground.Weather(seed=seed, **{"lost": 0.1, **weather}), last_before=last,
            first_seen=first, transition=NUMBERS[transition],
        )
    )  # fmt: skip


def since(ground: ModuleType, cover: Any, before: Any = None) -> Any:
    return ground.then(before or ground.meadow(), (CHANGE, cover))


@pytest.mark.parametrize("seed", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_drained_meadow_is_drier_than_its_weeks_and_its_basin(ground: ModuleType, seed: int) -> None:
    found = opinion(ground, since(ground, ground.grass(0.9)), seed=seed)
    assert (found.stands, found.unsure, found.change) == (True, False, DRAINED)
    assert found.measures["ndmi_deficit"] > 0.15
    assert "净偏低" in found.remarks[0].zh


@pytest.mark.parametrize("seed", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_dry_year_comes_over_the_basin_too(ground: ModuleType, seed: int) -> None:
    found = opinion(ground, ground.meadow(), dry={2025: 1.0}, seed=seed)
    assert not found.stands
    assert abs(found.measures["ndmi_deficit"]) < 0.05
    assert found.measures["ndmi_basin"] > 0.05


def test_filled_or_built_ground_stands(ground: ModuleType) -> None:
    fill = ground.fixed(chestnut_soil=0.6, mud=0.1, gravel=0.3)
    for cover in (fill, ground.blend(ground.meadow(), 0.7, fill), ground.fixed(gravel=0.5, blue_roof=0.5)):
        found = opinion(ground, since(ground, cover), transition=SOME)
        assert (found.stands, found.unsure) == (True, False)


@pytest.mark.parametrize("transition", [SOME, "湿地挖塘"])
def test_a_pond_that_passes_for_wet_plants_stands_in_a_dry_year(ground: ModuleType, transition: str) -> None:
    """Mud and shallow water have the NDTI of litter, and are no drier than a meadow in a drought."""
    shallow = ground.fixed(mud=0.4, turbid_water=0.45, dead_reed=0.15)
    found = opinion(ground, since(ground, shallow), transition=transition, dry={2025: 1.0})
    assert (found.stands, found.unsure) == (True, False)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_a_survey_dated_a_year_late_is_held_against_the_years_before_it_dried(
    ground: ModuleType, seed: int
) -> None:
    dry = ground.then(ground.meadow(), (dt.date(2024, 4, 1), ground.grass(0.9)))
    looks = [dt.date(2022, 8, 1), dt.date(2023, 7, 28), dt.date(2023, 8, 6)]
    looks += ground.dates((2024, 2025), (6, 20), (8, 8), 7)
    day = looks[-1]
    found = opinion(ground, dry, first=day, last=day, transition=SURVEYED, seed=seed, days=looks, lost=0, cloud=0)
    assert (found.stands, found.unsure, found.change) == (True, False, DRAINED)
    dry_years = {2024: 0.9, 2025: 0.9}
    found = opinion(
        ground, ground.meadow(), first=day, last=day, transition=SURVEYED, dry=dry_years, days=looks, lost=0, cloud=0
    )
    assert not found.stands


def test_hay_and_cut_reed_do_not_stand(ground: ModuleType) -> None:
    hay = ground.in_years(ground.meadow(), (2025,), ground.meadow(mown=228))
    found = opinion(ground, hay, first=dt.date(2025, 8, 20), transition=SOME, lost=0)
    assert not found.stands
    assert "割草" in found.remarks[0].zh
    stubble = ground.fixed(dead_reed=0.35, mud=0.4, reed=0.25)
    cut = ground.then(ground.meadow(), (dt.date(2025, 1, 20), stubble), (dt.date(2025, 6, 28), ground.meadow()))
    found = opinion(ground, cut, first=dt.date(2025, 6, 16), transition=SOME, lost=0)
    assert not found.stands
    assert "恢复" in found.remarks[0].zh


def test_ploughed_and_sown_wetland_is_named(ground: ModuleType) -> None:
    found = opinion(ground, since(ground, ground.field_of("spring wheat")), transition=SOME, lost=0)
    assert (found.stands, found.change) == (True, SOWN)


def test_a_long_narrow_patch_is_a_ditch_or_a_road(ground: ModuleType) -> None:
    strip = ground.box(SHAPE, slice(3, 37), slice(19, 21))
    ditch = ground.fixed(peat=0.3, mud=0.3, turbid_water=0.4)
    assert opinion(ground, since(ground, ditch), inside=strip, transition=SOME).change == DITCH
    beside = ground.box(SHAPE, slice(0, 40), slice(21, 40))
    drier = (beside, since(ground, ground.grass(0.9)))
    found = opinion(
        ground, since(ground, ground.fixed(fresh_gravel=1.0)), inside=strip, parts=(drier,), transition=SOME
    )
    assert found.change == ROAD
    assert "两侧湿度差" in found.remarks[0].zh


def test_water_that_went_everywhere_is_a_dry_year(ground: ModuleType) -> None:
    pool = ground.box(SHAPE, slice(12, 24), slice(4, 14))
    other = ground.box(SHAPE, slice(4, 36), slice(22, 36))
    gone = ground.then(ground.fixed(clear_water=1.0), (CHANGE, ground.fixed(mud=0.7, lush_meadow=0.3)))
    rim = ground.box(SHAPE, slice(4, 36), slice(22, 29))
    stays = (other, ground.fixed(clear_water=1.0))
    alone = opinion(ground, gone, inside=pool, parts=(stays,), transition="湿地水面填占")
    assert alone.stands
    assert alone.measures["retreat_elsewhere"] < 0.1
    both = opinion(ground, gone, inside=pool, parts=(stays, (rim, gone)), transition="湿地水面填占")
    assert not both.stands
    assert both.measures["retreat_elsewhere"] > 0.3


def river(ground: ModuleType) -> Any:
    return ground.fixed(turbid_water=0.6, clear_water=0.4)


def test_a_river_that_moved_is_none_and_the_same_ground_filled_is(ground: ModuleType) -> None:
    channel = ground.box(SHAPE, slice(0, 40), slice(14, 24))
    left, right = (ground.box(SHAPE, slice(12, 28), columns) for columns in (slice(14, 20), slice(24, 30)))
    parts = [(channel, river(ground)), (right, ground.then(ground.meadow(), (CHANGE, river(ground))))]
    dry = ground.then(river(ground), (CHANGE, ground.fixed(sand=0.5, mud=0.5)))
    moved = opinion(ground, dry, inside=left, parts=tuple(parts), transition=SURVEYED)
    assert not moved.stands
    assert "河道" in moved.remarks[0].zh
    assert "对岸" in moved.remarks[0].zh
    filled = opinion(ground, dry, inside=left, parts=(parts[0],), transition=SURVEYED)
    assert (filled.stands, filled.unsure) == (True, False)
    assert filled.measures["water_before"] > 0.9


def test_ragged_ground_along_a_bank_is_the_rivers(ground: ModuleType) -> None:
    rows, columns = np.indices(SHAPE)
    crescent = (columns >= 14) & (columns < 24) & (np.abs(columns - 14 - (rows - 20) ** 2 / 60) < 2.5)
    channel = ground.box(SHAPE, slice(0, 40), slice(14, 24))
    laid = ground.then(river(ground), (CHANGE, ground.fixed(sand=0.5, mud=0.5)))
    found = opinion(ground, laid, inside=crescent, parts=((channel, river(ground)),), transition=SURVEYED)
    assert not found.stands
    assert "形状不规整" in found.remarks[0].zh


@pytest.mark.parametrize("seed", [1, 2])
def test_a_ditch_full_of_water_is_no_river(ground: ModuleType, seed: int) -> None:
    strip = ground.box(SHAPE, slice(3, 37), slice(19, 21))
    found = opinion(ground, since(ground, river(ground)), inside=strip, transition=SOME, seed=seed)
    assert (found.stands, found.change) == (True, DITCH)


@pytest.mark.parametrize(
    ("columns", "transition"), [(slice(14, 21), "湿地水面填占"), (slice(6, 14), SOME)], ids=["in it", "beside it"]
)
def test_a_long_straight_fill_at_a_lake_is_no_bank(ground: ModuleType, columns: slice, transition: str) -> None:
    lake, bank = ground.box(SHAPE, slice(0, 40), slice(14, 40)), ground.box(SHAPE, slice(6, 34), columns)
    was = river(ground) if transition != SOME else ground.meadow()
    filled = ground.then(was, (CHANGE, ground.fixed(gravel=0.6, spoil=0.4)))
    found = opinion(ground, filled, inside=bank, parts=((lake, river(ground)),), transition=transition)
    assert (found.stands, found.unsure) == (True, False)


def test_a_pond_dug_in_april_is_no_fire(ground: ModuleType) -> None:
    found = opinion(ground, since(ground, ground.fixed(turbid_water=1)), transition="湿地挖塘")
    assert (found.stands, found.measures["water_after"]) == (True, 1)


@pytest.mark.parametrize("crop", ["spring wheat", "potato"])
def test_a_crop_as_green_as_the_marsh_was_does_not_hide_that_it_was_sown(ground: ModuleType, crop: str) -> None:
    found = opinion(ground, since(ground, ground.field_of(crop)), transition=SURVEYED, lost=0)
    assert (found.stands, found.unsure, found.change) == (True, False, SOWN)


def test_wheat_that_covers_its_ground_in_may_was_sown(ground: ModuleType) -> None:
    """Soil on the first look of May alone; the marsh around is later than the crop."""
    days = [day for day in ground.dates(range(2020, 2025), (5, 6), (8, 31), 9)]
    days += [dt.date(2025, *day) for day in ((5, 8), (6, 6), (6, 11), (6, 29), (7, 17), (8, 3))]
    early = ground.field_of("spring wheat", late_days=-8)
    found = opinion(
        ground, since(ground, early), first=dt.date(2025, 5, 8), transition=SURVEYED, days=days, lost=0, cloud=0
    )
    assert (found.stands, found.change) == (True, SOWN)


def burnt(ground: ModuleType) -> Any:
    """Marsh that burnt in April and stands green again in June."""
    char = ground.fixed(char=0.85, chestnut_soil=0.15)
    return ground.then(ground.meadow(), (CHANGE, char), (dt.date(2025, 6, 5), ground.meadow()))


def test_marsh_that_burnt_in_spring_and_greened_is_not_sown(ground: ModuleType) -> None:
    found = opinion(ground, burnt(ground), first=dt.date(2025, 5, 10), transition=SURVEYED)
    assert not found.stands


def test_without_other_years_it_stands_and_says_so(ground: ModuleType) -> None:
    found = opinion(ground, since(ground, ground.grass(0.9)), days=ground.dates([2025], (6, 26), (8, 10), 9))
    assert (found.stands, found.unsure) == (True, True)


# --- surveys ---------------------------------------------------------------------------------------------------------

WIDE = (72, 72)
DITCHES, DRYING, SOWING = DETECTOR.surveys


def may(ground: ModuleType, parts: list[Any], seed: int = 1, **weather: Any) -> np.ndarray:
    canvas = ground.Canvas(ground.meadow(), parts, WIDE)
    sky = ground.Weather(seed=seed, cloud=0.02, lost=0.1, **weather)
    return ditches(ground.years(canvas, DITCHES.season, range(2022, 2026), sky, step=8))


def slanting(width_px: float = 1.0) -> np.ndarray:
    rows, columns = np.indices(WIDE)
    return (np.abs(columns - 20 - 0.4 * (rows - 6)) <= width_px / 2) & (rows > 6) & (rows < 66)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("metres", [3.0, 5.0])
def test_a_straight_ditch_narrower_than_a_pixel_shows_in_may(ground: ModuleType, metres: float, seed: int) -> None:
    ditch = ground.fixed(turbid_water=0.7, mud=0.3)
    thin = ground.blend(ground.meadow(), metres / 10, ditch)
    score = may(ground, [(slanting(), since(ground, thin))], seed=seed)
    assert (score[slanting()] >= 0.5).mean() > 0.4
    rows, columns = np.indices(WIDE)
    away = np.abs(columns - 20 - 0.4 * (rows - 6)) > 5
    assert (score[away] >= 0.5).mean() < 0.005


@pytest.mark.parametrize("seed", [1, 2])
def test_a_ditch_is_drawn_from_end_to_end_and_no_wider_than_it_is(ground: ModuleType, seed: int) -> None:
    rows, columns = np.indices(WIDE)
    strip = (columns == 30) & (rows >= 20) & (rows < 46)
    dug = ground.blend(ground.meadow(), 0.8, ground.fixed(turbid_water=0.4, peat=0.3, mud=0.3))
    shown = may(ground, [(strip, since(ground, dug))], seed=seed) >= 0.4
    beside = np.abs(columns - 30) <= 4
    assert shown[strip].mean() > 0.8
    assert (shown & ~strip & beside).sum() <= 0.5 * strip.sum()


def test_a_firebreak_ploughed_anew_is_no_ditch(ground: ModuleType) -> None:
    """Turned earth is dark in the near infrared, as water is, and bright at 2.2 µm."""
    ploughed = ground.blend(ground.meadow(), 0.9, ground.fixed(tilled=0.85, chestnut_soil=0.15))
    assert (may(ground, [(slanting(2.0), since(ground, ploughed))])[slanting(2.0)] >= 0.4).mean() < 0.05


def test_old_ditches_bends_fields_and_a_wet_spring_are_silent(ground: ModuleType) -> None:
    ditch = ground.blend(ground.meadow(), 0.4, ground.fixed(turbid_water=1.0))
    assert (may(ground, [(slanting(), ditch)]) >= 0.5).mean() < 0.01
    rows, columns = np.indices(WIDE)
    bend = np.abs(np.hypot(rows - 36, columns - 36) - 9) < 0.7
    assert (may(ground, [(bend, since(ground, ditch))]) >= 0.5).mean() < 0.01
    field = ground.box(WIDE, slice(20, 50), slice(20, 50))
    assert (may(ground, [(field, since(ground, ground.fixed(tilled=1.0)))]) >= 0.5).mean() < 0.01
    assert (may(ground, [], rain=1.0) >= 0.5).mean() < 0.002


def test_ground_that_dried_for_two_summers_is_found_and_a_dry_basin_is_not(ground: ModuleType) -> None:
    place = ground.middle(SHAPE, 14, 14)
    drained = ground.then(ground.meadow(), (dt.date(2024, 1, 1), ground.grass(0.9)))
    canvas = ground.Canvas(ground.meadow(), [(place, drained)], SHAPE)
    sky = ground.Weather(seed=2, dry={2024: 0.8, 2025: 0.6}, cloud=0.02)
    score = drying(ground.years(canvas, DRYING.season, range(2020, 2026), sky, step=12))
    assert (score[place] >= 0.5).mean() > 0.7
    assert (score[~place] >= 0.5).mean() < 0.05
    mown = ground.in_years(ground.meadow(), (2021, 2024, 2025), ground.meadow(mown=200))
    swings = ground.Canvas(ground.meadow(), [(place, mown)], SHAPE)
    assert (drying(ground.years(swings, DRYING.season, range(2020, 2026), sky, step=12)) >= 0.5).mean() < 0.01
    short = drying(ground.years(canvas, DRYING.season, range(2023, 2026), sky, step=12))
    assert np.isnan(short).all()


CORE = (slice(16, 24), slice(16, 24))
"""Of 14 × 14 px in the middle, what no smoothing mixes with the rest."""


def surveyed(ground: ModuleType, survey: Any, cover: Any, seed: int = 1, **weather: Any) -> np.ndarray:
    """Score of a survey over 14 × 14 px of another cover in a meadow."""
    canvas = ground.Canvas(ground.meadow(), [(ground.middle(SHAPE, 14, 14), cover)], SHAPE)
    sky = ground.Weather(seed=seed, **{"cloud": 0.02, "lost": 0.1, **weather})
    of = range(2026 - survey.years, 2026)
    return survey.score(ground.years(canvas, survey.season, of, sky, choose=survey.choose, step=10))


@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("year", [2023, 2025])
def test_marsh_that_was_ploughed_shows_soil_in_every_may_since(ground: ModuleType, year: int, seed: int) -> None:
    field = ground.field_of("spring wheat")
    score = surveyed(ground, SOWING, ground.then(ground.meadow(), (dt.date(year, 4, 1), field)), seed)
    assert (score[CORE] >= 0.5).mean() > 0.9
    assert (score[~ground.middle(SHAPE, 14, 14)] >= 0.5).mean() < 0.005


def test_a_field_is_found_whole_where_its_soil_is_dark_or_greens_already(ground: ModuleType) -> None:
    """Its barest ground passes for soil, the rest lies between soil and drained marsh."""
    half = ground.box(SHAPE, slice(13, 27), slice(13, 20))
    field = ground.fixed(tilled=1.0)
    thin = ground.blend(field, 0.15, ground.fixed(dry_grass=0.55, lush_meadow=0.45))
    both = [(ground.middle(SHAPE, 14, 14), since(ground, thin)), (half, since(ground, field))]
    made = ground.years(
        ground.Canvas(ground.meadow(), both, SHAPE), SOWING.season, range(2022, 2026),
        ground.Weather(seed=2, cloud=0.02, lost=0), choose=SOWING.choose, step=10,
    )  # fmt: skip
    score = sown(made)
    assert (score[ground.box(SHAPE, slice(16, 24), slice(15, 18))] >= 0.5).mean() > 0.8
    rest = ground.box(SHAPE, slice(16, 24), slice(22, 25))
    assert ((score[rest] >= 0.4) & (score[rest] < 0.5)).mean() > 0.8


@pytest.mark.parametrize(
    "what", ["hay", "cut reed", "flooded", "bar", "old field", "field given up", "sown once", "burnt"]
)
def test_what_was_not_turned_over_for_good_is_not_called_sown(ground: ModuleType, what: str) -> None:
    meadow, field, summer = ground.meadow(), ground.field_of("spring wheat"), dt.date(2025, 6, 20)
    cover = {
        "hay": lambda: ground.in_years(meadow, (2024, 2025), ground.meadow(mown=228)),
        "cut reed": lambda: since(ground, ground.fixed(dead_reed=0.35, mud=0.4, reed=0.25)),
        "flooded": lambda: ground.then(meadow, (CHANGE, river(ground)), (summer, meadow)),
        "bar": lambda: since(ground, ground.fixed(tilled=0.5, mud=0.5), river(ground)),
        "old field": lambda: field,
        "field given up": lambda: ground.then(field, (dt.date(2024, 1, 1), meadow)),
        "sown once": lambda: ground.in_years(meadow, (2024,), field),
        "burnt": lambda: burnt(ground),
    }[what]()
    score = surveyed(ground, SOWING, cover)
    assert np.isfinite(score).mean() > 0.9
    assert (score[CORE] >= 0.5).mean() < 0.02


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("year", "dense", "next_year", "found"),
    [
        (2025, 0.5, None, True),
        (2025, 0.9, None, False),  # a little drier once
        (2024, 0.5, 0.6, True),  # and not yet well
        (2024, 0.5, 0.0, False),  # as wet as ever since
    ],
)
def test_one_summer_must_be_much_drier_to_stand_alone(
    ground: ModuleType, year: int, dense: float, next_year: float | None, found: bool, seed: int
) -> None:
    dry = ground.then(ground.meadow(), (dt.date(year, 4, 1), ground.grass(dense)))
    if next_year is not None:
        dry = ground.then(dry, (CHANGE, ground.blend(ground.meadow(), next_year, ground.grass(0.9))))
    score = surveyed(ground, DRYING, dry, seed)
    assert (score[CORE] >= 0.5).mean() > 0.9 if found else (score >= 0.5).mean() < 0.01


def test_without_a_year_to_compare_with_nothing_is_said(ground: ModuleType) -> None:
    made = ground.years(ground.Canvas(ground.meadow(), [], SHAPE), SOWING.season, [2025], choose=SOWING.choose)
    assert np.isnan(sown(made)).all()

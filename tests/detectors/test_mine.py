import datetime as dt
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from detectors.core.history import Opinion, PatchSeries, Site
from detectors.mine import (
    DETECTOR,
    DUG_UP,
    FROM_WATER,
    STRIPPED,
    TO_WATER,
    WORKED_ON,
    judge,
    not_restored,
    plan_due,
    right_closed,
)

SEEDS = pytest.mark.parametrize("seed", [0, 1, pytest.param(2, marks=pytest.mark.slow)])
SHAPE = (40, 40)
BEFORE, SEEN = dt.date(2023, 7, 25), dt.date(2024, 7, 5)
DONE, AUTUMN = dt.date(2024, 4, 15), dt.date(2024, 9, 30)


def patch(
    ground: ModuleType, now: Any, seed: int, transition: int, *, was: Any = None, around: Any = None,
    parts: tuple[Any, ...] = (), until: dt.date = dt.date(2024, 8, 10), before: dt.date = BEFORE,
    without: tuple[str, ...] = (), **weather: Any,
) -> Opinion:  # fmt: skip
    """A patch first seen in July 2024, with looks from May to September of three years."""
    steppe, inside = around or ground.grass(0.7), ground.middle(SHAPE, 10, 12)
    cover = ground.then(was or steppe, (DONE, now))
    canvas = ground.Canvas(steppe, [*parts, (inside, cover)], shape=SHAPE)
    days = [day for day in ground.dates(range(2022, 2025), (5, 16), (9, 30), 12) if day <= until]
    made = ground.series(
        canvas, inside, days, ground.Weather(seed, **weather), last_before=before, first_seen=SEEN,
        transition=transition,
    )  # fmt: skip
    for band in without:
        made.values[:, made.bands.index(band)] = np.nan
    return judge(made)


@SEEDS
@pytest.mark.parametrize(
    "mix", [{"rock": 0.5, "clay": 0.5}, {"coal": 1.0}, {"spoil": 0.8, "sand": 0.2}, {"tailings": 0.9, "spoil": 0.1}]
)
def test_stripped_ground_pits_and_tailings_stand(ground: ModuleType, seed: int, mix: dict[str, float]) -> None:
    found = patch(ground, ground.fixed(**mix), seed, STRIPPED)
    assert found.stands
    assert not found.unsure
    assert found.measures["ndvi_gap"] < -0.2


@SEEDS
@pytest.mark.parametrize("green", [0.55, 0.65])
def test_a_thin_crop_or_weeds_are_no_mine(ground: ModuleType, seed: int, green: float) -> None:
    found = patch(ground, ground.fixed(green_grass=green, gravel=1 - green), seed, STRIPPED, around=ground.grass(1.0))
    assert not found.stands


@SEEDS
def test_drought_strips_nothing(ground: ModuleType, seed: int) -> None:
    assert not patch(ground, ground.grass(0.62), seed, STRIPPED, dry={2024: 1.0}).stands


@SEEDS
def test_hay_and_fire_are_no_mine(ground: ModuleType, seed: int) -> None:
    char = ground.blend(ground.grass(0.7), 0.8, ground.fixed(char=0.85, chestnut_soil=0.15))
    assert not patch(ground, char, seed, STRIPPED).stands


@SEEDS
@pytest.mark.parametrize("without", [(), ("swir16",)])
@pytest.mark.parametrize(("mix", "stands"), [({"char": 0.9, "chestnut_soil": 0.1}, False), ({"coal": 1.0}, True)])
def test_dry_grass_that_passed_for_bare_ground_and_burnt_is_no_mine(
    ground: ModuleType, seed: int, without: tuple[str, ...], mix: dict[str, float], stands: bool
) -> None:
    was, around = ground.fixed(dry_grass=0.7, chestnut_soil=0.3), ground.grass(0.6)
    found = patch(ground, ground.fixed(**mix), seed, WORKED_ON, was=was, around=around, without=without)
    assert found.stands is stands
    assert stands or "过火" in found.remarks[0].zh


@SEEDS
def test_pit_water_is_no_new_ground(ground: ModuleType, seed: int) -> None:
    water = ground.fixed(turbid_water=0.8, clear_water=0.2)
    found = patch(ground, water, seed, TO_WATER, was=ground.fixed(rock=0.6, coal=0.4))
    assert not found.stands
    assert "积水" in found.remarks[-1].zh
    assert patch(ground, water, seed, TO_WATER, until=AUTUMN).stands  # grass became water


@SEEDS
def test_a_straight_heap_along_a_river_is_no_bank(ground: ModuleType, seed: int) -> None:
    river, heap = (ground.box(SHAPE, slice(6, 34), columns) for columns in (slice(26, 34), slice(19, 26)))
    dumped = ground.then(ground.grass(0.7), (DONE, ground.fixed(spoil=0.8, rock=0.2)))
    canvas = ground.Canvas(ground.grass(0.7), [(river, ground.fixed(turbid_water=1)), (heap, dumped)], shape=SHAPE)
    made = ground.series(
        canvas, heap, ground.dates(range(2022, 2025), (5, 16), (9, 30), 12), ground.Weather(seed), last_before=BEFORE,
        first_seen=SEEN, transition=STRIPPED,
    )  # fmt: skip
    assert judge(made).stands


@SEEDS
def test_a_strip_as_a_flood_lays_it_along_a_channel_is_no_mine(ground: ModuleType, seed: int) -> None:
    river, bar = ground.box(SHAPE, slice(0, 40), slice(20, 24)), ground.box(SHAPE, slice(16, 25), slice(22, 27))
    sand, water = ground.fixed(sand=0.65, mud=0.35), ground.fixed(turbid_water=1)
    laid = [(place, ground.then(was, (DONE, sand))) for place, was in ((bar, ground.grass(0.7)), (bar & river, water))]
    canvas = ground.Canvas(ground.grass(0.7), [(river, water), *laid], shape=SHAPE)
    made = ground.series(
        canvas, bar, ground.dates(range(2022, 2025), (5, 16), (9, 30), 12), ground.Weather(seed), last_before=BEFORE,
        first_seen=SEEN, transition=STRIPPED,
    )  # fmt: skip
    found = judge(made)
    assert not found.stands
    assert "洪水冲淤" in found.remarks[0].zh


@SEEDS
@pytest.mark.parametrize(
    ("mix", "stands"),
    [
        ({"tilled": 0.8, "dry_grass": 0.2}, False),
        ({"chernozem": 0.5, "chestnut_soil": 0.5}, False),
        ({"chestnut_soil": 0.4, "spoil": 0.4, "clay": 0.2}, True),
        ({"coal": 0.9, "spoil": 0.1}, True),
        ({"solar_panel": 0.5, "chestnut_soil": 0.3, "dry_grass": 0.2}, True),  # bluer than any soil
    ],
)
def test_topsoil_darker_than_the_sward_was_turned_over_whatever_its_shape(
    ground: ModuleType, seed: int, mix: dict[str, float], stands: bool
) -> None:
    found = patch(ground, ground.fixed(**mix), seed, STRIPPED)
    assert found.stands is stands
    assert stands or "耕翻" in found.remarks[-1].zh


@SEEDS
def test_a_crop_that_was_harvested_is_no_mine(ground: ModuleType, seed: int) -> None:
    field, inside = ground.field_of("spring wheat"), ground.middle(SHAPE, 10, 12)
    made = ground.series(
        ground.Canvas(field, [(inside, ground.then(field, (dt.date(2024, 8, 8), ground.fixed(stubble=1.0))))], SHAPE),
        inside, ground.dates(range(2022, 2025), (5, 16), (9, 30), 12), ground.Weather(seed),
        last_before=dt.date(2024, 7, 30), first_seen=dt.date(2024, 8, 10), transition=STRIPPED,
    )  # fmt: skip
    found = judge(made)
    assert not found.stands
    assert "收割" in found.remarks[0].zh


@SEEDS
def test_water_apart_from_a_river_is_a_pit_and_at_its_bank_is_not(ground: ModuleType, seed: int) -> None:
    water = ground.fixed(turbid_water=0.8, clear_water=0.2)

    def beside(columns: slice) -> Opinion:
        river = ground.box(SHAPE, slice(0, 40), columns)
        return patch(ground, water, seed, TO_WATER, parts=((river, water),), until=AUTUMN)

    apart = beside(slice(32, 40))
    assert (apart.stands, apart.unsure) == (True, False)
    joined = beside(slice(26, 34))
    assert not joined.stands
    assert "相连" in joined.remarks[0].zh


@SEEDS
def test_water_that_is_gone_in_september_stood_in_the_rains(ground: ModuleType, seed: int) -> None:
    water = ground.fixed(turbid_water=0.8, clear_water=0.2)
    gone = ground.then(water, (dt.date(2024, 8, 28), ground.fixed(mud=0.6, green_grass=0.4)))
    for until in (AUTUMN, dt.date(2024, 8, 10)):  # nor can it be told before
        found = patch(ground, gone, seed, TO_WATER, until=until)
        assert not found.stands
        assert "汛期积水" in found.remarks[0].zh


@SEEDS
def test_a_pond_inside_a_mine_that_dries_is_no_new_ground(ground: ModuleType, seed: int) -> None:
    tailings, water = ground.fixed(tailings=1), ground.fixed(turbid_water=1)
    inside_mine = patch(ground, tailings, seed, FROM_WATER, was=water, around=ground.fixed(spoil=0.6, rock=0.4))
    assert not inside_mine.stands
    assert not patch(ground, tailings, seed, FROM_WATER, was=water).stands  # in grass it is other models' business


@SEEDS
def test_a_pond_that_fell_dry_before_swings(ground: ModuleType, seed: int) -> None:
    tailings, water = ground.fixed(tailings=1), ground.fixed(turbid_water=1)
    swings = ground.then(water, (dt.date(2022, 7, 1), tailings), (dt.date(2023, 5, 1), water))
    found = patch(ground, tailings, seed, FROM_WATER, was=swings)
    assert not found.stands
    assert "涨落" in found.remarks[-1].zh


@SEEDS
@pytest.mark.parametrize("transition", [WORKED_ON, DUG_UP])
def test_reshaping_that_greens_or_is_covered_with_soil_is_restoration(
    ground: ModuleType, seed: int, transition: int
) -> None:
    spoil = ground.fixed(spoil=0.7, rock=0.3)
    sown = ground.blend(ground.fixed(chestnut_soil=1), 0.45, ground.grass(0.8))
    greening = patch(ground, sown, seed, transition, was=spoil)
    assert not greening.stands
    assert "复绿" in greening.remarks[-1].zh
    covered = patch(ground, ground.fixed(tilled=0.5, chestnut_soil=0.5), seed, transition, was=spoil)
    assert not covered.stands
    assert "覆土" in covered.remarks[-1].zh


@SEEDS
@pytest.mark.parametrize("mix", [{"coal": 0.9, "rock": 0.1}, {"fresh_gravel": 0.5, "spoil": 0.5}, {"rock": 1.0}])
def test_a_pit_worked_on_stands_after_two_julys(ground: ModuleType, seed: int, mix: dict[str, float]) -> None:
    found = patch(ground, ground.fixed(**mix), seed, WORKED_ON, was=ground.fixed(spoil=0.7, rock=0.3))
    assert found.stands
    assert not found.unsure


def test_a_pit_that_only_the_look_before_showed_otherwise_was_not_worked_on(ground: ModuleType) -> None:
    spoil, cloud = ground.fixed(spoil=0.7, rock=0.3), ground.fixed(spoil=0.4, rock=0.2, concrete=0.4)
    day = dt.date(2023, 7, 15)
    shown = ground.then(spoil, (day - dt.timedelta(1), cloud), (day + dt.timedelta(1), spoil))
    found = patch(ground, spoil, 1, WORKED_ON, was=shown, before=day, lost=0.0)
    assert not found.stands
    assert "薄云" in found.remarks[-1].zh
    assert patch(ground, ground.fixed(coal=1), 1, WORKED_ON, was=shown, before=day, lost=0.0).stands


def test_one_july_alone_stands_unsure(ground: ModuleType) -> None:
    spoil, inside = ground.fixed(spoil=0.7, rock=0.3), ground.middle(SHAPE, 10, 12)
    canvas = ground.Canvas(ground.grass(0.7), [(inside, spoil)], shape=SHAPE)
    made: PatchSeries = ground.series(
        canvas, inside, ground.dates([2024], (7, 5), (8, 5), 10), ground.Weather(1, lost=0), last_before=BEFORE,
        first_seen=SEEN, transition=WORKED_ON,
    )  # fmt: skip
    found = judge(made)
    assert found.stands
    assert found.unsure


# --- closed mines and plans past their day ---------------------------------------------------------------------------

AFTER = (dt.date(2024, 7, 1), dt.date(2024, 8, 5))
TODAY = dt.date(2024, 8, 20)


def plan(**other: str) -> Site:
    return Site("restoration_plans", "F1", {"restore_by": "2023-05-31"} | other, TODAY, AFTER)


def right(**other: str) -> Site:
    return Site("mining_rights", "C1", {"closed": "2022-06-30"} | other, TODAY, AFTER)


@SEEDS
@pytest.mark.parametrize("site", [plan(), right()], ids=["plan", "right"])
def test_a_mine_still_open_in_two_julys_is_a_lead_and_a_green_one_is_not(
    ground: ModuleType, seed: int, site: Site
) -> None:
    grass, inside = ground.grass(0.7), ground.middle((48, 48), 18, 20)
    pit = ground.fixed(spoil=0.5, rock=0.3, coal=0.2)
    days = ground.dates(range(2021, 2025), (6, 18), (8, 8), 9)
    for end, stands in ((dt.date(2030, 1, 1), True), (dt.date(2023, 4, 15), False)):
        cover = ground.then(pit, (end, ground.grass(0.6)))
        canvas = ground.Canvas(grass, [(inside, cover)], shape=(48, 48))
        found = not_restored(ground.series(canvas, inside, days, ground.Weather(seed, dry={2024: 0.8})), site)
        assert found.stands is stands
        assert not found.unsure


@SEEDS
@pytest.mark.parametrize(("side", "bare", "stands"), [(12, 0.36, False), (12, 1.0, True), (22, 0.45, True)])
def test_thin_growth_on_a_part_of_a_site_that_greened_is_uneven_and_bare_ground_is_not(
    ground: ModuleType, seed: int, side: int, bare: float, stands: bool
) -> None:
    part, inside = ground.middle((48, 48), side, side), ground.middle((48, 48), 24, 24)
    thin = ground.blend(ground.grass(0.7), bare, ground.fixed(spoil=1.0))
    canvas = ground.Canvas(ground.grass(0.7), [(inside, ground.grass(0.7)), (part, thin)], shape=(48, 48))
    days = ground.dates(range(2021, 2025), (6, 18), (8, 8), 9)
    found = not_restored(ground.series(canvas, inside, days, ground.Weather(seed)), plan())
    assert found.stands is stands
    assert found.measures["open_m2"] > 3_000 if stands else found.measures["lacking"] < 0.5


@SEEDS
@pytest.mark.parametrize("ring", ["meadow", "maize"])
def test_steppe_restored_beside_what_is_lusher_is_green_again(ground: ModuleType, seed: int, ring: str) -> None:
    around, inside = ground.meadow() if ring == "meadow" else ground.field_of("maize"), ground.middle((48, 48), 18, 20)
    days = ground.dates(range(2021, 2025), (6, 18), (8, 8), 9)
    for restored, stands in ((ground.grass(0.5), False), (ground.grass(0.1), True)):
        cover = ground.then(ground.fixed(spoil=1), (dt.date(2022, 6, 10), restored))
        canvas = ground.Canvas(around, [(inside, cover)], shape=(48, 48))
        found = not_restored(ground.series(canvas, inside, days, ground.Weather(seed, dry={2024: 0.5})), plan())
        assert found.stands is stands
        assert found.measures["ndvi_gap"] < -0.2


@SEEDS
def test_a_pit_lake_in_restored_ground_is_left_alone(ground: ModuleType, seed: int) -> None:
    lake, inside = ground.middle((48, 48), 12, 12), ground.middle((48, 48), 24, 24)
    covers = [(inside, ground.grass(0.65)), (lake, ground.fixed(clear_water=0.8, turbid_water=0.2))]
    canvas = ground.Canvas(ground.grass(0.7), covers, shape=(48, 48))
    days = ground.dates(range(2021, 2025), (6, 18), (8, 8), 9)
    assert not not_restored(ground.series(canvas, inside, days, ground.Weather(seed)), plan()).stands


@pytest.mark.parametrize(
    ("attributes", "overdue"),
    [
        ({}, True),
        ({"restore_by": "2024-08-05"}, False),
        ({"restore_by": "2024-08-04"}, True),
        ({"restore_by": ""}, False),
        ({"accepted": "2024-03-01"}, False),
    ],
)
def test_which_plans_are_due(attributes: dict[str, str], overdue: bool) -> None:
    assert plan_due(plan(**attributes)) is overdue


@pytest.mark.parametrize(
    ("attributes", "overdue"),
    [
        ({}, True),
        ({"closed": "2023-07-01"}, False),  # one July only
        ({"closed": "2023-06-30"}, True),
        ({"closed": "", "valid_to": "2020-01-01"}, False),  # ran out: perhaps renewed
        ({"closed": "", "state": "closed"}, True),
        ({"closed": "", "state": "in_force", "valid_to": "2030-01-01"}, False),
        ({"closed": "", "state": "cancelled", "valid_to": "2023-12-31"}, False),
    ],
)
def test_which_closed_rights_are_due(attributes: dict[str, str], overdue: bool) -> None:
    assert right_closed(right(**attributes)) is overdue


def test_both_papers_are_watched() -> None:
    assert [watch.kind for watch in DETECTOR.watches] == ["restoration_plans", "mining_rights"]


@SEEDS
def test_a_straight_field_of_dark_soil_is_no_mine(ground: ModuleType, seed: int) -> None:
    found = patch(ground, ground.fixed(chernozem=0.9, dry_grass=0.1), seed, STRIPPED)
    assert not found.stands
    assert "耕翻" in found.remarks[-1].zh


@SEEDS
def test_a_ragged_fallow_field_with_plants_on_black_soil_is_no_mine(ground: ModuleType, seed: int) -> None:
    rows, columns = np.indices(SHAPE)
    ragged = np.hypot(rows - 20, columns - 20) < 6 + (rows + columns) % 3
    weeds = ground.then(ground.grass(0.9), (DONE, ground.fixed(chernozem=0.9, green_grass=0.1)))
    made = ground.series(
        ground.Canvas(ground.grass(0.9), [(ragged, weeds)], shape=SHAPE), ragged,
        ground.dates(range(2022, 2025), (5, 16), (8, 10), 12), ground.Weather(seed), last_before=BEFORE,
        first_seen=SEEN, transition=STRIPPED,
    )  # fmt: skip
    found = judge(made)
    assert not found.stands
    assert "休耕" in found.remarks[-1].zh


@pytest.mark.parametrize("without", [(), ("swir16", "swir22")])
@pytest.mark.parametrize("transition", [STRIPPED, WORKED_ON])
@pytest.mark.parametrize(("gone", "stands"), [(dt.date(2024, 9, 1), False), (dt.date(2025, 1, 1), True)])
def test_muddy_water_that_stands_in_the_rains_alone_is_no_pit(
    ground: ModuleType, transition: int, gone: dt.date, stands: bool, without: tuple[str, ...]
) -> None:
    grass, mud = ground.grass(0.7), ground.fixed(turbid_water=0.7, mud=0.3)
    flooded = ground.then(mud, (gone, ground.fixed(mud=0.2, dry_grass=0.8)))
    found = patch(ground, flooded, 1, transition, until=AUTUMN, without=without)
    assert found.stands is stands
    if not stands:
        assert "汛期积水" in found.remarks[-1].zh
    assert not patch(ground, grass, 1, transition, until=AUTUMN).stands

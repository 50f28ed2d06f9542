import datetime as dt
import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from detectors.black_soil import DETECTOR, STRIPPED_NAME, TO_WATER, judge
from detectors.core.history import Opinion
from detectors.core.timelogic import SPRING_SOIL
from detectors.core.topsoil import BY_COMPOSITES, SoilChange, soil_change

SEEDS = pytest.mark.parametrize("seed", [0, 1, pytest.param(2, marks=pytest.mark.slow)])
SHAPE = (44, 44)
BEFORE = dt.date(2023, 7, 25)
WINTER = dt.date(2024, 1, 15)

SUBSOIL: dict[str, dict[str, float]] = {
    "sand": {"sand": 0.45, "chestnut_soil": 0.55},
    "clay": {"clay": 0.6, "chestnut_soil": 0.25, "sand": 0.15},
    "spoil": {"spoil": 0.6, "sand": 0.4},
    "concrete": {"concrete": 0.7, "gravel": 0.3},
}


def patch(
    ground: ModuleType,
    now: Any,
    seed: int,
    *,
    was: Any = None,
    around: Any = None,
    first_seen: dt.date = dt.date(2024, 5, 6),
    since: dt.date = WINTER,
    until: dt.date = dt.date(2024, 8, 8),
    transition: int = 4,
    before: dt.date = BEFORE,
    **weather: Any,
) -> Opinion:
    """A patch of a wheat field on dark soil, four years of springs, summers and autumns."""
    wheat, inside = ground.field_of("spring wheat", "chernozem"), ground.middle(SHAPE, 10, 14)
    cover = ground.then(was or wheat, (since, now))
    canvas = ground.Canvas(around or wheat, [(inside, cover)], shape=SHAPE)
    years = range(2021, 2025)
    days = ground.dates(years, (4, 26), (5, 24), 9) + ground.dates(years, (6, 18), (8, 8), 12)
    days = [day for day in sorted(days + ground.dates(years, (10, 12), (10, 30), 9)) if day <= until]
    return judge(
        ground.series(
            canvas, inside, days, ground.Weather(seed, **weather), last_before=before, first_seen=first_seen,
            transition=transition,
        )
    )  # fmt: skip


@SEEDS
@pytest.mark.parametrize("kind", SUBSOIL)
def test_what_lies_below_or_upon_is_brighter_whatever_the_rain(ground: ModuleType, seed: int, kind: str) -> None:
    found = patch(ground, ground.fixed(**SUBSOIL[kind]), seed, rain=0.9)
    assert found.stands
    assert not found.unsure
    assert found.measures["red_log"] > 0.2
    assert "裸土期" in found.remarks[0].zh


@SEEDS
def test_winter_stripping_that_is_sown_by_june_is_found_by_its_spring(ground: ModuleType, seed: int) -> None:
    below = ground.then(
        ground.fixed(clay=0.6, chestnut_soil=0.4),
        (dt.date(2024, 6, 1), ground.field_of("spring wheat", "clay", 8)),
    )
    assert patch(ground, below, seed, rain=0.9).stands


@SEEDS
@pytest.mark.parametrize("crop", ["rape", "potato", "maize", "barley"])
def test_tillage_for_another_crop_is_none(ground: ModuleType, seed: int, crop: str) -> None:
    found = patch(ground, ground.field_of(crop, "chernozem"), seed, rain=0.9)
    assert not found.stands


@SEEDS
def test_fallow_is_none(ground: ModuleType, seed: int) -> None:
    fallow = ground.field_of("fallow", "chernozem")
    assert not patch(ground, fallow, seed, first_seen=dt.date(2024, 7, 1), transition=2).stands


@SEEDS
def test_soil_that_only_dried_is_none(ground: ModuleType, seed: int) -> None:
    rough = ground.blend(ground.field_of("spring wheat", "chernozem"), 0.06, ground.fixed(chestnut_soil=1))
    assert not patch(ground, rough, seed, rain=1.0).stands


@SEEDS
def test_harvest_leaves_straw(ground: ModuleType, seed: int) -> None:
    stubble = ground.fixed(stubble=0.9, chernozem=0.1)
    found = patch(
        ground, stubble, seed, first_seen=dt.date(2024, 7, 28), since=dt.date(2024, 7, 24), transition=2, lost=0.0
    )  # fmt: skip
    assert not found.stands
    assert "收割" in found.remarks[-1].zh


@SEEDS
@pytest.mark.parametrize("water", [0.9, 0.6, 0.0])
def test_a_field_that_drowned_in_july_is_bare_in_autumn_and_not_stripped(
    ground: ModuleType, seed: int, water: float
) -> None:
    bare = ground.fixed(sand=0.45, chestnut_soil=0.55)
    flooded = water > 0
    under = ground.fixed(turbid_water=water, chestnut_soil=1 - water)  # MNDWI of the lesser: -0.1
    now = ground.then(under if flooded else bare, (dt.date(2024, 8, 24), bare))
    found = patch(
        ground, now, seed, since=dt.date(2024, 7, 3), before=dt.date(2023, 10, 20), first_seen=dt.date(2024, 10, 12),
        until=dt.date(2024, 10, 30), lost=0.0, cloud=0.0,
    )  # fmt: skip
    assert found.stands is not flooded
    if flooded:
        assert "积水" in found.remarks[0].zh


@SEEDS
@pytest.mark.parametrize("stays", [True, False])
def test_a_bright_white_look_over_a_field_that_bears_its_crop_is_cloud(
    ground: ModuleType, seed: int, stays: bool
) -> None:
    white = ground.fixed(concrete=0.5, blue_roof=0.5)
    wheat = ground.field_of("spring wheat", "chernozem")
    now = white if stays else ground.then(white, (dt.date(2024, 5, 28), wheat))
    found = patch(
        ground, now, seed, was=wheat, since=dt.date(2024, 5, 18), first_seen=dt.date(2024, 5, 19), lost=0.0, cloud=0.0
    )
    assert found.stands is stays
    if not stays:
        assert "薄云" in found.remarks[-1].zh


@SEEDS
def test_ponding_in_the_rains_is_none_and_a_dug_pond_is(ground: ModuleType, seed: int) -> None:
    water, wheat = ground.fixed(turbid_water=0.9, mud=0.1), ground.field_of("spring wheat", "chernozem")
    seen = {"first_seen": dt.date(2024, 7, 10), "transition": TO_WATER}
    rain = ground.then(water, (dt.date(2024, 8, 20), wheat))
    assert not patch(ground, rain, seed, since=dt.date(2024, 7, 4), until=dt.date(2024, 10, 30), **seen).stands
    assert patch(ground, water, seed, since=dt.date(2024, 7, 4), until=dt.date(2024, 10, 30), **seen).stands


@SEEDS
def test_halls_and_plastic_seen_in_july_stand(ground: ModuleType, seed: int) -> None:
    for mix in (
        {"greenhouse": 0.8, "gravel": 0.2},
        {"white_roof": 0.5, "gravel": 0.5},
        {"blue_roof": 0.6, "gravel": 0.4},
    ):
        found = patch(
            ground, ground.fixed(**mix), seed, first_seen=dt.date(2024, 7, 1), since=dt.date(2024, 6, 10), transition=1
        )  # fmt: skip
        assert found.stands


@SEEDS
def test_topsoil_taken_in_june_is_told_by_july_alone(ground: ModuleType, seed: int) -> None:
    found = patch(
        ground, ground.fixed(**SUBSOIL["spoil"]), seed, first_seen=dt.date(2024, 7, 1), since=dt.date(2024, 6, 10),
        transition=2,
    )  # fmt: skip
    assert found.stands


def test_without_bare_soil_on_both_sides_it_stands_unsure(ground: ModuleType) -> None:
    found = patch(ground, ground.fixed(spoil=1), 1, before=dt.date(2020, 1, 1))
    assert found.stands
    assert found.unsure


@pytest.mark.parametrize(
    ("change", "stands", "waits"),
    [
        (SoilChange(0.30, 0.24, 0.0, 1, 6, True), False, True),
        (SoilChange(0.30, 0.24, 0.0, 2, 6, True), True, False),  # it stayed so
        (SoilChange(0.45, 0.24, 0.0, 1, 6, True), True, False),  # humus is gone
        (SoilChange(0.36, 0.30, 0.0, 1, 6, False), False, True),
        (SoilChange(0.36, 0.30, 0.4, 1, 6, True), True, False),  # no soil at all
        (SoilChange(0.30, 0.34, 0.0, 2, 6, True), False, False),  # it only dried
    ],
)
def test_soil_brighter_alike_in_red_and_swir_waits_for_a_second_look(
    ground: ModuleType, monkeypatch: pytest.MonkeyPatch, change: SoilChange, stands: bool, waits: bool
) -> None:
    monkeypatch.setattr("detectors.black_soil.soil_change", lambda series: change)
    wheat = dt.date(2024, 6, 1), ground.field_of("spring wheat", "clay", 8)
    stripped = ground.then(ground.fixed(clay=0.3, chernozem=0.7), wheat)
    found = patch(ground, ground.fixed(**SUBSOIL["concrete"]) if change.colour else stripped, 1, rain=0.9)
    assert found.stands is stands
    assert any("一期" in remark.zh for remark in found.remarks) is waits


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (SoilChange(0.57, 0.35, 0.0, 2, 3, False), "已与周边相同"),  # one bright look of two
        (SoilChange(0.57, 0.35, 0.3, 2, 3, False), "已与周边相同"),
        (SoilChange(1.20, 0.50, 0.3, 1, 3, True), "薄云"),
    ],
)
def test_a_bright_look_over_a_field_that_bears_its_crop_is_cloud(
    ground: ModuleType, monkeypatch: pytest.MonkeyPatch, change: SoilChange, said: str
) -> None:
    monkeypatch.setattr("detectors.black_soil.soil_change", lambda series: change)
    april = dt.date(2024, 4, 26)
    found = patch(ground, ground.field_of("spring wheat", "chernozem"), 1, first_seen=april)
    assert not found.stands
    assert said in found.remarks[-1].zh
    paved = patch(ground, ground.fixed(**SUBSOIL["concrete"]), 1, first_seen=april)
    assert paved.stands


def test_what_one_white_look_of_autumn_shows_waits(ground: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.black_soil.soil_change", lambda series: SoilChange(0.9, 0.3, 0.3, 1, 3, True))
    october = dt.date(2024, 10, 12)
    white = patch(ground, ground.fixed(concrete=1), 1, since=october, first_seen=october, until=dt.date(2024, 10, 13))
    assert not white.stands
    assert "待下一期" in white.remarks[-1].zh
    monkeypatch.setattr("detectors.black_soil.soil_change", lambda series: SoilChange(0.9, 0.4, 0.0, 1, 3, True))
    brown = patch(ground, ground.fixed(clay=1), 1, since=october, first_seen=october, until=dt.date(2024, 10, 13))
    assert (brown.stands, brown.unsure) == (True, True)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_field_tilled_anew_is_no_lead_after_one_look(ground: ModuleType, seed: int) -> None:
    tilled = ground.fixed(tilled=1)
    found = patch(ground, tilled, seed, until=dt.date(2024, 5, 24), rain=0.0, lost=0.0, cloud=0.0)
    assert not found.stands
    assert found.measures["bare_looks"] == 1
    assert "一期" in found.remarks[-1].zh


@SEEDS
def test_soil_brighter_in_red_alone_is_stripped_where_nothing_grows_beside_the_crop(
    ground: ModuleType, seed: int
) -> None:
    wheat = ground.field_of("spring wheat", "chernozem")
    below = ground.fixed(clay=0.25, mud=0.25, chernozem=0.5)
    bare = patch(ground, below, seed, rain=0.3)
    assert (bare.stands, bare.change) == (True, STRIPPED_NAME)
    assert bare.measures["swir16_log"] < 0.2 < bare.measures["red_log"]
    assert "缺失周边作物" in bare.remarks[-1].zh
    sown = patch(ground, ground.then(below, (dt.date(2024, 6, 1), wheat)), seed, rain=0.3)
    fallow = ground.in_years(wheat, [2024], ground.fixed(chernozem=1))
    for found in (sown, patch(ground, below, seed, around=fallow, rain=0.3)):
        assert (found.stands, found.unsure, found.change) == (True, True, None)


def test_a_pit_whose_floor_is_darker_in_swir_than_soil_stands(
    ground: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detectors.black_soil.soil_change", lambda series: SoilChange(0.42, -0.1, 0.0, 2, 3, True))
    pit = patch(ground, ground.fixed(rock=0.6, coal=0.4), 1)
    assert (pit.stands, pit.unsure, pit.change) == (True, False, STRIPPED_NAME)
    assert not patch(ground, ground.field_of("spring wheat", "chernozem"), 1, first_seen=dt.date(2024, 4, 26)).stands


@pytest.mark.parametrize("springs", [1, 2])
def test_stubble_like_that_around_hides_no_soil_that_two_springs_saw_bright(
    ground: ModuleType, monkeypatch: pytest.MonkeyPatch, springs: int
) -> None:
    monkeypatch.setattr("detectors.black_soil.soil_change", lambda series: SoilChange(0.64, 0.3, -0.2, 3, 6, True))
    wheat, sand = ground.field_of("spring wheat", "chernozem"), ground.fixed(sand=0.5, chestnut_soil=0.5)
    autumn = (dt.date(2024, 9, 1), ground.fixed(chernozem=1))
    first = 2025 - springs
    turns = [(dt.date(year, month, 1), now) for year in (2023, 2024) for month, now in ((2, sand), (6, wheat))]
    found = patch(
        ground, ground.then(wheat, *[turn for turn in turns if turn[0].year >= first], autumn), 1,
        around=ground.then(wheat, autumn), since=dt.date(first, 1, 15), first_seen=dt.date(first, 4, 20),
        before=dt.date(2022, 10, 30), until=dt.date(2024, 10, 30), lost=0.0, cloud=0.0, rain=0.0,
    )  # fmt: skip
    assert found.stands is (springs == 2)


@SEEDS
@pytest.mark.parametrize("tilled", [True, False])
def test_grass_amid_fields_that_no_spring_saw_bare_is_no_field(ground: ModuleType, seed: int, tilled: bool) -> None:
    was = ground.field_of("spring wheat", "chernozem") if tilled else ground.grass()
    gone = ground.fixed(stubble=0.2, spoil=0.8)
    found = patch(
        ground, gone, seed, was=was, since=dt.date(2024, 6, 10), first_seen=dt.date(2024, 7, 1), transition=2, rain=0.0
    )
    assert found.stands is tilled
    assert any("不是耕地" in remark.zh for remark in found.remarks) is not tilled


@pytest.mark.parametrize("gone", [True, False])
def test_an_october_beside_its_ring_as_ever_undoes_one_bright_spring(
    ground: ModuleType, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    change = SoilChange(0.7, 0.47, -0.17, 1, 3, True)
    monkeypatch.setattr("detectors.black_soil.soil_change", lambda series: change)
    wheat, straw = ground.field_of("spring wheat", "chernozem"), {"stubble": 0.8, "chernozem": 0.2}
    autumns = [
        turn
        for year in (2021, 2022, 2023)
        for turn in ((dt.date(year, 9, 1), ground.fixed(**straw)), (dt.date(year + 1, 3, 1), wheat))
    ]
    around = ground.then(wheat, *autumns, (dt.date(2024, 9, 1), ground.fixed(**straw)))
    last = ground.fixed(stubble=0.8, spoil=0.2) if gone else ground.fixed(**straw)
    now = ground.then(ground.fixed(clay=0.6, chernozem=0.4), (dt.date(2024, 6, 1), wheat), (dt.date(2024, 9, 1), last))
    found = patch(
        ground, now, 1, was=ground.then(wheat, *autumns), around=around, until=dt.date(2024, 10, 30),
        transition=BY_COMPOSITES, lost=0.0, cloud=0.0, rain=0.0,
    )  # fmt: skip
    assert found.stands is gone


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (SoilChange(1.2, 0.5, 0.1, 1, 3, True, colour_alone=0.25), "薄云"),  # cloud over the ring as well
        (SoilChange(-0.1, 0.24, 0.0, 2, 5, True), "表土变干"),  # SWIR alone
        (SoilChange(0.01, -0.03, -0.4, 3, 1, False), "翻耕或休耕"),  # haze before: neither brighter nor darker
    ],
)
def test_one_doubtful_look_over_a_field_that_bears_its_crop_is_dropped(
    ground: ModuleType, monkeypatch: pytest.MonkeyPatch, change: SoilChange, said: str
) -> None:
    monkeypatch.setattr("detectors.black_soil.soil_change", lambda series: change)
    wheat = ground.field_of("spring wheat", "chernozem")
    now = ground.then(ground.fixed(clay=0.6, chernozem=0.4), (dt.date(2024, 6, 1), wheat))
    found = patch(ground, now, 1, rain=0.0, lost=0.0, cloud=0.0)
    assert not found.stands
    assert said in found.remarks[-1].zh


@pytest.mark.parametrize(
    "change", [SoilChange(0.8, 0.5, -0.2, 1, 3, True, like=False), SoilChange(0.8, 0.5, -0.2, 1, 3, False)]
)
@pytest.mark.parametrize("october", [0.0, 0.08, math.nan])
def test_one_look_alone_waits_where_neither_summer_nor_october_show_it(
    ground: ModuleType, monkeypatch: pytest.MonkeyPatch, change: SoilChange, october: float
) -> None:
    monkeypatch.setattr("detectors.black_soil.soil_change", lambda series: change)
    monkeypatch.setattr("detectors.black_soil._in_october", lambda series: (math.nan, october))
    wheat = ground.field_of("spring wheat", "chernozem")
    now = ground.then(ground.fixed(clay=0.6, chernozem=0.4), (dt.date(2024, 6, 1), wheat))
    found = patch(ground, now, 1, rain=0.0, lost=0.0, cloud=0.0)
    assert found.stands is (october != 0)
    if not found.stands:
        assert "待下一期" in found.remarks[-1].zh


def changed(ground: ModuleType, first_seen: dt.date, last_before: dt.date, transition: int) -> SoilChange:
    wheat, inside = ground.field_of("spring wheat", "chernozem"), ground.middle(SHAPE, 10, 14)
    now = ground.then(wheat, (WINTER, ground.fixed(clay=0.6, chernozem=0.4)))
    days = ground.dates(range(2021, 2025), (4, 26), (5, 24), 9)
    canvas = ground.Canvas(wheat, [(inside, now)], shape=SHAPE)
    weather = ground.Weather(1, lost=0.0, cloud=0.0, rain=0.0)
    return soil_change(
        ground.series(canvas, inside, days, weather, last_before=last_before, first_seen=first_seen,
                      transition=transition)
    )  # fmt: skip


def test_a_composite_counts_all_looks_of_its_season_as_since_and_none_as_before(ground: ModuleType) -> None:
    last = max(ground.dates([2024], (4, 26), (5, 24), 9))
    by_scenes = changed(ground, last, dt.date(2023, 5, 24), 4)
    for before in (last, dt.date(2023, 5, 24)):
        found = changed(ground, last, before, BY_COMPOSITES)
        assert found.looks > by_scenes.looks
        assert found.before == by_scenes.before
        assert found.red > 0.4


def test_soil_that_is_wet_as_never_before_is_still_held_against_its_ring(
    ground: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = dt.date(2024, 4, 26)
    assert changed(ground, first, dt.date(2023, 5, 24), 4).like
    monkeypatch.setattr("detectors.core.topsoil.like_moisture", lambda series, looks, before: looks & False)
    found = changed(ground, first, dt.date(2023, 5, 24), 4)
    assert (found.beside_ring, found.like) == (True, False)
    assert found.red > 0.4


def test_one_look_before_that_was_as_wet_is_enough(ground: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "detectors.core.topsoil.like_moisture", lambda series, looks, before: looks & bool(before.sum() == 1)
    )
    found = changed(ground, dt.date(2024, 4, 26), dt.date(2023, 5, 24), 4)
    assert (found.beside_ring, found.like) == (True, True)


# --- bare-soil composites --------------------------------------------------------------------------------------------

WIDE = (160, 160)
YEARS = (2022, 2023, 2024)
SPRING = DETECTOR.surveys[0]


def scored(ground: ModuleType, then: Any, seed: int, **weather: Any) -> tuple[Any, Any]:
    """Score inside 12 × 16 px of a field, and of all the rest; fields of other crops around."""
    wheat = ground.field_of("spring wheat", "chernozem")
    mask = ground.middle(WIDE, 16, 20)
    east = np.zeros(WIDE, bool)
    east[:, 110:] = True
    fallow = ground.in_years(wheat, [2024], ground.field_of("fallow", "chernozem"))
    canvas = ground.Canvas(wheat, [(east, fallow), (mask, then)], shape=WIDE)
    made = ground.years(canvas, SPRING_SOIL, YEARS, ground.Weather(seed, **weather), choose=SPRING.choose)
    score = SPRING.score(made)
    core = ground.middle(WIDE, 12, 16)
    return score[core & np.isfinite(score)], score[~ground.middle(WIDE, 24, 28) & np.isfinite(score)]


@SEEDS
@pytest.mark.parametrize("kind", ["sand", "clay", "spoil"])
@pytest.mark.parametrize(("since", "least"), [(WINTER, 0.5), (dt.date(2023, 1, 15), 0.8)])
def test_stripped_soil_shows_in_spring_and_more_when_it_stays(
    ground: ModuleType, seed: int, kind: str, since: dt.date, least: float
) -> None:
    wheat = ground.field_of("spring wheat", "chernozem")
    below = ground.fixed(**SUBSOIL[kind])
    inside, rest = scored(ground, ground.then(wheat, (since, below)), seed, rain=0.9)
    assert inside.size > 100
    assert np.median(inside) > least
    assert (rest > 0.4).mean() < 0.002


@SEEDS
@pytest.mark.parametrize("what", ["tilled", "straw", "wet", "always sandy"])
def test_the_survey_is_silent_over_what_deceives(ground: ModuleType, seed: int, what: str) -> None:
    wheat = ground.field_of("spring wheat", "chernozem")
    then = {
        "tilled": ground.then(wheat, (WINTER, ground.field_of("potato", "chernozem"))),
        "straw": ground.then(wheat, (WINTER, ground.fixed(stubble=0.9, chernozem=0.1))),
        "wet": ground.in_years(wheat, [2022, 2023], ground.fixed(chernozem=0.8, peat=0.2)),
        "always sandy": ground.fixed(sand=0.5, chestnut_soil=0.5),
    }[what]
    inside, rest = scored(ground, then, seed, rain=0.9)
    assert what == "straw" or inside.size
    assert (inside > 0.4).sum() <= 0.05 * max(inside.size, 40)
    assert (rest > 0.4).mean() < 0.002

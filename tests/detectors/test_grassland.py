import datetime as dt
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from detectors.core.history import PatchSeries, Site
from detectors.core.timelogic import MAY
from detectors.grassland import DETECTOR, due, judge, not_restored

SEEDS = pytest.mark.parametrize("seed", [0, 1, pytest.param(2, marks=pytest.mark.slow)])
BEFORE = dt.date(2023, 7, 20)
SHAPE = (40, 40)

MIXES: dict[str, dict[str, float]] = {
    "pit": {"rock": 0.5, "clay": 0.5},
    "stripped": {"chestnut_soil": 0.45, "spoil": 0.35, "sand": 0.2},
    "dump": {"spoil": 0.8, "rock": 0.2},
    "coal": {"coal": 0.6, "rock": 0.4},
    "road": {"gravel": 0.85, "chestnut_soil": 0.15},
    "ploughed": {"tilled": 0.9, "chestnut_soil": 0.1},
    "dark ploughed": {"chernozem": 0.9, "dry_grass": 0.1},
    "halls": {"blue_roof": 0.6, "gravel": 0.4},
    "tarpaulins": {"tarpaulin": 0.8, "gravel": 0.2},
}


def days_of(ground: ModuleType, until: dt.date) -> list[dt.date]:
    every = ground.dates(range(2021, 2025), (5, 12), (9, 29), 11)
    return [day for day in every if day <= until]


def patch(
    ground: ModuleType,
    then: Any,
    seed: int,
    first_seen: dt.date,
    *,
    until: dt.date = dt.date(2024, 9, 29),
    inside: Any = None,
    steppe: Any = None,
    transition: int = 2,
    **weather: Any,
) -> PatchSeries:
    """A patch on grass, first seen on a day; looks run on to another."""
    mask = ground.middle(SHAPE, 10, 12) if inside is None else inside
    canvas = ground.Canvas(steppe or ground.grass(0.7), [(mask, then)], shape=SHAPE)
    made = ground.series(
        canvas, mask, days_of(ground, until), ground.Weather(seed, **weather),
        last_before=BEFORE, first_seen=first_seen, transition=transition,
    )  # fmt: skip
    return made  # type: ignore[no-any-return]


@SEEDS
@pytest.mark.parametrize("kind", MIXES)
def test_works_on_grass_stand(ground: ModuleType, seed: int, kind: str) -> None:
    done = dt.date(2024, 5, 1)
    then = ground.then(ground.grass(0.7), (done, ground.fixed(**MIXES[kind])))
    found = judge(patch(ground, then, seed, dt.date(2024, 7, 5), until=dt.date(2024, 8, 10)))
    assert found.stands
    assert not found.unsure
    assert any("较周边" in remark.zh for remark in found.remarks)


@SEEDS
@pytest.mark.parametrize("kind", ["pit", "stripped", "road"])
def test_works_begun_in_the_hay_season_are_not_taken_for_hay(ground: ModuleType, seed: int, kind: str) -> None:
    then = ground.then(ground.grass(0.7), (dt.date(2024, 8, 12), ground.fixed(**MIXES[kind])))
    assert judge(patch(ground, then, seed, dt.date(2024, 8, 20), until=dt.date(2024, 9, 12))).stands


@SEEDS
@pytest.mark.parametrize("host", ["grass", "meadow"])
def test_mowing_has_no_may_signal_and_leaves_straw(ground: ModuleType, seed: int, host: str) -> None:
    whole = ground.grass(0.8) if host == "grass" else ground.meadow()
    cut = ground.mown(ground.grass(0.8)) if host == "grass" else ground.meadow(mown=232)
    hay = ground.in_years(whole, [2024], ground.blend(cut, 0.4, ground.fixed(dry_grass=0.6, green_grass=0.4)))
    then = ground.then(whole, (dt.date(2024, 8, 20), hay))
    found = judge(patch(ground, then, seed, dt.date(2024, 8, 24), until=dt.date(2024, 9, 8), steppe=whole))
    assert not found.stands
    assert found.remarks[-1].zh.startswith(("割草", "植被缺失仅"))


@SEEDS
@pytest.mark.parametrize("ash", [0.0, 0.1])
def test_a_burn_is_char_and_not_soil(ground: ModuleType, seed: int, ash: float) -> None:
    char = ground.fixed(char=0.85 - ash / 2, ash=ash / 2, chestnut_soil=0.15)
    scar = ground.blend(ground.grass(0.7), 0.8, char)
    then = ground.then(ground.grass(0.7), (dt.date(2024, 5, 25), scar))
    found = judge(patch(ground, then, seed, dt.date(2024, 6, 2), until=dt.date(2024, 7, 20)))
    assert not found.stands
    assert "过火" in found.remarks[-1].zh


@SEEDS
def test_a_spring_burn_that_greens_again_is_dropped(ground: ModuleType, seed: int) -> None:
    scar = ground.blend(ground.grass(0.7), 0.6, ground.fixed(char=0.7, chestnut_soil=0.3))
    then = ground.then(ground.grass(0.7), (dt.date(2024, 5, 10), scar), (dt.date(2024, 6, 20), ground.grass(0.68)))
    assert not judge(patch(ground, then, seed, dt.date(2024, 5, 14), until=dt.date(2024, 8, 1))).stands


@SEEDS
def test_reseeding_is_half_green_in_may_and_green_in_july(ground: ModuleType, seed: int) -> None:
    drilled = ground.fixed(tilled=0.5, dry_grass=0.2, green_grass=0.3)
    sprouted = ground.fixed(lush_meadow=0.45, green_grass=0.3, chestnut_soil=0.25)
    then = ground.then(ground.grass(0.7), (dt.date(2024, 5, 25), drilled), (dt.date(2024, 7, 1), sprouted))
    found = judge(patch(ground, then, seed, dt.date(2024, 6, 2), until=dt.date(2024, 8, 8)))
    assert not found.stands


@SEEDS
def test_ploughed_pasture_that_is_green_in_july_stands_by_its_mays(ground: ModuleType, seed: int) -> None:
    oats = ground.field_of(ground.OATS)
    then = ground.then(ground.grass(0.7), (dt.date(2023, 4, 25), oats))
    made = patch(ground, then, seed, dt.date(2023, 6, 2), until=dt.date(2024, 8, 8), lost=0.05)
    found = judge(PatchSeries(**{**vars(made), "last_before": dt.date(2022, 7, 20)}))
    assert found.stands
    assert not found.unsure
    assert found.change is not None
    assert "开垦" in found.change.zh
    assert found.measures["years_bare_in_may"] == 2


@SEEDS
def test_ploughed_once_and_green_since_stands_unsure(ground: ModuleType, seed: int) -> None:
    then = ground.then(ground.grass(0.7), (dt.date(2024, 4, 25), ground.field_of(ground.OATS)))
    found = judge(patch(ground, then, seed, dt.date(2024, 5, 22), until=dt.date(2024, 8, 8), lost=0.05))
    assert found.stands
    assert found.unsure


@SEEDS
def test_bare_in_one_may_and_then_as_its_surroundings_is_no_crop(ground: ModuleType, seed: int) -> None:
    bare = ground.fixed(chestnut_soil=0.9, dry_grass=0.1)
    then = ground.then(ground.grass(0.7), (dt.date(2024, 5, 1), bare), (dt.date(2024, 6, 16), ground.grass(0.7)))
    found = judge(patch(ground, then, seed, dt.date(2024, 5, 22), until=dt.date(2024, 8, 8), lost=0.05))
    assert not found.stands


@SEEDS
@pytest.mark.parametrize(("transition", "stands"), [(0, False), (2, True)])
def test_what_only_the_survey_saw_in_one_may_has_to_stay_bare(
    ground: ModuleType, seed: int, transition: int, stands: bool
) -> None:
    half = ground.blend(ground.grass(0.7), 0.35, ground.fixed(chestnut_soil=1.0))
    bare = ground.fixed(chestnut_soil=0.95, dry_grass=0.05)
    then = ground.then(ground.grass(0.7), (dt.date(2024, 5, 1), bare), (dt.date(2024, 7, 18), half))
    made = patch(ground, then, seed, dt.date(2024, 5, 22), until=dt.date(2024, 8, 20), transition=transition, lost=0.05)
    found = judge(made)
    assert found.stands is stands
    if not stands:
        assert "正在恢复" in found.remarks[-1].zh


@SEEDS
def test_char_with_little_ash_is_char_where_it_lies_above_the_line_of_soil(ground: ModuleType, seed: int) -> None:
    then = ground.then(ground.grass(0.7), (dt.date(2024, 5, 2), ground.fixed(char=0.55, ash=0.1, chestnut_soil=0.35)))
    found = judge(patch(ground, then, seed, dt.date(2024, 6, 2), until=dt.date(2024, 8, 8)))
    assert not found.stands
    assert "过火" in found.remarks[-1].zh


@SEEDS
@pytest.mark.parametrize(("soil", "stands"), [("char", False), ("chernozem", True)])
def test_char_that_grows_over_is_char_and_dark_topsoil_is_not(
    ground: ModuleType, seed: int, soil: str, stands: bool
) -> None:
    mixed = ground.fixed(**{soil: 0.52, "green_grass": 0.1, "chestnut_soil": 0.38})
    then = ground.then(ground.grass(0.7), (dt.date(2024, 5, 2), mixed))
    found = judge(patch(ground, then, seed, dt.date(2024, 6, 2), until=dt.date(2024, 8, 8)))
    assert found.stands is stands
    if not stands:
        assert "过火" in found.remarks[-1].zh


@SEEDS
@pytest.mark.parametrize(("soil", "stands"), [("char", False), ("chernozem", True), ("coal", True)])
@pytest.mark.parametrize("dense", [0.35, 0.45])
def test_half_burnt_steppe_is_greener_than_soil_with_the_swir_of_soil(
    ground: ModuleType, seed: int, dense: float, soil: str, stands: bool
) -> None:
    steppe = ground.grass(dense)
    share = 0.55 if soil == "char" else 0.85
    then = ground.then(steppe, (dt.date(2024, 5, 2), ground.blend(steppe, share, ground.fixed(**{soil: 1.0}))))
    made = patch(ground, then, seed, dt.date(2024, 5, 22), until=dt.date(2024, 8, 8), steppe=steppe)
    found = judge(made)
    assert found.stands is stands
    assert any("过火" in remark.zh for remark in found.remarks) is not stands


@SEEDS
@pytest.mark.parametrize("stripped", [False, True])
def test_in_a_drought_ground_that_was_always_sparser_is_so_then_as_well(
    ground: ModuleType, seed: int, stripped: bool
) -> None:
    steppe, sparse = ground.grass(0.2), ground.grass(0.1)  # no ring of such grass is green
    works = ground.fixed(chestnut_soil=0.45, spoil=0.35, sand=0.2)
    then = ground.then(sparse, (dt.date(2024, 5, 2), works)) if stripped else sparse
    made = patch(ground, then, seed, dt.date(2024, 7, 5), steppe=steppe, dry={2024: 1.0}, until=dt.date(2024, 8, 10))
    assert judge(made).stands is stripped


@SEEDS
@pytest.mark.parametrize(("gone", "stands"), [(dt.date(2024, 8, 24), False), (dt.date(2024, 12, 1), True)])
def test_rain_that_stands_in_july_is_no_pond(ground: ModuleType, seed: int, gone: dt.date, stands: bool) -> None:
    water, mud = ground.fixed(turbid_water=0.9, mud=0.1), ground.fixed(mud=0.5, dry_grass=0.5)
    then = ground.then(ground.grass(0.7), (dt.date(2024, 7, 3), water), (gone, mud))
    found = judge(patch(ground, then, seed, dt.date(2024, 7, 12), transition=4, lost=0.0, cloud=0.0))
    assert found.stands is stands
    if not stands:
        assert "汛期积水" in found.remarks[0].zh


@SEEDS
@pytest.mark.parametrize("share", [0.1, 0.22])
def test_voles_lack_too_little(ground: ModuleType, seed: int, share: float) -> None:
    colony = ground.blend(ground.grass(0.7), share, ground.fixed(chestnut_soil=0.8, dry_grass=0.2))
    then = ground.then(ground.grass(0.7), (dt.date(2024, 5, 1), colony))
    found = judge(patch(ground, then, seed, dt.date(2024, 7, 5)))
    assert not found.stands
    assert "不足30%" in found.remarks[-1].zh


@SEEDS
def test_a_fence_with_more_grazing_on_one_side_lacks_too_little(ground: ModuleType, seed: int) -> None:
    then = ground.then(ground.grass(0.7), (dt.date(2024, 5, 1), ground.grass(0.55)))
    assert not judge(patch(ground, then, seed, dt.date(2024, 7, 5))).stands


@SEEDS
def test_drought_over_all_of_it_makes_no_patch(ground: ModuleType, seed: int) -> None:
    made = patch(ground, ground.grass(0.62), seed, dt.date(2024, 7, 5), dry={2024: 1.0})
    assert not judge(made).stands


@SEEDS
def test_a_sparse_place_that_was_always_so_is_dropped(ground: ModuleType, seed: int) -> None:
    sparse = ground.fixed(sand=0.5, dry_grass=0.3, green_grass=0.2)
    found = judge(patch(ground, sparse, seed, dt.date(2024, 7, 5), dry={2024: 0.6}))
    assert not found.stands
    assert "往年水平相当" in found.remarks[-1].zh


@SEEDS
def test_a_dry_place_keeps_its_litter(ground: ModuleType, seed: int) -> None:
    dry = ground.blend(ground.grass(0.7), 0.6, ground.fixed(dry_grass=0.65, chestnut_soil=0.25, sand=0.1))
    then = ground.then(ground.grass(0.7), (dt.date(2024, 6, 15), dry))
    assert not judge(patch(ground, then, seed, dt.date(2024, 7, 5), until=dt.date(2024, 8, 8))).stands


@SEEDS
@pytest.mark.parametrize(
    ("factors", "stands"),
    [({}, False), ({"blue": 1.35}, True), ({"swir16": 0.72, "swir22": 0.72}, True)],
    ids=["straw", "bluer", "darker"],
)
def test_what_has_the_ndti_of_litter_and_got_bluer_or_darker_than_straw_stands(
    ground: ModuleType, seed: int, factors: dict[str, float], stands: bool
) -> None:
    dry = ground.blend(ground.grass(0.7), 0.6, ground.fixed(dry_grass=0.65, chestnut_soil=0.25, sand=0.1))
    then = ground.then(ground.grass(0.7), (dt.date(2024, 6, 15), dry))
    made = patch(ground, then, seed, dt.date(2024, 7, 5), until=dt.date(2024, 8, 8))
    values = made.values.copy()
    now = np.array([day >= dt.date(2024, 6, 15) for day in made.days])
    for band, factor in factors.items():
        values[np.ix_(now, [made.bands.index(band)])] *= np.where(made.inside, np.float32(factor), np.float32(1))
    assert judge(PatchSeries(**{**vars(made), "values": values})).stands is stands


@SEEDS
def test_a_firebreak_ploughed_anew_was_a_strip_before(ground: ModuleType, seed: int) -> None:
    strip = ground.box(SHAPE, slice(19, 21), slice(2, 38))
    old = ground.fixed(chestnut_soil=0.35, dry_grass=0.40, green_grass=0.25)
    fresh = ground.blend(old, 0.9, ground.fixed(tilled=0.85, chestnut_soil=0.15))
    then = ground.then(old, (dt.date(2024, 5, 5), fresh))
    found = judge(patch(ground, then, seed, dt.date(2024, 6, 2), inside=strip))
    assert not found.stands
    assert "防火隔离带" in found.remarks[-1].zh


@SEEDS
def test_a_new_road_of_the_same_shape_stands(ground: ModuleType, seed: int) -> None:
    strip = ground.box(SHAPE, slice(19, 21), slice(2, 38))
    then = ground.then(ground.grass(0.7), (dt.date(2024, 5, 5), ground.fixed(**MIXES["road"])))
    assert judge(patch(ground, then, seed, dt.date(2024, 7, 5), inside=strip)).stands


@SEEDS
def test_a_road_over_a_strip_that_was_a_little_thin_stands(ground: ModuleType, seed: int) -> None:
    strip = ground.box(SHAPE, slice(19, 21), slice(2, 38))
    thin = ground.blend(ground.grass(0.7), 0.16, ground.fixed(chestnut_soil=1))
    then = ground.then(thin, (dt.date(2024, 5, 5), ground.fixed(**MIXES["road"])))
    assert judge(patch(ground, then, seed, dt.date(2024, 7, 5), inside=strip)).stands


@SEEDS
def test_what_is_as_green_as_its_ring_on_the_newest_look_is_back(ground: ModuleType, seed: int) -> None:
    eaten = ground.then(
        ground.grass(0.7), (dt.date(2024, 5, 20), ground.fixed(gravel=0.6, dry_grass=0.4)),
        (dt.date(2024, 7, 25), ground.grass(0.7)),
    )  # fmt: skip
    found = judge(patch(ground, eaten, seed, dt.date(2024, 6, 2), until=dt.date(2024, 8, 8), lost=0.0))
    assert not found.stands
    assert "恢复到周边" in found.remarks[-1].zh


def test_no_look_since_stands_unsure(ground: ModuleType) -> None:
    then = ground.then(ground.grass(0.7), (dt.date(2024, 5, 1), ground.fixed(gravel=1)))
    found = judge(patch(ground, then, 1, dt.date(2024, 8, 1), until=dt.date(2024, 7, 20)))
    assert found.stands
    assert found.unsure


# --- the survey of Mays ----------------------------------------------------------------------------------------------

WIDE = (160, 160)
YEARS = (2021, 2022, 2023, 2024)
SURVEY = DETECTOR.surveys[0]


def scored(
    ground: ModuleType, then: Any, seed: int, *, without: tuple[str, ...] = (), **weather: Any
) -> tuple[Any, Any]:
    """Score inside 20 × 20 px, and of all the rest."""
    mask = ground.middle(WIDE, 20, 20)
    canvas = ground.Canvas(ground.grass(0.7), [(mask, then)], shape=WIDE)
    made = ground.years(canvas, MAY, YEARS, ground.Weather(seed, **weather), choose=SURVEY.choose)
    for band in without:
        made.values[:, made.bands.index(band)] = np.nan
    score = SURVEY.score(made)
    core = ground.middle(WIDE, 16, 16)
    return score[core & np.isfinite(score)], score[~ground.middle(WIDE, 26, 26) & np.isfinite(score)]


@SEEDS
@pytest.mark.parametrize(("since", "least"), [(2024, 0.5), (2023, 0.7)])
def test_ploughing_that_is_green_in_july_shows_in_may_and_more_when_repeated(
    ground: ModuleType, seed: int, since: int, least: float
) -> None:
    then = ground.then(ground.grass(0.7), (dt.date(since, 4, 20), ground.field_of(ground.OATS)))
    inside, rest = scored(ground, then, seed)
    assert inside.size > 100
    assert np.median(inside) > least
    assert (rest > 0.4).mean() < 0.002


@SEEDS
def test_stubble_and_sprouts_on_ploughed_ground_are_no_sward(ground: ModuleType, seed: int) -> None:
    sown = ground.fixed(tilled=0.65, dry_grass=0.3, green_grass=0.05)
    inside, rest = scored(ground, ground.then(ground.grass(0.7), (dt.date(2023, 4, 20), sown)), seed)
    assert np.median(inside) > 0.7
    assert (rest > 0.4).mean() < 0.002


@SEEDS
def test_bare_before_it_was_grass_again_is_not_ploughed_again(ground: ModuleType, seed: int) -> None:
    bare = ground.in_years(ground.grass(0.7), (2022, 2024), ground.fixed(tilled=1))
    assert scored(ground, bare, seed)[0].max() <= 0.63
    twice = ground.in_years(ground.grass(0.7), (2023, 2024), ground.fixed(tilled=1))
    assert np.median(scored(ground, twice, seed)[0]) > 0.7


@SEEDS
def test_without_swir_one_may_tells_nothing_and_two_do(ground: ModuleType, seed: int) -> None:
    """Char and dry grass lack as much green as soil does."""
    swir = ("swir16", "swir22")
    for since, seen in ((2024, False), (2023, True)):
        then = ground.then(ground.grass(0.7), (dt.date(since, 4, 20), ground.field_of(ground.OATS)))
        inside, _ = scored(ground, then, seed, without=swir)
        assert (np.median(inside) > 0.7) == seen
        assert seen or inside.max() < 0.4


@SEEDS
@pytest.mark.parametrize("what", ["mown", "burnt", "reseeded", "road", "voles", "grazed", "dry"])
def test_the_survey_is_silent_over_what_deceives(ground: ModuleType, seed: int, what: str) -> None:
    grass, day = ground.grass(0.7), dt.date(2024, 5, 3)
    then = {
        "mown": ground.mown(grass),
        "burnt": ground.then(grass, (day, ground.blend(grass, 0.8, ground.fixed(char=0.85, chestnut_soil=0.15)))),
        "reseeded": ground.then(
            grass, (dt.date(2024, 5, 25), ground.fixed(tilled=0.35, dry_grass=0.25, green_grass=0.4))
        ),
        "road": ground.fixed(gravel=1),  # was there all the years
        "voles": ground.then(grass, (day, ground.blend(grass, 0.25, ground.fixed(chestnut_soil=1)))),
        "grazed": ground.then(grass, (day, ground.grass(0.5))),
        "dry": ground.then(
            grass, (day, ground.blend(grass, 0.6, ground.fixed(dry_grass=0.65, chestnut_soil=0.25, sand=0.1)))
        ),
    }[what]
    inside, rest = scored(ground, then, seed, dry={2024: 0.6})
    assert inside.size
    assert (inside > 0.4).mean() < 0.05
    assert (rest > 0.4).mean() < 0.002


def test_the_survey_says_nothing_where_the_newest_may_was_not_seen(ground: ModuleType) -> None:
    mask = ground.middle(WIDE, 20, 20)
    canvas = ground.Canvas(ground.grass(0.7), [(mask, ground.fixed(gravel=1))], shape=WIDE)
    made = ground.years(canvas, MAY, YEARS, ground.Weather(2))
    made.values[-1, :, :80] = np.nan
    assert np.isnan(SURVEY.score(made)[:80]).all()


# --- camps past their term -------------------------------------------------------------------------------------------

AFTER = (dt.date(2024, 7, 1), dt.date(2024, 8, 5))


def approval(**other: str) -> Site:
    given = {"approved": "2021-05-01", "expires": "2023-05-01", "use": "temporary"} | other
    return Site("grassland_use_approvals", "G1", given, dt.date(2024, 8, 20), AFTER)


@SEEDS
def test_a_camp_past_its_term_is_a_lead_and_a_restored_one_is_not(ground: ModuleType, seed: int) -> None:
    grass, inside = ground.grass(0.7), ground.middle(SHAPE, 12, 12)
    camp = ground.fixed(white_roof=0.3, gravel=0.4, chestnut_soil=0.3)
    for end, stands in ((dt.date(2030, 1, 1), True), (dt.date(2023, 4, 20), False)):
        cover = ground.then(grass, (dt.date(2021, 5, 10), camp), (end, ground.grass(0.6)))
        canvas = ground.Canvas(grass, [(inside, cover)], shape=SHAPE)
        days = ground.dates(range(2019, 2025), (6, 16), (8, 8), 11)
        found = not_restored(ground.series(canvas, inside, days, ground.Weather(seed)), approval())
        assert found.stands is stands
        assert not found.unsure


@pytest.mark.parametrize(
    ("attributes", "overdue"),
    [
        ({}, True),
        ({"use": "permanent"}, False),
        ({"expires": "2024-08-05"}, False),
        ({"expires": "2024-08-04"}, True),
        ({"expires": ""}, False),
    ],
)
def test_grass_is_due_on_the_last_day_of_a_temporary_use(attributes: dict[str, str], overdue: bool) -> None:
    assert due(approval(**attributes)) is overdue

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.core.history import Opinion, PatchSeries, Site
from detectors.temporary_land import BUILT_WITHIN, DETECTOR, due, held, looked_into, not_reclaimed

APPROVED, EXPIRES = dt.date(2020, 6, 1), dt.date(2022, 5, 31)
AFTER = (dt.date(2024, 7, 1), dt.date(2024, 8, 5))
USED = dt.date(2020, 6, 20)
DONE = dt.date(2023, 4, 20)
SEEDS = pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])

Look = Callable[..., Opinion]


def permit(**other: str) -> Site:
    attributes = {"approved": APPROVED.isoformat(), "expires": EXPIRES.isoformat(), "ground": "other"} | other
    return Site("temporary_land_permits", "P1", attributes, dt.date(2024, 8, 20), AFTER)


def looks_of(ground: ModuleType, years: range = range(2019, 2025)) -> list[dt.date]:
    found = ground.dates(years, (4, 25), (5, 15), 10) + ground.dates(years, (5, 20), (6, 15), 13)
    return sorted(found + ground.dates(years, (6, 18), (8, 8), 13))


@pytest.fixture
def look(ground: ModuleType) -> Look:
    """A permit's site after its day, on grass unless told otherwise."""

    def judged(then: Any, seed: int = 0, *, around: Any = None, site: Site | None = None, **weather: Any) -> Opinion:
        steppe = around or ground.grass(0.7)
        inside = ground.middle((40, 40), 12, 14)
        canvas = ground.Canvas(steppe, [(inside, then(steppe))], shape=(40, 40))
        made = ground.series(canvas, inside, looks_of(ground), ground.Weather(seed, **weather))
        return not_reclaimed(made, site or permit())

    return judged


def used_by(ground: ModuleType, *after: tuple[dt.date, Any], pad: Any = None) -> Callable[[Any], Any]:
    yard = pad or ground.fixed(gravel=0.6, chestnut_soil=0.4)
    return lambda steppe: ground.then(steppe, (USED, yard), *[(day, what or steppe) for day, what in after])


@SEEDS
@pytest.mark.parametrize("look_like", ["gravel", "soil", "roofs", "concrete", "spoil"])
def test_a_site_still_bare_or_built_is_a_lead_with_its_numbers(
    ground: ModuleType, look: Look, seed: int, look_like: str
) -> None:
    pad = {
        "gravel": ground.fixed(gravel=1),
        "soil": ground.fixed(chestnut_soil=0.75, spoil=0.25),
        "roofs": ground.fixed(blue_roof=0.5, gravel=0.5),
        "concrete": ground.fixed(concrete=1),
        "spoil": ground.fixed(spoil=0.8, rock=0.2),
    }[look_like]
    found = look(used_by(ground, pad=pad), seed)
    assert found.stands
    assert not found.unsure
    assert found.measures["ndvi_gap"] < -0.2
    assert found.measures["open_share"] > 0.8
    assert any("2023、2024两个夏季NDVI较周边" in remark.zh for remark in found.remarks)
    assert found.where is not None
    assert 150 < found.where.sum() <= 168


@SEEDS
def test_a_site_that_is_green_again_is_none(ground: ModuleType, look: Look, seed: int) -> None:
    assert not look(used_by(ground, (DONE, ground.grass(0.6))), seed).stands


@SEEDS
def test_drought_that_dries_the_ring_too_makes_no_lead(ground: ModuleType, look: Look, seed: int) -> None:
    dry = {2022: 0.8, 2023: 1.0, 2024: 1.0}
    assert not look(used_by(ground, (DONE, ground.grass(0.55))), seed, dry=dry).stands
    assert look(used_by(ground), seed, dry=dry).stands  # and hides none


@SEEDS
def test_ground_that_was_bare_before_its_use_is_not_the_uses_fault(ground: ModuleType, look: Look, seed: int) -> None:
    sandy = ground.fixed(sand=0.7, dry_grass=0.3)
    assert not look(lambda steppe: sandy, seed).stands


@SEEDS
@pytest.mark.parametrize("weeds", [0.3, 0.5])
def test_weeds_over_gravel_do_not_hide_a_pad(ground: ModuleType, look: Look, seed: int, weeds: float) -> None:
    weedy = ground.blend(ground.fixed(gravel=1), weeds, ground.grass(0.85))
    found = look(used_by(ground, (DONE, weedy), pad=ground.fixed(gravel=1)), seed)
    assert found.stands
    assert found.measures["open_share"] > 0.5


@pytest.mark.parametrize("seed", [0, 1, pytest.param(3, marks=pytest.mark.slow)])
def test_weeds_as_green_as_a_dry_steppe_do_not_hide_two_springs_without_litter(
    ground: ModuleType, look: Look, seed: int
) -> None:
    pad = ground.fixed(gravel=0.6, chestnut_soil=0.4)  # darker than litter
    weedy = ground.blend(pad, 0.4, ground.grass(0.9))
    dry = {2023: 0.4, 2024: 0.8}
    found = look(used_by(ground, (dt.date(2021, 4, 20), weedy), pad=pad), seed, around=ground.grass(0.5), dry=dry)
    assert found.stands
    assert found.measures["ndvi_gap"] > -0.13
    assert found.measures["open_share"] > 0.9
    assert any("无枯草层" in remark.zh for remark in found.remarks)


@SEEDS
@pytest.mark.parametrize("dense", [0.4, 0.5])
def test_grass_sown_a_year_ago_has_litter_where_weeds_over_gravel_have_none(
    ground: ModuleType, look: Look, seed: int, dense: float
) -> None:
    sown = used_by(ground, (dt.date(2023, 6, 10), ground.grass(dense)), pad=ground.fixed(gravel=1))
    assert not look(sown, seed, around=ground.grass(0.55), dry={2023: 0.4, 2024: 0.8}).stands


@SEEDS
def test_oats_sown_for_the_inspection_show_by_their_bare_may(ground: ModuleType, look: Look, seed: int) -> None:
    oats = ground.field_of(ground.OATS)
    found = look(used_by(ground, (dt.date(2024, 4, 20), oats)), seed)
    assert found.stands
    assert any("验收前播种" in remark.zh for remark in found.remarks)


@SEEDS
def test_oats_show_by_a_spring_without_litter_where_the_ring_was_never_green_in_may(
    ground: ModuleType, seed: int
) -> None:
    steppe, inside = ground.grass(0.7), ground.middle((40, 40), 12, 14)
    for then, stands in ((ground.field_of(ground.OATS), True), (steppe, False)):
        back = used_by(ground, (dt.date(2024 if stands else 2023, 5, 16), then))(steppe)
        canvas = ground.Canvas(steppe, [(inside, back)], shape=(40, 40))
        made = ground.series(canvas, inside, looks_of(ground), ground.Weather(seed, lost=0.0))
        unseen = [day.year == 2024 and dt.date(2024, 5, 6) < day < dt.date(2024, 6, 16) for day in made.days]
        assert not_reclaimed(only(made, ~np.array(unseen)), permit()).stands is stands


@SEEDS
def test_a_field_given_back_as_a_field_is_in_order(ground: ModuleType, look: Look, seed: int) -> None:
    field = ground.field_of("spring wheat")
    back = used_by(ground, (DONE, field))
    assert not look(back, seed, around=field, site=permit(ground="cropland")).stands


@SEEDS
def test_part_of_a_site_is_told_by_where(ground: ModuleType, seed: int) -> None:
    steppe, inside = ground.grass(0.7), ground.middle((56, 56), 20, 20)
    left = ground.middle((56, 56), 20, 20) & (np.arange(56)[None, :] < 25)
    used = used_by(ground)(steppe)
    back = used_by(ground, (DONE, ground.grass(0.65)))(steppe)
    canvas = ground.Canvas(steppe, [(inside, back), (left, used)], shape=(56, 56))
    found = not_reclaimed(ground.series(canvas, inside, looks_of(ground), ground.Weather(seed)), permit())
    assert found.stands
    assert found.where is not None
    assert (found.where & left).sum() > 0.9 * left.sum()
    assert (found.where & ~left).sum() < 0.1 * (inside & ~left).sum()


def only(made: PatchSeries, keep: Any) -> PatchSeries:
    kept = np.asarray(keep, bool)
    days = tuple(day for day, stays in zip(made.days, kept, strict=True) if stays)
    return PatchSeries(**{**vars(made), "values": made.values[kept], "days": days})


@settings(max_examples=16, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), seed=st.integers(0, 3))
def test_lost_looks_never_turn_a_reclaimed_site_into_a_sure_lead(ground: ModuleType, data: Any, seed: int) -> None:
    steppe, inside = ground.grass(0.7), ground.middle((40, 40), 12, 14)
    done = ground.Canvas(steppe, [(inside, used_by(ground, (DONE, ground.grass(0.6)))(steppe))], shape=(40, 40))
    made = ground.series(done, inside, looks_of(ground, range(2019, 2025)), ground.Weather(seed, lost=0, cloud=0))
    keep = data.draw(st.lists(st.booleans(), min_size=len(made.days), max_size=len(made.days)))
    found = not_reclaimed(only(made, keep), permit())
    assert not found.stands or found.unsure


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.floats(0, 0.9), more=st.floats(0.02, 0.5), seed=st.integers(0, 5))
def test_more_cover_never_makes_an_open_site_surer(ground: ModuleType, first: float, more: float, seed: int) -> None:
    steppe, inside = ground.grass(0.7), ground.middle((40, 40), 12, 14)

    def found(cover: float) -> Opinion:
        weedy = ground.blend(ground.fixed(gravel=1), min(cover, 1.0), steppe)
        canvas = ground.Canvas(steppe, [(inside, used_by(ground, (DONE, weedy))(steppe))], shape=(40, 40))
        clear = ground.Weather(seed, lost=0, cloud=0, rain=0)
        return not_reclaimed(ground.series(canvas, inside, looks_of(ground, range(2021, 2025)), clear), permit())

    thin, thick = found(first), found(first + more)
    assert thick.stands <= thin.stands
    assert thick.measures["open_m2"] <= thin.measures["open_m2"] + 300  # three pixels of noise


def test_without_any_summer_look_it_is_not_observed(ground: ModuleType) -> None:
    steppe, inside = ground.grass(0.7), ground.middle((40, 40), 12, 14)
    canvas = ground.Canvas(steppe, [(inside, used_by(ground)(steppe))], shape=(40, 40))
    found = not_reclaimed(ground.series(canvas, inside, [dt.date(2024, 3, 1)], ground.Weather(lost=0)), permit())
    assert not found.stands
    assert found.unsure
    assert "未能判断" in found.remarks[0].zh
    none = ground.series(canvas, inside, [], ground.Weather())
    assert not not_reclaimed(none, permit()).stands


@SEEDS
def test_one_bare_summer_alone_stands_unsure(ground: ModuleType, seed: int) -> None:
    steppe, inside = ground.grass(0.7), ground.middle((40, 40), 12, 14)
    canvas = ground.Canvas(steppe, [(inside, used_by(ground)(steppe))], shape=(40, 40))
    days = ground.dates([2024], (6, 20), (8, 1), 10)
    found = not_reclaimed(ground.series(canvas, inside, days, ground.Weather(seed, lost=0)), permit())
    assert found.stands
    assert found.unsure


@SEEDS
def test_without_swir_bare_ground_is_still_found_and_grass_is_not(ground: ModuleType, seed: int) -> None:
    steppe, inside = ground.grass(0.7), ground.middle((40, 40), 12, 14)
    for after, stands in (((), True), (((DONE, ground.grass(0.6)),), False)):
        canvas = ground.Canvas(steppe, [(inside, used_by(ground, *after)(steppe))], shape=(40, 40))
        made = ground.series(canvas, inside, looks_of(ground), ground.Weather(seed))
        four = PatchSeries(**{**vars(made), "values": made.values[:, :4], "bands": made.bands[:4]})
        assert not_reclaimed(four, permit()).stands is stands


@pytest.mark.parametrize(
    ("attributes", "overdue"),
    [
        ({}, True),  # ended 2022-05-31, due 2023-05-31
        ({"expires": "2023-08-05"}, False),  # due on the last day looked at: not yet past
        ({"expires": "2023-08-04"}, True),
        ({"expires": "2024-08-05", "ground": "grassland"}, False),
        ({"expires": "2024-08-04", "ground": "grassland"}, True),  # on grass at its end
        ({"extended": "2023-12-31"}, False),
        ({"approved": "2020-06-01", "expires": "2024-05-31", "project": "transport"}, False),  # four years
        ({"expires": "", "term_months": "24"}, True),
        ({"expires": "", "term_months": "48"}, False),
        ({"expires": ""}, False),
        ({"expires": "2022-13-01"}, False),
        ({"accepted": "2024-08-19"}, False),
        ({"accepted": "2024-08-21"}, True),  # after today
        ({"reclaim_by": "2022-09-30"}, True),
        ({"expires": "2024-02-29", "reclaim_by": "2024-07-01"}, True),
        ({"expires": "2019-06-01"}, False),  # ends before it begins
        ({"expires": "9999-12-31"}, False),
    ],
)
def test_which_permits_are_due_by_their_papers(attributes: dict[str, str], overdue: bool) -> None:
    assert due(permit(**attributes)) is overdue


# --- inside the term -------------------------------------------------------------------------------------------------

IN_TERM = {"approved": "2023-06-01", "expires": "2025-05-31"}
STARTED, RAISED = dt.date(2023, 6, 10), dt.date(2024, 5, 1)
YARD = (slice(14, 26), slice(13, 27))
ROOFS = (slice(16, 22), slice(15, 21))


def in_term(
    ground: ModuleType, now: Any, where: tuple[slice, slice] = ROOFS, since: dt.date = RAISED, site: Site | None = None,
    seed: int = 0, hidden: Callable[[dt.date], tuple[slice, slice] | None] | None = None,
) -> Opinion:  # fmt: skip
    """A gravel yard in its term, and what is put on part of it; what a cloud mask hides on a day."""
    steppe, inside = ground.grass(0.7), ground.box((40, 40), *YARD)
    yard = ground.then(steppe, (STARTED, ground.fixed(gravel=0.6, chestnut_soil=0.4)))
    parts = [(inside, yard), (ground.box((40, 40), *where), ground.then(yard, (since, now)))]
    canvas = ground.Canvas(steppe, parts, shape=(40, 40))
    made = ground.series(canvas, inside, looks_of(ground, range(2022, 2025)), ground.Weather(seed, cloud=0, lost=0))
    for look, day in enumerate(made.days):
        if hidden is not None and (place := hidden(day)) is not None:
            made.values[look][:, ground.box((40, 40), *place)] = np.nan
    return held(made, site or permit(**IN_TERM))


def test_cloud_over_a_roof_on_the_last_look_does_not_hide_it(ground: ModuleType) -> None:
    last = looks_of(ground, range(2022, 2025))[-1]
    found = in_term(ground, ground.fixed(blue_roof=1), hidden=lambda day: ROOFS if day == last else None)
    assert (found.stands, found.unsure) == (True, False)


@pytest.mark.parametrize(
    ("since", "until", "stands"),
    [
        (RAISED, dt.date(2024, 12, 31), True),
        (dt.date(2022, 1, 1), dt.date(2024, 12, 31), False),  # white before the term too
        (RAISED, dt.date(2024, 6, 1), False),  # cloud, on the first looks of the year
    ],
)
def test_what_the_cloud_mask_hides_on_every_clear_day_is_white(
    ground: ModuleType, since: dt.date, until: dt.date, stands: bool
) -> None:
    found = in_term(
        ground, ground.fixed(gravel=0.6, chestnut_soil=0.4),
        hidden=lambda day: ROOFS if since <= day <= until else None,
    )  # fmt: skip
    assert found.stands is stands
    if stands:
        assert found.measures["built_m2"] == 3600


@SEEDS
@pytest.mark.parametrize("roof", [{"blue_roof": 1.0}, {"white_roof": 0.8, "gravel": 0.2}])
def test_roofs_put_on_a_yard_in_its_term_are_told_by_where(
    ground: ModuleType, seed: int, roof: dict[str, float]
) -> None:
    found = in_term(ground, ground.fixed(**roof), seed=seed)
    assert (found.stands, found.unsure, found.change) == (True, False, BUILT_WITHIN)
    roofs = ground.box((40, 40), *ROOFS)
    assert found.where is not None
    assert (found.where & roofs).sum() > 0.8 * roofs.sum()
    assert not (found.where & ~roofs).any()
    assert found.measures["built_m2"] == 100 * found.where.sum()


@pytest.mark.parametrize(
    ("now", "where", "since"),
    [
        ({"gravel": 1}, YARD, STARTED),
        ({"chestnut_soil": 1}, YARD, RAISED),
        ({"fresh_gravel": 1}, YARD, RAISED),
        ({"spoil": 0.8, "rock": 0.2}, YARD, RAISED),
        ({"blue_roof": 1}, ROOFS, dt.date(2020, 1, 1)),  # stood there before
        ({"blue_roof": 1}, (slice(16, 19), slice(15, 18)), RAISED),  # a hut
        ({"blue_roof": 1}, ROOFS, dt.date(2024, 7, 20)),  # one look yet
        ({"blue_roof": 1}, (slice(2, 8), slice(2, 8)), RAISED),  # beside the site
    ],
)
def test_a_yard_in_use_is_in_order(ground: ModuleType, now: dict[str, float], where: Any, since: dt.date) -> None:
    found = in_term(ground, ground.fixed(**now), where, since)
    assert (found.stands, found.unsure) == (False, False)


def test_what_came_after_the_last_day_asked_for_is_left_out(ground: ModuleType) -> None:
    early = replace(permit(**IN_TERM), after=(dt.date(2023, 7, 1), dt.date(2024, 4, 30)))
    assert not in_term(ground, ground.fixed(blue_roof=1), site=early).stands


@pytest.mark.parametrize(("days", "clear"), [(0, True), (2, True), (20, False)])
def test_a_site_in_its_term_that_was_not_seen_is_not_told(ground: ModuleType, days: int, clear: bool) -> None:
    inside, sky = ground.middle((40, 40), 12, 14), ground.Weather(lost=0, cloud=0)
    canvas = ground.Canvas(ground.grass(0.7), [(inside, ground.fixed(gravel=1))], shape=(40, 40))
    made = ground.series(canvas, inside, looks_of(ground, range(2022, 2025))[-days:] if days else [], sky)
    made.values[:, :, inside] *= 1 if clear else np.nan
    found = held(made, permit(**IN_TERM))
    assert (found.stands, found.unsure) == (False, True)


def test_past_its_day_a_yard_without_a_roof_is_a_lead(ground: ModuleType) -> None:
    found = in_term(ground, ground.fixed(gravel=1), site=permit())
    assert found.stands
    assert found.change != BUILT_WITHIN
    assert any("复垦期限" in remark.zh for remark in found.remarks)


@pytest.mark.parametrize(
    ("attributes", "looked"),
    [
        ({}, True),  # overdue
        (IN_TERM, True),
        ({**IN_TERM, "approved": "2024-08-05"}, False),  # on the last day looked at
        ({**IN_TERM, "approved": ""}, False),
        ({**IN_TERM, "expires": ""}, False),  # nobody knows
        ({**IN_TERM, "accepted": "2024-08-19"}, False),
    ],
)
def test_which_permits_are_looked_into(attributes: dict[str, str], looked: bool) -> None:
    assert looked_into(permit(**attributes)) is looked


def test_it_can_not_run_without_permits() -> None:
    assert DETECTOR.layers_required == ("temporary_land_permits",)
    (watch,) = DETECTOR.watches
    assert (watch.kind, watch.due, watch.judge) == ("temporary_land_permits", looked_into, held)

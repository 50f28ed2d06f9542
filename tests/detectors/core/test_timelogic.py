import datetime as dt
import math
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.core.history import PatchSeries
from detectors.core.surroundings import CELL_PX, around, ramp
from detectors.core.timelogic import (
    JULY,
    MAY,
    SUMMER,
    bare_looks,
    barest,
    beside,
    brighter,
    lacking,
    like_moisture,
    median_gap,
    ndti,
    since,
    summers,
    until,
)

SHAPE = (40, 40)


def made(ground: ModuleType, inside: object, around_it: object, days: list[dt.date], **weather: object) -> PatchSeries:
    mask = ground.middle(SHAPE, 12, 12)
    canvas = ground.Canvas(around_it, [(mask, inside)], shape=SHAPE)
    found: PatchSeries = ground.series(canvas, mask, days, ground.Weather(3, **weather))
    return found


def test_gaps_are_of_one_look_and_need_both(ground: ModuleType) -> None:
    days = ground.dates([2023], (6, 20), (8, 8), 10)
    series = made(ground, ground.fixed(gravel=1), ground.grass(0.7), days, lost=0, cloud=0)
    gap = median_gap(series, "ndvi", since(series, None))
    assert gap < -0.25
    blind = series.values.copy()
    blind[:, :, series.inside] = np.nan
    assert math.isnan(median_gap(replace(series, values=blind), "ndvi", since(series, None)))


def test_a_season_of_a_year_counts_its_own_looks_only(ground: ModuleType) -> None:
    days = ground.dates([2022, 2023], (6, 1), (9, 20), 10)
    series = made(ground, ground.fixed(gravel=1), ground.grass(0.7), days, lost=0, cloud=0)
    assert [(one.year, one.looks) for one in summers(series)] == [
        (year, sum(SUMMER.holds(day) and day.year == year for day in days)) for year in (2022, 2023)
    ]
    assert [one.year for one in summers(series, JULY, last=dt.date(2022, 12, 31))] == [2022]
    assert all(0.8 < one.lacking < 1.3 and one.soil > 0.7 for one in summers(series))


def test_a_dry_ring_tells_nothing() -> None:
    assert math.isnan(lacking(-0.1, 0.2))
    assert math.isnan(lacking(-0.1, math.nan))
    assert lacking(-0.4, 0.55) == pytest.approx(1.0)


@given(ring=st.floats(0.28, 0.8), gap=st.floats(-0.6, 0.3), more=st.floats(0, 0.3))
def test_a_greener_patch_never_lacks_more(ring: float, gap: float, more: float) -> None:
    assert lacking(gap + more, ring) <= lacking(gap, ring)


def test_rain_over_both_does_not_brighten_soil(ground: ModuleType) -> None:
    soil, field = ground.fixed(tilled=0.9, chestnut_soil=0.1), ground.field_of("spring wheat")
    days = ground.dates([2022, 2023], (4, 26), (5, 18), 4)
    series = made(ground, soil, field, days, lost=0, cloud=0, rain=1.0)
    first, second = until(series, dt.date(2022, 12, 31)), since(series, dt.date(2023, 1, 1))
    assert abs(brighter(series, "red", second, first)) < 0.1
    alike = like_moisture(series, second, first)
    assert alike.sum() <= second.sum()
    assert not (alike & first).any()
    assert not like_moisture(series, second, np.zeros(len(series.days), bool)).any()


def test_straw_is_not_bare_soil_and_char_is_below_both(ground: ModuleType) -> None:
    days = [dt.date(2023, 5, 5)]
    straw = made(ground, ground.fixed(stubble=1), ground.grass(), days, lost=0, cloud=0, rain=0, variety=0)
    soil = made(ground, ground.fixed(tilled=1), ground.grass(), days, lost=0, cloud=0, rain=0, variety=0)
    char = made(ground, ground.fixed(char=1), ground.grass(), days, lost=0, cloud=0, rain=0, variety=0)
    assert not bare_looks(straw, straw.inside)[0]
    assert bare_looks(soil, soil.inside)[0]
    assert ndti(char, char.inside)[0] < 0 < ndti(soil, soil.inside)[0] < ndti(straw, straw.inside)[0]


def test_the_barest_look_is_found_whatever_was_sown_after(ground: ModuleType) -> None:
    days = ground.dates([2023], (5, 12), (6, 15), 11)
    series = made(ground, ground.field_of(ground.OATS), ground.grass(0.7), days, lost=0, cloud=0)
    assert barest(series, MAY, since(series, None))[2023] > 0.45
    assert barest(series, MAY, np.zeros(len(series.days), bool)) == {}


def test_what_lies_beside_is_the_rings_inner_part(ground: ModuleType) -> None:
    series = made(ground, ground.fixed(gravel=1), ground.grass(), [dt.date(2023, 7, 1)], lost=0)
    near = beside(series)
    assert near.any()
    assert (near & ~series.ring).sum() == 0
    assert near.sum() < 0.6 * series.ring.sum()


def test_surroundings_are_of_nearly_the_same_day_and_blind_to_what_is_not_ground() -> None:
    picture = np.full((96, 96), 0.4, np.float32)
    days = np.full(picture.shape, 738_000, np.int32)
    days[:, 48:] += 20
    picture[:, 48:] = 0.8
    picture[40:50, 40:60] = np.nan
    level = around(picture, np.ones(picture.shape, bool), days)
    assert np.nanmax(np.abs(level[:, :48] - 0.4)) < 1e-6
    assert np.nanmax(np.abs(level[:, 48:] - 0.8)) < 1e-6
    assert np.isnan(around(picture, np.zeros(picture.shape, bool), days)).all()
    assert CELL_PX * 2 <= 64


def test_a_ramp_keeps_what_is_not_known() -> None:
    assert ramp(np.array([0.0, 0.5, 2.0, np.nan], np.float32), 0, 1).tolist()[:3] == [0, 0.5, 1]
    assert np.isnan(ramp(np.array([np.nan], np.float32), 0, 1))[0]

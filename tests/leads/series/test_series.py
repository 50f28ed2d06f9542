import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from aoi.grid import to_crs
from leads.series.change import find_break
from leads.series.history import history_of
from leads.series.innocent import explanations
from leads.series.model import History, Pixels, Sample, Unread
from leads.series.plot import plot
from leads.series.unrestored import left_bare
from leads.series.zonal import ring_of, sample

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
GRASS = (0.04, 0.06, 0.05, 0.30, 0.18, 0.10)
BARE = (0.12, 0.15, 0.19, 0.25, 0.32, 0.28)
GRID = GeoBox((100, 100), Affine(10, 0, 500_000, 0, -10, 5_450_000), "EPSG:32651")


def ground(x0: float, y0: float, x1: float, y1: float) -> shapely.Geometry:
    """A box in metres from the grid's upper left corner, as degrees."""
    return to_crs(box(500_000 + x0, 5_450_000 - y1, 500_000 + x1, 5_450_000 - y0), 32651, 4326)


def pixels(day: dt.date, inside: tuple[float, ...] | None = None, cloud: bool = False) -> Pixels:
    data = np.tile(np.array(GRASS, np.float32)[:, None, None], (1, 100, 100))
    if inside is not None:
        data[:, 40:60, 40:60] = np.array(inside, np.float32)[:, None, None]
    if cloud:
        data[:, 40:60, 40:55] = np.nan
    return Pixels(day, data, BANDS, GRID, (f"s{day:%Y%m%d}",), "sentinel-2")


def test_pixels_on_the_outline_count_by_their_part() -> None:
    look = pixels(dt.date(2024, 7, 1), BARE)
    lead = ground(400, 400, 605, 600)  # a twentieth pixel and a half beyond the bare ground on its eastern side
    found = sample(look, lead, ring_of(lead, 10))
    red = (0.19 * 200 * 200 + 0.05 * 5 * 200) / (205 * 200)
    bright = ((0.12 + 0.15) * 200 + (0.04 + 0.06) * 5) / 205
    assert found.inside["bright"] == pytest.approx((bright + red) / 3, rel=1e-3)
    assert found.ring["ndvi"] == pytest.approx((0.30 - 0.05) / 0.35, abs=1e-6)
    assert (found.seen_inside, found.seen_ring) == (pytest.approx(1), pytest.approx(1))


def test_what_was_not_observed_is_neither_value_nor_zero() -> None:
    look = pixels(dt.date(2024, 7, 1), BARE, cloud=True)
    lead = ground(400, 400, 600, 600)
    found = sample(look, lead, ring_of(lead, 10))
    assert found.seen_inside == pytest.approx(0.25, abs=1e-3)
    assert found.inside["ndvi"] == pytest.approx((0.25 - 0.19) / 0.44, abs=1e-6)


def test_a_ring_keeps_away_from_its_lead_and_from_others() -> None:
    lead, other = ground(400, 400, 600, 600), ground(620, 400, 700, 600)
    ring = to_crs(ring_of(lead, 10, other), 4326, 32651)
    metres = [to_crs(one, 4326, 32651) for one in (lead, other)]
    assert ring.distance(metres[0]) == pytest.approx(20, abs=0.1)
    assert ring.distance(metres[1]) == pytest.approx(20, abs=0.1)
    assert ring.area > 40_000


def test_bands_that_are_missing_and_dn_give_no_index() -> None:
    look = pixels(dt.date(2024, 7, 1))
    look.data[4:] = np.nan
    lead = ground(400, 400, 600, 600)
    assert set(sample(look, lead, ring_of(lead, 10)).inside) == {"ndvi", "bright"}
    dn = Pixels(look.day, look.data, BANDS, GRID, (), "unknown", reflectance=False)
    assert sample(dn, lead, ring_of(lead, 10)).inside == {}


def season(day: dt.date) -> float:
    return 0.5 + 0.3 * math.cos((day.timetuple().tm_yday - 200) / 365 * 2 * math.pi)


def looks(
    days: list[dt.date], broken: dt.date | None, step: float = -0.35, drought: dict[int, float] | None = None,
    noise: float = 0.01, seed: int = 0, back: dt.date | None = None,
) -> tuple[Sample, ...]:  # fmt: skip
    rng = np.random.default_rng(seed)
    made = []
    for day in days:
        common = season(day) + (drought or {}).get(day.year, 0.0)
        moved = step if broken and day >= broken and not (back and day >= back) else 0.0
        inside = {"ndvi": common + moved + rng.normal(0, noise), "bright": 0.1}
        made.append(Sample(day, (), "s2", inside, {"ndvi": common + rng.normal(0, noise), "bright": 0.1}, 1.0, 1.0))
    return tuple(made)


def every(days: int, first: dt.date = dt.date(2020, 5, 20), last: dt.date = dt.date(2024, 9, 30)) -> list[dt.date]:
    """Looks of the growing season only, as the steppe has them."""
    found, day = [], first
    while day <= last:
        if dt.date(day.year, 5, 15) <= day <= dt.date(day.year, 9, 30):
            found.append(day)
        day += dt.timedelta(days)
    return found


@settings(max_examples=15, deadline=None)
@given(
    apart=st.integers(8, 40),
    at=st.integers(150, 1250),
    seed=st.integers(0, 999),
    step=st.sampled_from([-0.35, -0.2, 0.25]),
)
def test_the_interval_holds_the_day_on_which_it_broke(apart: int, at: int, seed: int, step: float) -> None:
    days = every(apart)
    broken = days[0] + dt.timedelta(at)
    if sum(day < broken for day in days) < 3 or sum(day >= broken for day in days) < 2:
        return
    found, why = find_break(looks(days, broken, step, {2022: -0.15}, seed=seed))
    if found is None:  # a break between seasons may leave no look of like season on one side: said, never invented
        assert why[0]
        return
    assert found.last_before < broken <= found.first_after
    assert found.step == pytest.approx(step, abs=0.06)
    # a look of a season that was seen once or twice before may be held against the wrong level: 7 of 6,000 such series
    assert found.stays >= 0.75


@settings(max_examples=15, deadline=None)
@given(apart=st.integers(8, 60), seed=st.integers(0, 999), dry=st.sampled_from([0.0, -0.2]))
def test_season_and_drought_alone_are_no_break(apart: int, seed: int, dry: float) -> None:
    found, why = find_break(looks(every(apart), None, drought={2022: dry, 2023: dry / 2}, noise=0.012, seed=seed))
    assert found is None
    assert why[0]
    assert why[1]


def test_two_looks_are_too_few_and_it_says_so() -> None:
    found, why = find_break(looks([dt.date(2016, 12, 1), dt.date(2018, 3, 1)], dt.date(2017, 1, 1)))
    assert found is None
    assert "仅 2 次" in why[0]


def test_a_plain_step_with_too_few_looks_on_one_side_is_told_as_that() -> None:
    """Not as "nothing beyond the noise": the plot shows the step to whoever reads it."""
    days = [dt.date(2023, 7, 17), dt.date(2023, 8, 1), *(dt.date(2024, 7, day) for day in (5, 15, 25))]
    found, why = find_break(looks(days, dt.date(2024, 1, 1)))
    assert found is None
    assert "可见明显变化，但其前可用观测 2 次（至少需 3 次）" in why[0]
    assert "2 usable looks before it" in why[1]
    found, why = find_break(looks(days, None))
    assert found is None
    assert "no lasting step" in why[1]


def test_one_odd_look_is_no_break() -> None:
    days = every(16)
    samples = list(looks(days, None))
    odd = samples[20]
    samples[20] = Sample(odd.day, (), "s2", {"ndvi": odd.inside["ndvi"] - 0.5}, odd.ring, 1, 1)
    assert find_break(samples)[0] is None


def test_what_came_back_is_said() -> None:
    days = every(16)
    found, _ = find_break(looks(days, dt.date(2022, 6, 1), back=dt.date(2023, 8, 20)))
    assert found is not None
    assert found.first_after < dt.date(2022, 7, 1)
    assert found.stays < 0.8


def test_a_history_counts_what_it_did_not_use() -> None:
    lead = ground(400, 400, 600, 600)
    before = [pixels(dt.date(2023, 7, day)) for day in (1, 11, 21)]
    after = [pixels(dt.date(2024, 7, day), BARE) for day in (2, 12)]
    cloudy = pixels(dt.date(2024, 6, 1), BARE, cloud=True)
    history = history_of(lead, [*after, cloudy, Unread(dt.date(2024, 8, 1), "damaged"), *before], 10)
    assert [one.day for one in history.samples] == sorted(one.day for one in before + after)
    assert history.passed_over == 1
    assert history.unread[0].reason == "damaged"
    assert history.found is not None
    assert (history.found.last_before, history.found.first_after) == (dt.date(2023, 7, 21), dt.date(2024, 7, 2))


def verdicts(samples: tuple[Sample, ...], last: dt.date, first: dt.date, change: str = "") -> dict[str, str]:
    found, why = find_break(samples)
    history = History(samples, box(0, 0, 1, 1), found, why)
    return {one.name_zh: one.verdict for one in explanations(history, last, first, change)}


def test_innocent_explanations_follow_the_ring() -> None:
    days = every(16)
    last, first = dt.date(2022, 6, 1), dt.date(2022, 7, 1)
    alone = verdicts(looks(days, dt.date(2022, 6, 15)), last, first)
    assert alone["季节物候"] == "against"
    assert alone["干旱（区域性）"] == "against"
    assert alone["打草、收割"] == "against"
    assert alone["水位涨落"] == "open"  # no SWIR in these looks
    region = looks(days, None, drought={2022: -0.3, 2023: -0.3, 2024: -0.3})
    dry = verdicts(region, last, first)
    assert dry["季节物候"] == "possible"
    assert dry["干旱（区域性）"] == "possible"
    assert verdicts(looks(days, dt.date(2022, 6, 15)), last, first, "过火迹地")["过火"] == "possible"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [(-0.5, -0.1, "possible"), (-0.5, -0.3, "against"), (-0.15, -0.1, "against"), (-0.3, 0.2, "possible")],
)
def test_ground_that_may_have_become_water_in_part_is_not_called_dry(before: float, after: float, verdict: str) -> None:
    broken = dt.date(2022, 6, 15)
    wet = tuple(
        replace(
            one,
            inside=one.inside | {"mndwi": after if one.day >= broken else before},
            ring=one.ring | {"mndwi": -0.5},
        )
        for one in looks(every(16), broken)
    )
    assert verdicts(wet, dt.date(2022, 6, 1), dt.date(2022, 7, 1))["水位涨落"] == verdict


def left(inside: float, ring: float, months: tuple[int, ...] = (6, 7, 8)) -> History:
    samples = tuple(
        Sample(dt.date(year, month, 15), (), "s2", {"ndvi": inside}, {"ndvi": ring}, 1.0, 1.0)
        for year in (2020, 2022, 2023)
        for month in months
    )
    return History(samples, box(0, 0, 1, 1), None, ("没有突变", "none"))


@pytest.mark.parametrize(
    ("history", "season", "drought", "mowing"),
    [
        (left(0.12, 0.45), "against", "against", "against"),
        (left(0.44, 0.45), "possible", "possible", "open"),  # as green as what lies around it
        (left(0.05, 0.15), "against", "possible", "against"),  # nothing is green
        (left(0.12, 0.45, (4, 10)), "open", "open", "open"),  # no look in summer
    ],
)
def test_what_was_left_bare_is_held_against_the_summers_after_its_term(
    history: History, season: str, drought: str, mowing: str
) -> None:
    found = left_bare(history, dt.date(2021, 1, 1), dt.date(2023, 6, 15))
    told = {one.name_zh: one.verdict for one in found}
    assert (told["季节物候"], told["干旱（区域性）"], told["打草、收割"]) == (season, drought, mowing)
    assert list(told) == [one.name_zh for one in explanations(history, dt.date(2021, 1, 1), dt.date(2023, 6, 15))]
    if season != "open":
        assert "期限之后 6 次" in found[0].shown_zh  # those of 2020 lie before it


def test_without_an_archive_nothing_is_tested_and_that_is_said() -> None:
    found = explanations(None, dt.date(2022, 6, 1), dt.date(2022, 7, 1))
    assert found == left_bare(None, dt.date(2022, 6, 1), dt.date(2022, 7, 1))
    assert {one.verdict for one in found} == {"open"}
    assert all("未提供影像档案" in one.shown_zh for one in found)


def test_the_plot_is_a_picture_and_the_same_twice() -> None:
    samples = looks(every(16), dt.date(2022, 6, 15))
    found, why = find_break(samples)
    history = History(samples, box(0, 0, 1, 1), found, why)
    once = plot(history, dt.date(2022, 6, 1), dt.date(2022, 7, 1))
    assert once.startswith(b"\x89PNG")
    assert once == plot(history, dt.date(2022, 6, 1), dt.date(2022, 7, 1))
    alone = History(samples[:1], box(0, 0, 1, 1), None, ("", ""))
    assert plot(alone, dt.date(2022, 6, 1), dt.date(2022, 7, 1)).startswith(b"\x89PNG")

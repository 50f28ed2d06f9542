"""Outlines cut where the images say, from the looks that were read for the judge."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from aoi.area import geodesic_area_m2
from aoi.grid import to_crs
from detectors.core.history import PatchSeries
from leads.area import lead_interval
from leads.model import Patch
from pipelines.outlined import before_and_since, outlined

EPSG = 32650
BOX = GeoBox((80, 80), Affine(10, 0, 500_000, 0, -10, 5_400_800), f"EPSG:{EPSG}")
DAYS = tuple(dt.date(year, *day) for year in (2022, 2023, 2024) for day in ((5, 12), (7, 14), (8, 5)))


def series(first: dt.date = dt.date(2024, 5, 12), pixel_m: float = 10.0) -> tuple[PatchSeries, np.ndarray]:
    """Three years of a place; since the first day a square of 20 pixels is bright, of which the left half was found."""
    rng = np.random.default_rng(1)
    values = (0.1 + 0.01 * rng.normal(size=(len(DAYS), 4, 80, 80))).astype(np.float32)
    square = np.zeros((80, 80), np.bool_)
    square[30:50, 30:50] = True
    for at, day in enumerate(DAYS):
        if day >= first:
            values[at, :, square] += 0.15
    inside = square.copy()
    inside[:, 40:] = False
    y, x = np.mgrid[:80, :80]
    ring = (np.maximum(abs(y - 40), abs(x - 40)) > 14) & (np.maximum(abs(y - 40), abs(x - 40)) < 30)
    before = max(day for day in DAYS if day < first)
    bands = ("blue", "green", "red", "nir")
    return PatchSeries(values, bands, DAYS, inside, ring, pixel_m, before, first), square


def patch(clipped: bool = False) -> Patch:
    half = to_crs(BOX[30:50, 30:40].extent.geom, EPSG, 4326)
    area = geodesic_area_m2(half)
    return Patch("mine", half, 0.9, 0.8, 1, area, *lead_interval(half, 10.0, 0.8), 10.0, clipped)


def test_half_of_a_square_becomes_the_square() -> None:
    looks, square = series()
    found = outlined(patch(), looks, BOX)
    true = geodesic_area_m2(to_crs(BOX[30:50, 30:50].extent.geom, EPSG, 4326))
    assert found.area_m2 == pytest.approx(true, rel=0.06)
    assert found.area_low_m2 < true < found.area_high_m2
    assert found.geometry.is_valid
    assert found.geometry.geom_type == "Polygon"
    assert (found.score_mean, found.transition, found.detector) == (0.8, 1, "mine")
    assert square.sum() == 400
    assert found.cut is not None
    assert found.cut.apart_px == pytest.approx(-2.5, abs=0.2)


def test_an_outline_that_score_and_images_agree_on_is_trusted_more() -> None:
    looks, square = series()
    ground = to_crs(BOX[30:50, 30:50].extent.geom, EPSG, 4326)
    area = geodesic_area_m2(ground)
    whole = replace(patch(), geometry=ground, area_m2=area)
    agreed = outlined(whole, replace(looks, inside=square), BOX)
    half = outlined(patch(), looks, BOX)
    assert agreed.cut is not None
    assert half.cut is not None
    assert agreed.cut.doubt_px < 0.4 < half.cut.doubt_px
    assert agreed.area_low_m2 < area < agreed.area_high_m2
    assert agreed.area_high_m2 - agreed.area_low_m2 < half.area_high_m2 - half.area_low_m2
    assert patch().cut is None


def test_it_stays_as_it_was_where_nothing_can_be_told() -> None:
    looks, _ = series()
    coarse, _ = series(pixel_m=20.0)
    blind = PatchSeries(
        looks.values[:0], looks.bands, (), looks.inside, looks.ring, 10.0, looks.last_before, looks.first_seen
    )
    one = patch()
    assert outlined(one, coarse, BOX) is one
    assert outlined(one, blind, BOX) is one
    assert outlined(patch(clipped=True), looks, BOX).area_m2 == one.area_m2


def test_images_are_of_high_summer_on_both_sides_where_there_are_any() -> None:
    looks, _ = series()
    found = before_and_since(looks)
    assert found is not None
    summers = [at for at, day in enumerate(DAYS) if day.month in (7, 8)]
    np.testing.assert_allclose(
        found[0], np.median(looks.values[[at for at in summers if DAYS[at].year == 2023]], axis=0)
    )
    np.testing.assert_allclose(
        found[1], np.median(looks.values[[at for at in summers if DAYS[at].year == 2024]], axis=0)
    )


def test_else_looks_of_like_days_are_compared() -> None:
    looks, _ = series()
    may = [at for at, day in enumerate(DAYS) if day.month == 5]
    spring = PatchSeries(
        looks.values[may], looks.bands, tuple(DAYS[at] for at in may), looks.inside, looks.ring, 10.0,
        dt.date(2023, 5, 12), looks.first_seen,
    )  # fmt: skip
    found = before_and_since(spring)
    assert found is not None
    np.testing.assert_allclose(found[1], looks.values[may[-1]])

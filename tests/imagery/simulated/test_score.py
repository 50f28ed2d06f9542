import datetime as dt
import math

import pytest
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from imagery.simulated.score import match
from imagery.simulated.truth import Planted, Truth

DAY = dt.date(2024, 5, 1)
METRE = 1 / 111_200  # degree of latitude


def _square(east_m: float, north_m: float, width_m: float = 100, height_m: float = 100) -> BaseGeometry:
    lon, lat = METRE / math.cos(math.radians(49)), METRE
    return box(120 + east_m * lon, 49 + north_m * lat, 120 + (east_m + width_m) * lon, 49 + (north_m + height_m) * lat)


def _planted(name: str, shape: BaseGeometry, *detectors: str, label: str = "planted") -> Planted:
    return Planted(name, "pit", label, detectors, shape, DAY, DAY, geodesic_area_m2(shape), 1.0)


def _truth(*items: Planted) -> Truth:
    planted = tuple(item for item in items if item.label == "planted")
    return Truth(0, _square(-5e3, -5e3, 1e4, 1e4), planted, tuple(i for i in items if i.label == "decoy"), ())


def test_a_lead_on_its_change_is_a_hit_and_the_rest_are_counted() -> None:
    truth = _truth(_planted("a", _square(0, 0), "mine"), _planted("b", _square(500, 0), "mine"))
    table = match([("mine", _square(10, 0)), ("mine", _square(0, 900)), ("other", _square(500, 0))], truth, "mine")
    assert [(hit.lead, hit.planted) for hit in table.hits] == [(0, "a")]
    assert table.hits[0].iou == pytest.approx(90 / 110, abs=0.01)
    assert table.misses == ("b",)
    assert [lead.lead for lead in table.false_leads] == [1]
    assert (table.precision, table.recall, table.f1) == (0.5, 0.5, 0.5)


def test_as_many_as_possible_are_matched_where_greed_would_lose_one() -> None:
    # the first lead fits "a" best, but only it fits "b" as well
    truth = _truth(_planted("a", _square(0, 0, 200), "mine"), _planted("b", _square(200, 0, 120), "mine"))
    leads = [("mine", _square(40, 0, 260)), ("mine", _square(0, 0, 120))]
    table = match(leads, truth, "mine")
    assert {(hit.lead, hit.planted) for hit in table.hits} == {(0, "b"), (1, "a")}


def test_a_second_lead_on_the_same_change_is_false() -> None:
    truth = _truth(_planted("a", _square(0, 0), "mine"))
    table = match([("mine", _square(0, 0)), ("mine", _square(5, 5))], truth, "mine")
    assert len(table.hits) == 1
    assert table.hits[0].lead == 0
    assert table.false_leads[0].planted == "a"


def test_a_lead_on_a_decoy_is_false_and_says_which() -> None:
    truth = _truth(_planted("burn-1", _square(0, 0), label="decoy"), _planted("quiet", _square(0, 500), label="decoy"))
    table = match([("mine", _square(0, 0))], truth, "mine")
    assert table.precision == 0
    assert table.decoys_raised == ("burn-1",)


def test_a_change_of_another_model_is_no_truth_for_this_one() -> None:
    truth = _truth(_planted("road", _square(0, 0), "land_disturbance"))
    table = match([("mine", _square(0, 0))], truth, "mine")
    assert table.false_leads[0].planted == "road"
    assert table.misses == ()
    assert match([("land_disturbance", _square(0, 0))], truth, "land_disturbance").recall == 1


def test_what_is_too_small_is_left_aside() -> None:
    tiny = _square(0, 0, 30, 30)
    truth = _truth(_planted("tiny", tiny, "mine"), _planted("a", _square(300, 0), "mine"))
    leads = [("mine", tiny), ("mine", _square(-10, -10, 46, 46)), ("mine", _square(300, 0))]
    table = match(leads, truth, "mine")
    assert table.aside == (0,)
    assert (table.precision, table.recall) == (0.5, 1)
    assert match([("mine", _square(0, 0, 30, 55))], truth, "mine", min_area_m2=1_500).aside == (0,)


def test_too_little_overlap_is_no_match() -> None:
    truth = _truth(_planted("a", _square(0, 0), "mine"))
    table = match([("mine", _square(70, 0))], truth, "mine")
    assert table.hits == ()
    assert (table.misses, table.false_leads[0].planted) == (("a",), "a")


def test_nothing_to_count_is_not_a_number() -> None:
    table = match([], _truth(), "mine")
    assert math.isnan(table.precision)
    assert math.isnan(table.recall)
    assert math.isnan(table.f1)

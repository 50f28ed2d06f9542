"""When pieces of a road are one lead."""

import datetime as dt
import itertools
from collections.abc import Sequence

import pytest
import shapely

from aoi.area import geodesic_area_m2
from aoi.grid import to_crs
from detectors.core.registry import choose
from leads.model import Patch
from pipelines.dating import Sighting
from pipelines.judged import Account, Dated
from pipelines.lines import one_lead_a_line

(ROADS, MINES) = choose(("land_disturbance", "mine"))
EPSG, EAST, NORTH = 32650, 400_000.0, 5_450_000.0
EARLY, LATE = dt.date(2024, 6, 3), dt.date(2024, 7, 8)


def strip(start_m: float, length_m: float, *, width_m: float = 12.0, turned: float = 0.0, aside_m: float = 0.0,
          detector: object = ROADS, seen: dt.date = LATE, score: float = 0.8) -> Dated:  # fmt: skip
    """A piece of a line that runs east, turned about its own middle by so many degrees."""
    box = shapely.box(EAST + start_m, NORTH + aside_m, EAST + start_m + length_m, NORTH + aside_m + width_m)
    plane = shapely.affinity.rotate(box, turned)
    ground = to_crs(plane, EPSG, 4326)
    area = geodesic_area_m2(ground)
    patch = Patch(detector.id, ground, score, score, 1, area, 0.8 * area, 1.2 * area, 10.0)
    return Dated(detector, patch, Sighting(dt.date(2024, 5, 30), seen, (seen,), 2))


def area_of(found: Sequence[Dated]) -> float:
    return sum(one.patch.area_m2 for one in found)


def test_three_pieces_of_a_road_are_one_lead_with_the_ground_between() -> None:
    pieces = [strip(0, 200), strip(280, 150), strip(500, 300, seen=EARLY, score=0.9)]
    account = Account()
    (road,) = one_lead_a_line(pieces, account)
    assert road.patch.geometry.geom_type == "Polygon"
    assert road.patch.geometry.is_valid
    assert road.patch.area_m2 == pytest.approx(800 * 12, rel=0.02)
    assert road.patch.area_low_m2 < road.patch.area_m2 < road.patch.area_high_m2
    assert min(0.8, 0.9) < road.patch.score_mean < 0.9
    assert road.patch.score_max == 0.9
    assert (road.sighting.first_seen, road.sighting.dates_seen) == (EARLY, (EARLY, LATE))
    assert account.merged == {ROADS.id: 2}


def test_the_order_of_the_pieces_does_not_matter() -> None:
    pieces = [strip(0, 200), strip(280, 150), strip(500, 300), strip(0, 100, aside_m=900)]
    grounds = {
        frozenset(one.patch.geometry.normalize().wkb for one in one_lead_a_line(list(order), Account()))
        for order in itertools.permutations(pieces)
    }
    assert len(grounds) == 1


@pytest.mark.parametrize(
    "other",
    [
        strip(400, 200),  # too far
        strip(250, 200, turned=60),  # across
        strip(20, 200, aside_m=60),  # side by side: two tracks, or two banks
        strip(250, 200, aside_m=130),  # aside
        strip(250, 25),  # no direction of its own
        strip(250, 400, width_m=100),  # a field
        strip(250, 200, detector=MINES),  # another model's
    ],
)
def test_what_does_not_go_on_stays_apart(other: Dated) -> None:
    first, account = strip(0, 200), Account()
    assert one_lead_a_line([first, other], account) == [first, other]
    assert not account.merged


def test_pieces_that_bend_a_little_are_joined() -> None:
    bend = [strip(0, 200), strip(230, 200, turned=15, aside_m=25)]
    (road,) = one_lead_a_line(bend, Account())
    assert road.patch.area_m2 > area_of(bend)


def test_nothing_and_ground_that_is_no_strip_are_left_alone() -> None:
    assert one_lead_a_line([], Account()) == []
    sites = [strip(0, 100, width_m=90), strip(120, 100, width_m=90)]
    assert one_lead_a_line(sites, Account()) == sites

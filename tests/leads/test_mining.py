import datetime as dt

import pytest
import shapely

from leads.mining import mine_answers
from leads.model import Crossing, Finding, Patch
from leads.standing import Cover

ALL = ("mining_rights", "land_approvals", "restoration_plans")
TODAY = dt.date(2025, 1, 1)
VALID = {"valid_from": "2011-05-01", "valid_to": "2031-05-01"}


def finding(*crossings: Crossing) -> Finding:
    patch = Patch("mine", shapely.box(120, 49, 120.01, 49.01), 0.9, 0.8, 1, 1000.0, 900.0, 1100.0, 10.0)
    return Finding(patch, dt.date(2018, 3, 9), dt.date(2018, 6, 9), (), 1, crossings)


def right(area_m2: float, name: str = "C1", **dates: str) -> Crossing:
    return Crossing("mining_rights", name, "", area_m2, dates or VALID)


def test_inside_a_licence_and_without_land_approval() -> None:
    answers = mine_answers(finding(right(1000.0)), ALL, TODAY)
    assert (answers.licence.cover, answers.land_approval.cover, answers.restoration.cover) == (
        Cover.YES,
        Cover.NO,
        Cover.NO,
    )
    assert (answers.licence.features, answers.licence.covered_m2) == (("C1",), 1000.0)


def test_a_layer_that_nobody_gave_leaves_its_answer_open() -> None:
    answers = mine_answers(finding(right(1000.0)), ("mining_rights",), TODAY)
    assert (answers.land_approval.cover, answers.restoration.cover) == (Cover.UNKNOWN, Cover.UNKNOWN)
    assert answers.land_approval.notes[0].en == "layer not given"


@pytest.mark.parametrize(
    ("inside", "cover"),
    [(985.0, Cover.YES), (979.0, Cover.PARTLY), (400.0, Cover.PARTLY), (15.0, Cover.NO), (0.0, Cover.NO)],
)
def test_beyond_the_licence(inside: float, cover: Cover) -> None:
    answer = mine_answers(finding(*([right(inside)] if inside else [])), ALL, TODAY).licence
    assert (answer.cover, answer.covered_m2) == (cover, inside)


@pytest.mark.parametrize(
    ("dates", "cover"),
    [
        ({"valid_from": "2018-03-10", "valid_to": "2018-06-09"}, Cover.YES),  # exactly the days of the conduct
        ({"valid_from": "2018-03-11", "valid_to": "2030-01-01"}, Cover.UNKNOWN),  # begins inside them
        ({"valid_from": "2011-05-01", "valid_to": "2018-06-08"}, Cover.UNKNOWN),  # ends inside them
        ({"valid_from": "2011-05-01", "valid_to": "2018-03-10"}, Cover.UNKNOWN),  # ends on their first
        ({"valid_from": "2018-06-09", "valid_to": "2030-01-01"}, Cover.UNKNOWN),  # begins on their last
        ({"valid_from": "2011-05-01", "valid_to": "2018-03-09"}, Cover.NO),  # had expired
        ({"valid_from": "2018-06-10", "valid_to": "2030-01-01"}, Cover.NO),  # came too late
        ({"valid_from": "2011-05-01"}, Cover.UNKNOWN),
        ({"valid_to": "2030-01-01"}, Cover.UNKNOWN),
        ({"valid_from": "2011-05-01", "valid_to": "31/12/20"}, Cover.UNKNOWN),
        ({"valid_from": "2011-05-01", "valid_to": "长期"}, Cover.YES),
        ({**VALID, "closed": "2017-01-01"}, Cover.NO),
        ({**VALID, "state": "cancelled"}, Cover.UNKNOWN),
        ({**VALID, "stage": "exploration"}, Cover.UNKNOWN),
    ],
)
def test_a_licence_counts_on_the_days_of_the_conduct(dates: dict[str, str], cover: Cover) -> None:
    answer = mine_answers(finding(right(1000.0, **dates)), ALL, TODAY).licence
    assert answer.cover == cover
    if cover != Cover.YES:
        assert answer.notes


def test_an_approval_without_end_is_for_good_and_one_that_came_later_is_none() -> None:
    def approval(**dates: str) -> Cover:
        crossing = Crossing("land_approvals", "A", "", 1000.0, dates)
        return mine_answers(finding(crossing), ALL, TODAY).land_approval.cover

    assert approval(approved="2012-01-01") == Cover.YES
    assert approval(approved="2019-01-01") == Cover.NO
    assert approval() == Cover.UNKNOWN


@pytest.mark.parametrize(
    ("dates", "cover"),
    [
        ({"restore_by": "2025-01-01"}, Cover.YES),
        ({"restore_by": "2024-12-31"}, Cover.NO),
        ({"restore_by": "2024-12-31", "accepted": "2024-06-01"}, Cover.YES),
        ({}, Cover.UNKNOWN),
    ],
)
def test_a_plan_past_its_day_is_no_restoration(dates: dict[str, str], cover: Cover) -> None:
    crossing = Crossing("restoration_plans", "F", "", 1000.0, dates)
    assert mine_answers(finding(crossing), ALL, TODAY).restoration.cover == cover

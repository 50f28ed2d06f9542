"""Look again: which sites, and what of them is restored."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from case_leads import looked
from store_sites import look, rect

from detectors.core.history import SIX, PatchSeries
from detectors.core.recovery import Duty
from leads.area import MU_M2
from leads.cases.book import CaseBook, Step
from leads.cases.lookback import Recovery, Why, duty_of, facts, record, recovered, report_of, sites_due
from leads.cases.recovery import SOWN_UNKNOWN

GRASS = (0.04, 0.07, 0.06, 0.32, 0.18, 0.10)
BARE = (0.12, 0.16, 0.20, 0.25, 0.33, 0.29)
DUE = dt.date(2024, 12, 31)
DUTY = Duty(DUE, dt.date(2022, 6, 1))
LAST = dt.date(2026, 9, 1)


def series(*looks: tuple[str, str]) -> PatchSeries:
    """A site of 10 × 10 pixels in grass; each look says what its ten columns are: g, b, or . for not observed."""
    values = np.empty((len(looks), 6, 30, 30), np.float32)
    inside = np.zeros((30, 30), np.bool_)
    inside[10:20, 10:20] = True
    for place, (_, columns) in enumerate(looks):
        values[place] = np.array(GRASS, np.float32)[:, None, None]
        for column, what in enumerate(columns):
            colour = {"g": GRASS, "b": BARE, ".": (np.nan,) * 6}[what]
            values[place, :, 10:20, 10 + column] = np.array(colour, np.float32)[:, None]
    ring = ~inside
    ring[8:22, 8:22] = False
    days = tuple(dt.date.fromisoformat(day) for day, _ in looks)
    return PatchSeries(values, SIX, days, inside, ring, 10.0, dt.date(2021, 8, 1), dt.date(2022, 7, 1))


BEFORE = [("2021-07-05", "g" * 10), ("2022-07-05", "b" * 10), ("2023-07-05", "b" * 10), ("2024-07-05", "b" * 10)]


@pytest.mark.parametrize(
    ("after", "restored", "remaining", "unseen"),
    [
        ([("2025-07-05", "b" * 10), ("2026-07-05", "b" * 10)], 0, 100, 0),
        ([("2025-07-05", "g" * 10), ("2026-07-05", "g" * 10)], 100, 0, 0),
        ([("2025-07-05", "b" * 10), ("2026-07-05", "gggggbbbbb")], 50, 50, 0),
        ([("2025-07-05", "b" * 10), ("2026-07-05", "gggggbbb..")], 50, 30, 20),
        ([("2026-07-05", "g" * 10)], 100, 0, 0),  # one summer speaks for itself
        ([("2025-07-05", "g" * 10), ("2026-07-05", "b" * 10)], 0, 100, 0),  # green once, dug again
        ([("2026-07-05", "gggb......")], 0, 0, 100),  # less than half of it seen: nothing is verified
        ([("2025-10-05", "g" * 10)], 0, 0, 100),  # no summer
        ([], 0, 0, 100),  # the last bare summer was before the deadline
    ],
)
def test_restored_left_and_not_seen_are_apart_and_add_up(after, restored, remaining, unseen):
    found = recovered(series(*BEFORE, *after), DUTY, LAST)
    assert [found.restored_m2 / 100, found.remaining_m2 / 100, found.unobserved_m2 / 100] == pytest.approx(
        [restored, remaining, unseen]
    )
    assert found.observed_share == pytest.approx(1 - unseen / 100)
    assert found.remarks


def test_areas_are_those_of_the_outline_and_looks_later_than_asked_are_left_out():
    both = series(*BEFORE, ("2025-07-05", "b" * 10), ("2026-07-05", "g" * 10))
    found = recovered(both, DUTY, dt.date(2025, 12, 31), area_m2=9_000.0)
    assert (found.day, found.remaining_m2, found.restored_m2) == (dt.date(2025, 7, 5), pytest.approx(9_000), 0)


def test_what_was_sown_for_the_inspection_is_not_restored_and_a_missing_spring_is_told():
    green = [("2025-07-05", "b" * 10), ("2026-07-05", "g" * 10)]
    without = recovered(series(*BEFORE, *green), DUTY, LAST)
    assert any("不能排除为当年播种" in remark.zh for remark in without.remarks)
    sown = recovered(series(*BEFORE, green[0], ("2026-05-25", "b" * 10), green[1]), DUTY, LAST)
    assert sown.remaining_m2 / 100 == pytest.approx(100)
    sward = recovered(series(*BEFORE, green[0], ("2026-05-25", "g" * 10), green[1]), DUTY, LAST)
    assert sward.restored_m2 / 100 == pytest.approx(100)
    assert SOWN_UNKNOWN not in sward.remarks


def test_ground_that_was_bare_before_its_use_is_no_fault_of_it():
    rock = [("2021-07-05", "bbgggggggg"), *BEFORE[1:]]
    found = recovered(series(*rock, ("2025-07-05", "b" * 10), ("2026-07-05", "b" * 10)), DUTY, LAST)
    assert found.remaining_m2 / 100 == pytest.approx(80)


# --- which sites ------------------------------------------------------------------------------------------------------

PENALISED = {"known_st": "unrestored", "known_note": "与已知图斑 A1 重叠 90%，处罚决定 X，期限 2025-10-31，未履行"}
TODAY = dt.date(2026, 8, 1)


def sited(store):
    sites = {rect(0, 0): ("陈巴尔虎旗", {}), rect(3, 0): ("陈巴尔虎旗", PENALISED), rect(6, 0): ("陈巴尔虎旗", {})}
    store.night("run", "steppe", [looked(1, sites)], (), ())
    first, penalised, _ = sorted(store.leads(), key=lambda lead: lead.geometry.bounds)
    book = CaseBook(store)
    case, _ = book.open([first.id], "某案", "王检", dt.date(2026, 3, 2))
    book.move(case.id, Step("filed", "王检", dt.date(2026, 3, 2)))
    book.move(case.id, Step("recommendation", "王检", dt.date(2026, 3, 10)))
    return book, case, first, penalised


def test_sites_are_due_after_a_recommendation_and_after_a_penaltys_deadline(store):
    book, case, first, penalised = sited(store)
    assert [one.lead.id for one in sites_due(store, dt.date(2026, 5, 10))] == [penalised.id]  # its last day
    due = {one.lead.id: one for one in sites_due(store, TODAY)}
    assert {key: (one.why, one.deadline, one.case_id) for key, one in due.items()} == {
        first.id: (Why.RECOMMENDATION, dt.date(2026, 5, 10), case.id),
        penalised.id: (Why.PENALTY, dt.date(2025, 10, 31), ""),
    }
    blind = Recovery(dt.date(2026, 7, 20), 0.0, 0.0, 900.0)
    seen = Recovery(dt.date(2026, 7, 20), 300.0, 600.0, 0.0)
    record(store, penalised.id, blind, "look-1")  # a look that saw nothing leaves it due
    record(store, first.id, seen, "look-1")
    assert [one.lead.id for one in sites_due(store, TODAY)] == [penalised.id]
    assert first.id in [one.lead.id for one in sites_due(store, dt.date(2026, 8, 19))]
    book.move(case.id, Step("closed", "王检", dt.date(2026, 8, 1)))
    assert [one.lead.id for one in sites_due(store, dt.date(2026, 9, 30))] == [penalised.id]


def test_a_site_that_became_part_of_another_is_followed_as_that_one(store):
    book, *_ = sited(store)
    for lead in list(store.leads()):
        case, _ = book.open([lead.id], "", "王检", dt.date(2026, 3, 2))
        book.move(case.id, Step("filed", "王检", dt.date(2026, 3, 2)))
        book.move(case.id, Step("recommendation", "王检", dt.date(2026, 3, 10)))
    store.night("run2", "steppe", [look(5, [rect(3, 0, 4, 1)])], (), ())  # two of them are one now
    standing = {lead.id for lead in store.leads()}
    assert len(standing) == 2
    assert {one.lead.id for one in sites_due(store, TODAY)} == standing


def test_the_report_keeps_an_answer_apart_from_what_is_verified(store):
    book, case, first, _ = sited(store)
    assert facts(report_of(store, first.id))["影像核实"] == "尚未回头看"
    book.move(case.id, Step("reply", "王检", dt.date(2026, 5, 6)))
    record(store, first.id, Recovery(dt.date(2026, 7, 20), 15 * MU_M2, 5 * MU_M2, 0.0), "look-1")
    record(store, first.id, Recovery(dt.date(2026, 7, 20), 15 * MU_M2, 5 * MU_M2, 0.0), "look-1")  # twice is once
    report = report_of(store, first.id)
    told = facts(report)
    assert len(report.looks) == 1
    assert told["行政机关回复"] == "2026-05-06（回复不等于恢复）"
    assert told["影像核实已恢复"].startswith("15.0 亩")
    assert told["影像所见未恢复"] == "5.0 亩"
    assert facts(report_of(store, next(lead.id for lead in store.leads() if lead.id not in case.leads))) == {}
    assert report_of(store, "none") is None


def test_what_a_model_asks_of_its_site(a_lead):
    duty = duty_of(a_lead(), DUE)
    assert (duty.due, duty.used_from, duty.water_open) == (DUE, dt.date(2024, 8, 2), False)
    assert duty_of(replace(a_lead(), detector="black_soil"), DUE).cropland

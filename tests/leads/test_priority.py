"""The score and the week's budget."""

import datetime as dt
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from leads.priority import Budget, fill, ordered, prioritised, priority, week_of
from leads.store import tables
from leads.store.records import Confidence, LeadRecord, Stock
from leads.store.store import Store

TODAY = dt.date(2025, 7, 2)
AT = dt.datetime(2025, 7, 1, 4, tzinfo=dt.UTC)


def lead(name: str = "A", **given: object) -> LeadRecord:
    told: dict = {
        "aoi": "steppe", "detector": "mine", "confidence": Confidence.CONFIRMED, "stock": Stock.NEW, "status": "new",
        "reason": "", "reviewer": "", "remark": "", "version": 1, "change": "dug", "change_zh": "挖损",
        "last_before": dt.date(2024, 8, 1), "first_seen": dt.date(2025, 5, 2), "last_seen": dt.date(2025, 6, 20),
        "looks": 2, "geometry": box(120, 49, 120.01, 49.01), "area_m2": 30_000.0, "area_low_m2": 28_000.0,
        "area_high_m2": 32_000.0, "score": 0.8, "place": "", "classification": "公开", "attributes": {}, "parents": (),
        "into": "", "created": AT, "updated": AT,
    }  # fmt: skip
    return LeadRecord(id=name, **told | given)  # type: ignore[arg-type]


def points(name: str, *, first: float | None = None, **given: object) -> float:
    terms = {term.name_en: term.points for term in priority(lead(**given), TODAY, first).terms}
    return terms[name]


@pytest.mark.parametrize(
    ("term", "row", "expected"),
    [
        ("Area against the threshold", {"rule_flag": "above"}, 20),
        ("Area against the threshold", {"rule_flag": "straddles"}, 10),
        ("Area against the threshold", {"rule_flag": "below"}, 0),
        ("Protected ground", {"layers": "永久基本农田 某村 3 900 m²（1.35 亩）"}, 15),
        ("Protected ground", {"layers": "永久基本农田 1 9 m²（0 亩）；草原 2 9 m²（0 亩）"}, 17),
        ("Protected ground", {"layers": "湿地 某湿地〔模拟图层〕 9 m²（0 亩）"}, 6),  # nobody's office drew it
        ("Protected ground", {"layers": "采矿权 C1 9 m²（0 亩）"}, 0),
        ("Permits", {"permit_st": "T1 首见日 逾期未复垦 overdue，期满 2023-01-01"}, 10),
        ("Permits", {"permit_st": "T1 首见日 期内 in term，期满 2027-01-01"}, -10),
        ("Permits", {"mine_land": "no", "mine_lic": "yes"}, 10),
        ("Permits", {"mine_land": "no", "mine_lic": "no", "permit_st": "T1 逾期未复垦 overdue"}, 18),
        ("Known patches", {"known_st": "known"}, -8),
        ("Known patches", {"known_st": "new"}, 6),
        ("Penalised, not restored", {"known_st": "unrestored"}, 30),
        ("Penalised, not restored", {"known_st": "known"}, 0),
    ],
)
def test_a_term_says_its_points(term, row, expected):
    assert points(term, attributes=row) == expected


def test_every_term_is_listed_with_its_reason_and_adds_up():
    found = priority(lead(attributes={"known_st": "unrestored", "rule_flag": "above"}), TODAY)
    assert len(found.terms) == 9
    assert all(term.name_zh and term.name_en and term.because and term.because_en for term in found.terms)
    assert found.score == pytest.approx(sum(term.points for term in found.terms))


def test_growth_looks_and_age():
    assert points("Growth", first=30_000.0) == 0
    assert points("Growth", first=15_000.0) == 8
    assert points("Growth", parents=("B",)) == 4
    assert points("Seen lately", last_seen=dt.date(2025, 1, 1)) == 0
    assert points("Confidence", confidence=Confidence.PROVISIONAL, looks=1) == 0
    assert points("Confidence", looks=5) > points("Confidence", looks=2) > 0


def test_penalised_and_not_restored_beats_a_large_new_lead_on_grassland():
    best = lead("B", attributes={"known_st": "unrestored", "rule_flag": "below"}, area_low_m2=2_000.0)
    large = lead("A", attributes={"known_st": "new", "rule_flag": "straddles", "layers": "草原 1 9 m²（0 亩）"})
    assert priority(best, TODAY).score > priority(large, TODAY).score


confidences = st.sampled_from(list(Confidence))
batches = st.lists(st.tuples(confidences, st.integers(1, 50), st.sampled_from(["new", "confirmed"])), max_size=25)


@settings(max_examples=60, deadline=None)
@given(batches, st.integers(0, 12), st.integers(0, 15), st.randoms(use_true_random=False))
def test_the_budget_is_never_exceeded_nothing_is_lost_and_order_does_not_matter(batch, weekly, already, chance):
    leads = [lead(f"L{n}", confidence=c, area_low_m2=1000.0 * size, status=s) for n, (c, size, s) in enumerate(batch)]
    filled = fill(leads, Budget(weekly), TODAY, already)
    assert len(filled.now) <= max(0, weekly - already)
    assert len(filled.now) + len(filled.waiting) + filled.aside == len(leads)
    assert all(one.confidence is Confidence.CONFIRMED and one.status == "new" for one in filled.now + filled.waiting)
    scores = [priority(one, TODAY).score for one in filled.now + filled.waiting]
    assert scores == sorted(scores, reverse=True)
    shuffled = list(leads)
    random.Random(chance.random()).shuffle(shuffled)
    assert fill(shuffled, Budget(weekly), TODAY, already) == filled


def test_equals_come_by_size_and_then_by_id():
    one, two, three = lead("B"), lead("A"), lead("C", area_low_m2=29_000.0)
    for order in itertools.permutations((one, two, three)):
        assert [each.id for each in ordered(order, dict.fromkeys("ABC", 1.0))] == ["C", "A", "B"]


@pytest.mark.parametrize(
    ("when", "monday"),
    [
        (dt.datetime(2025, 6, 29, 15, 59, tzinfo=dt.UTC), "2025-06-23"),  # Sunday, 23:59 in Shanghai
        (dt.datetime(2025, 6, 29, 16, 0, tzinfo=dt.UTC), "2025-06-30"),  # Monday there
        (dt.date(2026, 1, 1), "2025-12-29"),
        (dt.date(2024, 2, 29), "2024-02-26"),
    ],
)
def test_a_week_is_an_iso_week_in_shanghai(when, monday):
    assert week_of(when) == dt.date.fromisoformat(monday)


def test_priorities_are_kept_with_their_terms_and_replaced(sqlite_store):
    with Store.open(sqlite_store()) as store:
        for _ in range(2):
            prioritised(store, [lead("A"), lead("B")], TODAY)
        with store.reading() as connection:
            rows = connection.execute(tables.priorities.select()).mappings().all()
    assert [(row["lead_id"], len(row["terms"]), row["week"]) for row in rows] == [
        ("A", 9, dt.date(2025, 6, 30)),
        ("B", 9, dt.date(2025, 6, 30)),
    ]

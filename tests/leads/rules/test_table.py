"""Every record: below, inside and above its threshold, and the days around those on which it begins or ends."""

import dataclasses
import datetime as dt
from collections.abc import Callable

import pytest

from leads.model import Crossing
from leads.rules.evaluate import consider
from leads.rules.outcome import RuleFinding, State
from leads.rules.records import load_rules
from leads.rules.subject import Subject

Make = Callable[..., Subject]

PUBLIC, COMMERCIAL = {"category": "公益林"}, {"category": "commercial"}
CROPLAND = {"code": "0103", "class_name": "旱地"}

AREA_RULES = [
    ("cropland-2000", "basic", "black_soil", {"basic_farmland": {}}, 5),
    ("cropland-2000", "other", "black_soil", {"dltb": CROPLAND}, 10),
    ("black-soil-2025", "basic", "black_soil", {"black_soil": {}, "basic_farmland": {}}, 3),
    ("black-soil-2025", "other", "black_soil", {"black_soil": {}}, 6),
    ("forest-2023", "public", "forest_encroachment", {"forest_land": PUBLIC}, 5),
    ("forest-2023", "commercial", "forest_encroachment", {"forest_land": COMMERCIAL}, 10),
    ("grassland-2012", "all", "grassland", {"grassland": {}}, 20),
]

IN_FORCE = ("2025-06-01", "2025-06-20")

OTHERS = {
    "river-ban": ("river_protection", {"river_scope": {}}, State.USE),
    "river-approval": ("river_protection", {"river_scope": {}}, State.USE),
    "wetland-2022": ("wetland", {"wetland": {}}, State.USE),
    "hulun-lake-2016": ("hulun_lake", {"reserve_zones": {"name": "呼伦湖"}}, State.USE),
    "reserves-1994": ("hulun_lake", {"reserve_zones": {}}, State.USE),
    "reserves-2026": ("hulun_lake", {"reserve_zones": {}}, State.USE),
    "minerals-2025": ("mine", {"grassland": {}}, State.USE),
    "illegal-mining-2016": ("mine", {}, State.UNDECIDED),
    "criminal-342": ("grassland", {"grassland": {}}, State.UNDECIDED),
    "temporary-land-1999": ("temporary_land", {}, State.CLOCK),
    "temporary-land-2021": ("temporary_land", {}, State.CLOCK),
    "temporary-forest-2020": ("temporary_land", {"forest_land": {}}, State.CLOCK),
    "temporary-grassland-2003": ("temporary_land", {"grassland": {}}, State.CLOCK),
    "temporary-system-2023": ("temporary_land", {}, State.CLOCK),
}


def found(subject: Subject, rule_id: str) -> RuleFinding | None:
    return next((one for one in consider(subject) if one.rule_id == rule_id), None)


@pytest.mark.parametrize(("rule_id", "clause", "detector", "layers", "threshold"), AREA_RULES)
@pytest.mark.parametrize(
    ("low", "high", "state"),
    [
        (-0.4, -0.001, State.BELOW),
        (-0.2, 0.0, State.STRADDLES),
        (-0.2, 0.2, State.STRADDLES),
        (-0.001, 0.2, State.STRADDLES),
        (0.0, 0.2, State.ABOVE),
        (0.001, 0.4, State.ABOVE),
    ],
)
def test_below_inside_and_above(
    subject: Make,
    rule_id: str,
    clause: str,
    detector: str,
    layers: dict[str, dict[str, str]],
    threshold: float,
    low: float,
    high: float,
    state: State,
) -> None:
    mu = (threshold + (low + high) / 2, threshold + low, threshold + high)
    finding = found(subject(detector, mu, IN_FORCE, layers), rule_id)
    assert finding is not None
    assert finding.state == state
    (compared,) = finding.compared
    assert (compared.clause, compared.unit, compared.threshold) == (clause, "mu", threshold)
    assert (compared.low, compared.high) == pytest.approx((threshold + low, threshold + high))


def case(rule_id: str) -> tuple[str, dict[str, dict[str, str]]]:
    for name, _, detector, layers, _ in AREA_RULES:
        if name == rule_id:
            return detector, layers
    return OTHERS[rule_id][0], OTHERS[rule_id][1]


ENABLED = [rule for rule in load_rules() if rule.enabled]


def test_no_enabled_record_is_left_out() -> None:
    assert {rule.id for rule in ENABLED} == {name for name, *_ in AREA_RULES} | set(OTHERS)


@pytest.mark.parametrize("rule", ENABLED, ids=lambda rule: rule.id)
def test_the_days_around_the_first_and_the_last(subject: Make, rule) -> None:  # type: ignore[no-untyped-def]
    detector, layers = case(rule.id)
    day = dt.timedelta(days=1)

    def on(first: dt.date, last: dt.date) -> RuleFinding | None:
        days = ((first - day).isoformat(), last.isoformat())
        return found(subject(detector, (30, 29, 31), days, layers), rule.id)

    begins = rule.effective_from
    assert on(begins - 9 * day, begins - day) is None
    whole = on(begins, begins + 9 * day)
    assert whole is not None
    assert not whole.in_part
    across = on(begins - day, begins)
    assert across is not None
    assert (across.begins, across.ends) == (begins, None)
    assert str(begins) in across.notes[0].zh
    if rule.effective_to:
        ends = rule.effective_to
        last = on(ends - 9 * day, ends)
        assert last is not None
        assert not last.in_part
        assert on(ends + day, ends + 9 * day) is None
        beyond = on(ends, ends + day)
        assert beyond is not None
        assert (beyond.begins, beyond.ends) == (None, ends)


@pytest.mark.parametrize("rule_id", OTHERS)
def test_what_is_not_decided_by_area_says_so(subject: Make, rule_id: str) -> None:
    detector, layers, state = OTHERS[rule_id]
    rule = next(rule for rule in ENABLED if rule.id == rule_id)
    day = (rule.effective_to or dt.date(2026, 4, 1)).isoformat()
    before = (dt.date.fromisoformat(day) - dt.timedelta(days=9)).isoformat()
    finding = found(subject(detector, (3000, 2900, 3100), (before, day), layers), rule_id)
    assert finding is not None
    assert finding.state == state
    assert all(one.threshold is None for one in finding.compared)


def test_both_editions_of_the_reserve_rules_are_listed_across_the_day(subject: Make) -> None:
    seen = consider(
        subject("hulun_lake", (5, 4, 6), ("2026-03-01", "2026-03-20"), {"reserve_zones": {"zone": "buffer"}})
    )
    editions = {one.rule_id: one for one in seen if one.rule_id.startswith("reserves")}
    assert set(editions) == {"reserves-1994", "reserves-2026"}
    assert editions["reserves-1994"].ends == dt.date(2026, 3, 14)
    assert editions["reserves-2026"].begins == dt.date(2026, 3, 15)
    assert any("位于缓冲区" in note.zh for note in editions["reserves-1994"].notes)
    assert any("不属本版条例" in note.zh for note in editions["reserves-2026"].notes)


def test_a_rule_that_is_not_verified_is_never_used_unless_enabled(subject: Make) -> None:
    disabled = [rule for rule in load_rules() if not rule.enabled]
    grounds = ("grassland", "forest_land", "wetland", "black_soil", "basic_farmland", "river_scope", "reserve_zones")
    every = dict.fromkeys(grounds, PUBLIC)
    detectors = {name for rule in load_rules() for name in rule.detectors} | {"land_disturbance"}
    for days in (("2005-12-30", "2010-01-01"), ("2023-08-01", "2023-08-31"), ("2026-08-01", "2026-09-30")):
        for detector in detectors:
            used = {one.rule_id for one in consider(subject(detector, (99, 98, 100), days, every))}
            assert used.isdisjoint(rule.id for rule in disabled)
    enabled = consider(
        subject("forest_encroachment", (8, 7, 9), ("2010-01-01", "2010-02-01"), {"forest_land": PUBLIC}),
        enable={"forest-2005"},
    )
    finding = next(one for one in enabled if one.rule_id == "forest-2005")
    assert finding.state == State.ABOVE
    assert any("未核实" in note.zh for note in finding.notes)


def test_a_draft_has_no_day_and_is_never_in_force(subject: Make) -> None:
    seen = consider(
        subject("mine", (8, 7, 9), ("2026-08-01", "2026-09-30"), {}), enable={"procuratorial-litigation-draft"}
    )
    assert "procuratorial-litigation-draft" not in {one.rule_id for one in seen}


def test_conduct_after_the_code_is_flagged_for_checking(subject: Make) -> None:
    layers: dict[str, dict[str, str]] = {"grassland": {}}
    for day, flagged in (("2026-08-14", False), ("2026-08-15", True)):
        finding = found(subject("grassland", (25, 24, 26), ("2026-08-01", day), layers), "grassland-2012")
        assert finding is not None
        assert any("生态环境法典" in note.zh for note in finding.notes) is flagged


def test_only_the_ground_in_the_layer_counts(subject: Make) -> None:
    whole = subject("grassland", (30, 29, 31), IN_FORCE, {"grassland": {}})
    part = dataclasses.replace(whole, crossings=(Crossing("grassland", "g", "", 15 * 2000 / 3),))
    finding = found(part, "grassland-2012")
    assert finding is not None
    assert finding.state == State.BELOW
    assert finding.compared[0].value == pytest.approx(15)
    assert [(one.kind, one.feature_id) for one in finding.counted] == [("grassland", "g")]
    assert found(dataclasses.replace(whole, crossings=()), "grassland-2012") is None

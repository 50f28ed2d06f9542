import dataclasses
import datetime as dt
from collections.abc import Callable

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from aoi.area import geodesic_area_m2
from leads.model import Crossing, Finding, Patch
from leads.rules.evaluate import consider
from leads.rules.interval import PatchArea
from leads.rules.outcome import RuleFinding, State
from leads.rules.penalties import Penalty
from leads.rules.records import load_rules
from leads.rules.subject import Subject, subject_of
from leads.rules.uses import uses_of
from leads.rules.wording import short, weightiest

Make = Callable[..., Subject]
MU = 2000 / 3
AFTER = ("2025-06-01", "2025-06-20")
ACROSS = ("2025-05-01", "2025-05-20")
BEFORE = ("2025-04-01", "2025-05-05")
BLACK = {"black_soil": {}, "basic_farmland": {}}


def by_id(subject: Subject, penalties: tuple[Penalty, ...] = ()) -> dict[str, RuleFinding]:
    return {one.rule_id: one for one in consider(subject, penalties)}


def patch_of(mu: float, *crossings: Crossing, detector: str = "forest_encroachment", change: str = "") -> Subject:
    area = PatchArea(mu * MU, mu * MU * 0.9, mu * MU * 1.1)
    return Subject(detector, change, dt.date(2025, 6, 1), dt.date(2025, 6, 20), area, crossings)


# --- black soil and other cropland ------------------------------------------------------------------------------------


def test_the_other_croplands_thresholds_are_never_printed_beside_black_soil(subject: Make) -> None:
    found = by_id(subject("black_soil", (20, 19, 21), AFTER, BLACK))
    assert "cropland-2000" not in found
    text = "".join(map(short, found.values()))
    assert "/ 3" in text
    assert "/ 5" not in text
    assert "/ 10" not in text


def test_before_the_black_soil_rule_its_cropland_counts_as_any_other(subject: Make) -> None:
    found = by_id(subject("black_soil", (20, 19, 21), BEFORE, BLACK))
    assert "black-soil-2025" not in found
    assert found["cropland-2000"].state == State.ABOVE
    assert not found["cropland-2000"].in_part


def test_across_the_day_both_are_listed_each_for_its_own_days(subject: Make) -> None:
    found = by_id(subject("black_soil", (4, 3.5, 4.5), ACROSS, BLACK))
    assert (found["black-soil-2025"].state, found["cropland-2000"].state) == (State.ABOVE, State.BELOW)
    assert found["black-soil-2025"].begins == dt.date(2025, 5, 6)
    assert found["cropland-2000"].ends == dt.date(2025, 5, 5)
    assert "限2025-05-05止的行为" in short(found["cropland-2000"])
    assert "限2025-05-06起的行为" in short(found["black-soil-2025"])


def test_cropland_that_is_not_black_is_untouched_by_the_black_soil_rule(subject: Make) -> None:
    found = by_id(subject("black_soil", (6, 5.5, 6.5), ACROSS, {"basic_farmland": {}}))
    assert set(found) == {"cropland-2000", "criminal-342"}
    assert not found["cropland-2000"].in_part


def test_ground_in_and_outside_basic_farmland_is_compared_apart() -> None:
    ground = shapely.box(120, 49, 120.002, 49.001)
    half = shapely.box(120, 49, 120.001, 49.001)
    whole_m2, half_m2 = geodesic_area_m2(ground), geodesic_area_m2(half)
    black = Crossing("black_soil", "b", "", whole_m2, {}, ground)
    basic = Crossing("basic_farmland", "p", "", half_m2, {}, half)
    exact = Subject(
        "black_soil",
        "",
        dt.date(2025, 6, 1),
        dt.date(2025, 6, 20),
        PatchArea(whole_m2, whole_m2, whole_m2),
        (black, basic),
    )
    compared = {one.clause: one for one in by_id(exact)["black-soil-2025"].compared}
    assert compared["basic"].value == pytest.approx(half_m2 / MU, rel=1e-6)
    assert compared["other"].value == pytest.approx((whole_m2 - half_m2) / MU, rel=1e-6)
    assert {one.threshold for one in compared.values()} == {3, 6}


def test_two_maps_without_outlines_leave_what_they_share_open() -> None:
    # 6 of 10 mu black, 6 of 10 in basic farmland: they share between 2 and 6
    patch = patch_of(
        10, Crossing("black_soil", "b", "", 6 * MU), Crossing("basic_farmland", "p", "", 6 * MU), detector="black_soil"
    )
    patch = dataclasses.replace(patch, area=PatchArea(10 * MU, 10 * MU, 10 * MU))
    compared = {one.clause: one for one in by_id(patch)["black-soil-2025"].compared}
    assert (compared["basic"].low, compared["basic"].high) == pytest.approx((2, 6))
    assert (compared["other"].low, compared["other"].high) == pytest.approx((0, 4))
    assert compared["basic"].value is None
    assert compared["basic"].state == State.STRADDLES


def test_an_overlap_within_a_layer_counts_once_where_outlines_are_known() -> None:
    ground = shapely.box(120, 49, 120.002, 49.001)
    area = geodesic_area_m2(ground)
    twice = [Crossing("grassland", name, "", area, {}, ground) for name in "ab"]
    patch = Subject(
        "grassland", "", dt.date(2025, 6, 1), dt.date(2025, 6, 20), PatchArea(area, area, area), tuple(twice)
    )
    assert by_id(patch)["grassland-2012"].compared[0].value == pytest.approx(area / MU)


def test_without_the_map_of_basic_farmland_neither_threshold_is_decided(subject: Make) -> None:
    found = by_id(subject("black_soil", (4, 3.5, 4.5), AFTER, {"black_soil": {}}, layers_missing=("basic_farmland",)))
    states = {one.clause: one.state for one in found["black-soil-2025"].compared}
    assert states == {"basic": State.STRADDLES, "other": State.BELOW}
    assert any("永久基本农田" in note.zh for note in found["black-soil-2025"].notes)


def test_without_the_map_of_black_soil_the_cropland_rule_warns(subject: Make) -> None:
    found = by_id(subject("black_soil", (7, 6, 8), AFTER, {"basic_farmland": {}}, layers_missing=("black_soil",)))
    assert any("如系黑土耕地，不适用本条起点" in note.zh for note in found["cropland-2000"].notes)
    assert found["black-soil-2025"].state == State.NO_LAYER


@pytest.mark.parametrize(("change", "volume"), [("取土挖沙", True), ("", True), ("植被变建设", False)])
def test_a_volume_needs_a_survey_where_something_may_have_been_dug(subject: Make, change: str, volume: bool) -> None:
    found = by_id(subject("black_soil", (2, 1.9, 2.1), AFTER, BLACK, change))
    assert found["black-soil-2025"].state == State.BELOW
    assert found["black-soil-2025"].needs_volume is volume
    assert ("needs volume survey" in short(found["black-soil-2025"])) is volume


# --- forest: parts of both thresholds ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("public", "commercial", "share", "state"),
    [(2, 4, 0.8, State.BELOW), (2.5, 5, 1.0, State.STRADDLES), (4, 8, 1.6, State.ABOVE), (1, 9, 1.1, State.STRADDLES)],
)
def test_shares_of_both_thresholds_add_up(public: float, commercial: float, share: float, state: State) -> None:
    finding = by_id(
        patch_of(
            public + commercial,
            Crossing("forest_land", "1", "", public * MU, {"category": "公益林"}),
            Crossing("forest_land", "2", "", commercial * MU, {"category": "21"}),
        )
    )["forest-2023"]
    (compared,) = finding.compared
    assert (compared.unit, compared.threshold) == ("share", 1)
    assert compared.value == pytest.approx(share)
    assert finding.state == state


def test_a_category_that_is_not_said_leaves_both_thresholds_open() -> None:
    finding = by_id(patch_of(8, Crossing("forest_land", "1", "", 8 * MU)))["forest-2023"]
    (compared,) = finding.compared
    assert compared.value is None
    assert (compared.low, compared.high) == pytest.approx((0.72, 1.76))
    assert finding.state == State.STRADDLES
    assert any("未注明公益林或商品林" in note.zh for note in finding.notes)


# --- earlier penalties ------------------------------------------------------------------------------------------------


def penalty(day: str | None, ground: str = "grassland", number: str = "罚1") -> Penalty:
    return Penalty(number, dt.date.fromisoformat(day) if day else None, ground, holder="甲")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("decided", "after", "state"),
    [
        ("2022-06-20", "applies", State.ABOVE),  # three years to the day of the last of the conduct
        ("2022-06-19", "may apply", State.STRADDLES),  # the interval begins within them and ends after
        ("2022-06-01", "no", State.BELOW),  # lapsed on the day before the first
        ("2025-06-01", "applies", State.ABOVE),  # the day before the first of the conduct
        ("2025-06-10", "may apply", State.STRADDLES),
        ("2025-06-20", "no", State.BELOW),  # not before the conduct
        (None, "may apply", State.STRADDLES),
    ],
)
def test_grassland_after_a_penalty_within_three_years(
    subject: Make, decided: str | None, after: str, state: State
) -> None:
    patch = subject("grassland", (12, 11, 13), AFTER, {"grassland": {"holder": "甲"}})
    finding = by_id(patch, (penalty(decided),))["grassland-2012"]
    assert finding.state == state
    variants = {one.after_penalty: one.threshold for one in finding.compared}
    assert variants == ({"no": 20} if after == "no" else {"no": 20, after: 10})


def test_a_penalty_for_other_ground_or_of_somebody_else_does_not_lower(subject: Make) -> None:
    patch = subject("grassland", (12, 11, 13), AFTER, {"grassland": {"holder": "甲"}})
    for other in (penalty("2024-01-01", "forest"), dataclasses.replace(penalty("2024-01-01"), holder="乙")):
        assert by_id(patch, (other,))["grassland-2012"].state == State.BELOW
    unsaid = by_id(patch, (penalty("2024-01-01", ""),))["grassland-2012"]
    assert unsaid.state == State.STRADDLES


def test_forest_needs_two_penalties_in_two_years(subject: Make) -> None:
    patch = subject(
        "forest_encroachment", (3, 2.8, 3.2), AFTER, {"forest_land": {"category": "公益林", "holder": "甲"}}
    )
    one, two = penalty("2024-01-01", "forest"), penalty("2024-06-01", "cropland", "罚2")
    assert by_id(patch, (one,))["forest-2023"].state == State.BELOW
    finding = by_id(patch, (one, two))["forest-2023"]
    assert finding.state == State.ABOVE
    assert {entry.threshold for entry in finding.compared} == {5, 2.5}
    assert any("罚1" in note.zh and "同一行为人" in note.zh for note in finding.notes)
    late = dataclasses.replace(two, decided=dt.date(2023, 6, 1))
    assert by_id(patch, (one, late))["forest-2023"].state == State.BELOW


# --- which rules at all -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["积雪", "裸地变植被", "河道自然演变", "河道自然变迁"])
def test_what_nobody_did_breaks_no_rule(subject: Make, change: str) -> None:
    assert consider(subject("grassland", (99, 98, 100), AFTER, {"grassland": {}}, change)) == ()


@pytest.mark.parametrize(
    ("change", "use"),
    [
        ("草原开垦", "cultivation"),
        ("植被剥离", "digging"),
        ("采坑积水", "mining"),
        ("水面变陆地", "filling"),
        ("植被变建设", "building"),
        ("天然草原开垦", "cultivation"),
        ("自然保护区内修路", "road"),
    ],
)
def test_a_change_tells_its_use(change: str, use: str) -> None:
    assert use in uses_of(change)
    assert "none" not in uses_of(change)


@pytest.mark.parametrize("change", ["植被变裸地", "过火", "林地过火", "植被变化"])
def test_a_change_that_tells_no_use_is_to_be_checked(subject: Make, change: str) -> None:
    finding = by_id(subject("grassland", (30, 29, 31), AFTER, {"grassland": {}}, change))["grassland-2012"]
    assert finding.state == State.ABOVE
    assert finding.use == "not told"
    assert any("用途须实地核实" in note.zh for note in finding.notes)


def test_a_ban_that_does_not_name_the_use_is_not_listed(subject: Make) -> None:
    found = by_id(subject("river_protection", (3, 2, 4), AFTER, {"river_scope": {}}, "河滩种植玉米"))
    assert "river-ban" in found
    assert "river-approval" not in found
    assert found["river-ban"].use == "listed"


def test_paddy_and_fish_ponds_are_no_wetland(subject: Make) -> None:
    assert "wetland-2022" in by_id(subject("wetland", (9, 8, 10), AFTER, {"wetland": {"code": "1108"}}))
    for code in ("0101", "1104A"):
        assert "wetland-2022" not in by_id(subject("wetland", (9, 8, 10), AFTER, {"wetland": {"code": code}}))
    over = {"wetland": {}, "dltb": {"code": "0101", "class_name": "水田"}}
    assert "wetland-2022" not in by_id(subject("wetland", (9, 8, 10), AFTER, over))


def test_the_lake_rule_holds_in_its_own_reserve_only(subject: Make) -> None:
    for name, listed in (("内蒙古呼伦湖国家级自然保护区", True), ("辉河国家级自然保护区", False)):
        found = by_id(subject("hulun_lake", (9, 8, 10), AFTER, {"reserve_zones": {"name": name}}))
        assert ("hulun-lake-2016" in found) is listed
        assert "reserves-1994" in found


def test_a_detector_says_which_of_its_layers_was_not_given_and_only_its_own(subject: Make) -> None:
    missing = {"layers_missing": ("grassland", "forest_land")}
    found = by_id(subject("grassland", (30, 29, 31), AFTER, {}, **missing))
    assert {name: one.state for name, one in found.items()} == {"grassland-2012": State.NO_LAYER}
    assert "未提供图层" in short(found["grassland-2012"])


def test_a_mine_on_grassland_meets_the_grassland_rule(subject: Make) -> None:
    found = by_id(subject("mine", (30, 29, 31), AFTER, {"grassland": {}}, "植被剥离"))
    assert found["grassland-2012"].state == State.ABOVE
    assert found["grassland-2012"].use == "listed"
    assert found["illegal-mining-2016"].state == State.UNDECIDED
    assert weightiest(tuple(found.values())) == State.ABOVE


def test_no_wording_is_a_verdict(subject: Make) -> None:
    text = ""
    for detector in sorted({name for rule in load_rules() for name in rule.detectors}):
        kinds = ("grassland", "forest_land", "black_soil", "river_scope", "wetland", "reserve_zones")
        layers: dict[str, dict[str, str]] = {kind: {} for kind in kinds}
        for one in consider(subject(detector, (30, 29, 31), AFTER, layers)):
            text += short(one) + "".join(note.zh + note.en for note in one.notes)
    assert text
    for verdict in ("构成犯罪的", "已构成", "违法占用", "guilty", "illegal use"):
        assert verdict not in text


def test_a_patch_at_the_edge_of_what_was_seen_may_be_larger(subject: Make) -> None:
    patch = dataclasses.replace(subject("grassland", (12, 11, 13), AFTER, {"grassland": {}}), clipped=True)
    assert any("实际面积可能更大" in note.zh for note in by_id(patch)["grassland-2012"].notes)


def test_a_finding_is_read_as_it_is() -> None:
    patch = Patch("grassland", shapely.box(0, 0, 1, 1), 0.9, 0.8, 1, 100.0, 90.0, 110.0, 10.0)
    finding = Finding(patch, dt.date(2025, 6, 1), dt.date(2025, 6, 9), (), 1, layers_missing=("grassland",))
    subject = subject_of(finding, "草原开垦")
    assert (subject.detector, subject.area) == ("grassland", PatchArea(100.0, 90.0, 110.0))
    assert subject.days == (dt.date(2025, 6, 2), dt.date(2025, 6, 9))
    assert subject.layers_missing == ("grassland",)


# --- properties -------------------------------------------------------------------------------------------------------

ORDER = (State.BELOW, State.STRADDLES, State.ABOVE)
GROUNDS = st.sampled_from(
    [
        ("grassland", "grassland-2012", {"grassland": {}}, 20),
        ("forest_encroachment", "forest-2023", {"forest_land": {"category": "公益林"}}, 5),
        ("black_soil", "black-soil-2025", BLACK, 3),
        ("black_soil", "cropland-2000", {"basic_farmland": {}}, 5),
    ]
)
WIDTH = st.floats(0, 0.5)


def state_at(
    ground: tuple[str, str, dict[str, dict[str, str]], int], m2: float, width: float, part: float
) -> State | None:
    detector, rule, layers, _ = ground
    crossings = tuple(Crossing(kind, kind, "", m2 * part, more) for kind, more in layers.items())
    area = PatchArea(m2, m2 * (1 - width), m2 * (1 + width))
    found = by_id(Subject(detector, "", dt.date(2025, 6, 1), dt.date(2025, 6, 20), area, crossings))
    return found[rule].state if rule in found else None


@settings(deadline=None, max_examples=60)
@given(GROUNDS, st.floats(1, 1e6), st.floats(1, 50), WIDTH, st.sampled_from([1.0, 0.999999999, 0.7, 0.01]))
def test_more_ground_never_says_less(
    ground: tuple[str, str, dict[str, dict[str, str]], int], m2: float, times: float, width: float, part: float
) -> None:
    less, more = state_at(ground, m2, width, part), state_at(ground, m2 * times, width, part)
    if less is not None:
        assert more is not None
        assert ORDER.index(more) >= ORDER.index(less)


@settings(deadline=None, max_examples=60)
@given(GROUNDS, st.floats(0.5, 2), WIDTH, st.sampled_from([1.0, 0.7]))
def test_never_above_while_the_low_end_is_below_the_threshold(
    ground: tuple[str, str, dict[str, dict[str, str]], int], near: float, width: float, part: float
) -> None:
    m2 = ground[3] * MU * near
    state = state_at(ground, m2, width, part)
    if m2 * (1 - width) < ground[3] * 2000 / 3:
        assert state != State.ABOVE
    if m2 * part * (1 + width) < ground[3] * 2000 / 3 and part == 1.0:
        assert state == State.BELOW

import datetime as dt

import pytest
import shapely

from leads.known import known_state
from leads.model import Crossing, Finding, Patch
from leads.rules.penalties import Penalty, penalty_of
from leads.standing import Known, KnownState

NEW, KNOWN, UNRESTORED = KnownState.NEW, KnownState.KNOWN, KnownState.UNRESTORED


def finding(*crossings: Crossing) -> Finding:
    patch = Patch("grassland", shapely.box(120, 49, 120.01, 49.01), 0.9, 0.8, 1, 1000.0, 900.0, 1100.0, 10.0)
    days = (dt.date(2024, 6, 1), dt.date(2024, 8, 1))
    return Finding(patch, dt.date(2024, 4, 1), days[0], days, 2, crossings)


def patch(area_m2: float = 900.0, name: str = "T1", **attributes: str) -> Crossing:
    return Crossing("known_patches", name, "", area_m2, attributes)


def penalty(deadline: str | None = "2024-07-31", performed: str = "no", **more: str) -> Penalty:
    day = dt.date.fromisoformat(deadline) if deadline else None
    restored = dt.date.fromisoformat(more["performed_on"]) if "performed_on" in more else None
    return Penalty(
        "罚1",
        dt.date(2024, 5, 1),
        patch=more.get("patch", "T1"),
        deadline=day,
        performed=performed,  # type: ignore[arg-type]
        performed_on=restored,
    )


def why(known: Known) -> str:
    return "".join(note.zh for note in known.reasons)


def test_what_overlaps_nothing_known_is_new_and_without_the_layer_nobody_knows() -> None:
    assert known_state(finding()).state == NEW
    assert known_state(finding(), given=False).state == KnownState.UNKNOWN


@pytest.mark.parametrize(("area_m2", "state"), [(499.0, NEW), (500.0, KNOWN), (1000.0, KNOWN)])
def test_half_of_the_patch_decides(area_m2: float, state: KnownState) -> None:
    known = known_state(finding(patch(area_m2, state="open", deadline="2025-01-01")))
    assert (known.state, known.patch_id, known.share) == (state, "T1", area_m2 / 1000)


@pytest.mark.parametrize(
    ("deadline", "performed", "state", "reason"),
    [
        ("2024-07-31", "no", UNRESTORED, "未履行完毕"),
        ("2024-07-31", "partly", UNRESTORED, "未履行完毕"),
        ("2024-08-01", "no", KNOWN, "未到"),  # its last day is the last on which the change was seen
        ("2024-07-31", "", KNOWN, "是否履行不详"),
        (None, "no", KNOWN, "期限不详"),
        ("2024-07-31", "yes", KNOWN, "回头看"),
    ],
)
def test_penalised_and_not_restored(deadline: str | None, performed: str, state: KnownState, reason: str) -> None:
    known = known_state(finding(patch(found="2024-05-01")), [penalty(deadline, performed)])
    assert (known.state, known.penalty_id) == (state, "罚1")
    assert reason in why(known)


def test_past_its_deadline_without_a_penalty_is_known() -> None:
    known = known_state(finding(patch(state="open", deadline="2024-05-31")), [penalty(patch="T2")])
    assert known.state == KNOWN
    assert "未见处罚记录" in why(known)


def test_the_patchs_own_row_may_say_all() -> None:
    assert known_state(finding(patch(state="罚而未复", deadline="2024-05-31"))).state == UNRESTORED
    by_number = Penalty("罚9", dt.date(2024, 5, 1), deadline=dt.date(2024, 5, 31), performed="no")
    assert known_state(finding(patch(penalty="罚9")), [by_number]).state == UNRESTORED
    assert known_state(finding(patch(penalty="罚9", deadline="2024-05-31", performed="未履行"))).state == UNRESTORED


@pytest.mark.parametrize(
    ("found", "performed_on", "state"),
    [("2022-05-01", "2023-09-01", NEW), ("2022-05-01", "2024-05-01", KNOWN), ("2024-05-01", "2024-05-20", KNOWN)],
)
def test_what_was_restored_and_changed_again_is_new(found: str, performed_on: str, state: KnownState) -> None:
    known = known_state(finding(patch(found=found)), [penalty(performed="yes", performed_on=performed_on)])
    assert known.state == state
    assert ("其后再次变化" in why(known)) is (state == NEW)


def test_what_was_found_lawful_is_known() -> None:
    assert "合法" in why(known_state(finding(patch(state="lawful"))))


def test_of_several_the_weightiest_decides() -> None:
    several = patch(name="T0", state="open", deadline="2025-01-01"), patch(600.0)
    assert known_state(finding(*several), [penalty()]).patch_id == "T1"


def test_the_latest_penalty_of_a_patch_counts() -> None:
    old = Penalty("罚0", dt.date(2020, 1, 1), patch="T1", deadline=dt.date(2020, 6, 1), performed="no")
    assert known_state(finding(patch()), [penalty("2025-01-01"), old]).state == KNOWN


def test_a_penalty_from_its_row() -> None:
    row = {
        "holder": "甲", "patch": "T1", "decided": "2024-05-01", "ground": "草地", "deadline": "2024-07",
        "performed": "部分履行", "performed_on": "2024/6/1",
    }  # fmt: skip
    assert penalty_of(Crossing("penalties", "罚1", "", 0.0, row)) == Penalty(
        "罚1", dt.date(2024, 5, 1), "grassland", "甲", "T1", "", dt.date(2024, 7, 31), "partly", dt.date(2024, 6, 1)
    )
    assert penalty_of(Crossing("penalties", "罚2", "", 0.0, {})) == Penalty("罚2", None)

import datetime as dt

import pytest
import shapely

from leads.fields import COVERS, FIELDS, KNOWN_STATES, RULE_STATES
from leads.legal import REGULATOR_UNKNOWN, columns
from leads.model import Crossing, Finding, Patch
from leads.rules.penalties import Penalty
from leads.weigh import weigh

MU = 2000 / 3
TODAY = dt.date(2025, 9, 1)
GIVEN = ("black_soil", "basic_farmland", "known_patches", "mining_rights", "land_approvals", "temporary_land_permits")


def weighed(detector: str, change: str, *crossings: Crossing, penalties: tuple[Penalty, ...] = ()) -> Finding:
    ground = shapely.box(120, 49, 120.01, 49.01)
    patch = Patch(detector, ground, 0.9, 0.8, 1, 12.3 * MU, 11 * MU, 13.6 * MU, 10.0)
    days = dt.date(2025, 6, 1), dt.date(2025, 6, 20)
    found = Finding(patch, days[0], days[1], (days[1],), 1, crossings)
    return weigh(found, change, layers_given=GIVEN, today=TODAY, penalties=penalties)


def whole(kind: str, name: str = "1", **attributes: str) -> Crossing:
    return Crossing(kind, name, "", 12.3 * MU, attributes)


def test_a_rules_line_is_short_and_chinese_first() -> None:
    row = columns(weighed("black_soil", "植被剥离", whole("black_soil"), whole("basic_farmland")))
    assert row["rule_state"] == (
        "法释〔2025〕7号 永久基本农田内黑土耕地 高于起点 above 12.3 亩 (11.0–13.6) / 3；方量须实测 needs volume survey"
    )
    assert row["rule_flag"] == "above"
    assert row["rule"] == "法释〔2025〕7号；刑法"
    assert "面积本身不构成犯罪" in str(row["rule_note"])
    assert row["known_st"] == "new"
    assert row["regulator"] == REGULATOR_UNKNOWN


def test_a_permits_line_says_both_days() -> None:
    permit = whole("temporary_land_permits", "P1", approved="2022-06-01", expires="2024-06-01", registered="无")
    row = columns(weighed("temporary_land", "植被变建设", permit))
    text = str(row["permit_st"])
    assert "P1 首见日 逾期未复垦 overdue" in text
    assert "期满 2024-06-01，应复垦 2025-06-01" in text
    assert "不予认可" in text
    assert row["rule_flag"] == "clock"


def test_a_mines_answers_stand_apart() -> None:
    right = whole("mining_rights", "C1", valid_from="2011-05-01", valid_to="2031-05-01")
    row = columns(weighed("mine", "植被剥离", right))
    assert (row["mine_lic"], row["mine_land"], row["mine_rest"]) == ("yes", "no", "unknown")
    assert row["mine_note"] == "采矿权 有 12.3 / 12.3 亩（C1）；用地批准 无；修复 不详，未提供图层"


def test_a_known_patch_names_itself_its_deadline_and_its_regulator() -> None:
    known = whole("known_patches", "T1", found="2025-05-01", regulator="某旗林草局")
    fine = Penalty("罚1", dt.date(2025, 5, 2), patch="T1", deadline=dt.date(2025, 6, 1), performed="no")
    row = columns(weighed("grassland", "草原开垦", known, penalties=(fine,)))
    assert (row["known_st"], row["known_id"], row["regulator"]) == ("unrestored", "T1", "某旗林草局")
    for part in ("重叠 100%", "处罚决定 罚1", "期限 2025-06-01", "未履行"):
        assert part in str(row["known_note"])


def test_what_was_not_asked_is_blank() -> None:
    patch = Patch("mine", shapely.box(0, 0, 1, 1), 0.9, 0.8, 1, 9.0, 8.0, 10.0, 10.0)
    row = columns(Finding(patch, TODAY, TODAY, (), 1), ("minerals-2025",))
    assert row["rule"] == "minerals-2025"
    assert row["rule_flag"] == "none"
    assert {row[name] for name in ("rule_note", "known_st", "known_note", "permit_st", "mine_lic", "mine_note")} == {
        None
    }


@pytest.mark.parametrize(
    ("name", "choices"), [("rule_flag", RULE_STATES), ("known_st", KNOWN_STATES), ("mine_lic", COVERS)]
)
def test_what_is_stored_can_be_chosen_in_the_form(name: str, choices: tuple[tuple[str, str, str], ...]) -> None:
    (field,) = [field for field in FIELDS if field.name == name]
    assert field.choices == choices
    assert not field.editable

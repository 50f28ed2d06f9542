"""Cases in the store: steps, clocks, conflicts, and that nothing is ever overwritten."""

import datetime as dt
from dataclasses import replace

import pytest
import sqlalchemy as sa
from case_leads import looked
from sqlalchemy.exc import DBAPIError
from store_sites import rect

from leads.cases.book import CaseBook, Step
from leads.cases.errors import CaseConflictError, CaseError
from leads.cases.procedure import procedure
from leads.cases.regulators import banner_of, propose
from leads.store import tables
from leads.store.store import Store

DAY = dt.date(2026, 3, 2)
BY = "王检"
HOLDER = {"layers": "草原 某草场 1 900 m²（1.35 亩）", "holder": "某矿业"}

ALLOWED = {
    "preliminary": "filed not_filed transferred",
    "not_filed": "preliminary",
    "filed": "consultation recommendation closed transferred",
    "consultation": "recommendation rectification look_again closed transferred",
    "recommendation": "reply rectification look_again prosecuted closed transferred",
    "reply": "rectification look_again prosecuted closed transferred",
    "rectification": "reply look_again prosecuted closed transferred",
    "look_again": "look_again rectification recommendation prosecuted closed transferred",
    "prosecuted": "rectification look_again closed",
    "closed": "look_again",
    "transferred": "",
}
WAY = {
    "preliminary": "", "not_filed": "not_filed", "filed": "filed", "consultation": "filed consultation",
    "recommendation": "filed recommendation", "reply": "filed recommendation reply",
    "rectification": "filed recommendation rectification", "look_again": "filed recommendation look_again",
    "prosecuted": "filed recommendation reply prosecuted", "closed": "filed recommendation closed",
    "transferred": "transferred",
}  # fmt: skip


def filled(store: Store) -> list[str]:
    sites = {rect(x, 0): ("陈巴尔虎旗", HOLDER) for x in (0, 3)}
    store.night("run", "steppe", [looked(1, sites)], (), ())
    return [lead.id for lead in store.leads()]


def opened(store: Store):
    book = CaseBook(store)
    return book, book.open(filled(store)[:1], "", BY, DAY)[0]


def test_every_step_between_two_states_is_allowed_or_refused_as_the_table_says(store):
    book, case = opened(store)
    states = [state.id for state in procedure().states]
    assert set(ALLOWED) == set(states)
    for now in states:
        for to in states:
            with store.writing() as connection:  # a case of its own for each pair
                pair = f"{now}-{to}"
                mine = tables.cases.select().where(tables.cases.c.id == case.id)
                row = dict(connection.execute(mine).mappings().one())
                connection.execute(tables.cases.insert().values(row | {"id": pair, "state": now}))
                for place, state in enumerate(["preliminary", *WAY[now].split()]):
                    at = dt.datetime(2025, 1, 1 + place, 4, tzinfo=dt.UTC)
                    due = dt.date(2025, 2, 1) if state == "recommendation" else None
                    event = {"case_id": pair, "state": state, "at": at, "due": due, "by": BY, "note": ""}
                    connection.execute(tables.case_events.insert().values(event))
            step = Step(to, BY, DAY)
            if to in ALLOWED[now].split():
                assert book.move(pair, step).state == to
            else:
                with pytest.raises(CaseError, match="can go to"):
                    book.move(pair, step)
                assert book.case(pair).state == now


def test_the_way_of_a_case_with_its_clock(store):
    book, case = opened(store)
    assert (case.id, case.state, case.regulator, case.jurisdiction) == (
        "AJ-2026-0001",
        "preliminary",
        "自然资源局",
        "旗市区",
    )
    book.move(case.id, Step("立案", BY, DAY))
    sent = book.move(case.id, Step("检察建议", BY, dt.date(2026, 3, 31), named={"addressee": "某局"}))
    assert (sent.due, sent.addressee) == (dt.date(2026, 5, 31), "某局")
    with pytest.raises(CaseError, match="may still answer until 2026-05-31"):
        book.move(case.id, Step("起诉", BY, dt.date(2026, 5, 31)))
    (term,) = book.running(dt.date(2026, 6, 2))
    assert term.days_left == -2
    more = book.add(case.id, filled(store), BY, dt.date(2026, 4, 1))
    assert len(more.leads) == 2
    assert more.due == sent.due  # a note beside it does not stop the clock
    answered = book.move(case.id, Step("回复", BY, dt.date(2026, 4, 20)))
    assert answered.due is None
    assert book.running(dt.date(2026, 6, 2)) == ()
    ended = book.move(case.id, Step("终结", BY, dt.date(2026, 4, 20)))
    assert ended.closed == dt.date(2026, 4, 20)
    with pytest.raises(CaseError, match="has ended"):
        book.add(case.id, [filled(store)[0]], BY, dt.date(2026, 4, 21))
    back = book.move(case.id, Step("回头看", BY, dt.date(2026, 7, 1)))
    assert back.closed is None
    assert [back.state_on(day) for day in (dt.date(2026, 3, 30), DAY - dt.timedelta(1))] == ["filed", ""]


def test_fifteen_days_where_it_is_urgent_and_a_term_of_its_own_where_it_is_set(store):
    book, case = opened(store)
    book.move(case.id, Step("filed", BY, DAY))
    assert book.move(case.id, Step("recommendation", BY, DAY, urgent=True)).due == dt.date(2026, 3, 17)
    promised = book.move(case.id, Step("rectification", BY, DAY, due=dt.date(2026, 12, 31)))
    assert promised.due == dt.date(2026, 12, 31)
    with pytest.raises(CaseError, match="begins no term"):
        book.move(case.id, Step("reply", BY, DAY, urgent=True))


def test_who_saw_an_older_version_is_told_and_nothing_is_written(store):
    book, case = opened(store)
    book.move(case.id, Step("filed", BY, DAY), base=1)
    with pytest.raises(CaseConflictError, match="at version 2, not 1"):
        book.move(case.id, Step("not_filed", "李检", DAY), base=1)
    assert book.case(case.id).state == "filed"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step("filed", BY, dt.date(2999, 1, 1)), "has not come yet"),
        (Step("filed", BY, dt.date(2026, 3, 1)), "can not lie before"),
        (Step("filed", " ", DAY), "say who"),
        (Step("判决", BY, DAY), "is no state"),
        (Step("filed", BY, DAY, note="x" * 4001), "longer than"),
    ],
)
def test_a_step_that_can_not_be_is_refused_with_the_reason(store, step, said):
    book, case = opened(store)
    with pytest.raises(CaseError, match=said):
        book.move(case.id, step)
    assert book.case(case.id) == case


def test_a_case_needs_leads_that_are_there_and_a_lead_serves_several_cases(store):
    book, case = opened(store)
    with pytest.raises(CaseError, match="there is no lead"):
        book.open(["WX-NONE"], "", BY, DAY)
    other, _ = book.open(case.leads, "'; DROP TABLE cases; --", BY, DAY)
    assert [one.id for one in book.cases(lead_id=case.leads[0])] == ["AJ-2026-0001", other.id]
    assert book.cases(state="立案") == ()


@pytest.mark.parametrize("kind", ["sqlite", "postgis"])
def test_steps_are_only_appended(kind, request):
    with Store.open(request.getfixturevalue(f"{kind}_store")()) as store:
        book, case = opened(store)
        moved = book.move(case.id, Step("立案", BY, DAY))
        assert [one.state for one in moved.events] == ["preliminary", "filed"]
        for change in (tables.case_events.update().values(note="x"), tables.case_events.delete()):
            with pytest.raises((DBAPIError, sa.exc.InternalError)), store.engine.begin() as connection:
                connection.execute(change)
        assert book.case(case.id) == moved


@pytest.mark.parametrize(
    ("place", "row", "jurisdiction", "addressee"),
    [
        ("加格达奇区", {}, "黑龙江", "大兴安岭地区（黑龙江省）主管部门"),
        ("松岭区小扬气镇", {}, "黑龙江", "大兴安岭地区（黑龙江省）主管部门"),
        ("鄂温克族自治旗", {"layers": "自然保护区 辉河 核心区 1 m²（0.00 亩）"}, "保护区", "自然保护区管理机构"),
        ("根河市", {"layers": "林地 阿龙山森工公司 2 m²（0.00 亩）"}, "森工", "内蒙古大兴安岭重点国有林管理局"),
        ("额尔古纳市", {"holder": "呼伦贝尔农垦某农场"}, "农垦", "额尔古纳市自然资源主管部门"),
        ("", {"regulator": "不详（按地类与管辖另行确定） unknown"}, "旗市区", "自然资源主管部门"),
    ],
)
def test_whom_a_recommendation_would_go_to(a_lead, place, row, jurisdiction, addressee):
    proposal = propose([replace(a_lead(), place=place, attributes=row)])
    assert (proposal.jurisdiction, proposal.addressee) == (jurisdiction, addressee)
    assert proposal.notes  # a proposal always says what to check


def test_banners():
    places = ("呼伦贝尔市新巴尔虎右旗宝格德乌拉苏木", "某镇 某村", "")
    assert [banner_of(place) for place in places] == ["新巴尔虎右旗", "某镇", "不详"]

"""Cases as people and scripts see them on the command line."""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from leads.area import mu
from leads.cases.like import Kind
from leads.cases.lookback import SiteDue, Why
from leads.cases.procedure import procedure
from leads.cases.records import Case, Running
from pipelines.shown import plain as safe

__all__ = ["case_text", "cases_table", "due_json", "due_text", "json_of", "like_text", "safe"]

_WHY = {Why.RECOMMENDATION: "检察建议期满 recommendation", Why.PENALTY: "处罚期限已过 penalty"}


def json_of(case: Case) -> dict[str, Any]:
    """A case as one JSON document."""
    return {
        "id": case.id,
        "title": case.title,
        "state": case.state,
        "state_zh": procedure().state(case.state).zh,
        "regulator": case.regulator,
        "addressee": case.addressee,
        "jurisdiction": case.jurisdiction,
        "opened": case.opened.isoformat(),
        "closed": case.closed.isoformat() if case.closed else None,
        "due": case.due.isoformat() if case.due else None,
        "version": case.version,
        "leads": list(case.leads),
        "next": list(procedure().state(case.state).next),
        "events": [
            {"state": one.state, "day": one.day.isoformat(), "at": one.at.isoformat(), "by": one.by, "note": one.note,
             "due": one.due.isoformat() if one.due else None}
            for one in case.events
        ],
    }  # fmt: skip


def cases_table(cases: Sequence[Case]) -> Table:
    """Cases as a table; what others wrote is shown as text, never as markup."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("案件 case", "状态 state", "期限 due", "立卷 opened", "线索 leads"):
        table.add_column(heading, no_wrap=True)
    table.add_column("监管部门 regulator", overflow="fold")
    table.add_column("案由 title", overflow="fold")
    for case in cases:
        state = procedure().state(case.state)
        table.add_row(case.id, f"{state.zh} {state.en}", f"{case.due or '–'}", f"{case.opened}", f"{len(case.leads)}",
                      Text(safe(case.regulator)), Text(safe(case.title)))  # fmt: skip
    return table


def case_text(case: Case) -> str:
    """All of a case, for reading."""
    state = procedure().state(case.state)
    following = "、".join(f"{procedure().state(one).zh} {one}" for one in state.next) or "无 none"
    facts = (
        ("案件 case", f"{case.id}（第 {case.version} 版 version {case.version}）"),
        ("案由 title", case.title),
        ("状态 state", f"{state.zh} {state.en}{f'，终于 ended {case.closed}' if case.closed else ''}"),
        ("期限 due", f"{case.due}（末日为法定休假日的顺延 later by a holiday）" if case.due else "–"),
        ("监管部门 regulator", case.regulator),
        ("被建议单位 addressee", case.addressee),
        ("管辖 jurisdiction", case.jurisdiction),
        ("可转为 next", following),
    )
    lines = [f"{name}：{safe(text)}" for name, text in facts]
    lines += [f"线索 lead  {safe(lead)}" for lead in case.leads]
    for one in case.events:
        due = f"，期限 due {one.due}" if one.due else ""
        lines.append(f"办理 step  {one.day}  {procedure().state(one.state).zh}{due}  {safe(one.by)}  {safe(one.note)}")
    return "\n".join(lines)


def due_json(terms: Sequence[Running], sites: Sequence[SiteDue]) -> dict[str, Any]:
    """Terms and sites as one JSON document."""
    return {
        "terms": [
            {"case": one.case.id, "state": one.case.state, "due": one.due.isoformat(), "days_left": one.days_left,
             "addressee": one.case.addressee}
            for one in terms
        ],
        "look_again": [
            {"lead": one.lead.id, "why": one.why.value, "deadline": one.deadline.isoformat(),
             "case": one.case_id or None, "last_look": one.last_look.isoformat() if one.last_look else None,
             "area_mu": round(mu(one.lead.area_m2), 2), "place": one.lead.place}
            for one in sites
        ],
    }  # fmt: skip


def due_text(terms: Sequence[Running], sites: Sequence[SiteDue]) -> str:
    """Terms and sites, for reading."""
    lines = [f"期限 terms：{len(terms)}"]
    for term in terms:
        left = f"还有 {term.days_left} 天 left" if term.days_left >= 0 else f"已过 {-term.days_left} 天 overdue"
        state = procedure().state(term.case.state).zh
        lines.append(f"  {term.due}  {left}  {term.case.id} {state}  {safe(term.case.addressee)}")
    lines.append(f"回头看 to look at again：{len(sites)}")
    for site in sites:
        last = f"上次 last {site.last_look}" if site.last_look else "期限后未看 not since"
        lines.append(f"  {site.deadline}  {_WHY[site.why]}  {site.lead.id}  {site.case_id or '–'}  {last}")
    return "\n".join(lines)


def like_text(kind: Kind) -> str:
    """Leads of one kind, for reading."""
    traits = "；".join(f"{one.value} {'、'.join(sorted(kind.traits[one]))}" for one in kind.by)
    lines = [
        f"与 {kind.like} 同类 of the same kind（{safe(traits)}）：{len(kind.leads)} 条，{mu(kind.area_m2):,.1f} 亩"
    ]
    for lead in kind.leads:
        lines.append(f"  {lead.id}  {lead.first_seen}  {mu(lead.area_m2):,.1f} 亩  {lead.status}  {safe(lead.place)}")
    lines.append("按权利人累计 by holder（重叠只计一次 shared ground once）：")
    for one in kind.holders:
        span = f"{mu(one.low_m2):,.1f}–{mu(one.high_m2):,.1f}"
        lines.append(f"  {safe(one.name)}  {len(one.leads)} 条  {mu(one.area_m2):,.1f} 亩（{span}）")
    return "\n".join([*lines, "线索，非测绘成果、非鉴定意见"])

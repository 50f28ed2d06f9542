"""回头看: which sites are due to be looked at again, and what a look found of them.

"Replied" is what the agency says; "restored" is what the imagery shows. They are never added together, and ground that
was not observed is neither restored nor left.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from leads.area import mu
from leads.cases.book import CaseBook
from leads.cases.procedure import procedure
from leads.cases.records import Case
from leads.cases.recovery import Recovery, duty_of, recovered
from leads.store import tables
from leads.store.query import LeadQuery
from leads.store.records import LeadRecord
from leads.store.store import Store

__all__ = ["Recovery", "duty_of", "facts", "record", "recovered", "report_of", "sites_due"]

EVERY_DAYS = 30
"""A site is due again so long after a look that saw it."""

SEEN = 0.8
"""A look that observed less of a site leaves it due."""

_DEADLINE = re.compile(r"期限 (\d{4}-\d{2}-\d{2})")


class Why(StrEnum):
    """What a site is looked at again for."""

    RECOMMENDATION = "recommendation"
    """The term of a recommendation is over."""

    PENALTY = "penalty"
    """The day for restoring that a penalty set is past."""


Told = tuple[Why, dt.date, str]
"""Why, deadline, case."""


@dataclass(frozen=True)
class SiteDue:
    """A site to be looked at again."""

    lead: LeadRecord
    why: Why
    deadline: dt.date
    case_id: str
    """Empty where no case has it."""

    last_look: dt.date | None
    """The latest look that saw enough of it; None where there was none since the deadline."""


@dataclass(frozen=True)
class Look:
    """A row of the store: a look again at a lead."""

    lead_id: str
    day: dt.date
    restored_m2: float
    remaining_m2: float
    observed_share: float
    run_id: str


@dataclass(frozen=True)
class RecoveryReport:
    """A site since its deadline: looks, and apart from them what the agency answered."""

    lead: LeadRecord
    looks: tuple[Look, ...]
    """By day."""

    case: Case | None
    replied: dt.date | None
    """When the agency answered; says nothing of the ground."""

    deadline: dt.date | None

    @property
    def newest(self) -> Look | None:
        """The latest look that observed anything."""
        return next((look for look in reversed(self.looks) if look.observed_share > 0), None)


def sites_due(store: Store, today: dt.date, every_days: int = EVERY_DAYS) -> tuple[SiteDue, ...]:
    """The sites whose deadline is past and that were not seen since, or not for a while; the longest overdue first.

    Leads that were rejected, or whose case ended as not filed or transferred, are left out; one that was closed too.
    """
    looks = _looks(store)
    wanted: dict[str, Told] = {}
    for case in CaseBook(store).cases():
        deadline = _deadline_of(case)
        if deadline is None or deadline >= today or procedure().state(case.state).ends:
            continue
        for lead_id in case.leads:
            had = wanted.get(lead_id)
            if had is None or deadline < had[1]:
                wanted[lead_id] = (Why.RECOMMENDATION, deadline, case.id)
    found: dict[str, SiteDue] = {}
    for lead, told in _sites(store, wanted):
        if told is None or told[1] >= today or lead.status == "rejected" or lead.id in found:
            continue
        why, deadline, case_id = told
        seen = [one.day for one in looks.get(lead.id, ()) if one.observed_share >= SEEN and one.day > deadline]
        last = max((day for day in seen if day <= today), default=None)
        if last is None or (today - last).days >= every_days:
            found[lead.id] = SiteDue(lead, why, deadline, case_id, last)
    return tuple(sorted(found.values(), key=lambda one: (one.deadline, one.lead.id)))


def record(store: Store, lead_id: str, recovery: Recovery, run_id: str) -> None:
    """Enters a look again; the same look of the same run twice changes nothing."""
    c = tables.recoveries.c
    with store.writing() as connection:
        same = (c.lead_id == lead_id, c.day == recovery.day, c.run_id == run_id)
        if connection.execute(sa.select(c.id).where(*same)).first():
            return
        row = {"lead_id": lead_id, "day": recovery.day, "restored_m2": recovery.restored_m2, "run_id": run_id}
        row |= {"remaining_m2": recovery.remaining_m2, "observed_share": recovery.observed_share}
        connection.execute(tables.recoveries.insert().values(**row))


def report_of(store: Store, lead_id: str) -> RecoveryReport | None:
    """A lead's recovery; None where there is no such lead."""
    lead = store.lead(lead_id)
    if lead is None:
        return None
    cases = CaseBook(store).cases(lead_id=lead_id)
    case = max(cases, key=lambda one: (one.first("recommendation") or dt.date.min, one.id), default=None)
    penalty = _penalty(lead)
    deadline = (_deadline_of(case) if case else None) or (penalty[1] if penalty else None)
    replied = case.first("reply") if case else None
    return RecoveryReport(lead, _looks(store, lead_id).get(lead_id, ()), case, replied, deadline)


def facts(report: RecoveryReport) -> dict[str, str]:
    """What the 回头看报告 says of it: label → text, for `DossierInput.extra`; empty where there is nothing to say."""
    if report.case is None and not report.looks:
        return {}
    said: dict[str, str] = {}
    if report.case is not None:
        state = procedure().state(report.case.state)
        said["所属案件"] = f"{report.case.id}　{report.case.title}（{state.zh}）"
        sent = report.case.first("recommendation")
        said["检察建议送达"] = f"{sent}" if sent else "未提出"
    if report.deadline is not None:
        said["期限"] = f"{report.deadline}"
    if report.case is not None:
        said["行政机关回复"] = f"{report.replied}（回复不等于恢复）" if report.replied else "未见回复记录"
    newest = report.newest
    if newest is None:
        said["影像核实"] = f"回头看 {len(report.looks)} 次，均未观测到该地块" if report.looks else "尚未回头看"
        return said
    blind = max(report.lead.area_m2 - newest.restored_m2 - newest.remaining_m2, 0.0)
    said["回头看影像日期"] = f"{newest.day}（共 {len(report.looks)} 次）"
    said["影像核实已恢复"] = f"{mu(newest.restored_m2):,.1f} 亩（植被与周边相当，非测绘成果，不等于验收达标）"
    said["影像所见未恢复"] = f"{mu(newest.remaining_m2):,.1f} 亩"
    said["未观测"] = f"{mu(blind):,.1f} 亩（既不计已恢复，也不计未恢复）"
    return said


def _deadline_of(case: Case) -> dt.date | None:
    """The last term that a recommendation, or a promise to put right, set."""
    days = [one.due for one in case.events if one.due is not None and one.state in ("recommendation", "rectification")]
    return days[-1] if days else None


def _penalty(lead: LeadRecord) -> Told | None:
    """The deadline of the penalty that a lead's row names."""
    if lead.attributes.get("known_st") != "unrestored":
        return None
    told = _DEADLINE.findall(str(lead.attributes.get("known_note") or ""))
    try:
        return (Why.PENALTY, dt.date.fromisoformat(told[-1]), "") if told else None
    except ValueError:
        return None


def _sites(store: Store, wanted: Mapping[str, Told]) -> Iterator[tuple[LeadRecord, Told | None]]:
    """Leads of cases, each as the one it ended in, and those that a table calls penalised and not restored."""
    leads, seen = tables.leads, tables.observations
    newest = sa.and_(seen.c.detector == leads.c.detector, seen.c.key == leads.c.newest)
    unrestored = seen.c.row["known_st"].as_string() == "unrestored"
    with store.reading() as connection:
        joined = sa.select(leads.c.id).join_from(leads, seen, newest)
        penalised = list(connection.execute(joined.where(unrestored, leads.c.merged_into == "")).scalars())
    for lead_id, told in sorted(wanted.items(), key=lambda pair: (pair[1][1], pair[0])):
        lead = standing(store, lead_id)
        if lead is not None:
            yield lead, told
    for start in range(0, len(penalised), 500):
        for lead in store.leads(LeadQuery(ids=penalised[start : start + 500])):
            yield lead, _penalty(lead)


def standing(store: Store, lead_id: str) -> LeadRecord | None:
    """A lead, or the one that goes on for it where it became part of another; None where there is none."""
    lead = store.lead(lead_id)
    passed = {lead_id}
    while lead is not None and lead.into and lead.into not in passed:
        passed.add(lead.into)
        lead = store.lead(lead.into)
    return lead


def _looks(store: Store, lead_id: str | None = None) -> dict[str, tuple[Look, ...]]:
    c = tables.recoveries.c
    asked = tables.recoveries.select().order_by(c.day, c.id)
    found: dict[str, tuple[Look, ...]] = {}
    with store.reading() as connection:
        rows = connection.execute(asked if lead_id is None else asked.where(c.lead_id == lead_id)).mappings()
        for row in rows:
            look = Look(**{name: row[name] for name in row if name != "id"})
            found[look.lead_id] = (*found.get(look.lead_id, ()), look)
    return found

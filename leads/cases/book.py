"""The book of cases in the store: opened, given leads, moved from state to state. Steps are only ever appended."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from leads.cases.clocks import term_of
from leads.cases.errors import CaseConflictError, CaseError
from leads.cases.procedure import CaseState, procedure
from leads.cases.records import Case, CaseEvent, Running
from leads.cases.regulators import Proposal, propose
from leads.priority import SHANGHAI
from leads.store import tables
from leads.store.query import LeadQuery
from leads.store.store import Store

MOST_CHARACTERS = 4_000
_NOON = dt.time(12)


@dataclass(frozen=True)
class Step:
    """What moves a case on."""

    to: str
    """State by id, Chinese or English name."""

    by: str
    on: dt.date
    """Day of the step: for a recommendation the day on which it was received."""

    note: str = ""
    urgent: bool = False
    due: dt.date | None = None
    """Last day of the term that it begins; by the clock's rule when None."""

    named: Mapping[str, str] | None = None
    """Regulator, addressee, jurisdiction where they change."""


class Watching(Protocol):
    """Stands by in the transaction of a step and records it (`leads.evidence.witness`)."""

    def before_case(self, connection: Connection, case_id: str) -> None:
        """A case that is about to be changed; locked."""

    def after_case(self, connection: Connection, case_id: str, version: int) -> None:
        """The step is written; the case has this version now."""


@dataclass(frozen=True)
class CaseBook:
    """All cases of a store."""

    store: Store
    watching: Watching | None = None
    """A home whose evidence is kept needs one: what else changes a case counts as changed by hand."""

    def case(self, case_id: str) -> Case:
        """A case by its id.

        Raises:
            CaseError: if there is none.
        """
        with self.store.reading() as connection:
            return _case(connection, case_id)

    def cases(self, state: str = "", lead_id: str = "", open_only: bool = False) -> tuple[Case, ...]:
        """Cases by id; of a state, with a lead, or not ended."""
        c = tables.cases.c
        wanted = [] if not state else [c.state == procedure().state(state).id]
        wanted += [c.closed.is_(None)] if open_only else []
        if lead_id:
            has = sa.select(tables.case_leads.c.case_id).where(tables.case_leads.c.lead_id == lead_id)
            wanted.append(c.id.in_(has))
        with self.store.reading() as connection:
            rows = connection.execute(tables.cases.select().where(*wanted).order_by(c.id)).mappings().all()
            leads, events = _leads(connection), _events(connection)
            return tuple(_told(row, leads.get(row["id"], ()), events.get(row["id"], ())) for row in rows)

    def open(
        self, lead_ids: Sequence[str], title: str, by: str, on: dt.date, named: Mapping[str, str] | None = None
    ) -> tuple[Case, Proposal]:
        """Opens a case of one or more leads in the first state; says who the regulator may be.

        Raises:
            CaseError: if a lead is not there, has become part of another, or a text is too long.
        """
        _checked(title=title, by=by, **(named or {}))
        leads = self._leads(lead_ids)
        proposal = propose(leads)
        told = {"regulator": proposal.regulator, "addressee": proposal.addressee, "jurisdiction": proposal.jurisdiction}
        told |= {name: text for name, text in (named or {}).items() if text}
        now, first = dt.datetime.now(dt.UTC), procedure().states[0]
        at = _moment(on, now)
        name = title or f"{leads[0].place or leads[0].aoi} {leads[0].attributes.get('model_zh') or leads[0].detector}"
        with self.store.writing(alone=True) as connection:
            case_id = _next_id(connection, on)
            row = told | {"id": case_id, "title": name.strip(), "state": first.id, "opened": on, "closed": None}
            connection.execute(tables.cases.insert().values(**row, created=now, updated=now, version=1))
            added = [{"case_id": case_id, "lead_id": lead.id, "added": at} for lead in leads]
            connection.execute(tables.case_leads.insert(), added)
            _append(connection, case_id, first.id, at, by, note="、".join(lead.id for lead in leads))
            return self._recorded(connection, case_id), proposal

    def add(self, case_id: str, lead_ids: Sequence[str], by: str, on: dt.date, base: int | None = None) -> Case:
        """Adds leads to a case; one that it has already changes nothing.

        Raises:
            CaseError: if the case or a lead is not there, or the case has ended.
            CaseConflictError: if the case is not at version `base` any more.
        """
        _checked(by=by)
        leads = self._leads(lead_ids)
        now = dt.datetime.now(dt.UTC)
        at = _moment(on, now)
        with self.store.writing(alone=True) as connection:
            case = _locked(connection, case_id, base)
            if procedure().state(case.state).ends:
                raise CaseError(f"{case.id} has ended ({_name(case.state)}): open another case for these leads")
            at = _after(case, at)
            fresh = [lead.id for lead in leads if lead.id not in case.leads]
            if not fresh:
                return case
            self._watch(connection, case_id)
            added = [{"case_id": case.id, "lead_id": one, "added": at} for one in fresh]
            connection.execute(tables.case_leads.insert(), added)
            _append(connection, case.id, case.state, at, by, note=f"并入线索 {'、'.join(fresh)}")
            _bump(connection, case, now)
            return self._recorded(connection, case_id)

    def move(self, case_id: str, step: Step, base: int | None = None) -> Case:
        """Moves a case to another state.

        Raises:
            CaseError: if the step is not allowed; the message says which are.
            CaseConflictError: if the case is not at version `base` any more.
        """
        named = {name: text for name, text in (step.named or {}).items() if text}
        _checked(by=step.by, note=step.note, **named)
        now = dt.datetime.now(dt.UTC)
        at = _moment(step.on, now)
        with self.store.writing(alone=True) as connection:
            case = _locked(connection, case_id, base)
            state = procedure().state(step.to)
            at = _after(case, at)
            _allowed(case, state, step.on)
            due = _due(state, step)
            self._watch(connection, case_id)
            _append(connection, case.id, state.id, at, step.by, step.note, due)
            _bump(connection, case, now, state=state.id, closed=step.on if state.ends else None, **named)
            return self._recorded(connection, case_id)

    def running(self, today: dt.date, within: int | None = None) -> tuple[Running, ...]:
        """Terms that run, the earliest end first; those that end within so many days, or all."""
        found = [Running(one, one.due, (one.due - today).days) for one in self.cases(open_only=True) if one.due]
        found = [one for one in found if within is None or one.days_left <= within]
        return tuple(sorted(found, key=lambda one: (one.due, one.case.id)))

    def _watch(self, connection: Connection, case_id: str) -> None:
        if self.watching is not None:
            self.watching.before_case(connection, case_id)

    def _recorded(self, connection: Connection, case_id: str) -> Case:
        case = _case(connection, case_id)
        if self.watching is not None:
            self.watching.after_case(connection, case_id, case.version)
        return case

    def _leads(self, lead_ids: Sequence[str]) -> list[Any]:
        wanted = list(dict.fromkeys(lead_ids))
        if not wanted:
            raise CaseError("a case has at least one lead: name it by its 监测编号 (weixun leads list)")
        found = {lead.id: lead for lead in self.store.leads(LeadQuery(ids=wanted))}
        for lead_id in wanted:
            if lead_id not in found:
                raise CaseError(
                    f"there is no lead {lead_id[:80]} in {self.store.name}: weixun leads list names them all"
                )
            if found[lead_id].into:
                raise CaseError(f"the lead {lead_id} has become part of {found[lead_id].into}: name that one")
        return [found[lead_id] for lead_id in wanted]


def _allowed(case: Case, state: CaseState, on: dt.date) -> None:
    now = procedure().state(case.state)
    if state.id not in now.next:
        told = "、".join(_name(one) for one in now.next) or "无 none"
        raise CaseError(f"{case.id} is at {_name(now.id)} and can not go to {_name(state.id)}; it can go to {told}")
    if not state.needs:
        return
    if case.first(state.needs) is None:
        raise CaseError(f"{case.id} can not go to {_name(state.id)}: there was no {_name(state.needs)} before it")
    if now.id == state.needs and case.due is not None and on <= case.due:
        raise CaseError(
            f"{case.id} can not go to {_name(state.id)} on {on}: the agency may still answer until {case.due}; "
            f"enter its answer first, or wait for the day after"
        )


def _due(state: CaseState, step: Step) -> dt.date | None:
    if step.urgent and not state.clock:
        raise CaseError(f"{_name(state.id)} begins no term: leave --urgent away")
    if step.due is not None:
        if step.due < step.on:
            raise CaseError(f"the term can not end on {step.due}, before the step on {step.on}")
        return step.due
    return term_of(state.clock, step.on, step.urgent).due if state.clock else None


def _name(state: str) -> str:
    one = procedure().state(state)
    return f"{one.zh} {one.id}"


def _after(case: Case, at: dt.datetime) -> dt.datetime:
    """The moment of a step, not before the latest one: of two steps on one day the one entered later comes later."""
    last = case.events[-1]
    if at.astimezone(SHANGHAI).date() < last.day:
        raise CaseError(f"{case.id}: the latest step was on {last.day}; a step can not lie before it")
    return max(at, last.at)


def _moment(on: dt.date, now: dt.datetime) -> dt.datetime:
    """A step's moment: now for today's, noon in Shanghai for another day's."""
    today = now.astimezone(SHANGHAI).date()
    if on > today:
        raise CaseError(f"{on} has not come yet: enter a step on its day or later")
    return now if on == today else dt.datetime.combine(on, _NOON, SHANGHAI).astimezone(dt.UTC)


def _checked(**texts: str) -> None:
    for name, text in texts.items():
        if len(text) > MOST_CHARACTERS or "\0" in text:
            raise CaseError(f"{name} is longer than {MOST_CHARACTERS} characters or holds a zero character")
    if not texts.get("by", "").strip():
        raise CaseError("say who enters it: --by NAME")


def _locked(connection: Connection, case_id: str, base: int | None) -> Case:
    """A case that nobody else changes until the transaction ends."""
    c = tables.cases.c
    if not connection.execute(sa.select(c.id).where(c.id == case_id).with_for_update()).first():
        raise _unknown(case_id)
    case = _case(connection, case_id)
    if base is not None and base != case.version:
        raise CaseConflictError(
            f"{case.id} is at version {case.version}, not {base}: it was changed on "
            f"{case.updated.astimezone(SHANGHAI):%Y-%m-%d %H:%M} ({_name(case.state)}, {case.events[-1].by}); "
            f"nothing was written, look at it again  案件已更新为第 {case.version} 版"
        )
    return case


def _bump(connection: Connection, case: Case, now: dt.datetime, **changed: Any) -> None:
    c = tables.cases.c
    same = sa.and_(c.id == case.id, c.version == case.version)
    done = connection.execute(
        tables.cases.update().where(same).values(**changed, updated=now, version=case.version + 1)
    )
    if not done.rowcount:
        raise CaseConflictError(f"{case.id} was changed at the same moment by somebody else: look at it again")


def _append(
    connection: Connection, case_id: str, state: str, at: dt.datetime, by: str, note: str, due: dt.date | None = None
) -> None:
    row = {"case_id": case_id, "state": state, "at": at, "due": due, "by": by, "note": note}
    connection.execute(tables.case_events.insert().values(**row))


def _next_id(connection: Connection, on: dt.date) -> str:
    """The next number of a year, such as ``AJ-2026-0007``."""
    c = tables.cases.c
    start = f"AJ-{on.year}-"
    taken = connection.execute(sa.select(c.id).where(c.id.startswith(start, autoescape=True))).scalars()
    numbers = [int(one.removeprefix(start)) for one in taken if one.removeprefix(start).isdigit()]
    return f"{start}{max(numbers, default=0) + 1:04d}"


def _unknown(case_id: str) -> CaseError:
    return CaseError(f"there is no case {case_id[:80]}: weixun cases list names them all")


def _case(connection: Connection, case_id: str) -> Case:
    row = connection.execute(tables.cases.select().where(tables.cases.c.id == case_id)).mappings().first()
    if row is None:
        raise _unknown(case_id)
    return _told(row, _leads(connection, case_id).get(case_id, ()), _events(connection, case_id).get(case_id, ()))


def _told(row: RowMapping, leads: Sequence[str], events: Sequence[CaseEvent]) -> Case:
    return Case(**dict(row), leads=tuple(leads), events=tuple(events))


def _leads(connection: Connection, case_id: str | None = None) -> dict[str, list[str]]:
    c = tables.case_leads.c
    asked = sa.select(c.case_id, c.lead_id).order_by(c.case_id, c.added, c.lead_id)
    found: dict[str, list[str]] = {}
    for case, lead in connection.execute(asked if case_id is None else asked.where(c.case_id == case_id)):
        found.setdefault(case, []).append(lead)
    return found


def _events(connection: Connection, case_id: str | None = None) -> dict[str, list[CaseEvent]]:
    c = tables.case_events.c
    asked = tables.case_events.select().order_by(c.at, c.id)
    found: dict[str, list[CaseEvent]] = {}
    for row in connection.execute(asked if case_id is None else asked.where(c.case_id == case_id)).mappings():
        found.setdefault(row["case_id"], []).append(CaseEvent(**dict(row)))
    return found

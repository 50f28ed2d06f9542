"""Counting: every figure follows the period, nothing is counted twice, nothing dated after `as_of` is seen."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from leads.cases.book import CaseBook
from leads.cases.records import Case
from leads.cases.regulators import UNKNOWN, banner_of
from leads.stats.ground import ground
from leads.stats.model import STAGES, By, Group, Numbers, Restored
from leads.stats.standing import Standing, end_of, standings
from leads.store import tables
from leads.store.records import Confidence, Stock
from leads.store.store import Store

TOTAL = "合计 total"
CHECKED = ("confirmed", "rejected", "known")


@dataclass(frozen=True)
class _Period:
    since: dt.date | None
    until: dt.date

    def holds(self, day: dt.date | None) -> bool:
        return day is not None and (self.since is None or self.since <= day) and day <= self.until


def numbers(
    store: Store,
    as_of: dt.date,
    since: dt.date | None = None,
    until: dt.date | None = None,
    aoi: str | None = None,
    by: By = "banner",
) -> Numbers:
    """The leader's numbers.

    Args:
        store: where everything is.
        as_of: nothing dated later is seen: no look, verdict, step or recovery.
        since: first day of the period; the beginning when None.
        until: last day of the period; `as_of` when None or later than it.
        aoi: only one area, and the cases that have a lead in it.
        by: how the funnel is split.
    """
    period = _Period(since, min(until or as_of, as_of))
    all_leads = standings(store, as_of, aoi)
    leads = [lead for lead in all_leads if period.holds(lead.first_seen)]
    mine = {lead.id: lead for lead in all_leads}
    linked = _linked(store, as_of, set(mine))
    cases = [case for case in CaseBook(store).cases() if case.opened <= as_of]
    if aoi is not None:
        cases = [case for case in cases if any(lead in mine for lead in linked.get(case.id, ()))]
    groups, total = _funnel(leads, cases, linked, mine, period, by)
    seen = ground(store, since, period.until, aoi)
    fresh = [lead for lead in leads if lead.confidence is Confidence.CONFIRMED and lead.stock is Stock.NEW]
    grades = Counter(lead.confidence for lead in leads)
    statuses = Counter(lead.status for lead in leads)
    reasons = Counter(lead.reason or "other" for lead in leads if lead.status == "rejected")
    states = Counter(filter(None, (case.state_on(period.until) for case in cases)))
    return Numbers(
        as_of=as_of,
        since=since,
        until=period.until,
        aoi=aoi,
        by=by,
        ground=seen,
        provisional=grades[Confidence.PROVISIONAL],
        confirmed=grades[Confidence.CONFIRMED],
        withdrawn=grades[Confidence.WITHDRAWN],
        inventory=sum(lead.stock is Stock.INVENTORY for lead in leads),
        known=statuses["known"],
        to_check=statuses["field_check"],
        reasons=dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
        groups=groups,
        total=total,
        cases=dict(sorted(states.items())),
        restored=_restored(store, period, None if aoi is None else set(mine)),
        replied=total.stages.get("reply", 0),
        weeks=_weeks(store, period, leads, aoi),
        new_confirmed=len(fresh),
    )


def _funnel(
    leads: Sequence[Standing],
    cases: Sequence[Case],
    linked: Mapping[str, Collection[str]],
    known: Mapping[str, Standing],
    period: _Period,
    by: By,
) -> tuple[tuple[Group, ...], Group]:
    """Leads and first steps by group. A case that touches several banners counts where most of its ground is."""
    leads_of: dict[str, list[Standing]] = defaultdict(list)
    for lead in leads:
        leads_of[banner_of(lead.place) if by == "banner" else lead.regulator].append(lead)
    steps: dict[str, Counter[str]] = defaultdict(Counter)
    for case in cases:
        name = _home(case, [known[one] for one in linked.get(case.id, ()) if one in known], by)
        for stage in STAGES:
            if period.holds(case.first(stage)):
                steps[name][stage] += 1
    names = sorted({*leads_of, *steps}, key=lambda one: (one == UNKNOWN, -len(leads_of.get(one, ())), one))
    groups = tuple(_group(name, leads_of.get(name, ()), steps.get(name, Counter())) for name in names)
    return groups, _group(TOTAL, leads, sum(steps.values(), Counter()))


def _group(name: str, leads: Sequence[Standing], steps: Mapping[str, int]) -> Group:
    statuses = Counter(lead.status for lead in leads)
    checked = sum(statuses[status] for status in CHECKED)
    return Group(name, len(leads), checked, statuses["confirmed"], statuses["rejected"], dict(steps))


def _home(case: Case, leads: Iterable[Standing], by: By) -> str:
    if by == "regulator":
        return case.regulator or UNKNOWN
    areas: Counter[str] = Counter()
    for lead in leads:
        areas[banner_of(lead.place)] += lead.area_m2  # type: ignore[assignment]  # areas add up like counts
    return min(areas, key=lambda name: (-areas[name], name)) if areas else UNKNOWN


def _linked(store: Store, as_of: dt.date, standing: Collection[str]) -> dict[str, set[str]]:
    """Leads of each case on a day; one that has ended in another as that one, once."""
    c, leads = tables.case_leads.c, tables.leads.c
    with store.reading() as connection:
        rows = connection.execute(sa.select(c.case_id, c.lead_id).where(c.added < end_of(as_of))).all()
        ended = sa.select(leads.id, leads.merged_into).where(leads.merged_into != "")
        into: dict[str, str] = {lead: other for lead, other in connection.execute(ended)}
    found: dict[str, set[str]] = defaultdict(set)
    for case_id, lead_id in rows:
        passed: set[str] = set()
        while lead_id not in standing and lead_id in into and lead_id not in passed:
            passed.add(lead_id)
            lead_id = into[lead_id]
        found[case_id].add(lead_id)
    return found


def _restored(store: Store, period: _Period, ids: set[str] | None) -> Restored:
    c = tables.recoveries.c
    latest: dict[str, tuple[float, float]] = {}
    asked: set[str] = set()
    with store.reading() as connection:
        rows = connection.execute(sa.select(c.lead_id, c.day, c.restored_m2, c.remaining_m2, c.observed_share)
                                  .where(c.day <= period.until).order_by(c.day, c.id))  # fmt: skip
        for lead_id, day, restored, remaining, share in rows:
            if period.holds(day) and (ids is None or lead_id in ids):
                asked.add(lead_id)
                if share > 0:
                    latest[lead_id] = (restored, remaining)
    return Restored(
        len(latest),
        sum(restored for restored, _ in latest.values()),
        sum(remaining for _, remaining in latest.values()),
        len(asked - set(latest)),
    )


def _weeks(store: Store, period: _Period, leads: Sequence[Standing], aoi: str | None) -> float:
    """Length of the period; without a first day, from the first look or lead on."""
    first = period.since
    if first is None:
        c = tables.looks.c
        with store.reading() as connection:
            mine = [] if aoi is None else [c.aoi == aoi]
            look = connection.execute(sa.select(sa.func.min(c.day)).where(*mine)).scalar()
        first = min([*([look] if look else []), *(lead.first_seen for lead in leads)], default=None)
    return 0.0 if first is None or first > period.until else ((period.until - first).days + 1) / 7

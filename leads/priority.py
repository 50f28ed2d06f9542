"""Which leads come first, and why: points that a person can follow, and a week that holds only so many.

The weights are set by hand (docs/design/cases.md says on what grounds): a score orders leads, it is no probability.
"""

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from aoi.kinds import KIND_NAMES
from leads.area import mu
from leads.standing import PermitState
from leads.store import tables
from leads.store.records import Confidence, LeadRecord
from leads.store.store import Store

SHANGHAI = ZoneInfo("Asia/Shanghai")

PROTECTED: Mapping[str, float] = {
    "basic_farmland": 15,
    "reserve_zones": 15,
    "black_soil": 12,
    "wetland": 12,
    "river_scope": 10,
    "forest_land": 8,
    "grassland": 8,
}
"""Points of the ground that the law protects most first; a lead takes the highest, and `MORE` for each other."""

MORE = 2.0
DERIVED = 0.5
"""What a layer counts that no office drew."""

_RULES = {"above": 20.0, "use": 12.0, "straddles": 10.0, "clock": 6.0, "no_layer": 4.0, "undecided": 4.0}
_RULE_WORDS = {
    "above": ("达到面积起点", "at or above the threshold"),
    "straddles": ("区间跨越面积起点", "its interval straddles the threshold"),
    "below": ("低于面积起点", "below the threshold"),
    "use": ("规则不看面积，看用途", "the rule goes by use, not by area"),
    "clock": ("规则看许可期限", "the rule is a permit's clock"),
    "no_layer": ("缺图层，起点无法比对", "a layer is missing: the threshold can not be compared"),
    "undecided": ("影像无法判定", "not decidable from imagery"),
}
LARGE_MU = 500.0
"""From this area on a lead has all the points for size."""

FRESH_DAYS = 45
GROWN = 0.2
"""A lead is growing when its outline is larger by this share than on its first look."""


class Weekly(Protocol):
    """Anything that says how many leads a week may come to the desk, such as the patrol's configuration."""

    @property
    def weekly(self) -> int:
        """Leads a week."""


@dataclass(frozen=True)
class Budget:
    """What an analyst can read in a week."""

    weekly: int = 10


@dataclass(frozen=True)
class Term:
    """One reason for a score."""

    name_zh: str
    name_en: str
    points: float
    """May be negative; 0 where it was considered and says nothing."""

    because: str
    """Chinese."""

    because_en: str = ""

    def to_json(self) -> dict[str, str | float]:
        """As it is kept in the store."""
        return {"zh": self.name_zh, "en": self.name_en, "points": self.points, "because": self.because,
                "because_en": self.because_en}  # fmt: skip


@dataclass(frozen=True)
class Priority:
    """A score with everything that it is the sum of."""

    score: float
    """Sum of the terms, not below 0."""

    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Filled:
    """What goes to the desk now, and what waits for another week."""

    now: tuple[LeadRecord, ...]
    waiting: tuple[LeadRecord, ...]
    aside: int = 0
    """Leads that are not for the desk: provisional, withdrawn, judged already, or part of another."""


def priority(lead: LeadRecord, today: dt.date, first_area_m2: float | None = None) -> Priority:
    """The score of a lead, every term listed, also those that say nothing.

    Args:
        lead: as the store has it.
        today: the day it is ranked on.
        first_area_m2: area on its first look; without it growth is told from merging alone.
    """
    terms = (
        _threshold(lead),
        _size(lead),
        _confidence(lead),
        _protected(lead),
        _permits(lead),
        _known(lead),
        _unrestored(lead),
        _growth(lead, first_area_m2),
        _fresh(lead, today),
    )
    return Priority(max(0.0, round(sum(term.points for term in terms), 1)), terms)


def fill(
    leads: Iterable[LeadRecord],
    budget: Weekly,
    today: dt.date,
    already: int,
    scores: Mapping[str, float] | None = None,
) -> Filled:
    """The week's leads from the top; the rest waits and is counted. Nothing depends on the order they come in.

    Args:
        leads: that nobody was handed yet.
        budget: leads a week.
        today: the day of the ranking.
        already: handed out since Monday (`week_of`).
        scores: of `prioritised`, by id, which know of growth too; counted here when None.
    """
    given = list(leads)
    fit = [lead for lead in given if lead.confidence is Confidence.CONFIRMED and lead.status == "new" and not lead.into]
    known = scores if scores is not None else {lead.id: priority(lead, today).score for lead in fit}
    ranked = ordered(fit, known)
    room = max(0, budget.weekly - max(0, already))
    return Filled(tuple(ranked[:room]), tuple(ranked[room:]), len(given) - len(fit))


def ordered(leads: Iterable[LeadRecord], scores: Mapping[str, float]) -> list[LeadRecord]:
    """Highest score first; among equals the larger one, then by id."""
    return sorted(leads, key=lambda lead: (-scores[lead.id], -lead.area_low_m2, lead.id))


def week_of(when: dt.datetime | dt.date) -> dt.date:
    """The Monday of the ISO week that a moment or a day lies in, in Asia/Shanghai."""
    day = when.astimezone(SHANGHAI).date() if isinstance(when, dt.datetime) else when
    return day - dt.timedelta(days=day.weekday())


def prioritised(store: Store, leads: Sequence[LeadRecord], today: dt.date) -> dict[str, Priority]:
    """The priorities of leads, with their growth by the store; kept there for the desk and for `weixun leads show`."""
    first = _first_areas(store, [lead.id for lead in leads])
    found = {lead.id: priority(lead, today, first.get(lead.id)) for lead in leads}
    rows = [
        {
            "lead_id": lead_id,
            "score": one.score,
            "terms": [term.to_json() for term in one.terms],
            "week": week_of(today),
        }
        for lead_id, one in sorted(found.items())
    ]
    with store.writing() as connection:
        for part in (rows[start : start + 500] for start in range(0, len(rows), 500)):
            ids = [row["lead_id"] for row in part]
            connection.execute(tables.priorities.delete().where(tables.priorities.c.lead_id.in_(ids)))
            connection.execute(tables.priorities.insert(), part)
    return found


def _first_areas(store: Store, ids: Sequence[str]) -> dict[str, float]:
    """Area of each lead on its earliest day: all of that day's outlines."""
    seen, links, leads = tables.observations, tables.links, tables.leads
    found: dict[str, float] = {}
    with store.reading() as connection:
        for start in range(0, len(ids), 500):
            asked = (
                sa.select(leads.c.id, sa.func.sum(seen.c.area_m2))
                .join_from(leads, links, links.c.lead == leads.c.number)
                .join(seen, seen.c.id == links.c.observation_id)
                .where(leads.c.id.in_(ids[start : start + 500]), seen.c.day == leads.c.first_seen)
                .group_by(leads.c.id)
            )
            found |= {lead_id: float(area) for lead_id, area in connection.execute(asked)}
    return found


def _said(lead: LeadRecord, name: str) -> str:
    value = lead.attributes.get(name)
    return "" if value is None else str(value)


def _threshold(lead: LeadRecord) -> Term:
    flag = _said(lead, "rule_flag")
    zh, en = _RULE_WORDS.get(flag, ("未比对规则", "no rule was compared"))
    return Term("面积与起点", "Area against the threshold", _RULES.get(flag, 0.0), zh, en)


def _size(lead: LeadRecord) -> Term:
    low = mu(lead.area_low_m2)
    points = round(min(10.0, 10 * math.log10(1 + low) / math.log10(1 + LARGE_MU)), 1)
    return Term("面积", "Size", points, f"区间下限 {low:,.1f} 亩", f"low end of its interval {low:,.1f} mu")


def _confidence(lead: LeadRecord) -> Term:
    name = ("可信度", "Confidence")
    if lead.confidence is not Confidence.CONFIRMED:
        return Term(*name, 0.0, "仅一次清晰观测，或已撤销", "one clear look only, or withdrawn")
    points = round(10 + min(lead.looks - 2, 3) + 5 * min(max(lead.score, 0.0), 1.0), 1)
    return Term(*name, points, f"{lead.looks} 次清晰观测可见，平均得分 {lead.score:.2f}",
                f"{lead.looks} clear looks show it, mean score {lead.score:.2f}")  # fmt: skip


def layers_crossed(lead: LeadRecord) -> dict[str, bool]:
    """Kinds of layer that a lead's row says it crosses; True where an office drew at least one of its features."""
    found: dict[str, bool] = {}
    for part in _said(lead, "layers").split("；"):
        named = [kind for kind, (zh, _) in KIND_NAMES.items() if part == zh or part.startswith(f"{zh} ")
                 or part.startswith(f"{zh}〔")]  # fmt: skip
        for kind in named:
            official = "〔推算图层〕" not in part and "〔模拟图层〕" not in part
            found[kind] = found.get(kind, False) or official
    return found


def _protected(lead: LeadRecord) -> Term:
    crossed = layers_crossed(lead)
    weights = {kind: PROTECTED[kind] * (1 if official else DERIVED) for kind, official in crossed.items()
               if kind in PROTECTED}  # fmt: skip
    name = ("保护图层", "Protected ground")
    if not weights:
        missing = _said(lead, "layers_no")
        return Term(
            *name, 0.0, f"未占用保护图层{f'（未提供：{missing}）' if missing else ''}", "crosses no protected layer"
        )
    order = sorted(weights, key=lambda kind: (-weights[kind], kind))
    zh = "、".join(KIND_NAMES[kind][0] + ("" if crossed[kind] else "（非正式图层）") for kind in order)
    en = ", ".join(KIND_NAMES[kind][1] + ("" if crossed[kind] else " (not official)") for kind in order)
    return Term(*name, weights[order[0]] + MORE * (len(order) - 1), f"占用{zh}", f"crosses {en}")


def _permits(lead: LeadRecord) -> Term:
    said, land, licence = _said(lead, "permit_st"), _said(lead, "mine_land"), _said(lead, "mine_lic")
    found: list[tuple[float, str, str]] = []
    if f" {PermitState.OVERDUE.value}" in said:
        found.append((10.0, "临时用地逾期未复垦", "a temporary-land permit is overdue"))
    if "超出批准范围" in said:
        found.append((8.0, "超出批准范围", "beyond the permitted outline"))
    if land == "no":
        found.append((10.0, "矿区无用地批准", "a mine without land approval"))
    if licence == "no":
        found.append((6.0, "无采矿权覆盖", "no mining right covers it"))
    if not found and f" {PermitState.IN_TERM.value}" in said:
        found.append((-10.0, "在许可期限和范围内", "inside a permit that is in term"))
    if not found:
        return Term("许可", "Permits", 0.0, "许可不增减分", "permits change nothing")
    points, zh, en = zip(*found, strict=True)
    return Term("许可", "Permits", min(sum(points), 18.0), "；".join(zh), "; ".join(en))


def _known(lead: LeadRecord) -> Term:
    state, name = _said(lead, "known_st"), ("已知图斑", "Known patches")
    if state == "known":
        return Term(*name, -8.0, "已知图斑，整改中", "known already and being put right")
    if state == "new":
        return Term(*name, 6.0, "新增，不在已知图斑内", "new: in no known patch")
    return Term(*name, 0.0, *(("见罚而未复", "see the next term") if state == "unrestored" else
                              ("未提供已知图斑", "known patches were not given")))  # fmt: skip


def _unrestored(lead: LeadRecord) -> Term:
    name = ("罚而未复", "Penalised, not restored")
    if _said(lead, "known_st") == "unrestored":
        return Term(
            *name,
            30.0,
            "已处罚、期限已过而未恢复：最有价值的线索",
            "penalised, its day past, and not restored: the best lead",
        )
    return Term(*name, 0.0, "未见此情形", "not the case")


def _growth(lead: LeadRecord, first_area_m2: float | None) -> Term:
    name = ("扩大", "Growth")
    if first_area_m2 and first_area_m2 > 0 and lead.area_m2 > first_area_m2 * (1 + GROWN):
        grown = lead.area_m2 / first_area_m2 - 1
        return Term(
            *name, round(min(8.0, 4 + 4 * grown), 1), f"较首次发现扩大 {grown:.0%}", f"{grown:.0%} larger than at first"
        )
    if first_area_m2 is None and lead.parents:
        return Term(*name, 4.0, "由数处合并或自他处分出", "grown together from, or come off, other leads")
    return Term(*name, 0.0, "未见明显扩大", "no marked growth")


def _fresh(lead: LeadRecord, today: dt.date) -> Term:
    days = (today - lead.last_seen).days
    name = ("近期可见", "Seen lately")
    if days <= FRESH_DAYS:
        return Term(*name, 4.0, f"{lead.last_seen} 仍可见", f"still seen on {lead.last_seen}")
    return Term(*name, 0.0, f"末次可见已过 {days} 天", f"last seen {days} days ago")

"""The leader's numbers, and how they are told."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from leads.area import mu
from leads.cases.procedure import procedure
from leads.fields import REASONS
from leads.stats.ground import Ground

By = Literal["banner", "regulator"]

STAGES = ("filed", "recommendation", "reply", "rectification", "prosecuted")
"""Steps of the funnel after the leads themselves."""

_REASON_ZH = {value: zh for value, zh, _ in REASONS}


@dataclass(frozen=True)
class Group:
    """A row of the funnel. Each lead and each case is in one group only, so groups add up to the total."""

    name: str
    leads: int = 0
    checked: int = 0
    true: int = 0
    false: int = 0
    stages: Mapping[str, int] = field(default_factory=dict)
    """Cases that came to each of `STAGES` for the first time in the period."""


@dataclass(frozen=True)
class Restored:
    """What looks again of the period found, by the latest look at each site."""

    sites: int = 0
    restored_m2: float = 0.0
    remaining_m2: float = 0.0
    unseen_sites: int = 0
    """Looked for and not observed."""


@dataclass(frozen=True)
class Numbers:
    """Everything on the leader's page. What each figure follows is said in `to_json` under ``counted_by``."""

    as_of: dt.date
    since: dt.date | None
    until: dt.date
    aoi: str | None
    by: By
    ground: Ground
    provisional: int
    confirmed: int
    withdrawn: int
    inventory: int
    """Of the leads, those that were there on an area's first patrol."""

    known: int
    to_check: int
    """For the field."""

    reasons: Mapping[str, int]
    """Why leads are false."""

    groups: tuple[Group, ...]
    total: Group
    cases: Mapping[str, int]
    """Cases opened up to the last day of the period, by the state they are in then."""

    restored: Restored
    replied: int
    """Cases answered in the period; says nothing of the ground."""

    weeks: float
    new_confirmed: int
    """Confirmed by a second look, without the inventory."""

    @property
    def false_per_1000_km2(self) -> float | None:
        """False leads to 1,000 km² of ground observed; None where none was."""
        return 1000 * self.total.false / self.ground.observed_km2 if self.ground.observed_km2 else None

    @property
    def leads_per_week(self) -> float | None:
        """New confirmed leads a week."""
        return self.new_confirmed / self.weeks if self.weeks else None

    def to_json(self) -> dict[str, Any]:
        """One JSON document."""
        return {
            "as_of": self.as_of.isoformat(),
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat(),
            "aoi": self.aoi,
            "by": self.by,
            "headline": {
                "false_per_1000_km2": _rounded(self.false_per_1000_km2),
                "leads_per_week": _rounded(self.leads_per_week),
            },
            "ground": {
                "watched_km2": round(self.ground.watched_km2, 3),
                "observed_km2": round(self.ground.observed_km2, 3),
                "not_observed_km2": round(self.ground.unobserved_km2, 3),
                "days": self.ground.days,
            },
            "leads": {
                "all": self.total.leads, "provisional": self.provisional, "confirmed": self.confirmed,
                "withdrawn": self.withdrawn, "inventory": self.inventory, "new_confirmed": self.new_confirmed,
                "checked": self.total.checked, "true": self.total.true, "false": self.total.false, "known": self.known,
                "field_check": self.to_check, "reasons": dict(self.reasons),
            },
            "funnel": [_told(group) for group in (*self.groups, self.total)],
            "cases": dict(self.cases),
            "restored": {
                "sites": self.restored.sites, "restored_mu": round(mu(self.restored.restored_m2), 2),
                "remaining_mu": round(mu(self.restored.remaining_m2), 2),
                "not_observed_sites": self.restored.unseen_sites, "replied_cases": self.replied,
            },
            "counted_by": {
                "ground": "day of the look", "leads": "first seen in the period, as they stand on as_of",
                "funnel": "day on which a case first came to the step", "cases": "state at the end of the period",
                "restored": "latest look again of the period",
            },
        }  # fmt: skip

    def lines(self) -> tuple[tuple[str, str], ...]:
        """(label, value) of the figures that stand alone."""
        reasons = "，".join(f"{_REASON_ZH.get(name, name)} {count}" for name, count in self.reasons.items())
        total, left, again = self.total, self.ground, self.restored
        states = "，".join(f"{procedure().state(name).zh} {count}" for name, count in self.cases.items())
        return (
            ("误报 / 1,000 km² false leads", _figure(self.false_per_1000_km2)),
            ("每周新增复现线索 leads per week", _figure(self.leads_per_week)),
            ("已观测 observed", f"{left.observed_km2:,.1f} km²（{left.days} 天 days）"),
            ("未观测 not observed", f"{left.unobserved_km2:,.1f} km²"),
            ("线索 leads", f"{total.leads}（存量 inventory {self.inventory}）"),
            ("初步 / 复现 / 撤销 provisional / confirmed / withdrawn",
             f"{self.provisional} / {self.confirmed} / {self.withdrawn}"),
            ("已核查 checked", f"{total.checked}（待核查 to check {self.to_check}，已知 known {self.known}）"),
            ("属实 / 不属实 true / false", f"{total.true} / {total.false}{f'（{reasons}）' if reasons else ''}"),
            ("案件 cases", states or "0"),
            ("行政机关已回复 replied", f"{self.replied} 件 cases"),
            ("影像核实恢复 verified as restored",
             f"{mu(again.restored_m2):,.1f} 亩；未恢复 remaining {mu(again.remaining_m2):,.1f} 亩；"
             f"{again.sites} 处 sites，未观测 not observed {again.unseen_sites} 处"),
        )  # fmt: skip

    def table(self) -> tuple[tuple[str, ...], ...]:
        """The funnel: a heading, a row for each group, the total last."""
        names = [procedure().state(stage) for stage in STAGES]
        head = ("旗市区 banner" if self.by == "banner" else "监管部门 regulator", "线索 leads", "核查 checked",
                "属实 true", "不属实 false", *(f"{one.zh} {one.en}" for one in names))  # fmt: skip
        rows = [
            (one.name, *map(str, (one.leads, one.checked, one.true, one.false)),
             *(str(one.stages.get(stage, 0)) for stage in STAGES))
            for one in (*self.groups, self.total)
        ]  # fmt: skip
        return (head, *rows)


def _told(group: Group) -> dict[str, Any]:
    counts = {"leads": group.leads, "checked": group.checked, "true": group.true, "false": group.false}
    return {"name": group.name} | counts | {stage: group.stages.get(stage, 0) for stage in STAGES}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"

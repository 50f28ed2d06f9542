"""A mine's three answers: is there a licence, is there a land approval, is there a restoration plan that was kept?

A licence is not a land approval, and neither is a restoration. Each answer stands by itself, with the ground it covers
and the features it rests on; a layer that nobody gave leaves its answer open.
"""

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass

from aoi.schema.dates import UNLIMITED
from leads.model import Crossing, Finding
from leads.rows import Row, Written
from leads.rules.outcome import Sentence
from leads.standing import Cover, MineAnswer, MineAnswers

SLIVER = 0.02
"""Share of a patch that two hands may draw differently along one edge."""


@dataclass(frozen=True)
class _Standing:
    counts: bool | None
    """None: not known, or only on some of the days."""

    note: Sentence | None = None


def mine_answers(finding: Finding, layers_given: Collection[str], today: dt.date) -> MineAnswers:
    """The three answers for a finding.

    Args:
        finding: with its crossings.
        layers_given: kinds of layer that were given, whether anything was crossed or not.
        today: day on which a restoration plan may be past its time.
    """
    first = min(finding.last_before + dt.timedelta(days=1), finding.first_seen)
    days = first, finding.first_seen

    def licence(crossing: Crossing) -> _Standing:
        return _right(crossing, *days)

    def approval(crossing: Crossing) -> _Standing:
        row = Row(crossing.attributes)
        # an approval for building is for good: a blank end is none
        return _on_days(crossing, row.date("approved"), row.date("expires", "last"), *days, blank_end_is_none=True)

    def plan(crossing: Crossing) -> _Standing:
        return _plan(crossing, today)

    return MineAnswers(
        _answer(finding, "mining_rights", layers_given, licence),
        _answer(finding, "land_approvals", layers_given, approval),
        _answer(finding, "restoration_plans", layers_given, plan),
    )


def _answer(
    finding: Finding, kind: str, given: Collection[str], standing: Callable[[Crossing], _Standing]
) -> MineAnswer:
    patch_m2 = finding.patch.area_m2
    crossings = sorted(
        (one for one in finding.crossings if one.kind == kind), key=lambda one: (-one.area_m2, one.feature_id)
    )
    if not crossings and kind not in given:
        return MineAnswer(Cover.UNKNOWN, 0.0, 0.0, patch_m2, (), (Sentence("未提供图层", "layer not given"),))
    found = [(one, standing(one)) for one in crossings]
    sure = min(sum(one.area_m2 for one, how in found if how.counts), patch_m2)
    perhaps = min(sum(one.area_m2 for one, how in found if how.counts is None), patch_m2 - sure)
    notes = tuple(dict.fromkeys(how.note for _, how in found if how.note is not None))
    return MineAnswer(
        _cover(sure, perhaps, patch_m2), sure, perhaps, patch_m2, tuple(one.feature_id for one in crossings), notes
    )


def _cover(sure: float, perhaps: float, patch_m2: float) -> Cover:
    sliver = SLIVER * patch_m2
    if patch_m2 - sure <= sliver:
        return Cover.YES
    if perhaps > sliver:
        return Cover.UNKNOWN
    return Cover.NO if sure <= sliver else Cover.PARTLY


def _right(crossing: Crossing, first: dt.date, last: dt.date) -> _Standing:
    row = Row(crossing.attributes)
    start, end, closed = row.date("valid_from"), row.date("valid_to", "last"), row.date("closed")
    if closed.date is not None and (end.date is None or closed.date < end.date):
        end = closed
    standing = _on_days(crossing, start, end, first, last, blank_end_is_none=False)
    gone = row.text("state") in ("cancelled", "注销", "吊销", "撤销")
    if row.text("stage") in ("exploration", "探矿权") and standing.counts:
        return _Standing(
            None, Sentence(f"{crossing.feature_id} 为探矿权", f"{crossing.feature_id} is an exploration right")
        )
    if gone and closed.date is None and standing.counts:
        return _Standing(
            None,
            Sentence(f"{crossing.feature_id} 已注销，日期不详", f"{crossing.feature_id} was cancelled, no date given"),
        )
    return standing


def _on_days(
    crossing: Crossing, start: Written, end: Written, first: dt.date, last: dt.date, *, blank_end_is_none: bool
) -> _Standing:
    """Whether something was in force on all of the days (True), on none (False), or on some, or nobody knows (None)."""
    name = crossing.feature_id
    until = UNLIMITED if blank_end_is_none and not end.text else end.date
    if until is not None and until < first:
        return _Standing(False, Sentence(f"{name} {until} 已到期", f"{name} had expired on {until}"))
    if start.date is not None and start.date > last:
        return _Standing(False, Sentence(f"{name} {start.date} 才起算", f"{name} begins only on {start.date}"))
    if start.date is None or until is None:
        return _Standing(None, Sentence(f"{name} 起止日期不全", f"{name}: a date is missing or can not be read"))
    if start.date > first or until < last:
        return _Standing(
            None,
            Sentence(
                f"{name}（{start.date} 至 {end.date or '长期'}）只覆盖变化区间的一部分",
                f"{name} ({start.date} to {end.date or 'no end'}) covers only part of the interval of the conduct",
            ),
        )
    return _Standing(True)


def _plan(crossing: Crossing, today: dt.date) -> _Standing:
    row, name = Row(crossing.attributes), crossing.feature_id
    due, accepted = row.date("restore_by", "last"), row.date("accepted")
    if accepted.date is not None and accepted.date <= today:
        return _Standing(True, Sentence(f"{name} {accepted.date} 已验收", f"{name} was accepted on {accepted.date}"))
    if due.date is None:
        return _Standing(None, Sentence(f"{name} 修复期限不详", f"{name}: its day for restoring is not given"))
    if due.date < today:
        return _Standing(
            False, Sentence(f"{name} 修复期限 {due.date} 已过，未见验收", f"{name} was due on {due.date}, not accepted")
        )
    return _Standing(True, Sentence(f"{name} 修复期限 {due.date}", f"{name} is due on {due.date}"))

"""Innocent explanations of a lead, held against its history: what the imagery shows, for or against each.

Nothing is ruled out here. ``against`` says that the imagery speaks against an explanation, ``possible`` that it can not
be told from the finding, ``open`` that there is no look to test it with.
"""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from leads.series.change import SEASON_DAYS
from leads.series.indices import BY_NAME
from leads.series.model import History, Sample

Verdict = Literal["against", "possible", "open"]

VERDICTS_ZH: dict[Verdict, str] = {"against": "影像不支持", "possible": "不能排除", "open": "无法检验"}

LASTING_DAYS = 60
"""A change that is still there after so many days is no cut: steppe hay and stubble green again within weeks."""

BURNT = 0.10
"""Fall of NBR from which ground may be burnt (Key & Benson 2006: low severity)."""

PART_WATER = -0.2
"""MNDWI of ground a quarter of which is water: soil and grass read about -0.4, water +0.4."""

WETTER = 0.2
"""Rise of MNDWI against the ring from which on part of the ground may be water, where it is above `PART_WATER`."""


@dataclass(frozen=True)
class Explanation:
    """One innocent explanation and what became of it."""

    name_zh: str
    verdict: Verdict
    shown_zh: str
    """What the imagery shows, with figures."""


@dataclass(frozen=True)
class _Shift:
    """Median change of an index between looks of like season."""

    inside: float
    ring: float
    pairs: int


def explanations(
    history: History | None, last_before: dt.date, first_seen: dt.date, change_zh: str = ""
) -> tuple[Explanation, ...]:
    """Season, drought, water level, fire, mowing and harvest against a lead's history.

    Args:
        history: None where no archive was given: nothing can be tested then, and that is said.
        last_before: last clear day before the change, by the finding.
        first_seen: first clear day that shows it.
        change_zh: what the finding calls the change.
    """
    if history is None or not history.samples:
        said = "未提供影像档案，未作检验" if history is None else "档案中没有可用的清晰观测，未作检验"
        names = ("季节物候", "干旱（区域性）", "水位涨落", "过火", "打草、收割")
        return tuple(Explanation(name, "open", said) for name in names)
    begin = min(last_before, history.found.last_before) if history.found else last_before
    end = max(first_seen, history.found.first_after) if history.found else first_seen
    before = [one for one in history.samples if one.day <= begin]
    after = [one for one in history.samples if one.day >= end]
    return (
        _season(history, before, after),
        _drought(before, after),
        _water(before, after),
        _fire(before, after, change_zh),
        _mowing(history, before, after),
    )


def _pairs(before: Sequence[Sample], after: Sequence[Sample]) -> list[tuple[Sample, Sample]]:
    """Looks of like season, one before and one after."""
    return [(a, b) for a in before for b in after if _days_off(a.day, b.day) <= SEASON_DAYS]


def _days_off(one: dt.date, other: dt.date) -> int:
    off = abs(one.timetuple().tm_yday - other.timetuple().tm_yday)
    return min(off, 365 - off)


def _shift(before: Sequence[Sample], after: Sequence[Sample], index: str) -> _Shift | None:
    pairs = [
        (a, b)
        for a, b in _pairs(before, after)
        if all(math.isfinite(v.get(index, math.nan)) for v in (a.inside, b.inside, a.ring, b.ring))
    ]
    if not pairs:
        return None
    return _Shift(
        median(b.inside[index] - a.inside[index] for a, b in pairs),
        median(b.ring[index] - a.ring[index] for a, b in pairs),
        len(pairs),
    )


def _both(shift: _Shift, index: str) -> str:
    label = BY_NAME[index].label
    return f"{label} 变化：图斑内 {shift.inside:+.2f}、周边 {shift.ring:+.2f}（{shift.pairs} 对同季节观测的中位数）"


def _season(history: History, before: Sequence[Sample], after: Sequence[Sample]) -> Explanation:
    name = "季节物候"
    if not _pairs(before, after):
        off = min((_days_off(a.day, b.day) for a in before for b in after), default=None)
        why = f"前后观测的季节至少相差 {off} 天" if off is not None else "变化前或变化后没有可用观测"
        return Explanation(name, "open", f"{why}，没有同季节（相差 {SEASON_DAYS} 天以内）的观测可比")
    shifts = {index: _shift(before, after, index) for index in BY_NAME}
    told = {index: shift for index, shift in shifts.items() if shift is not None}
    if not told:
        return Explanation(name, "open", "波段不足，无法计算指数")
    index = max(told, key=lambda one: abs(told[one].inside - told[one].ring) / BY_NAME[one].floor)
    own = abs(told[index].inside - told[index].ring)
    if history.found or own >= BY_NAME[index].floor:
        return Explanation(name, "against", f"同季节比较，图斑与周边的差别仍在：{_both(told[index], index)}")
    return Explanation(name, "possible", f"同季节比较，图斑与周边的差别不明显：{_both(told[index], index)}")


def _drought(before: Sequence[Sample], after: Sequence[Sample]) -> Explanation:
    name = "干旱（区域性）"
    shift = _shift(before, after, "ndvi")
    if shift is None:
        return Explanation(name, "open", "没有同季节的植被指数可比")
    said = _both(shift, "ndvi")
    if shift.inside > -BY_NAME["ndvi"].floor:
        return Explanation(name, "against", f"图斑内植被没有明显减少；{said}")
    if shift.ring < shift.inside / 2:
        return Explanation(name, "possible", f"周边植被同样明显减少，须与历年旱情核对；{said}")
    return Explanation(name, "against", f"周边没有随之变差；{said}")


def _water(before: Sequence[Sample], after: Sequence[Sample]) -> Explanation:
    name = "水位涨落"
    values = {
        where: [v for one in looks if math.isfinite(v := getattr(one, zone).get("mndwi", math.nan))]
        for where, looks, zone in (
            ("before", before, "inside"), ("after", after, "inside"),
            ("ring_before", before, "ring"), ("ring_after", after, "ring"),
        )
    }  # fmt: skip
    if not (values["before"] and values["after"]):
        return Explanation(name, "open", "没有水体指数（缺短波红外波段，或前后缺少观测）")
    first, last = median(values["before"]), median(values["after"])
    around = (
        f"周边 {median(values['ring_before']):+.2f} → {median(values['ring_after']):+.2f}"
        if all(values.values())
        else ""
    )
    said = f"MNDWI 图斑内 {first:+.2f} → {last:+.2f}，{around}".rstrip("，")
    if max(first, last) > 0 or max((median(one) for one in values.values() if one), default=-1) > 0:
        return Explanation(name, "possible", f"图斑内或周边有水面，须在相近水位下比较；{said}")
    shift = _shift(before, after, "mndwi")
    if last > PART_WATER and shift is not None and shift.inside - shift.ring >= WETTER:
        return Explanation(name, "possible", f"图斑内水体指数升高而周边没有，部分可能为水面，须核实；{said}")
    return Explanation(name, "against", f"前后均未见成片水面；{said}")


def _fire(before: Sequence[Sample], after: Sequence[Sample], change_zh: str) -> Explanation:
    name = "过火"
    nbr, bright = _shift(before, after, "nbr"), _shift(before, after, "bright")
    if "过火" in change_zh:
        said = f"；{_both(nbr, 'nbr')}" if nbr else ""
        return Explanation(name, "possible", f"影像本身判为“{change_zh}”，须核实{said}")
    if nbr is None:
        return Explanation(name, "open", "没有同季节的燃烧指数可比（缺短波红外波段，或缺少观测）")
    said = _both(nbr, "nbr")
    if nbr.inside > -BURNT:
        return Explanation(name, "against", f"燃烧指数没有明显下降；{said}")
    if nbr.ring <= -BURNT:
        return Explanation(name, "possible", f"周边燃烧指数同样下降，可能是成片过火；{said}")
    if bright is not None and bright.inside >= BY_NAME["bright"].floor:
        return Explanation(name, "against", f"过火使地面变暗，而图斑变亮（可见光 {bright.inside:+.3f}）；{said}")
    return Explanation(name, "possible", f"燃烧指数下降且地面未变亮，须核实有无过火痕迹；{said}")


def _mowing(history: History, before: Sequence[Sample], after: Sequence[Sample]) -> Explanation:
    name = "打草、收割"
    if not before or not after:
        return Explanation(name, "open", "变化前或变化后没有可用观测")
    lasted = (after[-1].day - after[0].day).days
    said = f"变化后 {len(after)} 次观测，首尾相距 {lasted} 天"
    if history.found is None or len(after) < 2:
        return Explanation(name, "open", f"{said}，不足以判断变化是否持续")
    said += f"，其中 {history.found.stays:.0%} 仍与变化前不同"
    if history.found.stays < 0.5:
        return Explanation(name, "possible", f"变化未能持续，可能是一次性收割；{said}")
    if lasted >= LASTING_DAYS and history.found.stays >= 0.8:
        return Explanation(name, "against", f"变化持续；{said}")
    return Explanation(name, "open", f"持续时间尚短；{said}")

"""Innocent explanations of ground that was to be put right by a day and still lies bare.

No change is looked for here: it may have been bare for years. What speaks against season, drought and mowing is that
ground around it was green on the same days, again and again.
"""

import datetime as dt
import math
from collections.abc import Sequence
from statistics import median

from leads.series.indices import BY_NAME
from leads.series.innocent import LASTING_DAYS, Explanation, explanations
from leads.series.model import History, Sample

GROWING = (6, 8)
"""First and last month in which steppe, grassland and forest around Hulunbuir are green."""

GREEN = 0.25
"""NDVI of surroundings from which on they are green enough to say that a site beside them is not."""


def left_bare(history: History | None, in_order: dt.date, first_seen: dt.date) -> tuple[Explanation, ...]:
    """Season, drought, water level, fire and mowing, against what was seen after the term.

    Args:
        history: None where no archive was given.
        in_order: last day on which the papers were in order.
        first_seen: first look that showed the site not put right.
    """
    _, _, water, fire, _ = plain = explanations(history, in_order, first_seen)
    if history is None or not history.samples:
        return plain
    looks = [one for one in history.samples if one.day > in_order and _green_season(one)]
    return (_season(looks), _drought(looks), water, fire, _mowing(looks))


def _green_season(look: Sample) -> bool:
    known = all(math.isfinite(zone.get("ndvi", math.nan)) for zone in (look.inside, look.ring))
    return known and GROWING[0] <= look.day.month <= GROWING[1]


def _bare(look: Sample) -> bool:
    return look.inside["ndvi"] <= look.ring["ndvi"] - BY_NAME["ndvi"].floor


def _figures(looks: Sequence[Sample]) -> str:
    inside, ring = (median(getattr(one, zone)["ndvi"] for one in looks) for zone in ("inside", "ring"))
    return f"期限之后 {len(looks)} 次生长季（6–8 月）观测，NDVI 中位数图斑内 {inside:.2f}、周边 {ring:.2f}"


def _season(looks: Sequence[Sample]) -> Explanation:
    name = "季节物候"
    if not looks:
        return Explanation(name, "open", "期限之后没有生长季（6–8 月）的可用观测")
    bare = sum(map(_bare, looks))
    if 2 * bare > len(looks):
        return Explanation(name, "against", f"周边返绿而图斑未返绿（{bare} 次）；{_figures(looks)}")
    return Explanation(name, "possible", f"图斑与周边同样返绿，须核实是否已恢复；{_figures(looks)}")


def _drought(looks: Sequence[Sample]) -> Explanation:
    name = "干旱（区域性）"
    if not looks:
        return Explanation(name, "open", "期限之后没有生长季（6–8 月）的可用观测")
    green = [one for one in looks if one.ring["ndvi"] >= GREEN]
    if any(map(_bare, green)):
        return Explanation(name, "against", f"周边有植被生长（{len(green)} 次）；{_figures(looks)}")
    return Explanation(name, "possible", f"周边植被同样稀疏，须与历年旱情核对；{_figures(looks)}")


def _mowing(looks: Sequence[Sample]) -> Explanation:
    name = "打草、收割"
    bare = [one for one in looks if _bare(one)]
    years = sorted({one.day.year for one in bare})
    if len(bare) < 2:
        return Explanation(name, "open", f"期限之后生长季低于周边的观测只有 {len(bare)} 次，不足以判断是否持续")
    said = f"{'、'.join(map(str, years))} 年生长季 {len(bare)} 次观测低于周边"
    if len(bare) == len(looks) and (len(years) > 1 or (bare[-1].day - bare[0].day).days >= LASTING_DAYS):
        return Explanation(name, "against", f"历次均未返绿，不是一次收割；{said}")
    return Explanation(name, "possible", f"{said}，另 {len(looks) - len(bare)} 次与周边相近")

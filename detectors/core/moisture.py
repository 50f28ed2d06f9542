"""How wet a patch is beside what it always was in the same weeks, and beside the ground around it."""

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np

from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.history import PatchSeries, Remark

SAME_WEEK_DAYS, SAME_MONTH_DAYS = 10, 21
"""Looks of earlier years count within so many days of the year; the wider window where the narrow one has too few."""

LEAST_YEARS = 2
"""Fewer earlier years are no usual state."""


@dataclass(frozen=True)
class Moisture:
    """A patch's wetness (NDMI, Gao 1996) beside its usual state and its surroundings."""

    deficit: float
    """By how much it lies lower than usual beyond what its ring does; NaN where that can not be told."""

    own: float
    """By how much it lies lower than usual by itself."""

    basin: float
    """By how much the ring lies lower than usual: a dry year shows here."""

    looks: int
    """Looks since it was first seen that have both."""

    years: int
    """Earlier years it was held against."""

    days: int
    """Days of the year apart, at most."""

    @property
    def known(self) -> bool:
        """Whether there was enough to tell."""
        return math.isfinite(self.deficit)

    def remark(self) -> Remark:
        """The numbers, for people."""
        if not self.known:
            return Remark(
                "同期影像不足，无法与多年同周湿度比较",
                "too few looks of the same weeks to compare wetness with other years",
            )
        return Remark(
            f"短波红外湿度（NDMI）较此前 {self.years} 年同期（±{self.days} 天）中位值低 {self.own:.2f}，"
            f"周边低 {self.basin:.2f}，"
            f"净偏低 {self.deficit:.2f}（{self.looks} 期）",
            f"wetness (NDMI) is {self.own:.2f} below the median of the same weeks (±{self.days} days) of {self.years} "
            f"earlier years, its ring {self.basin:.2f}; {self.deficit:.2f} is the patch's own ({self.looks} looks)",
        )


def moisture(series: PatchSeries, looks: BoolArray | None = None, begun: dt.date | None = None) -> Moisture:
    """How wet a patch is since it was first seen, against the same weeks of the years before and its ring.

    Args:
        series: of a patch.
        looks: (T,) which looks since then count; all if not given.
        begun: day from which on looks count as since, and before which as before; as the patch was dated if not given.
    """
    inside, ring = series.level("ndmi", series.inside), series.level("ndmi", series.ring)
    both = np.isfinite(inside) & np.isfinite(ring)
    first = begun or series.first_seen or dt.date.max
    since = both & np.array([day >= first for day in series.days], np.bool_)
    since = since if looks is None else since & looks
    last = begun - dt.timedelta(days=1) if begun else series.last_before or first
    until = both & np.array([day <= last for day in series.days], np.bool_)
    for apart in (SAME_WEEK_DAYS, SAME_MONTH_DAYS):
        found = [_against(series, inside, ring, int(at), until, apart) for at in np.flatnonzero(since)]
        known = [one for one in found if one is not None]
        if known:
            own, basin = (float(np.median([one[place] for one in known])) for place in (0, 1))
            deficit = float(np.median([one[0] - one[1] for one in known]))
            return Moisture(deficit, own, basin, len(known), max(one[2] for one in known), apart)
    return Moisture(math.nan, math.nan, math.nan, 0, 0, SAME_MONTH_DAYS)


def since_years(series: PatchSeries) -> Moisture:
    """The same for a patch that a survey of years found, held against the years before it dried.

    Such a survey knows a patch from the first year that it could hold against enough others, which may be a year after
    it fell dry: years of drought would then be the usual ones. It compares two summers with those before, so the patch
    began in the year that it was dated, or in the one before.
    """
    told = [moisture(series)]
    if series.first_seen is not None:
        told += [moisture(series, begun=dt.date(series.first_seen.year - back, 1, 1)) for back in (0, 1)]
    return max(told, key=lambda one: one.deficit if one.known else -math.inf)


def _against(
    series: PatchSeries, inside: FloatArray, ring: FloatArray, at: int, until: BoolArray, apart: int
) -> tuple[float, float, int] | None:
    """(own deficit, ring's deficit, years) of one look; None where fewer than `LEAST_YEARS` years have such a look."""
    day = series.days[at].timetuple().tm_yday
    near = [other for other in np.flatnonzero(until) if abs(series.days[other].timetuple().tm_yday - day) <= apart]
    years = {series.days[other].year for other in near}
    if len(years) < LEAST_YEARS:
        return None
    usual, usual_ring = float(np.median(inside[near])), float(np.median(ring[near]))
    return usual - float(inside[at]), usual_ring - float(ring[at]), len(years)

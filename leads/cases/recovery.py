"""What a look again finds of a site, pixel by pixel: restored, left as it was, not observed."""

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np

from detectors.core.arrays import BoolArray
from detectors.core.history import ENOUGH, PatchSeries, Remark
from detectors.core.recovery import Duty, still_open
from detectors.core.timelogic import GREEN_NDVI, MAY, SUMMER, until
from leads.store.records import LeadRecord

_WATER = frozenset(("wetland", "river_protection", "hulun_lake", "mine"))
"""Models on whose ground standing water may be what was to be restored."""


SOWN_UNKNOWN = Remark(
    "未见当年5月至6月中旬影像，不能排除为当年播种所致的绿色",
    "no look from 10 May to 15 June of that year: what is green may have been sown for the inspection",
)


@dataclass(frozen=True)
class Recovery:
    """What one look again found of a site. The three areas add up to the site's."""

    day: dt.date
    """Latest look behind it."""

    restored_m2: float
    """Verified: observed after the deadline, and as green as its ring by NDVI and the bare-soil index."""

    remaining_m2: float
    """Observed, and still bare, built, or green only because it was sown this summer."""

    unobserved_m2: float
    remarks: tuple[Remark, ...] = ()

    @property
    def observed_share(self) -> float:
        """Of the site, 0–1."""
        whole = self.restored_m2 + self.remaining_m2 + self.unobserved_m2
        return (self.restored_m2 + self.remaining_m2) / whole if whole > 0 else 0.0


def duty_of(lead: LeadRecord, deadline: dt.date) -> Duty:
    """What had to be done with a lead's site by a day.

    The use began after the last clear day before the change: a later beginning would take what was open already for
    the ground as it was.
    """
    used_from = lead.last_before + dt.timedelta(days=1)
    return Duty(deadline, used_from, lead.detector == "black_soil", lead.detector not in _WATER)


def recovered(series: PatchSeries, duty: Duty, last: dt.date, area_m2: float | None = None) -> Recovery:
    """What a look again shows of a site.

    A pixel is restored only if a summer look after the deadline saw it and neither that summer by itself nor the two
    newest together leave it open (`detectors.core.recovery`). Without a summer after the deadline nothing is verified.

    Args:
        series: of the site, from before its use on, with the summers since the deadline; ``inside`` is the lead's
            outline. The caller reads the pixels.
        duty: see `duty_of`.
        last: looks after this day are left out.
        area_m2: geodesic area of the site; that of its pixels when None.
    """
    site = int(series.inside.sum())
    whole = area_m2 if area_m2 is not None else site * series.pixel_m**2
    looks = _telling(series, duty, last)
    if not looks.any() or not site:
        said = Remark("期限后夏季无可用影像，未能核实", "no usable summer image since the deadline: not observed")
        return Recovery(last, 0.0, 0.0, whole, (said,))
    newest = max(day for day, tells in zip(series.days, looks, strict=True) if tells)
    seen = np.isfinite(series.index("ndvi")[looks]).any(axis=0) & series.inside
    if seen.sum() < ENOUGH * site:  # the summer does not speak then, and an older one must not speak for it
        said = Remark(
            "期限后夏季影像不足地块之半，未能核实", "less than half of it was seen since the deadline: not observed"
        )
        return Recovery(newest, 0.0, 0.0, whole, (said,))
    summers = np.array([SUMMER.holds(day) and day <= last for day in series.days], np.bool_)
    years = np.array([day.year for day in series.days])
    begun = duty.used_from.year if duty.used_from is not None else newest.year
    early = summers & (years == newest.year) & ~looks  # before the deadline, or while the ring was not green
    between = summers & (years >= begun) & (years < newest.year)
    both = still_open(_without(series, early), duty, last)
    alone = still_open(_without(series, early | between), duty, last)
    open_ = np.zeros_like(series.inside)
    specks = 0.0
    for opinion in (both, alone):
        if opinion.where is not None:
            open_ |= opinion.where
        else:  # too little for a lead, yet not restored
            specks = max(specks, opinion.measures.get("open_m2", 0.0) / series.pixel_m**2)
    observed = float(seen.sum())
    remaining = min(max(float((open_ & seen).sum()), specks), observed)
    pixel = whole / site
    remarks = tuple(dict.fromkeys(remark for opinion in (both, alone) for remark in opinion.remarks))
    if not duty.cropland and not _spring_seen(series, newest.year, last):
        remarks = (*remarks, SOWN_UNKNOWN)
    return Recovery(newest, (observed - remaining) * pixel, remaining * pixel, (site - observed) * pixel, remarks)


def _telling(series: PatchSeries, duty: Duty, last: dt.date) -> BoolArray:
    """(T,) summer looks after the deadline with a green ring, of the newest year that has any."""
    if not series.days:
        return np.zeros(0, np.bool_)
    ring = np.nan_to_num(series.level("ndvi", series.ring)) >= GREEN_NDVI
    after = np.array([duty.due is None or day > duty.due for day in series.days], np.bool_)
    fit = until(series, last) & ring & after & np.array([SUMMER.holds(day) for day in series.days], np.bool_)
    years = np.array([day.year for day in series.days])
    return np.asarray(fit & (years == (years[fit].max() if fit.any() else 0)), np.bool_)


def _spring_seen(series: PatchSeries, year: int, last: dt.date) -> bool:
    """Whether a look of that year's May could tell a sward from what was sown for the inspection."""
    inside = series.level("ndvi", series.inside)
    spring = until(series, last) & series.of(MAY, year) & np.isfinite(inside)
    return bool(spring.any())


def _without(series: PatchSeries, looks: BoolArray) -> PatchSeries:
    """The series without some looks."""
    days = tuple(day for day, out in zip(series.days, looks, strict=True) if not out)
    return replace(series, values=series.values[~looks], days=days)

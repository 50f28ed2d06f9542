"""Whether a site that had to be given back green is still bare or built: beside its ring, and its level before use.

A pixel is *open* in a summer when it lacks most of its ring's plant cover by NDVI, or a good part of it by NDVI **and**
by the bare-soil index, and was not like that before it was used. Drought dries the ring too, so it opens nothing.
"""

import datetime as dt
import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.history import Opinion, PatchSeries, Remark, Season
from detectors.core.timelogic import (
    BARE_BSI,
    BARE_NDVI,
    GREEN_NDVI,
    LEAST_SPAN,
    MAY,
    PADS,
    SUMMER,
    until,
)

OPEN = 0.75
"""Share of the ring's cover that is lacking where NDVI alone opens a pixel: roofs and concrete are not like soil."""

OPEN_BOTH = 0.35
"""The same by NDVI and by the bare-soil index, where both must say so: thin weeds over gravel reach it."""

GREEN_AGAIN = 0.4
"""Summer NDVI of ground that is green again, whatever a meadow or a crop beside it has: restored steppe reaches no more
than two thirds of theirs. What nobody restored stays below 0.3; weeds over gravel, which do not, show in spring."""

WEEDY = 0.15
"""What weeds over gravel lack at least; the pad itself must then show in spring. Where it shows in two springs they
may be as green as a dry steppe, as long as they are not `GREEN_AGAIN`."""

SOWN_LATE = 0.4
"""Share lacking from 10 May to 15 June of what is green in July: sown in the same year, no sward."""

NO_LITTER = 0.2
"""Before green-up: share of its ring's litter that a pad lacks at least, by NDTI and by NDVI. Grass, sown grass too,
leaves litter from its first summer on, and lacks 0.1 at most. Brightness tells nothing: litter is as bright as gravel,
and brighter than soil."""

LITTER_FREE_NDTI, LITTER_FREE_NDVI, LITTER_SPAN = 0.04, 0.10, 0.03
"""Both indices of ground without litter before green-up, and the least distance of a ring from it that tells."""

DRY_GREEN = 0.24
"""NDVI of a ring in a dry summer by which a site's own years can still be told: it is `LEAST_SPAN` that parts bare
ground from thin grass then, and a site that was like this before its use is none."""

LEAST_M2 = 1000.0
"""Smallest open ground worth a lead; half of the site where that is less."""

THIN, PART = 0.5, 1 / 3
"""Open ground that lacks less than this, on less than this part of its site, is uneven regrowth: what nobody restored
is bare, and most of the site."""

WATER = 0.1
"""MNDWI of open water (Xu 2006)."""


@dataclass(frozen=True)
class Duty:
    """What had to be done with a site, by its papers."""

    due: dt.date | None
    """Last day; None where it is over and nobody wrote when."""

    used_from: dt.date | None = None
    """First day of the use: looks before it show the level before use."""

    cropland: bool = False
    """The ground was a field: bare in May is as it should be."""

    water_open: bool = True
    """Whether standing water counts as not restored; a pit lake may be what was planned."""


@dataclass(frozen=True, eq=False)
class _Year:
    """The site's pixels in one year."""

    year: int
    looks: int
    lacking: FloatArray
    """(H, W) share of the ring's cover that is lacking; NaN = not observed."""

    soil: FloatArray
    """(H, W) the same by the bare-soil index; NaN also where a band of it is missing."""

    water: BoolArray
    green: BoolArray
    """(H, W) `GREEN_AGAIN`; False where not observed."""

    gap: float
    """NDVI of the site minus its ring."""

    last: dt.date


def still_open(series: PatchSeries, duty: Duty, last: dt.date) -> Opinion:
    """Whether a site is still bare or built after the day on which it had to be restored.

    Args:
        series: of the site, several years with summers, and springs where there are any.
        duty: what the papers ask.
        last: looks after this day are left out (the end of the after range).

    Returns:
        Stands where open ground is left in the two newest summers seen (in the newest alone: unsure); ``where`` is
        that ground. A site that no summer look saw does not stand, and says that it was not observed.
    """
    years = [one for one in _years(series, last) if _seen(one, series.inside)]
    if not years:
        seen_not = Remark("夏季无可用影像，未能判断", "no usable summer image: not observed")
        return Opinion(False, (seen_not,), unsure=True)
    before = _before_use(years, duty)
    newest, older = years[-1], (years[-2] if len(years) > 1 and years[-2].year > _used_year(duty) else None)
    pads = _pads(series, newest.year, last)
    pad = pads >= 1
    sown = _sown(series, newest.year, last, duty)
    opened = _open(newest, duty, pads)
    # what was like this before the use is not the use's fault; not observed then is no excuse
    opened &= ~before
    if older is not None:
        was_open = _open(older, duty, pads) | ~np.isfinite(older.lacking)
        late = sown & was_open & np.isfinite(older.lacking) & ~before & ~opened
        opened &= was_open
    else:
        late = np.zeros_like(opened)
    ground = _cleaned((opened | late) & series.inside)
    return _opinion(series, (last, duty.due), (older, newest), ground, late, pad)


def _opinion(
    series: PatchSeries,
    last_due: tuple[dt.date, dt.date | None],
    pair: tuple[_Year | None, _Year],
    ground: BoolArray,
    late: BoolArray,
    pad: BoolArray,
) -> Opinion:
    (last, due), (older, newest) = last_due, pair
    site_px = int(series.inside.sum())
    open_m2 = float(ground.sum()) * series.pixel_m**2
    measures = {
        "open_m2": open_m2,
        "open_share": float(ground.sum()) / max(site_px, 1),
        "ndvi_gap": newest.gap,
        "lacking": _median(newest.lacking, ground if ground.any() else series.inside),
        "looks": float(newest.looks + (older.looks if older else 0)),
    }
    if older is not None:
        measures["ndvi_gap_year_before"] = older.gap
    if open_m2 < min(LEAST_M2, 0.5 * site_px * series.pixel_m**2):
        told = f"{newest.year}年夏季植被与周边相当（NDVI差{newest.gap:+.2f}）"
        return Opinion(
            False,
            (Remark(told, f"in summer {newest.year} as green as its surroundings (NDVI {newest.gap:+.2f})"),),
            measures=measures,
        )
    if measures["open_share"] < PART and measures["lacking"] < THIN:
        thin = Remark("其余已返绿，此处稀疏而非裸地", "the rest is green again, and this is thin rather than bare")
        return Opinion(False, (_told(older, newest, measures), thin), measures=measures)
    remarks = [_told(older, newest, measures)]
    grown = bool(late[ground].mean() > 0.5)
    if grown:
        remarks.append(
            Remark(
                "夏季转绿但春季（至6月中旬）裸露，系当年播种（验收前播种燕麦等，或当年播草复垦），须现场核实",
                "green in summer but bare in spring (mid June at the latest): sown this year, as oats for an "
                "inspection or as grass to restore it; to be checked on site",
            )
        )
    elif (pad & ground).sum() > 0.5 * ground.sum():
        remarks.append(
            Remark("春季（返青前）可见砾石场地，无枯草层", "before green-up a pad without litter shows in spring")
        )
    # a summer that was there to be seen and was not may have been the green one
    stale = newest.year < (last.year if (last.month, last.day) > SUMMER.first else last.year - 1)
    unsure = older is None or stale or (due is not None and newest.last <= due)
    if unsure:
        remarks.append(
            Remark(
                "可用夏季不足两个，或期限后、最近一个夏季无影像，把握不足",
                "fewer than two summers, or none since its day, or not the last one, were seen: not certain",
            )
        )
    return Opinion(True, tuple(remarks), measures=measures, unsure=unsure, where=ground)


def _told(older: _Year | None, newest: _Year, measures: dict[str, float]) -> Remark:
    share, area = measures["open_share"], measures["open_m2"] / (10_000 / 15)
    if older is None:
        return Remark(
            f"{newest.year}年夏季NDVI较周边{newest.gap:+.2f}，未恢复约{area:.1f}亩（占{share:.0%}）",
            f"in summer {newest.year} NDVI {newest.gap:+.2f} against its surroundings, about {area:.1f} mu not "
            f"restored ({share:.0%})",
        )
    return Remark(
        f"{older.year}、{newest.year}两个夏季NDVI较周边{older.gap:+.2f}、{newest.gap:+.2f}，"
        f"未恢复约{area:.1f}亩（占{share:.0%}）",
        f"in the summers of {older.year} and {newest.year} NDVI {older.gap:+.2f} and {newest.gap:+.2f} against its "
        f"surroundings, about {area:.1f} mu not restored ({share:.0%})",
    )


def _years(series: PatchSeries, last: dt.date) -> list[_Year]:
    """Summers in which the ring was green and seen, oldest first."""
    ndvi, bsi, mndwi = series.index("ndvi"), series.index("bsi"), series.index("mndwi")
    ring, ring_bsi = series.level("ndvi", series.ring), series.level("bsi", series.ring)
    allowed = until(series, last) & np.nan_to_num(ring >= DRY_GREEN)
    found = []
    for year in sorted({day.year for day in series.days}):
        looks = np.flatnonzero(series.of(SUMMER, year) & allowed)
        if not looks.size:
            continue
        span = np.maximum(ring[looks] - BARE_NDVI, LEAST_SPAN)[:, None, None]
        span_bsi = np.maximum(BARE_BSI - ring_bsi[looks], LEAST_SPAN)[:, None, None]
        gap = ndvi[looks] - ring[looks, None, None]
        lacking = _nanmedian(-gap / span)
        soil = _nanmedian((bsi[looks] - ring_bsi[looks, None, None]) / span_bsi)
        with np.errstate(invalid="ignore"):
            water = _nanmedian(mndwi[looks]) > WATER
            green = _nanmedian(ndvi[looks]) >= GREEN_AGAIN
        inside = _median(_nanmedian(gap), series.inside)
        found.append(_Year(year, int(looks.size), lacking, soil, water, green, inside, series.days[looks[-1]]))
    return found


def _open(year: _Year, duty: Duty, pads: NDArray[np.intp]) -> BoolArray:
    """(H, W) where a summer shows no restored ground; False where it was not observed."""
    with np.errstate(invalid="ignore"):
        both = (year.lacking >= OPEN_BOTH) & (year.soil >= OPEN_BOTH) & ~year.green
        alone = year.lacking >= OPEN
        weedy = (year.lacking >= WEEDY) & (pads >= 1)
        weeds = np.isfinite(year.lacking) & ~year.green & (pads >= 2)
    found = both | (alone & ~year.water) | weedy | weeds
    return np.asarray(found | (year.water & (year.lacking >= OPEN)) if duty.water_open else found & ~year.water)


def _before_use(years: list[_Year], duty: Duty) -> BoolArray:
    """(H, W) what lacked cover already before the use; False where that was not seen."""
    was = [one.lacking for one in years if one.year < _used_year(duty)]
    if not was:
        return np.zeros(years[0].lacking.shape, np.bool_)
    with np.errstate(invalid="ignore"):
        return np.asarray(_nanmedian(np.stack(was)) >= OPEN_BOTH)


def _used_year(duty: Duty) -> int:
    """First year whose summer counts as used."""
    return duty.used_from.year if duty.used_from is not None else -1


def _spring(series: PatchSeries, season: Season, year: int, last: dt.date) -> NDArray[np.intp]:
    """(n,) looks of one spring that saw the ring."""
    seen = np.isfinite(series.level("ndvi", series.ring))
    return np.flatnonzero(series.of(season, year) & until(series, last) & seen)


def _pads(series: PatchSeries, year: int, last: dt.date) -> NDArray[np.intp]:
    """(H, W) springs, of that year and the one before, in which ground had no litter; 0 where one of them saw some."""
    springs = [lacking for when in (year, year - 1) if (lacking := _litter_lacking(series, when, last)) is not None]
    if not springs:
        return np.zeros(series.inside.shape, np.intp)
    every = np.stack(springs)
    seen = np.isfinite(every)
    with np.errstate(invalid="ignore"):
        none_had_some = ~(every < NO_LITTER / 2).any(axis=0)
        bare = none_had_some & (np.where(seen, every, 0).sum(axis=0) >= NO_LITTER * seen.sum(axis=0))
    return np.where(bare, seen.sum(axis=0), 0)


def _litter_lacking(series: PatchSeries, year: int, last: dt.date) -> FloatArray | None:
    """(H, W) share of the ring's litter that is lacking in a spring, the lesser of two indices; None where not seen.

    Under meltwater nothing can be told: NaN.
    """
    looks = _spring(series, PADS, year, last)
    if not looks.size or not {"swir16", "swir22"} <= set(series.bands):
        return None
    one, other = series.band("swir16")[looks], series.band("swir22")[looks]
    straw = (one - other) / np.maximum(one + other, np.float32(1e-3))
    shares = []
    for index, without in ((straw, LITTER_FREE_NDTI), (series.index("ndvi")[looks], LITTER_FREE_NDVI)):
        ring = np.nanmedian(index[:, series.ring], axis=1)[:, None, None]
        shares.append(_nanmedian((ring - index) / np.maximum(ring - without, np.float32(LITTER_SPAN))))
    with np.errstate(invalid="ignore"):
        flooded = _nanmedian(series.index("mndwi")[looks]) >= 0
    return np.asarray(np.where(flooded, np.nan, np.minimum(*shares)), np.float32)


def _sown(series: PatchSeries, year: int, last: dt.date, duty: Duty) -> BoolArray:
    """(H, W) bare from 10 May to 15 June while the ring greened; where no look saw that, without litter before it.

    False where neither was observed, and on fields.
    """
    none = np.zeros(series.inside.shape, np.bool_)
    if duty.cropland:
        return none
    looks = _spring(series, MAY, year, last)
    ndvi, ring = series.index("ndvi"), series.level("ndvi", series.ring)
    green = looks[ring[looks] >= GREEN_NDVI]
    lacking = np.full(none.shape, np.nan, np.float32)
    if green.size:
        span = np.maximum(ring[green] - BARE_NDVI, LEAST_SPAN)[:, None, None]
        lacking = _nanmedian((ring[green, None, None] - ndvi[green]) / span)
    litter = _litter_lacking(series, year, last)
    with np.errstate(invalid="ignore"):
        bare = none if litter is None else np.isnan(lacking) & (litter >= NO_LITTER)
        return np.asarray((lacking >= SOWN_LATE) | bare)


def _cleaned(mask: BoolArray) -> BoolArray:
    """Without specks: a pixel stays where at least four of the nine about it are set."""
    padded = np.pad(mask.astype(np.uint8), 1)
    rows, columns = mask.shape
    around = sum(padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3))
    return np.asarray(mask & (around >= 4))


def _seen(year: _Year, inside: BoolArray) -> bool:
    return bool(np.isfinite(year.lacking[inside]).mean() >= 0.5)


def _nanmedian(stack: FloatArray) -> FloatArray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all NaN is a NaN, and that is meant
        return np.asarray(np.nanmedian(stack, axis=0), np.float32)


def _median(values: FloatArray, where: BoolArray) -> float:
    seen = values[where & np.isfinite(values)]
    return float(np.median(seen)) if seen.size else math.nan

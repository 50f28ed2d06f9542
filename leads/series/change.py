"""When a lead broke with the ground around it.

A plain test that anybody can follow: the difference between lead and ring, compared only between looks of like season;
the split that separates the looks best; and the interval between the last look that is clearly as before and the first
that is clearly changed. It says nothing where looks are too few or no step stands out.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leads.series.indices import BY_NAME, INDICES
from leads.series.model import Break, Sample

SEASON_DAYS = 30
"""Days of the year by which two looks may differ and still be of like season."""

LEAST_BEFORE, LEAST_AFTER = 3, 2
"""Looks on either side without which there is no telling a step from an odd look."""

NOISES = 4.0
"""A step is one when it is so many standard deviations of the looks on one side."""

CLEARLY = 0.25
"""Within so much of the step of one side's level a look clearly belongs to it; else it is in between."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Split:
    at: int
    """Index of the first look behind it."""

    step: float
    noise: float
    strength: float
    """Step in standard deviations of its own mean."""


def find_break(samples: Sequence[Sample]) -> tuple[Break | None, tuple[str, str]]:
    """The break of a lead, or why there is none (Chinese, English).

    Args:
        samples: by day.
    """
    best: tuple[float, Break] | None = None
    most = 0
    for index in INDICES:
        days, values = _values(samples, index.name)
        most = max(most, len(days))
        split = _best_split(days, values, index.floor)
        if split is None:
            continue
        found = _interval(days, values, split, index.name)
        if found is not None and (best is None or split.strength > best[0]):
            best = split.strength, found
    if best is not None:
        return best[1], ("", "")
    if most < LEAST_BEFORE + LEAST_AFTER:
        return None, (
            f"可用观测仅 {most} 次（至少需 {LEAST_BEFORE + LEAST_AFTER} 次），不足以从序列判定突变日期",
            f"only {most} usable looks (at least {LEAST_BEFORE + LEAST_AFTER} are needed): no break can be told",
        )
    if (thin := _thin(samples)) is not None:
        return None, thin
    return None, (
        "同季节比较下，图斑与周边之差没有超出观测噪声的稳定突变",
        "compared within like season, the difference to the ring shows no lasting step beyond the noise of the looks",
    )


def _thin(samples: Sequence[Sample]) -> tuple[str, str] | None:
    """Why a step that is plain to see is no break: too few looks lie on one side of it."""
    for index in INDICES:
        days, values = _values(samples, index.name)
        split = _best_split(days, values, index.floor, 1, 1)
        if split is not None and (split.at < LEAST_BEFORE or len(days) - split.at < LEAST_AFTER):
            before, after = split.at, len(days) - split.at
            return (
                f"序列中可见明显变化，但其前可用观测 {before} 次（至少需 {LEAST_BEFORE} 次）、其后 {after} 次"
                f"（至少需 {LEAST_AFTER} 次），不足以据此判定突变日期",
                f"a step is plain to see, with {before} usable looks before it (at least {LEAST_BEFORE} are needed) "
                f"and {after} after it (at least {LEAST_AFTER}): too few to tell a break",
            )
    return None


def _values(samples: Sequence[Sample], index: str) -> tuple[list[dt.date], Floats]:
    pairs = [(one.day, one.apart(index)) for one in samples]
    kept = [(day, value) for day, value in pairs if np.isfinite(value)]
    return [day for day, _ in kept], np.array([value for _, value in kept], np.float64)


def _like_season(days: Sequence[dt.date]) -> NDArray[np.bool_]:
    """(N, N) whether two looks are of like season."""
    doy = np.array([day.timetuple().tm_yday for day in days])
    off = np.abs(doy[:, None] - doy[None, :])
    return np.asarray(np.minimum(off, 365 - off) <= SEASON_DAYS)


def _best_split(
    days: Sequence[dt.date],
    values: Floats,
    floor: float,
    least_before: int = LEAST_BEFORE,
    least_after: int = LEAST_AFTER,
) -> _Split | None:
    """The split of the looks with the strongest step between looks of like season; None where none stands out."""
    count = len(days)
    if count < least_before + least_after:
        return None
    like = _like_season(days)
    apart = values[None, :] - values[:, None]  # (earlier, later)
    best: _Split | None = None
    for at in range(least_before, count - least_after + 1):
        across = like[:at, at:]
        if not across.any(axis=0).sum() >= least_after:
            continue
        differences = apart[:at, at:][across]
        step, noise = float(np.median(differences)), _noise(apart, like, at)
        # the mean, which a few looks on the wrong side pull at once; the median would not say where the step lies
        strength = abs(float(differences.mean())) / noise * np.sqrt(at * (count - at) / count)
        if best is None or strength > best.strength:
            best = _Split(at, step, noise, float(strength))
    return best if best is not None and abs(best.step) >= max(floor, NOISES * best.noise) else None


def _noise(apart: Floats, like: NDArray[np.bool_], at: int) -> float:
    """Standard deviation of one look, from differences of like season on one side; never less than 0.01."""
    pairs = np.triu(like, k=1)
    pairs[:at, at:] = False
    inside = np.abs(apart[pairs])
    # of a difference of two looks the median is 0.6745 √2 standard deviations of one
    return max(float(np.median(inside)) / 0.954, 0.01) if inside.size else 0.02


def _interval(days: Sequence[dt.date], values: Floats, split: _Split, index: str) -> Break | None:
    """The interval that the looks around a split leave open."""
    like = _like_season(days)
    at, count = split.at, len(days)
    level = np.array([_level(values[:at], like[:at, one], one) for one in range(count)])
    moved = (values - level) / split.step  # 0 = as before, 1 = changed
    # a look whose season was never seen before is compared with another season: it decides nothing
    told = np.array([np.delete(like[:at, one], one if one < at else []).any() for one in range(count)])
    as_before = np.flatnonzero((moved[:at] <= CLEARLY) & told[:at])
    changed = at + np.flatnonzero((moved[at:] >= 1 - CLEARLY) & told[at:])
    if not (as_before.size and changed.size):
        return None
    last, first = int(as_before[-1]), int(changed[0])
    later = told.copy()
    later[:first] = False
    return Break(
        index=index,
        last_before=days[last],
        first_after=days[first],
        step=split.step,
        noise=split.noise,
        looks_before=last + 1,
        looks_after=count - first,
        between=first - last - 1,
        matched=float(told[at:].mean()),
        stays=float((moved[later] > 0.5).mean()),
    )


def _level(before: Floats, like: NDArray[np.bool_], one: int) -> float:
    """What a look would be had nothing happened: the median of the earlier looks of its season, itself left out."""
    others = like.copy()
    if one < len(before):
        others[one] = False
    if others.any():
        return float(np.median(before[others]))
    left = np.delete(before, one) if one < len(before) else before
    return float(np.median(left))


def floor_of(index: str) -> float:
    """Smallest step of an index that counts."""
    return BY_NAME[index].floor

"""Offsets of outlines from cases whose true area is known, and what they hold of cases elsewhere."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from leads.area import LEAST_CASES, Cut, CutClass, OffsetClass, Offsets, moved_area
from pipelines.exams.models import ABOUT_10_MU

BOUNDS = (0.0, 0.75, 0.9, 1.01)
"""Classes of the mean score."""

DOUBTS_PX = (0.0, 1.0, float("inf"))
"""Classes of `Cut.doubt_px`."""

COVER = 0.8
"""Share of the cases that the interval shall hold: for 95 in 100 it would be three times the area wide."""

CUT_COVER = 0.9
"""The same of outlines cut at half contrast."""


@dataclass(frozen=True)
class Case:
    """One lead on one planted change."""

    source: str
    """``planted`` into a real city, ``world`` seen once before and once after, or world of several ``years``."""

    score: float
    area_m2: float
    """Of the outline that the score drew."""

    true_m2: float
    perimeter_m: float
    gsd_m: float
    cut_m2: float = 0.0
    """Area of the outline at half of the patch's own contrast; 0 where that could not be told."""

    cut_perimeter_m: float = 0.0
    cut_apart_px: float = 0.0
    cut_soft_px: float = 0.0
    """As of `Cut`."""

    place: str = ""
    """The city or world."""

    @property
    def real(self) -> bool:
        """Whether the ground is."""
        return self.source == "planted"

    @property
    def cut(self) -> Cut:
        """What can be told of the outline at half contrast."""
        return Cut(self.cut_apart_px, self.cut_soft_px)

    @property
    def cut_offset_px(self) -> float:
        """As `offset_px`, of the outline at half contrast."""
        return (self.true_m2 - self.cut_m2) / self.cut_perimeter_m / self.gsd_m

    @property
    def offset_px(self) -> float:
        """By how many pixels the outline would have to move outwards to hold the true area."""
        return (self.true_m2 - self.area_m2) / self.perimeter_m / self.gsd_m


def calibrated(cases: Sequence[Case], command: str) -> Offsets:
    """The offsets that hold `COVER` of the cases, class by class; a class with few cases takes all cases.

    Watches and surveys of years draw outlines too, and nothing cuts those: the wider of theirs and of the score's
    counts, where there are enough of them.
    """
    classes = []
    drawn = [case for case in cases if case.source != "years"] or cases
    found = [case for case in cases if case.source == "years" and not case.cut_m2]
    every = [case.offset_px for case in drawn]
    for low, high in itertools.pairwise(BOUNDS):
        own, past = ([case.offset_px for case in of if low <= case.score < high] for of in (drawn, found))
        spans = [_quantiles(own if len(own) >= LEAST_CASES else every, COVER)]
        spans += [_quantiles(past, COVER)] if len(past) >= LEAST_CASES else []
        lows, highs = zip(*spans, strict=True)
        classes.append(OffsetClass(low, min(lows), max(highs), len(own) + len(past)))
    cut = [case for case in cases if case.cut_m2]
    cuts = tuple(_cut_class(cut, low, high) for low, high in itertools.pairwise(DOUBTS_PX))
    return Offsets(tuple(classes), cuts, COVER, CUT_COVER, command)


def _cut_class(cut: Sequence[Case], low_px: float, high_px: float) -> CutClass:
    """What holds `CUT_COVER` of the cases on real ground, and of those in simulated worlds: the wider of both.

    Where either has few cases, also of all classes of that ground together.
    """
    counts, found = [], []
    for real in (True, False):
        ground = [case for case in cut if case.real == real]
        own = [case for case in ground if low_px <= case.cut.doubt_px < high_px]
        counts.append(len(own))
        for taken in (own, ground if len(own) < LEAST_CASES else ()):
            if taken:
                found.append(_quantiles([case.cut_offset_px - case.cut.back_px for case in taken], CUT_COVER))
    lows, highs = zip(*found, strict=True) if found else ((0.0,), (0.0,))
    return CutClass(low_px, min(lows), max(highs), *counts)


def _quantiles(offsets: Sequence[float], cover: float) -> tuple[float, float]:
    """Lower and upper offset with the tails of the share that is left out, made wider as few cases demand."""
    tail = (1 - cover) / 2
    wide = tail - 1 / (len(offsets) + 1) if len(offsets) > 1 / tail else 0.0
    low, high = np.quantile(offsets, [max(wide, 0.0), 1 - max(wide, 0.0)])
    return round(float(low), 4), round(float(high), 4)


@dataclass(frozen=True)
class Held:
    """What intervals of outlines cut at half contrast hold."""

    cases: int
    share: float
    """Of the cases whose true area lies inside."""

    width: float
    """Median of (high − low) / area of changes of 7–14 mu."""

    width_cases: int


def held(offsets: Offsets, cases: Sequence[Case]) -> Held:
    """What offsets hold of outlines cut at half contrast."""
    inside, widths = [], []
    for case in cases:
        low_px, high_px = offsets.of_cut(case.cut)
        low, high = moved_area(case.cut_m2, case.cut_perimeter_m, case.gsd_m, low_px, high_px)
        inside.append(low <= case.true_m2 <= high)
        if ABOUT_10_MU[0] <= case.true_m2 <= ABOUT_10_MU[1]:
            widths.append((high - low) / case.cut_m2)
    nothing = float("nan")
    return Held(
        len(cases),
        float(np.mean(inside)) if inside else nothing,
        float(np.median(widths)) if widths else nothing,
        len(widths),
    )


def elsewhere(cases: Sequence[Case]) -> dict[str, tuple[Held, Held]]:
    """On real ground and in worlds, what each half of the places holds by the offsets of the other half's."""
    parts: tuple[list[Case], list[Case]] = ([], [])
    for real in (True, False):
        ground = [case for case in cases if case.cut_m2 and case.real == real]
        for number, place in enumerate(sorted({case.place for case in ground})):
            parts[number % 2].extend(case for case in ground if case.place == place)
    if not all(parts):
        return {}
    fits = [calibrated(part, "") for part in reversed(parts)]
    chosen: dict[str, Callable[[Case], bool]] = {"real": lambda case: case.real, "worlds": lambda case: not case.real}
    found = {}
    for name, wanted in chosen.items():
        one, other = (held(fit, [case for case in part if wanted(case)]) for fit, part in zip(fits, parts, strict=True))
        found[name] = one, other
    return found

"""A finding as the rules see it."""

import datetime as dt
from dataclasses import dataclass

from leads.model import Crossing, Finding
from leads.rules.interval import PatchArea


@dataclass(frozen=True)
class Subject:
    """What is held against the rules."""

    detector: str
    change_zh: str
    """Chinese name of the change, which may tell the use."""

    last_before: dt.date
    first_seen: dt.date
    """The conduct lies in (last_before, first_seen]."""

    area: PatchArea
    crossings: tuple[Crossing, ...] = ()
    layers_missing: tuple[str, ...] = ()
    """Kinds that the detector wanted and nobody gave."""

    clipped: bool = False
    """True when the patch touches the edge of what was observed."""

    @property
    def days(self) -> tuple[dt.date, dt.date]:
        """First and last day on which the conduct may lie."""
        return min(self.last_before + dt.timedelta(days=1), self.first_seen), self.first_seen


def subject_of(finding: Finding, change_zh: str = "") -> Subject:
    """A finding as the rules see it.

    Args:
        finding: with its crossings.
        change_zh: Chinese name of its transition; empty where it is not known. The name that its history gave it wins.
    """
    patch, opinion = finding.patch, finding.opinion
    return Subject(
        detector=patch.detector,
        change_zh=opinion.change.zh if opinion is not None and opinion.change is not None else change_zh,
        last_before=finding.last_before,
        first_seen=finding.first_seen,
        area=PatchArea(patch.area_m2, patch.area_low_m2, patch.area_high_m2),
        crossings=finding.crossings,
        layers_missing=finding.layers_missing,
        clipped=patch.clipped,
    )

"""Patches of the pair held against their own history: what stands, what does not, and why."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from detectors.core.history import History, Opinion, PatchSeries
from detectors.core.types import Detector
from leads.model import Patch
from pipelines.dating import Sighting
from pipelines.outlined import outlined
from pipelines.past import Past
from pipelines.patchseries import Asked, each_series
from pipelines.progress import Progress

SAME_GROUND = 0.5
"""Share of the smaller patch that two have in common from which on they are one."""


@dataclass(frozen=True)
class Dated:
    """A patch on its way to a lead."""

    detector: Detector
    patch: Patch
    sighting: Sighting
    opinion: Opinion | None = None
    origin: str = "pair"
    to_judge: bool = True
    """Whether its model's judge has to be heard."""


_NUMBERS = re.compile(
    r"(?<![A-Za-z\d.])[-−]?\d+(?:[.,:\-–]\d+)*(?:\s*%)?(?:[、,，]\s*[-−]?\d+(?:[.,:\-–]\d+)*(?:\s*%)?)*"
    r"|(?<![A-Za-z])nan(?![A-Za-z])%?"
)
"""A number, day or list of them in a sentence; not the digits of a band's name."""


@dataclass
class Reason:
    """Why patches were dropped, and how many."""

    example: str
    """What was said of the first of them, with its numbers."""

    count: int = 0


@dataclass
class Account:
    """What was made of patches and sites that are no leads: nothing vanishes silently."""

    set_aside: dict[str, dict[str, Reason]] = field(default_factory=dict)
    """By detector and reason, numbers in it written as #."""

    watched: dict[str, Counter[str]] = field(default_factory=dict)
    """By detector and kind: how many sites there were, were due, were found, in order, or not observed."""

    merged: Counter[str] = field(default_factory=Counter)
    """By detector: patches that another patch of the same model shows as well."""

    sites_merged: Counter[str] = field(default_factory=Counter)
    """By detector: patches and watched sites taken in by the lead of a watched site."""

    notes: list[str] = field(default_factory=list)
    faults: set[str] = field(default_factory=set)
    """What a model's own code failed at: the run is then not whole."""

    def drop(self, detector: str, opinion: Opinion) -> None:
        """Count a patch that does not stand."""
        said = "；".join(f"{remark.zh} {remark.en}" for remark in opinion.remarks) or "未说明 no reason given"
        reasons = self.set_aside.setdefault(detector, {})
        reasons.setdefault(_NUMBERS.sub("#", said), Reason(said)).count += 1

    def dropped(self) -> Mapping[str, Sequence[Mapping[str, str | int]]]:
        """`set_aside` in a fixed order, the most frequent reason first."""
        return {
            name: [
                {"reason": masked, "count": reason.count, "example": reason.example}
                for masked, reason in sorted(reasons.items(), key=lambda item: (-item[1].count, item[0]))
            ]
            for name, reasons in sorted(self.set_aside.items())
        }


def judged(
    past: Past,
    found: Sequence[Dated],
    patches: Sequence[BaseGeometry],
    gsd_m: float,
    account: Account,
    progress: Progress,
    workers: int = 2,
) -> list[Dated]:
    """The patches that stand, each with its model's opinion; those of models that ask for no history as they are.

    Args:
        past: where their history comes from.
        found: patches of the pair.
        patches: geometries of all patches of the run.
        gsd_m: pixel size of the run.
        account: takes what does not stand.
        progress: where to report.
        workers: threads.
    """
    wanting = [(number, one.detector.history) for number, one in enumerate(found) if one.detector.history is not None]
    numbers = [number for number, _ in wanting]
    asked = [_asked(found[number], history) for number, history in wanting]

    def opinion_of(place: int, series: PatchSeries, box: GeoBox) -> tuple[Opinion, Patch]:
        one = found[numbers[place]]
        opinion = judgement(one.detector, series)
        return opinion, outlined(one.patch, series, box) if opinion.stands else one.patch

    def judgement(detector: Detector, series: PatchSeries) -> Opinion:
        if detector.judge is None:
            return Opinion(stands=True)
        try:
            return detector.judge(series)
        # The boundary of a model: what one model (perhaps of another house) can not judge costs no other its leads.
        except Exception as error:
            account.faults.add(f"{detector.id} could not judge a patch: {type(error).__name__}: {error}")
            return Opinion(stands=True, unsure=True)

    opinions = each_series(past, asked, patches, gsd_m, opinion_of, progress, "history", workers) if asked else []
    told = dict(zip(numbers, opinions, strict=True))
    standing = []
    for number, one in enumerate(found):
        opinion, patch = told.get(number, (None, one.patch))
        if opinion is not None and not opinion.stands:
            account.drop(one.detector.id, opinion)
        else:
            standing.append(replace(one, patch=patch, opinion=_beside(opinion, one.opinion)))
    return once(standing, account)


def _beside(judgement: Opinion | None, told: Opinion | None) -> Opinion | None:
    """What a model makes of a patch, with what was said of it before."""
    if judgement is None or told is None:
        return judgement or told
    remarks = dict.fromkeys((*judgement.remarks, *told.remarks))
    return replace(judgement, remarks=tuple(remarks), change=judgement.change or told.change)


def once(standing: Sequence[Dated], account: Account) -> list[Dated]:
    """Of patches of one model that came to lie on the same ground when they were outlined anew, the surest."""
    kept: list[Dated] = []
    for one in sorted(standing, key=lambda dated: -dated.patch.score_mean):
        same = [other for other in kept if other.detector.id == one.detector.id and _covers(other.patch, one.patch)]
        if same:
            account.merged[one.detector.id] += 1
        else:
            kept.append(one)
    places = {id(one): place for place, one in enumerate(standing)}
    return sorted(kept, key=lambda one: places[id(one)])


def _covers(one: Patch, other: Patch) -> bool:
    if not one.geometry.intersects(other.geometry):
        return False
    least = min(one.geometry.area, other.geometry.area)
    return bool(one.geometry.intersection(other.geometry).area >= SAME_GROUND * least)


def _asked(one: Dated, history: History) -> Asked:
    sighting = one.sighting
    latest = max((sighting.first_seen, *sighting.dates_seen))
    years = tuple(range(sighting.first_seen.year - history.years + 1, latest.year + 1))
    return Asked(one.patch.geometry, history, years, sighting.last_before, sighting.first_seen, one.patch.transition)


def year_span(last: dt.date, years: int) -> tuple[int, ...]:
    """The year of a day and so many − 1 before it."""
    return tuple(range(last.year - years + 1, last.year + 1))

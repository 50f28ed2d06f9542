"""Imagery of the past, beyond the ranges of a scan: looked up once, brought only where a patch, site or block asks."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.grid import to_crs
from detectors.core.history import Season
from detectors.core.types import Detector
from imagery.compose import Failure
from imagery.errors import DiskFullError, ProviderError
from imagery.providers.provider import Provider
from imagery.scene import Scene
from imagery.seasons import year_in
from pipelines.law import Law
from pipelines.plan import Plan
from pipelines.progress import Progress
from pipelines.request import ScanRequest

MARGIN_DEG = 0.002
"""Beyond what is read: a pixel is blended from its neighbours, and a box in degrees has other edges."""


@dataclass(frozen=True)
class Term:
    """Looks that somebody may ask for."""

    season: Season
    first_year: int
    last_year: int

    def holds(self, day: dt.date) -> bool:
        """Whether a look of this day is one of them."""
        year = year_in((self.season.first, self.season.last), day)
        return year is not None and self.first_year <= year <= self.last_year


class Past:
    """The scenes of the past that a run may read, and what became of those that it did."""

    def __init__(self, source: Provider, scenes: Sequence[Scene], last: dt.date, progress: Progress) -> None:
        """Takes what `past_of` found; nothing is brought yet."""
        self._source, self._progress = source, progress
        self.scenes = tuple(scenes)
        self.last = last
        """No look after this day counts: a run of a year ago must say today what it said then."""

        self.brought: dict[str, Scene] = {}
        self.failures: set[Failure] = set()
        self.bytes_fetched = 0
        self.bytes_cached = 0

    def bring(self, terms: Iterable[Term], grounds: Sequence[BaseGeometry], name: str) -> tuple[Scene, ...]:
        """The scenes of some terms that meet any of the grounds, ready to be read there.

        Args:
            terms: which looks.
            grounds: in EPSG:4326.
            name: of the stage, for the progress.
        """
        if not self.scenes or not grounds:
            return ()
        terms = tuple(terms)
        ground = shapely.union_all(shapely.buffer(list(grounds), MARGIN_DEG, join_style="mitre"))
        shapely.prepare(ground)
        wanted = [
            scene
            for scene in self.scenes
            if any(term.holds(scene.solar_day) for term in terms) and ground.intersects(scene.geometry)
        ]
        if not wanted:
            return ()
        try:
            with self._progress.stage(name, len(wanted)) as step:
                fetched = self._source.fetch(wanted, ground, step)
        except DiskFullError:
            raise
        except ProviderError as error:  # the leads of the pair are whole without it, and say what they lack
            self.failures.add(Failure(self._source.name, f"nothing of the past could be had: {error}"))
            return ()
        self.failures.update(Failure(one.scene_id, one.reason) for one in fetched.quarantined)
        self.bytes_fetched += fetched.bytes_fetched
        self.bytes_cached += fetched.bytes_cached
        self.brought |= {scene.id: scene for scene in fetched.scenes}
        return fetched.scenes


def past_of(request: ScanRequest, plan: Plan, law: Law, progress: Progress) -> Past:
    """Look up what the detectors of a plan may want of the past; nothing is asked where they want nothing."""
    last = request.after[1]
    terms = terms_of(plan.detectors, law, request.after)
    if not terms:
        return Past(request.source, (), last, progress)
    # a season that runs over New Year ends in the year after the one that it counts to
    first = dt.date(min(term.first_year for term in terms), 1, 1)
    ground = shapely.union_all([to_crs(block.padded.extent.geom, block.epsg, 4326) for block in plan.blocks])
    try:
        found = request.source.search(ground, first, last)
    except DiskFullError:
        raise
    except ProviderError as error:
        past = Past(request.source, (), last, progress)
        past.failures.add(Failure(request.source.name, f"the past could not be searched: {error}"))
        return past
    scenes = [
        scene
        for scene in found
        if scene.optical and scene.level != "DN" and any(term.holds(scene.solar_day) for term in terms)
    ]
    past = Past(request.source, scenes, last, progress)
    past.failures.update(Failure(one.scene_id, one.reason) for one in request.source.refused)
    return past


def terms_of(detectors: Sequence[Detector], law: Law, after: tuple[dt.date, dt.date]) -> tuple[Term, ...]:
    """All looks that judges, watches and surveys may ask for, with the layers given."""
    histories = [detector.history for detector in detectors if detector.history is not None]
    histories += [watch.history for one in detectors for watch in one.watches if watch.kind in law.kinds]
    asked = [(season, one.years, after[0].year) for one in histories for season in one.seasons]
    asked += [
        (survey.season, survey.years, after[1].year)
        for detector in detectors
        for survey in detector.surveys
        if law.kinds.intersection(survey.ground)
    ]
    return tuple(dict.fromkeys(Term(season, year - years + 1, after[1].year) for season, years, year in asked))

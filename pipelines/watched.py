"""Sites that a layer names, looked at whether they changed or not: past their deadline, and does it still show?"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from aoi.layers import LayerFeature
from detectors.core.history import Opinion, PatchSeries, Site, Watch
from detectors.core.types import Detector
from leads.model import Patch
from leads.sites import shown_patches, site_patch
from pipelines.dating import Sighting
from pipelines.judged import Account, Dated, year_span
from pipelines.law import Law
from pipelines.past import Past
from pipelines.patchseries import Asked, each_series
from pipelines.plan import Plan
from pipelines.progress import Progress

NAMED = 20
"""Sites that were not observed are named one by one up to so many; the rest is counted."""

EARLIEST = dt.date(1990, 1, 1)
"""No deadline is looked for before it."""


@dataclass(frozen=True)
class _Due:
    """A site that has to be looked at."""

    detector: Detector
    watch: Watch
    feature: LayerFeature
    site: Site

    @property
    def key(self) -> str:
        return f"{self.detector.id}:{self.watch.kind}"


@dataclass(frozen=True)
class _Seen:
    """What became of it."""

    opinion: Opinion | None
    """None: not observed, or too little to tell."""

    sighting: Sighting | None
    box: GeoBox


def watched(
    past: Past,
    plan: Plan,
    law: Law,
    after: tuple[dt.date, dt.date],
    patches: Sequence[BaseGeometry],
    account: Account,
    progress: Progress,
    workers: int = 2,
) -> list[Dated]:
    """The sites that are due and show it, as patches with their days.

    Args:
        past: where their history comes from.
        plan: its area and detectors.
        law: its layers.
        after: range of after days asked for.
        patches: geometries of all patches of the run: rings keep clear of them.
        account: counts sites, and takes notes of those that were not observed.
        progress: where to report.
        workers: threads.

    Raises:
        UnreadableVectorError: if a layer can not be read.
    """
    due = _due_sites(plan, law, after, account)
    asked = [
        Asked(one.feature.geometry, one.watch.history, year_span(past.last, one.watch.history.years)) for one in due
    ]

    def look(number: int, series: PatchSeries, box: GeoBox) -> _Seen:
        one = due[number]
        try:
            opinion = one.watch.judge(series, one.site) if series.days else None
            if opinion is None or opinion.unsure:
                return _Seen(None, None, box)
            return _Seen(opinion, sighting_of(one.watch, one.site, series) if opinion.stands else None, box)
        # The boundary of a model: what one can not judge costs no other its leads.
        except Exception as error:
            account.faults.add(f"{one.key} could not judge {one.site.id}: {type(error).__name__}: {error}")
            return _Seen(None, None, box)

    looks = each_series(past, asked, patches, plan.gsd_m, look, progress, "watched sites", workers) if asked else []
    found: list[Dated] = []
    blind: list[_Due] = []
    for one, seen in zip(due, looks, strict=True):
        if seen.opinion is None or (seen.opinion.stands and seen.sighting is None):
            blind.append(one)
        elif seen.opinion.stands and seen.sighting is not None:
            found += _patches(one, seen.opinion, seen.sighting, seen.box)
        result = "found" if seen.sighting else "not_observed" if one in blind else "in_order"
        account.watched[one.key][result] += 1
    account.notes += _blind_notes(blind)
    return found


def _due_sites(plan: Plan, law: Law, after: tuple[dt.date, dt.date], account: Account) -> list[_Due]:
    due = []
    for detector in plan.detectors:
        for watch in detector.watches:
            layers = [layer for layer in law.layers if layer.kind == watch.kind]
            if not layers:
                continue
            counts = account.watched.setdefault(f"{detector.id}:{watch.kind}", Counter())
            for feature in (one for layer in layers for one in layer.features_in(plan.aoi.geometry)):
                counts["sites"] += 1
                site = Site(watch.kind, feature.id, feature.attributes, min(law.today, after[1]), after)
                if watch.due(site):
                    counts["due"] += 1
                    due.append(_Due(detector, watch, feature, site))
    return due


def _patches(one: _Due, opinion: Opinion, sighting: Sighting, box: GeoBox) -> list[Dated]:
    if opinion.where is None:
        parts: tuple[Patch, ...] = (site_patch(one.feature.geometry, float(box.affine.a), one.detector),)
    else:
        parts = shown_patches(opinion.where, box, one.detector)
    # the part was needed for its outline; a lead outlives the pixels
    told = replace(opinion, change=opinion.change or one.watch.change, where=None)
    return [Dated(one.detector, part, sighting, told, f"watch:{one.watch.kind}") for part in parts]


def sighting_of(watch: Watch, site: Site, series: PatchSeries) -> Sighting | None:
    """Since when a site that shows it has shown it, after its deadline; None where no look after it does.

    The model is asked again after every look past the deadline, with what had been seen by then. The conduct lies
    between the last day on which the papers were in order, or a later look after which the model found nothing, and
    the first look from which on it always found it.
    """
    lawful = last_lawful_day(watch, site)
    last_before = lawful
    shown: list[dt.date] = []
    looks = 0
    for number, day in enumerate(series.days, start=1):
        if lawful is not None and day <= lawful:
            continue
        looks += 1
        said = watch.judge(replace(series, values=series.values[:number], days=series.days[:number]), site)
        if said.unsure:
            continue
        if said.stands:
            shown.append(day)
        else:
            shown, last_before = [], day
    if not shown:
        return None
    # papers that were never in order say nothing of when it began: not before the first look, as far as is known
    begun = last_before if last_before is not None else series.days[0] - dt.timedelta(days=1)
    return Sighting(begun, shown[0], tuple(shown), looks)


def last_lawful_day(watch: Watch, site: Site) -> dt.date | None:
    """The last day on which the papers did not make the site due; None where they always did.

    Args:
        watch: says when a site is due; taken to be due for good once it is.
        site: due on its own day.
    """

    def is_due(day: dt.date) -> bool:
        after = (min(site.after[0], day), min(site.after[1], day))
        return watch.due(replace(site, today=day, after=after))

    late, step = site.today, 32
    while is_due(early := max(late - dt.timedelta(days=step), EARLIEST)):
        if early == EARLIEST:
            return None
        late, step = early, step * 2
    while (late - early).days > 1:
        middle = early + (late - early) // 2
        early, late = (early, middle) if is_due(middle) else (middle, late)
    return early


def _blind_notes(blind: Sequence[_Due]) -> list[str]:
    notes = [
        f"{one.detector.id}: {one.watch.kind} {one.site.id} was to be looked at, and not observed well enough to tell"
        for one in blind[:NAMED]
    ]
    if len(blind) > NAMED:
        notes.append(f"{len(blind) - NAMED} more watched sites were not observed well enough to tell")
    return notes

"""From the fragments of all blocks to leads."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace

from detectors.core.history import Opinion, Remark
from detectors.core.types import Detector
from leads.banners import places
from leads.find import finding
from leads.identity import assign_ids
from leads.join import join
from leads.model import Finding, Lead
from pipelines.block import BlockResult
from pipelines.dating import Dating
from pipelines.judged import Account, Dated, judged
from pipelines.law import Law
from pipelines.lines import one_lead_a_line
from pipelines.outputs import Outputs
from pipelines.ownground import by_its_look, left_to_others, on_own_ground
from pipelines.past import Past
from pipelines.plan import Plan
from pipelines.progress import Progress
from pipelines.samesite import one_lead_a_site, one_patch_a_site
from pipelines.survey import surveyed
from pipelines.watched import watched

FoundLead = tuple[Lead, Detector]


def leads_of(
    plan: Plan,
    results: Sequence[BlockResult],
    outputs: Outputs,
    law: Law,
    past: Past,
    after: tuple[dt.date, dt.date],
    progress: Progress,
    workers: int = 2,
) -> tuple[tuple[FoundLead, ...], Account]:
    """Join the fragments of all blocks, date them, hold them against their history and the law, and name them.

    A patch that touches the AOI is a lead as a whole, also where it reaches beyond.

    Returns:
        Leads, the likeliest first; and an account of what was looked at and is none.
    """
    by_id = {detector.id: detector for detector in plan.detectors}
    blocks = [result.block for result in results]
    dating = Dating(blocks, outputs)
    account = Account()
    every = [dated for detector in plan.detectors for dated in _dated(plan, detector, results, dating, account)]
    pairs = by_its_look(left_to_others(on_own_ground(every, law, account), law, account), law)
    keys = [task.key for task in plan.surveys]
    pieces = {key: [piece for result in results for piece in result.fragments.get(key, ())] for key in keys}
    surveys = left_to_others(surveyed(plan, blocks, pieces, dating, outputs), law, account)
    grounds = [one.patch.geometry for one in (*pairs, *surveys)]
    standing = judged(past, pairs, grounds, plan.gsd_m, account, progress, workers)
    surveys = _held(surveys, lambda some: judged(past, some, grounds, plan.gsd_m, account, progress, workers))
    sites = watched(past, plan, law, after, grounds, account, progress, workers)
    patches = one_patch_a_site(one_lead_a_line(standing, account), surveys, account)
    whole = one_lead_a_site(patches, sites, account)
    found = [_finding(one, law) for one in whole]
    named = assign_ids(found)
    where = places([lead.finding.patch.geometry for lead in named], law.layers)
    placed = (replace(lead, place=place) for lead, place in zip(named, where, strict=True))
    leads = sorted(placed, key=lambda lead: (-lead.finding.patch.score_mean, lead.id))
    return tuple((lead, by_id[lead.finding.patch.detector]) for lead in leads), account


def _held(surveys: Sequence[Dated], judge: Callable[[Sequence[Dated]], list[Dated]]) -> list[Dated]:
    """Patches of surveys, those that ask for it held against their history."""
    asked = [one for one in surveys if one.to_judge]
    return [*(one for one in surveys if not one.to_judge), *(judge(asked) if asked else ())]


_DOUBTED = Opinion(
    False,
    (
        Remark(
            "首见后三次以上清晰影像中，网络有把握的不足两次（过火迹地返青、边滩、湿地面等）",
            "of three clear looks or more since, fewer than two show it surely (char grown over, bars, wet ground)",
        ),
    ),
)


def _dated(
    plan: Plan, detector: Detector, results: Sequence[BlockResult], dating: Dating, account: Account
) -> list[Dated]:
    """The patches of one detector's pairs, with their days, without those that hardly a look is sure of."""
    pieces = (fragment for result in results for fragment in result.fragments[detector.id])
    joined = join(pieces, detector, [result.block.geobox for result in results])
    patches = [patch for patch in joined if patch.geometry.intersects(plan.aoi.geometry)]
    found = []
    for patch, sighting in zip(patches, dating.sightings(patches, detector), strict=True):
        if sighting is not None and sighting.doubted:
            account.drop(detector.id, _DOUBTED)
        elif sighting is not None:
            found.append(Dated(detector, patch, sighting))
    return found


def _finding(one: Dated, law: Law) -> Finding:
    """A patch crossed with the layers and held against the law."""
    found = finding(
        one.patch,
        last_before=one.sighting.last_before,
        first_seen=one.sighting.first_seen,
        dates_seen=one.sighting.dates_seen,
        looks=one.sighting.looks,
        layers=law.crossed,
        wanted=one.detector.layers,
    )
    return law.weighed(replace(found, opinion=one.opinion, origin=one.origin), one.detector)

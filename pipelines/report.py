"""From the fragments of all blocks to leads."""

from collections.abc import Sequence

from detectors.core.types import Detector
from leads.find import finding
from leads.identity import assign_ids
from leads.join import join
from leads.model import Finding, Lead
from pipelines.block import BlockResult
from pipelines.dating import Dating
from pipelines.law import Law
from pipelines.outputs import Outputs
from pipelines.plan import Plan

FoundLead = tuple[Lead, Detector]


def leads_of(plan: Plan, results: Sequence[BlockResult], outputs: Outputs, law: Law) -> tuple[FoundLead, ...]:
    """Join the fragments of all blocks, date them, hold them against the law and name them.

    A patch that touches the AOI is a lead as a whole, also where it reaches beyond.
    """
    by_id = {detector.id: detector for detector in plan.detectors}
    dating = Dating([result.block for result in results], outputs)
    found = [finding for detector in plan.detectors for finding in _findings(plan, detector, results, dating, law)]
    leads = sorted(assign_ids(found), key=lambda lead: (-lead.finding.patch.score_mean, lead.id))
    return tuple((lead, by_id[lead.finding.patch.detector]) for lead in leads)


def _findings(
    plan: Plan, detector: Detector, results: Sequence[BlockResult], dating: Dating, law: Law
) -> list[Finding]:
    pieces = (fragment for result in results for fragment in result.fragments[detector.id])
    joined = join(pieces, detector, [result.block.geobox for result in results])
    patches = [patch for patch in joined if patch.geometry.intersects(plan.aoi.geometry)]
    found = (
        finding(
            patch,
            last_before=sighting.last_before,
            first_seen=sighting.first_seen,
            dates_seen=sighting.dates_seen,
            looks=sighting.looks,
            layers=law.layers,
            wanted=detector.layers,
        )
        for patch, sighting in zip(patches, dating.sightings(patches, detector), strict=True)
        if sighting is not None
    )
    return [law.weighed(one, detector) for one in found]

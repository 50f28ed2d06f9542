"""A finding on temporary land: the clocks of the permits under it, use beyond their outline, building in the term."""

import datetime as dt
from collections.abc import Sequence

from leads.model import Finding
from leads.permits import clock, permit_of
from leads.rules.interval import PatchArea
from leads.rules.records import Rule
from leads.rules.uses import uses_of
from leads.standing import Ground, PermitState, PermitUse, TemporaryUse, YesNo

KIND = "temporary_land_permits"

MAIN_SHARE = 0.5
"""From this share of a patch on, a map's ground is the ground of the permit."""

SLIVER = 0.02
"""Share of a patch that two hands may draw differently along one edge."""


def temporary_use(
    finding: Finding, change_zh: str, today: dt.date, rules: Sequence[Rule] | None = None
) -> TemporaryUse | None:
    """What the permits under a finding say; None where nobody gave their layer.

    A patch of the detector `temporary_land` that lies in no permit is wholly beyond. One of any other detector that
    lies in none is no temporary land: None.

    Args:
        finding: with its crossings.
        change_zh: Chinese name of the change, which may tell building.
        today: the day on which the report is made.
        rules: records; the shipped ones if not given.
    """
    crossings = [one for one in finding.crossings if one.kind == KIND]
    wanted = finding.patch.detector == "temporary_land" and KIND not in finding.layers_missing
    if not crossings and not wanted:
        return None
    ground = main_ground(finding)
    uses = tuple(
        PermitUse(
            permit,
            one.area_m2,
            clock(permit, finding.first_seen, ground, rules),
            clock(permit, today, ground, rules),
        )
        for one in sorted(crossings, key=lambda one: (-one.area_m2, one.feature_id))
        for permit in (permit_of(one),)
    )
    patch = finding.patch
    area = PatchArea(patch.area_m2, patch.area_low_m2, patch.area_high_m2)
    inside = min(sum(one.area_m2 for one in crossings), patch.area_m2)
    outside = patch.area_m2 - inside
    beyond: YesNo = "no" if outside <= SLIVER * patch.area_m2 else "yes" if area.low > inside else "unknown"
    in_term = any(use.at_first_seen.state == PermitState.IN_TERM for use in uses)
    built = "building" in uses_of(change_zh, patch.detector)
    return TemporaryUse(uses, ground, beyond, area.part(outside, outside), built and in_term)


def main_ground(finding: Finding) -> Ground:
    """What most of a patch is by the grassland and forest maps; empty where they do not say."""
    sums: dict[Ground, float] = {"grassland": 0.0, "forest_land": 0.0}
    for crossing in finding.crossings:
        if crossing.kind == "grassland":
            sums["grassland"] += crossing.area_m2
        elif crossing.kind == "forest_land":
            sums["forest_land"] += crossing.area_m2
    ground, most = max(sums.items(), key=lambda item: item[1])
    return ground if most >= MAIN_SHARE * finding.patch.area_m2 else ""

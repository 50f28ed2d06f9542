"""Leads that tell of something left undone: a term on paper ended, and the ground was not put right.

They differ from a change in two ways that a paper has to say: the first of their days is the last on which the papers
were in order, no look at the ground; and nothing changes in the images, it is the same bareness that is held against
them.
"""

from functools import cache

from detectors.core.registry import all_detectors
from leads.dossier.model import DossierInput
from leads.series.innocent import Explanation, explanations
from leads.series.unrestored import left_bare

_TERMS = frozenset({"temporary_land_permits", "grassland_use_approvals", "restoration_plans", "mining_rights"})
"""Layers whose features have to be put right by a day."""


@cache
def _names() -> frozenset[str]:
    return frozenset(
        watch.change.zh for one in all_detectors().values() for watch in one.watches if watch.kind in _TERMS
    )


def is_overdue(case: DossierInput) -> bool:
    """Whether a lead is of a site that was not put right in time."""
    return str(case.values.get("change_zh") or "") in _names()


def explained(case: DossierInput) -> tuple[Explanation, ...]:
    """The innocent explanations of a lead, held against its history; none where it has no dates."""
    days = case.conduct
    if days is None:
        return ()
    if is_overdue(case):
        return left_bare(case.history, *days)
    return explanations(case.history, *days, change_zh=str(case.values.get("change_zh") or ""))

"""What a finding's change is called."""

from detectors.core.history import Remark
from detectors.core.types import Detector
from leads.model import Finding

UNKNOWN = Remark("地表变化（类型未定）", "change of unknown kind")


def change_of(finding: Finding, detector: Detector) -> Remark | None:
    """The name of a change: what its history or survey calls it, else its transition's; None where nobody named it."""
    if finding.opinion is not None and finding.opinion.change is not None:
        return finding.opinion.change
    transition = finding.patch.transition
    if 1 <= transition <= len(detector.transitions):
        kind = detector.transitions[transition - 1]
        return Remark(kind.name_zh, kind.name_en)
    return None

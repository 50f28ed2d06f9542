"""What a run says of itself beside its numbers."""

from detectors.core.apply import TRAINING_FREE
from pipelines.law import Law, missing_notes, place_notes
from pipelines.plan import Plan
from pipelines.region import Region
from pipelines.request import Method


def _why_training_free(method: Method) -> str:
    return "no trained weights" if method == "auto" else "asked for"


def notes_of(plan: Plan, region: Region, law: Law, method: Method) -> tuple[str, ...]:
    """What whoever reads the leads of a run has to know of it."""
    notes = [f"{name}: no after scene in its season" for name in plan.out_of_season]
    notes += missing_notes(plan.detectors, law)
    notes += [
        f"{scene.id} has no cloud mask: cloud may be taken for change"
        for scene in plan.before + plan.after
        if not scene.has_cloud_mask
    ]
    notes += [f"too little ground to say what is normal: {said}" for said in region.too_little]
    if plan.reader.name == TRAINING_FREE:
        notes.append(f"{_why_training_free(method)}: the training-free score was used")
    if not plan.reflectance:
        notes.append("values are DN, not reflectance: surfaces are unknown, transitions are not told")
    return (*notes, *place_notes(law))

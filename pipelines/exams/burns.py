"""Whether fire is called fire, and how much burnt ground is called digging or building instead."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.core.types import BARE, BUILT, BoolArray, Detector, Surface
from pipelines.chosen import detectors_for
from pipelines.exams.fires import Fire, Load, find_fires
from pipelines.exams.pair import DOMAIN_ERRORS, Scanned, index, scan_pair
from pipelines.exams.part import Check, Column, Part, ratio
from pipelines.home import home
from pipelines.progress import Progress, Silent
from pipelines.request import Method

DETECTORS = ("land_disturbance", "mine")
"""The first is in season all year."""

LEAST_RECALL = 0.8
MOST_DUG = 0.02

COLUMNS = (
    Column("fire", "text"),
    Column("burnt px", "count"),
    Column("observed", "share"),
    Column("recall", "share"),
    Column("false outside", "share"),
    Column("dug px", "share"),
    Column("other px", "share"),
    Column("dug leads", "share"),
    Column("other leads", "share"),
    Column("s", "seconds"),
)

NOTES = (
    "recall: observed burnt ground whose surface after is burnt; false outside: the same of the ground that did not.",
    "dug: burnt ground that land_disturbance or mine calls (score at the shipped threshold, or inside a lead) with a "
    "change into bare or built; other: with any change that is not into burnt.",
    "pilbara has no mask: its burn is where near infrared fell by 25 % and SWIR by 20 %, flames and smoke left out; "
    "yakutia's was derived from the same pair by others; burn pairs have no date before: 30 days earlier is assumed.",
)


@dataclass(frozen=True, eq=False)
class Called:
    """What a scan made of a pair."""

    surface_after: NDArray[np.uint8]
    observed: BoolArray
    dug_px: BoolArray
    """(H, W) called by a detector, into bare or built."""

    other_px: BoolArray
    """(H, W) called by a detector, into anything but burnt."""

    dug_leads: BoolArray
    """(H, W) inside a lead whose change is into bare or built."""

    other_leads: BoolArray


def measure_burns(
    real: Path, work: Path, method: Method, progress: Progress | None = None, names: Sequence[str] = ()
) -> Part:
    """Scan every real fire.

    Args:
        real: folder of real imagery.
        work: scratch folder.
        method: where scores and surfaces come from.
        progress: told of each fire.
        names: only these fires; empty means all.

    Raises:
        BadInputError: if there is none. A fire that fails is reported, not raised.
    """
    fires = {name: load for name, load in find_fires(real).items() if not names or name in names}
    rows, failed = [], []
    work.mkdir(parents=True, exist_ok=True)
    with (progress or Silent()).stage("fires", len(fires)) as step:
        for name, load in fires.items():
            try:
                rows.append(_measure(name, load, Path(tempfile.mkdtemp(prefix=f"{name}-", dir=work)), method))
            except DOMAIN_ERRORS as error:
                failed.append((name, str(error)))
            step()
    checks = [
        check
        for name, *_, recall, _, dug_px, _, dug_leads, _, _ in rows
        for check in (
            Check(f"{name}: recall", recall, LEAST_RECALL),
            Check(f"{name}: burnt ground called digging or building", max(dug_px, dug_leads), MOST_DUG, False),
        )
    ]
    return Part("burns", "Fire is called fire", method, COLUMNS, tuple(rows), tuple(checks), NOTES, tuple(failed))


def _measure(
    name: str, load: Load, folder: Path, method: Method
) -> tuple[str, int, float, float, float, float, float, float, float, float]:
    fire = load(folder)
    start = time.perf_counter()
    pair = index(name, fire.sources, fire.sidecar, folder)
    called = called_in(scan_pair(pair, fire.geobox, DETECTORS, method, folder / "scan"), method)
    seconds = time.perf_counter() - start
    return name, int(fire.burnt.sum()), *shares(fire, called), seconds


def shares(fire: Fire, called: Called) -> tuple[float, float, float, float, float, float, float]:
    """Of the burnt ground that is known: the share observed, and of that the shares of the table; NaN of nothing."""
    burnt = fire.burnt & ~fire.ignore
    seen, outside = burnt & called.observed, ~fire.burnt & ~fire.ignore & called.observed

    def share(of: BoolArray, among: BoolArray) -> float:
        return ratio(int((of & among).sum()), int(among.sum()))

    char = called.surface_after == Surface.BURNT
    wrong = (called.dug_px, called.other_px, called.dug_leads, called.other_leads)
    dug_px, other_px, dug_leads, other_leads = (share(each, seen) for each in wrong)
    return (
        share(called.observed, burnt),
        share(char, seen),
        share(char, outside),
        dug_px,
        other_px,
        dug_leads,
        other_leads,
    )


def called_in(scanned: Scanned, method: Method) -> Called:
    """What a scan called digging, building or anything but a burn, by pixels and by leads.

    Raises:
        PipelineError: if the scan wrote no score or surface.
    """
    before, after = scanned.surface("before"), scanned.surface("after")
    always, *seasonal = DETECTORS
    scores = {always: scanned.scored(always), **{name: scanned.score(name) for name in seasonal}}
    observed = np.isfinite(scores[always])
    dug_px, other_px, dug_leads, other_leads = (np.zeros(after.shape, np.bool_) for _ in range(4))
    for detector in detectors_for(DETECTORS, method, home()):
        over = np.nan_to_num(scores[detector.id]) >= detector.threshold_high
        into = turned_into(detector, before, after)
        dug_px |= over & np.isin(into, sorted(BARE | BUILT))
        other_px |= over & (into != Surface.BURNT)
    kinds = {(d.id, t.name_en): t.after for d in detectors_for(DETECTORS, method, home()) for t in d.transitions}
    for detector_id, change, inside in scanned.leads():
        # an unknown kind of change (no transition fits) is into nothing
        into_any = kinds.get((detector_id, change), frozenset())
        if into_any and into_any <= BARE | BUILT:
            dug_leads |= inside
        if into_any != {Surface.BURNT}:
            other_leads |= inside
    return Called(after, observed, dug_px, other_px, dug_leads, other_leads)


def turned_into(detector: Detector, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) the surface after where one of a detector's transitions fits, else UNKNOWN."""
    fits = np.zeros((max(Surface) + 1, max(Surface) + 1), np.bool_)
    for transition in detector.transitions:
        fits[np.ix_(sorted(transition.before), sorted(transition.after))] = True
    return np.where(fits[before, after], after, np.uint8(Surface.UNKNOWN))

"""All measurements on real ground in one go, each through the ordinary scan, for one method or several."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.errors import BadInputError
from pipelines.exams.burns import measure_burns
from pipelines.exams.cleardates import measure_clear_dates
from pipelines.exams.degraded import VARIANTS
from pipelines.exams.labelled import above_training_free, measure_degraded, measure_oscd, measure_taizhou
from pipelines.exams.models import MODELS, measure_models
from pipelines.exams.pair import METHODS
from pipelines.exams.part import Part
from pipelines.exams.planted import measure_planted
from pipelines.exams.radar import measure_radar_pairs, measure_radar_series
from pipelines.exams.river import measure_river
from pipelines.exams.unchanged import measure_unchanged
from pipelines.exams.water import measure_water
from pipelines.progress import Progress, Silent
from pipelines.request import Method

Measure = Callable[[Path, Path, Method, Progress], Part]

MEASURES: Mapping[str, tuple[Measure, ...]] = {
    "oscd": (measure_oscd,),
    "taizhou": (measure_taizhou,),
    "burns": (measure_burns,),
    "water": (measure_water,),
    "river": (measure_river,),
    "sar": (measure_radar_pairs,),
    "sarseries": (measure_radar_series,),
    "clear": (measure_clear_dates,),
    "planted": (measure_planted,),
    "degraded": tuple(partial(measure_degraded, variant) for variant in VARIANTS),
}
"""By the name with which a part is asked for."""


@dataclass(frozen=True)
class ExamReport:
    """Every part for every method."""

    parts: tuple[Part, ...]

    @property
    def failed(self) -> bool:
        """Whether something could not be measured. A condition that is not met is no failure: it is a result."""
        return any(part.failed for part in self.parts)

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON document."""
        return {"parts": [part.as_json() for part in self.parts]}


def run_exam(
    real: Path,
    work: Path,
    only: Sequence[str] = (),
    methods: Sequence[str] = ("auto",),
    progress: Progress | None = None,
) -> ExamReport:
    """Measure what is asked for on the real imagery of a folder.

    Args:
        real: folder of real imagery.
        work: scratch folder; each run makes folders of its own in it.
        only: names in `MEASURES`; empty means all.
        methods: names in `METHODS`, measured one after another, so that they stand beside each other.
        progress: told of each step.

    Raises:
        BadInputError: if a name is not known, or imagery that was asked for is not there.
    """
    for given, known, what in ((only, tuple(MEASURES), "part"), (methods, METHODS, "method")):
        if unknown := [name for name in given if name not in known]:
            raise BadInputError(f"The exam has no {what} {unknown[0]!r}; it has {', '.join(known)}.")
    found: dict[tuple[str, Method], Part] = {}
    for name, measures in MEASURES.items():
        if only and name not in only:
            continue
        for measure in measures:
            for method in [known for known in METHODS if known in methods]:
                part = measure(real, work, method, progress or Silent())
                found[part.name, method] = part
    gains = above_training_free(found)
    parts = (replace(part, checks=(*part.checks, gains[key])) if key in gains else part for key, part in found.items())
    return ExamReport(tuple(parts))


SIMULATED = ("models", "unchanged")
"""Parts that build their own worlds and need no folder of imagery."""


def run_simulated(
    work: Path,
    only: Sequence[str],
    methods: Sequence[str] = ("auto",),
    detectors: Sequence[str] = (),
    minutes: float | None = None,
    progress: Progress | None = None,
) -> ExamReport:
    """Measure the models on simulated worlds.

    Args:
        work: scratch folder; a later run in the same folder goes on where `unchanged` stopped.
        only: names in `SIMULATED`; empty means all.
        methods: names in `METHODS`, measured one after another.
        detectors: ids of the models; empty means all eight.
        minutes: after which `unchanged` begins no other world.
        progress: told of each step.

    Raises:
        BadInputError: if a name is not known.
    """
    known_sets = ((only, SIMULATED, "simulated part"), (methods, METHODS, "method"), (detectors, MODELS, "model"))
    for given, known, what in known_sets:
        if unknown := [name for name in given if name not in known]:
            raise BadInputError(f"The exam has no {what} {unknown[0]!r}; it has {', '.join(known)}.")
    parts: list[Part] = []
    for method in [known for known in METHODS if known in methods]:
        if not only or "models" in only:
            parts += measure_models(work, method, detectors, progress)
        if not only or "unchanged" in only:
            parts.append(measure_unchanged(work, method, detectors, minutes, progress))
    return ExamReport(tuple(parts))

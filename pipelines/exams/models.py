"""The eight models on simulated worlds of several years: what each finds, what deceives it, how true its areas are.

The worlds are frozen in `models.json` and built from their seeds when they are needed; no folder of imagery is.
"""

import math
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import mkdtemp

from pydantic import BaseModel, ConfigDict, Field

from imagery.simulated.examined import years_spec
from imagery.simulated.spec import Sensor, SteppeSpec
from imagery.simulated.truth import Truth
from leads.area import MU_M2
from pipelines.exams.pair import DOMAIN_ERRORS
from pipelines.exams.part import Check, Column, Part, Value, ratio
from pipelines.exams.worldmatch import GROUNDS, Judged, Rules, judge
from pipelines.exams.worldscan import built, cva_leads, grounds_in, leads_in
from pipelines.progress import Progress, Silent
from pipelines.request import Method

MODELS = tuple(GROUNDS)
LEAST = 0.90
MOST_DECOYS = 0.05
LEAST_HELD, MOST_WIDTH = 0.95, 0.25
ABOUT_10_MU = (7 * MU_M2, 14 * MU_M2)

_CONFIG = ConfigDict(frozen=True, extra="forbid")


class WorldOf(BaseModel):
    """One frozen world."""

    model_config = _CONFIG

    seed: int
    sensor: Sensor
    drought: float = Field(ge=0, le=1, description="how dry the last year is")


class UnchangedOf(BaseModel):
    """The frozen worlds in which nobody does anything."""

    model_config = _CONFIG

    first_seed: int
    worlds: int
    size_m: int
    years: int
    drought_every: int
    drought: float


class Frozen(BaseModel):
    """The frozen set."""

    model_config = _CONFIG

    what: str
    worlds: tuple[WorldOf, ...]
    size_m: int
    years: int
    unchanged: UnchangedOf
    least_ha: float
    iou: float
    iou_site: float
    site_kinds: tuple[str, ...]
    fire: tuple[str, ...]

    @property
    def rules(self) -> Rules:
        """When a lead has found something."""
        return Rules(self.least_ha * 1e4, self.iou, self.iou_site, frozenset(self.site_kinds), self.fire)

    def specs(self) -> tuple[SteppeSpec, ...]:
        """The worlds with works and deceptions."""
        return tuple(
            years_spec(one.seed, sensor=one.sensor, drought=one.drought, years=self.years, size_m=self.size_m)
            for one in self.worlds
        )


@cache
def frozen() -> Frozen:
    """The frozen set."""
    return Frozen.model_validate_json(files("pipelines.exams").joinpath("models.json").read_text(encoding="utf-8"))


@dataclass
class Sum:
    """What one way of finding leads gave over all worlds."""

    judged: list[Judged] = field(default_factory=list)
    raised: set[str] = field(default_factory=set)
    """``WORLD/ID`` of decoys under a false lead of any model."""

    def of(self, model: str) -> tuple[int, int, int, int]:
        """Hits, misses, false leads and leads set aside."""
        own = [one for one in self.judged if one.model == model]
        return (
            sum(len(one.hits) for one in own),
            sum(len(one.misses) for one in own),
            sum(len(one.false) for one in own),
            sum(one.aside for one in own),
        )


@dataclass(frozen=True, eq=False)
class Measured:
    """All worlds."""

    ours: Sum
    beside: Sum
    """Change vector analysis."""

    decoys: Counter[str]
    """Instances of each kind."""

    failed: tuple[tuple[str, str], ...]
    seconds: float


def measure_worlds(
    specs: Sequence[SteppeSpec], rules: Rules, work: Path, method: Method, models: Sequence[str], progress: Progress
) -> Measured:
    """Builds, scans and judges worlds. A world that fails is told, not raised."""
    ours, beside, decoys, failed = Sum(), Sum(), Counter[str](), []
    start = time.perf_counter()
    work.mkdir(parents=True, exist_ok=True)
    with progress.stage("worlds", len(specs)) as step:
        for spec in specs:
            try:
                folder = built(spec, work)
                truth, grounds = Truth.read(folder), grounds_in(folder)
                found, _ = leads_in(spec, folder, models, method, Path(mkdtemp(prefix=f"scan-{spec.seed}-", dir=work)))
                other = cva_leads(spec, folder, truth, grounds, rules.least_m2)
            except DOMAIN_ERRORS as error:
                failed.append((str(spec.seed), str(error)))
                step()
                continue
            for total, leads in ((ours, found), (beside, other)):
                here = [judge(model, leads, truth, grounds, rules) for model in models]
                total.judged += here
                under = {cause for one in here for _, cause in one.false if cause.startswith("decoy ")}
                total.raised |= {f"{spec.seed}/{cause.removeprefix('decoy ')}" for cause in under}
            decoys.update(item.kind for item in truth.decoys)
            step()
    return Measured(ours, beside, decoys, tuple(failed), time.perf_counter() - start)


def measure_models(
    work: Path, method: Method, models: Sequence[str] = (), progress: Progress | None = None
) -> tuple[Part, ...]:
    """The frozen worlds: a table of models, one of decoys, one of areas."""
    asked = tuple(models) or MODELS
    found = measure_worlds(frozen().specs(), frozen().rules, work, method, asked, progress or Silent())
    return parts_of(found, method, asked)


def parts_of(found: Measured, method: Method, models: Sequence[str]) -> tuple[Part, ...]:
    """The tables of a measurement."""
    return _models_part(found, method, models), _decoys_part(found, method), _areas_part(found, method, models)


_MODEL_COLUMNS = (
    Column("model", "text"),
    *(Column(name, "count") for name in ("planted", "found", "false", "aside")),
    *(Column(name) for name in ("P", "R", "CVA P", "CVA R")),
    Column("missed", "text"),
)


def _models_part(found: Measured, method: Method, models: Sequence[str]) -> Part:
    rows: list[tuple[Value, ...]] = []
    checks: list[Check] = []
    for model in models:
        hits, misses, false, aside = found.ours.of(model)
        theirs, lost, wrong, _ = found.beside.of(model)
        precision, recall = ratio(hits, hits + false), ratio(hits, hits + misses)
        kinds = Counter(item.kind for one in found.ours.judged if one.model == model for item in one.misses)
        missed = " ".join(f"{kind}×{count}" for kind, count in kinds.most_common())
        beside = (ratio(theirs, theirs + wrong), ratio(theirs, theirs + lost))
        rows.append((model, hits + misses, hits, false, aside, precision, recall, *beside, missed))
        checks += [Check(f"{model}: precision", precision, LEAST), Check(f"{model}: recall", recall, LEAST)]
    notes = (
        "Leads and changes of 0.2 ha and more, one to one at IoU 0.3, at 0.2 where a watch or survey has to find it. "
        "Aside: on a change too small to count, on a planted change on the model's own ground that another model is "
        "asked to find, or called fire. CVA: best pixels of July and August of both years, Otsu's threshold.",
        f"{found.seconds:.0f} s.",
    )
    return Part("models", "eight models on frozen worlds", method, _MODEL_COLUMNS, tuple(rows), tuple(checks), notes,
                found.failed)  # fmt: skip


_DECOY_COLUMNS = (
    Column("decoy", "text"),
    Column("instances", "count"),
    Column("raised", "count"),
    Column("share", "share"),
    Column("CVA raised", "count"),
)


def _decoys_part(found: Measured, method: Method) -> Part:
    def raised(total: Sum) -> Counter[str]:
        return Counter(name.split("/")[1].rsplit("-", 1)[0] for name in total.raised)

    ours, theirs = raised(found.ours), raised(found.beside)
    rows: list[tuple[Value, ...]] = [
        (kind, count, ours[kind], ratio(ours[kind], count), theirs[kind])
        for kind, count in sorted(found.decoys.items())
    ]
    total = sum(found.decoys.values())
    share = ratio(sum(ours.values()), total)
    rows.append(("all", total, sum(ours.values()), share, sum(theirs.values())))
    checks = (Check("decoys that raised a lead of any model", share, MOST_DECOYS, False),)
    notes = ("Raised: at least a tenth of a false lead of any of the models lies on it, and on nothing else more.",)
    return Part("decoys", "what deceives", method, _DECOY_COLUMNS, tuple(rows), checks, notes)


_AREA_COLUMNS = (
    Column("model", "text"),
    Column("matched", "count"),
    Column("held", "share"),
    Column("median area/true"),
    Column("at 10 mu", "count"),
    Column("width", "share"),
)


def _areas_part(found: Measured, method: Method, models: Sequence[str]) -> Part:
    rows: list[tuple[Value, ...]] = []
    everything: list[tuple[bool, float, float, float]] = []
    for model in models:
        pairs = [pair for one in found.ours.judged if one.model == model for pair in one.hits]
        told = [
            (
                lead.low_m2 <= item.area_m2 <= lead.high_m2,
                lead.area_m2 / item.area_m2,
                item.area_m2,
                (lead.high_m2 - lead.low_m2) / lead.area_m2,
            )
            for lead, item in pairs
        ]
        everything += told
        rows.append((model, *_areas(told)))
    total = _areas(everything)
    rows.append(("all", *total))
    checks = (
        Check("interval holds the true area", float(total[1]), LEAST_HELD),
        Check("median relative width at 10 mu", float(total[4]), MOST_WIDTH, False),
    )
    return Part("areas", "areas of matched leads", method, _AREA_COLUMNS, tuple(rows), checks,
                ("Width: of leads on changes of 7–14 mu.",))  # fmt: skip


def _areas(told: Sequence[tuple[bool, float, float, float]]) -> tuple[int, float, float, int, float]:
    widths = [width for _, _, area, width in told if ABOUT_10_MU[0] <= area <= ABOUT_10_MU[1]]
    return (
        len(told),
        ratio(sum(held for held, *_ in told), len(told)),
        statistics.median([share for _, share, *_ in told]) if told else math.nan,
        len(widths),
        statistics.median(widths) if widths else math.nan,
    )

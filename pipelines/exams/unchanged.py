"""Large worlds in which nobody does anything: how many confirmed leads all models raise together, and where.

It is made to be run in parts: each world that is done is a line of a file in the working folder, and a later run goes
on where the last one stopped.
"""

import json
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp

from scipy.stats import chi2

from aoi.area import geodesic_area_m2
from imagery.simulated.examined import unchanged_spec
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.truth import Truth
from pipelines.errors import BadInputError
from pipelines.exams.models import MODELS, frozen
from pipelines.exams.pair import DOMAIN_ERRORS
from pipelines.exams.part import Check, Column, Part, Value, ratio
from pipelines.exams.worldmatch import lies_on
from pipelines.exams.worldscan import built, leads_in
from pipelines.progress import Progress, Silent
from pipelines.request import Method

FILE = "unchanged.jsonl"
MOST_PER_1000_KM2 = 3.0
LEAST_KM2 = 5_000.0


@dataclass(frozen=True)
class Done:
    """One world."""

    seed: int
    method: str
    km2: float
    leads: tuple[tuple[str, bool, str, str, float], ...]
    """(model, confirmed, change, what it lies on, m²) of each; those that are called fire are left out."""

    fires: int
    seconds: float
    models: tuple[str, ...]


def specs() -> tuple[SteppeSpec, ...]:
    """The frozen worlds."""
    of = frozen().unchanged
    return tuple(
        unchanged_spec(
            of.first_seed + number,
            size_m=of.size_m,
            years=of.years,
            drought=of.drought if number % of.drought_every == of.drought_every - 1 else 0.0,
        )
        for number in range(of.worlds)
    )


def measure_unchanged(
    work: Path,
    method: Method,
    models: Sequence[str] = (),
    minutes: float | None = None,
    progress: Progress | None = None,
) -> Part:
    """Goes on with the worlds until all are done or the time is over.

    Args:
        work: folder that keeps the record of what is done; the worlds themselves are deleted after each.
        method: where scores come from.
        models: ids; empty means all eight.
        minutes: after which no other world is begun; None = all of them.
        progress: told of each world.

    Raises:
        BadInputError: if the record there is damaged.
    """
    asked = tuple(models) or MODELS
    return part_of(run_worlds(specs(), work, method, asked, minutes, progress or Silent()), method, asked)


def run_worlds(
    worlds: Sequence[SteppeSpec],
    work: Path,
    method: Method,
    models: Sequence[str],
    minutes: float | None,
    progress: Progress,
) -> tuple[tuple[Done, ...], tuple[tuple[str, str], ...]]:
    """What is done of these worlds, and (world, reason) of what failed now."""
    work.mkdir(parents=True, exist_ok=True)
    record, start, failed = work / FILE, time.monotonic(), []
    done = {one.seed: one for one in read_record(record) if one.method == method and one.models == tuple(models)}
    with progress.stage("unchanged worlds", len(worlds)) as step:
        for spec in worlds:
            over = minutes is not None and time.monotonic() - start > 60 * minutes
            if spec.seed not in done and not over:
                try:
                    done[spec.seed] = one = _measure(spec, work, method, models)
                except DOMAIN_ERRORS as error:
                    failed.append((str(spec.seed), str(error)))
                else:
                    with record.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(one), ensure_ascii=False) + "\n")
            step()
    wanted = {spec.seed for spec in worlds}
    return tuple(one for seed, one in sorted(done.items()) if seed in wanted), tuple(failed)


def _measure(spec: SteppeSpec, work: Path, method: Method, models: Sequence[str]) -> Done:
    start = time.monotonic()
    scratch = Path(mkdtemp(prefix=f"unchanged-{spec.seed}-", dir=work))
    try:
        folder = built(spec, scratch)
        truth = Truth.read(folder)
        leads, _ = leads_in(spec, folder, models, method, scratch / "scan")
        km2 = geodesic_area_m2(truth.aoi) / 1e6
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    fires = [lead for lead in leads if any(word in lead.change.casefold() for word in frozen().fire)]
    told = tuple(
        (lead.model, lead.confirmed, lead.change, lies_on(lead.geometry, truth), round(lead.area_m2, 1))
        for lead in leads
        if lead not in fires
    )
    return Done(spec.seed, method, km2, told, len(fires), round(time.monotonic() - start, 1), tuple(models))


def read_record(path: Path) -> tuple[Done, ...]:
    """What a working folder says is done.

    Raises:
        BadInputError: if a line can not be read.
    """
    if not path.exists():
        return ()
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
        return tuple(
            Done(**{**said, "leads": tuple(map(tuple, said["leads"])), "models": tuple(said["models"])})
            for said in lines
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{path} is no record of unchanged worlds ({error}); delete it and run again.") from error


_COLUMNS = (
    Column("model", "text"),
    *(Column(name, "count") for name in ("confirmed", "provisional")),
    Column("per 1,000 km²"),
    Column("upper 95 %"),
    Column("on", "text"),
)


def part_of(ended: tuple[tuple[Done, ...], tuple[tuple[str, str], ...]], method: Method, models: Sequence[str]) -> Part:
    """The table of what is done."""
    done, failed = ended
    km2 = sum(one.km2 for one in done)
    leads = [lead for one in done for lead in one.leads]
    rows: list[tuple[Value, ...]] = []
    for model in (*models, "all"):
        own = [lead for lead in leads if model in (lead[0], "all")]
        sure = [lead for lead in own if lead[1]]
        on = Counter(lead[3].removeprefix("decoy ").rsplit("-", 1)[0] or "nothing" for lead in sure)
        rows.append((
            model, len(sure), len(own) - len(sure), ratio(len(sure), 1) / km2 * 1_000 if km2 else float("nan"),
            upper_bound(len(sure), km2), " ".join(f"{kind}×{count}" for kind, count in on.most_common(6)),
        ))  # fmt: skip
    bound = float(rows[-1][4])
    checks = (
        Check("km² of unchanged ground", km2, LEAST_KM2),
        Check("upper 95 % bound of false confirmed leads per 1,000 km²", bound, MOST_PER_1000_KM2, False),
    )
    took = sum(one.seconds for one in done)
    notes = (f"{len(done)} worlds, {km2:,.0f} km², {took:.0f} s; {sum(one.fires for one in done)} leads called fire.",)
    return Part("unchanged", "nobody did anything", method, _COLUMNS, tuple(rows), checks, notes, failed)


def upper_bound(count: int, km2: float) -> float:
    """Upper one-sided 95 % bound of a Poisson rate per 1,000 km²; NaN of no ground."""
    return float(chi2.ppf(0.95, 2 * (count + 1)) / 2 / km2 * 1_000) if km2 else float("nan")

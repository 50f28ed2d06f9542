"""The demo: a simulated steppe, scanned like any other archive, and scored against what was planted in it."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyogrio
from shapely.geometry.base import BaseGeometry

from aoi.read import read_aoi
from imagery.providers.local import LocalProvider
from imagery.simulated.score import MatchTable, match
from imagery.simulated.spec import demo_spec
from imagery.simulated.truth import Truth
from imagery.simulated.world import build
from pipelines.errors import BadInputError
from pipelines.patrol.demo import write_patrol
from pipelines.progress import Progress, Silent
from pipelines.request import ScanRequest
from pipelines.run import Run
from pipelines.scan import RunBlocks, scan


@dataclass(frozen=True)
class DemoReport:
    """How a demo ended."""

    run: Run
    truth: Truth
    tables: tuple[MatchTable, ...]

    def as_dict(self) -> dict[str, Any]:
        """The scores by detector, and the record of the scan."""
        return {
            "seed": self.truth.seed,
            "scores": [
                {
                    "detector": table.detector,
                    "hits": len(table.hits),
                    "misses": list(table.misses),
                    "false_leads": len(table.false_leads),
                    "decoys_raised": list(table.decoys_raised),
                    "precision": _number(table.precision),
                    "recall": _number(table.recall),
                }
                for table in self.tables
            ],
            "run": json.loads(self.run.to_json()),
        }

    def to_json(self) -> str:
        """One JSON document."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2)

    def summary(self) -> str:
        """What a person wants to read at the end of the demo."""
        planted, decoys = len(self.truth.planted), len(self.truth.decoys)
        widest = max((len(table.detector) for table in self.tables), default=0)
        lines = [
            self.run.summary(),
            "",
            f"against the truth ({planted} planted changes, {decoys} decoys; those of 0.2 ha or more, IoU 0.3):",
            *(_line(table, widest) for table in self.tables),
        ]
        return "\n".join(lines)


def demo(out: Path, seed: int = 0, progress: Progress | None = None, run_blocks: RunBlocks | None = None) -> DemoReport:
    """Build the steppe (unless it is there), scan it with every detector, and score the leads.

    Args:
        out: folder; the steppe goes to ``steppe-SEED``, the result beside it to ``result-SEED``.
        seed: the same seed gives the same steppe.
        progress: where to report.
        run_blocks: how blocks are run; threads when left out.

    Raises:
        BadInputError: if the folder can not be written.
    """
    progress = progress or Silent()
    steppe, result = out / f"steppe-{seed}", out / f"result-{seed}"
    spec = demo_spec(seed)
    if not (steppe / "truth.geojson").exists():
        _build(steppe, seed, progress)
    request = ScanRequest(
        aoi=read_aoi(str(steppe / "aoi.geojson")),
        source=LocalProvider.open(steppe / "archive"),
        before=(spec.before[0], spec.before[-1]),
        after=(spec.after[0], spec.after[-1]),
        out=result,
        layers=steppe / "layers",
        layers_status="simulated",
        scores=True,
    )
    run = scan(request, progress, run_blocks=run_blocks)
    truth = Truth.read(steppe)
    leads = read_leads(result / "leads.gpkg")
    tables = tuple(match(leads, truth, detector) for detector in run.leads_by_detector)
    report = DemoReport(run, truth, tables)
    (out / f"demo-{seed}.json").write_text(report.to_json() + "\n", encoding="utf-8")
    write_patrol(out, seed, spec.after)
    return report


def _build(steppe: Path, seed: int, progress: Progress) -> None:
    try:
        steppe.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        said = f"--out {steppe.parent} can not be written ({error.strerror}); name another folder"
        raise BadInputError(said) from error
    with progress.stage("simulating the steppe", 1) as step:
        build(demo_spec(seed), steppe)
        step()


def read_leads(geopackage: Path) -> list[tuple[str, BaseGeometry]]:
    """Detector and outline of each lead, as an analyst would find them in the file."""
    table = pyogrio.read_dataframe(geopackage, layer="leads", columns=["model"])
    return list(zip(table["model"].tolist(), table.geometry.tolist(), strict=True))


def _line(table: MatchTable, widest: int) -> str:
    raised: Sequence[str] = table.decoys_raised
    decoys = f", decoys raised: {', '.join(raised)}" if raised else ""
    # nothing to find, or nothing found: there is no share of it
    precision, recall = ("  – " if math.isnan(share) else f"{share:.2f}" for share in (table.precision, table.recall))
    return (
        f"  {table.detector:<{widest}}  precision {precision}  recall {recall}  "
        f"({len(table.hits)} found, {len(table.misses)} missed, {len(table.false_leads)} false{decoys})"
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)

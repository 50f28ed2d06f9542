"""What a run's patches are held against: the layers and penalties that were given, on the day of the run."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aoi.classification import Classification, strictest
from aoi.kinds import KIND_NAMES
from aoi.layers import Layer, open_layers, stored_layers
from aoi.penalties import PenaltyTable, penalty_tables, stored_penalty_tables
from aoi.schema import known
from aoi.schema.reading import as_text
from detectors.core.types import Detector
from leads.banners import KIND as BANNERS
from leads.change import change_of
from leads.model import Crossing, Finding
from leads.rules.penalties import Penalty, penalty_of
from leads.weigh import weigh
from pipelines.errors import BadInputError
from pipelines.request import ScanRequest
from pipelines.run import Failed


@dataclass(frozen=True)
class Law:
    """Everything that is not seen in the imagery."""

    layers: tuple[Layer, ...]
    tables: tuple[PenaltyTable, ...]
    """Where the penalties came from."""

    penalties: tuple[Penalty, ...]
    today: dt.date
    """Day of the run: permits are read on it as well as on the day first seen."""

    @property
    def crossed(self) -> tuple[Layer, ...]:
        """Layers that say what the ground is in law; boundaries of banners only say where it lies."""
        return tuple(layer for layer in self.layers if layer.kind != BANNERS)

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of layer that were given."""
        return frozenset(layer.kind for layer in self.layers)

    @property
    def classification(self) -> Classification:
        """What the result inherits: the strictest of all layers and tables."""
        return strictest((*self.layers, *self.tables))

    def weighed(self, finding: Finding, detector: Detector) -> Finding:
        """A finding of a detector with its rules, known state, permits and a mine's answers."""
        change = change_of(finding, detector)
        return weigh(
            finding,
            change.zh if change is not None else "",
            layers_given=self.kinds,
            today=self.today,
            penalties=self.penalties,
        )


def law_of(request: ScanRequest, home: Path) -> Law:
    """The layers that a request names, or else those that the home keeps; the penalties of both.

    Raises:
        UnreadableVectorError: if a file of them can not be read.
        AoiStoreError: if a stored one is damaged.
    """
    given = request.layers
    layers = stored_layers(home) if given is None else open_layers(given, request.layers_status)
    tables = (*stored_penalty_tables(home), *(penalty_tables(given) if given is not None else ()))
    rows = dict.fromkeys(row for table in tables for row in table.read())  # what is stored may be named as well
    return Law(layers, tables, tuple(map(_penalty, rows)), request.today)


def _penalty(row: known.Penalty) -> Penalty:
    return penalty_of(Crossing(known.Penalty.kind, row.id, "", 0.0, as_text(row)))


def fit_to_run(detectors: Sequence[Detector], law: Law) -> tuple[tuple[Detector, ...], tuple[Failed, ...]]:
    """The detectors that can run with the layers given, and those that can not, with what they lack.

    Raises:
        BadInputError: if none can.
    """
    lacking = {
        detector.id: missing
        for detector in detectors
        if (missing := [kind for kind in detector.layers_required if kind not in law.kinds])
    }
    idle = tuple(Failed(name, f"it can not run without {_named(kinds)}") for name, kinds in lacking.items())
    if len(idle) == len(detectors):
        said = "; ".join(f"{one.name}: {one.reason}" for one in idle)
        raise BadInputError(f"{said}; give the layer with --layers, or once and for all with `weixun layers add`")
    return tuple(detector for detector in detectors if detector.id not in lacking), idle


def missing_notes(detectors: Sequence[Detector], law: Law) -> list[str]:
    """What each detector wanted to be crossed with and nobody gave."""
    return [
        f"{detector.id}: layer {kind} was not given"
        for detector in detectors
        for kind in detector.layers
        if kind not in law.kinds
    ]


def place_notes(law: Law) -> list[str]:
    """Whether nobody said where banners lie."""
    if BANNERS in law.kinds:
        return []
    return ["no banner boundaries were given: leads name no place (weixun layers add FILE --kind banners)"]


def layer_records(law: Law) -> tuple[dict[str, str | None], ...]:
    """What is kept of the layers and tables of a run."""
    layers: list[dict[str, str | None]] = [
        {
            "kind": layer.kind,
            "name": layer.name,
            "status": layer.status,
            "classification": layer.classification.value,
            "sha256": layer.sha256,
        }
        for layer in law.layers
    ]
    tables: list[dict[str, str | None]] = [
        {"kind": known.Penalty.kind, "name": table.name, "classification": table.classification.value}
        for table in law.tables
    ]
    return (*layers, *tables)


def _named(kinds: Sequence[str]) -> str:
    return ", ".join(f"{KIND_NAMES[kind][0]} ({kind})" if kind in KIND_NAMES else kind for kind in kinds)

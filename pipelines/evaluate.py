"""Score files against what is known to have changed."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import rasterio
from shapely.geometry.base import BaseGeometry

from aoi.read import read_aoi
from detectors.core.errors import UnknownDetectorError
from pipelines.chosen import detectors_for
from pipelines.errors import BadInputError
from pipelines.home import home
from pipelines.metrics import Metrics, evaluate, pool
from pipelines.progress import Progress, Silent
from pipelines.request import Method
from pipelines.truth import VECTOR_SUFFIXES, Polygons, Truth, labels_on_grid
from pipelines.warp import frame_of, open_raster, overlaps, read_scores, windows

DEFAULT_THRESHOLD = 0.5
"""The label-free threshold: scores are scaled so that it stands at one half."""


@dataclass(frozen=True)
class EvaluateRequest:
    """Which scores are compared with which truth."""

    scores: tuple[Path, ...]
    """Files of one map, for instance one per UTM zone; NaN or nodata = not observed."""

    truth: Path
    """A raster of two values, or polygons."""

    threshold: float = DEFAULT_THRESHOLD
    change_value: float | None = None
    """The truth raster's value that means change; None = the larger of its two."""

    grid: Path | None = None
    """A raster on whose grid a truth without georeference lies."""

    within: Path | None = None
    """Polygons outside which nothing counts."""


def run_evaluate(request: EvaluateRequest, progress: Progress | None = None) -> Metrics:
    """Compare score files with a truth, window by window: memory does not grow with the map.

    On a truth raster the scores are warped bilinearly onto its grid; under polygons they keep their own.

    Raises:
        BadInputError: if a raster is not what it should be, or truth and scores do not overlap.
        AoiError: if polygons can not be read.
    """
    if not request.scores:
        raise BadInputError("No score was given; name at least one file with --scores.")
    with ExitStack() as stack:
        scores = [stack.enter_context(open_raster(path, "score")) for path in request.scores]
        truth = stack.enter_context(_open_truth(request, scores))
        if not any(overlaps(score, truth.geobox) for score in scores):
            raise BadInputError(
                f"The truth {request.truth} and the score {request.scores[0]} do not overlap; "
                "give files of the same place."
            )
        area = Polygons(_polygons(request.within), truth.geobox) if request.within else None
        return _compare(scores, truth, area, request.threshold, progress or Silent())


def _compare(
    scores: Sequence[rasterio.DatasetReader], truth: Truth, area: Polygons | None, threshold: float, progress: Progress
) -> Metrics:
    places = list(windows(truth.geobox.shape))
    found: Metrics | None = None
    with progress.stage("evaluate", len(places)) as step:
        for window in places:
            changed, ignore = truth.read(window)
            if area is not None:
                ignore = ignore | ~area.inside(window)
            part = evaluate(read_scores(scores, truth.geobox, window), changed, threshold, ignore)
            found = part if found is None else pool([found, part])
            step()
    if found is None or found.pixels == 0:
        raise BadInputError("There is no pixel whose truth is known inside the area.")
    return found


@contextmanager
def _open_truth(request: EvaluateRequest, scores: Sequence[rasterio.DatasetReader]) -> Iterator[Truth]:
    if request.truth.suffix.lower() in VECTOR_SUFFIXES:
        geobox = frame_of(scores)
        yield Polygons(_polygons(request.truth), geobox)
    else:
        with open_raster(request.truth, "truth") as source:
            yield labels_on_grid(source, request.grid, scores, request.change_value)


def _polygons(path: Path) -> BaseGeometry:
    return read_aoi(str(path), home()).geometry


def threshold_of(detector: str, method: Method = "auto") -> float:
    """The threshold that a detector ships with: the score at which a lead begins.

    Raises:
        BadInputError: if there is no such detector.
    """
    try:
        return detectors_for([detector], method, home())[0].threshold_high
    except UnknownDetectorError as error:
        raise BadInputError(f"There is {error}.") from error

"""The series of many patches or sites: read in batches that lie together, each file opened once a batch."""

import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from odc.geo.geobox import GeoBox
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from aoi.grid import epsg_of, to_crs
from detectors.core.history import History, PatchSeries
from imagery.scene import Scene
from imagery.series import Seen, Wanted, looks_at
from pipelines.past import Past, Term
from pipelines.progress import Progress
from pipelines.windows import inside_and_ring, window_around

BATCH_BYTES = 128_000_000
"""Series in memory at a time, for each of the few threads; a series of the largest window takes 98 MB."""

NEAR_M = 10_000.0
"""Windows of one square of this edge are read together."""

T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """A patch or site whose series is wanted."""

    geometry: BaseGeometry
    """EPSG:4326."""

    history: History
    years: tuple[int, ...]
    last_before: dt.date | None = None
    first_seen: dt.date | None = None
    transition: int = 0

    @property
    def terms(self) -> tuple[Term, ...]:
        """The looks that it wants."""
        return tuple(Term(season, self.years[0], self.years[-1]) for season in self.history.seasons)


def each_series(
    past: Past,
    asked: Sequence[Asked],
    patches: Sequence[BaseGeometry],
    gsd_m: float,
    work: Callable[[int, PatchSeries, GeoBox], T],
    progress: Progress,
    name: str,
    workers: int = 2,
) -> list[T]:
    """What `work` makes of the series of each.

    Args:
        past: where the looks come from.
        asked: patches or sites.
        patches: all patches of the run: rings keep clear of them.
        gsd_m: pixel size of the run.
        work: called with the number, the series and its grid; from several threads.
        progress: where to report.
        name: of the stage.
        workers: batches at a time.

    Returns:
        In the order of `asked`.
    """
    boxes = [window_around(one.geometry, gsd_m, one.history.ring_m) for one in asked]
    grounds = [to_crs(box.extent.geom, epsg_of(box), 4326) for box in boxes]
    scenes = past.bring({term for one in asked for term in one.terms}, grounds, f"{name}, imagery")
    tree = STRtree(list(patches))
    results: dict[int, T] = {}

    def batch(numbers: Sequence[int]) -> None:
        seen, failures = looks_at(
            [scene for scene in scenes if any(scene.geometry.intersects(grounds[n]) for n in numbers)],
            [_wanted(asked[number], boxes[number], past.last) for number in numbers],
        )
        past.failures.update(failures)
        for number, looks in zip(numbers, seen, strict=True):
            series = _series(asked[number], boxes[number], looks, [patches[n] for n in tree.query(grounds[number])])
            results[number] = work(number, series, boxes[number])
            step()

    with progress.stage(name, len(asked)) as step, ThreadPoolExecutor(workers) as pool:
        for ended in [pool.submit(batch, numbers) for numbers in batches(asked, boxes, scenes)]:
            ended.result()
    return [results[number] for number in range(len(asked))]


def batches(asked: Sequence[Asked], boxes: Sequence[GeoBox], scenes: Sequence[Scene]) -> list[list[int]]:
    """Numbers of those that are read together: near each other, and no more than `BATCH_BYTES`."""
    days = len({scene.solar_day for scene in scenes})
    found: list[list[int]] = []
    place, size = None, 0
    for here, number in sorted((_place(box), number) for number, box in enumerate(boxes)):
        height, width = boxes[number].shape
        history = asked[number].history
        own = 4 * height * width * len(history.bands) * min(history.most_looks, max(days, 1))
        if here != place or size + own > BATCH_BYTES:
            found.append([])
            place, size = here, 0
        found[-1].append(number)
        size += own
    return found


def _place(box: GeoBox) -> tuple[int, int, int]:
    return epsg_of(box), round(box.affine.f / NEAR_M), round(box.affine.c / NEAR_M)


def _wanted(asked: Asked, box: GeoBox, last: dt.date) -> Wanted:
    history = asked.history
    seasons = tuple((season.first, season.last) for season in history.seasons)
    return Wanted(box, history.bands, seasons, asked.years, history.most_looks, last)


def _series(asked: Asked, box: GeoBox, looks: Seen, near: Sequence[BaseGeometry]) -> PatchSeries:
    others = [one for one in near if one is not asked.geometry]
    inside, ring = inside_and_ring(asked.geometry, box, others, asked.history.ring_m)
    return PatchSeries(
        values=looks.values,
        bands=asked.history.bands,
        days=looks.days,
        inside=inside,
        ring=ring,
        pixel_m=float(box.affine.a),
        last_before=asked.last_before,
        first_seen=asked.first_seen,
        transition=asked.transition,
    )

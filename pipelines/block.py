"""The work of one block: read, score with every detector, vectorize, remember what each look saw."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask, shapes
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from aoi.cells import Cell, cell_weights
from aoi.grid import Block, epsg_of, owned, to_crs, zone_box
from detectors.core.apply import change_map, in_season
from detectors.core.arrays import places_of
from detectors.core.neighbourhood import box_of, with_reach
from detectors.core.normals import Normals
from detectors.core.types import BoolArray, ChangeMap, Detector, FloatArray, Pair
from imagery.compose import Failure, composite, read_day, shares, solar_days
from imagery.mosaic import Mosaic
from imagery.scene import BANDS
from leads.model import Coverage
from leads.vectorize import Fragment, Surroundings, fragments, pixels_near, surroundings
from pipelines.befores import Befores
from pipelines.outputs import SCORE_STEPS, UNSEEN, Looks, Outputs
from pipelines.plan import Plan, scenes_over
from pipelines.region import Region
from pipelines.survey import survey_block

CLEAR_PX = 8
"""Edge in pixels of the squares in which clear ground is told: what a look did not show can then be said of a lead."""


NEAR_M = 2_000.0
"""How far beyond an area a patch is followed, at least; …"""

NEAR_PX = 256
"""… to the end of the square of so many pixels."""


@dataclass(frozen=True)
class BlockResult:
    """What is left of a block when its pixels are gone."""

    block: Block
    fragments: Mapping[str, tuple[Fragment, ...]]
    """By detector id, and those that surveys found by `SurveyTask.key`."""

    coverage: tuple[Coverage, ...]
    failures: tuple[Failure, ...]
    clear: Mapping[dt.date, BaseGeometry] = field(default_factory=dict)
    """Ground of the core that was observed on a day and before it, EPSG:4326."""


def work_block(plan: Plan, region: Region, outputs: Outputs, block: Block) -> BlockResult:
    """Everything that is done with the pixels of one block, in one pass."""
    inside, mine = _inside(plan, block.geobox), owned(block.geobox) & squares_near(plan.aoi.geometry, block)
    days = {day: scenes for day, scenes in solar_days(scenes_over(plan.after, block)).items() if day in plan.days}
    befores = Befores(scenes_over(plan.before, block), block)
    before = befores.of(next(iter(days), plan.days[0]))
    failures: set[Failure] = set()
    coverage = [_coverage(plan, block, "before", plan_day(before, plan.before[-1].solar_day), before, inside)]
    weights = cell_weights(block.padded)
    found: dict[str, list[ChangeMap]] = {detector.id: [] for detector in plan.detectors}
    clear: dict[dt.date, BaseGeometry] = {}
    newest: Mosaic | None = None
    for day, scenes in days.items():
        before = befores.of(day)
        after, failed = read_day(scenes, block.padded, BANDS)
        failures |= set(failed)
        coverage.append(_coverage(plan, block, "after", day, after, inside))
        newest = after if newest is None else composite((after, newest))
        pair = _pair(plan, before, after, day)
        clear[day] = clear_ground(pair.valid[block.core] & mine, block)
        for change in _look(plan, outputs, pair, _normals_of(region, day, weights), block, mine):
            found[change.detector].append(change)
    if newest is not None:
        outputs.write_images(block, before, newest)
    pieces: dict[str, tuple[Fragment, ...]] = {}
    around: Surroundings | None = None
    for detector in plan.detectors:
        pieces[detector.id], around = _vectorize(detector, found[detector.id], block, mine, befores, outputs, around)
    for task in plan.surveys:
        pieces[task.key], unread = survey_block(task, block, mine, outputs)
        failures |= set(unread)
    failures |= befores.failures
    lost = tuple(sorted(failures, key=lambda f: f.scene_id))
    return BlockResult(block, pieces, tuple(coverage), lost, clear)


def squares_near(geometry: BaseGeometry, block: Block) -> BoolArray:
    """(H, W) of a block's core: True in the squares of the zone's lattice that lie within `NEAR_M` of an area.

    An outline cuts blocks, and what lies far beyond it is nobody's question. A patch that touches the area is followed
    that far beyond, whatever the size of the blocks.

    Args:
        geometry: the area, EPSG:4326.
        block: any block.
    """
    edge_m = NEAR_PX * block.gsd_m
    core = shapely.box(*block.geobox.extent.geom.bounds)
    about = to_crs(shapely.segmentize(core.buffer(NEAR_M + edge_m), 1e4), block.epsg, 4326).envelope
    near = to_crs(shapely.segmentize(shapely.intersection(geometry, about), 0.01), 4326, block.epsg).buffer(NEAR_M)
    first = block.col * block.size_px, -(block.row + 1) * block.size_px
    across, down = ((start + np.arange(block.size_px)) // NEAR_PX for start in first)
    left, top = (np.arange(of[0], of[-1] + 1) for of in (across, down))
    shapely.prepare(near)
    touched = shapely.intersects(
        near,
        shapely.box(left * edge_m, -(top[:, None] + 1) * edge_m, (left + 1) * edge_m, -top[:, None] * edge_m),
    )
    return np.asarray(touched[np.ix_(down - down[0], across - across[0])])


def plan_day(mosaic: Mosaic, otherwise: dt.date) -> dt.date:
    """The last solar day in a mosaic."""
    return max(mosaic.dates, default=otherwise)


def _inside(plan: Plan, geobox: GeoBox) -> BoolArray:
    """(H, W) True in the AOI's own ground of this zone."""
    epsg = epsg_of(geobox)
    ground = shapely.intersection(plan.aoi.geometry, zone_box(epsg))
    if ground.is_empty:
        return np.zeros(geobox.shape, np.bool_)
    shape = to_crs(shapely.segmentize(ground, 0.01), 4326, epsg)
    return np.asarray(geometry_mask([shape], geobox.shape, geobox.affine, invert=True))


def _coverage(plan: Plan, block: Block, role: str, day: dt.date, mosaic: Mosaic, inside: BoolArray) -> Coverage:
    here = np.zeros(block.padded.shape, np.bool_)
    here[block.core] = inside
    observed, cloudy, snow, no_scene = shares(mosaic, here) if inside.any() else (0.0, 0.0, 0.0, 1.0)
    return Coverage(block.id, role, day, ground_of(plan, block), observed, cloudy, snow, no_scene)


def clear_ground(clear: BoolArray, block: Block) -> BaseGeometry:
    """Ground that was clear, EPSG:4326: squares of `CLEAR_PX` pixels of which at least half were.

    Args:
        clear: (H, W) on the block's core.
        block: the block.
    """
    height, width = (size // CLEAR_PX * CLEAR_PX for size in clear.shape)
    squares = clear[:height, :width].reshape(height // CLEAR_PX, CLEAR_PX, width // CLEAR_PX, CLEAR_PX)
    mostly = squares.mean(axis=(1, 3)) >= 0.5
    if not mostly.any():
        return shapely.Polygon()
    coarse = block.geobox.affine @ Affine.scale(CLEAR_PX)
    outlines = [shape(outline) for outline, _ in shapes(mostly.astype(np.uint8), mostly, transform=coarse)]
    return to_crs(shapely.union_all(outlines), block.epsg, 4326)


def ground_of(plan: Plan, block: Block) -> BaseGeometry:
    """A block's core inside the AOI and its own zone, EPSG:4326; empty where the AOI's rim alone made it needed."""
    core = to_crs(block.geobox.extent.geom, block.epsg, 4326)
    return core.intersection(plan.aoi.geometry).intersection(zone_box(block.epsg))


def _normals_of(
    region: Region, day: dt.date, weights: Mapping[Cell, FloatArray]
) -> tuple[tuple[Normals, FloatArray], ...]:
    """The cells' normals of a day with their weights, which sum to 1; a cell without is covered by its neighbours."""
    shares: dict[int, FloatArray] = {}
    known: dict[int, Normals] = {}
    for cell, weight in weights.items():
        if (cell, day) in region.normals:
            normals = region.normals[cell, day]
            # Cells that a small scene shares have one fit: score with it once.
            known[id(normals)] = normals
            shares[id(normals)] = shares.get(id(normals), np.float32(0)) + weight
    if not known:
        return ()
    total = np.sum(list(shares.values()), axis=0)
    return tuple(
        (known[key], np.where(total > 0, share / np.maximum(total, 1e-6), 0).astype(np.float32))
        for key, share in shares.items()
    )


def _pair(plan: Plan, before: Mosaic, after: Mosaic, day: dt.date) -> Pair:
    days = before.dates or (plan.before[0].solar_day,)
    valid = before.observed & after.observed
    between = (min(days), max(days))
    return Pair(before.data, after.data, before.bands, valid, before.geobox, between, day, plan.reflectance)


def _look(
    plan: Plan,
    outputs: Outputs,
    pair: Pair,
    normals: Sequence[tuple[Normals, FloatArray]],
    block: Block,
    mine: BoolArray,
) -> Iterator[ChangeMap]:
    """What each detector in season makes of one look at a block's core; nothing where nothing was observed.

    Only the box around what was observed is worked: a score depends on nothing beyond the reader's reach.
    """
    wanted = np.zeros(pair.valid.shape, np.bool_)
    wanted[block.core] = mine
    wanted &= pair.valid
    wanted &= np.any([weight > 0 for _, weight in normals], axis=0) if normals else np.False_
    if not wanted.any():
        return
    (rows, cols), _ = with_reach(box_of(wanted), wanted.shape, plan.reader.reach_px)
    part = pair.window(rows, cols)
    shares = [(fitted, weight[rows, cols]) for fitted, weight in normals]
    mapped = bool(outputs.scores) or any(detector.time_logic for detector in plan.detectors)
    reading = plan.reader.read(part, shares, wanted[rows, cols], mapped=mapped)
    if outputs.surfaces:
        outputs.write_surface("before", block, _core_codes(reading.surface_before, (rows, cols), wanted, block))
        outputs.write_surface("after", block, _core_codes(reading.surface_after, (rows, cols), wanted, block))
    for detector in plan.detectors:
        if in_season(detector, pair.after_date):
            yield _core(change_map(detector, part, reading, plan.reader.name), (rows, cols), wanted, block)


def _core(change: ChangeMap, box: tuple[slice, slice], wanted: BoolArray, block: Block) -> ChangeMap:
    """A change map of a box of the padded block, on the block's core; NaN where it was not wanted."""

    def core(score: FloatArray) -> FloatArray:
        whole = np.full(wanted.shape, np.nan, np.float32)
        whole[box] = score
        whole[~wanted] = np.nan
        return whole[block.core]

    transition = np.zeros(wanted.shape, np.uint8)
    transition[box] = change.transition
    site = None if change.site is None else core(change.site)
    score = None if change.score is None else core(change.score)
    return replace(change, score=score, site=site, transition=transition[block.core], geobox=block.geobox)


def _core_codes(
    codes: NDArray[np.uint8], box: tuple[slice, slice], wanted: BoolArray, block: Block
) -> NDArray[np.uint8]:
    """Codes of a box of the padded block, on the block's core; 0 where they were not wanted."""
    whole = np.zeros(wanted.shape, np.uint8)
    whole[box] = codes
    whole[~wanted] = 0
    return np.ascontiguousarray(whole[block.core])


def _vectorize(
    detector: Detector,
    found: Sequence[ChangeMap],
    block: Block,
    mine: BoolArray,
    befores: Befores,
    outputs: Outputs,
    known: Surroundings | None,
) -> tuple[tuple[Fragment, ...], Surroundings]:
    patches, transition = lasting(found, block.geobox)
    if outputs.scores:
        scores = [change.score for change in found if change.score is not None]
        outputs.write_score(detector.id, block, median_of(scores, block.geobox))
    around = surroundings(np.isfinite(patches) & mine, mine, block.geobox, known)
    pieces = fragments(patches, transition, block.geobox, mine, detector, around)
    if found and any(piece.pixels for piece in pieces):
        outputs.remember(detector.id, block, _looks(found, befores, pixels_near(pieces, block.geobox)))
    return pieces, around


def median_of(scores: Sequence[FloatArray], grid: GeoBox) -> FloatArray:
    """(H, W) median over looks, NaN where none observed."""
    median = np.full(grid.shape, np.nan, np.float32)
    if len(scores) == 1:
        median[:] = scores[0]
    elif scores:
        stack = np.stack(scores)
        seen = ~np.isnan(stack).all(axis=0)
        median[seen] = np.nanmedian(stack[:, seen], axis=0)
    return median


def lasting(found: Sequence[ChangeMap], grid: GeoBox) -> tuple[FloatArray, NDArray[np.uint8]]:
    """What patches are made of, and the transition of the look where it was highest.

    A work begun in August shows on the last looks of a summer only: the median of all would lose it, the highest of
    any would believe every cloud. So it is the highest, over all days, of the median of what was seen from that day on
    (of an even number the lower one; of two looks both must show it), and at least the median of all looks.

    Returns:
        (H, W) 0–1, NaN where no look observed; (H, W) transition index.
    """
    if not found:
        return np.full(grid.shape, np.nan, np.float32), np.zeros(grid.shape, np.uint8)
    if len(found) == 1:  # as on every night
        return found[0].of_patches, found[0].transition
    ordered = sorted(found, key=lambda change: change.after_date)
    scores = np.stack([change.of_patches for change in ordered])
    best = np.argmax(np.where(np.isnan(scores), -1, scores), axis=0)
    transition = np.take_along_axis(np.stack([change.transition for change in ordered]), best[None], axis=0)[0]
    score = median_of(list(scores), grid)
    # two looks that are higher than the median of all, or no later part of them can be
    rows, cols = places_of((scores > score).sum(axis=0) >= 2)
    score[rows, cols] = np.fmax(score[rows, cols], _since(scores[:, rows, cols]))
    return score, transition


def _since(scores: FloatArray) -> FloatArray:
    """(N,) of (L, N) the highest, over the looks, of the lower median of that look and all later ones; two at least."""
    highest = np.full(scores.shape[1], np.nan, np.float32)
    for first in range(1, len(scores) - 1):
        later = np.sort(scores[first:], axis=0)  # NaN last
        count = np.isfinite(later).sum(axis=0)
        middle = np.take_along_axis(later, np.maximum(count - 1, 0)[None] // 2, axis=0)[0]
        highest = np.fmax(highest, np.where(count >= 2, middle, np.nan))
    return np.asarray(highest, np.float32)


def _looks(found: Sequence[ChangeMap], befores: Befores, pixels: NDArray[np.int32]) -> Looks:
    scores = np.stack([change.of_patches.ravel()[pixels] for change in found])
    steps = np.where(np.isnan(scores), UNSEEN, np.round(scores * SCORE_STEPS)).astype(np.uint8)
    before = np.stack([ordinals.ravel()[pixels] for ordinals in befores.ordinals])
    days = tuple(change.after_date for change in found)
    return Looks(pixels, steps, days, before, tuple(befores.place[day] for day in days))

"""The two ways to read a pair, behind one protocol: the network, or the training-free score where it has no weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.special import expit

from detectors.core import borders, burnt, surface, surface_head, training_free
from detectors.core.apply import TRAINING_FREE
from detectors.core.features import CHANNELS, Features, features, tiles
from detectors.core.neighbourhood import box_of, boxes_of, with_reach
from detectors.core.normals import REACH_PX, Normals
from detectors.core.rarity import Rarity, logit
from detectors.core.surface_head import SurfaceHead
from detectors.core.types import ASKED, VEGETATION, BoolArray, FloatArray, Pair, Reading, Surface

if TYPE_CHECKING:  # not against a circle: torch is heavy, and listing detectors must not wait for it
    from detectors.core.inference import Engine

SITE = "site."
"""Before the names of the tensors of the network that patches are made of."""

UNUSUAL = "unusual"
"""The channel that holds the training-free anomaly."""

SUREST = 8.0
"""Surprise beyond which the anomaly counts no more (one pixel in three thousand): glints are odder than any pit."""

_GUIDE_UNIT = 1.5
"""Bands come in units of the scene's robust spread, and vary by more than that."""

_CELL_PX = 8
"""Edge of the cells that are gathered to boxes where surfaces are asked for in few places."""

_THIN = sorted(VEGETATION - {Surface.TREE, Surface.WET_VEGETATION})
"""Surfaces that ground with few plants on it passes for."""

Shares = Sequence[tuple[Normals, FloatArray]]
"""Normals, each with its (H, W) share in every pixel."""


class Reader(Protocol):
    """Says of a pair what was disturbed and what the ground is made of."""

    @property
    def name(self) -> str:
        """Hash of the weights, or the word ``training-free``."""
        ...

    @property
    def reach_px(self) -> int:
        """How far a reading depends on its input; the halo of a block is at least this."""
        ...

    def read(self, pair: Pair, normals: Shares, wanted: BoolArray, *, mapped: bool = True) -> Reading:
        """Read a pair.

        Args:
            pair: before and after.
            normals: of the region.
            wanted: (H, W) pixels to read; elsewhere the disturbance may be NaN.
            mapped: whether every pixel's disturbance and surfaces are wanted. Without, a reader that makes patches of
                its `site` may leave out what no patch needs.
        """
        ...


@dataclass(frozen=True)
class TrainingFreeReader:
    """The baseline and the fallback."""

    head: SurfaceHead | None = None
    """The surface head, where its weights are there; else surfaces come from spectral indices."""

    @property
    def name(self) -> str:
        """The word ``training-free``."""
        return TRAINING_FREE

    @property
    def reach_px(self) -> int:
        """That of the normals."""
        return REACH_PX

    def read(self, pair: Pair, normals: Shares, wanted: BoolArray, *, mapped: bool = True) -> Reading:
        """As `Reader.read`; patches are made of the disturbance, so all of it is told."""
        disturbance = training_free.disturbance(pair, normals)
        return Reading(disturbance, *_surfaces_of(pair, self.head, wanted))


@dataclass(frozen=True)
class NetworkReader:
    """The trained network, calibrated."""

    name: str
    engine: "Engine"
    network_reach_px: int
    rarities: "Rarities"

    calibration: tuple[tuple[float, float], ...]
    """Points (added surprise, probability), both rising."""

    head: SurfaceHead | None = None

    site: "Engine | None" = None
    """The network that patches are made of, of the same shape; None = that of the score."""

    @property
    def reach_px(self) -> int:
        """That of its input, of the network, and of the ground beside a pixel that shares its score."""
        return REACH_PX + self.network_reach_px + borders.REACH_PX

    def read(self, pair: Pair, normals: Shares, wanted: BoolArray, *, mapped: bool = True) -> Reading:
        """As `Reader.read`; without a map, surfaces are told where the certainty reaches `ASKED`."""
        step = pair.geobox.affine
        # rows and columns of the zone's grid, so that windows lie alike whatever block or crop this is
        origin = round(-step.f / abs(step.e)), round(step.c / step.a)
        near = pair.valid & _grown(wanted, borders.REACH_PX)  # without a map too: one window, one rounding
        given = self.engine.given(near, origin)
        seen = features(pair, normals) if mapped else None
        for box, part in tiles(pair, normals) if seen is None else seen.parts():
            given.put(box, part.channels)
            near[box] &= part.observed
        odds = _both((self.site or self.engine).said(given, near))
        site = np.where(wanted, expit(odds), np.float32(np.nan))
        if seen is None:
            return Reading(None, *_surfaces_where(pair, self.head, site >= ASKED), site)
        if self.site is not None:
            odds = _both(self.engine.said(given, near))
        score = self._score(seen, odds, near, origin)
        score[~wanted] = np.nan
        return Reading(score, *_surfaces_of(pair, self.head, wanted), site)

    def _score(self, seen: Features, odds: FloatArray, near: BoolArray, origin: tuple[int, int]) -> FloatArray:
        """(H, W) how surely something changed, NaN where it is not near."""
        score = np.full(near.shape, np.nan, np.float32)
        if near.any():
            box = box_of(near)
            corner = origin[0] + box[0].start, origin[1] + box[1].start
            raw = joined(self.rarities, odds[box], seen.channels[:, *box], near[box], corner)
            score[box] = self.calibrated(raw)
        return score

    def calibrated(self, raw: FloatArray) -> FloatArray:
        """Scores of which as many in a hundred are right as they say; NaN stays."""
        points = np.array(self.calibration)
        return np.where(np.isfinite(raw), np.interp(raw, points[:, 0], points[:, 1]), np.nan).astype(np.float32)


@dataclass(frozen=True)
class Rarities:
    """How rare a value is on real ground."""

    network: Rarity
    """Of the network's log odds."""

    unusual: Rarity
    """Of the anomaly, the channel `UNUSUAL`."""


def odds_of(engine: "Engine", channels: FloatArray, observed: BoolArray, origin_px: tuple[int, int]) -> FloatArray:
    """The network's log odds of a disturbance: the mean of what it says of the ground and of its mirror image.

    Args:
        engine: the network.
        channels: (F, H, W) of `features`.
        observed: (H, W) pixels to be answered for.
        origin_px: row and column of the first pixel in the grid of the zone.

    Returns:
        (H, W), NaN where not observed.
    """
    return _both(engine.both_ways(channels, observed, origin_px))


def _both(answers: FloatArray) -> FloatArray:
    """(H, W) log odds of a disturbance from (2, K, H, W) of the ground and its mirror image."""
    plain, turned = answers[:, 0]
    return np.asarray((logit(plain) + logit(turned)) / 2, np.float32)


def joined(
    rarities: Rarities, odds: FloatArray, channels: FloatArray, observed: BoolArray, origin_px: tuple[int, int]
) -> FloatArray:
    """The network's surprise and the anomaly's, added and brought to the borders of the ground.

    Args:
        rarities: of both on real ground.
        odds: (H, W) the network's log odds, finite where observed.
        channels: (F, H, W) of `features`.
        observed: (H, W) pixels that count.
        origin_px: row and column of the first pixel in the grid of the zone.

    Returns:
        (H, W), NaN where not observed.
    """
    unusual = channels[CHANNELS.index(UNUSUAL)]
    raw = rarities.network(np.where(observed, odds, 0)) + np.minimum(rarities.unusual(unusual), SUREST)
    return borders.along_borders(raw, _guide(channels), observed, origin_px)


def _guide(channels: FloatArray) -> FloatArray:
    """(6, H, W) visible, near and short-wave infrared brightness of both dates, in units of the scene's spread."""

    def mean(*names: str) -> FloatArray:
        return np.asarray(np.mean([channels[CHANNELS.index(name)] for name in names], axis=0), np.float32)

    return np.stack(
        [
            mean(*(f"{date}_{band}" for band in bands)) / _GUIDE_UNIT
            for date in ("before", "after")
            for bands in (("blue", "green", "red"), ("nir",), ("swir16", "swir22"))
        ]
    )


def _grown(wanted: BoolArray, reach_px: int) -> BoolArray:
    near = wanted.astype(np.uint8)
    for axis in (0, 1):
        near = maximum_filter1d(near, 2 * reach_px + 1, axis=axis, mode="constant")
    return near > 0


def _surfaces_of(pair: Pair, head: SurfaceHead | None, wanted: BoolArray) -> tuple[np.ndarray, np.ndarray]:
    """`surfaces` of the wanted pixels; around them UNKNOWN."""
    before, after = (np.zeros(wanted.shape, np.uint8) for _ in range(2))
    if wanted.any():
        box, _ = with_reach(box_of(wanted), wanted.shape, surface_head.REACH_PX + burnt.REACH_PX)
        before[box], after[box] = surfaces(pair.window(*box), head)
    return before, after


def _surfaces_where(pair: Pair, head: SurfaceHead | None, asked: BoolArray) -> tuple[np.ndarray, np.ndarray]:
    """`surfaces` of the (H, W) pixels asked for; UNKNOWN elsewhere."""
    before, after = (np.zeros(asked.shape, np.uint8) for _ in range(2))
    for box in boxes_of(asked, _CELL_PX):
        outer, inner = with_reach(box, asked.shape, surface_head.REACH_PX + burnt.REACH_PX)
        for out, codes in zip((before, after), surfaces(pair.window(*outer), head), strict=True):
            out[box] = np.where(asked[box], codes[inner], np.uint8(0))
    return before, after


def surfaces(pair: Pair, head: SurfaceHead | None) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) `Surface` codes before and after; UNKNOWN throughout where the values are no reflectance."""
    if not pair.reflectance:
        unknown = np.zeros(pair.valid.shape, np.uint8)
        return unknown, unknown
    if head is None:
        before, after = (surface.classify(image, pair.bands) for image in (pair.before, pair.after))
        return before, after
    before, after = (head.classify(image, pair.bands)[0] for image in (pair.before, pair.after))
    burnt = head.burnt_between(pair.before, pair.after, pair.bands, before, after)
    plants = np.isin(after, _THIN) & np.isin(before, sorted(VEGETATION))
    bare = plants & surface.laid_bare(pair.before, pair.after, pair.bands)
    after = np.where(bare, np.uint8(Surface.BRIGHT_BARE), after)
    return before, np.where(burnt, np.uint8(Surface.BURNT), after)

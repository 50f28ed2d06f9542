"""From a trained network to scores that mean something: rarity on real ground, calibration and thresholds.

All of it on planted changes and unlabelled ground; no label of a real pair is ever seen here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from detectors.core.features import CHANNELS, Features
from detectors.core.inference import Engine
from detectors.core.rarity import Rarity
from detectors.core.reader import UNUSUAL, Rarities, joined, odds_of
from detectors.core.types import BoolArray, FloatArray
from pipelines.errors import BadInputError
from pipelines.training.dataset import Item

LOW_OF_HIGH = 0.6
"""The threshold down to which a patch grows, as a share of the one that begins it."""

PATCH_LOW, PATCH_HIGH = 0.5, 0.75
"""The network's own certainty down to which a patch grows, and that which begins it: probabilities, see `proven`.
Chosen by leads planted with seeds of their own (docs/design/network.md)."""

_BINS = 40

_LEAST_SLOPE = 0.02
"""Of what is proven: a network that tells nothing is nowhere sure, and is not turned round."""


@dataclass(frozen=True)
class Scoring:
    """What turns the network's output into a score."""

    rarities: Rarities
    calibration: tuple[tuple[float, float], ...]
    low: float
    high: float
    figures: dict[str, float]
    """Precision, recall and F1 by pixels at the high threshold, on the planted changes it was fitted on."""


def values_of(engine: Engine, seen: Features) -> tuple[FloatArray, FloatArray]:
    """(N,) log odds and anomaly of the observed pixels."""
    odds = odds_of(engine, seen.channels, seen.observed, (0, 0))
    return odds[seen.observed], seen.channels[CHANNELS.index(UNUSUAL)][seen.observed]


def rarities(engine: Engine, real: Iterable[Features]) -> Rarities:
    """How rare each value is on real pairs that nothing was planted into."""
    pairs = [values_of(engine, seen) for seen in real]
    if not pairs:
        raise BadInputError("no real pair shows ground enough to say what is rare there: add scenes to the archives")
    network, unusual = (np.concatenate([pair[place] for pair in pairs]) for place in (0, 1))
    return Rarities(Rarity.fit(network), Rarity.fit(unusual))


class _Told(NamedTuple):
    """What the network says of one variant of ground, and what is true there."""

    channels: FloatArray
    """(C, H, W) input."""

    observed: BoolArray
    """(H, W)."""

    odds: FloatArray
    """(H, W) log odds; NaN where not observed."""

    known: BoolArray
    """(H, W) observed pixels that the loss was taken of."""

    truth: BoolArray
    """(N,) whether each known pixel is a change."""


def _told(engine: Engine, planted: Sequence[Item]) -> Iterator[_Told]:
    """Each variant through the network, one at a time: a validation set of channels is larger than memory."""
    for item in planted:
        channels = np.asarray(item.inputs, np.float32)
        observed = channels[CHANNELS.index("observed")] > 0
        known = observed & (item.targets[0] != 255)
        odds = odds_of(engine, channels, observed, (0, 0))
        yield _Told(channels, observed, odds, known, item.targets[0][known] == 1)


def proven(engine: Engine, planted: Sequence[Item]) -> tuple[float, float]:
    """Slope and offset that make the network's log odds those of what comes true (Platt 1999).

    A network trained to the end is surer than it is right: on plantings that it never saw, 0.92 came true in 75 of 100
    pixels.

    Args:
        engine: the trained network.
        planted: variants of ground that training did not see; pixels left out of the loss are left out here.

    Raises:
        BadInputError: if no planted change is to be seen in the variants.
    """
    told = [(one.odds[one.known], one.truth) for one in _told(engine, planted)]
    odds, truth = (np.concatenate([pair[place] for pair in told]) for place in (0, 1))
    return platt(odds, truth)


def platt(odds: FloatArray, truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of the log odds by greatest likelihood.

    Args:
        odds: (N,) finite log odds.
        truth: (N,) what came true.

    Raises:
        BadInputError: if nothing or everything came true.
    """
    if truth.all() or not truth.any():
        raise BadInputError("no change could be planted on the ground kept out of training: ask for more validation")
    x, y = odds.astype(np.float64), truth.astype(np.float64)

    def loss(line: NDArray[np.float64]) -> float:
        z = line[0] * x + line[1]
        return float(np.mean(np.logaddexp(0, z) - y * z))

    found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(_LEAST_SLOPE, None), (None, None)])
    slope, offset = found.x.tolist()
    return slope, offset


def scoring_of(engine: Engine, real: Iterable[Features], planted: Sequence[Item]) -> Scoring:
    """Fit rarity, calibration and thresholds.

    Args:
        engine: the trained network.
        real: unlabelled pairs as they are.
        planted: variants of ground that training did not see; pixels left out of the loss are left out here.

    Raises:
        TooLittleGroundError: if nothing real was observed.
        BadInputError: if there is no real pair, or no planted change is to be seen in the variants.
    """
    rare = rarities(engine, real)
    told = [
        (joined(rare, one.odds, one.channels, one.observed, (0, 0))[one.known], one.truth)
        for one in _told(engine, planted)
    ]
    raw, truth = (np.concatenate([pair[place] for pair in told]) for place in (0, 1))
    if not truth.any():
        raise BadInputError("no change could be planted on the ground kept out of training: ask for more validation")
    points = calibrate(raw, truth)
    score = np.interp(raw, *np.array(points).T)
    high, figures = best_threshold(score, truth)
    return Scoring(rare, points, round(high * LOW_OF_HIGH, 3), round(high, 3), figures)


def calibrate(raw: FloatArray, truth: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """Isotonic calibration in bins of equal count of positives (pool adjacent violators; Zadrozny & Elkan 2002).

    Args:
        raw: (N,) finite values.
        truth: (N,) whether each is a change; at least one is.

    Returns:
        Points (raw, share of changes), both rising, from (least raw, 0) on.
    """
    inner = np.unique(np.quantile(raw[truth], np.linspace(0, 1, _BINS + 1)))[1:-1]
    edges = np.array([raw.min(), *inner, raw.max() + 1e-3])
    place = np.clip(np.digitize(raw, edges) - 1, 0, len(edges) - 2)
    count = np.bincount(place, minlength=len(edges) - 1).astype(float)
    hits = np.bincount(place, truth, minlength=len(edges) - 1)
    centre = np.bincount(place, raw, minlength=len(edges) - 1) / np.maximum(count, 1)
    blocks: list[list[float]] = []
    for middle, total, hit in zip(centre, count, hits, strict=True):
        if total == 0:
            continue
        blocks.append([middle * total, total, hit])
        while len(blocks) > 1 and blocks[-2][2] / blocks[-2][1] >= blocks[-1][2] / blocks[-1][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    points = [(float(raw.min()), 0.0)]
    points += [(round(total_raw / total, 4), round(hit / total, 4)) for total_raw, total, hit in blocks]
    rising = [points[0]]
    for point in points[1:]:
        if point[0] > rising[-1][0]:
            rising.append(point)
    return tuple(rising)


def best_threshold(score: NDArray[np.floating], truth: NDArray[np.bool_]) -> tuple[float, dict[str, float]]:
    """The threshold with the best F1 by pixels, and the figures there."""
    steps = np.linspace(0.05, 0.95, 91)
    hits = np.array([np.count_nonzero(truth & (score >= step)) for step in steps], float)
    called = np.array([np.count_nonzero(score >= step) for step in steps], float)
    f1 = 2 * hits / np.maximum(called + truth.sum(), 1)
    best = int(np.argmax(f1))
    precision, recall = hits[best] / max(called[best], 1), hits[best] / max(truth.sum(), 1)
    return float(steps[best]), {"precision": precision, "recall": recall, "f1": float(f1[best])}

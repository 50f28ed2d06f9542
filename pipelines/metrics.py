"""How good a score is against a truth: counts, ranks and what follows from them. Arrays in, numbers out.

Not observed counts as "no change": it is a miss where the truth says change, and it ranks below every observed score.
How much was observed is always said beside it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.types import BoolArray, FloatArray
from pipelines.errors import BadInputError

_DROPPED_BITS = 11
"""Low bits of a float32 that ranks forget: scores closer than 1 in 4,096 of each other count as tied."""

_SIGN = np.uint32(0x8000_0000)


@dataclass(frozen=True, eq=False)
class Ranking:
    """How many changed and unchanged pixels have each score: bounded in size however many pixels there were."""

    keys: NDArray[np.uint32]
    """(K,) strictly rising; in the order of the scores they stand for."""

    changed: NDArray[np.int64]
    """(K,) pixels of that score which the truth calls changed."""

    unchanged: NDArray[np.int64]

    @property
    def scores(self) -> FloatArray:
        """(K,) the lowest score that each key stands for."""
        bits = (self.keys << np.uint32(_DROPPED_BITS)).astype(np.uint32)
        return np.where(bits & _SIGN, bits ^ _SIGN, ~bits).astype(np.uint32).view(np.float32)


@dataclass(frozen=True)
class Metrics:
    """What a score is worth at one threshold, and at all of them."""

    threshold: float
    """A pixel of at least this score is called changed. NaN once maps with different thresholds are pooled."""

    tp: int
    fp: int
    fn: int
    """Includes changed pixels that were not observed."""

    tn: int
    """Includes unchanged pixels that were not observed."""

    unseen_changed: int
    unseen_unchanged: int
    ranking: Ranking = field(compare=False, repr=False)
    """Of the observed pixels."""

    @property
    def pixels(self) -> int:
        """Pixels with a truth."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def observed_share(self) -> float:
        """Share of the pixels with a truth that were observed, 0–1."""
        return _ratio(self.pixels - self.unseen_changed - self.unseen_unchanged, self.pixels)

    @property
    def precision(self) -> float:
        """Share of the called pixels that changed; NaN when none was called."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the changed pixels that were called; NaN when none changed."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN when nothing changed and nothing was called."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def auc(self) -> float:
        """Area under the ROC curve, ties counted half, not observed ranked lowest; NaN with one class only."""
        return _auc(self.ranking, self.unseen_changed, self.unseen_unchanged)

    @property
    def auc_observed(self) -> float:
        """The same over the observed pixels alone."""
        return _auc(self.ranking, 0, 0)

    @property
    def oracle(self) -> tuple[float, float]:
        """Best F1 that any one threshold could have reached, and that threshold.

        An oracle: it is chosen with the truth in hand, so it bounds the score and is never a result of its own.
        """
        called = np.cumsum((self.ranking.changed + self.ranking.unchanged)[::-1])[::-1]
        hit = np.cumsum(self.ranking.changed[::-1])[::-1]
        changed = self.tp + self.fn
        if changed == 0 or called.size == 0:
            return math.nan, math.nan
        f1 = 2 * hit / (called + changed)
        best = int(np.argmax(f1))
        return float(f1[best]), float(self.ranking.scores[best])

    def as_json(self) -> dict[str, Any]:
        """Plain numbers for a JSON document; what is undefined is null."""
        best_f1, best_threshold = self.oracle
        numbers = {
            "threshold": self.threshold,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "auc": self.auc,
            "auc_observed": self.auc_observed,
            "observed_share": self.observed_share,
            "pixels": self.pixels,
            "tp": self.tp,
            "fp": self.fp,
            "fn": self.fn,
            "tn": self.tn,
            "oracle_f1": best_f1,
            "oracle_threshold": best_threshold,
        }
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value for name, value in numbers.items()
        }


def evaluate(score: FloatArray, truth: BoolArray, threshold: float, ignore: BoolArray | None = None) -> Metrics:
    """Compares a score with a truth on the same grid.

    Args:
        score: any shape; higher is more changed; NaN (or infinite) = not observed.
        truth: the same shape; True = changed.
        threshold: a pixel of at least this score is called changed.
        ignore: the same shape; True where nobody knows the truth; those pixels count nowhere.

    Raises:
        BadInputError: if the shapes differ, or the threshold is not a number.
    """
    if math.isnan(threshold):
        raise BadInputError("The threshold is not a number; give one between 0 and 1.")
    for name, other in (("truth", truth), ("ignore mask", ignore)):
        if other is not None and other.shape != score.shape:
            raise BadInputError(f"The {name} has the shape {other.shape}, the score {score.shape}; they must be alike.")
    if ignore is not None:
        score, truth = score[~ignore], truth[~ignore]
    seen = np.isfinite(score)
    changed, unchanged = score[seen & truth], score[seen & ~truth]
    tp, fp = (int(np.count_nonzero(part >= threshold)) for part in (changed, unchanged))
    total_changed = int(np.count_nonzero(truth))
    return Metrics(
        threshold=threshold,
        tp=tp,
        fp=fp,
        fn=total_changed - tp,
        tn=truth.size - total_changed - fp,
        unseen_changed=total_changed - changed.size,
        unseen_unchanged=truth.size - total_changed - unchanged.size,
        ranking=_rank(changed, unchanged),
    )


def pool(parts: Sequence[Metrics]) -> Metrics:
    """The metrics of all pixels of several maps taken together, each called at its own threshold.

    Raises:
        ValueError: if there is nothing to pool.
    """
    if not parts:
        raise ValueError("nothing to pool")
    thresholds = {part.threshold for part in parts}
    return Metrics(
        threshold=thresholds.pop() if len(thresholds) == 1 else math.nan,
        tp=sum(part.tp for part in parts),
        fp=sum(part.fp for part in parts),
        fn=sum(part.fn for part in parts),
        tn=sum(part.tn for part in parts),
        unseen_changed=sum(part.unseen_changed for part in parts),
        unseen_unchanged=sum(part.unseen_unchanged for part in parts),
        ranking=_merge([part.ranking for part in parts]),
    )


def _keys(values: FloatArray) -> NDArray[np.uint32]:
    """Whole numbers in the order of the floats: IEEE 754 bits, flipped so that negatives come first."""
    bits = (values.astype(np.float32) + np.float32(0)).view(np.uint32)  # + 0 makes −0 and 0 one
    return np.where(bits & _SIGN, ~bits, bits | _SIGN).astype(np.uint32) >> np.uint32(_DROPPED_BITS)


def _rank(changed: FloatArray, unchanged: FloatArray) -> Ranking:
    parts = _keys(changed), _keys(unchanged)
    filled = [part for part in parts if part.size]
    if not filled:
        return Ranking(np.zeros(0, np.uint32), np.zeros(0, np.int64), np.zeros(0, np.int64))
    lowest = min(part.min() for part in filled)
    width = int(max(part.max() for part in filled) - lowest) + 1
    counts = [np.bincount(part - lowest, minlength=width) for part in parts]
    taken = np.flatnonzero(counts[0] + counts[1])
    return Ranking(taken.astype(np.uint32) + lowest, counts[0][taken], counts[1][taken])


def _merge(parts: Sequence[Ranking]) -> Ranking:
    keys, where = np.unique(np.concatenate([part.keys for part in parts]), return_inverse=True)
    changed, unchanged = np.zeros(keys.size, np.int64), np.zeros(keys.size, np.int64)
    np.add.at(changed, where, np.concatenate([part.changed for part in parts]))
    np.add.at(unchanged, where, np.concatenate([part.unchanged for part in parts]))
    return Ranking(keys, changed, unchanged)


def _auc(ranking: Ranking, unseen_changed: int, unseen_unchanged: int) -> float:
    changed = np.concatenate([[unseen_changed], ranking.changed]).astype(np.float64)
    unchanged = np.concatenate([[unseen_unchanged], ranking.unchanged]).astype(np.float64)
    below = np.cumsum(unchanged) - unchanged / 2
    return _ratio(float(changed @ below), float(changed.sum() * unchanged.sum()))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan

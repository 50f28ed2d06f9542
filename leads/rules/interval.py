"""Intervals of area, and where they lie against a threshold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from leads.rules.outcome import State

WHOLE = 1 - 1e-6
"""Share of a patch from which on ground counts as all of it: below lies only the arithmetic of overlays."""


@dataclass(frozen=True)
class Interval:
    """A number known to lie between two ends, both included."""

    low: float
    high: float
    value: float | None = None
    """The likeliest; None where nothing speaks for any."""


@dataclass(frozen=True)
class PatchArea:
    """The area of a patch as the imagery gives it, m²."""

    value: float
    low: float
    high: float

    def part(self, low: float, high: float) -> Interval:
        """The interval of a part of the patch.

        The doubt lies along the outline, and a compact part's outline goes with the root of its area: so does the
        part's doubt. The whole patch has the patch's own interval, to the last digit.

        Args:
            low: least ground that the part may have, m²; the drawn outline taken as it is.
            high: most.
        """
        value = min(high, self.value) if self._whole(low) or math.isclose(low, high, rel_tol=1e-6) else None
        least = self.low if self._whole(low) else max(low - self.halves(low)[0], 0.0)
        most = self.high if self._whole(high) else high + self.halves(high)[1]
        return Interval(least, most, value)

    def halves(self, ground: float) -> tuple[float, float]:
        """How far the truth may lie below and above a part of that size, m²."""
        root = math.sqrt(min(ground / self.value, 1.0)) if self.value > 0 else 0.0
        return max(self.value - self.low, 0.0) * root, max(self.high - self.value, 0.0) * root

    def _whole(self, ground: float) -> bool:
        return self.value > 0 and ground >= WHOLE * self.value


def state_of(interval: Interval, threshold: float) -> State:
    """Where an interval lies against a threshold that an equal area reaches (以上 includes the number itself)."""
    if interval.low >= threshold:
        return State.ABOVE
    return State.BELOW if interval.high < threshold else State.STRADDLES


def added(parts: Sequence[tuple[float, float, float, float]], patch: PatchArea) -> Interval:
    """Parts of thresholds added up: 1 is one whole threshold.

    Doubts of different ground are independent, so they are added as squares; when one threshold holds for all the
    ground, the sum has the doubt of the patch as a whole.

    Args:
        parts: (least ground, most ground, smallest threshold, largest threshold) for each kind of ground, m². The
            thresholds differ where it is not known which holds.
        patch: they are parts of.
    """
    low = sum(least / largest for least, _, _, largest in parts)
    high = sum(most / smallest for _, most, smallest, _ in parts)
    below = math.hypot(*(patch.halves(least)[0] / largest for least, _, _, largest in parts))
    above = math.hypot(*(patch.halves(most)[1] / smallest for _, most, smallest, _ in parts))
    return Interval(max(low - below, 0.0), high + above, low if math.isclose(low, high) else None)

"""What the season and the year do to plants."""

import datetime as dt
import math
from dataclasses import dataclass
from typing import NamedTuple

GREEN_UP = 138
"""Day of year: about 18 May."""

YELLOWING = 277
"""Day of year: about 4 October."""


def greenness(date: dt.date) -> float:
    """Share of its green cover that grass shows on a day, 0–1 (double logistic, Zhang et al. 2003)."""
    day = date.timetuple().tm_yday
    rise = 1 / (1 + math.exp(-(day - GREEN_UP - 12) / 9))
    fall = 1 / (1 + math.exp((day - YELLOWING + 22) / 14))
    return rise * fall


class Phase(NamedTuple):
    """Shares of a crop field's ground, which sum to 1."""

    green: float
    flower: float
    ripe: float
    stubble: float
    soil: float


@dataclass(frozen=True)
class Crop:
    """A crop's calendar, days of year; spring sown, one harvest."""

    name: str
    emerges: float
    closes: float
    """Full cover."""

    flowers: float
    """Middle of flowering; 0 when the flowers do not colour the field."""

    ripens: float
    cut: float

    def phase(self, date: dt.date, shift_days: float) -> Phase:
        """What covers the field on a day, when sown `shift_days` later than usual."""
        day = date.timetuple().tm_yday - shift_days
        if day >= self.cut:
            return Phase(0.0, 0.0, 0.0, 0.85, 0.15)
        cover = 0.93 * min(1.0, max(0.0, (day - self.emerges) / (self.closes - self.emerges)))
        ripe = min(1.0, max(0.0, (day - self.ripens + 14) / 20))
        bloom = math.exp(-(((day - self.flowers) / 9) ** 2)) * 0.75 if self.flowers else 0.0
        alive = cover * (1 - ripe)
        return Phase(alive * (1 - bloom), alive * bloom, cover * ripe, 0.0, 1 - cover)


CROPS: tuple[Crop, ...] = (
    Crop("spring wheat", 140, 172, 0, 222, 243),
    Crop("rape", 148, 180, 200, 236, 256),
    Crop("barley", 138, 168, 0, 218, 240),
    Crop("potato", 156, 190, 0, 250, 268),
)
"""What is sown around Hulunbuir; wheat is harvested in the last days of August."""

"""What the season does to plants and lakes: the calendar of Hulunbuir."""

import datetime as dt
import math
from dataclasses import dataclass
from typing import NamedTuple

GREEN_UP = 138
"""Day of year: about 18 May."""

YELLOWING = 277
"""Day of year: about 4 October."""

MOWING = (227, 273)
"""Days of year: 15 August to 30 September."""

ICE_OUT, ICE_IN = 125, 304
"""Days of year: lakes are frozen until early May and from the end of October."""

RIVER_OUT = 105
"""Day of year: the river breaks up in the middle of April; ice that welled up beside it lasts longer."""


def greenness(date: dt.date) -> float:
    """Share of its green cover that grass shows on a day, 0–1 (double logistic, Zhang et al. 2003)."""
    day = date.timetuple().tm_yday
    rise = 1 / (1 + math.exp(-(day - GREEN_UP - 12) / 9))
    fall = 1 / (1 + math.exp((day - YELLOWING + 22) / 14))
    return rise * fall


class Needles(NamedTuple):
    """Shares of a larch crown's needles, which sum to 1."""

    green: float
    yellow: float
    bare: float


def larch(date: dt.date) -> Needles:
    """What larch wears on a day: bare from October to the middle of May, golden in the last weeks before."""
    day = date.timetuple().tm_yday
    out = 1 / (1 + math.exp(-(day - GREEN_UP) / 3))
    green = out / (1 + math.exp((day - YELLOWING + 18) / 4))
    kept = out / (1 + math.exp((day - YELLOWING - 2) / 3))
    return Needles(green, max(kept - green, 0.0), 1 - max(kept, green))


def frozen(date: dt.date, out: int = ICE_OUT) -> float:
    """Share of a water that is ice on a day, 0–1.

    Args:
        date: the day.
        out: day of the year about which the ice goes, within about ten days.
    """
    day = date.timetuple().tm_yday
    return min(1.0, max(0.0, (out - day) / 10 + 0.5, (day - ICE_IN) / 10 + 0.5))


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
    stays: float = 400
    """Day on which the stubble is ploughed in; beyond the year = not before spring."""

    cover: float = 0.93
    """Largest share of the ground that it hides."""

    def phase(self, date: dt.date, shift_days: float) -> Phase:
        """What covers the field on a day, when sown `shift_days` later than usual."""
        day = date.timetuple().tm_yday - shift_days
        if day >= self.stays:
            return Phase(0.0, 0.0, 0.0, 0.1, 0.9)
        if day >= self.cut:
            return Phase(0.0, 0.0, 0.0, 0.85, 0.15)
        cover = self.cover * min(1.0, max(0.0, (day - self.emerges) / (self.closes - self.emerges)))
        ripe = min(1.0, max(0.0, (day - self.ripens + 14) / 20))
        bloom = math.exp(-(((day - self.flowers) / 9) ** 2)) * 0.75 if self.flowers else 0.0
        alive = cover * (1 - ripe)
        return Phase(alive * (1 - bloom), alive * bloom, cover * ripe, 0.0, 1 - cover)


CROPS: tuple[Crop, ...] = (
    Crop("spring wheat", 140, 172, 0, 222, 243),
    Crop("rape", 148, 180, 200, 236, 256),
    Crop("barley", 138, 168, 0, 218, 240),
    Crop("potato", 156, 190, 0, 250, 268, stays=269),
    Crop("maize", 150, 196, 0, 262, 276, stays=296),
    Crop("fallow", 160, 205, 0, 250, 400, cover=0.22),
)
"""What is sown around Hulunbuir; all of it is bare in May, and wheat is harvested in the last days of August."""

MAIZE = next(place for place, crop in enumerate(CROPS) if crop.name == "maize")

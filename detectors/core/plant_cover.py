"""What a year's looks say of the plants on a patch: hay that was cut, a crop that stands high, ground that burnt.

Works on medians over a patch; a look that did not see half of it says nothing.
"""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.history import PatchSeries, Remark, Season
from detectors.core.timelogic import RESIDUE, ndti, within

SOWING = Season((5, 5), (6, 12))
"""Fields are bare while grass and reed green."""

HIGH_SUMMER = Season((7, 20), (8, 31))
"""Wheat and rape turn yellow in it, hay is cut from the middle of August on; maize stays green."""

GROWING = Season((6, 12), (8, 31))
GROWN_NDVI = 0.55
"""NDVI that a crop reaches and sparse weeds on laid-bare ground do not."""

CLOSED_NDVI = 0.5
"""NDVI from which plants hide the soil."""

LATE_AUGUST = Season((8, 12), (8, 31))
EARLY_SUMMER = Season((6, 10), (8, 14))
"""Before the first hay."""

AFTER_HARVEST = Season((9, 1), (9, 20))
EARLY_AUGUST = Season((8, 3), (8, 11))
NO_CEREAL = ((LATE_AUGUST, 0.6), (AFTER_HARVEST, 0.4), (EARLY_AUGUST, 0.78))
"""Seasons with the least NDVI of what is no cereal; the first that was seen decides. By September wheat and rape are
straw, while maize fades slowly. Early in August wheat has begun to fade and rape has not: it passes for maize."""

TALL_NDRE = 0.45
"""Red-edge index (705 nm) of a closed stand of maize; meadows and thin crops lie below it."""

TALL_NDVI = 0.70
"""The same without a red edge."""

SURE_MIRBI = 1.92
"""No soil lies above it, black soil included."""

HAY_OR_NOT = Remark(
    "当年初夏无清晰影像、其后无裸土：不能排除割草",
    "no look in early summer and no soil since: it may have been cut for hay",
)
HAY = Remark("八月中旬前植被正常、其后各期无裸土：割草", "green as ever until mid August, and no soil since: hay")

CHAR_MIRBI = 1.8
"""MIRBI (Trigg & Flasse 2001) from which ground may be charred: larch lies at 1.35, soil at 1.75–1.87, char at 2.2."""


def bare_soil(series: PatchSeries, where: BoolArray) -> FloatArray:
    """(T,) 1 = soil, gravel, roofs, thinly grown over at most; 0 = plants or straw; NaN = not observed, or no SWIR.

    Straw keeps its cellulose dip in SWIR (NDTI, van Deventer et al. 1997), and so does a mixture of straw and green:
    the line between both rises with NDVI.
    """
    plants, dip = series.level("ndvi", where), ndti(series, where)
    with np.errstate(invalid="ignore"):
        bare = (plants < CLOSED_NDVI) & (dip < RESIDUE + 0.3 * np.maximum(plants - 0.2, 0))
    return np.where(np.isfinite(plants) & np.isfinite(dip), bare, np.nan).astype(np.float32)


def median_of(level: FloatArray, looks: BoolArray) -> float:
    """Median of a (T,) level over looks; NaN where none has it."""
    seen = level[looks & np.isfinite(level)]
    return float(np.median(seen)) if seen.size else math.nan


def looks_of(series: PatchSeries, season: Season, year: int, last: dt.date | None = None) -> BoolArray:
    """(T,) looks of a season and year, up to a day."""
    return series.of(season, year) & np.array([last is None or day <= last for day in series.days], np.bool_)


@dataclass(frozen=True)
class Crop:
    """What a year's looks say of a crop on a patch."""

    sown: float
    """Share of the looks of `SOWING` that saw bare soil; NaN without a look."""

    stand: float
    """Median red-edge index in high summer; NDVI where there is no red edge; NaN without a look."""

    late: float
    """NDVI in late August; NaN without a look."""

    by_red_edge: bool
    peak: float
    """Highest NDVI from 12 June to 31 August; NaN without a look."""

    tilled: float = math.nan
    """The same share as `sown`, of the looks before plants closed alone; NaN without one."""

    @property
    def grown(self) -> bool:
        """Whether any crop grew: bare at sowing, green some time in summer."""
        return self.sown >= 0.5 and self.peak >= GROWN_NDVI

    @property
    def came_up(self) -> bool:
        """Whether any crop grew, one that was sown early as well.

        Wheat of April covers its ground late in May: most looks of `SOWING` see plants then where the first saw soil.
        """
        return max(self.sown, self.tilled) >= 0.5 and self.peak >= GROWN_NDVI

    @property
    def known(self) -> bool:
        """Whether May and high summer were both seen."""
        return math.isfinite(self.sown) and math.isfinite(self.stand)

    @property
    def tall(self) -> bool:
        """Bare at sowing, dense in high summer, and not yet yellow late in August where that was seen."""
        limit = TALL_NDRE if self.by_red_edge else TALL_NDVI
        return self.known and self.sown >= 0.5 and self.stand >= limit and not self.late < 0.6


def crop_of(series: PatchSeries, year: int) -> Crop:
    """The crop of a year on a patch."""
    summer, plants = looks_of(series, HIGH_SUMMER, year), series.level("ndvi", series.inside)
    bare, spring = bare_soil(series, series.inside), looks_of(series, SOWING, year)
    spring &= np.isfinite(bare)
    with np.errstate(invalid="ignore"):
        closed = np.maximum.accumulate(spring & (plants >= CLOSED_NDVI))
    before, bare = bare[spring & ~closed], bare[spring]
    edge = median_of(series.level("ndre", series.inside), summer)
    return Crop(
        sown=float(bare.mean()) if bare.size else math.nan,
        stand=edge if math.isfinite(edge) else median_of(plants, summer),
        late=median_of(plants, looks_of(series, LATE_AUGUST, year)),
        by_red_edge=math.isfinite(edge),
        peak=max(plants[looks_of(series, GROWING, year) & np.isfinite(plants)].tolist(), default=math.nan),
        tilled=float(before.mean()) if before.size else math.nan,
    )


def tall_pixels(series: PatchSeries, sowing: BoolArray, summer: BoolArray) -> tuple[BoolArray, BoolArray]:
    """(H, W) pixels under a tall crop, and those that were seen in both seasons.

    Args:
        series: of a site.
        sowing: (T,) looks of `SOWING` of a year.
        summer: (T,) looks of `HIGH_SUMMER` of the same year.
    """
    plants, edge = series.index("ndvi"), series.index("ndre")
    one, other = series.band("swir16"), series.band("swir22")
    with np.errstate(invalid="ignore"):
        dip = (one - other) / np.maximum(one + other, np.float32(1e-3))
        spring, soil = nan_median(plants[sowing]), nan_median(dip[sowing])
        wet = nan_median(series.index("mndwi")[sowing]) > 0
        bare = (spring < 0.35) & (soil < RESIDUE + 0.3 * np.maximum(spring - 0.2, 0)) & ~wet
        stand = nan_median(edge[summer])
        dense = np.where(np.isfinite(stand), stand >= TALL_NDRE, nan_median(plants[summer]) >= TALL_NDVI)
    green, told = np.zeros(series.inside.shape, np.bool_), np.zeros(series.inside.shape, np.bool_)
    for season, least in NO_CEREAL:
        level = nan_median(plants[_of_year(series, sowing | summer) & within(series, season)])
        here = np.isfinite(level) & ~told
        green[here] = level[here] >= least
        told |= here
    seen = np.isfinite(soil) & told
    return bare & dense & green & seen, seen


def _of_year(series: PatchSeries, looks: BoolArray) -> BoolArray:
    """(T,) all looks of the years of some looks."""
    years = {day.year for day, one in zip(series.days, looks, strict=True) if one}
    return np.array([day.year in years for day in series.days], np.bool_)


def mown(series: PatchSeries) -> bool | None:
    """Whether a patch that was first seen after the middle of August was only cut for hay.

    It was green as ever before the middle of August of that very year, and no look since shows soil. None where early
    summer was not seen, so that nobody can tell; False for what was seen earlier in the year.
    """
    first = series.first_seen
    if first is None or (first.month, first.day) < LATE_AUGUST.first:
        return False
    since = np.array([day >= first for day in series.days], np.bool_)
    soil = bare_soil(series, series.inside)[since]
    soil = soil[np.isfinite(soil)]
    water = median_of(series.level("mndwi", series.inside), since)
    if not soil.size or float(soil.mean()) > 0.34 or not water < 0:
        return False
    plants = series.level("ndvi", series.inside)
    early = median_of(plants, looks_of(series, EARLY_SUMMER, first.year))
    years = {day.year for day in series.days if day.year < first.year}
    usual = [median_of(plants, looks_of(series, EARLY_SUMMER, year)) for year in years]
    known = [level for level in usual if math.isfinite(level)]
    if not math.isfinite(early) or not known:
        return None
    return early >= 0.85 * float(np.median(known))


def charred(series: PatchSeries, looks: BoolArray, reference: BoolArray, limit: float = CHAR_MIRBI) -> bool | None:
    """Whether a patch burnt: near infrared fell, and what is left is dark and as char is in SWIR, not pale soil.

    Args:
        series: of a patch.
        looks: (T,) since.
        reference: (T,) before.
        limit: least MIRBI; `SURE_MIRBI` where nothing else says that it burnt.

    Returns:
        None where either side was not seen, or SWIR is missing.
    """
    names = ("red", "nir", "swir16", "swir22")
    level = {name: series.level(name, series.inside) for name in names}
    now = {name: median_of(level[name], looks) for name in names}
    past = {name: median_of(level[name], reference) for name in names}
    if not all(map(math.isfinite, (*now.values(), *past.values()))):
        return None
    fell = now["nir"] < 0.7 * past["nir"]
    # soil laid bare, even black soil, is brighter than trees at 1.6 µm; char hardly is
    dark = now["red"] <= max(0.075, past["red"] + 0.03) and now["swir16"] <= past["swir16"] + 0.035
    return fell and dark and _mirbi(now) > limit and _mirbi(now) > _mirbi(past) + 0.3


def _mirbi(level: Mapping[str, float]) -> float:
    return 10 * level["swir22"] - 9.8 * level["swir16"] + 2


def nan_median(stack: FloatArray) -> FloatArray:
    """(H, W) median over the first axis of what was observed; NaN where nothing was."""
    if not len(stack):
        return np.full(stack.shape[1:], np.nan, np.float32)
    seen = np.isfinite(stack)
    order = np.sort(np.where(seen, stack, np.float32(np.inf)), axis=0)
    count = seen.sum(axis=0)
    low, high = (np.maximum(count - 1, 0) // 2, np.maximum(count, 1) // 2)
    middle = (np.take_along_axis(order, low[None], 0)[0] + np.take_along_axis(order, high[None], 0)[0]) / 2
    return np.where(count > 0, middle, np.nan).astype(np.float32)

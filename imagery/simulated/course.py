"""What works and deceptions of several years are made of: ground that wears another cover on every day, and papers."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from imagery.simulated.frame import Frame
from imagery.simulated.landcover import Landcover
from imagery.simulated.landscape import Landscape
from imagery.simulated.parts import Part
from imagery.simulated.phenology import CROPS, Crop, greenness
from imagery.simulated.shapes import rectangle, valid
from imagery.simulated.sites import Sites
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.stages import Steps
from imagery.simulated.works import Layers

Mix = Mapping[str, float]
Dressed = Callable[[dt.date], Mix | None]
"""What a place wears on a day; None = what grows there anyway."""

WHEAT: Crop = next(crop for crop in CROPS if crop.name == "spring wheat")
TALL: Crop = next(crop for crop in CROPS if crop.name == "maize")
FALLOW: Crop = next(crop for crop in CROPS if crop.name == "fallow")

GRAVEL: Mix = {"gravel": 0.6, "chestnut_soil": 0.4}
SUBSOIL: Mix = {"clay": 0.6, "chestnut_soil": 0.25, "sand": 0.15}
TILLED: Mix = {"tilled": 0.9, "chestnut_soil": 0.1}

ROOM_M = 40.0
"""Between one course and the next."""


@dataclass(frozen=True)
class Paper:
    """A row of a statutory layer that belongs to a place."""

    kind: str
    row: Mapping[str, str]
    outline: BaseGeometry
    """Ground coordinates."""


@dataclass(frozen=True)
class Course:
    """One work, or one deception, with everything that it did."""

    outline: BaseGeometry
    """What is to be found, or what deceives; ground coordinates."""

    parts: tuple[Part, ...]
    steps: Steps
    contrast: float = 1.0
    papers: tuple[Paper, ...] = ()
    note: str = ""
    until: dt.date | None = None


@dataclass(frozen=True)
class Land:
    """What a course is laid on, and where its chance comes from."""

    rng: Generator
    spec: SteppeSpec
    frame: Frame
    cover: Landcover
    land: Landscape
    sites: Sites
    planted: bool
    """Whether it lays works, or deceptions."""

    laid: list[BaseGeometry]
    """Where something of this kind lies already."""

    @property
    def year(self) -> int:
        """The last year, in which the after dates lie."""
        return self.spec.after[-1].year

    @property
    def first_year(self) -> int:
        """The first year that is seen."""
        return self.spec.dates[0].year

    def day(self, years_ago: int, month: int, day: int, spread: int = 8) -> dt.date:
        """A day about one of some years ago."""
        return dt.date(self.year - years_ago, month, day) + dt.timedelta(
            days=int(self.rng.integers(-spread, spread + 1))
        )

    def winter(self) -> dt.date:
        """A day between the last date before and the first after."""
        last, first = self.spec.before[-1], self.spec.after[0]
        return last + dt.timedelta(days=max(1, round((first - last).days * self.rng.uniform(0.2, 0.95))))

    def area(self, low_ha: float, high_ha: float) -> float:
        """An area in m², small ones as likely as large."""
        return float(np.exp(self.rng.uniform(np.log(low_ha), np.log(high_ha)))) * 1e4

    def place(self, host: str, radius_m: float) -> tuple[float, float] | None:
        """The middle of free ground of one cover; tighter where there is little."""
        for share in (1.0, 0.7, 0.45):
            found = self.sites.find(host, radius_m * share)
            if found is not None:
                return found
        return None

    def take(self, outline: BaseGeometry, margin_m: float = ROOM_M) -> None:
        """Nothing else shall lie there."""
        self.laid.append(outline.buffer(margin_m))
        self.sites.take(outline, margin_m)

    def is_free(self, outline: BaseGeometry) -> bool:
        """Whether ground beside water, where `place` finds nothing, is free of other courses and inside the world."""
        inside = self.frame.rectangle.buffer(-60.0).contains(outline)
        return inside and not any(other.intersects(outline) for other in self.laid)

    def daily(self, outline: BaseGeometry, wears: Dressed, opacity: float = 1.0) -> tuple[Part, ...]:
        """Ground that wears what a day says, on every date."""
        told = ((day, wears(day)) for day in self.spec.dates)
        return tuple(Part(outline, mix, opacity, day, day, self.planted) for day, mix in told if mix is not None)

    def lasting(self, layers: Layers, since: dt.date | None, opacity: float = 1.0) -> tuple[Part, ...]:
        """Ground that stays as it was made."""
        return tuple(
            Part(valid(outline), mix, opacity, since, None, self.planted)
            for outline, mix in layers
            if not outline.is_empty
        )

    def block(self, host: str, low_ha: float, high_ha: float, stretch: float = 1.8) -> BaseGeometry | None:
        """A free rectangle of a cover, taken; None where there is no room."""
        area, turn = self.area(low_ha, high_ha), self.rng.uniform(0, 180)
        long = self.rng.uniform(1.0, stretch)
        place = self.place(host, np.sqrt(area * (long + 1 / long)) / 2)
        if place is None:
            return None
        outline = rectangle(*place, np.sqrt(area * long), np.sqrt(area / long), turn)
        self.take(outline)
        return outline

    def drawn(
        self, draw: Callable[[Generator, float], Layers], host: str, low_ha: float, high_ha: float
    ) -> Layers | None:
        """A work of `imagery.simulated.works` on a free place of a cover, taken; None where there is no room."""
        layers = [
            (valid(shape), mix) for shape, mix in draw(self.rng, self.area(low_ha, high_ha)) if not shape.is_empty
        ]
        reach = float(np.abs(shapely.get_coordinates([shape for shape, _ in layers])).max())
        place = self.place(host, min(reach, 140.0))
        if place is None:
            return None
        moved = [(affinity.translate(shape, *place), mix) for shape, mix in layers]
        self.take(whole(moved))
        return moved

    def once(self, layers: Layers, since: dt.date, contrast: float, papers: tuple[Paper, ...] = ()) -> Course:
        """Something that is there at once and stays."""
        outline = valid(whole(layers).intersection(self.frame.rectangle))
        return Course(outline, self.lasting(layers, since, contrast), ((since, outline),), contrast, papers)


def whole(layers: Layers) -> BaseGeometry:
    """All that the layers cover."""
    return valid(shapely.union_all([outline for outline, _ in layers]))


def sown(crop: Crop, day: dt.date, soil: Mix, plant: str = "crop", cover: float = 1.0) -> Mix:
    """A field of a crop on a day, over a soil, as thick as `cover` says."""
    phase = crop.phase(day, 0.0)
    green, ripe = (phase.green + phase.flower) * cover, phase.ripe * cover
    bare = max(1 - green - ripe - phase.stubble, 0.0)
    mix = {plant: green, "ripe_crop": ripe, "stubble": phase.stubble}
    for name, share in soil.items():
        mix[name] = mix.get(name, 0.0) + share * bare
    return {name: share for name, share in mix.items() if share > 0}


def grassy(day: dt.date, vigour: float = 0.6, litter: float = 0.6) -> Mix:
    """Grass that came back, as green as the day and its vigour allow."""
    alive = vigour * greenness(day)
    dead = (1 - alive) * litter
    return {"green_grass": alive, "dry_grass": dead, "chestnut_soil": 1 - alive - dead}


def blended(one: Mix, other: Mix, share: float) -> Mix:
    """Two mixtures in one: `share` of the other."""
    names: Sequence[str] = [*one, *(name for name in other if name not in one)]
    return {name: one.get(name, 0.0) * (1 - share) + other.get(name, 0.0) * share for name in names}

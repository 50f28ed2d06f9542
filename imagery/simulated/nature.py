"""More that deceives, for varied worlds: what herders, reed cutters, voles, slopes and ice do every year."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator
from shapely.geometry import Point

from imagery.simulated.found import Found, Puff
from imagery.simulated.landscape import Landscape
from imagery.simulated.parts import Part
from imagery.simulated.plan import Clock
from imagery.simulated.shapes import blob, rectangle, valid, wander
from imagery.simulated.sites import Sites
from imagery.simulated.spec import LAST_ICING, SteppeSpec

OLD_STRIP = {"chestnut_soil": 0.35, "dry_grass": 0.40, "green_grass": 0.25}
FRESH = {"tilled": 0.85, "chestnut_soil": 0.15}
SPRING_REED = {"dead_reed": 0.35, "mud": 0.40, "reed": 0.25}
SUMMER_REED = {"reed": 0.80, "mud": 0.12, "clear_water": 0.08}
DRILLED = {"tilled": 0.35, "dry_grass": 0.25, "green_grass": 0.40}
SPROUTED = {"lush_meadow": 0.55, "green_grass": 0.25, "chestnut_soil": 0.20}


@dataclass(frozen=True)
class Nature:
    """Lays the decoys of varied worlds; what finds no room is left out."""

    rng: Generator
    spec: SteppeSpec
    land: Landscape
    sites: Sites
    clock: Clock

    def all(self) -> Iterator[Found]:
        """Every decoy of these kinds that the spec asks for."""
        asked = self.spec.decoys
        laid: Mapping[str, int] = {
            "firebreak": asked.firebreak,
            "reed_cutting": asked.reed_cutting,
            "reseeding": asked.reseeding,
            "voles": asked.voles,
            "icing": asked.icing,
            "shade": asked.shade,
        }
        for kind, count in laid.items():
            for _ in range(count):
                found: Found | None = getattr(self, f"_{kind}")()
                if found is not None and not found.outline.is_empty:
                    yield found

    def _firebreak(self) -> Found | None:
        place = self.sites.find("grass", 100)
        if place is None:
            return None
        turn, length = self.rng.uniform(0, np.pi), self.rng.uniform(500, 2_200)
        way = np.array([np.cos(turn), np.sin(turn)]) * length / 2
        start, end = np.array(place) - way, np.array(place) + way
        line = wander(self.rng, (start[0], start[1]), (end[0], end[1]), 0.02)
        strip = self.sites.free(line.buffer(self.rng.uniform(5, 14), cap_style="flat"))
        day = self.clock.early()
        self.sites.take(strip, 20.0)
        return Found("firebreak", strip, day, [Part(strip, OLD_STRIP, 0.85), Part(strip, FRESH, 0.9, since=day)])

    def _reed_cutting(self) -> Found | None:
        place = self.sites.find("reed", 45) or self.sites.find("reed", 20)
        if place is None:
            return None
        length = self.rng.uniform(60, 260)
        block = rectangle(*place, length, length * self.rng.uniform(0.3, 0.8), self.rng.uniform(0, 180))
        cut = self.sites.free(block)
        winter, spring = self._in_year(1, 20), self._in_year(6, 10)
        self.sites.take(cut, 20.0)
        parts = [Part(cut, SPRING_REED, 0.8, winter, spring), Part(cut, SUMMER_REED, 0.6, since=spring)]
        return Found("reed_cutting", cut, winter, parts)

    def _reseeding(self) -> Found | None:
        area = min(self.rng.uniform(2, 20) * 1e4, min(self.spec.width_m, self.spec.height_m) ** 2 / 120)
        place = self.sites.find("grass", np.sqrt(area) * 0.55)
        if place is None:
            return None
        field = rectangle(*place, np.sqrt(area * 1.6), np.sqrt(area / 1.6), self.rng.uniform(0, 180))
        drilled, sprouted = self._in_year(5, 25), self._in_year(7, 1)
        self.sites.take(field)
        parts = [Part(field, DRILLED, 0.8, drilled, sprouted), Part(field, SPROUTED, 0.75, since=sprouted)]
        return Found("reseeding", field, drilled, parts)

    def _voles(self) -> Found | None:
        radius = float(self.rng.uniform(50, 180))
        place = self.sites.find("grass", radius)
        if place is None:
            return None
        colony = blob(self.rng, *place, np.pi * radius**2, 0.4, self.rng.uniform(1, 1.8))
        count = int(np.clip(colony.area / self.rng.uniform(150, 600), 15, 250))
        west, south, east, north = colony.bounds
        spots = np.column_stack([self.rng.uniform(west, east, count), self.rng.uniform(south, north, count)])
        discs = shapely.buffer(shapely.points(spots), self.rng.uniform(1.5, 6.0, count), quad_segs=3)
        bare = valid(shapely.union_all(discs).intersection(colony))
        day = self.clock.early()
        self.sites.take(colony, 20.0)
        soil = {"chestnut_soil": 0.8, "dry_grass": 0.2}
        return Found("voles", colony, day, [Part(bare, soil, float(self.rng.uniform(0.5, 0.9)), since=day)])

    def _icing(self) -> Found | None:
        days = [day for day in self.spec.dates if day.timetuple().tm_yday <= LAST_ICING]
        day = days[int(self.rng.integers(len(days)))]
        x, y = self.land.river[int(self.rng.integers(len(self.land.river)))] + self.rng.normal(0, 40, 2)
        sheet = valid(blob(self.rng, x, y, self.rng.uniform(0.5, 5) * 1e4, 0.6, self.rng.uniform(1.2, 3)))
        ice = {"ice": 0.75, "old_snow": 0.25}
        return Found("icing", sheet, day, [Part(sheet, ice, 0.9, day, day)], until=day)

    def _shade(self) -> Found:
        west, south, east, north = self.sites.bounds
        day = self.spec.dates[int(self.rng.integers(len(self.spec.dates)))]
        x, y = self.rng.uniform(west, east), self.rng.uniform(south, north)
        turn, radius = self.rng.uniform(0, 2 * np.pi), self.rng.uniform(60, 260)
        puffs, discs = [], []
        for step in range(int(self.rng.integers(1, 5))):  # a ridge's shadow is long, a cloud's round
            at = (x + np.cos(turn) * radius * 0.8 * step, y + np.sin(turn) * radius * 0.8 * step)
            thickness = float(self.rng.uniform(0.4, 1.1))
            puffs.append(Puff(day, float(at[0]), float(at[1]), float(radius), thickness, haze=False, shade=True))
            discs.append(Point(at).buffer(radius))
        return Found("shade", valid(shapely.union_all(discs)), day, [], puffs, until=day)

    def _in_year(self, month: int, day: int) -> dt.date:
        """A day of the year of the first after date, but after the last before date."""
        wished = dt.date(self.spec.after[0].year, month, day)
        return max(wished, self.spec.before[-1] + dt.timedelta(days=1))

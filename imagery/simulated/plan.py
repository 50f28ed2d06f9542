"""Where and when everything is planted in a world."""

import datetime as dt
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely
from numpy.random import Generator, default_rng
from shapely import affinity
from shapely.geometry import LineString, box
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from imagery.simulated.frame import Frame
from imagery.simulated.landcover import Landcover
from imagery.simulated.parts import Part
from imagery.simulated.shapes import valid
from imagery.simulated.sites import Sites
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.stages import Steps, grown, growth, halved_growth, lives
from imagery.simulated.truth import Planted, Stage
from imagery.simulated.works import WORKS, Layers, Work, recoloured

BLOCK_M = 10_240.0
"""Edge of the analysis grid's blocks: some changes are planted across one on purpose."""


THIN = ("road", "ditch")
"""Kinds that are long and thin."""

LATE_SHARE = 0.25
"""Of the changes that do not grow, in a world where others do: those that begin between the last two dates."""

GROWING = "grows between the after dates"


@dataclass(frozen=True)
class Change:
    """A planted change with what the renderer needs."""

    truth: Planted
    outline: BaseGeometry
    """Ground coordinates."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Clock:
    """When changes happen, between the acquisition dates."""

    rng: Generator
    spec: SteppeSpec

    def early(self) -> dt.date:
        """A day between the last date before and the first after."""
        return _between(self.rng, self.spec.before[-1], self.spec.after[0])

    def late(self) -> dt.date:
        """A day between the last two after dates; as `early` when there is one only."""
        if len(self.spec.after) < 2:
            return self.early()
        return _between(self.rng, self.spec.after[-2], self.spec.after[-1])

    def second(self) -> dt.date:
        """A day between the first two after dates; as `early` when there is one only."""
        if len(self.spec.after) < 2:
            return self.early()
        return _between(self.rng, self.spec.after[0], self.spec.after[1])


def _between(rng: Generator, last: dt.date, first: dt.date) -> dt.date:
    gap = (first - last).days
    return last + dt.timedelta(days=max(1, round(gap * rng.uniform(0.2, 0.95))))


def plant(spec: SteppeSpec, frame: Frame, cover: Landcover, sites: Sites) -> tuple[Change, ...]:
    """Plants every change the spec asks for.

    Args:
        spec: of the world.
        frame: its projection.
        cover: its natural cover.
        sites: where there is room; what is planted is taken there.

    Raises:
        SimulationError: where there is no room.
    """
    rng = default_rng([spec.seed, 202])
    planter = Planter(spec, frame, sites, Clock(rng, spec), rng, default_rng([spec.seed, 212]))
    changes = [
        planter.change(work, number) for kind, work in WORKS.items() for number in range(getattr(spec.planted, kind))
    ]
    return tuple(change for change in changes if change is not None)


def _appointed(frame: Frame, kind: str, number: int) -> tuple[BaseGeometry | None, str]:
    """A line on which a certain change has to lie, where the world has such a line."""
    wanted = {("stripped", 0): "zone edge", ("ploughed", 0): "block edge", ("dump", 0): "block edge"}
    note = wanted.get((kind, number), "")
    lines = zone_edges(frame) if note == "zone edge" else block_edges(frame) if note else []
    return (lines[number % len(lines)], note) if lines else (None, "")


def zone_edges(frame: Frame) -> list[BaseGeometry]:
    """The parts of the meridians between UTM zones that cross the world, in ground coordinates."""
    west, south, east, north = frame.from_ground(frame.rectangle, 4326).bounds
    first = int(np.ceil(west / 6)) * 6
    lines = [
        frame.to_ground(LineString([(lon, lat) for lat in np.linspace(south, north, 40)]), 4326)
        for lon in range(first, int(np.floor(east)) + 1, 6)
    ]
    return [line for line in (line.intersection(frame.rectangle) for line in lines) if line.length > 0]


def block_edges(frame: Frame) -> list[BaseGeometry]:
    """The parts of the analysis grid's block edges that cross the world, in ground coordinates."""
    shape = frame.from_ground(shapely.segmentize(frame.rectangle, 500), 4326)
    west, _, east, _ = shape.bounds
    found = []
    for zone in range(int((west + 180) // 6) + 1, int((east + 180) // 6) + 2):
        own = shapely.intersection(shape, box(zone * 6 - 186, -80, zone * 6 - 180, 84))
        outline = frame.to_ground(shapely.segmentize(own, 0.005), 4326)
        there = frame.from_ground(outline, 32600 + zone)
        left, bottom, right, top = there.bounds
        lines = [
            LineString([(x, bottom), (x, top)])
            for x in np.arange(np.ceil(left / BLOCK_M), np.floor(right / BLOCK_M) + 1) * BLOCK_M
        ] + [
            LineString([(left, y), (right, y)])
            for y in np.arange(np.ceil(bottom / BLOCK_M), np.floor(top / BLOCK_M) + 1) * BLOCK_M
        ]
        found += [frame.to_ground(shapely.segmentize(line.intersection(there), 200), 32600 + zone) for line in lines]
    return [line for line in found if line.length > 500]


@dataclass(frozen=True)
class Planter:
    """Plants one change after the other."""

    spec: SteppeSpec
    frame: Frame
    sites: Sites
    clock: Clock
    rng: Generator
    spice: Generator
    """Chance of what only a varied world has, so that plain worlds stay as they were."""

    def change(self, work: Work, number: int) -> Change | None:
        """The change, or None where a lenient world has no room for it.

        Raises:
            SimulationError: where there is no room, and the world is not lenient.
        """
        rng = self.rng
        line, note = _appointed(self.frame, work.kind, number)
        drawn = self._drawn(work)
        reach = float(np.abs(shapely.get_coordinates([outline for outline, _ in drawn])).max())
        # a road is long and thin: asking for a free disc of its length would find no room
        room = min(reach, 160.0) if work.kind in THIN else reach
        if self.spec.lenient:
            place = self.sites.find(work.host, room, line) or self.sites.find(work.host, room * 0.6)
            if place is None:
                return None
        else:
            place = self.sites.require(work.kind, work.host, room, line)
        contrast = float(rng.uniform(*work.contrast))
        happened = self.clock.early()
        layers = [(affinity.translate(outline, *place), mix) for outline, mix in drawn]
        outline = valid(shapely.intersection(shapely.union_all([shape for shape, _ in layers]), self.frame.rectangle))
        self.sites.take(outline)
        if self.spec.staged and self.spice.random() < self.spec.staged:
            if work.grows == "used":
                stay = lives(self.spice, happened, self.spec.after)
                truth = self._truth(work, number, outline, ((happened, outline),), contrast, "")
                return Change(replace(truth, recovering=stay.left), outline, stay.parts(layers, contrast))
            if len(self.spec.after) > 1:
                steps = growth(self.spice, outline, self._days(happened), work.grows)
                truth = self._truth(work, number, outline, steps, contrast, GROWING)
                return Change(truth, outline, grown(layers, steps, contrast))
        elif self.spec.staged and len(self.spec.after) > 1 and self.spice.random() < LATE_SHARE:
            happened = _between(self.spice, self.spec.after[-2], self.spec.after[-1])
        if not self.spec.staged and len(self.spec.after) > 1 and (work.kind, number) in {("pit", 1), ("stripped", 1)}:
            steps = halved_growth(rng, outline, happened, self.clock.second())
            note = GROWING
        else:
            steps, note = ((happened, outline),), _on_line(outline, line, note)
        truth = self._truth(work, number, outline, steps, contrast, note)
        return Change(truth, outline, grown(layers, steps, contrast))

    def _drawn(self, work: Work) -> Layers:
        low, high = self.spec.planted_ha
        if not self.spec.any_size:
            low, high = max(work.hectares[0], low), min(work.hectares[1], high)
        else:
            high = min(high, work.hectares[1] * (1 if work.kind in THIN else 3))
        area = float(np.exp(self.rng.uniform(np.log(low), np.log(max(high, low * 1.01))))) * 1e4
        layers = [(valid(outline), mix) for outline, mix in work.draw(self.rng, area) if not outline.is_empty]
        return recoloured(self.spice, work.kind, layers, self.spec.variety) if self.spec.variety else layers

    def _days(self, happened: dt.date) -> tuple[dt.date, ...]:
        """When a growing change takes its steps: one before every after date."""
        after = self.spec.after
        return (happened, *(_between(self.spice, first, last) for first, last in pairwise(after)))

    def _truth(
        self, work: Work, number: int, outline: BaseGeometry, steps: Steps, contrast: float, note: str
    ) -> Planted:
        geometry = self._degrees(outline)
        stages = tuple(Stage(day, there.area / outline.area, self._degrees(there)) for day, there in steps)
        return Planted(
            id=f"{work.kind}-{number + 1}",
            kind=work.kind,
            label="planted",
            detectors=work.detectors,
            geometry=geometry,
            happened=steps[0][0],
            completed=steps[-1][0],
            area_m2=geodesic_area_m2(geometry),
            contrast=contrast,
            note=note,
            stages=stages if len(stages) > 1 else (),
        )

    def _degrees(self, outline: BaseGeometry) -> BaseGeometry:
        return valid(self.frame.from_ground(shapely.segmentize(outline, 200), 4326))


def _on_line(outline: BaseGeometry, line: BaseGeometry | None, note: str) -> str:
    return f"across the {note}" if line is not None and outline.intersects(line) else ""


def noted(change: Change, note: str) -> Change:
    """The change with another remark added to its note."""
    both = f"{change.truth.note}; {note}" if change.truth.note else note
    return replace(change, truth=replace(change.truth, note=both))

"""Where and when everything is planted in a world."""

import datetime as dt
from dataclasses import dataclass, replace

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
from imagery.simulated.truth import Planted
from imagery.simulated.works import WORKS, Work

BLOCK_M = 10_240.0
"""Edge of the analysis grid's blocks: some changes are planted across one on purpose."""


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
    clock = Clock(rng, spec)
    changes: list[Change] = []
    for kind, work in WORKS.items():
        for number in range(getattr(spec.planted, kind)):
            line, note = _appointed(frame, kind, number)
            grows = len(spec.after) > 1 and (kind, number) in {("pit", 1), ("stripped", 1)}
            changes.append(_change(rng, clock, frame, sites, work, number, line, note, grows))
    return tuple(changes)


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


def _change(
    rng: Generator,
    clock: Clock,
    frame: Frame,
    sites: Sites,
    work: Work,
    number: int,
    line: BaseGeometry | None,
    note: str,
    grows: bool,
) -> Change:
    spec = clock.spec
    low, high = max(work.hectares[0], spec.planted_ha[0]), min(work.hectares[1], spec.planted_ha[1])
    area = float(np.exp(rng.uniform(np.log(low), np.log(max(high, low * 1.01))))) * 1e4
    drawn = [(valid(outline), mix) for outline, mix in work.draw(rng, area) if not outline.is_empty]
    reach = float(np.abs(shapely.get_coordinates([outline for outline, _ in drawn])).max())
    # a road is long and thin: asking for a free disc of its length would find no room
    place = sites.require(work.kind, work.host, min(reach, 160.0) if work.kind == "road" else reach, line)
    contrast = float(rng.uniform(*work.contrast))
    happened = clock.early()
    completed = clock.second() if grows else happened
    layers = [(affinity.translate(outline, *place), mix) for outline, mix in drawn]
    outline = valid(shapely.intersection(shapely.union_all([shape for shape, _ in layers]), frame.rectangle))
    sites.take(outline)
    first = _half(outline, rng) if grows else None
    parts = []
    for shape, mix in layers:
        if first is None:
            parts.append(Part(shape, mix, contrast, since=happened, planted=True))
            continue
        parts.append(Part(valid(shape.intersection(first)), mix, contrast, since=happened, planted=True))
        parts.append(Part(valid(shape.difference(first)), mix, contrast, since=completed, planted=True))
    geometry = valid(frame.from_ground(shapely.segmentize(outline, 200), 4326))
    truth = Planted(
        id=f"{work.kind}-{number + 1}",
        kind=work.kind,
        label="planted",
        detectors=work.detectors,
        geometry=geometry,
        happened=happened,
        completed=completed,
        area_m2=geodesic_area_m2(geometry),
        contrast=contrast,
        note="grows between the after dates" if grows else _on_line(outline, line, note),
    )
    return Change(truth, outline, tuple(part for part in parts if not part.geometry.is_empty))


def _on_line(outline: BaseGeometry, line: BaseGeometry | None, note: str) -> str:
    return f"across the {note}" if line is not None and outline.intersects(line) else ""


def _half(outline: BaseGeometry, rng: Generator) -> BaseGeometry:
    """A half plane that holds a good half of an outline."""
    west, south, east, north = outline.bounds
    middle, size = outline.centroid, (east - west) + (north - south)
    plane = box(middle.x - size, middle.y - size, middle.x + (east - west) * 0.08, middle.y + size)
    return affinity.rotate(plane, rng.uniform(0, 360), origin=middle)


def noted(change: Change, note: str) -> Change:
    """The change with another remark added to its note."""
    both = f"{change.truth.note}; {note}" if change.truth.note else note
    return replace(change, truth=replace(change.truth, note=both))

"""What deceives: changes that nobody made, or that are nobody's fault."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator, default_rng
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from imagery.simulated.frame import Frame
from imagery.simulated.landcover import Landcover
from imagery.simulated.landscape import Landscape
from imagery.simulated.parts import Part
from imagery.simulated.plan import Clock
from imagery.simulated.shapes import blob, rectangle, valid
from imagery.simulated.sites import Sites
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.truth import Planted


@dataclass(frozen=True)
class Puff:
    """A small cloud, or a veil of haze, that the scene classification does not know."""

    date: dt.date
    x: float
    y: float
    """Ground coordinates of its middle."""

    radius_m: float
    thickness: float
    """Optical, at its middle."""

    haze: bool


@dataclass(frozen=True)
class Decoys:
    """All deceptions of a world."""

    truth: tuple[Planted, ...]
    parts: tuple[Part, ...]
    puffs: tuple[Puff, ...]


Found = tuple[str, BaseGeometry, dt.date, list[Part], list[Puff]]


def deceive(
    spec: SteppeSpec,
    frame: Frame,
    cover: Landcover,
    land: Landscape,
    sites: Sites,
    worst: dt.date,
) -> Decoys:
    """Lays every decoy the spec asks for, as far as there is room.

    Args:
        spec: of the world.
        frame: its projection.
        cover: its natural cover.
        land: its outlined ground.
        sites: where there is room.
        worst: the after date that is displaced most.
    """
    rng = default_rng([spec.seed, 303])
    clock = Clock(rng, spec)
    found = [
        *_grasses(rng, clock, sites, spec),
        *_harvest(clock, cover, sites, spec),
        *_airs(rng, frame, sites, spec),
        *_snow(rng, frame, spec),
        *_levels(land, spec),
    ]
    if spec.decoys.misregistration:
        edges = [shape.boundary.buffer(25) for shape in (*land.old_mines, *land.villages)]
        found += [("misregistration", valid(edge), worst, [], []) for edge in edges]
    truth = tuple(
        _truth(frame, f"{kind}-{place + 1}", kind, shape, day) for place, (kind, shape, day, _, _) in enumerate(found)
    )
    return Decoys(
        truth,
        tuple(part for _, _, _, parts, _ in found for part in parts),
        tuple(puff for _, _, _, _, puffs in found for puff in puffs),
    )


def _truth(frame: Frame, name: str, kind: str, outline: BaseGeometry, day: dt.date) -> Planted:
    inside = valid(shapely.intersection(outline, frame.rectangle))
    geometry = valid(frame.from_ground(shapely.segmentize(inside, 200), 4326))
    return Planted(name, kind, "decoy", (), geometry, day, day, geodesic_area_m2(geometry), 0.0)


def _grasses(rng: Generator, clock: Clock, sites: Sites, spec: SteppeSpec) -> Iterator[Found]:
    largest = min(spec.width_m, spec.height_m) ** 2 / 120
    for number in range(spec.decoys.mowing):
        area = min(rng.uniform(3, 16) * 1e4, largest)
        place = sites.find("meadow" if number % 2 == 0 else "grass", np.sqrt(area) * 0.5)
        place = place or sites.find("grass", np.sqrt(area) * 0.5)
        if place is not None:
            swath = rectangle(*place, np.sqrt(area * 1.5), np.sqrt(area / 1.5), rng.uniform(0, 180))
            cut = valid(swath.intersection(blob(rng, *place, area * 1.25, 0.3, 1.2)))
            day = clock.late()
            hay = {"dry_grass": 0.5, "green_grass": 0.35, "chestnut_soil": 0.15}
            sites.take(cut)
            yield "mowing", cut, day, [Part(cut, hay, 0.75, since=day)], []
    for number in range(spec.decoys.burn):
        area = min(rng.uniform(4, 25) * 1e4, largest)
        place = sites.find("grass", np.sqrt(area) * 0.55)
        if place is not None:
            scar = valid(blob(rng, *place, area, 0.5, rng.uniform(1, 2.2)))
            spared = valid(blob(rng, *place, area * 0.12, 0.7, 2))
            day = clock.late() if number else spec.after[0] - dt.timedelta(days=int(rng.integers(2, 9)))
            scar = valid(scar.difference(spared))
            sites.take(scar)
            yield "burn", scar, day, [Part(scar, {"char": 0.85, "chestnut_soil": 0.15}, 0.8, since=day)], []
    for _ in range(spec.decoys.drought):
        area = min(rng.uniform(12, 60) * 1e4, largest * 1.5)
        place = sites.find("grass", np.sqrt(area) * 0.5)
        if place is not None:
            patch = valid(blob(rng, *place, area, 0.45, 1.5))
            day = spec.after[0] - dt.timedelta(days=20)
            depth = np.sqrt(area) * 0.035
            rings = [valid(patch.buffer(-depth * step)) for step in range(7)]
            dry = {"dry_grass": 0.65, "chestnut_soil": 0.25, "sand": 0.1}
            sites.take(patch)
            yield "drought", patch, day, [Part(ring, dry, 0.13, since=day) for ring in rings if not ring.is_empty], []


def _harvest(clock: Clock, cover: Landcover, sites: Sites, spec: SteppeSpec) -> Iterator[Found]:
    for _ in range(spec.decoys.harvest):
        place = sites.find("crop", 60)
        if place is not None:
            field, day = cover.cropland.outline(*place), clock.late()
            sites.take(field, 5.0)
            yield "harvest", field, day, [Part(field, {"stubble": 0.9, "tilled": 0.1}, 0.95, since=day)], []


def _airs(rng: Generator, frame: Frame, sites: Sites, spec: SteppeSpec) -> Iterator[Found]:
    west, south, east, north = frame.rectangle.bounds
    for number in range(spec.decoys.cloud_remnant + spec.decoys.haze):
        haze = number >= spec.decoys.cloud_remnant
        radius = float(rng.uniform(500, 1_100) if haze else rng.uniform(70, 170))
        x, y = float(rng.uniform(west + 200, east - 200)), float(rng.uniform(south + 200, north - 200))
        day = spec.after[number % len(spec.after)]
        thickness = float(rng.uniform(0.10, 0.18) if haze else rng.uniform(0.6, 1.3))
        kind = "haze" if haze else "cloud_remnant"
        yield kind, Point(x, y).buffer(radius), day, [], [Puff(day, x, y, radius, thickness, haze)]


def _snow(rng: Generator, frame: Frame, spec: SteppeSpec) -> Iterator[Found]:
    west, south, east, north = frame.rectangle.bounds
    for _ in range(spec.decoys.snow):
        day = spec.snow_dates[int(rng.integers(len(spec.snow_dates)))]
        drift = valid(blob(rng, rng.uniform(west, east), rng.uniform(south, north), rng.uniform(1, 9) * 1e4, 0.8, 2.5))
        core = valid(drift.buffer(-15))
        layers = [Part(drift, {"snow": 1.0}, 0.45, day, day), Part(core, {"snow": 1.0}, 0.9, day, day)]
        yield "snow", drift, day, [part for part in layers if not part.geometry.is_empty], []


def _levels(land: Landscape, spec: SteppeSpec) -> Iterator[Found]:
    if not spec.decoys.water_level:
        return
    last = spec.before[-1]
    for lake in land.lakes:
        rings = [lake.waters[last].symmetric_difference(lake.waters[day]) for day in spec.after]
        shore = valid(shapely.union_all(rings))
        if not shore.is_empty:
            yield "water_level", shore, spec.after[0], [], []

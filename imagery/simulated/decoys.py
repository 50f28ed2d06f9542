"""What deceives: changes that nobody made, or that are nobody's fault."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.random import Generator, default_rng
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from imagery.simulated.found import Found, Puff
from imagery.simulated.frame import Frame
from imagery.simulated.landcover import Landcover
from imagery.simulated.landscape import Landscape
from imagery.simulated.nature import Nature
from imagery.simulated.parts import Part
from imagery.simulated.phenology import MOWING
from imagery.simulated.plan import Clock
from imagery.simulated.shapes import blob, rectangle, valid
from imagery.simulated.sites import Sites
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.truth import Planted


@dataclass(frozen=True)
class Decoys:
    """All deceptions of a world."""

    truth: tuple[Planted, ...]
    parts: tuple[Part, ...]
    puffs: tuple[Puff, ...]


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
        *_airs(rng, frame, spec),
        *_snow(rng, frame, spec),
        *_levels(land, spec),
    ]
    if spec.decoys.misregistration:
        edges = [shape.boundary.buffer(25) for shape in (*land.old_mines, *land.villages)]
        found += [Found("misregistration", valid(edge), worst) for edge in edges]
    spice = default_rng([spec.seed, 313])
    found += Nature(spice, spec, land, sites, Clock(spice, spec)).all()
    return Decoys(
        tuple(_truth(frame, f"{decoy.kind}-{place + 1}", decoy) for place, decoy in enumerate(found)),
        tuple(part for decoy in found for part in decoy.parts),
        tuple(puff for decoy in found for puff in decoy.puffs),
    )


def _truth(frame: Frame, name: str, decoy: Found) -> Planted:
    inside = valid(shapely.intersection(decoy.outline, frame.rectangle))
    geometry = valid(frame.from_ground(shapely.segmentize(inside, 200), 4326))
    area_m2 = geodesic_area_m2(geometry)
    return Planted(name, decoy.kind, "decoy", (), geometry, decoy.day, decoy.day, area_m2, 0.0, until=decoy.until)


def _grasses(rng: Generator, clock: Clock, sites: Sites, spec: SteppeSpec) -> Iterator[Found]:
    largest = min(spec.width_m, spec.height_m) ** 2 / 120
    for number in range(spec.decoys.mowing):
        area = min(rng.uniform(3, 16) * 1e4, largest)
        place = sites.find("meadow" if number % 2 == 0 else "grass", np.sqrt(area) * 0.5)
        place = place or sites.find("grass", np.sqrt(area) * 0.5)
        if place is not None:
            swath = rectangle(*place, np.sqrt(area * 1.5), np.sqrt(area / 1.5), rng.uniform(0, 180))
            cut = valid(swath.intersection(blob(rng, *place, area * 1.25, 0.3, 1.2)))
            day = _mowing_day(clock, spec)
            hay = {"dry_grass": 0.5, "green_grass": 0.35, "chestnut_soil": 0.15}
            sites.take(cut)
            yield Found("mowing", cut, day, [Part(cut, hay, 0.75, since=day)])
    for number in range(spec.decoys.burn):
        area = min(rng.uniform(4, 25) * 1e4, largest)
        place = sites.find("grass", np.sqrt(area) * 0.55)
        if place is not None:
            scar = valid(blob(rng, *place, area, 0.5, rng.uniform(1, 2.2)))
            spared = valid(blob(rng, *place, area * 0.12, 0.7, 2))
            day = clock.late() if number else spec.after[0] - dt.timedelta(days=int(rng.integers(2, 9)))
            if not spec.variety or number % 3 == 0:
                scar = valid(scar.difference(spared))
            sites.take(scar)
            yield Found("burn", scar, day, _burnt(spec, number, scar, day))
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
            yield Found(
                "drought", patch, day, [Part(ring, dry, 0.13, since=day) for ring in rings if not ring.is_empty]
            )


def _harvest(clock: Clock, cover: Landcover, sites: Sites, spec: SteppeSpec) -> Iterator[Found]:
    for _ in range(spec.decoys.harvest):
        place = sites.find("crop", 60)
        if place is not None:
            field, day = cover.cropland.outline(*place), clock.late()
            sites.take(field, 5.0)
            yield Found("harvest", field, day, [Part(field, {"stubble": 0.9, "tilled": 0.1}, 0.95, since=day)])


def _mowing_day(clock: Clock, spec: SteppeSpec) -> dt.date:
    """A late day; within the season where the dates reach it."""
    opens = dt.date(spec.after[-1].year, 1, 1) + dt.timedelta(days=MOWING[0] - 1)
    day = clock.late()
    return max(day, opens) if opens <= spec.after[-1] else day


def _burnt(spec: SteppeSpec, number: int, scar: BaseGeometry, day: dt.date) -> list[Part]:
    """A burn: char, and in varied worlds ash where it was hottest, and weaker fires."""
    if not spec.variety:
        return [Part(scar, {"char": 0.85, "chestnut_soil": 0.15}, 0.8, since=day)]
    spice = default_rng([spec.seed, 323, number])
    ash = float(spice.uniform(0, 0.4))
    hot = valid(scar.buffer(-float(np.sqrt(scar.area)) * 0.12))
    parts = [Part(scar, {"char": 0.85 - ash / 2, "ash": ash / 2, "chestnut_soil": 0.15}, spice.uniform(0.45, 0.9), day)]
    return parts if hot.is_empty else [*parts, Part(hot, {"char": 1 - ash, "ash": ash}, spice.uniform(0.3, 0.7), day)]


def _airs(rng: Generator, frame: Frame, spec: SteppeSpec) -> Iterator[Found]:
    west, south, east, north = frame.rectangle.bounds
    for number in range(spec.decoys.cloud_remnant + spec.decoys.haze):
        haze = number >= spec.decoys.cloud_remnant
        radius = float(rng.uniform(500, 1_100) if haze else rng.uniform(70, 170))
        x, y = float(rng.uniform(west + 200, east - 200)), float(rng.uniform(south + 200, north - 200))
        day = spec.after[number % len(spec.after)]
        if spec.variety:  # the dates before have them too
            day = spec.dates[int(rng.integers(len(spec.dates)))]
        thickness = float(rng.uniform(0.10, 0.18) if haze else rng.uniform(0.6, 1.3))
        kind = "haze" if haze else "cloud_remnant"
        puffs = [Puff(day, x, y, radius, thickness, haze)]
        if spec.variety:
            puffs = _lobes(rng, puffs[0], min(1.0, min(spec.width_m, spec.height_m) / 5_000))
        discs = [Point(puff.x, puff.y).buffer(puff.radius_m) for puff in puffs]
        yield Found(kind, valid(shapely.union_all(discs)), day, [], puffs, until=day)


def _lobes(rng: Generator, puff: Puff, scale: float) -> list[Puff]:
    """A cloud of several lobes in the place of a round one, smaller in a small world."""
    found, count = [], int(rng.integers(3, 8))
    # haze stays thin where lobes overlap; a cloud may become as thick as it likes
    thickness = puff.thickness / (0.5 * count) if puff.haze else puff.thickness
    for _ in range(count):
        turn, far = rng.uniform(0, 2 * np.pi), puff.radius_m * scale * rng.uniform(0, 0.9)
        at = (puff.x + float(np.cos(turn) * far), puff.y + float(np.sin(turn) * far))
        radius = float(puff.radius_m * scale * rng.uniform(0.3, 0.8))
        found.append(replace(puff, x=at[0], y=at[1], radius_m=radius, thickness=thickness * rng.uniform(0.4, 0.9)))
    return found


def _snow(rng: Generator, frame: Frame, spec: SteppeSpec) -> Iterator[Found]:
    west, south, east, north = frame.rectangle.bounds
    for _ in range(spec.decoys.snow):
        day = spec.snow_dates[int(rng.integers(len(spec.snow_dates)))]
        drift = valid(blob(rng, rng.uniform(west, east), rng.uniform(south, north), rng.uniform(1, 9) * 1e4, 0.8, 2.5))
        core = valid(drift.buffer(-15))
        kind = "snow" if not spec.variety or rng.random() < 0.5 else "old_snow"
        layers = [Part(drift, {kind: 1.0}, 0.45, day, day), Part(core, {kind: 1.0}, 0.9, day, day)]
        if spec.variety and rng.random() < 0.4:
            layers = layers[:1]  # thin all over
        yield Found("snow", drift, day, [part for part in layers if not part.geometry.is_empty], until=day)


def _levels(land: Landscape, spec: SteppeSpec) -> Iterator[Found]:
    if not spec.decoys.water_level:
        return
    last = spec.before[-1]
    for lake in land.lakes:
        rings = [lake.waters[last].symmetric_difference(lake.waters[day]) for day in spec.after]
        shore = valid(shapely.union_all(rings))
        if not shore.is_empty:
            yield Found("water_level", shore, spec.after[0])

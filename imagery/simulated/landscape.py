"""What was always there and has an outline: river, lakes, roads, villages, old mines."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from imagery.simulated.parts import Part
from imagery.simulated.phenology import RIVER_OUT, frozen
from imagery.simulated.shapes import blob, meander, rectangle, valid, wander
from imagery.simulated.spec import SteppeSpec

ROOFS = ("blue_roof", "red_roof", "concrete")
MORE_ROOFS = (*ROOFS, "grey_roof", "white_roof", "brown_roof", "green_roof", "solar_panel")


def roofs(spec: SteppeSpec) -> tuple[str, ...]:
    """The colours of roofs in a world."""
    return MORE_ROOFS if spec.variety else ROOFS


@dataclass(frozen=True)
class Lake:
    """A lake and the outline of its water on every date."""

    basin: BaseGeometry
    flats: tuple[BaseGeometry, ...]
    """Salty ground about it."""

    waters: dict[dt.date, BaseGeometry]


@dataclass(frozen=True)
class Landscape:
    """The outlined ground before anything was planted."""

    parts: tuple[Part, ...]
    """In the order in which they are laid."""

    river: NDArray[np.float64]
    """(N, 2) centre line."""

    river_width_m: float
    lakes: tuple[Lake, ...]
    villages: tuple[BaseGeometry, ...]
    old_mines: tuple[BaseGeometry, ...]

    taken: BaseGeometry
    """Where nothing may be planted: all of the above with a margin, the flood plain excepted."""


def settle(spec: SteppeSpec, rectangle_: BaseGeometry) -> Landscape:
    """Draws the outlined ground of a world.

    Args:
        spec: of the world.
        rectangle_: its outline in ground coordinates.
    """
    rng = default_rng([spec.seed, 101])
    width_m = 32.0 if min(spec.width_m, spec.height_m) < 30_000 else 40.0
    river, banks = _river(rng, rectangle_, width_m)
    channel = LineString(river).buffer(width_m / 2)
    free = rectangle_.buffer(-400).difference(channel.buffer(900))
    if free.is_empty:
        free = rectangle_
    lakes = tuple(_lake(rng, spec, place) for place in _scatter(rng, free, spec.lakes, 2_500))
    free = free.difference(shapely.union_all([lake.basin.buffer(500) for lake in lakes]))
    towns = _scatter(rng, free, spec.villages, 3_000)
    free = free.difference(shapely.union_all([Point(town).buffer(1_500) for town in towns]))
    pits = _scatter(rng, free, spec.old_mines, 3_000)
    ways = _ways(rng, rectangle_, towns, pits)
    villages = [_village(rng, town, roofs(spec)) for town in towns]
    mines = [_old_mine(rng, pit) for pit in pits]
    shores = [part for lake in lakes for part in _shore(lake)]
    built = [part for group in (*villages, *mines) for part in group]
    waters = [
        Part(water, _water(spec, number, day), since=day, until=day)
        for number, lake in enumerate(lakes)
        for day, water in lake.waters.items()
    ]
    icy = {day: 0.9 * frozen(day, RIVER_OUT) for day in spec.dates}
    winter = [Part(channel, {"ice": 0.7, "old_snow": 0.3}, ice, day, day) for day, ice in icy.items() if ice]
    outlines = [part.geometry for part in (*ways, *built)] + [lake.basin.buffer(120) for lake in lakes]
    return Landscape(
        parts=(*banks, *winter, *ways, *shores, *waters, *built),
        river=river,
        river_width_m=width_m,
        lakes=lakes,
        villages=tuple(shapely.union_all([part.geometry for part in group]) for group in villages),
        old_mines=tuple(shapely.union_all([part.geometry for part in group]) for group in mines),
        taken=shapely.union_all([outline.buffer(60) for outline in outlines] + [channel.buffer(40)]),
    )


def _scatter(rng: Generator, free: BaseGeometry, count: int, apart_m: float) -> list[tuple[float, float]]:
    """Up to `count` places inside `free`; nearer to each other than wished where there is little room."""
    places: list[tuple[float, float]] = []
    if free.is_empty:  # a small world that its lake and river fill
        return []
    west, south, east, north = free.bounds
    for trial in range(count * 200):
        if len(places) == count:
            break
        place = (rng.uniform(west, east), rng.uniform(south, north))
        gap = apart_m * (1 - trial / (count * 200))
        if free.contains(Point(place)) and all(np.hypot(place[0] - x, place[1] - y) > gap for x, y in places):
            places.append(place)
    return places


def _river(rng: Generator, ground: BaseGeometry, width_m: float) -> tuple[NDArray[np.float64], list[Part]]:
    west, south, east, north = ground.bounds
    reach = (east - west) + 6_000
    start = (west - 3_000, south + (north - south) * rng.uniform(0.3, 0.7))
    line = meander(rng, start, rng.uniform(-0.12, 0.12), reach, width_m)
    heading = np.unwrap(np.arctan2(*np.gradient(line, axis=0).T[::-1]))
    curve = np.gradient(heading) / 8.0
    inward = np.column_stack([-np.sin(heading), np.cos(heading)]) * np.sign(curve)[:, None]
    bars = line + inward * (np.clip(np.abs(curve) * width_m * 4, 0, 1) * width_m * 0.55)[:, None]
    parts = [Part(valid(LineString(bars).buffer(width_m * 0.4)), {"sand": 0.5, "mud": 0.5}, 0.7)]
    for _ in range(max(2, int(reach / 1_400))):
        first = int(rng.integers(0, max(1, len(line) - 120)))
        arc = LineString(line[first : first + int(rng.integers(35, 80))])
        shift = rng.uniform(110, 330) * rng.choice([-1, 1])
        old = affinity.rotate(affinity.translate(arc, rng.uniform(-80, 80), shift), rng.uniform(-50, 50))
        parts.append(Part(old.buffer(width_m * 0.75), {"reed": 0.8, "lush_meadow": 0.2}, 0.8))
        parts.append(Part(old.buffer(width_m * 0.33), {"clear_water": 0.8, "reed": 0.2}))
    parts.append(Part(valid(LineString(line).buffer(width_m / 2)), {"turbid_water": 0.5, "clear_water": 0.5}))
    return line, parts


def _lake(rng: Generator, spec: SteppeSpec, place: tuple[float, float]) -> Lake:
    area = rng.uniform(12, 45) * 1e4
    basin = blob(rng, *place, area, rough=0.4, stretch=rng.uniform(1.0, 1.7))
    waters = {day: affinity.scale(basin, *([1 + rng.uniform(-0.09, 0.03)] * 2), origin=place) for day in spec.dates}
    flats = tuple(
        blob(rng, place[0] + rng.normal(0, 60), place[1] + rng.normal(0, 60), area * size, 0.5, rng.uniform(1, 1.8))
        for size in (1.35, 1.7, 2.2)
    )
    return Lake(basin.buffer(8), flats, waters)


def _water(spec: SteppeSpec, lake: int, day: dt.date) -> dict[str, float]:
    """What a lake's water is made of on a day: clear to turbid, algae from July to September, ice before May."""
    turbid, bloom = 0.45, 0.0
    if spec.variety:
        of_lake = default_rng([spec.seed, 111, lake])
        of_day = default_rng([spec.seed, 112, lake, day.toordinal()])
        spread = of_day.normal(0, 0.12)
        turbid = float(np.clip(0.45 + spec.variety * (of_lake.uniform(-0.45, 0.5) + spread), 0, 1))
        if of_lake.random() < 0.4 and 7 <= day.month <= 9 and spec.blooms:
            bloom = spec.variety * max(0.0, float(of_day.uniform(-0.4, 0.8)))
    ice = frozen(day)
    open_, snow = (1 - ice) * (1 - bloom), 0.25 * ice
    mix = {
        "turbid_water": open_ * turbid,
        "clear_water": open_ * (1 - turbid),
        "bloom_water": (1 - ice) * bloom,
        "ice": ice - snow,
        "old_snow": snow,
    }
    return {name: share for name, share in mix.items() if share > 0}


def _shore(lake: Lake) -> list[Part]:
    return [
        *(Part(flat, {"saline": 0.22, "dry_grass": 0.38, "mud": 0.4}, 0.45) for flat in lake.flats),
        Part(lake.basin.buffer(12), {"lush_meadow": 0.5, "mud": 0.5}, 0.7),
        Part(lake.basin, {"mud": 0.85, "saline": 0.15}),
    ]


def _ways(
    rng: Generator, ground: BaseGeometry, towns: list[tuple[float, float]], pits: list[tuple[float, float]]
) -> list[Part]:
    west, south, east, north = ground.bounds
    hubs = towns or [(rng.uniform(west, east), rng.uniform(south, north))]
    lines: list[tuple[BaseGeometry, float]] = []
    for hub in hubs:
        for _ in range(6):
            side = rng.uniform(0, 2 * np.pi)
            far = (hub[0] + np.cos(side) * (east - west), hub[1] + np.sin(side) * (north - south))
            lines.append((wander(rng, hub, far), rng.uniform(4.0, 7.0)))
        lines += [(wander(rng, hub, pit, 0.03), 9.0) for pit in pits if np.hypot(*np.subtract(hub, pit)) < 15_000]
    tracks = [
        Part(line.buffer(width / 2), {"gravel": 0.5, "chestnut_soil": 0.3, "dry_grass": 0.2}, 0.85)
        for line, width in lines
    ]
    if not towns:
        return tracks
    hub = towns[0]
    road = wander(rng, (west - 500, hub[1] + rng.uniform(-900, 900)), (east + 500, hub[1] + 250), 0.02)
    verge = Part(road.buffer(11), {"gravel": 0.45, "dry_grass": 0.55}, 0.9)
    return [*tracks, verge, Part(road.buffer(4.5), {"asphalt": 1.0})]


def _village(rng: Generator, place: tuple[float, float], colours: tuple[str, ...]) -> list[Part]:
    turn = rng.uniform(0, 90)
    rows, columns = int(rng.integers(5, 10)), int(rng.integers(9, 18))
    yards, homes = [], []
    for row in range(rows):
        for column in range(columns):
            if rng.random() > 0.72:
                continue
            x, y = place[0] + (column - columns / 2) * 38, place[1] + (row - rows / 2) * 62
            plot = affinity.rotate(rectangle(x, y, 34, 46, 0), turn, origin=place)
            yards.append(
                Part(plot, {"gravel": 0.35, "chestnut_soil": 0.35, "green_grass": 0.3}, rng.uniform(0.5, 0.95))
            )
            home = affinity.rotate(
                rectangle(x + rng.uniform(-5, 5), y + 12, rng.uniform(11, 17), rng.uniform(7, 10), 0),
                turn,
                origin=place,
            )
            homes.append(Part(home, {str(rng.choice(colours)): 1.0}))
    ground = shapely.union_all([yard.geometry.buffer(14) for yard in yards]).buffer(-4)
    worn = Part(ground, {"chestnut_soil": 0.55, "dry_grass": 0.45}, 0.65)
    return [worn, *yards, *homes]


def _old_mine(rng: Generator, place: tuple[float, float]) -> list[Part]:
    x, y = place
    area = rng.uniform(8, 20) * 1e4
    pit = blob(rng, x, y, area, 0.3, rng.uniform(1.1, 1.7))
    side = rng.uniform(0, 2 * np.pi)
    reach = np.sqrt(area) * 1.05
    heap = blob(rng, x + np.cos(side) * reach, y + np.sin(side) * reach, area * 0.7, 0.3, 1.3)
    yard = rectangle(x - np.cos(side) * reach, y - np.sin(side) * reach, 160, 90, rng.uniform(0, 180))
    shed = affinity.scale(yard, 0.35, 0.3)
    return [
        Part(blob(rng, x, y, area * 1.7, 0.55, 1.4), {"spoil": 0.4, "chestnut_soil": 0.6}, 0.6),
        Part(heap, {"spoil": 0.75, "rock": 0.25}),
        Part(heap.buffer(-35), {"spoil": 0.45, "rock": 0.55}),
        Part(pit, {"rock": 0.8, "spoil": 0.2}),
        Part(blob(rng, x, y, area * 0.6, 0.35, 1.6).intersection(pit), {"rock": 0.5, "coal": 0.5}),
        Part(blob(rng, x, y, area * 0.25, 0.4, 1.6).intersection(pit), {"coal": 0.95, "rock": 0.05}),
        Part(yard, {"gravel": 0.7, "coal": 0.3}),
        Part(shed, {"blue_roof": 1.0}),
    ]

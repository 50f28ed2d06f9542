"""Works of several years beside water: in the river's scope, in wet meadows, and on the shore of a lake."""

import datetime as dt

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from imagery.simulated import works
from imagery.simulated.course import GRAVEL, TALL, TILLED, WHEAT, Course, Land, Mix, sown, whole
from imagery.simulated.landscape import Lake
from imagery.simulated.phenology import greenness
from imagery.simulated.shapes import blob, rectangle, valid
from imagery.simulated.works import Layers

SHORE_M = (25.0, 110.0)
"""How far above the water's usual edge works on a shore begin and end."""


def reach(land: Land, length_m: float) -> BaseGeometry | None:
    """A stretch of the river's centre line with nothing on it."""
    line, count = land.land.river, max(3, int(length_m / 8))
    for first in land.rng.integers(0, max(1, len(line) - count), 60):
        stretch = LineString(line[first : first + count])
        if land.is_free(stretch.buffer(80)):
            return stretch
    return None


def river_fill(land: Land, number: int) -> Course | None:
    """Half of the channel and its bank filled with earth and stones."""
    stretch = reach(land, float(land.rng.uniform(120, 260)))
    if stretch is None:
        return None
    side = int(land.rng.choice([-1, 1]))
    outline = valid(stretch.buffer(side * land.rng.uniform(38, 60), single_sided=True, cap_style="flat").buffer(1))
    if outline.geom_type != "Polygon":
        return None
    land.take(outline)
    return land.once([(outline, {"fresh_gravel": 0.5, "spoil": 0.5})], land.winter(), 0.95)


def dike(land: Land, number: int) -> Course | None:
    """An earth bank that shuts the river out of its flats."""
    layers: Layers | None = None
    for _ in range(30):
        long, wide = land.rng.uniform(180, 420), land.rng.uniform(14, 24)
        place = land.sites.find("meadow", 60)
        if place is None:
            return None
        bank = rectangle(*place, long, wide, land.rng.uniform(0, 180))
        if land.sites.free(bank).area > 0.99 * bank.area:
            layers = [(bank, {"clay": 0.6, "chestnut_soil": 0.4})]
            break
    if layers is None:
        return None
    land.take(whole(layers))
    return land.once(layers, land.winter(), land.rng.uniform(0.9, 1.0))


def sand_pit(land: Land, number: int) -> Course | None:
    """Sand dug beside the river, with a pool in the pit."""
    layers = land.drawn(_sand, "meadow", 0.5, 3.0)
    return None if layers is None else land.once(layers, land.winter(), land.rng.uniform(0.9, 1.0))


def _sand(rng: np.random.Generator, area: float) -> Layers:
    whole_ = blob(rng, 0, 0, area, 0.35, rng.uniform(1.0, 1.7))
    pool = valid(whole_.buffer(-np.sqrt(area) * rng.uniform(0.16, 0.25)))
    return [(whole_, {"sand": 0.8, "gravel": 0.2}), (pool, {"turbid_water": 0.8, "clear_water": 0.2})]


def river_buildings(land: Land, number: int) -> Course | None:
    """Halls on the flats."""
    layers = land.drawn(works._buildings, "meadow", 0.4, 2.0)
    return None if layers is None else land.once(layers, land.winter(), land.rng.uniform(0.9, 1.0))


def river_maize(land: Land, number: int) -> Course | None:
    """Maize on the flats: bare in May, tall in August."""
    field = land.block("meadow", 0.8, 5.0, 2.2)
    if field is None:
        return None
    begins = land.year - number % 2

    def wears(day: dt.date) -> Mix | None:
        return sown(TALL, day, TILLED, "maize") if day >= dt.date(begins, 4, 28) else None

    first = dt.date(begins, 4, 28)
    return Course(field, land.daily(field, wears), ((first, field),), note=f"since {begins}")


def drained(land: Land, number: int) -> Course | None:
    """Wet meadow that fell dry, with the short grass of dry ground."""
    area = land.area(1.0, 8.0)
    place = land.place("meadow", np.sqrt(area) * 0.55)
    if place is None:
        return None
    ground = valid(blob(land.rng, *place, area, 0.3, land.rng.uniform(1.0, 1.8)))
    land.take(ground)
    since = dt.date(land.year - (number + 1) % 2, 4, 20)

    def wears(day: dt.date) -> Mix | None:
        if day < since:
            return None
        alive = 0.42 * greenness(day)
        return {"green_grass": alive, "dry_grass": 0.62 - 0.5 * alive, "chestnut_soil": 0.38 - 0.5 * alive}

    return Course(ground, land.daily(ground, wears, 0.95), ((since, ground),), note="drained")


def wet_crop(land: Land, number: int) -> Course | None:
    """Wet meadow under the plough."""
    field = land.block("meadow", 0.8, 5.0, 2.2)
    if field is None:
        return None
    since = dt.date(land.year, 4, 28)
    parts = land.daily(field, lambda day: sown(WHEAT, day, TILLED) if day >= since else None)
    return Course(field, parts, ((since, field),))


def wet_road(land: Land, number: int) -> Course | None:
    """A gravel dam that carries a road through wet meadow and cuts its flow."""
    layers = land.drawn(works._road, "meadow", 0.5, 1.2)
    return None if layers is None else land.once(layers, land.winter(), land.rng.uniform(0.9, 1.0))


def shore(land: Land, layers: Layers, far_m: tuple[float, float] = SHORE_M) -> Layers | None:
    """The layers moved to a free place on the shore of a lake, above its water, and taken."""
    lake = heart(land)
    if lake is None:
        return None
    outline, wet = whole(layers), lake.basin.buffer(far_m[0])
    for _ in range(80):
        ring = lake.basin.buffer(land.rng.uniform(*far_m) + np.sqrt(outline.area) / 2).boundary
        at = ring.interpolate(land.rng.uniform(0, ring.length))
        moved = [(affinity.translate(shape, at.x, at.y), mix) for shape, mix in layers]
        there = whole(moved)
        if land.is_free(there) and not there.intersects(wet) and _dry(land, there):
            land.take(there)
            return moved
    return None


def heart(land: Land) -> Lake | None:
    """The largest lake, about which the reserve lies."""
    return max(land.land.lakes, key=lambda lake: lake.basin.area, default=None)


def _dry(land: Land, outline: BaseGeometry) -> bool:
    """Whether neither river nor village lies there."""
    near = [*land.land.villages, *land.land.old_mines, LineString(land.land.river).buffer(120)]
    return not any(other.intersects(outline) for other in near)


def shore_works(land: Land, number: int) -> Course | None:
    """Halls or a gravel yard above the high water of a lake."""
    draw = works._buildings if number % 2 == 0 else works._site
    layers = shore(land, [(valid(shape), mix) for shape, mix in draw(land.rng, land.area(0.4, 2.0))])
    return None if layers is None else land.once(layers, land.winter(), land.rng.uniform(0.9, 1.0))


def shore_pit(land: Land, number: int) -> Course | None:
    """Digging above the high water of a lake."""
    layers = shore(land, [(valid(shape), mix) for shape, mix in works._pit(land.rng, land.area(0.4, 2.5))])
    return None if layers is None else land.once(layers, land.winter(), land.rng.uniform(0.9, 1.0))


def reclaimed(land: Land, number: int) -> Course | None:
    """Lake bed filled from the shore."""
    lake = heart(land)
    if lake is None:
        return None
    shore_line = lake.basin.boundary
    for _ in range(40):
        at = shore_line.interpolate(land.rng.uniform(0, shore_line.length))
        tongue = blob(land.rng, at.x, at.y, land.area(1.2, 4.0), 0.25, 1.3)
        outline = valid(tongue.intersection(lake.basin.buffer(15)))
        if outline.geom_type == "Polygon" and outline.area > 4_000 and land.is_free(outline):
            land.take(outline)
            return land.once([(outline, GRAVEL)], land.winter(), 0.97)
    return None


def bloom(land: Land, number: int) -> Course | None:
    """Algae on a part of a lake from July to September."""
    lake = heart(land)
    if lake is None:
        return None
    water = valid(shapely.intersection_all([*lake.waters.values()]).buffer(-20))
    inside = water.representative_point()
    drawn = blob(land.rng, inside.x, inside.y, 0.45 * water.area, 0.4, 1.4).intersection(water)
    scum = valid(drawn.difference(shapely.union_all(land.laid)))
    scum = max(shapely.get_parts(scum), key=lambda part: part.area, default=scum)
    if scum.is_empty or scum.area < 5_000:
        return None
    land.take(scum)
    first, last = dt.date(land.year, 7, 8), dt.date(land.year, 9, 20)
    mix = {"bloom_water": 0.85, "turbid_water": 0.15}
    parts = land.daily(scum, lambda day: mix if first <= day <= last else None)
    return Course(scum, parts, ((first, scum),), note="bloom", until=last)

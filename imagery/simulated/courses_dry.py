"""Works of several years on dry ground: temporary sites, grass, mines, fields, and the edge of the forest."""

import datetime as dt

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from imagery.simulated import works
from imagery.simulated.course import (
    GRAVEL,
    SUBSOIL,
    TILLED,
    WHEAT,
    Course,
    Dressed,
    Land,
    Mix,
    blended,
    grassy,
    sown,
    whole,
)
from imagery.simulated.deeds import closed_mine, grass_permit, site_permit
from imagery.simulated.maps import wooded
from imagery.simulated.parts import Part
from imagery.simulated.shapes import rectangle, valid
from imagery.simulated.works import Layers


def site_left(land: Land, number: int) -> Course | None:
    """A temporary site whose day for reclaiming is past: bare still, under weeds, or under oats for the inspection."""
    layers = land.drawn(works._site, "grass", 0.4, 4.0)
    if layers is None:
        return None
    outline, approved = whole(layers), land.day(5, 4, 20)
    expires = land.day(3, 9, 30)
    permit = site_permit(outline.buffer(4, join_style="mitre"), approved, expires)
    parts = land.lasting(layers, None)
    manner = ("bare", "weeds", "oats")[number % 3]
    if manner == "weeds":
        parts += land.daily(outline, lambda day: blended(GRAVEL, grassy(day, 0.9, 0.3), 0.4), 0.7)
    if manner == "oats":
        sheet = affinity.scale(outline, 0.92, 0.92)
        parts += land.daily(sheet, lambda day: _oats(day, land.year), 0.85)
    return Course(outline, parts, ((approved, outline),), papers=(permit,), note=f"overdue: {manner}")


def _oats(day: dt.date, year: int) -> Mix | None:
    """Sown at the end of May of one year, cut in September."""
    first, last = dt.date(year, 6, 5), dt.date(year, 9, 5)
    if not first <= day <= last:
        return None
    cover = min(0.75, (day - first).days / 45)
    return {"crop": cover, "chestnut_soil": 0.6 * (1 - cover), "gravel": 0.4 * (1 - cover)}


def site_built(land: Land, number: int) -> Course | None:
    """Halls on a temporary site inside its term: nothing for good may be built there."""
    yard = land.block("grass", 2.0, 5.0)
    if yard is None:
        return None
    built = affinity.scale(yard, land.rng.uniform(0.45, 0.7), land.rng.uniform(0.5, 0.75))
    roof = str(land.rng.choice(["blue_roof", "red_roof", "white_roof"]))
    rows: Layers = [(built, {"concrete": 1.0})]
    rows += [(piece, {roof: 1.0}) for piece in _stripes(built, 24.0, 6.0)]
    since, approved = land.winter(), land.day(1, 3, 10)
    permit = site_permit(yard, approved, approved + dt.timedelta(days=729))
    parts = land.lasting([(yard, GRAVEL)], approved) + land.lasting(rows, since)
    return Course(built, parts, ((since, built),), papers=(permit,), note="built for good inside its term")


def _stripes(outline: BaseGeometry, wide_m: float, gap_m: float) -> list[BaseGeometry]:
    """An outline cut into bands along its length."""
    corners = shapely.get_coordinates(outline.minimum_rotated_rectangle)
    turn = float(np.degrees(np.arctan2(*(corners[1] - corners[0])[::-1])))
    middle, size = outline.centroid, outline.length
    steps = np.arange(-size / 2, size / 2, wide_m + gap_m)
    bands = [rectangle(0.0, float(step), size, wide_m, 0.0) for step in steps]
    laid = [affinity.translate(affinity.rotate(band, turn, origin=(0, 0)), middle.x, middle.y) for band in bands]
    return [piece for piece in (band.intersection(outline.buffer(-3)) for band in laid) if piece.area > 60]


def site_beyond(land: Land, number: int) -> Course | None:
    """Use beyond the outline of a temporary permit that is in its term."""
    ground = land.block("grass", 3.0, 8.0, 2.0)
    if ground is None:
        return None
    first, second, third, fourth = shapely.get_coordinates(ground)[:4]
    share = land.rng.uniform(0.5, 0.7)
    yard = Polygon([first, first + (second - first) * share, fourth + (third - fourth) * share, fourth])
    beyond = valid(ground.difference(yard))
    since, approved = land.winter(), land.day(1, 3, 20)
    permit = site_permit(yard, approved, approved + dt.timedelta(days=4 * 365), project="高速公路工程")
    parts = land.lasting([(yard, GRAVEL)], approved) + land.lasting([(beyond, GRAVEL)], since)
    return Course(beyond, parts, ((since, beyond),), papers=(permit,), note="beyond its permit")


def reploughed(land: Land, number: int) -> Course | None:
    """Grass ploughed every spring and green again by July, for two years or three."""
    field = land.block("grass", 1.5, 9.0, 2.4)
    if field is None:
        return None
    begins = land.year - int(land.rng.integers(1, 3))

    def wears(day: dt.date) -> Mix | None:
        if day < dt.date(begins, 5, 4):
            return None
        opened, sprouts = dt.date(day.year, 5, 4), dt.date(day.year, 6, 18)
        if day < opened:
            return {"stubble": 0.4, "tilled": 0.35, "dry_grass": 0.25}
        if day < sprouts:
            return TILLED
        cover = min(0.85, (day - sprouts).days / 24)
        green = {"green_grass": 0.35, "lush_meadow": 0.65} if day.month < 9 else {"dry_grass": 0.5, "stubble": 0.5}
        return blended({"tilled": 1.0}, green, cover)

    first = dt.date(begins, 5, 4)
    return Course(field, land.daily(field, wears), ((first, field),), note=f"ploughed each May since {begins}")


def camp_left(land: Land, number: int) -> Course | None:
    """A camp on grass whose approval has ended, still there."""
    yard = land.block("grass", 0.4, 2.0)
    if yard is None:
        return None
    tents = _stripes(affinity.scale(yard, 0.8, 0.6), 9.0, 9.0)
    approved, expires = land.day(4, 5, 10), land.day(1, 4, 20)
    layers: Layers = [(yard, {"chestnut_soil": 0.6, "gravel": 0.4}), *((tent, {"white_roof": 1.0}) for tent in tents)]
    papers = (grass_permit(yard.buffer(3, join_style="mitre"), approved, expires),)
    return Course(yard, land.lasting(layers, None, 0.95), ((approved, yard),), papers=papers, note="past its term")


def unrestored(land: Land, number: int) -> Course | None:
    """A mine that closed years ago, its plan's day for restoring past, and nothing done."""
    layers = land.drawn(works._pit, "grass", 2.0, 9.0)
    if layers is None:
        return None
    outline, closed = whole(layers), land.day(4, 6, 30)
    papers = closed_mine(outline.buffer(15).convex_hull, closed, land.day(1, 3, 31))
    return Course(outline, land.lasting(layers, None), ((closed, outline),), papers=papers, note="not restored")


def winter_strip(land: Land, number: int) -> Course | None:
    """Black topsoil stripped in winter and the field sown again, so that summer shows a crop, only thinner."""
    field = land.block("crop", 0.6, 4.0, 1.8)
    if field is None:
        return None
    years_ago = number % 2
    since = dt.date(land.year - years_ago, 2, int(land.rng.integers(1, 26)))
    thin = float(land.rng.uniform(0.55, 0.7))
    parts = land.daily(field, lambda day: sown(WHEAT, day, SUBSOIL, cover=thin) if day >= since else None)
    return Course(field, parts, ((since, field),), note="stripped in winter, sown again")


def crop_dump(land: Land, number: int) -> Course | None:
    """Something dumped on cropland."""
    layers = land.drawn(works._dump, "crop", 0.3, 2.5)
    return None if layers is None else land.once(layers, land.winter(), land.rng.uniform(0.8, 1.0))


def crop_pit(land: Land, number: int) -> Course | None:
    """Sand or peat dug out of cropland."""
    layers = land.drawn(works._pit, "crop", 0.5, 3.0)
    return None if layers is None else land.once(layers, land.winter(), land.rng.uniform(0.85, 1.0))


def crop_buildings(land: Land, number: int) -> Course | None:
    """Halls on cropland."""
    layers = land.drawn(works._buildings, "crop", 0.4, 2.5)
    return None if layers is None else land.once(layers, land.winter(), land.rng.uniform(0.85, 1.0))


def forest_pit(land: Land, number: int) -> Course | None:
    """A pit where trees stood."""
    layers = land.drawn(works._pit, "forest", 0.5, 5.0)
    return None if layers is None else land.once(layers, land.winter(), land.rng.uniform(0.85, 1.0))


def forest_buildings(land: Land, number: int) -> Course | None:
    """Halls where trees stood."""
    layers = land.drawn(works._buildings, "forest", 0.4, 2.5)
    return None if layers is None else land.once(layers, land.winter(), land.rng.uniform(0.85, 1.0))


def forest_road(land: Land, number: int) -> Course | None:
    """A gravel road through trees."""
    layers = land.drawn(works._road, "forest", 0.5, 1.2)
    return None if layers is None else land.once(layers, land.winter(), land.rng.uniform(0.85, 1.0))


def edge_ploughing(land: Land, number: int) -> Course | None:
    """A field that eats its way into the forest, 5–20 m a year, for five years."""
    edge = _forest_edge(land)
    if edge is None:
        return None
    wood, line = edge
    wide = float(land.rng.uniform(8, 20))
    years = range(land.year - 4, land.year + 1)
    bands = [valid(line.buffer(wide * step, cap_style="flat").intersection(wood)) for step in range(1, len(years) + 1)]
    if bands[-1].is_empty or bands[-1].geom_type != "Polygon" or bands[-1].area < 2_500:
        return None
    parts: list[Part] = []
    for year, band in zip(years, bands, strict=True):
        since = dt.date(year, 4, 25)
        parts += land.daily(band, _field_since(since))
    steps = tuple((dt.date(year, 4, 25), band) for year, band in zip(years, bands, strict=True))
    land.take(bands[-1])
    return Course(bands[-1], tuple(parts), steps, note=f"{wide:.0f} m a year")


def _field_since(since: dt.date) -> Dressed:
    return lambda day: sown(WHEAT, day, TILLED) if day >= since else None


def _forest_edge(land: Land) -> tuple[BaseGeometry, BaseGeometry] | None:
    """Trees, and a stretch of their edge beside free open ground."""
    for wood in land.rng.permutation(np.array(wooded(land.cover, land.frame), dtype=object)).tolist():
        ring = wood.exterior
        length = float(land.rng.uniform(160, 420))
        if wood.area < 60_000 or ring.length < 2 * length:
            continue
        for start in land.rng.uniform(0, ring.length - length, 12):
            line = LineString([ring.interpolate(start + step).coords[0] for step in np.linspace(0, length, 9)])
            line = line.simplify(25)
            strip = valid(line.buffer(60, cap_style="flat").intersection(wood))
            inside = land.frame.rectangle.buffer(-150).contains(strip)
            if inside and land.sites.free(strip).area > 0.98 * strip.area and strip.area > 0.6 * 60 * length:
                return wood, line
    return None

"""Deceptions of several years: what insects, weather, water and lawful work do, and what looks like a deed."""

import datetime as dt

import numpy as np
from shapely import affinity
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from imagery.simulated import works
from imagery.simulated.course import FALLOW, GRAVEL, TILLED, WHEAT, Course, Land, Mix, blended, grassy, sown, whole
from imagery.simulated.courses_wet import reach
from imagery.simulated.deeds import closed_mine, cutting_licence, grass_permit, site_permit
from imagery.simulated.phenology import greenness, larch
from imagery.simulated.shapes import blob, valid

SPOIL: Mix = {"spoil": 0.7, "rock": 0.3}


def _patch(land: Land, host: str, low_ha: float, high_ha: float, rough: float = 0.4) -> BaseGeometry | None:
    area = land.area(low_ha, high_ha)
    place = land.place(host, np.sqrt(area) * 0.55)
    if place is None:
        return None
    outline = valid(blob(land.rng, *place, area, rough, land.rng.uniform(1.0, 1.8)))
    land.take(outline)
    return outline


def _since(outline: BaseGeometry, day: dt.date) -> tuple[tuple[dt.date, BaseGeometry], ...]:
    return ((day, outline),)


def caterpillars(land: Land, number: int) -> Course | None:
    """Larch eaten bare in June and July; its second leaves are out in August."""
    stand = _patch(land, "forest", 2, 12)
    if stand is None:
        return None
    first, last, again = (dt.date(land.year, *day) for day in ((6, 4), (7, 22), (8, 8)))

    def wears(day: dt.date) -> Mix | None:
        if not first <= day <= again:
            return None
        eaten = 0.8 if day <= last else 0.8 * (again - day).days / (again - last).days
        needles = larch(day)
        return {
            "bare_larch": eaten,
            "larch": (1 - eaten) * needles.green,
            "dry_grass": (1 - eaten) * (1 - needles.green),
        }

    return Course(stand, land.daily(stand, wears, 0.85), _since(stand, first), until=again)


def thinning(land: Land, number: int) -> Course | None:
    """A third of the trees felled under a licence; grass stands between the rest."""
    stand = _patch(land, "forest", 2, 10, 0.2)
    if stand is None:
        return None
    since = dt.date(land.year, 2, 10)
    gaps = land.daily(stand, lambda day: grassy(day, 0.8, 0.7) if day >= since else None, land.rng.uniform(0.25, 0.4))
    papers = (cutting_licence(stand, dt.date(land.year - 1, 11, 1), dt.date(land.year, 3, 31)),)
    return Course(stand, gaps, _since(stand, since), papers=papers)


def forest_burn(land: Land, number: int) -> Course | None:
    """A ground fire in spring; grass and fireweed are up by July."""
    stand = _patch(land, "forest", 3, 15)
    if stand is None:
        return None
    day0 = dt.date(land.year, 4, 28)

    def wears(day: dt.date) -> Mix | None:
        if day < day0:
            return None
        back = min(0.55, max(0.0, (day - dt.date(land.year, 6, 1)).days / 90))
        return blended({"char": 0.7, "bare_larch": 0.3}, grassy(day, 0.8, 0.5), back)

    return Course(stand, land.daily(stand, wears, 0.85), _since(stand, day0))


def tillage(land: Land, number: int) -> Course | None:
    """A field left as stubble over one winter and ploughed late, beside others ploughed in autumn."""
    field = land.block("crop", 1.5, 8)
    if field is None:
        return None
    first, last = dt.date(land.year - 1, 9, 25), dt.date(land.year, 5, 20)
    cut = {"stubble": 0.85, "tilled": 0.15}
    parts = land.daily(field, lambda day: cut if first <= day <= last else None)
    return Course(field, parts, _since(field, first), until=last)


def fallow(land: Land, number: int) -> Course | None:
    """A field that rests for a year."""
    field = land.block("crop", 1.5, 8)
    if field is None:
        return None
    first, last = dt.date(land.year, 4, 20), dt.date(land.year, 12, 31)
    parts = land.daily(field, lambda day: sown(FALLOW, day, {"tilled": 1.0}) if first <= day <= last else None)
    return Course(field, parts, _since(field, first), until=last)


def ponding(land: Land, number: int) -> Course | None:
    """Rain that stands on a field in July and August; what it drowned does not grow again that year."""
    hollow = _patch(land, "crop", 0.4, 3.0)
    if hollow is None:
        return None
    first, last = dt.date(land.year, 7, 3), dt.date(land.year, 8, 24)

    def wears(day: dt.date) -> Mix | None:
        if day < first or day.year > land.year:
            return None
        return {"turbid_water": 0.6, "mud": 0.3, "crop": 0.1} if day <= last else {"tilled": 0.7, "stubble": 0.3}

    return Course(hollow, land.daily(hollow, wears, 0.9), _since(hollow, first), until=dt.date(land.year, 12, 31))


def bar(land: Land, number: int) -> Course | None:
    """Sand that a flood left on a bend."""
    stretch = reach(land, float(land.rng.uniform(60, 140)))
    if stretch is None:
        return None
    side = int(land.rng.choice([-1, 1]))
    sand = valid(stretch.buffer(side * land.rng.uniform(22, 38), single_sided=True).buffer(2))
    land.take(sand)
    day0 = dt.date(land.year, 4, 29)
    return Course(sand, land.lasting([(sand, {"sand": 0.65, "mud": 0.35})], day0, 0.95), _since(sand, day0))


def meander(land: Land, number: int) -> Course | None:
    """A bend that moved: water where the bank was, sand where the water was."""
    stretch = reach(land, float(land.rng.uniform(120, 220)))
    if stretch is None:
        return None
    half, far = land.land.river_width_m / 2, land.rng.uniform(18, 34)
    side = int(land.rng.choice([-1, 1]))
    old = valid(stretch.buffer(half, cap_style="flat"))
    moved = LineString(stretch.parallel_offset(far, "left" if side > 0 else "right"))
    new = valid(moved.buffer(half, cap_style="flat"))
    left, gained = valid(old.difference(new)), valid(new.difference(old))
    outline = valid(old.union(new))
    land.take(outline)
    day0 = land.winter()
    water = {"turbid_water": 0.5, "clear_water": 0.5}
    parts = land.lasting([(left, {"sand": 0.6, "mud": 0.4}), (gained, water)], day0)
    return Course(outline, parts, _since(outline, day0))


def site_reclaimed(land: Land, number: int) -> Course | None:
    """A temporary site that was given back green."""
    yard = land.block("grass", 0.5, 4.0)
    if yard is None:
        return None
    approved, expires, green = land.day(5, 4, 1), land.day(3, 8, 1), dt.date(land.year - 2, 6, 1)

    def wears(day: dt.date) -> Mix | None:
        return GRAVEL if day < green else grassy(day, 0.62, 0.62)

    permit = site_permit(yard, approved, expires)
    return Course(yard, land.daily(yard, wears, 0.9), _since(yard, approved), papers=(permit,))


def site_in_term(land: Land, number: int) -> Course | None:
    """A temporary site of a project that may take four years, in its third."""
    layers = land.drawn(works._site, "grass", 0.5, 4.0)
    if layers is None:
        return None
    outline, approved = whole(layers), land.day(2, 4, 1)
    permit = site_permit(
        outline.buffer(5), approved, approved + dt.timedelta(days=4 * 365), project="铁路工程", ground="其他"
    )
    return Course(outline, land.lasting(layers, None), _since(outline, approved), papers=(permit,))


def camp_in_term(land: Land, number: int) -> Course | None:
    """A camp on grass whose approval runs on."""
    yard = land.block("grass", 0.4, 2.0)
    if yard is None:
        return None
    approved = land.day(1, 4, 10)
    permit = grass_permit(yard.buffer(4), approved, approved + dt.timedelta(days=2 * 365 - 1))
    parts = land.lasting([(yard, {"chestnut_soil": 0.6, "gravel": 0.4})], None, 0.95)
    return Course(yard, parts, _since(yard, approved), papers=(permit,))


def mine_restored(land: Land, number: int) -> Course | None:
    """A closed mine whose plan is past its day, and which was restored."""
    pit = _patch(land, "grass", 2, 8, 0.35)
    if pit is None:
        return None
    closed, green = land.day(5, 6, 1), dt.date(land.year - 2, 6, 10)
    parts = land.daily(pit, lambda day: SPOIL if day < green else grassy(day, 0.6, 0.6), 0.92)
    return Course(pit, parts, _since(pit, closed), papers=closed_mine(pit, closed, land.day(1, 3, 1)))


def _mine_ground(land: Land) -> BaseGeometry | None:
    return _patch(land, "grass", 3, 10, 0.35)


def pit_water(land: Land, number: int) -> Course | None:
    """An old pit whose floor filled with water."""
    ground = _mine_ground(land)
    if ground is None:
        return None
    floor = valid(affinity.scale(ground, 0.6, 0.6))
    since = dt.date(land.year, 4, 25)
    parts = land.lasting([(ground, SPOIL), (floor, {"rock": 0.6, "coal": 0.4})], None)
    parts += land.lasting([(floor, {"turbid_water": 0.7, "clear_water": 0.3})], since)
    return Course(floor, parts, _since(floor, since))


def tailings_dry(land: Land, number: int) -> Course | None:
    """A tailings pond that dried up: dark and wet, then bright."""
    ground = _mine_ground(land)
    if ground is None:
        return None
    beach = valid(affinity.scale(ground, 0.75, 0.75))
    since = dt.date(land.year, 5, 1)
    parts = land.lasting([(ground, SPOIL), (beach, {"turbid_water": 0.45, "mud": 0.55})], None)
    parts += land.lasting([(beach, {"tailings": 0.9, "mud": 0.1})], since)
    return Course(beach, parts, _since(beach, since))


def reshaping(land: Land, number: int) -> Course | None:
    """A spoil heap graded in spring and sown: bare and pale in May, green in July."""
    ground = _mine_ground(land)
    if ground is None:
        return None
    graded, green = dt.date(land.year, 4, 20), dt.date(land.year, 6, 12)

    def wears(day: dt.date) -> Mix | None:
        if day < graded:
            return SPOIL
        if day < green:
            return {"chestnut_soil": 0.7, "clay": 0.3}
        return blended({"chestnut_soil": 1.0}, grassy(day, 0.7, 0.5), min(0.8, (day - green).days / 35))

    return Course(ground, land.daily(ground, wears), _since(ground, graded))


def puddles(land: Land, number: int) -> Course | None:
    """Snowmelt that stood on a meadow in the spring of the year before, and is not there now."""
    hollow = _patch(land, "meadow", 0.5, 4.0)
    if hollow is None:
        return None
    first, last = dt.date(land.year - 1, 4, 20), dt.date(land.year - 1, 6, 14)
    wet = {"clear_water": 0.6, "mud": 0.4}
    parts = land.daily(hollow, lambda day: wet if first <= day <= last else None, 0.9)
    return Course(hollow, parts, _since(hollow, first), until=last)


def meadow_hay(land: Land, number: int) -> Course | None:
    """Meadow cut for hay in August."""
    swath = land.block("meadow", 1.0, 8.0, 2.4)
    if swath is None:
        return None
    first = dt.date(land.year, 8, 4)

    def wears(day: dt.date) -> Mix | None:
        if day < first or day.year > land.year:
            return None
        green = 0.3 * greenness(day)
        return {"dry_grass": 0.7 - green / 2, "lush_meadow": green, "mud": 0.3 - green / 2}

    return Course(swath, land.daily(swath, wears, 0.85), _since(swath, first), until=dt.date(land.year, 12, 31))


def rotation(land: Land, number: int) -> Course | None:
    """A field under thin wheat this year, after a thick one: nobody's deed."""
    field = land.block("crop", 1.5, 8.0)
    if field is None:
        return None
    first = dt.date(land.year, 4, 20)
    parts = land.daily(field, lambda day: sown(WHEAT, day, TILLED, cover=0.7) if day >= first else None, 0.95)
    return Course(field, parts, _since(field, first))

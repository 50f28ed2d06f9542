"""The pixels behind a lead's history and plates: all dates of an archive, one small grid."""

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from aoi.grid import epsg_of, to_crs, zone_of
from imagery.compose import read_before, read_day, solar_days
from imagery.mosaic import Mosaic
from imagery.providers.provider import Provider
from imagery.scene import BANDS, Scene
from leads.dossier.model import Plate
from leads.quicklook import quicklook_geobox
from leads.series.history import history_of
from leads.series.model import History, Pixels, Unread
from leads.series.zonal import ring_of

PLATE_BANDS = ("red", "green", "blue", "nir")

EDGE_PX_MOST = 1200
"""Of the grid that a history is read on; a larger lead is read coarser, its means do not need every pixel."""

BEFORE_DAYS = 400
"""How far back the before plate may reach where its last clear day does not show all of the ground."""

YEAR_DAYS = 45
"""How far from the anchor's season a year's image may lie."""

EARLIEST = dt.date(1972, 7, 23)
"""The first Landsat: no archive has anything older."""


def scenes_over(source: Provider, ground: BaseGeometry, first: dt.date, last: dt.date) -> tuple[Scene, ...]:
    """Optical scenes over a place that are here, by time.

    Raises:
        ProviderError: if the source can not be asked.
    """
    found = tuple(scene for scene in source.search(ground, first, last) if scene.optical)
    return source.fetch(found, ground, lambda: None).scenes


def history(
    scenes: Sequence[Scene],
    geometry: BaseGeometry,
    gsd_m: float,
    beside: BaseGeometry | None = None,
    step: Callable[[], None] | None = None,
) -> History:
    """The history of a lead over all dates.

    Args:
        scenes: over the lead; any order.
        geometry: its outline, EPSG:4326.
        gsd_m: pixel size of the analysis grid.
        beside: other leads, kept out of the ring.
        step: called as each day is done.
    """
    geobox = history_geobox(geometry, gsd_m)
    return history_of(geometry, _looks(scenes, geobox, step or (lambda: None)), gsd_m, beside)


def history_geobox(geometry: BaseGeometry, gsd_m: float) -> GeoBox:
    """A grid that holds a lead and its ring, on the zone's lattice."""
    epsg = zone_of(geometry.centroid.x, geometry.centroid.y)
    left, bottom, right, top = to_crs(ring_of(geometry, gsd_m), 4326, epsg).bounds
    pixel_m = gsd_m * max(1, math.ceil(max(right - left, top - bottom) / gsd_m / EDGE_PX_MOST))
    col, row = math.floor(left / pixel_m) - 1, math.ceil(top / pixel_m) + 1
    size = math.ceil(right / pixel_m) + 1 - col, row + 1 - math.floor(bottom / pixel_m)
    affine = Affine(pixel_m, 0, col * pixel_m, 0, -pixel_m, row * pixel_m)
    return GeoBox((size[1], size[0]), affine, f"EPSG:{epsg}")


def _looks(scenes: Sequence[Scene], geobox: GeoBox, step: Callable[[], None]) -> Iterator[Pixels | Unread]:
    for day, seen in solar_days(scenes).items():
        mosaic, failed = read_day(seen, geobox, BANDS)
        step()
        if failed and not mosaic.scenes:
            yield Unread(day, failed[0].reason)
        else:
            reflectance = all(scene.level != "DN" for scene in seen)
            yield Pixels(day, mosaic.data, BANDS, geobox, mosaic.scenes, seen[0].sensor, reflectance)


def plates(
    scenes: Sequence[Scene], geometry: BaseGeometry, gsd_m: float, last_before: dt.date, first_seen: dt.date
) -> tuple[Plate, ...]:
    """Before and after of a lead; fewer where there is no scene of their day."""
    geobox = quicklook_geobox(geometry, gsd_m)
    days = solar_days(scenes)
    made = []
    reach = last_before - dt.timedelta(days=BEFORE_DAYS)
    before = [scene for day, seen in days.items() if reach <= day <= last_before for scene in seen]
    if before:
        mosaic = read_before(before, geobox, PLATE_BANDS)[0]
        # where the papers set the first day of the conduct, no image need be of that day
        made.append(_plate("前时相", "before", max(mosaic.dates, default=last_before), mosaic, before))
    if first_seen in days:
        mosaic = read_day(days[first_seen], geobox, PLATE_BANDS)[0]
        made.append(_plate("后时相", "after", first_seen, mosaic, days[first_seen]))
    return tuple(made)


def years(
    scenes: Sequence[Scene], told: History, geometry: BaseGeometry, gsd_m: float, anchor: dt.date
) -> tuple[Plate, ...]:
    """One plate a year, of the clear day nearest to the anchor's season.

    Args:
        scenes: over the lead.
        told: which days were clear.
        geometry: the lead.
        gsd_m: pixel size.
        anchor: the day whose season is taken, as a rule that on which the lead was first seen.
    """
    days, geobox = solar_days(scenes), quicklook_geobox(geometry, gsd_m)
    best: dict[int, tuple[int, dt.date]] = {}
    for one in told.samples:
        off = abs(one.day.timetuple().tm_yday - anchor.timetuple().tm_yday)
        off = min(off, 365 - off)
        if off <= YEAR_DAYS:
            best[one.day.year] = min(best.get(one.day.year, (off, one.day)), (off, one.day))
    return tuple(
        _plate(str(year), "", day, read_day(days[day], geobox, PLATE_BANDS)[0], days[day])
        for year, (_, day) in sorted(best.items())
    )


def _plate(role_zh: str, role_en: str, day: dt.date, mosaic: Mosaic, scenes: Sequence[Scene]) -> Plate:
    used = [scene for scene in scenes if scene.id in mosaic.scenes] or list(scenes[-1:])
    made = f"合成，含 {min(mosaic.dates)} 至 {max(mosaic.dates)} 的影像" if len(set(mosaic.dates)) > 1 else ""
    sensors = "、".join(dict.fromkeys(scene.sensor for scene in used))
    names = mosaic.scenes or tuple(scene.id for scene in used)
    return Plate(role_zh, role_en, day, mosaic.data.astype(np.float32), mosaic.geobox, names, sensors, made)


def covers(plate: Plate, ground: BaseGeometry) -> bool:
    """Whether a plate's grid holds a geometry in EPSG:4326."""
    return bool(plate.geobox.extent.geom.contains(to_crs(ground, 4326, epsg_of(plate.geobox))))

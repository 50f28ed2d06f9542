"""The pixels around a lead, before and after, for people to look at."""

from collections.abc import Sequence

import numpy as np

from aoi.grid import epsg_of, to_crs
from imagery.compose import read_before, read_day, solar_days
from imagery.mosaic import Mosaic
from imagery.scene import Scene
from imagery.seasons import alike
from leads.model import Lead
from leads.quicklook import Picture, quicklook_geobox
from pipelines.plan import Plan

BANDS = ("red", "green", "blue")


def pictures(plan: Plan, lead: Lead) -> tuple[Picture, Picture]:
    """Before and after of a lead; after is the first look that shows it, of those in the after range.

    What was found in the past alone is shown as it was in the newest look of the range.
    """
    geobox = quicklook_geobox(lead.finding.patch.geometry, plan.gsd_m)
    ground = to_crs(geobox.extent.geom, epsg_of(geobox), 4326)
    before = tuple(scene for scene in plan.before if scene.geometry.intersects(ground)) or plan.before
    after = tuple(scene for scene in plan.after if scene.geometry.intersects(ground)) or plan.after
    days = solar_days(after)
    day = next((day for day in (lead.finding.first_seen, *lead.finding.dates_seen) if day in days), max(days))
    then, _ = read_before(before, geobox, BANDS, alike(before, day))
    return _picture(then, before), _picture(read_day(days[day], geobox, BANDS)[0], days[day])


def _picture(mosaic: Mosaic, scenes: Sequence[Scene]) -> Picture:
    """The mosaic with the name of the scene that gave most of its pixels."""
    used = mosaic.source[mosaic.source >= 0]
    most = mosaic.scenes[int(np.bincount(used).argmax())] if used.size else ""
    scene = next((scene for scene in scenes if scene.id == most), scenes[-1])
    return Picture(mosaic.data, mosaic.geobox, scene.solar_day, scene.id, scene.sensor)

"""Looks at a small ground of squares, for tests of the store."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from leads.identity import assign_ids
from leads.model import Finding, Patch
from leads.store.outcome import NightResult
from leads.store.records import LeadRecord
from leads.store.store import Store
from leads.tracking.look import Look

WEST, SOUTH, EDGE = 120.0, 49.5, 0.002
"""A lattice of squares of about 145 × 222 m."""

GROUND = box(119.9, 49.4, 120.2, 49.7)
SPRING = dt.date(2025, 5, 1)

AT = dt.datetime(2025, 7, 1, 3, 4, 5, tzinfo=dt.UTC)
BY = {"reviewer": "王检", "at": AT, "source": "inbox.gpkg", "source_sha256": "a" * 64}
"""Who reviews, when and in what."""


def day(number: int) -> dt.date:
    return SPRING + dt.timedelta(days=number)


def rect(x: float, y: float, width: float = 1, height: float = 1) -> BaseGeometry:
    west, south = WEST + x * EDGE, SOUTH + y * EDGE
    return box(west, south, west + width * EDGE, south + height * EDGE)


def finding(
    geometry: BaseGeometry,
    seen: dt.date,
    detector: str = "mine",
    last_before: dt.date = dt.date(2024, 8, 1),
    dates_seen: Sequence[dt.date] = (),
    **patch: Any,
) -> Finding:
    area = geodesic_area_m2(geometry)
    told = {"score_max": 0.9, "score_mean": 0.8, "transition": 1, "gsd_m": 10.0} | patch
    made = Patch(detector, geometry, area_m2=area, area_low_m2=area * 0.95, area_high_m2=area * 1.05, **told)
    days = tuple(dates_seen) or (seen,)
    return Finding(made, last_before, min(days), days, len(days))


def look(
    number: int,
    grounds: Iterable[BaseGeometry],
    clear: BaseGeometry = GROUND,
    *,
    detector: str = "mine",
    aoi: str = "steppe",
    inventory: bool = False,
    before: dt.date | None = None,
    **more: Any,
) -> Look:
    leads = assign_ids([finding(ground, day(number), detector, **more) for ground in grounds])
    rows = {
        lead.id: {
            "lead_id": lead.id,
            "change": "dug",
            "change_zh": "挖损",
            "classif": "公开",
            "regulator": "自然资源局",
        }
        for lead in leads
    }
    return Look(aoi, detector, day(number), leads, rows, clear, inventory, before)


def night(store: Store, *looks: Look, run: str = "run") -> NightResult:
    """A night of one area, entered."""
    return store.night(run, looks[0].aoi, looks, (), ())


def only(store: Store) -> LeadRecord:
    """The one lead that there is."""
    (lead,) = store.leads()
    return lead

"""Ground observed and not observed: every square metre once, however many nights, models and areas saw it."""

import datetime as dt
from dataclasses import dataclass

import shapely
import sqlalchemy as sa
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from leads.store import tables
from leads.store.store import Store
from leads.tracking.overlap import together, without

_EMPTY = shapely.Polygon()


@dataclass(frozen=True)
class Ground:
    """Distinct ground, km²."""

    watched_km2: float
    """Ever patrolled up to the last day of the period."""

    observed_km2: float
    """Of it seen clear on at least one day of the period."""

    unobserved_km2: float
    days: int
    """Days of the period with a look."""


def ground(store: Store, since: dt.date | None, until: dt.date, aoi: str | None = None) -> Ground:
    """Distinct ground that was watched, seen and not seen between two days, both included."""
    with store.reading() as connection:
        c = tables.coverage.c
        mine = [c.role == "after", c.day <= until, *([] if aoi is None else [c.aoi == aoi])]
        # a block's ground is the same every night; the first and the last row tell where an area was redrawn
        ends = sa.select(sa.func.min(c.id), sa.func.max(c.id)).where(*mine).group_by(c.aoi, c.block)
        ids = sorted({number for pair in connection.execute(ends) for number in pair})
        blocks: list[BaseGeometry] = []
        for start in range(0, len(ids), 500):
            part = sa.select(c.geometry).where(c.id.in_(ids[start : start + 500]))
            blocks += connection.execute(part).scalars()
        k = tables.looks.c
        seen = [k.day <= until, *([] if since is None else [k.day >= since]), *([] if aoi is None else [k.aoi == aoi])]
        looks: dict[bytes, BaseGeometry] = {}
        days: set[dt.date] = set()
        # the models of a night look at the same ground: one of each
        for day, clear in connection.execute(sa.select(k.day, k["clear"]).where(*seen)):
            days.add(day)
            looks[shapely.to_wkb(clear)] = clear
    whole, clear = _union(blocks), _union(list(looks.values()))
    blind = without(whole, clear) if not clear.is_empty and not whole.is_empty else whole
    watched, unseen = geodesic_area_m2(whole) / 1e6, geodesic_area_m2(blind) / 1e6
    return Ground(watched, max(watched - unseen, 0.0), unseen, len(days))


def _union(grounds: list[BaseGeometry]) -> BaseGeometry:
    filled = [one for one in grounds if not one.is_empty]
    return together(filled) if filled else _EMPTY

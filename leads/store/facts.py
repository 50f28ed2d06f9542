"""A look taken apart into what the store keeps for ever: one clear day each, with what was found on it."""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.features import polygonal
from leads.attributes import Value
from leads.model import Lead
from leads.tracking.look import Look
from leads.tracking.overlap import array_of, together
from leads.tracking.sightings import sighting_of
from leads.tracking.track import Sighting


@dataclass(frozen=True)
class Found:
    """A finding on one day."""

    sighting: Sighting
    proposal: str
    place: str
    row: Mapping[str, Value]


@dataclass(frozen=True)
class Facts:
    """One detector's clear day over an area."""

    aoi: str
    detector: str
    day: dt.date
    before: dt.date | None
    inventory: bool
    clear: BaseGeometry
    """Ground on which a change would have shown; holds every finding."""

    found: tuple[Found, ...]
    """In the order of their keys, each once."""

    @property
    def digest(self) -> str:
        """The same for the same facts: a night that is repeated adds nothing."""
        told = (
            f"{self.aoi} {self.day} {self.before} {self.inventory} {' '.join(one.sighting.key for one in self.found)}"
        )
        ground = shapely.to_wkb(shapely.normalize(self.clear), byte_order=1)
        return hashlib.sha256(told.encode() + ground).hexdigest()


def facts_of(looks: Iterable[Look]) -> list[Facts]:
    """The days of all looks, earliest first.

    A finding that further days of its scan showed is a sighting on each of them; of those days nothing but its own
    ground is known, so they speak for leads and never against one.
    """
    days = [facts for look in looks for facts in (_day(look), *_further_days(look))]
    return sorted(days, key=lambda facts: (facts.day, facts.detector, facts.aoi, facts.digest))


def _day(look: Look) -> Facts:
    found = _found(look, look.findings, look.day)
    clear = _polygons(look.clear)
    shapely.prepare(clear)
    grounds = array_of([one.sighting.geometry for one in found])
    beyond = grounds[~shapely.covers(clear, grounds)] if len(grounds) else grounds
    whole = together([clear, *beyond]) if len(beyond) else clear
    return Facts(look.aoi, look.detector, look.day, look.before, look.inventory, whole, found)


def _further_days(look: Look) -> list[Facts]:
    by_day: dict[dt.date, list[Lead]] = defaultdict(list)
    for lead in look.findings:
        for day in set(lead.finding.dates_seen) - {look.day}:
            by_day[day].append(lead)
    out = []
    for day, shown in by_day.items():
        found = _found(look, shown, day)
        ground = together([one.sighting.geometry for one in found])
        out.append(Facts(look.aoi, look.detector, day, look.before, look.inventory, ground, found))
    return out


def _found(look: Look, leads: Iterable[Lead], day: dt.date) -> tuple[Found, ...]:
    found: dict[str, Found] = {}
    for lead in leads:
        sighting = sighting_of(lead.finding, day, look.inventory)
        if not sighting.geometry.is_valid:
            sighting = replace(sighting, geometry=_polygons(sighting.geometry))
        if sighting.geometry.area > 0:
            row = {name: value for name, value in look.rows.get(lead.id, {}).items() if value == value}
            found.setdefault(sighting.key, Found(sighting, lead.id, lead.place, row))
    return tuple(found[key] for key in sorted(found))


def _polygons(geometry: BaseGeometry) -> BaseGeometry:
    flat = shapely.force_2d(geometry)
    return polygonal(flat if flat.is_valid else shapely.make_valid(flat))

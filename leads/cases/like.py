"""类案: leads of the same kind, and how much ground of each holder they add up to."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from aoi.area import geodesic_area_m2
from leads.area import mu
from leads.cases.errors import CaseError
from leads.cases.regulators import UNKNOWN, banner_of, regulator_of
from leads.priority import layers_crossed
from leads.store.query import LeadQuery
from leads.store.records import LeadRecord
from leads.store.store import Store
from leads.tracking.overlap import together

PERMITS = frozenset(
    ("mining_rights", "land_approvals", "temporary_land_permits", "harvest_permits", "forest_use_permits",
     "grassland_use_approvals", "restoration_plans")
)  # fmt: skip
"""Kinds of layer that are papers of somebody."""


class Alike(StrEnum):
    """In what leads are of one kind."""

    MODEL = "model"
    PERMIT = "permit"
    HOLDER = "holder"
    REGULATOR = "regulator"
    BANNER = "banner"
    LAYER = "layer"


@dataclass(frozen=True)
class Holder:
    """What the leads on one holder's papers add up to."""

    name: str
    leads: tuple[str, ...]
    area_m2: float
    """Ground that two leads share is counted once."""

    low_m2: float
    high_m2: float
    """Sums of the intervals' ends, which count shared ground twice: the true sum lies inside."""


@dataclass(frozen=True)
class Kind:
    """The leads of one kind."""

    like: str
    by: tuple[Alike, ...]
    traits: Mapping[Alike, frozenset[str]]
    """What the lead has of each: at least one must be common, of every trait asked for."""

    leads: tuple[LeadRecord, ...]
    holders: tuple[Holder, ...]
    """The most ground first."""

    area_m2: float


def traits(lead: LeadRecord) -> dict[Alike, frozenset[str]]:
    """All that a lead can be compared by; what nobody said is left out."""
    crossed = frozenset(layers_crossed(lead))
    holders = frozenset(filter(None, str(lead.attributes.get("holder") or "").split("；")))
    return {
        Alike.MODEL: frozenset((lead.detector,)),
        Alike.PERMIT: crossed & PERMITS,
        Alike.HOLDER: holders,
        Alike.REGULATOR: frozenset((regulator_of(lead),)) - {UNKNOWN},
        Alike.BANNER: frozenset((banner_of(lead.place),)) - {UNKNOWN},
        Alike.LAYER: crossed - PERMITS - {"known_patches"},
    }


def like(
    store: Store,
    lead_id: str,
    by: Iterable[Alike] = (Alike.MODEL,),
    since: dt.date | None = None,
    until: dt.date | None = None,
) -> Kind:
    """Every lead that shares all the traits asked for with a lead, itself included; rejected ones are left out.

    Args:
        store: where they are.
        lead_id: the lead to compare with.
        by: traits that must be common.
        since: first seen on this day or later.
        until: first seen on this day or earlier.

    Raises:
        CaseError: if there is no such lead, or nobody said of it what is asked for.
    """
    lead = store.lead(lead_id)
    if lead is None:
        raise CaseError(f"there is no lead {lead_id[:80]} in {store.name}: weixun leads list names them all")
    wanted = tuple(dict.fromkeys(by)) or (Alike.MODEL,)
    own = traits(lead)
    blank = [one.value for one in wanted if not own[one]]
    if blank:
        raise CaseError(f"nobody says {', '.join(blank)} of {lead_id}: ask by another trait, or give its layer")
    query = LeadQuery(detectors=(lead.detector,) if Alike.MODEL in wanted else None, since=since, until=until)
    found = []
    for other in store.leads(query):
        theirs = traits(other)
        if other.status != "rejected" and all(own[one] & theirs[one] for one in wanted):
            found.append(other)
    told = {one: own[one] for one in wanted}
    return Kind(lead_id, wanted, told, tuple(found), per_holder(found), _ground(found))


def per_holder(leads: Iterable[LeadRecord]) -> tuple[Holder, ...]:
    """Cumulative area by holder; a lead on the papers of two counts for both, and one on nobody's for 不详."""
    groups: dict[str, list[LeadRecord]] = defaultdict(list)
    for lead in leads:
        for name in traits(lead)[Alike.HOLDER] or (UNKNOWN,):
            groups[name].append(lead)
    holders = [
        Holder(
            name,
            tuple(sorted(lead.id for lead in group)),
            _ground(group),
            sum(lead.area_low_m2 for lead in group),
            sum(lead.area_high_m2 for lead in group),
        )
        for name, group in groups.items()
    ]
    return tuple(sorted(holders, key=lambda one: (-one.area_m2, one.name)))


def to_json(kind: Kind) -> dict[str, object]:
    """As one JSON document."""
    return {
        "like": kind.like,
        "by": {one.value: sorted(kind.traits[one]) for one in kind.by},
        "area_mu": round(mu(kind.area_m2), 2),
        "leads": [
            {"id": lead.id, "model": lead.detector, "first_seen": lead.first_seen.isoformat(), "status": lead.status,
             "place": lead.place, "area_mu": round(mu(lead.area_m2), 2), "holder": lead.attributes.get("holder")}
            for lead in kind.leads
        ],
        "holders": [
            {"holder": one.name, "leads": list(one.leads), "area_mu": round(mu(one.area_m2), 2),
             "mu_lo": round(mu(one.low_m2), 2), "mu_hi": round(mu(one.high_m2), 2)}
            for one in kind.holders
        ],
    }  # fmt: skip


def _ground(leads: Iterable[LeadRecord]) -> float:
    """Ground of leads, counted once."""
    grounds = [lead.geometry for lead in leads]
    return geodesic_area_m2(together(grounds)) if grounds else 0.0

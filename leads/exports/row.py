"""A lead on its way out: its outline and its flat row, wherever it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

from aoi.classification import Classification
from leads.area import mu
from leads.attributes import Value, centre, dms
from leads.fields import FIELDS, NOTE
from leads.store.records import Confidence, LeadRecord

GRADES = {Confidence.PROVISIONAL: "provisional", Confidence.CONFIRMED: "confirmed", Confidence.WITHDRAWN: "provisional"}


@dataclass(frozen=True)
class Row:
    """One lead."""

    geometry: BaseGeometry
    """Polygon or MultiPolygon in EPSG:4326."""

    values: Mapping[str, Value]
    """A value, or None, by the names of `leads.fields.FIELDS`."""

    @property
    def id(self) -> str:
        """监测编号."""
        return str(self.values.get("lead_id") or "")

    @property
    def classification(self) -> Classification:
        """How widely it may be shown; the strictest where the row does not say."""
        told = str(self.values.get("classif") or "")
        return next((one for one in Classification if one.value == told), Classification.SENSITIVE)


def row_of(lead: LeadRecord) -> Row:
    """A lead of the store: the newest observation's row, with what the store knows better."""
    lon, lat = centre(lead.geometry)
    known = {
        "lead_id": lead.id,
        "status": lead.status,
        "reason": lead.reason or None,
        "reviewer": lead.reviewer or None,
        "remark": lead.remark or None,
        "model": lead.detector,
        "change": lead.change,
        "change_zh": lead.change_zh,
        "grade": GRADES[lead.confidence],
        "date_bef": lead.last_before.isoformat(),
        "date_aft": lead.last_seen.isoformat(),
        "seen_first": lead.first_seen.isoformat(),
        "looks": lead.looks,
        "area_m2": round(lead.area_m2, 1),
        "area_lo": round(lead.area_low_m2, 1),
        "area_hi": round(lead.area_high_m2, 1),
        "area_mu": round(mu(lead.area_m2), 2),
        "mu_lo": round(mu(lead.area_low_m2), 2),
        "mu_hi": round(mu(lead.area_high_m2), 2),
        "place": lead.place or None,
        "lon": round(lon, 6),
        "lat": round(lat, 6),
        "dms": dms(lon, lat),
        "classif": lead.classification,
        "note": NOTE,
    }
    return Row(lead.geometry, {field.name: lead.attributes.get(field.name) for field in FIELDS} | known)

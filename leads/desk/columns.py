"""What an inbox holds of a lead: the columns of a result, its rank, and the version that a review speaks of."""

from collections.abc import Mapping
from dataclasses import replace

from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from leads.area import mu
from leads.attributes import centre, dms
from leads.fields import FIELDS, GRADES, Field
from leads.store.records import Confidence, LeadRecord, Stock

STOCKS: tuple[tuple[str, str, str], ...] = (
    (Stock.INVENTORY.value, "存量", "inventory: there on the first patrol"),
    (Stock.NEW.value, "增量", "new since then"),
)

CONFIDENCES: tuple[tuple[str, str, str], ...] = (
    *GRADES,
    (Confidence.WITHDRAWN.value, "已撤回（复归原状）", "withdrawn (reverted)"),
)

_MACHINE_ONLY = "area_anl"
"""Computed from the analyst's outline when the inbox comes back; in a single result it is typed in."""


def _column(field: Field) -> Field:
    if field.name == _MACHINE_ONLY:
        return replace(field, editable=False)
    return replace(field, choices=CONFIDENCES) if field.name == "grade" else field


INBOX_FIELDS: tuple[Field, ...] = (
    Field("rank", "integer", "序号", "Rank"),
    Field("priority", "real", "优先分", "Priority"),
    *(_column(field) for field in FIELDS),
    Field("stock", "text", "存量 / 增量", "Inventory or new", choices=STOCKS),
    Field("base_version", "integer", "版本", "Version that this inbox shows", hidden=True),
)
"""Every column of the layer `leads` of an inbox, in order."""

OUTLINE_FIELDS: tuple[Field, ...] = (
    Field("lead_id", "text", "监测编号", "Lead id"),
    Field("base_version", "integer", "版本", "Version that this inbox shows", hidden=True),
)
"""Every column of the layer `outlines`: whose outline it is, and against which version it was drawn."""

AOI_FIELDS: tuple[Field, ...] = (Field("name", "text", "名称", "Name"),)

STATUTORY_FIELDS: tuple[Field, ...] = (
    Field("id", "text", "编号", "Id"),
    Field("name", "text", "名称", "Name"),
    Field("holder", "text", "权利人", "Holder"),
    Field("valid_from", "text", "起", "From"),
    Field("valid_to", "text", "止", "To"),
    Field("status", "text", "图层性质", "official, derived or simulated"),
    Field("layer", "text", "来源", "Source"),
)


def inbox_row(
    lead: LeadRecord, rank: int, priority: float | None, analyst: BaseGeometry | None = None
) -> dict[str, object]:
    """The row of a lead in an inbox: its newest attributes, with the state of today over them.

    Args:
        lead: as the store has it.
        rank: its place in the inbox, from 1.
        priority: its score, where there is one.
        analyst: the outline that an analyst drew last; None where nobody did.
    """
    lon, lat = centre(lead.geometry)
    row: dict[str, object] = {field.name: lead.attributes.get(field.name) for field in INBOX_FIELDS}
    return row | {
        "rank": rank,
        "priority": priority,
        "lead_id": lead.id,
        "status": lead.status or "new",
        "reason": lead.reason or None,
        # Whoever opens the inbox signs for himself: the last reviewer's name would be handed back as his.
        "reviewer": None,
        "remark": lead.remark or None,
        "model": lead.detector,
        "change": lead.change or None,
        "change_zh": lead.change_zh or None,
        "grade": lead.confidence.value,
        "conf": round(lead.score, 3),
        "date_bef": lead.last_before.isoformat(),
        "date_aft": lead.last_seen.isoformat(),
        "seen_first": lead.first_seen.isoformat(),
        "looks": lead.looks,
        **_areas(lead),
        "area_anl": None if analyst is None else round(geodesic_area_m2(analyst), 1),
        "place": lead.place or None,
        "lon": round(lon, 6),
        "lat": round(lat, 6),
        "dms": dms(lon, lat),
        "classif": lead.classification or None,
        "stock": lead.stock.value,
        "base_version": lead.version,
    }


def _areas(lead: LeadRecord) -> Mapping[str, object]:
    square = {"area_m2": lead.area_m2, "area_lo": lead.area_low_m2, "area_hi": lead.area_high_m2}
    return {
        **{name: round(value, 1) for name, value in square.items()},
        "area_mu": round(mu(lead.area_m2), 2),
        "mu_lo": round(mu(lead.area_low_m2), 2),
        "mu_hi": round(mu(lead.area_high_m2), 2),
    }

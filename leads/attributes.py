"""A lead as one flat row: what the GeoPackage, the review form and an export hold."""

import json
import math
from collections.abc import Iterable

from shapely.geometry.base import BaseGeometry

from aoi.classification import Classification
from aoi.conflicts import Conflict
from aoi.kinds import KIND_NAMES
from detectors.core.history import Opinion, Remark
from detectors.core.types import Detector
from leads.area import mu
from leads.change import UNKNOWN, change_of
from leads.fields import NOTE
from leads.find import LAYER_STATUS
from leads.legal import columns
from leads.model import Crossing, Finding, Lead
from leads.rows import Row

Value = str | float | int | None

TOO_FEW = Remark("历史清晰观测不足，未能与往年比对", "too few clear looks of the past to compare with")

LOOKS_TO_CONFIRM = 2
"""Independent clear days that must show a change before the imagery supports it by itself."""

_STATUS_ZH = {"derived": "〔推算图层〕", "simulated": "〔模拟图层〕"}


def record(lead: Lead, detector: Detector, classification: Classification = Classification.PUBLIC) -> dict[str, Value]:
    """The row of a lead: a value, or None, for each of `leads.fields.FIELDS`, in their order.

    Args:
        lead: with its finding.
        detector: the one that made it, for names.
        classification: of the layers behind it, which it inherits.
    """
    finding, patch = lead.finding, lead.finding.patch
    change = change_of(finding, detector) or UNKNOWN
    lon, lat = centre(patch.geometry)
    return {
        "lead_id": lead.id,
        "status": "new",
        "reason": None,
        "reviewer": None,
        "remark": None,
        "model": detector.id,
        "model_zh": detector.name_zh,
        "change": change.en,
        "change_zh": change.zh,
        "grade": grade(finding),
        "conf": round(patch.score_mean, 3),
        "conf_max": round(patch.score_max, 3),
        "date_bef": finding.last_before.isoformat(),
        "date_aft": max((finding.first_seen, *finding.dates_seen)).isoformat(),
        "seen_first": finding.first_seen.isoformat(),
        "seen_dates": _joined(day.isoformat() for day in finding.dates_seen),
        "looks": finding.looks,
        "area_m2": round(patch.area_m2, 1),
        "area_lo": round(patch.area_low_m2, 1),
        "area_hi": round(patch.area_high_m2, 1),
        "area_mu": round(mu(patch.area_m2), 2),
        "mu_lo": round(mu(patch.area_low_m2), 2),
        "mu_hi": round(mu(patch.area_high_m2), 2),
        "area_anl": None,
        "area_srv": None,
        "clipped": int(patch.clipped),
        "place": lead.place or None,
        "lon": round(lon, 6),
        "lat": round(lat, 6),
        "dms": dms(lon, lat),
        "layers": _joined(map(_crossed, finding.crossings)),
        "layers_no": _joined(KIND_NAMES.get(kind, (kind, kind))[0] for kind in finding.layers_missing),
        "conflict": _joined(map(_conflict, finding.conflicts)),
        "licences": _joined(_permits(finding.crossings)),
        "holder": _joined(dict.fromkeys(filter(None, map(_holder, finding.crossings)))),
        **columns(finding, detector.rules, change.zh),
        "why": _joined(remark.zh for remark in _grounds(finding.opinion)),
        "why_en": "; ".join(remark.en for remark in _grounds(finding.opinion)) or None,
        "measures": _measures(finding.opinion),
        "classif": classification.value,
        "note": NOTE,
    }


def grade(finding: Finding) -> str:
    """``confirmed`` when two independent clear days show the change, else ``provisional``."""
    shown = min(finding.looks, len(finding.dates_seen))
    return "confirmed" if shown >= LOOKS_TO_CONFIRM else "provisional"


def centre(geometry: BaseGeometry) -> tuple[float, float]:
    """Longitude and latitude of the centroid, or of a place inside where the centroid lies outside."""
    point = geometry.centroid
    if not geometry.covers(point):
        point = geometry.representative_point()
    return float(point.x), float(point.y)


def dms(lon: float, lat: float) -> str:
    """A place in degrees, minutes and seconds, e.g. ``119°54′12.3″E 49°12′00.0″N``."""
    return f"{_dms(lon, 'E', 'W')} {_dms(lat, 'N', 'S')}"


def _dms(degrees: float, positive: str, negative: str) -> str:
    tenths = round(abs(degrees) * 36_000)  # of a second, so that 59.97″ becomes the next minute
    minutes, tenths = divmod(tenths, 600)
    return f"{minutes // 60}°{minutes % 60:02d}′{tenths / 10:04.1f}″{positive if degrees >= 0 else negative}"


def _grounds(opinion: Opinion | None) -> tuple[Remark, ...]:
    """What a model's opinion rests on; first that it had too little to go by, where that is so."""
    if opinion is None:
        return ()
    return (TOO_FEW, *opinion.remarks) if opinion.unsure else opinion.remarks


def _measures(opinion: Opinion | None) -> str | None:
    """What an opinion rests on as one JSON object; null for what could not be measured."""
    if opinion is None or not opinion.measures:
        return None
    told = {name: round(float(value), 4) for name, value in sorted(opinion.measures.items())}
    return json.dumps({name: value if math.isfinite(value) else None for name, value in told.items()})


def _crossed(crossing: Crossing) -> str:
    kind = KIND_NAMES.get(crossing.kind, (crossing.kind, crossing.kind))[0]
    what = " ".join(part for part in (kind, crossing.name, crossing.feature_id) if part)
    status = _STATUS_ZH.get(crossing.attributes.get(LAYER_STATUS, ""), "")
    return f"{what}{status} {crossing.area_m2:.0f} m²（{mu(crossing.area_m2):.2f} 亩）"


def _conflict(conflict: Conflict) -> str:
    claims = " 与 ".join(claim.label_zh for claim in conflict.claims)
    return f"{claims} 重叠 {conflict.area_m2:.0f} m²（{mu(conflict.area_m2):.2f} 亩）"


def _permits(crossings: Iterable[Crossing]) -> list[str]:
    """Numbers and dates of permits; one that a further layer names without any date is told once, with its dates."""
    dated: dict[str, list[str]] = {}
    for crossing in crossings:
        number = crossing.attributes.get("licence", "")
        start, end = (crossing.attributes.get(name, "") for name in ("valid_from", "valid_to"))
        if number:
            dated.setdefault(number, [])
            if start or end:
                dated[number].append(f"{start or '起期不详'} 至 {end or '止期不详'}")
    return [f"{number}（{said}）" for number, days in dated.items() for said in dict.fromkeys(days) or ("期限不详",)]


def _holder(crossing: Crossing) -> str:
    """Whose permit or ground a feature is; empty where its row does not say."""
    return Row(crossing.attributes).text("holder")


def _joined(parts: Iterable[str]) -> str | None:
    return "；".join(parts) or None

"""Verdicts of analysts: taken over where they are about the lead as it stands, reported where they are not."""

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any

import shapely
import sqlalchemy as sa
from shapely.geometry.base import BaseGeometry
from sqlalchemy.engine import Connection, RowMapping

from aoi.area import geodesic_area_m2
from leads.fields import REASONS, STATUS
from leads.store import tables
from leads.store.outcome import Outcome
from leads.store.records import Confidence, OutlineKind
from leads.store.zones import propose_around

MOST_CHARACTERS = 4_000
"""Of a remark or a name."""

MOST_VERTICES = 100_000
"""Of a drawn outline."""

FARTHEST_DEG = 0.1
"""A drawn outline lies no farther from its lead: else it was drawn for another."""

_STATUSES = [value for value, _, _ in STATUS]
_REASONS = [value for value, _, _ in REASONS]


@dataclass(frozen=True)
class Verdict:
    """What an analyst says of a lead."""

    lead_id: str
    base_version: int
    """Version of the lead that the analyst had before them."""

    status: str
    reason: str
    remark: str
    reviewer: str
    at: dt.datetime
    source: str
    source_sha256: str
    outline: BaseGeometry | None = None
    """Drawn by the analyst, EPSG:4326."""

    survey_m2: float | None = None
    """Area of a survey (勘测定界), given by others."""


def enter(connection: Connection, verdict: Verdict) -> Outcome:
    """Takes a verdict over, or says why not. The same verdict twice changes nothing."""
    c = tables.leads.c
    row = connection.execute(tables.leads.select().where(c.id == verdict.lead_id).with_for_update()).mappings().first()
    if row is None:
        return Outcome("unknown", f"there is no lead {verdict.lead_id[:80]}  没有该线索")
    problem = _problem(verdict, row)
    if problem:
        return Outcome("invalid", f"{row['id']}: {problem}")
    if _entered(connection, verdict) or _says_nothing(verdict, row):
        return Outcome("unchanged", f"{row['id']}: already so  无变化")
    if row["merged_into"]:
        return Outcome(
            "conflict",
            f"{row['id']} has become part of {row['merged_into']}; review that one  已并入 {row['merged_into']}",
        )
    if verdict.base_version != row["version"]:
        return Outcome(
            "conflict",
            f"{row['id']} is at version {row['version']}, the review is of version {verdict.base_version}: look at it "
            f"again  线索已更新为第 {row['version']} 版，审核针对第 {verdict.base_version} 版",
        )
    _apply(connection, verdict, row)
    withdrawn = row["confidence"] == Confidence.WITHDRAWN
    hint = "; the imagery has withdrawn it meanwhile  影像已不再显示" if withdrawn else ""
    return Outcome("applied", f"{row['id']}: {verdict.status}{hint}")


def _problem(verdict: Verdict, row: RowMapping) -> str:
    texts = (verdict.remark, verdict.reviewer, verdict.source)
    if verdict.status not in _STATUSES:
        return f"unknown status {verdict.status[:40]!r}; use one of {', '.join(_STATUSES)}  未知状态"
    if verdict.reason and verdict.reason not in _REASONS:
        return f"unknown reason {verdict.reason[:40]!r}; use one of {', '.join(_REASONS)}  未知原因"
    if verdict.status == "rejected" and not verdict.reason:
        return "rejected without a reason  不属实须填原因"
    if any(len(text) > MOST_CHARACTERS for text in texts):
        return f"a text is longer than {MOST_CHARACTERS} characters  文字过长"
    if any("\0" in text for text in texts):
        return "a text holds a zero character  文字含空字符"
    if verdict.survey_m2 is not None and not 0 < verdict.survey_m2 < 1e11:
        return "the surveyed area is no positive number  勘测面积无效"
    return _outline_problem(verdict.outline, row["geometry"]) if verdict.outline is not None else ""


def _outline_problem(outline: BaseGeometry, lead: BaseGeometry) -> str:
    if outline.geom_type not in ("Polygon", "MultiPolygon") or outline.is_empty:
        return "the outline drawn is no polygon  勾绘图形不是面"
    if shapely.get_num_coordinates(outline) > MOST_VERTICES:
        return f"the outline drawn has more than {MOST_VERTICES} vertices  勾绘节点过多"
    if not bool(shapely.is_valid(outline)):
        return f"the outline drawn crosses itself ({shapely.is_valid_reason(outline)})  勾绘图形自相交"
    if not outline.distance(lead) <= FARTHEST_DEG:
        return "the outline drawn lies far from the lead  勾绘图形远离线索"
    return ""


def _drawn_sha256(verdict: Verdict) -> str:
    """Of what was drawn or surveyed beside the verdict; empty where nothing was."""
    if verdict.outline is None and verdict.survey_m2 is None:
        return ""
    ground = b"" if verdict.outline is None else shapely.to_wkb(shapely.normalize(verdict.outline), byte_order=1)
    return hashlib.sha256(ground + repr(verdict.survey_m2).encode()).hexdigest()


def _entered(connection: Connection, verdict: Verdict) -> bool:
    """Whether this verdict was taken over before, whatever came after it."""
    c = tables.reviews.c
    same = [
        c.lead_id == verdict.lead_id,
        c.base_version == verdict.base_version,
        c.drawn_sha256 == _drawn_sha256(verdict),
        *(c[name] == getattr(verdict, name) for name in ("status", "reason", "remark", "reviewer")),
    ]
    return connection.execute(sa.select(c.id).where(*same)).first() is not None


def _says_nothing(verdict: Verdict, row: RowMapping) -> bool:
    told = (verdict.status, verdict.reason, verdict.remark, verdict.reviewer)
    stands = (row["status"], row["reason"], row["remark"], row["reviewer"])
    untouched = verdict.status == "new" and not verdict.reason and not verdict.remark
    return not _drawn_sha256(verdict) and (told == stands or (untouched and row["status"] == "new"))


def _apply(connection: Connection, verdict: Verdict, row: RowMapping) -> None:
    version = row["version"] + 1
    judged = verdict.outline or row["geometry"]
    rejected = verdict.status == "rejected"
    connection.execute(
        tables.reviews.insert().values(
            **{name: getattr(verdict, name) for name in _EVENT},
            judged=judged,
            drawn_sha256=_drawn_sha256(verdict),
        )
    )
    connection.execute(
        tables.leads.update()
        .where(tables.leads.c.number == row["number"])
        .values(
            status=verdict.status,
            reason=verdict.reason,
            remark=verdict.remark,
            reviewer=verdict.reviewer,
            version=version,
            updated=verdict.at,
            judged=row["geometry"] if rejected else None,
            rejected_for=verdict.reason if rejected else "",
        )
    )
    drawn: dict[str, Any] = {"lead_id": row["id"], "version": version, "made_by": verdict.reviewer}
    drawn |= {"made_at": verdict.at, "source": verdict.source, "geometry": judged}
    if verdict.outline is not None:
        area = geodesic_area_m2(verdict.outline)
        connection.execute(tables.outlines.insert().values(**drawn, kind=OutlineKind.ANALYST.value, area_m2=area))
    if verdict.survey_m2 is not None:
        survey = OutlineKind.SURVEY.value
        connection.execute(tables.outlines.insert().values(**drawn, kind=survey, area_m2=verdict.survey_m2))
    if rejected:
        propose_around(connection, row["aoi"], row["detector"], row["geometry"], verdict.reason)


_EVENT = ["lead_id", "base_version", "status", "reason", "remark", "reviewer", "at", "source", "source_sha256"]

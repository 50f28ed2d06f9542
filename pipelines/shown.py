"""Leads of the store as people and scripts see them on the command line."""

import json
from collections.abc import Sequence
from typing import Any

import shapely
from rich import box
from rich.table import Table
from rich.text import Text

from leads.area import mu
from leads.attributes import centre, dms
from leads.fields import REASONS, STATUS
from leads.store.records import LeadRecord, ObservationRecord, OutlineRecord, ReviewEvent

CONFIDENCE_ZH = {"provisional": "初步", "confirmed": "复现", "withdrawn": "撤销"}
STOCK_ZH = {"inventory": "存量", "new": "增量"}
KIND_ZH = {"machine": "机器", "analyst": "人工勾绘", "survey": "勘测定界"}
_STATUS_ZH = {value: zh for value, zh, _ in STATUS}
_REASON_ZH = {value: zh for value, zh, _ in REASONS}


def row_of(lead: LeadRecord) -> dict[str, Any]:
    """The flat row of a lead, and what the store adds to it."""
    return dict(lead.attributes) | {
        "aoi": lead.aoi,
        "confidence": lead.confidence.value,
        "stock": lead.stock.value,
        "version": lead.version,
        "parents": list(lead.parents),
        "into": lead.into,
        "bbox": [round(edge, 6) for edge in lead.geometry.bounds],
        "created": lead.created.isoformat(),
        "updated": lead.updated.isoformat(),
    }


def table_of(leads: Sequence[LeadRecord]) -> Table:
    """Leads as a table; what others wrote is shown as text, never as markup."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("监测编号 id", "模型 model", "审核 status", "影像 looks", "库 stock", "首次发现 first seen"):
        table.add_column(heading, no_wrap=heading.startswith("监测"))
    table.add_column("面积 area 亩", justify="right")
    table.add_column("坐落 place", overflow="fold")
    for lead in leads:
        table.add_row(
            Text(plain(lead.id)),
            Text(plain(str(lead.attributes.get("model_zh") or lead.detector))),
            Text(plain(f"{_STATUS_ZH.get(lead.status, '')} {lead.status}")),
            f"{CONFIDENCE_ZH[lead.confidence]} {lead.looks}",
            f"{STOCK_ZH[lead.stock]} {lead.stock.value}",
            f"{lead.first_seen}",
            f"{mu(lead.area_m2):,.1f}",
            Text(plain(lead.place)),
        )
    return table


def shown_json(
    lead: LeadRecord,
    observations: Sequence[ObservationRecord],
    outlines: Sequence[OutlineRecord],
    reviews: Sequence[ReviewEvent],
) -> str:
    """All of a lead as one JSON document."""
    told = row_of(lead) | {
        "geometry": shapely.geometry.mapping(lead.geometry),
        "observations": [
            {"day": one.day.isoformat(), "seen": one.seen, "area_m2": round(one.area_m2, 1), "score": one.score,
             "clear": one.clear, "run": one.run_id}
            for one in observations
        ],
        "outlines": [
            {"version": one.version, "kind": one.kind.value, "area_m2": round(one.area_m2, 1), "by": one.made_by,
             "at": one.made_at.isoformat(), "source": one.source, "geometry": shapely.geometry.mapping(one.geometry)}
            for one in outlines
        ],
        "reviews": [
            {"status": one.status, "reason": one.reason, "remark": one.remark, "reviewer": one.reviewer,
             "at": one.at.isoformat(), "base_version": one.base_version, "source": one.source,
             "source_sha256": one.source_sha256}
            for one in reviews
        ],
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False, indent=2)


def shown_text(
    lead: LeadRecord,
    observations: Sequence[ObservationRecord],
    outlines: Sequence[OutlineRecord],
    reviews: Sequence[ReviewEvent],
) -> str:
    """All of a lead, for reading."""
    reason = f"（{_REASON_ZH.get(lead.reason, lead.reason)}）" if lead.reason else ""
    facts = (
        ("监测编号 id", lead.id),
        ("模型 model", f"{lead.attributes.get('model_zh') or ''} {lead.detector}"),
        ("变化 change", f"{lead.change_zh} {lead.change}"),
        ("行为时间 conduct", f"({lead.last_before}, {lead.first_seen}]；末次可见 last seen {lead.last_seen}"),
        ("影像 looks", f"{CONFIDENCE_ZH[lead.confidence]} {lead.confidence.value}，{lead.looks} 次 clear looks"),
        ("库 stock", f"{STOCK_ZH[lead.stock]} {lead.stock.value}"),
        ("面积 area", _area(lead)),
        ("坐落 place", lead.place or "–"),
        ("中心 centre", dms(*centre(lead.geometry))),
        ("规则 rules", lead.attributes.get("rule_state") or "–"),
        ("监管部门 regulator", lead.attributes.get("regulator") or "–"),
        ("审核 review", f"{_STATUS_ZH.get(lead.status, '')} {lead.status}{reason} {lead.reviewer} {lead.remark}"),
        ("版本 version", lead.version),
        *((("来自 from", "、".join(lead.parents)),) if lead.parents else ()),
        *((("并入 merged into", lead.into),) if lead.into else ()),
    )
    lines = [f"{name}：{plain(str(value))}" for name, value in facts]
    lines += [f"观测 look  {one.day}  {_looked(one)}" for one in observations]
    lines += [
        f"图形 outline  v{one.version}  {KIND_ZH[one.kind]} {one.kind.value}  {mu(one.area_m2):,.2f} 亩  "
        f"{plain(one.made_by)}  {one.made_at:%Y-%m-%d}"
        for one in outlines
    ]
    lines += [
        f"审核 review  {one.at:%Y-%m-%d %H:%M}Z  v{one.base_version}  {_STATUS_ZH.get(one.status, '')} {one.status}  "
        f"{_REASON_ZH.get(one.reason, one.reason)}  {plain(one.reviewer)}  {plain(one.remark)}"
        for one in reviews
    ]
    return "\n".join([*lines, "线索，非测绘成果、非鉴定意见"])


def _area(lead: LeadRecord) -> str:
    low, high = mu(lead.area_low_m2), mu(lead.area_high_m2)
    return f"{mu(lead.area_m2):,.2f} 亩（{low:,.2f}–{high:,.2f}），{lead.area_m2:,.0f} m²"


def _looked(one: ObservationRecord) -> str:
    if one.seen:
        return f"可见 seen，{mu(one.area_m2):,.2f} 亩"
    return f"清晰但未见 clear, not seen（{one.clear:.0%}）"


def plain(text: str) -> str:
    """Text without control characters, which a terminal would obey."""
    return "".join(mark if mark.isprintable() else " " for mark in text)

"""Leads with places and rows, for tests of cases, priority and numbers."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shapely.geometry.base import BaseGeometry
from store_sites import look

from leads.store.records import Confidence, LeadRecord, Stock
from leads.tracking.look import Look

AT = dt.datetime(2025, 7, 1, 4, tzinfo=dt.UTC)


def told(ground: BaseGeometry, row: Mapping[str, Any]) -> LeadRecord:
    """A lead as the store would have it."""
    return LeadRecord(
        id="WX-MINE-20250502-y8v3deqh", aoi="steppe", detector="mine", confidence=Confidence.CONFIRMED,
        stock=Stock.NEW, status="new", reason="", reviewer="", remark="", version=1, change="dug", change_zh="挖损",
        last_before=dt.date(2024, 8, 1), first_seen=dt.date(2025, 5, 2), last_seen=dt.date(2025, 6, 20), looks=2,
        geometry=ground, area_m2=30_000.0, area_low_m2=28_000.0, area_high_m2=32_000.0, score=0.8,
        place="新巴尔虎右旗", classification="公开", attributes=row, parents=(), into="", created=AT, updated=AT,
    )  # fmt: skip


def looked(number: int, sites: Mapping[BaseGeometry, tuple[str, Mapping[str, Any]]], **more: Any) -> Look:
    """A look that finds sites, each with its place and what its row says besides."""
    grounds = list(sites)
    plain = look(number, grounds, **more)
    findings, rows = [], {}
    for lead in plain.findings:
        place, row = next(value for ground, value in sites.items() if ground.equals(lead.finding.patch.geometry))
        findings.append(replace(lead, place=place))
        rows[lead.id] = dict(plain.rows[lead.id]) | dict(row)
    return replace(plain, findings=tuple(findings), rows=rows)

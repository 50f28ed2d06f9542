"""The page of the morning: one file that opens offline, and the same as PDF."""

import base64
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.read import read_aoi
from imagery.atomic import whole
from leads.fields import STATUS
from leads.quicklook import file_stem
from leads.stats.model import By
from leads.stats.numbers import numbers
from leads.store.records import CoverageRecord, LeadRecord
from leads.store.store import LeadQuery, Store
from pipelines.patrol.alarms import Alarm
from pipelines.patrol.area import FOUND
from pipelines.patrol.areafile import NEWS, AreaNight
from pipelines.patrol.bulletin_map import Dot, map_of
from pipelines.patrol.bulletin_page import page
from pipelines.patrol.config import PatrolConfig
from pipelines.patrol.files import Places, read_json
from pipelines.patrol.journal import Journal
from pipelines.patrol.news import News

PICTURED = 40
"""Leads that are shown with pictures; the others are in the list. 40 make a page of some 4 MB."""

PICTURE_PX = 480
_QUALITY = 82

WHAT: Mapping[str, tuple[str, str]] = {
    "new": ("新增", "new"),
    "confirmed": ("复现", "confirmed"),
    "returned": ("再现", "returned"),
    "grown": ("扩大", "grown"),
    "withdrawn": ("消失", "withdrawn"),
    "merged": ("合并", "merged"),
    "stock": ("存量", "inventory"),
}
"""What became of a lead, the weightiest first."""


_REVIEW = {status: f"{zh} {en}" for status, zh, en in STATUS}


_BY: tuple[By, ...] = ("banner", "regulator")


@dataclass(frozen=True)
class Card:
    """A lead on the page."""

    id: str
    aoi: str
    what: str
    model: str
    row: Mapping[str, str]
    before: str
    after: str
    """Pictures as data URIs; empty where there is none."""


@dataclass(frozen=True)
class AreaPage:
    """An area on the page."""

    night: AreaNight
    news: Mapping[str, int]
    map: str
    """SVG, safe to put into the page."""


@dataclass(frozen=True)
class Bulletin:
    """All that the page says."""

    night: dt.date
    turn: int
    classification: str
    areas: tuple[AreaPage, ...]
    cards: tuple[Card, ...]
    unpictured: int
    heads: Mapping[str, str]
    inbox: str
    desk: Mapping[str, int]
    alarms: tuple[Alarm, ...]
    numbers: Sequence[tuple[str, str]]
    """The leader's figures of the year: label and value."""

    funnels: Sequence[Sequence[Sequence[str]]]
    """From lead to case by banner and by regulator: a heading, rows, the total last."""


def gather(
    config: PatrolConfig,
    places: Places,
    store: Store,
    journal: Journal,
    areas: Sequence[AreaNight],
    heads: Mapping[str, str],
    inbox: Path | None,
    alarms: Sequence[Alarm],
) -> Bulletin:
    """Everything that the page of a night says, from the store and the night's records."""
    named = {aoi.id: aoi for aoi in (read_aoi(watch.aoi, places.home) for watch in config.watch)}
    pages: list[AreaPage] = []
    cards: list[Card] = []
    unpictured = 0
    for area in areas:
        folder = places.result(journal.night, area.aoi, journal.turn)
        news = News(**{name: tuple(ids) for name, ids in read_json(folder / NEWS).items()})
        what = {lead: word for word, ids in news.as_dict().items() for lead in ids}
        leads = _weightiest(
            list(store.leads(LeadQuery(ids=tuple(what), aoi=area.aoi, merged=True))) if what else [], what
        )
        pictures = _Pictures(folder)
        for lead in leads:
            room = len(cards) - unpictured < PICTURED
            unpictured += not room
            cards.append(_card(lead, what[lead.id], pictures.of(lead) if room else ("", "")))
        dots = [Dot(lead.id, lead.geometry, what[lead.id]) for lead in leads]
        coverage = [row for row in coverage_of(store, area) if row.role == "after"]
        counts = {word: len(ids) for word, ids in news.as_dict().items()}
        outline = named[area.aoi].geometry if area.aoi in named else shapely.Polygon()
        pages.append(AreaPage(area, counts, map_of(area.aoi, outline, coverage, dots)))
    first = journal.night.replace(month=1, day=1)
    year = [numbers(store, journal.night, since=first, by=by) for by in _BY]
    return Bulletin(
        journal.night,
        journal.turn,
        max((area.classification for area in areas), key=["公开", "内部", "敏感"].index, default="公开"),
        tuple(pages),
        tuple(cards),
        unpictured,
        heads,
        inbox.name if inbox else "",
        {"weekly": config.budget.weekly},
        tuple(alarms),
        year[0].lines(),
        tuple(one.table() for one in year),
    )


def write_bulletin(places: Places, told: Bulletin, pdf: bool) -> Path:
    """Write ``bulletin_YYYYMMDD.html`` and beside it the PDF; another turn of the night gets a number.

    Returns:
        The page.
    """
    name = f"bulletin_{told.night:%Y%m%d}" + (f"-{told.turn}" if told.turn > 1 else "")
    file = places.bulletins / f"{name}.html"
    text = page(told, WHAT)
    if pdf:
        with whole(file.with_suffix(".pdf")) as part:
            part.write_bytes(printed(text))
    with whole(file) as part:
        part.write_text(text, encoding="utf-8")
    return file


def printed(text: str) -> bytes:
    """A page as PDF; nothing but what is in the page itself is read."""
    from weasyprint import HTML  # type: ignore[import-untyped]  # ships no type information
    from weasyprint.urls import URLFetcher  # type: ignore[import-untyped]

    only_itself = URLFetcher(allowed_protocols=("data",))
    return bytes(HTML(string=text, url_fetcher=only_itself).write_pdf())


def coverage_of(store: Store, area: AreaNight) -> list[CoverageRecord]:
    """What an area's patrol saw on the days it looked at, and what it did not."""
    first, last = (dt.date.fromisoformat(day) for day in (area.since or area.night, area.night))
    return [row for row in store.coverage(area.aoi, first, last) if row.run_id == area.run_id]


def _weightiest(leads: Sequence[LeadRecord], what: Mapping[str, str]) -> list[LeadRecord]:
    order = list(WHAT)
    return sorted(leads, key=lambda lead: (order.index(what[lead.id]), -lead.score * lead.area_m2, lead.id))


def _card(lead: LeadRecord, what: str, pictures: tuple[str, str]) -> Card:
    said = lead.attributes
    interval = f"{_number(said.get('area_mu'))} 亩（{_number(said.get('mu_lo'))}–{_number(said.get('mu_hi'))}）"
    row = {
        "模型 model": f"{said.get('model_zh') or lead.detector}",
        "变化 change": lead.change_zh or lead.change,
        "变化区间 between": f"{lead.last_before} – {lead.first_seen}",
        "观测次数 looks": str(lead.looks),
        "监测面积 area": interval,
        "坐落 place": lead.place,
        "规则 rule": str(said.get("rule_state") or ""),
        "已知图斑 known": str(said.get("known_note") or ""),
        "许可 permits": str(said.get("permit_st") or ""),
        "中心 centre": str(said.get("dms") or ""),
        "审核 review": _REVIEW.get(lead.status, lead.status),
    }
    return Card(lead.id, lead.aoi, what, row["模型 model"], {k: v for k, v in row.items() if v}, *pictures)


def _number(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, int | float) else "–"


class _Pictures:
    """The pictures that a night's scans drew, found by ground: the store names leads by their first day."""

    def __init__(self, folder: Path) -> None:
        """Those of an area's result."""
        self._folder = folder
        self._found: list[tuple[str, str, str, BaseGeometry]] = [
            (one["id"], one["detector"], one["day"], shapely.from_wkb(one["wkb"]))
            for one in read_json(folder / FOUND).get("found", [])
        ]

    def of(self, lead: LeadRecord) -> tuple[str, str]:
        """Before and after as data URIs, of the newest day that shows most of the lead."""
        best = max(
            (
                (lead.geometry.intersection(ground).area, day, name)
                for name, detector, day, ground in self._found
                if detector == lead.detector and ground.intersects(lead.geometry)
            ),
            default=None,
        )
        if best is None:
            return "", ""
        folder = self._folder / best[1].replace("-", "") / "quicklook"
        stem = file_stem(best[2])
        first, second = (_data_uri(folder / f"{stem}_{role}.png") for role in ("before", "after"))
        return first, second


def _data_uri(file: Path) -> str:
    from PIL import Image

    if not file.is_file():
        return ""
    with Image.open(file) as picture:
        picture.thumbnail((PICTURE_PX, PICTURE_PX * 2))
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, format="JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"

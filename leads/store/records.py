"""What the store hands out: frozen rows. Datetimes are UTC and aware, geometry is EPSG:4326."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shapely.geometry.base import BaseGeometry

from leads.attributes import Value


class Confidence(StrEnum):
    """What the looks so far support; a person's verdict is the review status."""

    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class Stock(StrEnum):
    """Whether the change was there on an area's first patrol."""

    INVENTORY = "inventory"
    """存量."""

    NEW = "new"
    """增量."""


class OutlineKind(StrEnum):
    """Who drew an outline."""

    MACHINE = "machine"
    ANALYST = "analyst"
    SURVEY = "survey"


@dataclass(frozen=True)
class LeadRecord:
    """A lead as its observations and reviews leave it today."""

    id: str
    """监测编号: the proposal of its earliest observation."""

    aoi: str
    detector: str
    confidence: Confidence
    stock: Stock
    status: str
    """One of `leads.fields.STATUS`; ``new`` until reviewed."""

    reason: str
    reviewer: str
    remark: str
    version: int
    """Rises with every change that an analyst's edit could conflict with: a review or an outline."""

    change: str
    change_zh: str
    last_before: dt.date
    """Latest clear day before the change."""

    first_seen: dt.date
    """First clear day that shows it: the conduct lies in (last_before, first_seen]."""

    last_seen: dt.date
    looks: int
    """Independent clear looks that showed it."""

    geometry: BaseGeometry
    """The machine's outline today."""

    area_m2: float
    area_low_m2: float
    area_high_m2: float
    score: float
    place: str
    classification: str
    attributes: Mapping[str, Value]
    """The flat row of `leads.attributes.record` for the newest observation that showed it."""

    parents: tuple[str, ...]
    """Leads it was split from or merged of."""

    into: str
    """Lead it was merged into; empty where it stands for itself."""

    created: dt.datetime
    updated: dt.datetime


@dataclass(frozen=True)
class ObservationRecord:
    """One clear look at a lead."""

    id: int
    lead_id: str
    run_id: str
    day: dt.date
    """Solar day of the look."""

    seen: bool
    """False: a clear look that did not show it."""

    geometry: BaseGeometry | None
    """What was seen; None where nothing was."""

    area_m2: float
    score: float
    clear: float
    """Share of the outline that was observed, 0–1."""


@dataclass(frozen=True)
class OutlineRecord:
    """An outline that somebody drew; never changed, only followed by another."""

    lead_id: str
    version: int
    kind: OutlineKind
    geometry: BaseGeometry
    area_m2: float
    made_by: str
    made_at: dt.datetime
    source: str


@dataclass(frozen=True)
class ReviewEvent:
    """A person's verdict on a lead as it was at `base_version`."""

    id: int
    lead_id: str
    base_version: int
    status: str
    reason: str
    remark: str
    reviewer: str
    at: dt.datetime
    source: str
    """Name of the file it came in, or ``postgis``."""

    source_sha256: str


@dataclass(frozen=True)
class RunRecord:
    """One run over an area."""

    id: str
    """Unique: hex of a hash or of a uuid."""

    kind: str
    """``patrol``, ``scan``, ``demo``, ``lookback`` or ``backfill``."""

    aoi: str
    night: dt.date
    started: dt.datetime
    finished: dt.datetime | None
    exit_code: int
    code: str
    """Version of the program."""

    run_json: str
    """Path relative to the home."""

    run_sha256: str


@dataclass(frozen=True)
class CoverageRecord:
    """What was seen, and what was not, of one block on one day."""

    run_id: str
    aoi: str
    block: str
    role: str
    day: dt.date
    observed: float
    """Shares of the block's ground inside the AOI, together 1."""

    cloudy: float
    snow: float
    no_scene: float
    failed: str
    """Why the block could not be worked; empty when it was."""

    geometry: BaseGeometry


@dataclass(frozen=True)
class SeenScene:
    """A scene that a block has been worked with."""

    aoi: str
    block: str
    scene_id: str
    run_id: str
    day: dt.date


@dataclass(frozen=True)
class KnownZone:
    """Ground where a detector keeps finding what is no lead."""

    id: int
    aoi: str
    detector: str
    """Empty: any."""

    geometry: BaseGeometry
    reason: str
    proposed: bool
    """True until an analyst decides."""

    decided_by: str

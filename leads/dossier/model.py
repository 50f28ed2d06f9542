"""What a dossier is made of: everything that is known of one lead, as others gathered it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from leads.attributes import Value
from leads.series.model import History
from leads.store.records import ObservationRecord, OutlineRecord, ReviewEvent

FORMATS = ("html", "pdf", "docx")


@dataclass(frozen=True)
class SceneNote:
    """One image behind a lead."""

    role_zh: str
    """What it served as: 前时相, 后时相, or empty."""

    id: str
    sensor: str
    level: str
    baseline: str
    taken: dt.datetime
    """UTC."""

    time_known: bool
    """False where only the day is known and the time stands at noon."""

    product: str
    """The maker's own id; empty where nobody said."""

    sha256: Mapping[str, str]
    """By asset; may be empty."""


@dataclass(frozen=True)
class Plate:
    """The ground of a lead on one date, in bands enough for true and false colour."""

    role_zh: str
    role_en: str
    day: dt.date
    data: NDArray[np.float32]
    """(4, H, W) red, green, blue, near infrared; NaN = not observed. All NaN where a band is missing."""

    geobox: GeoBox
    scenes: tuple[str, ...]
    sensor: str
    made_zh: str = ""
    """How it was put together, where it is not one scene."""


@dataclass(frozen=True)
class RunNote:
    """Where a lead comes from."""

    code: str
    run_sha256: str
    asked: Mapping[str, str]
    weights: str
    """Hash of the weights, or the word for none."""

    layers: tuple[str, ...]
    """Layers it was held against, each in a line."""

    notes: tuple[str, ...]
    """What the run itself said: failed blocks, unreadable scenes, missing layers."""

    reflectance: bool = True


@dataclass(frozen=True)
class DossierInput:
    """Everything that is known of one lead."""

    values: Mapping[str, Value]
    """The flat row: a value, or None, by the names of `leads.fields.FIELDS`."""

    geometry: BaseGeometry
    """The machine's outline, EPSG:4326."""

    gsd_m: float
    made: dt.datetime
    """Stands on the paper; aware."""

    plates: tuple[Plate, ...] = ()
    """Before and after; may be empty, the dossier then says so."""

    years: tuple[Plate, ...] = ()
    """One a year, of one season, by day."""

    scenes: tuple[SceneNote, ...] = ()
    history: History | None = None
    """None where no archive was given."""

    outlines: tuple[OutlineRecord, ...] = ()
    observations: tuple[ObservationRecord, ...] = ()
    reviews: tuple[ReviewEvent, ...] = ()
    run: RunNote | None = None
    hashes: tuple[tuple[str, str], ...] = ()
    """(name of a file, sha256) for the annex."""

    zone: int | None = None
    """3° zone of the corner table; that of the centre when None."""

    extra: Mapping[str, str] = field(default_factory=dict)
    """Further facts in Chinese, label → text: the case it belongs to, what was seen when it was looked at again."""

    @property
    def id(self) -> str:
        """监测编号."""
        return str(self.values.get("lead_id") or "")

    def day(self, name: str) -> dt.date | None:
        """A date of the row; None where it has none."""
        told = self.values.get(name)
        try:
            return dt.date.fromisoformat(str(told)[:10]) if told else None
        except ValueError:
            return None

    @property
    def conduct(self) -> tuple[dt.date, dt.date] | None:
        """The conduct lies after the first of these days and not later than the second."""
        first, last = self.day("date_bef"), self.day("seen_first")
        return (first, last) if first and last else None

"""What one clear day showed of an area: the input of tracking."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

from leads.attributes import Value
from leads.model import Lead


@dataclass(frozen=True)
class Look:
    """One detector's findings on one solar day, and the ground on which it could have found any."""

    aoi: str
    detector: str
    day: dt.date
    """Solar day of the image."""

    findings: tuple[Lead, ...]
    """From a scan; their ids are proposals. Other days of `Finding.dates_seen` count as looks of their own."""

    rows: Mapping[str, Mapping[str, Value]]
    """`leads.attributes.record` of each finding, by its proposed id."""

    clear: BaseGeometry
    """Ground observed clear that day, EPSG:4326; may be empty."""

    inventory: bool
    """True on an area's first patrol: what it finds was there before (存量)."""

    before: dt.date | None = None
    """Last day of the image that the day was compared with. A change that is older than it can not show, so such a
    look does not speak against a lead; None: the look always speaks."""

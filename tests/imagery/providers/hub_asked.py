"""What the tests of the Sentinel Hub provider ask it for: one day over a small place."""

import datetime as dt
from typing import Any

from shapely.geometry import box

from aoi.grid import to_crs
from imagery.providers.provider import Fetched
from imagery.remote.limits import Limits

DAY = dt.date(2025, 6, 12)
L2A = "S2A_MSIL2A_20250612T030531_N0511_R075_T50UNV_20250612T061501"
PROCESS, SEARCH, TOKEN = "/api/v1/process", "/api/v1/catalog/1.0.0/search", "/auth/token"
FEW = Limits(attempts=3, timeout_s=20, deadline_s=60, concurrency=4)


def ground(size_m: float = 100, left: float = 503_000, bottom: float = 5_392_500, epsg: int = 32650) -> Any:
    """A square in a zone, EPSG:4326."""
    return to_crs(box(left, bottom, left + size_m, bottom + size_m), epsg, 4326)


def nothing() -> None:
    """A step that nobody watches."""


def fetched(provider: Any, place: Any = None) -> Fetched:
    """All that there is of the day."""
    place = ground() if place is None else place
    found: Fetched = provider.fetch(provider.search(place, DAY, DAY), place, nothing)
    return found

"""Which leads go out: the same questions to the store and to a scan's result folder."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shapely.geometry import box

from leads.exports.row import Row, row_of
from leads.fields import STATUS
from leads.store.query import LeadQuery
from leads.store.records import Confidence, Stock
from leads.store.store import home_store
from pipelines.errors import BadInputError
from pipelines.results import read_result


@dataclass(frozen=True)
class Wanted:
    """What is asked for; empty does not matter."""

    aoi: str = ""
    detectors: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    confidences: tuple[Confidence, ...] = ()
    stocks: tuple[Stock, ...] = ()
    since: dt.date | None = None
    """First seen on this day or later."""

    until: dt.date | None = None
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north in degrees, touched by the outline."""

    place: str = ""
    """Part of the place's name."""

    @classmethod
    def parsed(
        cls,
        aoi: str,
        model: str,
        status: str,
        confidence: str,
        stock: str,
        since: str,
        until: str,
        bbox: str,
        place: str,
    ) -> "Wanted":
        """From the command line's texts.

        Raises:
            BadInputError: if one of them is not what it should be.
        """
        first, last = _day(since, "--since"), _day(until, "--until")
        if first and last and last < first:
            raise BadInputError(f"--since {first} is later than --until {last}; swap them")
        return cls(
            aoi.strip(),
            _detectors(model),
            _among(status, tuple(stored for stored, _, _ in STATUS), "--status"),
            tuple(map(Confidence, _among(confidence, tuple(Confidence), "--confidence"))),
            tuple(map(Stock, _among(stock, tuple(Stock), "--stock"))),
            first,
            last,
            _box(bbox),
            place.strip(),
        )

    def takes(self, row: Row) -> bool:
        """Whether a row of a scan is asked for."""
        values = row.values
        seen = str(values.get("seen_first") or "")[:10]
        return (
            (not self.detectors or values.get("model") in self.detectors)
            and (not self.statuses or (values.get("status") or "new") in self.statuses)
            and (not self.confidences or values.get("grade") in self.confidences)
            and (self.since is None or seen >= self.since.isoformat())
            and (self.until is None or (seen != "" and seen <= self.until.isoformat()))
            and (self.bbox is None or row.geometry.intersects(box(*self.bbox)))
            and self.place in str(values.get("place") or "")
        )

    @property
    def query(self) -> LeadQuery:
        """The same, asked of the store."""
        return LeadQuery(
            aoi=self.aoi or None,
            detectors=self.detectors or None,
            statuses=self.statuses or None,
            confidences=self.confidences or None,
            stocks=self.stocks or None,
            since=self.since,
            until=self.until,
            bbox=self.bbox,
            place=self.place or None,
        )


def rows_of(wanted: Wanted, result: Path | None, home: Path) -> Iterator[Row]:
    """The leads that are asked for, from a scan's result folder or else the store.

    Raises:
        BadInputError: if the folder is no result, or is asked what only the store knows.
        StoreError: if the store can not be read.
    """
    if result is not None:
        if wanted.aoi or wanted.stocks:
            raise BadInputError(
                "--aoi and --stock are asked of the store; a scan's result knows neither, leave them out"
            )
        yield from filter(wanted.takes, read_result(result).rows)
        return
    with home_store(home, create=False) as store:
        yield from map(row_of, store.leads(wanted.query))


def _day(text: str, option: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError as error:
        raise BadInputError(f"{option} {text!r} is not a date; write it as 2024-07-20") from error


def _among(text: str, known: tuple[str, ...], option: str) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for part in asked:
        if part not in known:
            raise BadInputError(f"{option} {part!r} is unknown; choose among {', '.join(known)}")
    return asked


def _detectors(text: str) -> tuple[str, ...]:
    from detectors.core.registry import choose

    asked = tuple(part.strip() for part in text.split(",") if part.strip())
    return tuple(one.id for one in choose(asked)) if asked and "all" not in asked else ()


def _box(text: str) -> tuple[float, float, float, float] | None:
    if not text.strip():
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise BadInputError(f"--bbox {text!r} is not west,south,east,north in degrees") from error
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise BadInputError(f"--bbox {text!r}: west must be less than east, south less than north, all in degrees")
    return west, south, east, north

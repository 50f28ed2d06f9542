"""What is asked of a scan."""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from aoi.grid import BLOCK_PX
from aoi.model import Aoi
from imagery.providers.provider import Provider
from pipelines.errors import BadInputError

Method = Literal["auto", "network", "training-free"]

DateRange = tuple[dt.date, dt.date]
"""First and last day, both inclusive."""


@dataclass(frozen=True)
class ScanRequest:
    """One scan: where, between when and when, for what, and where the result goes."""

    aoi: Aoi
    source: Provider
    """Where imagery comes from; `imagery.providers.local.LocalProvider` for an archive."""

    before: DateRange
    after: DateRange
    out: Path
    detectors: tuple[str, ...] = ()
    """Ids; empty means all."""

    layers: Path | None = None
    """A GeoPackage, file or folder of statutory layers; None = those that the home keeps."""

    scores: bool = False
    """Whether to write one score COG per detector and UTM zone."""

    quicklooks: bool = True
    """Whether to draw each lead before and after."""

    layers_status: Literal["official", "derived", "simulated"] = "official"
    """What the layers are; nothing in a file says it."""

    method: Method = "auto"
    """``network`` insists on trained weights, ``training-free`` does without; ``auto`` takes them where they are."""

    block_px: int = BLOCK_PX
    """Edge of a block's core in pixels; it decides memory and speed, never the leads."""

    today: dt.date = field(default_factory=dt.date.today)
    """Day of the run, on which permits and restoration plans are read."""

    before_also: tuple[DateRange, ...] = ()
    """Other ranges whose scenes are before as well: the same season of earlier years."""

    blocks: frozenset[str] | None = None
    """Ids of the blocks to work; None = all of the area."""

    blind: bool = False
    """Whether a scan that saw nothing ends like any other, with its coverage, instead of being refused."""


def parse_method(text: str) -> Method:
    """Read ``auto``, ``network`` or ``training-free``.

    Raises:
        BadInputError: if it is another word.
    """
    if text not in get_args(Method):
        raise BadInputError(f"--method {text!r} is unknown; write one of {', '.join(get_args(Method))}")
    return cast(Method, text)


def parse_dates(text: str, option: str) -> DateRange:
    """Read ``2016-12-01/2016-12-31`` or a single day.

    Args:
        text: ISO dates, inclusive at both ends.
        option: name of the command-line option, for the message.

    Raises:
        BadInputError: if a date can not be read or the range runs backwards.
    """
    parts = text.split("/")
    if len(parts) > 2:
        raise BadInputError(f"{option} {text!r} has {len(parts)} dates; write one day or FIRST/LAST")
    days = [_day(part.strip(), text, option) for part in parts]
    first, last = days[0], days[-1]
    if last < first:
        raise BadInputError(f"{option} {text!r} runs backwards; write {last}/{first}")
    return first, last


def _day(part: str, text: str, option: str) -> dt.date:
    try:
        return dt.date.fromisoformat(part)
    except ValueError as error:
        missing = "a date is missing" if not part else f"{part!r} is not a date"
        raise BadInputError(f"{option} {text!r}: {missing}; write days as 2016-12-09") from error


def check_order(before: DateRange, after: DateRange) -> None:
    """Refuse ranges that overlap or stand in the wrong order.

    Raises:
        BadInputError: naming both ranges.
    """
    if after[0] <= before[1]:
        raise BadInputError(
            f"--after {after[0]}/{after[1]} must begin later than --before {before[0]}/{before[1]} ends; "
            "swap them or shorten one"
        )

"""Where a finding stands beside the law: permits' clocks, a mine's three answers, what was known before.

Types only; `leads.permits`, `leads.temporary`, `leads.mining` and `leads.known` fill them.
"""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from leads.rules.interval import Interval
from leads.rules.outcome import Sentence

Ground = Literal["grassland", "forest_land", "other", ""]
"""What a permit occupies; empty where nobody says."""


class PermitState(StrEnum):
    """Where a permit stands on a day."""

    NOT_YET = "not yet in term"
    IN_TERM = "in term"
    RECLAIMING = "expired, in the reclamation year"
    OVERDUE = "overdue"
    RECLAIMED = "reclamation accepted"
    UNKNOWN = "unknown"


YesNo = Literal["yes", "no", "unknown"]


@dataclass(frozen=True)
class Permit:
    """A temporary-land permit as its row has it; None and empty are what it does not say."""

    id: str
    holder: str = ""
    approved: dt.date | None = None
    expires: dt.date | None = None
    """Last day of the term, also where it was only given as a length of time."""

    extended: dt.date | None = None
    """Last day after an extension."""

    reclaim_by: dt.date | None = None
    accepted: dt.date | None = None
    """Reclamation accepted on."""

    project: str = ""
    """Kind of project; the law gives some kinds four years."""

    ground: Ground = ""
    registered: bool | None = None
    """In the national system."""

    unreadable: tuple[str, ...] = ()
    """What is written and is no date, such as ``expires: 2021-13-01``."""


@dataclass(frozen=True)
class Clock:
    """Where a permit stands on one day."""

    on: dt.date
    state: PermitState
    ends: dt.date | None
    """Last day of the term, extension included."""

    reclaim_by: dt.date | None
    """Last day for reclaiming: the law's, or the permit's own where that is earlier."""

    term_too_long: YesNo
    """Whether the term is longer than the law allows."""

    lawful_end: dt.date | None
    """Last day of the longest term that the law allows."""

    recognised: YesNo
    """Whether it is in the national system; ``unknown`` too where no rule asked for that on the day."""

    missing: tuple[str, ...]
    """What would have to be known, by our names of columns."""

    rules: tuple[str, ...]
    """Ids of the rules that it rests on."""

    notes: tuple[Sentence, ...] = ()


@dataclass(frozen=True)
class PermitUse:
    """A permit that a patch lies in, on two days."""

    permit: Permit
    inside_m2: float
    at_first_seen: Clock
    today: Clock


@dataclass(frozen=True)
class TemporaryUse:
    """What the permits say of a patch; only the papers and the calendar, no verdict."""

    permits: tuple[PermitUse, ...]
    """The one with most of the patch first; empty where it lies in none."""

    ground: Ground
    """What most of the patch is by the maps; empty where they do not say."""

    beyond: YesNo
    """Whether ground outside every permit is used. ``unknown`` where it is less than the outline's own doubt."""

    beyond_m2: Interval
    building_in_term: bool
    """Built ground was seen while a permit was in term. Whether it is permanent needs a field check."""


class Cover(StrEnum):
    """An answer."""

    YES = "yes"
    NO = "no"
    PARTLY = "partly"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class MineAnswer:
    """One of the three."""

    cover: Cover
    covered_m2: float
    """Of the patch, in features that are sure to count on all days of the conduct."""

    uncertain_m2: float
    """In features whose dates are missing, or change inside the interval of the conduct."""

    patch_m2: float
    features: tuple[str, ...]
    """Ids of the features that the patch lies in, the one with most of it first, whether they count or not."""

    notes: tuple[Sentence, ...]


@dataclass(frozen=True)
class MineAnswers:
    """The three, apart."""

    licence: MineAnswer
    """Does a mining right in force cover the ground?"""

    land_approval: MineAnswer
    """Does a land approval in force cover it?"""

    restoration: MineAnswer
    """Does a restoration plan cover it, and is its day not past, or the work accepted?"""


class KnownState(StrEnum):
    """What a finding is against known patches and penalties."""

    NEW = "new"
    KNOWN = "known"
    UNRESTORED = "unrestored"
    """Penalised, the day for restoring is past, and the table says that it was not done."""

    UNKNOWN = "unknown"
    """Nobody gave known patches."""


@dataclass(frozen=True)
class Known:
    """A finding against known patches, and why."""

    state: KnownState
    patch_id: str = ""
    """Known patch that decides, or that overlaps most; empty where there is none."""

    share: float = 0.0
    """Of the finding's patch that lies in it, 0–1."""

    penalty_id: str = ""
    deadline: dt.date | None = None
    performed: str = ""
    """``yes``, ``partly``, ``no``; empty where nobody says."""

    reasons: tuple[Sentence, ...] = ()

"""What the book of cases hands out: frozen rows."""

import datetime as dt
from dataclasses import dataclass

from leads.priority import SHANGHAI


@dataclass(frozen=True)
class CaseEvent:
    """One step of a case; never changed, only followed by another."""

    id: int
    case_id: str
    state: str
    at: dt.datetime
    """The day of the step, aware UTC."""

    due: dt.date | None
    """Last day of the term that the step began."""

    by: str
    note: str

    @property
    def day(self) -> dt.date:
        """The step's day in Asia/Shanghai."""
        return self.at.astimezone(SHANGHAI).date()


@dataclass(frozen=True)
class Case:
    """A case as its steps leave it."""

    id: str
    title: str
    state: str
    regulator: str
    addressee: str
    jurisdiction: str
    opened: dt.date
    closed: dt.date | None
    created: dt.datetime
    updated: dt.datetime
    version: int
    """Rises with every change."""

    leads: tuple[str, ...]
    events: tuple[CaseEvent, ...]
    """Oldest first."""

    def first(self, state: str, until: dt.date | None = None) -> dt.date | None:
        """The day on which it first came to a state; None where it has not by `until`."""
        days = [one.day for one in self.events if one.state == state and (until is None or one.day <= until)]
        return min(days, default=None)

    def state_on(self, day: dt.date) -> str:
        """The state it was in at the end of a day; empty before it was opened."""
        past = [one for one in self.events if one.day <= day]
        return max(past, key=lambda one: (one.at, one.id)).state if past else ""

    @property
    def due(self) -> dt.date | None:
        """The last day of the term that runs; None where none does.

        A term runs until the case is answered or moves on: a note that repeats the state leaves it running.
        """
        running = None
        for one in self.events:
            if one.due is not None:
                running = one
            elif running is not None and one.state != running.state:
                running = None
        return running.due if running is not None and running.state == self.state else None


@dataclass(frozen=True)
class Running:
    """A term that runs, and how it stands on a day."""

    case: Case
    due: dt.date
    days_left: int
    """Negative when it is past."""

"""Terms of the procedure as dated records: which was in force on the day that a term began, and when it ends."""

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Self

from pydantic import Field, model_validator

from leads.cases.errors import CaseError
from leads.clock import add_months
from leads.shipped import Documented, Record, shipped


class ClockRule(Documented):
    """One term, as a document sets it."""

    clock: str
    urgent: bool = False
    months: int | None = Field(default=None, ge=1)
    days: int | None = Field(default=None, ge=1, description="calendar days")

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if (self.months is None) == (self.days is None):
            raise ValueError(f"{self.id}: a term is given in months or in days")
        return self

    def last_day(self, begins: dt.date) -> dt.date:
        """The last day of a term that a day begins; that day itself does not count (民法典 arts 201–202).

        Where it is a statutory holiday the term runs to the day after it (art. 203): that is for people to see, as the
        calendar of holidays is set year by year.
        """
        if self.months is not None:
            return add_months(begins, self.months)
        return begins + dt.timedelta(days=self.days or 0)


class _Clocks(Record):
    clocks: tuple[ClockRule, ...]


@dataclass(frozen=True)
class Term:
    """A term that runs."""

    due: dt.date
    rule: ClockRule


@cache
def load_clocks() -> tuple[ClockRule, ...]:
    """All shipped records, also the disabled ones.

    Raises:
        CaseError: if their file is missing or does not hold together.
    """
    return shipped("leads.cases", "clocks.json", _Clocks, CaseError).clocks


def term_of(clock: str, begins: dt.date, urgent: bool = False) -> Term:
    """The term that a day begins, by the rule in force on it.

    Args:
        clock: such as ``reply``.
        begins: the day that starts it: for a reply the day on which the recommendation was received.
        urgent: whether the shorter term for urgent cases holds.

    Raises:
        CaseError: if no rule that was checked was in force then.
    """
    for rule in load_clocks():
        if rule.enabled and rule.clock == clock and rule.urgent == urgent and rule.covers(begins, begins):
            return Term(rule.last_day(begins), rule)
    raise CaseError(f"no verified rule says how long the term {clock!r} is from {begins} on: give its end with --due")

"""Terms of the procedure as dated records: which was in force on the day that a term began, and when it ends."""

import datetime as dt
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from leads.cases.errors import CaseError
from leads.clock import add_months


class ClockRule(BaseModel):
    """One term, as a document sets it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    clock: str
    urgent: bool = False
    document: str
    article: str
    title_zh: str
    title_en: str
    effective_from: dt.date | None = Field(default=None, description="first day; none only in a draft")
    effective_to: dt.date | None = Field(default=None, description="last day")
    months: int | None = Field(default=None, ge=1)
    days: int | None = Field(default=None, ge=1, description="calendar days")
    confidence: Literal["H", "M", "V"]
    source: str
    verified: bool
    verified_on: dt.date | None = None
    verified_note: str = ""

    @property
    def enabled(self) -> bool:
        """False for what still has to be verified."""
        return self.confidence != "V"

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if (self.months is None) == (self.days is None):
            raise ValueError(f"{self.id}: a term is given in months or in days")
        if self.enabled and self.effective_from is None:
            raise ValueError(f"{self.id}: a term that is used needs its first day")
        if self.verified != (self.verified_on is not None):
            raise ValueError(f"{self.id}: verified and verified_on belong together")
        return self

    def in_force(self, day: dt.date) -> bool:
        """Whether it was in force on a day."""
        begun = self.effective_from is not None and self.effective_from <= day
        return begun and (self.effective_to is None or day <= self.effective_to)

    def last_day(self, begins: dt.date) -> dt.date:
        """The last day of a term that a day begins; that day itself does not count (民法典 arts 201–202).

        Where it is a statutory holiday the term runs to the day after it (art. 203): that is for people to see, as the
        calendar of holidays is set year by year.
        """
        if self.months is not None:
            return add_months(begins, self.months)
        return begins + dt.timedelta(days=self.days or 0)


class _Clocks(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

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
    file = files("leads.cases").joinpath("clocks.json")
    try:
        return _Clocks.model_validate_json(file.read_bytes()).clocks
    except OSError as error:
        raise CaseError("clocks.json with the terms of the procedure is missing: install Weixun again") from error
    except ValidationError as error:
        raise CaseError(f"clocks.json holds a term that does not hold together: {error}") from error


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
        if rule.enabled and rule.clock == clock and rule.urgent == urgent and rule.in_force(begins):
            return Term(rule.last_day(begins), rule)
    raise CaseError(f"no verified rule says how long the term {clock!r} is from {begins} on: give its end with --due")

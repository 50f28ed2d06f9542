"""The states of a case and the steps between them, as the records beside this module have them."""

from functools import cache
from typing import Self

from pydantic import Field, model_validator

from leads.cases.errors import CaseError
from leads.shipped import Record, shipped


class CaseState(Record):
    """A state that a case can be in."""

    id: str
    zh: str
    en: str
    next: tuple[str, ...] = Field(description="states that may follow")
    ends: bool = Field(default=False, description="the case is not open any more")
    clock: str = Field(default="", description="clock that starts on the day of the step")
    needs: str = Field(default="", description="state that must have come before, with its term over or answered")


class Procedure(Record):
    """All states; the first is the one that a case opens in."""

    states: tuple[CaseState, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        ids = [state.id for state in self.states]
        for state in self.states:
            named = {*state.next, *filter(None, [state.needs])}
            if ids.count(state.id) > 1 or named - set(ids):
                raise ValueError(f"{state.id}: is there twice, or names a state that is not there")
        return self

    def state(self, name: str) -> CaseState:
        """A state by id, Chinese or English name.

        Raises:
            CaseError: if there is none.
        """
        for one in self.states:
            if name.strip().casefold() in (one.id, one.zh, one.en.casefold()):
                return one
        told = ", ".join(f"{one.id} {one.zh}" for one in self.states)
        raise CaseError(f"{name[:40]!r} is no state of a case; use one of {told}")


@cache
def procedure() -> Procedure:
    """The shipped procedure.

    Raises:
        CaseError: if its file is missing or does not hold together.
    """
    return shipped("leads.cases", "procedure.json", Procedure, CaseError)

"""Records shipped as JSON beside the code, and what those have in common that say what a document says."""

import datetime as dt
from importlib.resources import files
from typing import Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from leads.errors import LeadsError

T = TypeVar("T", bound=BaseModel)


class Record(BaseModel):
    """What a shipped file holds: nothing but what it is known to hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Documented(Record):
    """What a document says, from when to when, and whether anybody held it against the document."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    document: str = Field(description="文号, or the name of a law")
    article: str
    title_zh: str
    title_en: str
    effective_from: dt.date | None = Field(default=None, description="first day; none only in a draft")
    effective_to: dt.date | None = Field(default=None, description="last day")
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
    def _has_its_days(self) -> Self:
        if self.effective_from is None and self.enabled:
            raise ValueError(f"{self.id}: what is used needs its first day")
        if self.effective_from and self.effective_to and self.effective_to < self.effective_from:
            raise ValueError(f"{self.id}: its last day is before its first")
        if self.verified != (self.verified_on is not None):
            raise ValueError(f"{self.id}: verified and verified_on belong together")
        return self

    def overlaps(self, first: dt.date, last: dt.date) -> bool:
        """Whether it was in force on any of the days from first to last."""
        if self.effective_from is None or self.effective_from > last:
            return False
        return self.effective_to is None or self.effective_to >= first

    def covers(self, first: dt.date, last: dt.date) -> bool:
        """Whether it was in force on all of the days from first to last."""
        if self.effective_from is None or self.effective_from > first:
            return False
        return self.effective_to is None or self.effective_to >= last


def shipped(package: str, name: str, model: type[T], error: type[LeadsError]) -> T:
    """What a shipped file holds.

    Args:
        package: beside whose modules it lies.
        name: of the file.
        model: what it has to be.
        error: of the part that it belongs to.

    Raises:
        LeadsError: of that kind, if the file is missing or does not hold together.
    """
    try:
        return model.model_validate_json(files(package).joinpath(name).read_bytes())
    except OSError as missing:
        raise error(f"{name} of {package} is missing: install Weixun again") from missing
    except ValidationError as wrong:
        raise error(f"{name} of {package} does not hold together: {wrong}") from wrong

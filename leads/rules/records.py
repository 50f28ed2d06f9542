"""Rules as records: what a document says, from when, on which ground, and from what area on.

The records are JSON beside this module; docs/design/rules.md says where they come from. One that no source bears out
(confidence ``V``) is shipped disabled.
"""

import datetime as dt
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from leads.errors import RuleError

Kind = Literal["area", "use", "permit", "value", "note"]
Use = Literal[
    "building", "mining", "digging", "dumping", "cultivation", "road", "filling", "draining", "dike", "tall_crop",
    "burning", "pond", "none",
]  # fmt: skip

T = TypeVar("T", bound=BaseModel)

M2_PER_MU = Fraction(2000, 3)
"""One 亩, exactly."""

FILES = ("farmland", "forest_grass", "temporary", "water", "mines", "drafts")
"""Names of the shipped files, in the order in which their rules are listed."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Record):
    """A sentence in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Clause(_Record):
    """One kind of ground that a rule counts, with its threshold."""

    id: str
    ground_zh: str
    ground_en: str
    within: tuple[str, ...] = Field(min_length=1, description="counted: the ground in any of these layers …")
    also_within: tuple[str, ...] = Field(default=(), description="… that lies in one of these as well …")
    without: tuple[str, ...] = Field(default=(), description="… and in none of these")
    category: Literal["public", "commercial"] | None = Field(default=None, description="of forest land")
    threshold_mu: float | None = Field(default=None, gt=0, description="亩; reached by an area equal to it (以上)")
    threshold_m3: float | None = Field(default=None, gt=0, description="m³; imagery can not decide it")

    @property
    def threshold_m2(self) -> float | None:
        """The threshold in m²: the floating-point number nearest to it."""
        return None if self.threshold_mu is None else float(Fraction(self.threshold_mu) * M2_PER_MU)


class GivesWay(_Record):
    """On some ground another rule takes this one's place, as long as that other one is in force."""

    rule: str
    on: tuple[str, ...] = Field(min_length=1)


class AfterPenalty(_Record):
    """A lower threshold for who was penalised before."""

    count: int = Field(ge=1, description="penalties that it takes")
    years: int = Field(ge=1, description="from the penalty to the conduct, at most")
    of: tuple[str, ...] = Field(min_length=1, description="what the penalties were for")
    factor: float = Field(gt=0, lt=1, description="of the threshold")


class PermitTerms(_Record):
    """The clock that a document sets for temporary land."""

    ground: Literal["any", "grassland", "forest_land"]
    term_years: int | None = Field(default=None, ge=1)
    long_term_years: int | None = Field(default=None, ge=1, description="for the kinds of works named")
    long_kinds: tuple[str, ...] = ()
    reclaim_years: int | None = Field(default=None, ge=0, description="after expiry; 0 is on expiry")
    national_system: bool = Field(default=False, description="a permit must be in the national system")


class Rule(_Record):
    """One record."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    kind: Kind = Field(description="decided by area, by use, by a permit's dates, by value; or a note on all of them")
    detectors: tuple[str, ...] = Field(description="whose rule it is: these say so where its layer was not given")
    elsewhere: bool = Field(default=False, description="considered for any other detector's patch on its ground too")
    document: str = Field(description="文号, or the name of a law")
    article: str
    title_zh: str
    title_en: str
    effective_from: dt.date | None = Field(default=None, description="first day; none only in a draft")
    effective_to: dt.date | None = Field(default=None, description="last day")
    ground: tuple[str, ...] = Field(description="layers, one of which a patch must cross; empty: any ground")
    feature: tuple[str, ...] = Field(default=(), description="words one of which the feature's name must hold")
    uses: tuple[Use, ...] = Field(default=(), description="uses listed by the document; empty: any change of use")
    clauses: tuple[Clause, ...] = ()
    sum: Literal["each", "shares"] = Field(default="each", description="shares: parts of each threshold add up")
    after_penalty: AfterPenalty | None = None
    gives_way_to: GivesWay | None = None
    zones: tuple[str, ...] = Field(default=(), description="names of reserve zones that the document knows")
    permit: PermitTerms | None = None
    never: tuple[Words, ...] = Field(default=(), description="what imagery can never decide")
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
        if self.effective_from is None and self.enabled:
            raise ValueError(f"{self.id}: a rule that is used needs its first day")
        if self.effective_from and self.effective_to and self.effective_to < self.effective_from:
            raise ValueError(f"{self.id}: its last day is before its first")
        if self.verified != (self.verified_on is not None):
            raise ValueError(f"{self.id}: verified and verified_on belong together")
        if (self.kind == "area") != any(clause.threshold_mu for clause in self.clauses):
            raise ValueError(f"{self.id}: a rule by area has a threshold, and no other has")
        if (self.kind == "permit") != (self.permit is not None):
            raise ValueError(f"{self.id}: a rule by permit has terms, and no other has")
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


class UseWords(_Record):
    """Words in a change's Chinese name that tell a use."""

    use: Use
    words: tuple[str, ...] = Field(min_length=1)


class Settings(_Record):
    """What belongs to no single rule."""

    recheck_from: dt.date = Field(description="conduct from this day on: every rule is to be checked again …")
    recheck_document: str = Field(description="… against this")
    uses: tuple[UseWords, ...]
    detector_uses: dict[str, tuple[Use, ...]] = Field(description="uses that a detector's patches always have")


class _Rules(_Record):
    rules: tuple[Rule, ...]


@cache
def load_rules() -> tuple[Rule, ...]:
    """All shipped records, also the disabled ones, in the order of their files.

    Raises:
        RuleError: if a file is missing or a record does not hold together.
    """
    rules = tuple(rule for name in FILES for rule in _parsed(name, _Rules).rules)
    ids = [rule.id for rule in rules]
    for rule in rules:
        if ids.count(rule.id) > 1:
            raise RuleError(f"the rule {rule.id} is there twice")
        if rule.gives_way_to and rule.gives_way_to.rule not in ids:
            raise RuleError(f"the rule {rule.id} gives way to {rule.gives_way_to.rule}, which is not there")
    return rules


@cache
def load_settings() -> Settings:
    """What belongs to no single rule.

    Raises:
        RuleError: if the file is missing or does not hold together.
    """
    return _parsed("settings", Settings)


def _parsed(name: str, model: type[T]) -> T:
    file = files("leads.rules").joinpath(f"{name}.json")
    try:
        return model.model_validate_json(file.read_bytes())
    except OSError as error:
        raise RuleError(f"{name}.json with the rules is missing: install Weixun again") from error
    except ValidationError as error:
        raise RuleError(f"{name}.json holds a rule that does not hold together: {error}") from error

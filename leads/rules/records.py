"""Rules as records: what a document says, from when, on which ground, and from what area on.

The records are JSON beside this module; docs/design/rules.md says where they come from. One that no source bears out
(confidence ``V``) is shipped disabled.
"""

import datetime as dt
from fractions import Fraction
from functools import cache
from typing import Literal, Self

from pydantic import Field, model_validator

from leads.errors import RuleError
from leads.shipped import Documented, Record, shipped

Kind = Literal["area", "use", "permit", "value", "note"]
Use = Literal[
    "building", "mining", "digging", "dumping", "cultivation", "road", "filling", "draining", "dike", "tall_crop",
    "burning", "pond", "none",
]  # fmt: skip

M2_PER_MU = Fraction(2000, 3)
"""One 亩, exactly."""

FILES = ("farmland", "forest_grass", "temporary", "water", "mines", "drafts")
"""Names of the shipped files, in the order in which their rules are listed."""


class Words(Record):
    """A sentence in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Clause(Record):
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


class GivesWay(Record):
    """On some ground another rule takes this one's place, as long as that other one is in force."""

    rule: str
    on: tuple[str, ...] = Field(min_length=1)


class AfterPenalty(Record):
    """A lower threshold for who was penalised before."""

    count: int = Field(ge=1, description="penalties that it takes")
    years: int = Field(ge=1, description="from the penalty to the conduct, at most")
    of: tuple[str, ...] = Field(min_length=1, description="what the penalties were for")
    factor: float = Field(gt=0, lt=1, description="of the threshold")


class PermitTerms(Record):
    """The clock that a document sets for temporary land."""

    ground: Literal["any", "grassland", "forest_land"]
    term_years: int | None = Field(default=None, ge=1)
    long_term_years: int | None = Field(default=None, ge=1, description="for the kinds of works named")
    long_kinds: tuple[str, ...] = ()
    reclaim_years: int | None = Field(default=None, ge=0, description="after expiry; 0 is on expiry")
    national_system: bool = Field(default=False, description="a permit must be in the national system")


class Rule(Documented):
    """One record."""

    kind: Kind = Field(description="decided by area, by use, by a permit's dates, by value; or a note on all of them")
    detectors: tuple[str, ...] = Field(description="whose rule it is: these say so where its layer was not given")
    elsewhere: bool = Field(default=False, description="considered for any other detector's patch on its ground too")
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

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if (self.kind == "area") != any(clause.threshold_mu for clause in self.clauses):
            raise ValueError(f"{self.id}: a rule by area has a threshold, and no other has")
        if (self.kind == "permit") != (self.permit is not None):
            raise ValueError(f"{self.id}: a rule by permit has terms, and no other has")
        return self


class UseWords(Record):
    """Words in a change's Chinese name that tell a use."""

    use: Use
    words: tuple[str, ...] = Field(min_length=1)


class Settings(Record):
    """What belongs to no single rule."""

    recheck_from: dt.date = Field(description="conduct from this day on: every rule is to be checked again …")
    recheck_document: str = Field(description="… against this")
    uses: tuple[UseWords, ...]
    detector_uses: dict[str, tuple[Use, ...]] = Field(description="uses that a detector's patches always have")


class _Rules(Record):
    rules: tuple[Rule, ...]


@cache
def load_rules() -> tuple[Rule, ...]:
    """All shipped records, also the disabled ones, in the order of their files.

    Raises:
        RuleError: if a file is missing or a record does not hold together.
    """
    rules = tuple(rule for name in FILES for rule in shipped("leads.rules", f"{name}.json", _Rules, RuleError).rules)
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
    return shipped("leads.rules", "settings.json", Settings, RuleError)

"""Where a finding lies against a rule. Nothing here is a verdict: a lead (线索) stays one."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class State(StrEnum):
    """What imagery can say of a rule."""

    BELOW = "below"
    STRADDLES = "straddles"
    """The threshold lies inside the interval of the area, or the ground in question is not known well enough."""

    ABOVE = "above"
    """Every area in the interval reaches the threshold."""

    USE = "use"
    """The rule has no threshold: it goes by what the ground is used for."""

    CLOCK = "clock"
    """The rule is a permit's clock: `leads.permits`."""

    VOLUME = "needs volume survey"
    UNDECIDED = "not decidable from imagery"
    NO_LAYER = "layer not given"
    """The ground that the rule is about is not known, because nobody gave its layer."""


Listed = Literal["listed", "not listed", "not told", "any"]
"""The use is one that the document lists / is another / is not told by the imagery / the document lists none."""


@dataclass(frozen=True)
class Sentence:
    """A remark in both languages."""

    zh: str
    en: str


@dataclass(frozen=True)
class Counted:
    """A feature whose ground was counted, and how much of the patch lies in it."""

    kind: str
    feature_id: str
    area_m2: float


@dataclass(frozen=True)
class Compared:
    """One kind of ground against its threshold."""

    clause: str
    ground_zh: str
    ground_en: str
    unit: Literal["mu", "share"]
    """亩; or parts of each threshold, added up."""

    value: float | None
    """None where only an interval can be told."""

    low: float
    high: float
    threshold: float | None
    """In the same unit; None where the rule has none."""

    state: State
    after_penalty: Literal["no", "applies", "may apply"] = "no"
    """Whether the threshold is the lower one after penalties, and whether their dates hold for the whole interval of
    the conduct. That it is the same person has to be checked in any case."""


@dataclass(frozen=True)
class RuleFinding:
    """A rule that was considered for a finding."""

    rule_id: str
    document: str
    """文号, or the name of a law."""

    article: str
    title_zh: str
    title_en: str
    confidence: Literal["H", "M", "V"]
    state: State
    compared: tuple[Compared, ...]
    counted: tuple[Counted, ...]
    """The features behind all comparisons, the largest first."""

    begins: dt.date | None
    """Where it holds only for conduct from a day inside the interval on: that day."""

    ends: dt.date | None
    """Where it holds only for conduct up to a day inside the interval: that day."""

    use: Listed
    needs_volume: bool
    notes: tuple[Sentence, ...]
    """Why it is listed, and what imagery can not decide."""

    @property
    def in_part(self) -> bool:
        """True where it was not in force during the whole interval of the conduct."""
        return self.begins is not None or self.ends is not None

    @property
    def decisive(self) -> Compared | None:
        """The comparison that gave the state; None where there was none."""
        return next((one for one in self.compared if one.state == self.state), next(iter(self.compared), None))

"""What a write to the store did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class NightResult:
    """What a night changed, by lead id."""

    new: tuple[str, ...] = ()
    grown: tuple[str, ...] = ()
    """Whose outline is materially another than the one last handed out."""

    confirmed: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    """Withdrawn leads that were seen again, and rejected ones that grew past the outline that was rejected."""

    merged: Mapping[str, str] = field(default_factory=dict)
    """Lead that ended → lead that goes on for both."""

    split: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Lead → leads that came off it."""

    unchanged: int = 0
    """Leads that were looked at and stayed as they were."""


@dataclass(frozen=True)
class Outcome:
    """What became of a review."""

    kind: Literal["applied", "unchanged", "conflict", "unknown", "invalid"]
    message: str
    """One sentence for the analyst."""

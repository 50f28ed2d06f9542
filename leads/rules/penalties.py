"""Earlier penalties: which there were, and whether they lower a threshold on the days of the conduct."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from leads.clock import add_years
from leads.model import Crossing
from leads.rows import Row
from leads.rules.records import AfterPenalty

Ground = Literal["grassland", "forest", "cropland", "farmland", "other", ""]

Performed = Literal["yes", "partly", "no", ""]

_GROUNDS: tuple[tuple[str, Ground], ...] = (
    ("草", "grassland"),
    ("grass", "grassland"),
    ("林", "forest"),
    ("forest", "forest"),
    ("耕", "cropland"),
    ("crop", "cropland"),
    ("农用地", "farmland"),
    ("farm", "farmland"),
)
"""Words that tell what was occupied."""

_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Penalty:
    """A penalty that may concern a finding."""

    id: str
    """处罚决定书文号."""

    decided: dt.date | None
    """None where the table does not say."""

    ground: Ground = ""
    """What was occupied; empty where the table does not say."""

    holder: str = ""
    patch: str = ""
    """Number of the known patch it was for."""

    licence: str = ""
    deadline: dt.date | None = None
    """Last day for restoring the ground."""

    performed: Performed = ""
    performed_on: dt.date | None = None


def penalty_of(crossing: Crossing) -> Penalty:
    """A penalty from a row of the table of penalties, given as a crossing (its area does not matter)."""
    row = Row(crossing.attributes)
    return Penalty(
        id=crossing.feature_id,
        decided=row.date("decided").date,
        ground=_ground(row.text("ground")),
        holder=row.text("holder"),
        patch=row.text("patch"),
        licence=row.text("licence"),
        deadline=row.date("deadline", "last").date,
        performed=performance(row),
        performed_on=row.date("performed_on").date,
    )


def concerning(penalties: Iterable[Penalty], crossings: Sequence[Crossing]) -> tuple[Penalty, ...]:
    """The penalties that may concern a finding, in their order.

    Those for a known patch it crosses, under a permit or licence it crosses, or of whoever holds one of these. That
    the conduct is the same person's has to be checked by people.
    """
    rows = [Row(one.attributes) for one in crossings]
    patches = {one.feature_id for one in crossings if one.kind == "known_patches"}
    numbers = {row.text("penalty") for one, row in zip(crossings, rows, strict=True) if one.kind == "known_patches"}
    licences = {row.text("licence") for row in rows} | {one.feature_id for one in crossings}
    holders = {row.text("holder") for row in rows}
    return tuple(
        penalty
        for penalty in penalties
        if (penalty.patch and penalty.patch in patches)
        or (penalty.id and penalty.id in numbers)
        or (penalty.licence and penalty.licence in licences)
        or (penalty.holder and penalty.holder in holders)
    )


def lowered(
    terms: AfterPenalty, penalties: Sequence[Penalty], first: dt.date, last: dt.date
) -> Literal["no", "applies", "may apply"]:
    """Whether a threshold is lower on the days of the conduct, because of earlier penalties.

    Args:
        terms: how many penalties, for what, within how many years.
        penalties: that concern the finding; one without a date or a ground may count and may not.
        first: first day on which the conduct may lie.
        last: last day.
    """
    sure = [one.decided for one in penalties if one.decided and one.ground in terms.of]
    perhaps = [one.decided for one in penalties if one.decided and one.ground in (*terms.of, "")]
    undated = sum(1 for one in penalties if one.decided is None and one.ground in (*terms.of, ""))
    turns = {first, last}
    for decided in perhaps:
        turns |= {
            decided,
            decided + _ONE_DAY,
            add_years(decided, terms.years),
            add_years(decided, terms.years) + _ONE_DAY,
        }
    days = [day for day in turns if first <= day <= last]
    if all(_standing(sure, day, terms.years) >= terms.count for day in days):
        return "applies"
    if any(_standing(perhaps, day, terms.years) + undated >= terms.count for day in days):
        return "may apply"
    return "no"


def _standing(decided: Sequence[dt.date], day: dt.date, years: int) -> int:
    """Penalties that lie before a day, at most so many years."""
    return sum(1 for one in decided if one < day <= add_years(one, years))


def _ground(text: str) -> Ground:
    plain = text.casefold()
    return next((ground for word, ground in _GROUNDS if word in plain), "other" if plain else "")


def performance(row: Row) -> Performed:
    """Whether what was ordered was done, by a row of penalties or known patches."""
    text = row.text("performed").casefold()
    if "部分" in text or "partly" in text:
        return "partly"
    answer = row.flag("performed")
    return "" if answer is None else "yes" if answer else "no"

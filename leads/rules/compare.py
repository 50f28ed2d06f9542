"""A patch against the thresholds of one rule."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Literal

from leads.model import Crossing
from leads.rules.ground import Share, share
from leads.rules.interval import Interval, added, state_of
from leads.rules.outcome import Compared, Counted, State
from leads.rules.records import M2_PER_MU, Clause, Rule
from leads.rules.subject import Subject

Lower = Literal["no", "applies", "may apply"]


def compare(
    rule: Rule, crossings: Sequence[Crossing], subject: Subject, without: Sequence[str], lower: Lower
) -> tuple[tuple[Compared, ...], tuple[Counted, ...]]:
    """Each kind of ground against its threshold, and the features counted, the largest first.

    Args:
        rule: with its clauses.
        crossings: that may count.
        subject: for its area and what was not given.
        without: ground that another rule takes.
        lower: whether earlier penalties lower the thresholds, which is then compared besides.
    """
    missing = subject.layers_missing
    shares = [
        (clause, found)
        for clause in rule.clauses
        if (found := share(clause, crossings, subject.area.value, without, missing)).known.high + found.unclear.high > 0
    ]
    together = rule.sum == "shares" and _mixed(shares)
    makers = _summed(rule, shares, subject) if together else _apart(shares, subject)
    compared = []
    for one in makers:
        compared += list(_with_penalties(rule, one, lower))
    counted = {feature: None for _, found in shares for feature in found.counted}
    return tuple(compared), tuple(sorted(counted, key=lambda one: (-one.area_m2, one.kind, one.feature_id)))


_Sized = tuple[str, str, str, Literal["mu", "share"], Interval, float | None]
"""Clause, ground in both languages, unit, interval (m² or shares), threshold (likewise)."""


def _apart(shares: Sequence[tuple[Clause, Share]], subject: Subject) -> Iterator[_Sized]:
    for clause, found in shares:
        interval = subject.area.part(found.known.low, found.known.high + found.unclear.high)
        yield clause.id, clause.ground_zh, clause.ground_en, "mu", interval, clause.threshold_m2


def _mixed(shares: Sequence[tuple[Clause, Share]]) -> bool:
    """True where ground of more than one category is, or may be, in the patch."""
    return len(shares) > 1


def _summed(rule: Rule, shares: Sequence[tuple[Clause, Share]], subject: Subject) -> Iterator[_Sized]:
    thresholds = [clause.threshold_m2 for clause in rule.clauses if clause.threshold_m2 is not None]
    parts = [
        (found.known.low, found.known.high, clause.threshold_m2, clause.threshold_m2)
        for clause, found in shares
        if clause.threshold_m2 is not None
    ]
    unclear = shares[0][1].unclear  # the same for all: it is of any category
    parts.append((unclear.low, unclear.high, min(thresholds), max(thresholds)))
    names = [(clause.ground_zh, clause.ground_en) for clause, _ in shares]
    zh, en = "、".join(name[0] for name in names), " and ".join(name[1] for name in names)
    yield "shares", f"{zh}按比例折算", f"{en}, in proportion", "share", added(parts, subject.area), 1.0


def _with_penalties(rule: Rule, sized: _Sized, lower: Lower) -> Iterator[Compared]:
    yield _compared(sized, Fraction(1), "no")
    if lower != "no" and rule.after_penalty is not None:
        yield _compared(sized, Fraction(rule.after_penalty.factor), lower)


def _compared(sized: _Sized, factor: Fraction, after_penalty: Lower) -> Compared:
    clause, zh, en, unit, interval, whole = sized
    per = M2_PER_MU if unit == "mu" else Fraction(1)
    threshold = None if whole is None else whole * float(factor)
    return Compared(
        clause=clause,
        ground_zh=zh,
        ground_en=en,
        unit=unit,
        value=None if interval.value is None else float(Fraction(interval.value) / per),
        low=float(Fraction(interval.low) / per),
        high=float(Fraction(interval.high) / per),
        threshold=None if threshold is None else round(float(Fraction(threshold) / per), 9),
        state=State.USE if threshold is None else state_of(interval, threshold),
        after_penalty=after_penalty,
    )

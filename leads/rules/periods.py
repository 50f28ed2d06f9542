"""Which part of the interval of the conduct a rule holds for."""

import datetime as dt
from collections.abc import Sequence

from leads.rules.records import Rule
from leads.rules.subject import Subject


def limits(rule: Rule, subject: Subject, used: Sequence[Rule]) -> tuple[dt.date | None, dt.date | None]:
    """First and last day of conduct that a rule holds for, each only where it lies inside the interval.

    On ground where it gives way to another rule, a rule ends the day before that one begins.
    """
    first, last = subject.days
    begins = rule.effective_from if rule.effective_from and rule.effective_from > first else None
    ends = rule.effective_to if rule.effective_to and rule.effective_to < last else None
    other = successor(rule, used)
    gives_way = rule.gives_way_to
    if other and other.effective_from and gives_way and first < other.effective_from <= last:
        shared = any(one.kind in gives_way.on for one in subject.crossings)
        ends = other.effective_from - dt.timedelta(days=1) if shared else ends
    return begins, ends


def left_out(rule: Rule, subject: Subject, used: Sequence[Rule]) -> tuple[str, ...]:
    """Ground on which another rule has taken this one's place during the whole interval of the conduct."""
    other = successor(rule, used)
    return rule.gives_way_to.on if rule.gives_way_to and other and other.covers(*subject.days) else ()


def successor(rule: Rule, used: Sequence[Rule]) -> Rule | None:
    """The rule, among those in force, that takes another's place on some ground."""
    return next((one for one in used if rule.gives_way_to and one.id == rule.gives_way_to.rule), None)

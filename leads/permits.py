"""Clocks of temporary land: where a permit stands on a day, from its dates and the law's terms.

Pure functions over dates. The terms are records (`leads.rules`), so a change of the law is a change of data. A state
says what the permit's papers and the calendar say, never that somebody broke the law.
"""

import datetime as dt
from collections.abc import Sequence

from aoi.schema.dates import UNLIMITED
from leads.clock import add_months, add_years
from leads.model import Crossing
from leads.rows import Row
from leads.rules.outcome import Sentence
from leads.rules.records import PermitTerms, Rule, load_rules
from leads.standing import Clock, Ground, Permit, PermitState, YesNo


def permit_of(crossing: Crossing) -> Permit:
    """A permit from a feature of the layer `temporary_land_permits`."""
    row = Row(crossing.attributes)
    approved, accepted = row.date("approved"), row.date("accepted")
    expires, extended, reclaim_by = (row.date(name, "last") for name in ("expires", "extended", "reclaim_by"))
    months = row.months("term_months")
    ends = expires.date
    if ends is None and not expires.text and approved.date is not None and months is not None:
        ends = add_months(approved.date, months)
    written = {"approved": approved, "expires": expires, "extended": extended, "reclaim_by": reclaim_by}
    return Permit(
        id=crossing.feature_id,
        holder=row.text("holder"),
        approved=approved.date,
        expires=ends,
        extended=extended.date,
        reclaim_by=reclaim_by.date,
        accepted=accepted.date,
        project=row.text("project"),
        ground=_ground(row.text("ground")),
        registered=_registered(row),
        unreadable=tuple(f"{name}: {value.text}" for name, value in written.items() if value.unreadable),
    )


def clock(permit: Permit, on: dt.date, ground: Ground = "", rules: Sequence[Rule] | None = None) -> Clock:
    """Where a permit stands on a day.

    A term runs to the end of its last day; a permit is overdue from the day after the last one for reclaiming.

    Args:
        permit: as its row has it.
        on: the day.
        ground: what it occupies, where a map says so; else the permit's own word, else the general terms with a note.
        rules: records; the shipped ones if not given.
    """
    known = [rule for rule in (load_rules() if rules is None else rules) if rule.permit and rule.enabled]
    place = ground or permit.ground
    ends = _ends(permit)
    granted = _terms(known, place, permit.approved)
    leaving = _terms(known, place, ends)
    lawful_end, too_long, missing_term = _term(permit, ends, granted)
    if too_long == "yes" and permit.extended is not None and _term(permit, ends, leaving)[1] == "no":
        # the law changed between: which of both the extension was granted under is not written anywhere
        lawful_end, too_long, missing_term = None, "unknown", ("day of the extension",)
    reclaim_by, notes = _reclaim_by(permit, ends, leaving, place, on)
    contradicts = permit.approved is not None and ends is not None and ends < permit.approved
    state, missing = (PermitState.UNKNOWN, ("expires",)) if contradicts else _state(permit, on, ends, reclaim_by)
    recognised, system = _recognised(permit, known, on)
    if contradicts:
        notes = (*notes, Sentence("批准日期晚于到期日期，互相矛盾", "it ends before it begins"))
    if too_long == "yes":
        notes = (
            *notes,
            Sentence(f"期限超过法定最长期限（{lawful_end} 止）", f"longer than the law allows (until {lawful_end})"),
        )
    notes += tuple(Sentence(f"无法识别：{text}", f"can not be read: {text}") for text in permit.unreadable)
    used = dict.fromkeys(rule.id for rule in (granted, leaving, system) if rule is not None)
    return Clock(
        on=on,
        state=state,
        ends=ends,
        reclaim_by=reclaim_by,
        term_too_long="unknown" if contradicts else too_long,
        lawful_end=lawful_end,
        recognised=recognised,
        missing=tuple(dict.fromkeys((*missing, *missing_term))),
        rules=tuple(used),
        notes=notes,
    )


def _ends(permit: Permit) -> dt.date | None:
    """Last day of the term; an extension that can not be read leaves it open."""
    if any(text.startswith(("extended", "expires")) for text in permit.unreadable):
        return None
    if permit.extended is not None and (permit.expires is None or permit.extended > permit.expires):
        return permit.extended
    return permit.expires


def _state(
    permit: Permit, on: dt.date, ends: dt.date | None, reclaim_by: dt.date | None
) -> tuple[PermitState, tuple[str, ...]]:
    if permit.accepted is not None and permit.accepted <= on:
        return PermitState.RECLAIMED, ()
    if permit.approved is not None and on < permit.approved:
        return PermitState.NOT_YET, ()
    if ends is None:
        return PermitState.UNKNOWN, ("expires",)
    if on <= ends:
        return (PermitState.IN_TERM, ()) if permit.approved is not None else (PermitState.UNKNOWN, ("approved",))
    if reclaim_by is None:
        return PermitState.UNKNOWN, ("rule in force at expiry",)
    return (PermitState.RECLAIMING if on <= reclaim_by else PermitState.OVERDUE), ()


def _terms(rules: Sequence[Rule], ground: Ground, day: dt.date | None) -> Rule | None:
    """The rule of that ground in force on a day; the general one where that ground had none yet."""
    if day is None or day == UNLIMITED:
        return None
    for wanted in (ground, "any"):
        for rule in rules:
            if rule.permit and rule.permit.ground == wanted and rule.permit.term_years and rule.covers(day, day):
                return rule
    return None


def _term(permit: Permit, ends: dt.date | None, rule: Rule | None) -> tuple[dt.date | None, YesNo, tuple[str, ...]]:
    """Last lawful day, whether the term is too long, and what is missing to tell."""
    blanks = tuple(name for name, day in (("approved", permit.approved), ("expires", ends)) if day is None)
    if permit.approved is None or rule is None or rule.permit is None or rule.permit.term_years is None:
        return None, "unknown", blanks
    short = add_years(permit.approved, rule.permit.term_years)
    long = add_years(permit.approved, rule.permit.long_term_years or rule.permit.term_years)
    if long > short and not permit.project:
        if ends is None or short < ends <= long:
            return None, "unknown", (*blanks, "project")
        return (long, "yes", ()) if ends > long else (None, "no", ())
    lawful = long if _long_kind(permit, rule.permit) else short
    if ends is None:
        return lawful, "unknown", blanks
    return lawful, "yes" if ends > lawful else "no", blanks


def _long_kind(permit: Permit, terms: PermitTerms) -> bool:
    text = permit.project.casefold()
    return any(kind in text for kind in terms.long_kinds)


def _reclaim_by(
    permit: Permit, ends: dt.date | None, rule: Rule | None, ground: Ground, on: dt.date
) -> tuple[dt.date | None, tuple[Sentence, ...]]:
    if ends is None or rule is None or rule.permit is None or rule.permit.reclaim_years is None:
        return None, ()
    lawful = add_years(ends, rule.permit.reclaim_years)
    notes: list[Sentence] = []
    if not ground and ends < on <= lawful:
        notes.append(
            Sentence(
                "占用地类不详：如系草原，期满即应恢复",
                "the ground is not known: on grassland it had to be restored on expiry",
            )
        )
    if permit.reclaim_by is not None and permit.reclaim_by > lawful:
        notes.append(
            Sentence(
                f"许可所载复垦期限 {permit.reclaim_by} 晚于法定期限 {lawful}",
                f"the permit's own day for reclaiming, {permit.reclaim_by}, is later than the law's, {lawful}",
            )
        )
    if permit.reclaim_by is None or permit.reclaim_by < ends:
        return lawful, tuple(notes)
    return min(lawful, permit.reclaim_by), tuple(notes)


def _recognised(permit: Permit, rules: Sequence[Rule], on: dt.date) -> tuple[YesNo, Rule | None]:
    rule = next((one for one in rules if one.permit and one.permit.national_system and one.covers(on, on)), None)
    if rule is None or permit.registered is None:
        return "unknown", rule
    return ("yes" if permit.registered else "no"), rule


def _registered(row: Row) -> bool | None:
    """A number is a yes; 无 in its place is a no; a blank says nothing."""
    answer = row.flag("registered")
    return True if answer is None and row.text("registered") else answer


def _ground(text: str) -> Ground:
    plain = text.casefold()
    if "草" in plain or "grass" in plain:
        return "grassland"
    if "林" in plain or "forest" in plain:
        return "forest_land"
    return "other" if plain else ""

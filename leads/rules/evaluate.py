"""Which rules are to be considered for a finding, and where it lies against each."""

from collections.abc import Collection, Mapping, Sequence

from leads.model import Crossing
from leads.rules import remarks
from leads.rules.compare import compare
from leads.rules.ground import tags
from leads.rules.outcome import Compared, Counted, Listed, RuleFinding, State
from leads.rules.penalties import Penalty, concerning, lowered
from leads.rules.periods import left_out, limits
from leads.rules.records import Rule, Use, load_rules
from leads.rules.subject import Subject
from leads.rules.uses import lists, uses_of

_ORDER = (
    State.ABOVE, State.STRADDLES, State.BELOW, State.USE, State.CLOCK, State.NO_LAYER, State.UNDECIDED, State.VOLUME,
)  # fmt: skip


CLOCKS = "temporary_land"
"""The detector that watches permits' clocks."""

_USE: Mapping[bool | None, Listed] = {True: "listed", False: "not listed", None: "not told"}


def consider(
    subject: Subject,
    penalties: Sequence[Penalty] = (),
    *,
    rules: Sequence[Rule] | None = None,
    enable: Collection[str] = (),
) -> tuple[RuleFinding, ...]:
    """The rules in force while the conduct may have happened, with what the imagery can say of each.

    A rule that begins or ends inside the interval of the conduct is listed beside the one it follows, with the reason.
    Where the change is nobody's (snow, regrowth, a river's own doing) none is.

    Args:
        subject: a finding.
        penalties: the whole table; those that may concern the finding are picked.
        rules: records; the shipped ones if not given.
        enable: ids of records with confidence V that are to be used all the same.
    """
    uses = uses_of(subject.change_zh, subject.detector)
    if "none" in uses:
        return ()
    known = load_rules() if rules is None else rules
    used = [rule for rule in known if (rule.enabled or rule.id in enable) and rule.overlaps(*subject.days)]
    prior = concerning(penalties, subject.crossings)
    found = [finding for rule in used if (finding := _considered(rule, subject, uses, prior, used))]
    return tuple(sorted(found, key=lambda one: _ORDER.index(one.state)))


def _considered(
    rule: Rule, subject: Subject, uses: frozenset[Use], prior: Sequence[Penalty], used: Sequence[Rule]
) -> RuleFinding | None:
    own = subject.detector in rule.detectors
    if not own and not rule.elsewhere:
        return None
    if rule.kind == "permit" and not _temporary(subject):
        return None
    listed = lists(rule, uses)
    if listed is False and rule.kind != "area":  # the interpretations end with "and others", the bans do not
        return None
    use: Listed = "any" if not rule.uses else _USE[listed]
    crossed = [one for one in subject.crossings if tags(one) & set(rule.ground) and _named(rule, one)]
    if rule.ground and not crossed:
        unknown = own and _absent(rule, subject)
        return _finding(rule, subject, State.NO_LAYER, (), (), use, used, prior) if unknown else None
    if rule.kind in ("permit", "value", "note"):
        state = State.CLOCK if rule.kind == "permit" else State.UNDECIDED
        return _finding(rule, subject, state, (), _counted(crossed), use, used, prior)
    crossings = [one for one in subject.crossings if one in crossed or not tags(one) & set(rule.ground)]
    lower = lowered(rule.after_penalty, prior, *subject.days) if rule.after_penalty else "no"
    compared, counted = compare(rule, crossings, subject, left_out(rule, subject, used), lower)
    if not compared:
        return None
    state = _overall(compared) if rule.kind == "area" else State.USE
    return _finding(rule, subject, state, compared, counted, use, used, prior, uses=uses)


def _finding(
    rule: Rule,
    subject: Subject,
    state: State,
    compared: tuple[Compared, ...],
    counted: tuple[Counted, ...],
    use: Listed,
    used: Sequence[Rule],
    prior: Sequence[Penalty],
    uses: frozenset[Use] = frozenset(),
) -> RuleFinding:
    begins, ends = limits(rule, subject, used)
    dug = not uses or not uses.isdisjoint({"digging", "mining", "pond"})
    volume = dug and any(
        clause.threshold_m3 is not None and any(one.clause == clause.id for one in compared) for clause in rule.clauses
    )
    return RuleFinding(
        rule_id=rule.id,
        document=rule.document,
        article=rule.article,
        title_zh=rule.title_zh,
        title_en=rule.title_en,
        confidence=rule.confidence,
        state=state,
        compared=compared,
        counted=counted,
        begins=begins,
        ends=ends,
        use=use,
        needs_volume=volume,
        notes=remarks.all_of(rule, subject, used, use, compared, prior),
    )


def _overall(compared: Sequence[Compared]) -> State:
    states = {one.state for one in compared if one.after_penalty != "may apply"}
    if State.ABOVE in states:
        return State.ABOVE
    if State.STRADDLES in states or any(one.state != State.BELOW for one in compared):
        return State.STRADDLES
    return State.BELOW


def _temporary(subject: Subject) -> bool:
    """Whether a permit's clock has anything to say."""
    return subject.detector == CLOCKS or any(one.kind == "temporary_land_permits" for one in subject.crossings)


def _named(rule: Rule, crossing: Crossing) -> bool:
    return not rule.feature or any(word in crossing.name for word in rule.feature)


def _absent(rule: Rule, subject: Subject) -> bool:
    told_by = {"dltb" if kind == "cropland" else kind for kind in rule.ground}
    return bool(told_by & set(subject.layers_missing))


def _counted(crossed: Sequence[Crossing]) -> tuple[Counted, ...]:
    largest = sorted(crossed, key=lambda one: (-one.area_m2, one.feature_id))
    return tuple(Counted(one.kind, one.feature_id, one.area_m2) for one in largest)

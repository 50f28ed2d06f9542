"""What is to be said beside a rule: why it is listed, what it rests on, what imagery can not decide."""

from collections.abc import Iterator, Sequence

from aoi.kinds import KIND_NAMES
from leads.rows import Row
from leads.rules.ground import category
from leads.rules.outcome import Compared, Listed, Sentence
from leads.rules.penalties import Penalty
from leads.rules.periods import successor
from leads.rules.records import Rule, load_settings
from leads.rules.subject import Subject

_ZONES = {
    "core_protected": "核心保护区",
    "general_control": "一般控制区",
    "core": "核心区",
    "buffer": "缓冲区",
    "experimental": "实验区",
}


def all_of(
    rule: Rule,
    subject: Subject,
    used: Sequence[Rule],
    use: Listed,
    compared: Sequence[Compared],
    prior: Sequence[Penalty],
) -> tuple[Sentence, ...]:
    """Every remark that belongs beside a rule, the weightiest first."""
    return (
        *_in_force(rule, subject),
        *_replaced(rule, subject, used),
        *_layers(rule, subject),
        *_clipped(rule, subject),
        *_use(use),
        *_penalties(compared, prior),
        *_zones(rule, subject),
        *(Sentence(words.zh, words.en) for words in rule.never),
        *_confidence(rule, subject),
    )


def _in_force(rule: Rule, subject: Subject) -> Iterator[Sentence]:
    first, last = subject.days
    span = f"{first} – {last}"
    begins, ends = rule.effective_from, rule.effective_to
    if begins and begins > first:
        yield Sentence(
            f"{begins} 起施行，在行为可能发生的区间（{span}）之内：仅适用于该日及以后的行为",
            f"in force from {begins}, inside the interval of the conduct ({span}): only for conduct from that day on",
        )
    if ends and ends < last:
        yield Sentence(
            f"{ends} 止失效，在行为可能发生的区间（{span}）之内：仅适用于该日及以前的行为",
            f"in force until {ends}, inside the interval of the conduct ({span}): only for conduct up to that day",
        )


def _replaced(rule: Rule, subject: Subject, used: Sequence[Rule]) -> Iterator[Sentence]:
    gives_way = rule.gives_way_to
    if gives_way is None:
        return
    other = successor(rule, used)
    crossed = any(one.kind in gives_way.on for one in subject.crossings)
    if other is not None and crossed and not other.covers(*subject.days):
        yield Sentence(
            f"黑土耕地仅就 {other.effective_from} 以前的行为适用本条；该日起适用{other.document}",
            f"on black soil only for conduct before {other.effective_from}; from that day on {other.document} holds",
        )
    if other is not None and set(gives_way.on) & set(subject.layers_missing):
        yield Sentence(
            f"未提供黑土耕地图层：如系黑土耕地，不适用本条起点，适用{other.document}",
            f"no layer of black soil was given: on black soil these thresholds do not hold, {other.document} does",
        )


def _layers(rule: Rule, subject: Subject) -> Iterator[Sentence]:
    if rule.kind == "note":
        return
    told_by = {"dltb" if kind == "cropland" else kind for kind in rule.ground}
    for clause in rule.clauses:
        told_by |= {kind for kind in (*clause.also_within, *clause.without) if kind not in ("paddy", "aquaculture")}
    absent = sorted(told_by & set(subject.layers_missing))
    if absent:
        yield Sentence(
            f"未提供图层：{'、'.join(KIND_NAMES.get(kind, (kind,))[0] for kind in absent)}",
            f"layers not given: {', '.join(absent)}",
        )
    asked = any(clause.category for clause in rule.clauses)
    if asked and any(one.kind in rule.ground and category(one) is None for one in subject.crossings):
        yield Sentence(
            "图层未注明公益林或商品林：区间按两种可能计",
            "the layer does not say public-welfare or commercial: the interval allows for both",
        )


def _clipped(rule: Rule, subject: Subject) -> Iterator[Sentence]:
    if rule.kind == "area" and subject.clipped:
        yield Sentence(
            "图斑触及观测边缘，实际面积可能更大", "the patch touches the edge of what was seen: it may be larger"
        )


def _use(use: Listed) -> Iterator[Sentence]:
    if use == "not told":
        yield Sentence("用途须实地核实", "what the ground is used for needs a field check")
    if use == "not listed":
        yield Sentence("影像所示用途不在所列之内，须核实", "the use seen is not among those listed: to be checked")


def _penalties(compared: Sequence[Compared], prior: Sequence[Penalty]) -> Iterator[Sentence]:
    found = {one.after_penalty for one in compared} - {"no"}
    if not found:
        return
    names = "、".join(f"{one.id}（{one.decided or '日期不详'}）" for one in prior)
    ids = ", ".join(f"{one.id} ({one.decided or 'no date'})" for one in prior)
    if "applies" in found:
        yield Sentence(
            f"曾受行政处罚：{names}；是否同一行为人须核实",
            f"penalised before: {ids}; whether it is the same person needs a check",
        )
    else:
        yield Sentence(
            f"可能曾受行政处罚：{names}；日期、地类或行为人须核实",
            f"may have been penalised before: {ids}; dates, ground and person need a check",
        )


def _zones(rule: Rule, subject: Subject) -> Iterator[Sentence]:
    if not rule.zones:
        return
    written = {Row(one.attributes).text("zone") for one in subject.crossings if one.kind == "reserve_zones"}
    zones = sorted({_ZONES.get(zone, zone) for zone in written})
    if "" in zones:
        yield Sentence("图层未注明功能分区", "the layer does not say the zone")
    known = [zone for zone in zones if zone in rule.zones]
    if known:
        yield Sentence(f"位于{'、'.join(known)}", f"in {', '.join(known)}")
    others = [zone for zone in zones if zone and zone not in rule.zones]
    if others:
        yield Sentence(
            f"图层分区（{'、'.join(others)}）不属本版条例的分区，须对应后适用",
            f"the layer's zones ({', '.join(others)}) are not those of this edition: match them first",
        )


def _confidence(rule: Rule, subject: Subject) -> Iterator[Sentence]:
    if rule.confidence == "M":
        yield Sentence("依据为单一或二手来源", "rests on one source, or on secondary ones")
    if rule.confidence == "V":
        yield Sentence("依据未核实，系使用者启用", "not verified; enabled by the user")
    settings = load_settings()
    if subject.first_seen >= settings.recheck_from:
        yield Sentence(
            f"{settings.recheck_from} 起《{settings.recheck_document}》施行，本条尚未对照复核",
            f"{settings.recheck_document} in force from {settings.recheck_from}: not yet checked against it",
        )

"""The columns of a lead that say where it stands beside the law: short text, Chinese first, never a verdict."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

from leads.area import mu
from leads.model import Finding
from leads.rows import Row
from leads.rules.outcome import RuleFinding, State
from leads.rules.uses import uses_of
from leads.rules.wording import short, weightiest
from leads.standing import Clock, Cover, Known, KnownState, MineAnswer, PermitState, PermitUse, TemporaryUse

REGULATOR_UNKNOWN = "不详（按地类与管辖另行确定） unknown"
"""The regulator depends on ground and jurisdiction (森工, 农垦, a reserve bureau); no record says who it is."""

NOT_COMPARED = "未比对规则 no rule compared"

_FLAGS = {
    State.ABOVE: "above",
    State.STRADDLES: "straddles",
    State.BELOW: "below",
    State.USE: "use",
    State.CLOCK: "clock",
    State.VOLUME: "undecided",
    State.UNDECIDED: "undecided",
    State.NO_LAYER: "no_layer",
}
"""What is stored for each state: `leads.fields.RULE_STATES`."""

_PERMIT_ZH = {
    PermitState.NOT_YET: "尚未起算",
    PermitState.IN_TERM: "期内",
    PermitState.RECLAIMING: "期满，复垦期内",
    PermitState.OVERDUE: "逾期未复垦",
    PermitState.RECLAIMED: "复垦已验收",
    PermitState.UNKNOWN: "无法判定",
}


def columns(finding: Finding, rule_ids: Sequence[str] = (), change_zh: str = "") -> dict[str, str | None]:
    """Values for the columns of `leads.fields.FIELDS` that are about law.

    Args:
        finding: weighed (`leads.weigh`) or not: what was not asked is None.
        rule_ids: of the detector, named where no rule was considered.
        change_zh: Chinese name of the change: where it is nobody's, no rule is compared, and that is said.
    """
    mine = finding.mine
    answers = (mine.licence, mine.land_approval, mine.restoration) if mine else ()
    flags: list[str | None] = [*(answer.cover.value for answer in answers)] or [None] * 3
    state = weightiest(finding.rules)
    return {
        "rule": _joined(dict.fromkeys(one.document for one in finding.rules)) or _joined(rule_ids),
        "rule_flag": _FLAGS[state] if state else "none",
        "rule_state": _joined(map(short, _stated(finding.rules))) or _not_compared(finding, change_zh),
        "rule_note": _joined(_remarks(finding.rules)),
        "known_st": finding.known.state.value if finding.known else None,
        "known_id": (finding.known.patch_id or None) if finding.known else None,
        "known_note": _known(finding.known) if finding.known else None,
        "permit_st": _permits(finding.permits) if finding.permits else None,
        "mine_lic": flags[0],
        "mine_land": flags[1],
        "mine_rest": flags[2],
        "mine_note": _mine(answers),
        "regulator": _regulator(finding),
    }


def _not_compared(finding: Finding, change_zh: str) -> str:
    """Why there is nothing: snow or regrowth breaks no rule, but the name may be wrong."""
    if "none" not in uses_of(change_zh, finding.patch.detector):
        return NOT_COMPARED
    return (
        f"{NOT_COMPARED}（影像判为“{change_zh}”，不属用地行为，须核实 by its name no use of the ground, to be checked）"
    )


def _stated(rules: Sequence[RuleFinding]) -> list[RuleFinding]:
    """Those with something measured; where there are none, all."""
    measured = [one for one in rules if one.state not in (State.UNDECIDED, State.CLOCK)]
    return measured or list(rules)


def _remarks(rules: Sequence[RuleFinding]) -> Iterator[str]:
    for one in rules:
        if one.notes:
            yield f"{one.document}：{'，'.join(dict.fromkeys(note.zh for note in one.notes))}"


def _known(known: Known) -> str:
    parts = [note.zh for note in known.reasons]
    if known.penalty_id:
        parts.append(f"处罚决定 {known.penalty_id}")
    if known.deadline:
        parts.append(f"期限 {known.deadline}")
    if known.performed:
        parts.append({"yes": "已履行", "partly": "部分履行", "no": "未履行"}.get(known.performed, known.performed))
    return "，".join(parts)


def _permits(use: TemporaryUse) -> str:
    parts = [_permit(one) for one in use.permits] or ["不在任何临时用地批准范围内 in no permit"]
    if use.beyond != "no":
        area = use.beyond_m2
        sure = use.beyond == "yes"
        said = "超出批准范围 beyond the outline" if sure else "超出部分在勾绘误差内 beyond, within the outline's doubt"
        parts.append(f"{said} {mu(area.value or 0):.1f} 亩 ({mu(area.low):.1f}–{mu(area.high):.1f})")
    if use.building_in_term:
        parts.append("期内见建筑，是否永久性须核实 built in term, permanent or not needs a check")
    return "；".join(parts)


def _permit(one: PermitUse) -> str:
    first, today = one.at_first_seen, one.today
    parts = [f"{one.permit.id} 首见日 {_clock(first)}"]
    if today.state != first.state:
        parts.append(f"{today.on} {_clock(today)}")
    if today.ends:
        parts.append(f"期满 {_day(today.ends)}")
    if today.reclaim_by:
        parts.append(f"应复垦 {_day(today.reclaim_by)}")
    if today.recognised == "no":
        parts.append("未在全国系统，不予认可 not in the national system")
    parts += dict.fromkeys(note.zh for note in (*first.notes, *today.notes))
    return "，".join(parts)


def _clock(clock: Clock) -> str:
    missing = f"（缺 {'、'.join(clock.missing)}）" if clock.state == PermitState.UNKNOWN and clock.missing else ""
    return f"{_PERMIT_ZH[clock.state]}{missing} {clock.state.value}"


def _mine(answers: Sequence[MineAnswer]) -> str | None:
    names = ("采矿权", "用地批准", "修复")
    return _joined(f"{name} {_answer(answer)}" for name, answer in zip(names, answers, strict=False))


def _answer(answer: MineAnswer) -> str:
    words = {Cover.YES: "有", Cover.NO: "无", Cover.PARTLY: "部分", Cover.UNKNOWN: "不详"}
    area = f" {mu(answer.covered_m2):.1f} / {mu(answer.patch_m2):.1f} 亩" if answer.features else ""
    ids = f"（{'、'.join(answer.features)}）" if answer.features else ""
    return f"{words[answer.cover]}{area}{ids}{''.join('，' + note.zh for note in answer.notes)}"


def _regulator(finding: Finding) -> str:
    """Who the tables name for the known patch that decides."""
    wanted = finding.known.patch_id if finding.known and finding.known.state != KnownState.NEW else ""
    for crossing in finding.crossings:
        if crossing.kind == "known_patches" and wanted and crossing.feature_id == wanted:
            return Row(crossing.attributes).text("regulator") or REGULATOR_UNKNOWN
    return REGULATOR_UNKNOWN


def _day(day: dt.date) -> str:
    return "长期" if day == dt.date.max else day.isoformat()


def _joined(parts: Iterable[str]) -> str | None:
    return "；".join(parts) or None

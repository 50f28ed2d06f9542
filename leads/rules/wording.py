"""Rules in words: short enough for a column, and never a verdict."""

from collections.abc import Sequence

from leads.rules.outcome import Compared, RuleFinding, State

STATES: tuple[tuple[State, str, str], ...] = (
    (State.ABOVE, "高于起点", "above"),
    (State.STRADDLES, "跨越起点", "straddles"),
    (State.BELOW, "低于起点", "below"),
    (State.USE, "无面积起点，看用途", "no threshold, by use"),
    (State.CLOCK, "看许可期限", "by the permit's dates"),
    (State.VOLUME, "方量须实测", "needs volume survey"),
    (State.UNDECIDED, "影像无法判定", "not decidable from imagery"),
    (State.NO_LAYER, "未提供图层", "layer not given"),
)
"""Each state with its names, the one that says most first."""

_NAMES = {state: (zh, en) for state, zh, en in STATES}


def weightiest(findings: Sequence[RuleFinding]) -> State | None:
    """The state that says most among the rules considered; None where none was."""
    states = {finding.state for finding in findings}
    return next((state for state, _, _ in STATES if state in states), None)


def short(finding: RuleFinding) -> str:
    """A rule in one line, e.g. ``法释〔2025〕7号 永久基本农田内黑土耕地 高于起点 above 12.3 亩 (11.0–13.6) / 3``."""
    days = _period(finding)
    if finding.state in (State.CLOCK, State.UNDECIDED, State.NO_LAYER):
        zh, en = _NAMES[finding.state]
        return f"{finding.document}{finding.article}{days} {zh} {en}"
    measured = "，".join(map(against, finding.compared))
    volume = "；方量须实测 needs volume survey" if finding.needs_volume else ""
    return f"{finding.document}{days} {measured}{volume}"


def _period(finding: RuleFinding) -> str:
    """Conduct of which days a rule is listed for, where the interval of the conduct is longer."""
    if not finding.in_part:
        return ""
    return f"（限{f'{finding.begins}起' if finding.begins else ''}{f'{finding.ends}止' if finding.ends else ''}的行为）"


def against(compared: Compared) -> str:
    """A kind of ground against its threshold."""
    zh, en = _NAMES[compared.state]
    lower = {"no": "", "applies": "（曾受处罚）", "may apply": "（或曾受处罚）"}[compared.after_penalty]
    digits = 2 if compared.unit == "share" else 1
    ends = f"{compared.low:.{digits}f}–{compared.high:.{digits}f}"
    middle = f"{compared.value:.{digits}f}" if compared.value is not None else ""
    unit = "亩" if compared.unit == "mu" else "倍起点"
    size = f"{middle} {unit} ({ends})" if middle else f"{ends} {unit}"
    limit = f" / {compared.threshold:g}" if compared.threshold is not None else ""
    return f"{compared.ground_zh}{lower} {zh} {en} {size}{limit}"

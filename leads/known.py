"""New, known and being put right, or penalised and not restored: a finding against what others found before it."""

import datetime as dt
from collections.abc import Iterable

from leads.model import Crossing, Finding
from leads.rows import Row
from leads.rules.outcome import Sentence
from leads.rules.penalties import Penalty, performance
from leads.standing import Known, KnownState

SAME_SHARE = 0.5
"""From this share of a patch on, a known patch is the same thing; below, it is named and the finding is new."""


_STATES = (
    ("penalised", ("penalised", "未恢复", "罚而未复", "已处罚")),
    ("open", ("open", "不合法", "整改中", "未整改", "未销号", "在办")),
    ("restored", ("restored", "已恢复", "已整改", "已销号", "已复垦", "完成整改")),
    ("lawful", ("lawful", "合法", "伪变化", "未变化", "不违法")),
)
"""Words that tell a known patch's state, in the order in which they are looked for."""


def known_state(finding: Finding, penalties: Iterable[Penalty] = (), *, given: bool = True) -> Known:
    """What a finding is against known patches and penalties.

    Decided by the share of the patch that a known patch covers, the day that one was found, and what the tables say of
    penalty, deadline and performance on the last day that shows the change.

    Args:
        finding: with its crossings.
        penalties: the table of penalties; matched by number of the patch or of the decision.
        given: whether known patches were given at all.
    """
    crossings = sorted(
        (one for one in finding.crossings if one.kind == "known_patches"),
        key=lambda one: (-one.area_m2, one.feature_id),
    )
    if not crossings:
        if given:
            return Known(KnownState.NEW, reasons=(Sentence("未与已知图斑重叠", "overlaps no known patch"),))
        return Known(KnownState.UNKNOWN, reasons=(Sentence("未提供已知图斑", "known patches were not given"),))
    table = tuple(penalties)
    judged = [_judged(finding, one, table) for one in crossings]
    order = (KnownState.UNRESTORED, KnownState.KNOWN, KnownState.NEW)
    return min(judged, key=lambda known: (order.index(known.state), -known.share, known.patch_id))


def _judged(finding: Finding, crossing: Crossing, table: tuple[Penalty, ...]) -> Known:
    row, name = Row(crossing.attributes), crossing.feature_id
    share = min(crossing.area_m2 / finding.patch.area_m2, 1.0) if finding.patch.area_m2 > 0 else 0.0
    reasons = [Sentence(f"与已知图斑 {name} 重叠 {share:.0%}", f"{share:.0%} of it lies in the known patch {name}")]
    penalty = _penalty(row, name, table)
    deadline = (penalty.deadline if penalty else None) or row.date("deadline", "last").date
    performed = (penalty.performed if penalty else "") or performance(row)
    if not performed and _state(row) == "penalised":
        performed = "no"  # what that state means

    def answer(state: KnownState, *more: Sentence) -> Known:
        number = penalty.id if penalty else ""
        return Known(state, name, share, number, deadline, performed, (*reasons, *more))

    if share < SAME_SHARE:
        return answer(KnownState.NEW, Sentence(f"不足 {SAME_SHARE:.0%}，按新增计", f"less than {SAME_SHARE:.0%}: new"))
    last_seen = max((finding.first_seen, *finding.dates_seen))
    restored = performed == "yes" or _state(row) == "restored"
    if restored and _undisturbed_since(finding, row, penalty):
        return answer(
            KnownState.NEW,
            Sentence(
                f"台账记为已恢复，{finding.last_before} 影像未见扰动，其后再次变化",
                f"restored by the table, undisturbed on {finding.last_before}, and changed again since",
            ),
        )
    if restored:
        return answer(
            KnownState.KNOWN,
            Sentence(
                f"台账记为已恢复，影像 {last_seen} 仍见变化：须回头看",
                f"restored by the table, still seen changed on {last_seen}: to be looked at again",
            ),
        )
    if _state(row) == "lawful":
        return answer(KnownState.KNOWN, Sentence("台账核为合法", "found lawful before"))
    penalised = penalty is not None or _state(row) == "penalised"
    return answer(*_open(penalised, deadline, performed, last_seen))


def _open(penalised: bool, deadline: dt.date | None, performed: str, last_seen: dt.date) -> tuple[KnownState, Sentence]:
    """What is not restored by the tables."""
    if deadline is None:
        return KnownState.KNOWN, Sentence("期限不详", "its deadline is not given")
    if deadline >= last_seen:
        return KnownState.KNOWN, Sentence(f"整改期限 {deadline} 未到", f"its deadline, {deadline}, is not past")
    if not penalised:
        return KnownState.KNOWN, Sentence(
            f"整改期限 {deadline} 已过，未见处罚记录", f"its deadline, {deadline}, is past; no penalty is on record"
        )
    if performed in ("no", "partly"):
        return KnownState.UNRESTORED, Sentence(
            f"已处罚，期限 {deadline} 已过，台账记为未履行完毕，影像 {last_seen} 仍见",
            f"penalised, due on {deadline}, not (fully) performed by the table, still seen on {last_seen}",
        )
    return KnownState.KNOWN, Sentence(
        f"已处罚，期限 {deadline} 已过，是否履行不详",
        f"penalised, due on {deadline}; whether it was performed is not given",
    )


def _penalty(row: Row, patch_id: str, table: tuple[Penalty, ...]) -> Penalty | None:
    """The latest penalty for a known patch."""
    number = row.text("penalty")
    found = [one for one in table if (one.patch and one.patch == patch_id) or (number and one.id == number)]
    if found:
        return max(found, key=lambda one: (one.decided or dt.date.min, one.id))
    if not number:
        return None
    own = row.date("decided").date
    return Penalty(number, own, deadline=row.date("deadline", "last").date, performed=performance(row))


def _undisturbed_since(finding: Finding, row: Row, penalty: Penalty | None) -> bool:
    """Whether the before image is younger than the known patch and, where it is told, than its restoration."""
    since = [row.date("found").date, penalty.performed_on if penalty else row.date("performed_on").date]
    days = [day for day in since if day is not None]
    return bool(days) and max(days) <= finding.last_before


def _state(row: Row) -> str:
    """``open``, ``penalised``, ``restored`` or ``lawful``; empty where the row does not say."""
    text = row.text("state").casefold()
    return next((state for state, words in _STATES if any(word in text for word in words)), "")

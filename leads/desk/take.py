"""A review taken over into the store, row by row: nothing is overwritten, and what is not taken is told."""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from leads.desk.handback import Edit, read_inbox
from leads.store.outcome import Outcome
from leads.store.store import Store

Kind = Literal["applied", "unchanged", "conflict", "unknown", "invalid"]

KINDS: dict[Kind, tuple[str, str]] = {
    "applied": ("已采纳", "applied"),
    "unchanged": ("未改动", "unchanged"),
    "conflict": ("冲突", "conflict"),
    "unknown": ("无此线索", "unknown lead"),
    "invalid": ("无效", "invalid"),
}
"""What becomes of a row, in Chinese and English."""

TAKEN: tuple[Kind, ...] = ("applied", "unchanged")


@dataclass(frozen=True)
class RowTaken:
    """What became of one row."""

    number: int
    lead_id: str
    kind: Kind
    message: str
    """For the analyst; empty where there is nothing to say."""

    reviewer: str = ""


@dataclass(frozen=True)
class Taken:
    """What became of an inbox that came back."""

    file: str
    inbox: str
    sha256: str
    rows: tuple[RowTaken, ...]

    @property
    def counts(self) -> Counter[Kind]:
        """Rows of each kind."""
        return Counter(row.kind for row in self.rows)

    @property
    def whole(self) -> bool:
        """Whether every row was taken over or left as it was."""
        return all(row.kind in TAKEN for row in self.rows)


def take_review(
    store: Store,
    path: Path,
    at: dt.datetime,
    reviewer: str = "",
    step: Callable[[], object] = lambda: None,
) -> Taken:
    """Takes over what an analyst did in an inbox.

    Each row is a transaction of its own, and taking the same file over again changes nothing: after an interruption
    the import is simply run again.

    Args:
        store: the store.
        path: the inbox that came back.
        at: when it is taken over; aware.
        reviewer: whose verdicts these are where the column is empty.
        step: called after each row.

    Raises:
        ReviewError: if the file can not be read at all; nothing was taken then.
        StoreError: if the store is locked or broken.
    """
    back = read_inbox(path)
    rows = []
    for edit in back.edits:
        rows.append(_take(store, edit, at, reviewer.strip(), f"{back.name}.gpkg", back.sha256))
        step()
    return Taken(path.name, back.name, back.sha256, tuple(rows))


def _take(store: Store, edit: Edit, at: dt.datetime, other: str, source: str, sha256: str) -> RowTaken:
    said = "；".join(edit.notes)
    if edit.problem:
        return RowTaken(edit.number, edit.lead_id, "invalid", edit.problem)
    if not edit.changed:
        return RowTaken(edit.number, edit.lead_id, "unchanged", said)
    reviewer = edit.reviewer or other
    if not reviewer:
        why = "未填审核人，请在表单中填写或用 --reviewer 指定 no reviewer: fill in the form, or give --reviewer NAME"
        return RowTaken(edit.number, edit.lead_id, "invalid", why)
    outcome = Outcome("conflict", "")
    for base in _bases(store, edit, reviewer, source, sha256):
        outcome = store.review(
            edit.lead_id, base, edit.status, edit.reason, edit.remark, reviewer, at, source, sha256,
            edit.outline, edit.survey_m2,
        )  # fmt: skip
        if outcome.kind != "conflict":
            break
    message = "；".join(part for part in (outcome.message, said) if part)
    return RowTaken(edit.number, edit.lead_id, outcome.kind, message, reviewer)


def _bases(store: Store, edit: Edit, reviewer: str, source: str, sha256: str) -> tuple[int, ...]:
    """The versions that a row may speak of, to be tried in this order.

    Somebody who goes on in the same inbox after its first import corrects himself: as long as nobody else changed the
    lead since, his own last verdict is what he speaks of. A file that was taken over before says nothing new.
    """
    mine = [event for event in store.reviews(edit.lead_id) if event.base_version >= edit.base_version]
    lead = store.lead(edit.lead_id)
    own = all(event.source == source and event.reviewer == reviewer for event in mine)
    again = any(event.source_sha256 == sha256 for event in mine)
    if lead is None or not mine or not own or again or lead.version != edit.base_version + len(mine):
        return (edit.base_version,)
    return mine[-1].base_version, lead.version

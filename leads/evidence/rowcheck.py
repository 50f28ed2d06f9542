"""The store's rows against what the chain says of them: two streams in the same order, side by side."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from leads.evidence.rows import CASES, CHUNK, FACTS, LEADS, STATES, Facts, after, collated, digest_of, states, told
from leads.store import tables


@dataclass(frozen=True)
class Recorded:
    """What the chain says of a row: the last state recorded."""

    name: str
    sha256: str
    run: str


@dataclass
class RowCheck:
    """All tables, one after the other."""

    connection: Connection
    step: Callable[[], None]
    every: int
    checked: int = 0
    pending: int = 0
    broken: str = ""
    _pending_leads: set[str] = field(default_factory=set)
    _pending_looks: bool = False
    _pending_events: set[str] = field(default_factory=set)

    def run(self) -> str:
        """The first row that is amiss, in one sentence; empty where none is."""
        for facts in FACTS:
            self._facts(facts)
        for facts in STATES:
            self._states(facts)
        return self.broken

    def _facts(self, facts: Facts) -> None:
        recorded = self._recorded(facts)
        known = next(recorded, None)
        for number, row in after(self.connection, facts, -(2**31)):
            while known is not None and _number(known) < number:
                self._gone(facts, known)
                known = next(recorded, None)
            if known is not None and _number(known) == number:
                if digest_of(facts, row) != known.sha256:
                    self._amiss(
                        f"run {known.run}: {self._called(facts, number, row)} was changed after it was recorded"
                    )
                known = next(recorded, None)
            elif known is not None:
                self._amiss(
                    f"{self._called(facts, number, row)} is in the store and in no run's records: it was slipped in"
                )
            else:
                self._await(facts, row)
            self._count()
        for left in (known, *recorded):
            if left is not None:
                self._gone(facts, left)

    def _states(self, facts: Facts) -> None:
        recorded = self._recorded(facts)
        known = next(recorded, None)
        for name, row, digest in states(self.connection, facts):
            key = name.encode("utf-8", "surrogatepass")
            while known is not None and known.name.encode("utf-8", "surrogatepass") < key:
                self._gone(facts, known)
                known = next(recorded, None)
            if known is None or known.name != name:
                if self._may_change(facts, name, row, new=True):
                    self.pending += 1
                else:
                    self._amiss(f"{facts.thing} {name} is in the store and in no run's records: it was slipped in")
            else:
                if digest != known.sha256:
                    self._differs(facts, known, row)
                known = next(recorded, None)
            self._count()
        for left in (known, *recorded):
            if left is not None:
                self._gone(facts, left)

    def _differs(self, facts: Facts, known: Recorded, row: RowMapping) -> None:
        if self._may_change(facts, known.name, row, new=False):
            self.pending += 1
        else:
            self._amiss(f"run {known.run}: {facts.thing} {known.name} was changed after it was recorded")

    def _may_change(self, facts: Facts, name: str, row: RowMapping, new: bool) -> bool:
        """Whether something that is not recorded yet explains why a row differs from its last record."""
        if facts is LEADS:
            return self._pending_looks or name in self._pending_leads
        if facts is CASES:
            return new or name in self._pending_events or self._written_since(row["updated"])
        return new

    def _written_since(self, updated: Any) -> bool:
        newest = self.connection.execute(sa.select(sa.func.max(tables.heads.c.created))).scalar()
        moment = tables.heads.c.created.type
        return newest is None or str(told(updated, moment)) > newest.strftime("%Y-%m-%d %H:%M:%S.%f")

    def _await(self, facts: Facts, row: RowMapping) -> None:
        """A row that no run has recorded yet, and what it may have changed."""
        self.pending += 1
        if facts.thing in ("review", "outline"):
            self._pending_leads.add(str(told(row["lead_id"], sa.Text())))
        elif facts.thing == "case event":
            self._pending_events.add(str(told(row["case_id"], sa.Text())))
        self._pending_looks |= facts.thing == "look"

    def _recorded(self, facts: Facts) -> Iterator[Recorded]:
        """The last record of each row, by name."""
        c = tables.evidence.c
        order = collated(c.name, self.connection.dialect.name)
        asked = sa.select(c.name, c.sha256, c.run_id).where(c.kind == facts.kind).order_by(order, c.seq)
        last: Recorded | None = None
        for name, sha256, run in self.connection.execute(asked.execution_options(yield_per=CHUNK)):
            if last is not None and last.name != name:
                yield last
            last = Recorded(name, sha256, run)
        if last is not None:
            yield last

    def _called(self, facts: Facts, number: int, row: RowMapping) -> str:
        lead = str(told(row["lead_id"], sa.Text())) if "lead_id" in row else ""
        if facts.thing == "observation":
            c = tables.links.c
            asked = sa.select(tables.leads.c.id).join(tables.links, c.lead == tables.leads.c.number)
            lead = str(self.connection.execute(asked.where(c.observation_id == number)).scalar() or "")
        return f"{facts.thing} {number}{f' of lead {lead}' if lead else ''}"

    def _gone(self, facts: Facts, known: Recorded) -> None:
        self._amiss(f"run {known.run}: {facts.thing} {known.name.lstrip('0') or known.name} was taken out of the store")

    def _amiss(self, what: str) -> None:
        self.broken = self.broken or what

    def _count(self) -> None:
        self.checked += 1
        if not self.checked % self.every:
            self.step()


def _number(known: Recorded) -> int:
    return int(known.name) if known.name.isdecimal() else -1

"""The store's rows against what the chain says of them: two streams in the same order, side by side."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from leads.evidence.recorded import covered, holds, new_verdicts
from leads.evidence.rows import (
    CHUNK,
    DESK,
    FACTS,
    LEADS,
    RUNS,
    STATES,
    UNTOUCHED,
    Facts,
    after,
    collated,
    digest_of,
    states,
    told,
)
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
    kept: Callable[[str, Facts, RowMapping], None]
    """Checks the file that a recorded row speaks of: run, table, row."""

    checked: int = 0
    pending: int = 0
    broken: str = ""
    _verdicts: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)

    def run(self) -> str:
        """The first row that is amiss, in one sentence; empty where none is."""
        for facts in FACTS:
            self._facts(facts)
        self._verdicts = new_verdicts(self.connection) if self.pending else {}
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
                else:
                    self.kept(known.run, facts, row)
                known = next(recorded, None)
            elif known is not None:
                self._amiss(
                    f"{self._called(facts, number, row)} is in the store and in no run's records: it was slipped in"
                )
            else:
                self.pending += 1
            self._count()
        for left in (known, *recorded):
            if left is not None:
                self._gone(facts, left)

    def _states(self, facts: Facts) -> None:
        recorded = self._recorded(facts)
        known = next(recorded, None)
        whole = facts is not RUNS and covered(self.connection, LEADS if facts is DESK else facts) is not None
        for name, row, digest in states(self.connection, facts):
            key = name.encode("utf-8", "surrogatepass")
            while known is not None and known.name.encode("utf-8", "surrogatepass") < key:
                self._gone(facts, known)
                known = next(recorded, None)
            mine = known if known is not None and known.name == name else None
            if facts is DESK and mine is None and digest == UNTOUCHED:
                pass
            elif mine is None and not whole:
                self.pending += 1  # a run that has ended since; all leads and cases where none was ever recorded
            elif mine is None or digest != mine.sha256:
                self._differs(facts, name, row, digest, mine)
            known = next(recorded, None) if mine is not None else known
            self._count()
        for left in (known, *recorded):
            if left is not None:
                self._gone(facts, left)

    def _differs(self, facts: Facts, name: str, row: RowMapping, digest: str, mine: Recorded | None) -> None:
        """A state that is not the one recorded last: only a verdict that is not recorded yet can have left it."""
        if facts is DESK and holds(facts, row, digest, mine.sha256 if mine else None, self._verdicts.get(name)):
            self.pending += 1
        elif mine is not None:
            self._amiss(f"run {mine.run}: {facts.thing} {name} was changed after it was recorded")
        elif facts is DESK:
            self._amiss(f"{facts.thing} {name} is in no review and in no run's records: it was slipped in")
        else:
            self._amiss(f"{facts.thing} {name} is in the store and in no run's records: it was slipped in")

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

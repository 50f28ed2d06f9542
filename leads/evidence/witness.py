"""Who stands by while our own code changes leads and cases, and records in the same transaction what it left.

What a row was before must be what the chain says: a row that somebody changed by hand would otherwise become part of
the next honest state and be recorded with it. The night goes on (one row must not stop a patrol); what was found goes
into the chain as an item of its own, which nothing takes out again.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leads.evidence.chain import Ledger, write_part
from leads.evidence.cover import all_states, begun, new_facts
from leads.evidence.link import ALTERED, Item
from leads.evidence.recorded import covered, holds, last_recorded, new_verdicts
from leads.evidence.rows import CASES, CHUNK, DESK, FACTS, LEADS, UNTOUCHED, Facts, states
from leads.store import tables

_OF_NIGHTS = [facts for facts in FACTS if facts.thing in ("look", "observation", "coverage row")]
"""Written by nights alone, one at a time: what is beyond the mark is all there. (Outlines come from desks as well.)"""

_STEPS = next(facts for facts in FACTS if facts.thing == "case event")


@dataclass
class Witness:
    """Of one transaction of a night, or of one step of a case."""

    ledger: Ledger
    run_id: str = ""
    """The night's; a case's steps have names of their own."""

    altered: list[str] = field(default_factory=list)
    """What was changed by hand since it was recorded, as messages call it."""

    _found: list[Item] = field(default_factory=list)

    # --- a night (`leads.store.night.Watching`) -------------------------------------------------------------------

    def before_leads(self, connection: Connection, numbers: Collection[int]) -> None:
        """Leads of the store, by number, that are about to be changed for the first time in this transaction."""
        if not begun(connection):
            return
        ids = list(_ids(connection, numbers))
        verdicts = new_verdicts(connection, ids)
        for facts in (LEADS, DESK):
            known = last_recorded(connection, facts, ids)
            for name, row, digest in states(connection, facts, ids):
                if not holds(facts, row, digest, known.get(name), verdicts.get(name)):
                    self._note(facts, name, digest)

    def after_leads(self, connection: Connection, numbers: Collection[int]) -> None:
        """The night is written; these leads were changed or are new."""
        write_part(connection, self.run_id, self._of_night(connection, numbers), self.ledger.signer)
        self._found.clear()

    def _of_night(self, connection: Connection, numbers: Collection[int]) -> Iterator[Item]:
        yield from self._found
        for facts in _OF_NIGHTS:
            yield from new_facts(connection, facts)
        if begun(connection):
            ids = list(_ids(connection, numbers))
            yield from _changed(connection, LEADS, ids)
            yield from _changed(connection, DESK, ids)
        else:
            yield from all_states(connection, LEADS)
            yield from all_states(connection, DESK)

    # --- a case (`leads.cases.book.Watching`) -----------------------------------------------------------------------

    def before_case(self, connection: Connection, case_id: str) -> None:
        """A case that is about to be changed."""
        known = last_recorded(connection, CASES, [case_id])
        for name, _, digest in states(connection, CASES, [case_id]):
            if covered(connection, CASES) is not None and digest != known.get(name):
                self._note(CASES, name, digest)

    def after_case(self, connection: Connection, case_id: str, version: int) -> None:
        """A step is written."""
        write_part(connection, f"case-{case_id}-v{version}", self._of_case(connection, case_id), self.ledger.signer)
        self._found.clear()

    def _of_case(self, connection: Connection, case_id: str) -> Iterator[Item]:
        yield from self._found
        yield from new_facts(connection, _STEPS)
        if covered(connection, CASES) is None:
            yield from all_states(connection, CASES)
        else:
            yield from _changed(connection, CASES, [case_id])

    def _note(self, facts: Facts, name: str, digest: str) -> None:
        said = f"{facts.thing} {name}"
        self.altered.append(said)
        self._found.append(Item(ALTERED, said, digest))


def _ids(connection: Connection, numbers: Collection[int]) -> Iterator[str]:
    c = tables.leads.c
    wanted = sorted(numbers)
    for start in range(0, len(wanted), CHUNK):
        asked = sa.select(c.id).where(c.number.in_(wanted[start : start + CHUNK])).order_by(c.number)
        yield from connection.execute(asked).scalars()


def _changed(connection: Connection, facts: Facts, ids: Sequence[str]) -> Iterator[Item]:
    known = last_recorded(connection, facts, ids)
    for name, _, digest in states(connection, facts, ids):
        last = known.get(name) or (UNTOUCHED if facts is DESK else None)
        if digest != last:
            yield Item(facts.kind, name, digest)

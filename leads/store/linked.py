"""Which observation belongs to which lead, as a look leaves it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leads.store import tables
from leads.store.refold import Observed


@dataclass(frozen=True)
class Links:
    """Observations that come to a lead, or to another than before."""

    new: list[dict[str, int]] = field(default_factory=list)
    moved: list[dict[str, int]] = field(default_factory=list)
    leads: set[int] = field(default_factory=set)
    """Numbers of the leads that get or lose one."""

    def write(self, connection: Connection) -> None:
        """Into the store; the leads must be there."""
        table = tables.links
        if self.new:
            connection.execute(table.insert(), self.new)
        if self.moved:
            where = table.c.observation_id == sa.bindparam("observation")
            connection.execute(table.update().where(where).values(lead=sa.bindparam("to")), self.moved)


def links_of(observed: Sequence[Observed], roots: Mapping[str, str], numbers: Mapping[str, int]) -> Links:
    """What changes.

    Args:
        observed: as they are linked now.
        roots: of the track that each sighting belongs to, by the sighting's key.
        numbers: of the leads, by root.
    """
    links = Links()
    for one in observed:
        lead = numbers[roots[one.sighting.key]]
        if one.lead is None:
            links.new.append({"observation_id": one.number, "lead": lead})
            links.leads.add(lead)
        elif one.lead != lead:
            links.moved.append({"observation": one.number, "to": lead})
            links.leads.update((lead, one.lead))
    return links

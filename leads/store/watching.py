"""Who may stand by while a night changes leads: the evidence does. The store knows it by this alone."""

from collections.abc import Collection
from typing import Protocol

from sqlalchemy.engine import Connection


class Watching(Protocol):
    """Called inside the night's transaction; an error of it undoes the night."""

    def before_leads(self, connection: Connection, numbers: Collection[int]) -> None:
        """Leads, by number, that are about to be changed for the first time in this transaction; locked."""

    def after_leads(self, connection: Connection, numbers: Collection[int]) -> None:
        """All is written: the numbers of the leads that were changed or are new."""

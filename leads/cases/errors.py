"""What can be wrong with a case."""

from leads.errors import LeadsError


class CaseError(LeadsError):
    """A case is not there, or may not be changed like that; the message says what is allowed."""


class CaseConflictError(CaseError):
    """Somebody else changed the case since it was read; nothing was written."""

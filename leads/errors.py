"""What can be wrong between a score and a lead."""


class LeadsError(Exception):
    """Root of everything that `leads` raises."""


class OutputError(LeadsError):
    """A result can not be written where it was asked for."""

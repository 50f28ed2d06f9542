"""What can be wrong between a score and a lead."""


class LeadsError(Exception):
    """Root of everything that `leads` raises."""


class OutputError(LeadsError):
    """A result can not be written where it was asked for."""


class DiskFullError(OutputError):
    """The disk has no room for a result."""


class ReviewError(LeadsError):
    """What an analyst handed back can not be read at all."""


class RuleError(LeadsError):
    """The records of the rules are missing or do not hold together."""

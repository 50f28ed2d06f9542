"""What can go wrong in a run, and the exit code that says so."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line: a contract."""

    DONE = 0
    FAULT = 1
    """Ours, or of a service that imagery was asked of."""

    BAD_INPUT = 2
    PARTIAL = 3
    NOTHING_OBSERVED = 4
    NOT_VERIFIED = 5
    LOCKED_OR_FULL = 6


class PipelineError(Exception):
    """Root of everything that `pipelines` raises; carries the exit code."""

    exit_code = Exit.FAULT


class BadInputError(PipelineError):
    """The user asked for something that can not be; the message says what and how to ask instead."""

    exit_code = Exit.BAD_INPUT


class NothingObservedError(PipelineError):
    """No clear pixel of the area was seen at one of the dates."""

    exit_code = Exit.NOTHING_OBSERVED

"""How much patience, time and traffic a source of imagery gets."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of everything that is asked of one provider."""

    attempts: int = 5
    """Tries of one request that bring nothing; a try that brought new bytes counts from one again."""

    timeout_s: float = 60
    """Seconds one read may take, and over which less than a trickle counts as none."""

    deadline_s: float = 900
    """Seconds for one object, all attempts and waits together."""

    concurrency: int = 8
    """Objects under way at once."""

    max_object_bytes: int = 8 * 2**30
    """Nothing larger is accepted, compressed or not."""

    budget_bytes: int | None = None
    """Bytes that may be fetched in one run; None = as many as it takes."""

"""What a provider was asked for and what it cost."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from imagery.errors import ProviderError


@dataclass(frozen=True)
class Traffic:
    """Counts of one fetcher so far."""

    requests: int
    bytes_fetched: int
    """Of bodies, those of failed attempts among them."""

    bytes_cached: int
    """Wanted and already here."""

    faults: Mapping[str, int]
    """How often an attempt failed, by reason."""


class Meter:
    """Counts, and ends the run's traffic at a budget. Safe for threads."""

    def __init__(self, budget_bytes: int | None) -> None:
        """Begins at zero.

        Args:
            budget_bytes: what may be fetched; None = no bound.
        """
        self._budget = budget_bytes
        self._lock = threading.Lock()
        self._requests = self._fetched = self._cached = 0
        self._faults: Counter[str] = Counter()

    def read(self) -> Traffic:
        """Counts so far."""
        with self._lock:
            return Traffic(self._requests, self._fetched, self._cached, dict(self._faults))

    def check(self) -> None:
        """Refuses to go on when the budget is used up.

        Raises:
            ProviderError: if it is.
        """
        if self._budget is not None and self._fetched >= self._budget:
            raise ProviderError(
                f"The budget of {self._budget:,} bytes for this run is used up ({self._fetched:,} were fetched). "
                "What is here is kept: run again to go on, or set a larger budget_bytes for this source."
            )

    def counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """A body whose bytes count.

        Raises:
            ProviderError: if the budget is used up on the way.
        """
        for chunk in chunks:
            with self._lock:
                self._fetched += len(chunk)
            yield chunk
            self.check()

    def asked(self) -> None:
        """Notes a request."""
        with self._lock:
            self._requests += 1

    def cached(self, count: int) -> None:
        """Notes bytes that were wanted and already here."""
        with self._lock:
            self._cached += count

    def failed(self, reason: str) -> None:
        """Notes an attempt that failed."""
        with self._lock:
            self._faults[reason] += 1

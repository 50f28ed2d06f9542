"""Trying again: how often, how long to wait in between, and when to stop."""

import logging
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from imagery.errors import ProviderError
from imagery.remote.limits import Limits

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
"""Bounds of the wait that grows by itself; what a server asks for may be longer."""

LONGEST_ASKED_S = 86_400.0
"""A server that asks for more than a day is taken to have said a day."""

MAX_STEPS = 1_000
"""Attempts in all, even if each brings something."""


@dataclass(frozen=True)
class Clock:
    """Time and chance, so that a test can hold both."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    random: Callable[[], float] = random.random


SYSTEM = Clock()


class RetryableError(Exception):
    """A fault that may be gone next time."""

    def __init__(self, reason: str, wait_s: float | None = None, progressed: bool = False) -> None:
        """Why, and what is known of the next time.

        Args:
            reason: what went wrong, without any secret.
            wait_s: seconds the server asked to wait; None = it said nothing.
            progressed: the attempt brought something that will not be asked for again.
        """
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s
        self.progressed = progressed


class RefusedError(Exception):
    """A fault that trying again does not mend."""

    def __init__(self, reason: str) -> None:
        """Why, without any secret."""
        super().__init__(reason)
        self.reason = reason


def with_retries(call: Callable[[], T], limits: Limits, what: str, clock: Clock = SYSTEM) -> T:
    """What a call returns, tried again with full jitter while its faults are retryable.

    Waits are drawn from 0 to a bound that doubles (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter),
    and are never shorter than the server asked for.

    Args:
        call: raises `RetryableError` or `RefusedError`; other errors pass through.
        limits: attempts and deadline.
        what: names the thing in messages and logs, without any secret.
        clock: time and chance.

    Raises:
        ProviderError: if it was refused, or attempts or time ran out; with the last reason.
    """
    ends = clock.monotonic() + limits.deadline_s
    failures = 0
    for _ in range(MAX_STEPS):
        try:
            return call()
        except RefusedError as error:
            verdict = error.reason
            break
        except RetryableError as error:
            failures = 1 if error.progressed else failures + 1
            verdict, wait_s = error.reason, _wait_s(error.wait_s, failures, clock)
        if failures >= limits.attempts:
            verdict = f"{verdict} ({failures} attempts)"
            break
        if clock.monotonic() + wait_s >= ends:
            verdict = f"{verdict} (the next attempt in {wait_s:.0f} s would miss the limit of {limits.deadline_s:g} s)"
            break
        log.info("%s: %s; again in %.1f s", what, verdict, wait_s)
        clock.sleep(wait_s)
    # Raised out here and not where the fault was caught, so that no foreign exception, which may quote a signed URL,
    # travels along as its context.
    raise ProviderError(f"{what}: {verdict}.")


def _wait_s(asked_s: float | None, failures: int, clock: Clock) -> float:
    spread: float = clock.random() * min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (failures - 1))
    return spread if asked_s is None else asked_s + min(spread, 1.0)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait; None if it is absent or nonsense.

    Args:
        value: seconds or an HTTP date (RFC 9110, 10.2.3).
        now: the server's own time, from its ``Date`` header: its clock may be wrong, the difference is right.
    """
    text = (value or "").strip()
    if re.fullmatch(r"\d{1,12}(\.\d{0,6})?", text):
        return min(float(text), LONGEST_ASKED_S)
    when = http_date(text)
    return None if when is None else min(max((when - now).total_seconds(), 0.0), LONGEST_ASKED_S)


def http_date(value: str | None) -> datetime | None:
    """An HTTP date, aware; None if it is absent or nonsense."""
    try:
        when = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError, IndexError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)

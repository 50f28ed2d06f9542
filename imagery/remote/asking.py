"""Asking a provider, within its limits, with its credentials: what comes back is an answer or a reason."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Protocol, TypeVar, runtime_checkable

from imagery.remote.address import public
from imagery.remote.limits import Limits
from imagery.remote.retry import Clock, RefusedError, RetryableError, http_date, retry_after_s, with_retries
from imagery.remote.traffic import Meter
from imagery.remote.transport import Answer, Patience, Request, Transport

T = TypeVar("T")

_AGAIN = (408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524)

_MEANS = {
    401: "does not accept our credentials (401)",
    403: "does not let us have it (403): check the credentials and what they are allowed",
    404: "does not exist (404)",
    410: "does not exist any more (410)",
    429: "asks us to slow down (429)",
    503: "is overloaded or asks us to slow down (503)",
}


@runtime_checkable
class Renewable(Protocol):
    """What `headers` or `sign` may be besides callable, to learn that the server did not accept what they gave."""

    def renew(self, url: str, answer: Mapping[str, str]) -> None:
        """Forget what is kept for an address (a token, a signature, a region): it was refused.

        Args:
            url: of the request, before it was signed.
            answer: headers of the answer that refused.
        """


@dataclass
class Errand:
    """One object being fetched: its deadline, and whether credentials were renewed for it already."""

    href: str
    ends: float
    renewed: bool = False
    changed: bool = False
    """The object seemed to be another one than before; an answer that is a fault may look so, two in a row do not."""


class Asking:
    """One provider's slots, connections and counts. Safe for threads."""

    def __init__(
        self,
        limits: Limits,
        headers: Callable[[str], Mapping[str, str]] | None,
        sign: Callable[[str], str] | None,
        clock: Clock,
    ) -> None:
        """As `Fetcher`, without a cache."""
        self.limits = limits
        self.meter = Meter(limits.budget_bytes)
        self.clock = clock
        self._headers = headers
        self._sign = sign
        self._slots = threading.BoundedSemaphore(limits.concurrency)
        self._transport = Transport(limits.concurrency, clock)

    def close(self) -> None:
        """Let go of connections; a later request opens new ones."""
        self._transport.close()

    def errand(self, href: str, attempt: Callable[[Errand], T]) -> T:
        """Try something until it succeeds, within the limits and one of the provider's slots.

        Args:
            href: what it is about.
            attempt: one try, by `asked`.

        Raises:
            ProviderError: if it does not succeed.
        """
        with self._slots:
            errand = Errand(href, self.clock.monotonic() + self.limits.deadline_s)
            return with_retries(lambda: self._counted(attempt, errand), self.limits, public(href), self.clock)

    @contextlib.contextmanager
    def asked(
        self, errand: Errand, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Iterator[Answer]:
        """One request; answers that are none become errors, what remains is 2xx or 416.

        Args:
            errand: whose it is.
            method: of the request.
            headers: any host may see them.
            body: to be sent.

        Raises:
            RetryableError: if it fails in a way that may pass.
            RefusedError: if it fails for good.
            ProviderError: if the byte budget is used up.
        """
        self.meter.check()
        request = Request(
            method,
            self._sign(errand.href) if self._sign else errand.href,
            self._headers(errand.href) if self._headers else {},
            {"Accept-Encoding": "identity", **(headers or {})},
            body,
        )
        patience = Patience(self.limits.timeout_s, errand.ends)
        self.meter.asked()
        with self._transport.ask(request, patience) as answer:
            self._judge(answer, errand)
            yield Answer(answer.status, answer.headers, self.meter.counted(answer.chunks))

    def _counted(self, attempt: Callable[[Errand], T], errand: Errand) -> T:
        try:
            return attempt(errand)
        except (RetryableError, RefusedError) as error:
            self.meter.failed(error.reason)
            raise

    def _judge(self, answer: Answer, errand: Errand) -> None:
        status = answer.status
        refused = status in (301, 307, 401) or (status in (400, 403) and self._sign is not None)
        if not refused:
            errand.renewed = False  # a token may run out again later, during the same large object
        if 200 <= status < 300 or status == 416:
            return
        if refused and not errand.renewed:
            errand.renewed = True
            for giver in (self._headers, self._sign):
                if isinstance(giver, Renewable):
                    giver.renew(errand.href, answer.headers)
            raise RetryableError(f"does not accept these credentials ({status})", wait_s=0)
        if status in _AGAIN:
            now = http_date(answer.headers.get("Date")) or self.clock.now().astimezone(UTC)
            wait_s = retry_after_s(answer.headers.get("Retry-After"), now)
            raise RetryableError(_MEANS.get(status, f"failed on its side ({status})"), wait_s)
        raise RefusedError(_MEANS.get(status, f"answered {status}"))

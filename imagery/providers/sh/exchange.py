"""One exchange with the service: bounded in time and bytes, and its faults called by name.

The client's own exchange reads ``Retry-After`` as milliseconds and fails on a date there, retries 429 for ever, takes
a body of any size into memory and waits for a dripping one without end. Only the exchange is replaced here; what is
asked, and how answers are read, stays the client's.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import requests
from pydantic_core import from_json

from imagery.errors import ProviderError
from imagery.remote.content import decoded
from imagery.remote.limits import Limits
from imagery.remote.retry import SYSTEM, Clock, RefusedError, RetryableError, http_date, retry_after_s
from imagery.remote.secrets import Secret
from imagery.remote.traffic import Meter
from imagery.remote.transport import Patience, Request, Transport

MAX_ERROR_BYTES = 65_536
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_SECONDS = 600


class StoppedError(ProviderError):
    """Nothing more can be had from this source in this run; other errors are one scene's."""


class SpentTokenError(Exception):
    """The service does not accept the token that was sent."""


@dataclass(frozen=True)
class Bounds:
    """Of one answer."""

    max_bytes: int
    """More is a fault, compressed or not."""

    ends: float
    """On the monotonic clock: when waiting for it is over, attempts included."""


class _Straight(Transport):
    """Follows no redirect: the service has none, and a secret in a body would go along."""

    def _followed(self, request: Request, patience: Patience) -> requests.Response:
        headers = {**request.headers, **request.open_headers}
        return self._sent(request.method, request.url, headers, request.body, patience)


class Exchange:
    """Requests to one service, from any thread; close it when done."""

    def __init__(self, limits: Limits, hidden: Sequence[Secret] = (), clock: Clock = SYSTEM) -> None:
        """Opens nothing yet.

        Args:
            limits: of each exchange, and of the bytes of all of them.
            hidden: what must not be repeated, even if the service says it.
            clock: time.
        """
        self.limits = limits
        self.clock = clock
        self._hidden = tuple(hidden)
        self.meter = Meter(limits.budget_bytes)
        self._transport = _Straight(max(limits.concurrency, 1), clock)

    def close(self) -> None:
        """Let go of connections; a later request opens new ones."""
        self._transport.close()

    def bounds(self, max_bytes: int) -> Bounds:
        """Those of an object that is asked for from now on."""
        return Bounds(min(max_bytes, self.limits.max_object_bytes), self.clock.monotonic() + self.limits.deadline_s)

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, bounds: Bounds
    ) -> requests.Response:
        """An answer of status 200–299, read whole.

        Args:
            method: ``GET`` or ``POST``.
            url: where.
            headers: what the client would send.
            body: what the client would send.
            bounds: of the answer.

        Raises:
            RetryableError: if it may work next time.
            RefusedError: if it will not.
            SpentTokenError: if the token was not accepted.
            StoppedError: if the service lets nothing more be had, or the byte budget is used up.
        """
        self._within_budget()
        self.meter.asked()
        request = Request(method, url, headers, {"Accept-Encoding": "identity"}, body)
        with self._transport.ask(request, Patience(self.limits.timeout_s, bounds.ends)) as answer:
            good = 200 <= answer.status < 300
            content = io.BytesIO()
            try:
                chunks = self._counted(answer.chunks)
                for chunk in decoded(chunks, answer.headers, bounds.max_bytes if good else MAX_ERROR_BYTES):
                    content.write(chunk)
            except RefusedError as error:
                # We know how large an answer can be, so a larger one is no answer to this.
                if good:
                    raise RetryableError(error.reason) from None
            content.seek(0)
            whole = requests.Response()
            whole.status_code, whole.url, whole.raw = answer.status, url, content
            whole.headers.update(answer.headers)
        return self._judged(whole)

    def _within_budget(self) -> None:
        try:
            self.meter.check()
        except ProviderError as error:
            raise StoppedError(str(error)) from None

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from self.meter.counted(chunks)
        except ProviderError as error:
            raise StoppedError(str(error)) from None

    def _judged(self, answer: requests.Response) -> requests.Response:
        status = answer.status_code
        if 200 <= status < 300:
            return answer
        if status == 401:
            raise SpentTokenError
        said = f"answered with status {status}{self._message(answer.content)}"
        if status in _TEMPORARY:
            raise RetryableError(said, wait_s(answer.headers))
        if status == 403:
            raise StoppedError(
                f"The service refuses everything: it {said}. Check the account's permissions and monthly quota."
            )
        raise RefusedError(said)

    def _message(self, content: bytes) -> str:
        """What an error answer says, one short line; empty when it is not the service's JSON."""
        try:
            error = from_json(content)["error"]
            text = error["message"] if isinstance(error, dict) else error
        except (ValueError, KeyError, TypeError):
            return ""
        if not isinstance(text, str) or not text.strip():
            return ""
        for secret in self._hidden:
            text = text.replace(secret.reveal(), "***")
        line = re.sub(r"[^\x20-\x7e]+", " ", text)[:200].strip()
        return ": " + re.sub(r"[A-Za-z0-9+/_.~=-]{32,}", "…", line)  # it may be the token that was sent


def wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds the service asks to wait.

    RFC 9110 has seconds or a date in ``Retry-After``, and gateways before the service send that; the service itself
    documents milliseconds (https://docs.sentinel-hub.com/api/latest/api/overview/rate-limiting). Its limits run by the
    minute, so that no honest wait is longer than ten: larger numbers are milliseconds, smaller ones are taken for
    seconds, which waits too long rather than too short.
    """
    value = headers.get("Retry-After")
    asked = retry_after_s(value, http_date(headers.get("Date")) or datetime.now(UTC))
    if asked is not None and asked > _LONGEST_SECONDS and (value or "").strip().isdigit():
        return asked / 1000
    return asked

"""Signing hrefs: tokens that last a while (Planetary Computer's shared access signatures), and keys of buckets."""

import datetime as dt
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from imagery.errors import ProviderError
from imagery.remote.retry import SYSTEM, Clock
from imagery.remote.s3 import S3
from imagery.remote.secrets import Secret

SPARE_S = 120.0
"""A token is not used for longer than until so many seconds before it ends: a read that begins in time must end so."""

SHORTEST_S, LONGEST_S = 30.0, 1_800.0
"""A token is used for at least and at most so long, whatever it says: the clocks of both sides may differ."""


@dataclass(frozen=True)
class _Token:
    query: Secret
    until: float
    """On the monotonic clock."""


class Signer:
    """Tokens by storage account and container, asked for when they are needed and kept in memory only.

    The endpoint gives a token for all of a container, which is what one collection lies in
    (https://planetarycomputer.microsoft.com/docs/concepts/sas/).
    """

    def __init__(self, ask: Callable[[str], Any], endpoint: str, host_end: str, clock: Clock = SYSTEM) -> None:
        """No token is asked for yet.

        Args:
            ask: JSON at a URL, bounded and retried.
            endpoint: ``…/api/sas/v1/token``.
            host_end: only hrefs on hosts whose names end so are signed: ``.blob.core.windows.net``.
            clock: time.
        """
        self._ask, self._endpoint, self._host_end, self._clock = ask, endpoint.rstrip("/"), host_end, clock
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()
        self.asked = 0
        """Tokens asked for so far."""

    def __call__(self, href: str) -> str:
        """A href, signed if it is of the kind that needs it; do not store or show what comes back.

        Raises:
            ProviderError: if no token can be had.
        """
        place = self._place(href)
        if place is None:
            return href
        return f"{href}{'&' if urlsplit(href).query else '?'}{self._token(place).query.reveal()}"

    def renew(self, url: str, answer: Mapping[str, str]) -> None:
        """Forget the token a href was signed with, because the storage refused it."""
        with self._lock:
            self._tokens.pop(self._place(url) or "", None)

    def _place(self, href: str) -> str | None:
        """Account and container of a href; None if it is not to be signed."""
        parts = urlsplit(href)
        host = parts.hostname or ""
        container = parts.path.strip("/").partition("/")[0]
        if not host.endswith(self._host_end) or not container or parts.scheme not in ("http", "https"):
            return None
        return f"{host.partition('.')[0]}/{container}"

    def _token(self, place: str) -> _Token:
        with self._lock:  # one asks, the others wait for what it brings
            token = self._tokens.get(place)
            if token is None or self._clock.monotonic() >= token.until:
                token = self._tokens[place] = self._read(self._ask(f"{self._endpoint}/{place}"))
                self.asked += 1
            return token

    def _read(self, answer: Any) -> _Token:
        query = answer.get("token") if isinstance(answer, dict) else None
        if not isinstance(query, str) or not parse_qsl(query) or any(ord(char) < 33 for char in query):
            raise ProviderError(f"{self._endpoint} gave no token to sign with; check the profile of this source.")
        try:
            ends = dt.datetime.fromisoformat(str(answer.get("msft:expiry")))
            left_s = ((ends if ends.tzinfo else ends.replace(tzinfo=dt.UTC)) - self._clock.now()).total_seconds()
        except ValueError:
            left_s = SHORTEST_S
        return _Token(Secret(query), self._clock.monotonic() + min(max(left_s - SPARE_S, SHORTEST_S), LONGEST_S))


class Signing:
    """What a service's storage wants: signatures for buckets, tokens for containers, nothing for the rest."""

    def __init__(self, buckets: S3, containers: Signer | None) -> None:
        """Nothing is asked yet.

        Args:
            buckets: signs ``s3://``.
            containers: signs some of the others; None = they are open.
        """
        self._buckets, self._containers = buckets, containers

    def __call__(self, href: str) -> str:
        """The address that is asked for a href; do not store or show it."""
        if href.startswith("s3://"):
            return self._buckets(href)
        return href if self._containers is None else self._containers(href)

    def renew(self, url: str, answer: Mapping[str, str]) -> None:
        """Pass on that the storage refused what an address was signed with."""
        if url.startswith("s3://"):
            self._buckets.renew(url, answer)
        elif self._containers is not None:
            self._containers.renew(url, answer)

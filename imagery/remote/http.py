"""Whole objects and JSON over HTTP, brought through retries, limits and the verified cache."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from imagery.remote.asking import Asking, Errand
from imagery.remote.cache import Cache
from imagery.remote.content import Kind, check_type, decoded, kind_of
from imagery.remote.download import Wanted, download
from imagery.remote.limits import Limits
from imagery.remote.retry import SYSTEM, Clock, RetryableError
from imagery.remote.traffic import Traffic

JSON_BYTES = 64 * 2**20


class Fetcher:
    """Everything that is asked of one provider. Safe for threads; one for the whole run, so that its limits hold."""

    def __init__(
        self,
        cache: Cache,
        limits: Limits,
        headers: Callable[[str], Mapping[str, str]] | None = None,
        sign: Callable[[str], str] | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        """A provider's way to the network.

        Args:
            cache: where content is kept.
            limits: of this provider.
            headers: gives what proves who asks (``Authorization``), for an unsigned URL; asked for each request, and
                anew once after an answer 401. Called from several threads.
            sign: turns an href into the URL that is asked: a signed one, or `S3` for ``s3://``. As for headers.
            clock: time and chance.
        """
        self.cache = cache
        self.asking = Asking(limits, headers, sign, clock)

    @property
    def limits(self) -> Limits:
        """Of this provider."""
        return self.asking.limits

    @property
    def traffic(self) -> Traffic:
        """What was fetched so far."""
        return self.asking.meter.read()

    def close(self) -> None:
        """Let go of connections; a later call opens new ones."""
        self.asking.close()

    def file(
        self, href: str, key: str, size: int | None = None, sha256: str | None = None, kind: Kind | None = None
    ) -> Path:
        """A whole object, from the cache or fetched; a download that broke off is resumed, here or by the next process.

        Args:
            href: ``http``, ``https``, or with a signer ``s3``.
            key: of the object in the cache; the same content must have the same key, however it is signed.
            size: in bytes, if known.
            sha256: hexadecimal, if known.
            kind: what its first bytes must say; None = what its suffix promises.

        Raises:
            ProviderError: if it can not be had whole and unchanged within the limits, with the reason.
        """
        digest = sha256.lower() if sha256 else None
        return download(self.asking, self.cache, Wanted(href, key, size, digest, kind or kind_of(href)))

    def json(
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = JSON_BYTES,
    ) -> Any:
        """Ask a service a question that it answers in JSON; safe to repeat.

        Args:
            method: ``GET`` or ``POST``.
            url: with its query.
            body: sent as JSON; None = none.
            headers: beside those that prove who asks.
            max_bytes: of the answer, after decompression.

        Raises:
            ProviderError: if there is no answer within the limits, or it is not JSON.
        """
        sent = None if body is None else json.dumps(body).encode()
        more = {"Accept": "application/json", **({} if sent is None else {"Content-Type": "application/json"})}

        def ask(errand: Errand) -> Any:
            with self.asking.asked(errand, method, {**more, **(headers or {})}, sent) as answer:
                check_type(answer.headers)
                content = b"".join(decoded(answer.chunks, answer.headers, max_bytes))
            return _parsed(content)

        return self.asking.errand(url, ask)


def _parsed(content: bytes) -> Any:
    if not content.strip():
        raise RetryableError("answered with nothing")
    try:
        return from_json(content)  # bounded in depth, where json.loads would run out of the stack in mid-answer
    except ValueError:
        raise RetryableError("answered with something that is not JSON") from None

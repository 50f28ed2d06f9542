"""The real client of the service, asked one thing at a time: its exchange, its token and its faults are ours."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

import requests
from sentinelhub.api.catalog import SentinelHubCatalog
from sentinelhub.config import SHConfig
from sentinelhub.constants import CRS
from sentinelhub.download.models import DownloadRequest
from sentinelhub.download.sentinelhub_client import SentinelHubDownloadClient
from sentinelhub.exceptions import BaseSentinelHubException
from sentinelhub.geometry import BBox

from imagery.providers.sh.collections import Collection, Deployment
from imagery.providers.sh.exchange import Bounds, Exchange, SpentTokenError, StoppedError
from imagery.providers.sh.session import Session
from imagery.remote.limits import Limits
from imagery.remote.retry import SYSTEM, Clock, RetryableError, with_retries
from imagery.remote.secrets import Secret
from imagery.remote.traffic import Traffic

T = TypeVar("T")

_END = object()

MAX_PAGE_BYTES = 64 * 2**20
PAGE_ITEMS = 100
MAX_PAGES = 5_000
"""Half a million acquisitions: twenty years of everything over Hulunbuir."""

_FIELDS = {"include": ["id", "geometry", "properties"], "exclude": ["assets", "links"]}


class _Client(SentinelHubDownloadClient):
    """The client, with our exchange."""

    def __init__(self, config: SHConfig, session: Session, exchange: Exchange, bounds: Bounds) -> None:
        super().__init__(config=config, session=session)
        self._exchange = exchange
        self._bounds = bounds

    def _do_download(self, request: DownloadRequest) -> requests.Response:
        headers = {name: str(value) for name, value in self._prepare_headers(request).items()}
        body = None if request.post_values is None else json.dumps(request.post_values).encode()
        return self._exchange.ask(request.request_type.value, str(request.url), headers, body, self._bounds)


class Service:
    """One deployment, with one account."""

    def __init__(self, at: Deployment, limits: Limits, secrets: Mapping[str, Secret], clock: Clock = SYSTEM) -> None:
        """Opens nothing yet.

        Args:
            at: where.
            limits: of everything that is asked.
            secrets: ``client_id`` and ``client_secret``.
            clock: time.
        """
        # use_defaults: the client's config.toml, which would hold the secret in plain text, is neither read nor made.
        self.config = SHConfig(
            use_defaults=True, sh_base_url=at.base_url, sh_token_url=at.token_url,
            max_retries=1, max_download_attempts=1, download_timeout_seconds=limits.timeout_s,
        )  # fmt: skip
        self._limits = limits
        self._clock = clock
        self._exchange = Exchange(limits, tuple(secrets.values()), clock)
        self._session = Session(self.config, self._exchange, secrets)

    @property
    def traffic(self) -> Traffic:
        """What was asked and fetched so far, and which faults there were."""
        return self._exchange.meter.read()

    def close(self) -> None:
        """Let go of connections."""
        self._exchange.close()

    def bounds(self, max_bytes: int) -> Bounds:
        """Of an object that is asked for from now on, all its attempts together."""
        return self._exchange.bounds(max_bytes)

    def download(self, request: DownloadRequest, bounds: Bounds) -> bytes:
        """What the service answers to one request, asked once; of a spent token, twice.

        Raises:
            RetryableError: if it may work next time.
            RefusedError: if it will not.
            StoppedError: if nothing more can be had.
        """
        client = _Client(self.config, self._session, self._exchange, bounds)
        answer = self._asked(lambda: client.download([request], max_threads=1, decode_data=False)[0])
        return bytes(answer.content)

    def pages(
        self, collection: Collection, box: tuple[float, float, float, float], time: tuple[datetime, datetime]
    ) -> Iterator[list[Any]]:
        """What the catalogue has, page by page.

        Args:
            collection: which.
            box: west, south, east, north in degrees.
            time: from and to, UTC.

        Raises:
            ProviderError: if a page can not be had, or pages do not end.
        """
        catalog = SentinelHubCatalog(config=self.config)
        found = catalog.search(collection.known, time=time, bbox=BBox(box, CRS.WGS84), fields=_FIELDS, limit=PAGE_ITEMS)
        known: set[str] = set()
        marks: set[str] = set()
        while not found.finished:
            before = len(found.features)
            found.client = _Client(self.config, self._session, self._exchange, self.bounds(MAX_PAGE_BYTES))
            if self.retried(lambda: self._asked(lambda: next(found, _END)), "The catalogue") is _END:
                return
            found.index = len(found.features)
            page = found.features[before:]
            names, mark = {_name(feature) for feature in page}, json.dumps(found.next, sort_keys=True)
            if mark in marks or names <= known or len(marks) > MAX_PAGES:
                raise StoppedError(
                    "The catalogue does not come to an end: its pages repeat themselves or are too many. "
                    "Try later, or ask for a shorter time."
                )
            known |= names
            marks.add(mark)
            yield page

    def retried(self, call: Callable[[], T], what: str) -> T:
        """A call tried again while its faults are retryable, each of them counted.

        Args:
            call: of `download`, and what is made of it.
            what: names the thing in messages.

        Raises:
            ProviderError: if it was refused, or attempts or time ran out; a `StoppedError` if nothing more can be had.
        """

        def counted() -> T:
            try:
                return call()
            except RetryableError as error:
                self._exchange.meter.failed(error.reason)
                raise

        return with_retries(counted, self._limits, what, self._clock)

    def _asked(self, call: Callable[[], T]) -> T:
        """A call of the client with one fresh token where the first was not accepted."""
        for _ in range(2):
            token = ""
            fault = ""
            try:
                token = str(self._session.token["access_token"])
                return call()
            except SpentTokenError:
                self._session.spend(token)
                continue
            except BaseSentinelHubException as error:
                fault = f"answered with nonsense ({type(error).__name__})"
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                # The client reads answers without asking whether they are what they should be.
                fault = f"answered with nonsense ({type(error).__name__})"
            raise RetryableError(fault)
        raise StoppedError("The service refuses a token that it gave a moment ago: check the account's permissions.")


def _name(feature: Any) -> str:
    return str(feature.get("id")) if isinstance(feature, dict) else repr(feature)

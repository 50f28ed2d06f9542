"""Listing items with pystac-client, over a transport that is bounded and does not trust what it hears."""

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import pystac
from pystac.link import Link
from pystac_client import Client
from pystac_client.conformance import ConformanceClasses
from pystac_client.errors import ClientTypeError
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from requests import Request
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from imagery.errors import ProviderError

PAGE_ITEMS = 250
MAX_PAGES = 4_000
MAX_EMPTY_PAGES = 5
MAX_ITEMS = 500_000
"""In one listing: far more than a decade over a province."""

_NONSENSE = (APIError, ClientTypeError, pystac.STACError, KeyError, TypeError, ValueError, AttributeError)
"""What pystac-client raises when an answer is not as STAC has it."""

Json = Callable[[str, str, Any], Any]
"""Asks a service: method, URL, body → decoded JSON. Bounded and retried by whoever makes it."""


class _Transport(StacApiIO):
    """pystac-client's requests, made by our own fetcher: bounded, retried, and only ever to the service itself."""

    def __init__(self, ask: Json, url: str) -> None:
        super().__init__(max_retries=None)
        self._ask, self._origin = ask, _origin(url)

    def read_json(self, source: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        answer = self._read(source, kwargs.get("method"), kwargs.get("parameters"))
        for _ in range(MAX_EMPTY_PAGES):
            # pystac-client takes an empty page for the end, and what comes after it would be lost
            onward = _next_link(answer) if answer.get("features") == [] else None
            if onward is None:
                return answer
            answer = self._read(Link.from_dict(onward), None, kwargs.get("parameters"))
        raise ProviderError(f"{self._origin} answers page after page with nothing in it; nothing of it was taken.")

    def _read(self, source: Any, method: str | None, parameters: Any) -> dict[str, Any]:
        href, method = str(source), method or "GET"
        if isinstance(source, Link):
            link = source.to_dict()
            href, method = str(link["href"]), str(link.get("method", "GET")).upper()
            body = link.get("body") or {}
            merged = {**(parameters or {}), **body} if link.get("merge") else body
            parameters = merged if method == "POST" else None  # those of a GET are in its href already
        if _origin(href) != self._origin:
            raise ProviderError(
                f"The service at {self._origin} sends its client on to {_origin(href)}, which is not itself; "
                "check the url of this source."
            )
        if method != "POST" and parameters:
            href, parameters = Request("GET", href, params=parameters).prepare().url or href, None
        answer = self._ask(method, href, parameters)
        if not isinstance(answer, dict):
            raise ProviderError(f"{self._origin} answered with no JSON object; check the url of this source.")
        return answer


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class Wish:
    """What is asked for in one listing."""

    collection: str
    ground: BaseGeometry
    """In EPSG:4326."""

    first: dt.date
    last: dt.date
    """UTC days, both inclusive."""

    since: tuple[str, dt.datetime] | None = None
    """Only items whose property of this name is this late or later."""


@dataclass
class Service:
    """One STAC API."""

    url: str
    ask: Json
    requests: int = field(default=0, init=False)
    """Made so far."""

    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @cached_property
    def _client(self) -> Client:
        try:
            client = Client.open(self.url, stac_io=_Transport(self._counted, self.url))
        except _NONSENSE as error:
            raise ProviderError(f"{self.url} is no STAC API ({error!r:.200}); check the url of this source.") from error
        if not client.conforms_to(ConformanceClasses.ITEM_SEARCH):
            raise ProviderError(f"{self.url} is a STAC catalog without search; name the root of a STAC API.")
        return client

    def open(self) -> None:
        """Greet the service, unless that was done.

        Raises:
            ProviderError: if it can not be asked or is no STAC API.
        """
        _ = self._client

    def _counted(self, method: str, url: str, body: Any) -> Any:
        with self._lock:
            self.requests += 1
        return self.ask(method, url, body)

    @property
    def can_filter(self) -> bool:
        """Whether it says that it compares properties."""
        return self._client.conforms_to(ConformanceClasses.QUERY) or self._filters

    @property
    def _filters(self) -> bool:
        return self._client.conforms_to(ConformanceClasses.FILTER)

    def pages(self, wish: Wish) -> Iterator[list[Any]]:
        """The items of a listing, page by page; each page holds something new.

        Raises:
            ProviderError: if the service can not be asked, refuses, answers nonsense or goes round in circles.
        """
        search = self._client.search(**self._arguments(wish))
        where = f"The listing of {wish.collection} for {wish.first} to {wish.last} at {self.url}"
        seen_ids: set[str] = set()
        seen_links: set[str] = set()
        try:
            for number, page in enumerate(search.pages_as_dicts()):
                items = page["features"]
                ids = {str(item.get("id")) if isinstance(item, dict) else "?" for item in items}
                if not ids - seen_ids or (link := _next(page)) in seen_links:
                    raise ProviderError(f"{where} repeats its pages; nothing of it was taken.")
                seen_ids |= ids
                seen_links |= {link} - {""}
                if number >= MAX_PAGES or len(seen_ids) > MAX_ITEMS:
                    raise ProviderError(f"{where} has no end ({number + 1} pages); ask for less ground or fewer days.")
                yield items
        except _NONSENSE as error:
            raise ProviderError(f"{where} is not as STAC has it ({error!r:.200}).") from error

    def _arguments(self, wish: Wish) -> dict[str, Any]:
        first, last = wish.first.isoformat(), wish.last.isoformat()
        said: dict[str, Any] = {
            "collections": [wish.collection],
            "datetime": f"{first}T00:00:00Z/{last}T23:59:59.999Z",
            "intersects": mapping(wish.ground),
            "limit": PAGE_ITEMS,
            "method": self._method,
        }
        if wish.since is None:
            return said
        name, when = wish.since
        stamp = when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if self._client.conforms_to(ConformanceClasses.QUERY):
            return {**said, "query": {name: {"gte": stamp}}}
        if self._method == "POST":
            return {**said, "filter": {"op": ">=", "args": [{"property": name}, stamp]}, "filter_lang": "cql2-json"}
        return {**said, "filter": f"{name} >= '{stamp}'", "filter_lang": "cql2-text"}

    @property
    def _method(self) -> str:
        """POST where the landing page offers it: a GET has no room for much of an outline."""
        offered = {str(link.extra_fields.get("method", "GET")) for link in self._client.get_links("search")}
        return "POST" if "POST" in offered else "GET"


def _next_link(page: dict[str, Any]) -> dict[str, Any] | None:
    links = page.get("links")
    found = links if isinstance(links, list) else []
    return next((link for link in found if isinstance(link, dict) and link.get("rel") == "next"), None)


def _next(page: dict[str, Any]) -> str:
    """What the next page is asked with, as text; empty on the last."""
    link = _next_link(page)
    return json.dumps([link.get("href"), link.get("body")], sort_keys=True) if link else ""

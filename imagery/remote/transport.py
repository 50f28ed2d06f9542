"""One request over HTTP: what can go wrong is a `RetryableError` or a `RefusedError`, never a foreign exception.

Exceptions of requests and urllib3 quote the URL with its query, where signatures are; so they are dropped where they
are caught, and ours are raised outside of the handler. What urllib3 logs is stripped of queries.
"""

import contextlib
import logging
import socket
import threading
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from imagery.remote.address import origin, without_user
from imagery.remote.retry import Clock, RefusedError, RetryableError

CHUNK_BYTES = 131_072
MAX_REDIRECTS = 5
CONNECT_S = 15.0

TRICKLE_BYTES_S = 1_024
"""Less than this, over the time that one read may take, is a server that pretends to be alive."""

_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Request:
    """What is asked."""

    method: str
    url: str
    headers: Mapping[str, str]
    """For this host only: a redirect to another host goes without them."""

    open_headers: Mapping[str, str]
    """For whichever host answers: ranges, kinds of content."""

    body: bytes | None = None


@dataclass(frozen=True)
class Answer:
    """What came back; its body is read while the connection is open."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]
    """The body as it was sent, never decoded; raises `RetryableError` when it breaks off."""


@dataclass(frozen=True)
class Patience:
    """How long one request may take."""

    read_s: float
    ends: float
    """On the clock's own monotonic time: the object's deadline."""


class Transport:
    """A pool of connections. Safe for threads."""

    def __init__(self, connections: int, clock: Clock) -> None:
        """A pool for one provider.

        Args:
            connections: kept open.
            clock: time.
        """
        self._clock = clock
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _Adapter(pool_connections=16, pool_maxsize=connections, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self.close = weakref.finalize(self, self._session.close)
        """Closes the connections; so does the end of this object."""

    @contextlib.contextmanager
    def ask(self, request: Request, patience: Patience) -> Iterator[Answer]:
        """One request, its redirects followed.

        Raises:
            RetryableError: if the connection fails or breaks off, or a read takes too long.
            RefusedError: if the address is none, redirects do not end, or the deadline has passed.
        """
        response = self._followed(request, patience)
        try:
            yield Answer(response.status_code, response.headers, self._chunks(response, patience))
        finally:
            response.close()

    def _followed(self, request: Request, patience: Patience) -> requests.Response:
        url, method, body = request.url, request.method, request.body
        headers = {**request.headers, **request.open_headers}
        for _ in range(MAX_REDIRECTS + 1):
            response = self._sent(method, url, headers, body, patience)
            target = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or not target:
                return response
            response.close()
            asked, url = url, urljoin(url, target)
            if not _may_follow(asked, url):
                raise RefusedError("is redirected to an address that is not HTTP, or from HTTPS to HTTP")
            if origin(url) != origin(asked):
                headers = dict(request.open_headers)
            if response.status_code in (301, 302, 303) and method == "POST":
                raise RefusedError("redirects a question elsewhere, without its content")
        raise RefusedError(f"is redirected more than {MAX_REDIRECTS} times")

    def _sent(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, patience: Patience
    ) -> requests.Response:
        left_s = patience.ends - self._clock.monotonic()
        if left_s <= 0:
            raise RefusedError("did not arrive before its deadline")
        url, basic = without_user(url)
        if basic is not None:
            headers = {**headers, "Authorization": basic}
        fault: Exception
        try:
            # With a callable for auth, requests does not look for passwords in ~/.netrc.
            question = requests.Request(method, url, dict(headers), data=body, auth=lambda prepared: prepared)
            prepared = self._session.prepare_request(question)
            settings = self._session.merge_environment_settings(url, {}, True, None, None)
            return self._session.send(
                prepared,
                allow_redirects=False,
                timeout=(min(CONNECT_S, left_s), min(patience.read_s, left_s)),
                **settings,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            fault = _fault(error)
        except ValueError:  # a header or host that can not be sent
            fault = RefusedError("has an address that can not be asked")
        raise fault

    def _chunks(self, response: requests.Response, patience: Patience) -> Iterator[bytes]:
        clock = self._clock
        window, trickled = clock.monotonic(), 0
        while True:
            fault: Exception | None = None
            try:
                # read1 returns what is there; read would wait, drop by drop, until all of it is.
                chunk = response.raw.read1(CHUNK_BYTES, decode_content=False)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                fault = _fault(error)
            if fault is not None:
                raise fault
            if not chunk:
                return
            yield chunk
            now, trickled = clock.monotonic(), trickled + len(chunk)
            if now > patience.ends:
                raise RefusedError("did not arrive before its deadline")
            if now - window > patience.read_s:
                if trickled < TRICKLE_BYTES_S * (now - window):
                    raise RetryableError(f"only trickled: {trickled} bytes in {now - window:.0f} s")
                window, trickled = now, 0


def _may_follow(asked: str, url: str) -> bool:
    try:
        was, goes = origin(asked), origin(url)
    except ValueError:
        return False
    return bool(goes[1]) and (goes[0] == "https" or (goes[0] == "http" and was[0] == "http"))


def _fault(error: Exception) -> Exception:
    """What a foreign exception means, without a word of its own: it may quote the signed URL."""
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return RefusedError("has an address that can not be asked")
    if isinstance(error, requests.exceptions.MissingSchema | requests.exceptions.InvalidHeader):
        return RefusedError("has an address or headers that can not be sent")
    if isinstance(error, requests.exceptions.SSLError):
        return RefusedError("can not be trusted: its TLS certificate is not valid here")
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)):
        return RetryableError("did not answer in time")
    if isinstance(error, requests.ConnectionError):
        return RetryableError("can not be reached, or broke off the connection")
    return RetryableError("broke off the connection in the middle")


# --- connections whose headers must come in time ----------------------------------------------------------------------


class _Timely:
    """A connection that is cut when the head of an answer takes too long.

    Each byte of it may come in time, and the whole of it never.
    """

    sock: socket.socket | None
    timeout: Any
    """Of reading, by the time the answer is read; `Transport` always sets one."""

    def getresponse(self) -> Any:
        """The answer's head."""
        late = threading.Event()
        watch = threading.Timer(self.timeout, self._cut, [late])
        watch.daemon = True
        watch.start()
        try:
            answer = super().getresponse()  # type: ignore[misc]
        finally:
            watch.cancel()
        if late.is_set():  # half a head parses as well
            answer.close()
            raise TimeoutError
        return answer

    def _cut(self, late: threading.Event) -> None:
        late.set()
        sock = self.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _TimelyHttp(_Timely, HTTPConnection):
    pass


class _TimelyHttps(_Timely, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls: Any = _TimelyHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls: Any = _TimelyHttps


class _Adapter(HTTPAdapter):
    """requests' own, with such connections."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
        return manager


# --- what is logged ---------------------------------------------------------------------------------------------------


def _without_queries(record: logging.LogRecord) -> bool:
    """Cuts queries from what urllib3 logs: that is where signatures are."""
    if isinstance(record.args, tuple):
        record.args = tuple(part.partition("?")[0] if isinstance(part, str) else part for part in record.args)
    return True


for _name in ("connection", "connectionpool", "poolmanager", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(_without_queries)

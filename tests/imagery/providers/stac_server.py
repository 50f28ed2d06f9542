"""A STAC API with its storage, on loopback: search, collections, ranges, signed URLs; it misbehaves when told to.

Made on threads and plain sockets, because a connection that is cut in the middle of a body is beneath any framework.
"""

import datetime as dt
import email.utils
import gzip
import itertools
import json
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CONFORMS = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/item-search#sort",
]
QUERY = "https://api.stacspec.org/v1.0.0/item-search#query"
FILTER = "https://api.stacspec.org/v1.0.0/item-search#filter"
HTML = b"<!DOCTYPE html><html><body>Service temporarily unavailable</body></html>"


@dataclass
class Fault:
    """Something that goes wrong with requests whose path matches, so many times."""

    kind: str
    path: str = ".*"
    times: int = 1
    wait_s: float = 0.0
    """Of 429 and 503: what Retry-After asks for. Of a drip: how long the body takes."""

    skip: int = 0
    """So many matching requests are served well first."""


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class StacServer:
    """Serve it with `serving`; change its items, files and faults at any time."""

    def __init__(self, language: ModuleType) -> None:
        """Takes the module `stac_search`."""
        self._language = language
        self.items: list[dict[str, Any]] = []
        self.files: dict[str, Path | bytes] = {}
        """By path below ``/files/``."""

        self.faults: list[Fault] = []
        self.rate, self.kinds, self.chance = 0.0, ("500",), random.Random(1)
        """Share of the requests for files that goes wrong by chance, and how."""

        self.conforms = [*CONFORMS, QUERY]
        self.methods = ("POST", "GET")
        self.ignores: set[str] = set()
        """Search parameters it pretends to understand."""

        self.signed = False
        """Whether files are given out to those who have a token only."""

        self.token_s = 3_600.0
        self.skew_s = 0.0
        """How far its clock is ahead of ours."""

        self.page_items = 0
        """More than so many items are not put on one page, whatever is asked; 0 = no limit."""

        self.counts: Counter[str] = Counter()
        """Faults that happened, by kind."""

        self.requests: list[tuple[str, str]] = []
        """(method, path) of every request."""

        self.searches: list[dict[str, Any]] = []
        """Parameters of every search."""

        self.authorized: dict[str, set[str]] = {}
        """Authorization headers that were sent, by the first part of the path."""

        self.bytes_sent = 0
        self._lock = threading.Lock()
        self._tokens: dict[str, float] = {}
        self._serial = itertools.count(1)
        handler = type("Handler", (_Handler,), {"stac": self})
        self._http = _Http(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def api(self) -> str:
        return f"{self.url}/v1"

    def href(self, path: str) -> str:
        return f"{self.url}/files/{path}"

    def __enter__(self) -> "StacServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.skew_s)

    def asked(self, pattern: str) -> int:
        """How many requests had a path like this."""
        return sum(bool(re.search(pattern, path)) for _, path in self.requests)

    def fault_of(self, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.path, path):
                    if fault.skip > 0:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    self.counts[fault.kind] += 1
                    return fault
            if path.startswith("/files/") and self.chance.random() < self.rate:
                fault = Fault(self.chance.choice(self.kinds), wait_s=0.01)
                self.counts[fault.kind] += 1
                return fault
        return None

    # --- what is answered --------------------------------------------------------------------------------------------

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        path = parts.path.rstrip("/")
        if path == "/v1":
            return _json(self._landing())
        if path == "/v1/collections":
            return _json({"collections": [], "links": []})
        if path == "/v1/search" and method in self.methods:
            return self._search(
                method, json.loads(body or b"{}") if method == "POST" else self._language.from_query(query)
            )
        if path.startswith("/token/"):
            return self._token()
        if path.startswith("/files/"):
            return self._file(path.removeprefix("/files/"), query)
        return Answer(
            405 if path == "/v1/search" else 404, b'{"code": "NotFound"}', {"Content-Type": "application/json"}
        )

    def _landing(self) -> dict[str, Any]:
        links = [{"rel": "self", "href": self.api, "type": "application/json"}]
        links += [{"rel": "root", "href": self.api, "type": "application/json"}]
        links += [{"rel": "data", "href": f"{self.api}/collections", "type": "application/json"}]
        links += [
            {"rel": "search", "href": f"{self.api}/search", "type": "application/geo+json", "method": method}
            for method in self.methods
        ]
        return {
            "type": "Catalog", "id": "loopback", "stac_version": "1.0.0", "description": "A service on loopback",
            "conformsTo": self.conforms, "links": links,
        }  # fmt: skip

    def _search(self, method: str, asked: dict[str, Any]) -> Answer:
        with self._lock:
            self.searches.append(asked)
        # token paging: the token is where the next page begins
        start = int(asked.get("token", 0))
        said = {key: value for key, value in asked.items() if key not in self.ignores}
        found = [item for item in self.items if self._language.matches(item, said)]
        for sort in reversed(said.get("sortby") or []):
            name = sort["field"].removeprefix("properties.")
            found.sort(key=lambda item: str(item["properties"].get(name)), reverse=sort["direction"] == "desc")
        size = min(int(asked.get("limit", 100)), self.page_items or 10_000)
        page = found[start : start + size]
        answer: dict[str, Any] = {
            "type": "FeatureCollection",
            "features": page,
            "links": [],
            "numberMatched": len(found),
        }
        if start + size < len(found):
            answer["links"] = [self._next(method, {**asked, "token": str(start + size)})]
        fault = self.fault_of("page")
        if fault is not None and fault.kind == "repeating page":
            fault.times += 1  # for ever
            answer["features"] = found[:size]
            answer["links"] = [self._next(method, {**asked, "token": str(next(self._serial))})]
        if fault is not None and fault.kind == "same next":
            fault.times += 1
            answer["features"] = [{**found[0], "id": f"new-{next(self._serial)}"}]
            answer["links"] = [self._next(method, {**asked, "token": "1"})]
        if fault is not None and fault.kind == "empty page":
            answer["features"] = []
            answer["links"] = [self._next(method, {**asked, "token": str(start)})]
        if fault is not None and fault.kind == "foreign next":
            answer["links"] = [{"rel": "next", "href": "http://127.0.0.1:9/v1/search?token=1", "method": "GET"}]
        return _json(answer, "application/geo+json")

    def _next(self, method: str, asked: dict[str, Any]) -> dict[str, Any]:
        link = {"rel": "next", "href": f"{self.api}/search", "method": method, "type": "application/geo+json"}
        if method == "POST":
            return {**link, "body": asked}
        return {**link, "href": f"{self.api}/search?{urlencode(self._language.to_query(asked))}"}

    def _token(self) -> Answer:
        sig = f"sig-{next(self._serial)}"
        expiry = self.now() + dt.timedelta(seconds=self.token_s)
        self._tokens[sig] = time.monotonic() + self.token_s
        stamp = expiry.strftime("%Y-%m-%dT%H:%M:%SZ")
        return _json({"token": urlencode({"se": stamp, "sp": "rl", "sig": sig}), "msft:expiry": stamp})

    def _file(self, name: str, query: dict[str, str]) -> Answer:
        if self.signed and self._tokens.get(query.get("sig", ""), 0) <= time.monotonic():
            return Answer(403, b"<Error><Code>AuthenticationFailed</Code></Error>", {"Content-Type": "application/xml"})
        content = self.files.get(name)
        if content is None:
            return Answer(404, b"<Error><Code>BlobNotFound</Code></Error>", {"Content-Type": "application/xml"})
        body = content if isinstance(content, bytes) else content.read_bytes()
        return Answer(200, body, {"Content-Type": "image/tiff", "Accept-Ranges": "bytes", "ETag": f'"{len(body)}"'})


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent: clients of a server that misbehaves hang up."""


class _Handler(BaseHTTPRequestHandler):
    stac: StacServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Silent."""

    def do_GET(self) -> None:
        self._serve(b"")

    def do_HEAD(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _serve(self, body: bytes) -> None:
        path = urlsplit(self.path).path
        self.stac.requests.append((self.command, path))
        if said := self.headers.get("Authorization"):
            self.stac.authorized.setdefault(re.sub(r"(^/[^/]*/).*", r"\1", path), set()).add(said)
        fault = self.stac.fault_of(path)
        answer = self.stac.answer(self.command, self.path, body)
        if answer.status == 200 and path.startswith("/files/"):
            answer = self._ranged(answer)
        try:
            self._send(answer if fault is None else _spoilt(answer, fault, self.stac), fault)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _ranged(self, answer: Answer) -> Answer:
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not match:
            return answer
        total = len(answer.body)
        first, last = int(match[1]), min(int(match[2] or total - 1), total - 1)
        if first >= total:
            return Answer(416, b"", {"Content-Range": f"bytes */{total}"})
        headers = {**answer.headers, "Content-Range": f"bytes {first}-{last}/{total}"}
        return Answer(206, answer.body[first : last + 1], headers)

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        self.send_response(answer.status)
        if self.stac.skew_s:  # a second Date header would be nonsense: replace the one that was buffered
            self._headers_buffer = [line for line in self._headers_buffer if not line.startswith(b"Date:")]
            self.send_header("Date", email.utils.format_datetime(self.stac.now(), usegmt=True))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        body = answer.body
        if self.command == "HEAD":
            return
        if fault is not None and fault.kind == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            self.connection.shutdown(2)
            return
        if fault is not None and fault.kind == "drip":
            for start in range(0, len(body), max(1, len(body) // 20)):
                self.wfile.write(body[start : start + max(1, len(body) // 20)])
                self.wfile.flush()
                time.sleep(fault.wait_s / 20)
            return
        self.stac.bytes_sent += len(body)
        self.wfile.write(body)


def _spoilt(answer: Answer, fault: Fault, stac: StacServer) -> Answer:
    kind = fault.kind
    if kind in ("429 seconds", "503"):
        headers = {"Retry-After": str(int(fault.wait_s))}
        return Answer(429 if kind.startswith("429") else 503, b"slow down", headers)
    if kind == "429 date":
        when = stac.now() + dt.timedelta(seconds=fault.wait_s)
        return Answer(429, b"slow down", {"Retry-After": email.utils.format_datetime(when, usegmt=True)})
    if kind in ("500", "502", "404", "401", "403"):
        return Answer(int(kind), b"no")
    if kind == "html":
        return Answer(200, HTML, {"Content-Type": "text/html"})
    if kind == "empty":
        return Answer(200, b"", answer.headers)
    if kind == "bomb":
        return Answer(200, bomb(), {"Content-Type": "application/json", "Content-Encoding": "gzip"})
    if kind == "garbled":
        middle = len(answer.body) // 2
        flipped = bytes(byte ^ 0xFF for byte in answer.body[middle : middle + 64])
        return Answer(answer.status, answer.body[:middle] + flipped + answer.body[middle + 64 :], answer.headers)
    return answer


@cache
def bomb() -> bytes:
    """80 MB that travel as 80 kB; made beforehand, so that no request waits for it."""
    return gzip.compress(b" " * 80_000_000, 1)


def _json(content: Any, kind: str = "application/json") -> Answer:
    return Answer(200, json.dumps(content).encode(), {"Content-Type": kind})

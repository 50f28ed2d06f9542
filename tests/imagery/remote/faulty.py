"""A server on loopback that serves bytes and misbehaves by a seeded plan, and counts what it did.

How to use it in a test anywhere below tests/imagery: take the fixture `faulty`, which is this module::

    def test_something(faulty):
        with faulty.Server({"/B04.tif": content}, faulty.Plan(seed=1, share=0.2)) as server:
            fetch(server.url("/B04.tif"))
        assert server.injected["cut"] == 1 and server.sent["/B04.tif"] == len(content)

Files are served with ranges, ETag, If-Range and Last-Modified. A route answers what a function returns, also to POST::

        server.routes["/search"] = lambda asked: faulty.Reply(200, {"Content-Type": "application/json"}, b"{}")

A plan decides from its seed, the path and the how-manieth request for that path it is: threads change nothing. A `Plan`
with ``first`` faults the first so many requests of each path and then none; `always` faults one path for ever.
"""

import datetime as dt
import functools
import gzip
import hashlib
import http.server
import random
import re
import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from types import TracebackType
from typing import Self

FAULTS = (
    "429-seconds", "429-date", "clock-skew", "500", "502", "503", "drip", "cut", "flipped", "truncated", "401",
    "bomb", "empty", "html",
)  # fmt: skip
"""What goes into a plan unless it says otherwise."""

MORE_FAULTS = ("hang", "drip-head", "no-ranges", "wrong-range", "416", "404", "403", "reset")

CHUNK = 65_536
DRIP_S = 0.05
"""Seconds between two bytes of a drip."""

SKEW = dt.timedelta(hours=-7)
"""By how much the clock of a server with clock skew is wrong."""

MODIFIED = "Wed, 11 Jun 2025 03:00:00 GMT"


@dataclass(frozen=True)
class Plan:
    """Which request is answered with which fault."""

    seed: int = 0
    share: float = 0.0
    """Of requests that are faulty, at random."""

    faults: Sequence[str] = FAULTS
    first: int = 0
    """The first so many requests of each path are faulty, whatever the share."""

    always: Mapping[str, str] = field(default_factory=dict)
    """Path → fault, for every request."""

    wait_s: int = 1
    """What a 429 asks to wait."""

    def fault(self, path: str, count: int) -> str | None:
        """The fault of the count-th request (from 0) for a path."""
        if path in self.always:
            return self.always[path]
        dice = random.Random(f"{self.seed} {path} {count}")
        faulty = dice.random() < self.share or count < self.first
        return dice.choice(self.faults) if faulty else None


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What a route answers."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Served:
    """One answer, for the record."""

    path: str
    fault: str | None
    status: int
    start: int
    """First byte of the object that was sent."""

    sent: int
    """Bytes of the body that were handed to the socket."""


class Server:
    """Serves files by path; see the top of this module."""

    def __init__(self, files: Mapping[str, bytes], plan: Plan | None = None, token: str | None = None) -> None:
        """A server that is not up yet.

        Args:
            files: path → content; may be changed while it runs.
            plan: of its faults; None = it behaves.
            token: requests without ``Authorization: Bearer TOKEN`` are answered 401; may be changed while it runs.
        """
        self.files = dict(files)
        self.plan = plan or Plan()
        self.token = token
        self.routes: dict[str, Callable[[Asked], Reply]] = {}
        self.injected: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        """Bytes of bodies by path."""
        self.served: list[Served] = []
        self.asked: list[Asked] = []
        self.pace_s = 0.0
        """Seconds that each `CHUNK` bytes of a body take."""
        self.stopping = threading.Event()
        self._lock = threading.Condition()
        self._busy = 0
        self._counts: Counter[str] = Counter()
        self._http = _Listener(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        with self._lock:
            self._lock.wait_for(lambda: not self._busy, timeout=10)

    @property
    def base(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def url(self, path: str) -> str:
        """The URL of a path."""
        return self.base + path

    def fault_for(self, asked: Asked) -> str | None:
        with self._lock:
            self.asked.append(asked)
            self._busy += 1
            count = self._counts[asked.path]
            self._counts[asked.path] += 1
        return self.plan.fault(asked.path, count)

    def note(self, served: Served) -> None:
        with self._lock:
            self.served.append(served)
            self._busy -= 1
            self._lock.notify_all()
            self.sent[served.path] += served.sent
            if served.fault:
                self.injected[served.fault] += 1


class _Listener(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: Server

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that hangs up is part of the game


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(bytes(64 * 2**20), 1)


_PAGES: dict[str, tuple[dict[str, str], bytes]] = {
    "empty": ({}, b""),
    "html": ({"Content-Type": "text/html; charset=utf-8"}, b"<!DOCTYPE html><html>log in</html>"),
}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def log_message(self, format: str, *args: object) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(self._now(), usegmt=True)

    def _now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + (SKEW if getattr(self, "skewed", False) else dt.timedelta())

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        owner = self.server.owner
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self.command, path, query, dict(self.headers.items()), body)
        fault = owner.fault_for(asked)
        self.skewed = fault == "clock-skew"
        self.record = {"status": 0, "start": 0, "sent": 0}
        try:
            if owner.token is not None and self.headers.get("Authorization") != f"Bearer {owner.token}":
                self._send(401, {"WWW-Authenticate": "Bearer"}, b"expired")
            elif path in owner.routes and fault is None:
                reply = owner.routes[path](asked)
                self._send(reply.status, reply.headers, reply.body)
            elif fault is not None and self._misbehave(fault, path):
                pass
            elif path in owner.files:
                self._file(owner.files[path], fault)
            else:
                self._send(404, {}, b"no such thing")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            owner.note(Served(path, fault, **self.record))

    def _misbehave(self, fault: str, path: str) -> bool:
        """Whether the fault was the whole answer."""
        if fault in ("429-seconds", "429-date", "clock-skew"):
            self._slow_down(fault)
        elif fault.isdecimal() and fault != "416":
            self._send(int(fault), {}, b"a fault")
        elif fault == "416":
            self._send(416, {"Content-Range": f"bytes */{len(self.server.owner.files.get(path, b''))}"}, b"")
        elif fault == "bomb":
            self._send(200, {"Content-Encoding": "gzip", "ETag": '"bomb"'}, _bomb())
        elif fault in _PAGES:
            self._send(200, *_PAGES[fault])
        elif fault in ("hang", "reset", "drip-head"):
            self._say_nothing(fault)
        else:
            return False
        return True

    def _slow_down(self, fault: str) -> None:
        wait_s = self.server.owner.plan.wait_s
        later = format_datetime(self._now() + dt.timedelta(seconds=wait_s + 1), usegmt=True)
        self._send(429, {"Retry-After": str(wait_s) if fault == "429-seconds" else later}, b"slow down")

    def _say_nothing(self, fault: str) -> None:
        self.close_connection = True
        if fault == "hang":
            self.server.owner.stopping.wait(600)
        elif fault == "drip-head":
            self._drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000)

    def _file(self, content: bytes, fault: str | None) -> None:
        if fault == "truncated":
            content = content[: len(content) * 2 // 3]
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = {"ETag": etag, "Last-Modified": MODIFIED, "Accept-Ranges": "bytes"}
        start, stop, status = 0, len(content), 200
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        same = self.headers.get("If-Range", etag) in (etag, MODIFIED)
        if wanted and same and fault != "no-ranges":
            start = int(wanted[1])
            stop = min(stop, int(wanted[2]) + 1) if wanted[2] else stop
            if start >= len(content):
                self._send(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
                return
            status = 206
            if fault == "wrong-range":
                start = max(0, start - 1) if start else 1
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        body = content[start:stop]
        if fault == "flipped" and body:
            at = len(body) // 2
            body = body[:at] + bytes([body[at] ^ 0xFF]) + body[at + 1 :]
        self._send(status, headers, body, start, fault)

    def _send(
        self, status: int, headers: Mapping[str, str], body: bytes, start: int = 0, fault: str | None = None
    ) -> None:
        self.record.update(status=status, start=start)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault == "drip":
            half = len(body) // 2
            self._write(body[:half])
            self._drip(body[half:])
        elif fault == "cut":
            dice = random.Random(f"{self.path} {self.record['start']} {len(body)}")
            self._write(body[: dice.randrange(len(body)) if body else 0])
            self._hang_up()
        else:
            self._write(body)

    def _write(self, body: bytes) -> None:
        for at in range(0, len(body), CHUNK):
            part = body[at : at + CHUNK]
            self.wfile.write(part)
            self.record["sent"] += len(part)
            if self.server.owner.pace_s:
                self.server.owner.stopping.wait(self.server.owner.pace_s)

    def _drip(self, body: bytes) -> None:
        for at in range(len(body)):
            self.wfile.write(body[at : at + 1])
            self.record["sent"] += 1
            if self.server.owner.stopping.wait(DRIP_S):
                break
        self.close_connection = True

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

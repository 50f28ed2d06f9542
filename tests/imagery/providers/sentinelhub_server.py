"""Sentinel Hub on loopback: tokens, catalogue, Process API. It refuses what the service refuses, and fails as told.

Made on threads and plain sockets, because a connection that is cut in the middle of a body is beneath any framework.
"""

import datetime as dt
import email.utils
import gzip
import json
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import numpy as np
from shapely.geometry import box, shape

TOKEN, SEARCH, PROCESS = "/auth/token", "/api/v1/catalog/1.0.0/search", "/api/v1/process"
HTML = b"<!DOCTYPE html><html><body>Gateway login</body></html>"
BOMB = gzip.compress(bytes(32_000_000))


@dataclass
class Fault:
    """Something that goes wrong with requests whose path matches, so many times."""

    kind: str
    path: str = PROCESS
    times: int = 1
    wait_s: float = 0.0
    """What Retry-After asks for, in the kind's own unit; of a drip, for how long it goes on."""

    skip: int = 0


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class SentinelHubServer:
    """Serves products; change them and the faults at any time."""

    def __init__(self, archive: Any, order: Any) -> None:
        """Takes the modules `sentinelhub_archive` and `sentinelhub_order`."""
        self.archive = archive
        self.order = order
        self.refusal = order.BadRequestError
        self.products: list[Any] = []
        self.client = ("the-client", "the-secret")
        self.faults: list[Fault] = []
        self.dice: Callable[[str], Fault | None] = lambda path: None
        """Thrown for every request."""

        self.token_s = 3600.0
        self.skew_s = 0.0
        self.names_products = True
        """Whether scripts are told which product a tile is of."""

        self.tiff: dict[str, Any] = {}
        """Changes to the profile of every TIFF."""

        self.counts: Counter[str] = Counter()
        self.requests: list[tuple[str, Any]] = []
        """(path, body) of every request."""

        self._lock = threading.Lock()
        self._tokens: dict[str, float] = {}
        self._given: list[str] = []
        handler = type("Handler", (_Handler,), {"hub": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> "SentinelHubServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def asked(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.requests)

    @property
    def tokens(self) -> list[str]:
        """Every token that was given."""
        return list(self._given)

    def bodies(self, word: str) -> list[Any]:
        """What was sent to paths with a word in them."""
        return [body for path, body in self.requests if word in path]

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.skew_s)

    def expire_all(self) -> None:
        """As if the service had forgotten every token."""
        self._tokens.clear()

    # --- what it answers ------------------------------------------------------------------------------------------

    def fault_of(self, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.path != path or fault.times <= 0:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                self.counts[fault.kind] += 1
                return fault
            fault = self.dice(path)
            if fault is not None:
                self.counts[fault.kind] += 1
            return fault

    def token(self, form: dict[str, list[str]]) -> Answer:
        if form.get("grant_type") != ["client_credentials"]:
            return _json(400, {"error": "unsupported_grant_type"})
        if (form.get("client_id"), form.get("client_secret")) != ([self.client[0]], [self.client[1]]):
            quoted = f"client {form.get('client_id')} with {form.get('client_secret')} is unknown"
            return _json(401, {"error": "invalid_client", "error_description": quoted})
        token = "eyJ." + secrets.token_urlsafe(64)
        with self._lock:
            self._given.append(token)
            self._tokens[token] = time.monotonic() + self.token_s
        return _json(200, {"access_token": token, "expires_in": self.token_s, "token_type": "Bearer"})

    def admits(self, header: str) -> bool:
        return self._tokens.get(header.removeprefix("Bearer "), 0) > time.monotonic()

    def search(self, asked: dict[str, Any]) -> Answer:
        known = {
            "collections", "datetime", "bbox", "intersects", "ids", "limit", "next", "fields", "filter", "filter-lang",
            "distinct",
        }  # fmt: skip
        if unknown := set(asked) - known:
            raise self.refusal(f"unknown parameters {sorted(unknown)}")
        collections = asked.get("collections", [])
        if len(collections) != 1 or collections[0] not in self.order.UNITS:
            raise self.refusal(f"Illegal collection {collections}")
        limit, start = asked.get("limit", 10), asked.get("next", 0)
        if not 1 <= limit <= 100 or not isinstance(start, int):
            raise self.refusal("limit must be between 1 and 100")
        if "bbox" in asked and "intersects" in asked:
            raise self.refusal("only one of bbox and intersects")
        ground = box(*asked["bbox"]) if "bbox" in asked else shape(asked["intersects"])
        first, last = map(self.order.time_of, asked["datetime"].split("/"))
        clauses = [clause.split("=", 1) for clause in (asked.get("filter") or "").split(" AND ") if clause]
        found = [
            product.feature()
            for product in sorted(self.products, key=lambda product: product.time, reverse=True)
            if product.collection == collections[0] and first <= product.time <= last
            and product.footprint.intersects(ground)
            and all(str(product.said.get(name)) == value.strip("'") for name, value in clauses)
        ]  # fmt: skip
        if asked.get("distinct") == "date":
            return _json(200, {"features": sorted({item["properties"]["datetime"][:10] for item in found})})
        page = [_with_fields(item, asked.get("fields", {})) for item in found[start : start + limit]]
        context: dict[str, Any] = {"limit": limit, "returned": len(page)}
        if start + limit < len(found):
            context["next"] = start + limit
        return _json(200, {"type": "FeatureCollection", "features": page, "links": [], "context": context})

    def process(self, asked: dict[str, Any]) -> Answer:
        order = self.order.Order.of(asked, self.archive.CODES)
        x, y = np.meshgrid(*order.centres())
        seen_by = []
        for product in self.products:
            if product.collection == order.collection and order.first <= product.time <= order.last:
                values, seen = product.sample(order.epsg, x, y)
                if seen.any():
                    seen_by.append((product, values, seen))
        told = self.names_products and order.filters
        own = [part for part in seen_by if told and order.product in part[0].id]
        named, chosen = bool(own), own or seen_by
        marks = sum((seen.astype(int) for _, _, seen in chosen), np.zeros(x.shape, int))
        out = np.zeros((len(order.bands), *x.shape), order.dtype)
        todo = np.ones(x.shape, bool)
        for product, values, seen in chosen:
            here = todo & seen
            for place, (code, unit) in enumerate(order.bands[:-1]):
                if code in values:
                    out[place][here] = order.value(product, code, unit, values[code][here], self.archive)
            todo &= ~seen
        out[-1] = np.where(marks > 0, np.where(named | (marks == 1), 1, 2), 0)
        tiff = self.order.tiff_of(out, order, self.tiff)
        self.counts["delivered"] += 1
        if len(order.responses) == 1:
            return Answer(200, tiff, {"Content-Type": "image/tiff"})
        return Answer(200, self.order.tar_of(tiff, order.responses), {"Content-Type": "application/tar"})


def _with_fields(item: dict[str, Any], fields: dict[str, list[str]]) -> dict[str, Any]:
    include, exclude = fields.get("include", []), fields.get("exclude", [])
    kept = {name: item[name] for name in (*include, "type", "id") if name in item} if include else dict(item)
    for name in exclude:
        kept.pop(name, None)
    return kept


def _json(status: int, content: Any) -> Answer:
    return Answer(status, json.dumps(content).encode(), {"Content-Type": "application/json"})


def _boom(status: int, reason: str, message: str, code: str) -> Answer:
    """An error as the service words it."""
    return _json(status, {"error": {"status": status, "reason": reason, "message": message, "code": code}})


class _Handler(BaseHTTPRequestHandler):
    hub: SentinelHubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return email.utils.format_datetime(self.hub.now(), usegmt=True)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = parse_qs(body.decode()) if self.path == TOKEN else json.loads(body)
        self.hub.requests.append((self.path, asked))
        fault = self.hub.fault_of(self.path)
        try:
            self._send(self._instead(fault, asked) if fault else self._answer(asked), fault)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _answer(self, asked: Any) -> Answer:
        if self.path == TOKEN:
            return self.hub.token(asked)
        if not self.hub.admits(self.headers.get("Authorization", "")):
            self.hub.counts["refused token"] += 1
            return _boom(401, "Unauthorized", "You are not authorized!", "COMMON_UNAUTHORIZED")
        try:
            return {SEARCH: self.hub.search, PROCESS: self.hub.process}[self.path](asked)
        except self.hub.refusal as error:
            self.hub.counts["bad request"] += 1
            return _boom(400, "Bad Request", str(error), "COMMON_BAD_PAYLOAD")

    def _instead(self, fault: Fault, asked: Any) -> Answer:
        fixed = {
            "redirect": Answer(307, b"", {"Location": self.hub.url + "/elsewhere"}),
            "empty": Answer(200, b"", {"Content-Type": "image/tiff"}),
            "html": Answer(200, HTML, {"Content-Type": "text/html"}),
            "bomb": Answer(200, BOMB, {"Content-Encoding": "gzip"}),
        }
        if fault.kind in fixed:
            return fixed[fault.kind]
        if fault.kind[:3].isdigit():
            return self._error(fault)
        whole = self._answer({**asked, "next": 0} if fault.kind == "repeat" else asked)
        if fault.kind == "truncated":
            return Answer(whole.status, whole.body[: len(whole.body) * 2 // 3], whole.headers)
        if fault.kind == "repeat":
            content = json.loads(whole.body)
            content["context"]["next"] = fault.wait_s or asked.get("next", 0) + 1
            return _json(200, content)
        return whole

    def _error(self, fault: Fault) -> Answer:
        """An error that quotes the token, as no service should."""
        error = _boom(
            int(fault.kind[:3]), "Error", f"failed for {self.headers.get('Authorization')}", "COMMON_EXCEPTION"
        )
        if fault.kind.endswith("date"):
            when = self.hub.now() + dt.timedelta(seconds=fault.wait_s)
            error.headers["Retry-After"] = email.utils.format_datetime(when, usegmt=True)
        elif fault.kind in ("429", "503"):
            error.headers["Retry-After"] = f"{fault.wait_s:g}"
        return error

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        if kind == "silence":
            self.close_connection = True
            time.sleep(fault.wait_s if fault else 0)
            return
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if kind == "cut":
            self.wfile.write(answer.body[: len(answer.body) // 2])
            self.close_connection = True
        elif kind == "drip" and fault:
            ends = time.monotonic() + fault.wait_s
            for place in range(len(answer.body)):
                self.wfile.write(answer.body[place : place + 1])
                self.wfile.flush()
                time.sleep(0.02)
                if time.monotonic() > ends:
                    break
            self.close_connection = True
        else:
            self.wfile.write(answer.body)


def shares(kinds: list[str], share: float, seed: int, paths: tuple[str, ...] = (PROCESS,)) -> Any:
    """Dice that let a share of requests fail, with each kind in turn."""
    rng = random.Random(seed)
    serial = iter(range(10**9))

    def throw(path: str) -> Fault | None:
        if path not in paths or rng.random() >= share:
            return None
        kind = kinds[next(serial) % len(kinds)]
        return Fault(kind, path, wait_s=5.0 if kind in ("drip", "silence") else 0.0)

    return throw

"""A thousand requests of which one in five goes wrong."""

import hashlib
import itertools
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from imagery.errors import ProviderError
from imagery.remote.cache import Cache
from imagery.remote.http import Fetcher
from imagery.remote.limits import Limits
from imagery.remote.ranged import PIECE_BYTES, RangedFile

LIMITS = Limits(attempts=6, timeout_s=1, deadline_s=60)

IN_FLIGHT_BYTES = 16
"""What may be on its way when the client hangs up on a drip."""

LOST = {"always-flipped": "flipped", "always-truncated": "truncated", "gone": "404", "empty": "empty", "page": "html"}
"""Objects that can not be had, and the reason why."""

REASONS = {
    "flipped": "wrong checksum",
    "truncated": "instead of",
    "404": "does not exist",
    "empty": "answered with nothing|has 0 bytes",
    "html": "web page",
}


def objects(count):
    """Path → content of 40 to 200 KB."""
    dice = np.random.default_rng(11)
    return {f"/{index}.tif": b"II*\0" + dice.bytes(int(dice.integers(40_000, 200_000))) for index in range(count)}


def storm(faulty, folder, count):
    """Fetches that many objects through faults; checks all of it and returns what to report."""
    files = objects(count)
    lost = {path: LOST[name] for path, name in zip(list(files)[:: count // len(LOST)], LOST, strict=False)}
    plan = faulty.Plan(seed=2025, share=0.2, always=lost, wait_s=1)
    cache = Cache(folder)
    fetcher = Fetcher(cache, LIMITS)
    longest = 0.0

    def fetch(path):
        nonlocal longest
        began = time.monotonic()
        try:
            body = files[path]
            file = fetcher.file(server.url(path), path, len(body), hashlib.sha256(body).hexdigest())
            return file.read_bytes() == body
        except ProviderError as error:
            return str(error)
        finally:
            longest = max(longest, time.monotonic() - began)

    began = time.monotonic()
    with faulty.Server(files, plan) as server, ThreadPoolExecutor(LIMITS.concurrency) as pool:
        outcome = dict(zip(files, pool.map(fetch, files), strict=True))
        asked = fetcher.traffic.requests
        failed = {path: result for path, result in outcome.items() if result is not True}
        shut_out = refused_twice(server)
        assert set(failed) == set(lost) | shut_out, failed
        assert all("credentials" in failed[path] for path in shut_out)
        had = [path for path in files if path not in failed]
        again = set(pool.map(fetch, had))
        assert fetcher.traffic.requests == asked, "what is here is not asked for again"
    seconds = time.monotonic() - began
    cache.close()
    assert again == {True}
    for path, fault in lost.items():
        assert any(reason in outcome[path] for reason in REASONS[fault].split("|")), outcome[path]
        assert outcome[path].startswith(server.base + path)
    assert longest < LIMITS.deadline_s + LIMITS.timeout_s
    wasted = refetched(server, files, lost)
    return f"{asked} requests, {dict(server.injected)}, {seconds:.1f} s, {wasted:,} bytes fetched again", server, wasted


def refused_twice(server):
    """Objects for which a renewed token was refused as well: that is final."""
    answers = {}
    for served in server.served:
        answers.setdefault(served.path, []).append(served.fault)
    return {path for path, faults in answers.items() if ("401", "401") in itertools.pairwise(faults)}


def refetched(server, files, lost):
    """Bytes that were sent more than once, but for those that had to be thrown away: corrupt ones of unknown place."""
    sent = Counter()
    for served in server.served:
        spoilt = served.fault in ("flipped", "truncated", "bomb", "html", "empty", "drip-head")
        if served.status in (200, 206) and not spoilt and served.path not in lost:
            sent[served.path] += served.sent
    spoilt = {served.path for served in server.served if served.fault in ("flipped", "truncated")}
    return sum(max(0, total - len(files[path])) for path, total in sent.items() if path not in spoilt)


def test_100_requests_with_a_fifth_faulty(faulty, tmp_path):
    report, server, wasted = storm(faulty, tmp_path, 70)
    assert sum(server.injected.values()) >= 15
    assert wasted <= IN_FLIGHT_BYTES * server.injected["drip"], report


@pytest.mark.slow
def test_1000_requests_with_a_fifth_faulty(faulty, tmp_path):
    report, server, wasted = storm(faulty, tmp_path, 1_000)
    print(report)
    assert set(server.injected) >= set(faulty.FAULTS)
    assert sum(server.injected.values()) >= 200
    assert wasted <= IN_FLIGHT_BYTES * server.injected["drip"], report


def test_ranges_through_faults_fetch_no_verified_piece_twice(faulty, tmp_path):
    body = b"II*\0" + np.random.default_rng(3).bytes(6 * PIECE_BYTES + 12_345)
    files = {f"/{index}.tif": body for index in range(6)}
    faults = ("429-seconds", "500", "502", "503", "cut", "401", "empty", "html", "bomb", "reset")
    cache = Cache(tmp_path)
    fetcher = Fetcher(cache, LIMITS)
    spots = [(path, int(at)) for path in files for at in np.random.default_rng(4).integers(0, len(body) - 70_000, 8)]
    with faulty.Server(files, faulty.Plan(seed=7, share=0.3, faults=faults)) as server, ThreadPoolExecutor(6) as pool:
        opened = {path: RangedFile(fetcher, server.url(path)) for path in files}
        parts = list(pool.map(lambda spot: opened[spot[0]].at(spot[1], 70_000), spots))
        assert parts == [body[at : at + 70_000] for _, at in spots]
        assert opened["/0.tif"].read() == body
    cache.close()
    starts = Counter((served.path, served.start) for served in server.served if served.fault is None)
    assert max(starts.values()) == 1
    assert sum(served.sent for served in server.served if served.fault is None) <= len(body) * len(files)

"""Whole objects and JSON from a server that misbehaves in every way on the list."""

import gzip
import hashlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagery.errors import ProviderError
from imagery.remote.cache import Cache
from imagery.remote.http import Fetcher
from imagery.remote.limits import Limits
from imagery.remote.partial import SEGMENT_BYTES

SIZE = 700_000


ONCE = ("401", "hang", "drip-head", "drip", "429-seconds", "429-date", "clock-skew")
"""Faults that take a second each, or that end it when they come twice."""


def digest(body):
    return hashlib.sha256(body).hexdigest()


@pytest.fixture(scope="module")
def body(content_of):
    return content_of(SIZE)


@pytest.fixture(scope="module")
def content_of():
    import numpy as np

    return lambda size, seed=0: b"II*\0" + np.random.default_rng(seed).bytes(size - 4)


@pytest.mark.parametrize(
    "fault",
    ["429-seconds", "429-date", "clock-skew", "500", "502", "503", "drip", "cut", "flipped", "truncated", "401",
     "bomb", "empty", "html", "416", "wrong-range", "reset", "hang", "drip-head"],
)  # fmt: skip
def test_an_object_survives_a_fault_on_its_first_requests(faulty, fetcher, body, fault):
    plan = faulty.Plan(first=1 if fault in ONCE else 2, faults=(fault,))
    began = time.monotonic()
    with faulty.Server({"/B04.tif": body}, plan) as server:
        file = fetcher.file(server.url("/B04.tif"), "B04", len(body), digest(body))
    assert file.read_bytes() == body
    assert server.injected[fault] >= 1
    assert time.monotonic() - began < fetcher.limits.deadline_s + fetcher.limits.timeout_s
    assert sum(fetcher.traffic.faults.values()) >= (fault != "wrong-range")


@pytest.mark.parametrize(
    "fault", ["500", "flipped", "truncated", "empty", "html", "bomb", "404", "403", "401", "reset"]
)
def test_a_fault_that_stays_is_told_and_nothing_is_kept(faulty, limited, body, fault):
    fetcher = limited(attempts=2)
    with (
        faulty.Server({"/B04.tif": body}, faulty.Plan(always={"/B04.tif": fault})) as server,
        pytest.raises(ProviderError, match=r"^http://127\.0\.0\.1:\d+/B04\.tif: \w+"),
    ):
        fetcher.file(server.url("/B04.tif?sig=planted"), "B04", len(body), digest(body))
    assert fetcher.cache.get("B04") is None
    assert len(server.asked) == (1 if fault in ("404", "403") else 2)


def test_without_a_known_size_or_checksum_the_faults_that_show_are_still_found(faulty, limited, body):
    fetcher = limited(attempts=2)
    for fault in ("empty", "html", "500", "cut"):
        path = f"/{fault}.tif"
        with faulty.Server({path: body}, faulty.Plan(first=1, faults=(fault,))) as server:
            assert fetcher.file(server.url(path), fault).read_bytes() == body


def test_a_cut_download_is_resumed_and_not_begun_anew(faulty, fetcher, body):
    with faulty.Server({"/B04.tif": body}, faulty.Plan(first=3, faults=("cut",))) as server:
        assert fetcher.file(server.url("/B04.tif"), "B04").read_bytes() == body
    assert server.sent["/B04.tif"] == len(body)
    assert [served.start for served in server.served] == sorted({served.start for served in server.served})


def test_the_next_process_resumes_what_this_one_left(faulty, limited, cache, body):
    with faulty.Server({"/B04.tif": body}, faulty.Plan(first=1, faults=("cut",))) as server:
        with pytest.raises(ProviderError):
            limited(attempts=1).file(server.url("/B04.tif"), "B04")
        other = Cache(cache.folder)
        assert Fetcher(other, Limits(attempts=1)).file(server.url("/B04.tif"), "B04").read_bytes() == body
        other.close()
    assert server.sent["/B04.tif"] == len(body)


def test_bytes_that_were_changed_on_disk_are_not_believed(faulty, limited, cache, content_of):
    body = content_of(12 * SEGMENT_BYTES, seed=2)
    with faulty.Server({"/B04.tif": body}, faulty.Plan(first=1, faults=("cut",))) as server:
        with pytest.raises(ProviderError):
            limited(attempts=1).file(server.url("/B04.tif"), "B04")
        (part,) = (cache.folder / "partial").glob("*.part")
        torn = bytearray(part.read_bytes())
        assert len(torn) > 3 * SEGMENT_BYTES
        torn[-1] ^= 1
        part.write_bytes(torn)
        assert limited().file(server.url("/B04.tif"), "B04").read_bytes() == body
    assert len(torn) - 2 * SEGMENT_BYTES <= server.served[1].start < len(torn)


def test_an_object_that_changed_since_is_not_stitched(faulty, limited, body, content_of):
    newer = content_of(SIZE, seed=9)
    with faulty.Server({"/B04.tif": body}, faulty.Plan(first=1, faults=("cut",))) as server:
        with pytest.raises(ProviderError):
            limited(attempts=1).file(server.url("/B04.tif"), "B04")
        server.files["/B04.tif"] = newer
        assert limited().file(server.url("/B04.tif"), "B04").read_bytes() == newer


def test_a_server_without_ranges_is_asked_for_all_of_it(faulty, fetcher, body):
    plan = faulty.Plan(first=2, faults=("cut", "no-ranges"))
    with faulty.Server({"/B04.tif": body}, plan) as server:
        server.plan = faulty.Plan(first=1, faults=("cut",))
        with pytest.raises(ProviderError):
            Fetcher(fetcher.cache, Limits(attempts=1)).file(server.url("/B04.tif"), "B04")
        server.plan = faulty.Plan(always={"/B04.tif": "no-ranges"})
        assert fetcher.file(server.url("/B04.tif"), "B04").read_bytes() == body


def test_a_slow_drip_ends_and_so_does_a_silent_server(faulty, limited, body):
    for fault in ("drip", "hang", "drip-head"):
        began = time.monotonic()
        with (
            faulty.Server({"/B04.tif": body}, faulty.Plan(always={"/B04.tif": fault})) as server,
            pytest.raises(ProviderError),
        ):
            limited(attempts=2, timeout_s=0.4, deadline_s=2).file(server.url("/B04.tif"), fault)
        assert time.monotonic() - began < 6


def test_a_refused_token_is_renewed_once(faulty, cache, body):
    class Token:
        def __init__(self):
            self.value, self.renewals = "old", 0

        def __call__(self, url):
            return {"Authorization": f"Bearer {self.value}"}

        def renew(self, url, answer):
            self.value, self.renewals = "new", self.renewals + 1

    token = Token()
    with faulty.Server({"/B04.tif": body, "/B08.tif": body}, token="new") as server:
        fetcher = Fetcher(cache, Limits(attempts=3), headers=token)
        assert fetcher.file(server.url("/B04.tif"), "B04").read_bytes() == body
        assert len(server.asked) == 2
        server.token = "another"
        with pytest.raises(ProviderError, match="does not accept our credentials"):
            fetcher.file(server.url("/B08.tif"), "B08")
    assert token.renewals == 2
    assert len(server.asked) == 4


def test_a_redirect_to_another_host_does_not_carry_credentials(faulty, cache, body):
    with faulty.Server({"/B04.tif": body}) as other, faulty.Server({}) as server:
        elsewhere = other.url("/B04.tif").replace("127.0.0.1", "localhost")
        server.routes["/B04.tif"] = lambda asked: faulty.Reply(302, {"Location": elsewhere}, b"")
        server.routes["/near.tif"] = lambda asked: faulty.Reply(307, {"Location": "/B08.tif"}, b"")
        server.files["/B08.tif"] = body
        fetcher = Fetcher(cache, Limits(), headers=lambda url: {"Authorization": "Bearer x", "X-Api-Key": "y"})
        assert fetcher.file(server.url("/B04.tif"), "B04").read_bytes() == body
        assert fetcher.file(server.url("/near.tif"), "B08").read_bytes() == body
    assert not {"Authorization", "X-Api-Key"} & set(other.asked[0].headers)
    assert all(asked.headers["Authorization"] == "Bearer x" for asked in server.asked)


@pytest.mark.parametrize("target", ["/again", "file:///etc/passwd", "ftp://127.0.0.1/a", "http://127.0.0.1:port/"])
def test_redirects_end_and_stay_with_http(faulty, limited, target):
    with faulty.Server({}) as server:
        server.routes["/again"] = lambda asked: faulty.Reply(302, {"Location": target}, b"")
        with pytest.raises(ProviderError, match="redirected"):
            limited(attempts=1).file(server.url("/again"), "x")
    assert len(server.asked) <= 6


def test_a_password_in_the_address_becomes_a_header_for_that_host(faulty, fetcher, body):
    with faulty.Server({"/B04.tif": body}) as server:
        fetcher.file(server.url("/B04.tif").replace("http://", "http://user:pass%40word@"), "B04")
    assert server.asked[0].headers["Authorization"] == "Basic dXNlcjpwYXNzQHdvcmQ="


def test_the_budget_ends_the_run_and_says_so(faulty, limited, body):
    fetcher = limited(budget_bytes=SIZE + SIZE // 2)
    files = {f"/{index}.tif": body for index in range(3)}
    with faulty.Server(files) as server:
        fetcher.file(server.url("/0.tif"), "0")
        for index in (1, 2):
            with pytest.raises(ProviderError, match=r"budget of 1,050,000 bytes.*budget_bytes"):
                fetcher.file(server.url(f"/{index}.tif"), str(index))
        fetcher.file(server.url("/0.tif"), "0")  # what is here costs nothing
    assert sum(server.sent.values()) < 3 * SIZE
    assert fetcher.traffic.bytes_fetched < SIZE * 1.5 + 300_000


def test_an_object_beyond_the_limit_is_refused_before_it_is_fetched(faulty, limited, body):
    with (
        faulty.Server({"/B04.tif": body}) as server,
        pytest.raises(ProviderError, match="larger than the limit of 500,000 bytes"),
    ):
        limited(max_object_bytes=500_000).file(server.url("/B04.tif"), "B04")
    assert len(server.asked) == 1


def test_no_more_objects_are_under_way_than_agreed(faulty, limited):
    now, most, lock = 0, 0, threading.Lock()

    def answer(asked):
        nonlocal now, most
        with lock:
            now, most = now + 1, max(most, now + 1)
        time.sleep(0.02)
        with lock:
            now -= 1
        return faulty.Reply(200, {}, b"{}")

    fetcher = limited(concurrency=3)
    with faulty.Server({}) as server, ThreadPoolExecutor(12) as pool:
        server.routes["/q"] = answer
        list(pool.map(lambda _: fetcher.json("GET", server.url("/q")), range(40)))
    assert most == 3


def test_threads_that_want_the_same_object_fetch_it_once(faulty, fetcher, body):
    with faulty.Server({"/B04.tif": body}) as server, ThreadPoolExecutor(6) as pool:
        files = set(pool.map(lambda _: fetcher.file(server.url("/B04.tif"), "B04"), range(12)))
    assert len(files) == 1
    assert len(server.asked) == 1


# --- JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["429-seconds", "500", "cut", "empty", "html", "reset", "bomb"])
def test_a_question_is_asked_again_until_it_is_answered(faulty, limited, fault):
    fetcher = limited(attempts=4, max_object_bytes=10**6)
    answer = json.dumps({"features": list(range(1_000))}).encode()
    with faulty.Server({"/search": answer}, faulty.Plan(first=1, faults=(fault,))) as server:
        if fault == "bomb":
            with pytest.raises(ProviderError, match="larger than the limit"):
                fetcher.json("POST", server.url("/search"), {"limit": 1}, max_bytes=10**6)
        assert fetcher.json("POST", server.url("/search"), {"limit": 1})["features"][-1] == 999
    assert all(asked.body == b'{"limit": 1}' for asked in server.asked)


def test_an_answer_may_be_compressed_but_not_without_bound(faulty, limited):
    packed = gzip.compress(b'"' + b"x" * 900_000 + b'"')
    with faulty.Server({}) as server:
        server.routes["/q"] = lambda asked: faulty.Reply(200, {"Content-Encoding": "gzip"}, packed)
        assert len(limited().json("GET", server.url("/q"))) == 900_000
        with pytest.raises(ProviderError, match="larger than the limit"):
            limited().json("GET", server.url("/q"), max_bytes=800_000)


@pytest.mark.parametrize("answer", [b"[" * 200_000, b"not json", b"\xff\xfe", b"  "])
def test_nonsense_is_not_an_answer(faulty, limited, answer):
    with faulty.Server({"/q": answer}) as server, pytest.raises(ProviderError, match="answered with"):
        limited(attempts=2).json("GET", server.url("/q"))

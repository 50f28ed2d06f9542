"""Searching a STAC API on loopback with the real client: paging, what is new, and services that misbehave."""

import datetime as dt
import sqlite3
from collections.abc import Callable

import pytest
from shapely.geometry import MultiPolygon, box, mapping, shape

from imagery.errors import ProviderError
from imagery.providers.provider import Provider
from imagery.providers.stac import StacProvider
from imagery.providers.stac_config import StacConfig
from imagery.remote.cache import Cache
from imagery.remote.limits import Limits
from imagery.remote.retry import Clock

S2 = "sentinel-2-l2a"
GROUND = box(119.1, 49.1, 119.4, 49.4)
FIRST, LAST = dt.date(2024, 7, 1), dt.date(2024, 7, 31)
LIMITS = Limits(attempts=4, timeout_s=3.0, deadline_s=1_000)


def listed(stac, name, when, ground=GROUND, baseline="05.10", **more):
    """One more item at the service."""
    keys = ("blue", "green", "red", "nir", "swir16", "swir22", "scl")
    stac.items.append({
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": S2, "links": [],
        "geometry": mapping(ground), "bbox": list(ground.bounds),
        "properties": {
            "datetime": when, "platform": "sentinel-2a", "s2:processing_baseline": baseline,
            "created": "2024-08-01T00:00:00Z", "updated": "2024-08-01T00:00:00Z", "grid:code": f"MGRS-{name[:5]}",
            **more,
        },
        "assets": {key: {"href": stac.href(f"{name}/{key}.tif")} for key in keys},
    })  # fmt: skip


class Time:
    """A clock that only moves when it is told to, or slept on."""

    def __init__(self) -> None:
        self.now = dt.datetime(2024, 8, 2, tzinfo=dt.UTC)
        self.slept: list[float] = []
        self.clock = Clock(sleep=self.slept.append, now=lambda: self.now, random=lambda: 0.0)

    def passes(self, **more: float) -> None:
        self.now += dt.timedelta(**more)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def open_provider(stac, tmp_path, time) -> Callable[..., StacProvider]:
    def make(**more) -> StacProvider:
        config = StacConfig(url=stac.api, collections=(S2,), **more)
        cache = Cache(tmp_path / "cache")
        return StacProvider.from_config("es", config, cache, LIMITS, tmp_path, tmp_path / "index", time.clock)

    return make


def ids(scenes):
    return [scene.id for scene in scenes]


# --- what is found ---------------------------------------------------------------------------------------------------


def test_scenes_of_the_solar_days_asked_for_by_time(stac, open_provider):
    listed(stac, "b_day", "2024-07-05T02:41:24Z")
    listed(stac, "a_day", "2024-07-05T02:41:24Z")
    listed(stac, "early", "2024-07-01T02:41:24Z")
    listed(stac, "edge", "2024-07-31T15:50:00Z")  # 23:47 by the sun
    listed(stac, "after", "2024-07-31T16:10:00Z")  # past midnight by the sun
    listed(stac, "eve", "2024-06-30T16:10:00Z")  # 1 July by the sun
    listed(stac, "before", "2024-06-30T15:50:00Z")
    listed(stac, "elsewhere", "2024-07-05T02:41:24Z", box(119.6, 49.6, 119.9, 49.9))
    provider: Provider = open_provider()
    assert provider.name == "es"
    found = provider.search(GROUND, FIRST, LAST)
    assert ids(found) == ["eve", "early", "a_day", "b_day", "edge"]
    assert ids(provider.search(GROUND, dt.date(2024, 7, 5), dt.date(2024, 7, 5))) == ["a_day", "b_day"]
    assert provider.search(box(10, 10, 11, 11), FIRST, LAST) == ()
    assert not stac.asked("/files/")


@pytest.mark.parametrize("methods", [("POST", "GET"), ("GET",)])
def test_pages_are_followed_to_the_end(stac, open_provider, methods):
    stac.methods, stac.page_items = methods, 3
    for day in range(1, 21):
        listed(stac, f"s{day:02d}", f"2024-07-{day:02d}T02:41:24Z")
    found = open_provider().search(GROUND, FIRST, LAST)
    assert ids(found) == [f"s{day:02d}" for day in range(1, 21)]
    searched = [method for method, path in stac.requests if path.endswith("/search")]
    assert set(searched) == {methods[0]}
    assert len(searched) == 7 + 1  # 20 in July, and the one day of June that can be July by the sun


def test_ground_in_several_parts_is_one_question(stac, open_provider):
    far = box(121.1, 49.1, 121.4, 49.4)
    listed(stac, "near", "2024-07-05T02:41:24Z")
    listed(stac, "far", "2024-07-05T02:33:24Z", far)
    listed(stac, "between", "2024-07-05T02:33:24Z", box(120.1, 49.1, 120.4, 49.4))
    found = open_provider().search(MultiPolygon([GROUND, far]), dt.date(2024, 7, 2), LAST)
    assert ids(found) == ["far", "near"]
    assert len(stac.searches) == 1


def test_a_processing_that_was_replaced_is_not_listed_twice(stac, open_provider):
    listed(stac, "T50UQ_old", "2024-07-05T02:41:24Z", baseline="05.00")
    listed(stac, "T50UQ_new", "2024-07-05T02:41:25Z", baseline="05.10")
    assert ids(open_provider().search(GROUND, FIRST, LAST)) == ["T50UQ_new"]


def test_items_of_no_use_are_named_and_the_others_found(stac, open_provider):
    for name in ("good", "placeless", "hostile", "timeless"):
        listed(stac, name, "2024-07-05T02:41:24Z", baseline="05.10" if name != "vague" else "")
    listed(stac, "vague", "2024-07-06T02:41:24Z")
    by_name = {item["id"]: item for item in stac.items}
    by_name["placeless"]["geometry"] = None
    by_name["hostile"]["assets"]["red"]["href"] = "file:///etc/passwd"
    by_name["timeless"]["properties"]["datetime"] = None
    by_name["vague"]["properties"]["s2:processing_baseline"] = None
    provider = open_provider()
    assert ids(provider.search(GROUND, FIRST, LAST)) == ["good"]
    assert [one.scene_id for one in provider.refused] == ["hostile", "placeless", "timeless", "vague"]
    assert "file:///etc/passwd is no https or s3 or http address" in provider.refused[0].reason


# --- only what is new ------------------------------------------------------------------------------------------------


def test_what_was_listed_is_not_listed_again(stac, open_provider, time):
    for day in range(1, 29):
        listed(stac, f"s{day:02d}", f"2024-07-{day:02d}T02:41:24Z")
    first = open_provider().search(GROUND, FIRST, LAST)
    asked = len(stac.requests)
    assert open_provider().search(GROUND, FIRST, LAST) == first
    assert open_provider().search(box(119.2, 49.2, 119.3, 49.3), dt.date(2024, 7, 3), dt.date(2024, 7, 9)) == first[2:9]
    assert len(stac.requests) == asked
    time.passes(days=1)
    listed(stac, "late", "2024-07-20T02:50:00Z", updated="2024-08-02T12:00:00Z")
    listed(stac, "s01_b", "2024-07-01T02:41:24Z", baseline="05.11", updated="2024-08-02T12:00:00Z")
    stac.items[-1]["properties"]["grid:code"] = "MGRS-s01"
    found = open_provider().search(GROUND, FIRST, LAST)
    assert len(found) == len(first) + 1
    assert {"late", "s01_b"} < set(ids(found))
    assert "s01" not in ids(found)  # reprocessed
    assert len(stac.searches) == 3  # July and a day of June, then one question for what is new
    assert stac.searches[-1]["query"] == {"updated": {"gte": "2024-07-30T00:00:00Z"}}


def test_new_days_and_new_ground_are_listed_alone(stac, open_provider):
    for day in range(1, 29):
        listed(stac, f"s{day:02d}", f"2024-07-{day:02d}T02:41:24Z")
    provider = open_provider()
    provider.search(GROUND, dt.date(2024, 7, 5), dt.date(2024, 7, 10))
    assert len(provider.search(GROUND, dt.date(2024, 7, 5), dt.date(2024, 7, 12))) == 8
    assert stac.searches[-1]["datetime"] == "2024-07-11T00:00:00Z/2024-07-12T23:59:59.999Z"
    provider.search(box(119.2, 49.2, 120.2, 49.3), dt.date(2024, 7, 5), dt.date(2024, 7, 12))
    assert shape(stac.searches[-1]["intersects"]).equals(box(120, 49, 121, 50))


def test_what_vanished_is_forgotten_when_all_is_listed_again(stac, open_provider, time):
    beyond = box(119.95, 49.1, 120.3, 49.4)  # half in a neighbouring degree
    listed(stac, "stays", "2024-07-05T02:41:24Z")
    listed(stac, "goes", "2024-07-06T02:41:24Z")
    listed(stac, "beyond", "2024-07-07T02:41:24Z", beyond)
    provider = open_provider()
    wide = box(119.1, 49.1, 120.2, 49.4)
    assert ids(provider.search(wide, FIRST, LAST)) == ["stays", "goes", "beyond"]
    stac.items = [item for item in stac.items if item["id"] != "goes"]
    time.passes(days=2)
    assert ids(provider.search(wide, FIRST, LAST)) == ["stays", "goes", "beyond"]  # nothing new tells of it
    time.passes(days=31)
    assert ids(provider.search(GROUND, FIRST, LAST)) == ["stays"]
    assert ids(provider.search(wide, FIRST, LAST)) == ["stays", "beyond"]


def test_a_service_that_does_not_compare_is_found_out(stac, open_provider, time):
    stac.ignores = {"query"}
    for day in range(1, 29):
        listed(stac, f"s{day:02d}", f"2024-07-{day:02d}T02:41:24Z", updated=f"2024-07-{day:02d}T12:00:00Z")
    open_provider().search(GROUND, FIRST, LAST)
    time.passes(days=1)
    listed(stac, "late", "2024-07-30T02:41:24Z")
    assert "late" in ids(open_provider().search(GROUND, FIRST, LAST))
    assert "query" in stac.searches[-1]
    time.passes(days=1)
    listed(stac, "later", "2024-07-29T02:41:24Z")
    assert "later" in ids(open_provider().search(GROUND, FIRST, LAST))
    assert "query" not in stac.searches[-1]
    assert stac.searches[-1]["datetime"].startswith("2024-07-24")  # of the days that may still grow


@pytest.mark.parametrize("kind", ["filter", "filter by GET"])
def test_services_with_other_ways_to_compare(stac, stac_module, open_provider, time, kind):
    stac.conforms = [*stac_module.CONFORMS, stac_module.FILTER]
    stac.methods = ("GET",) if "GET" in kind else ("POST",)
    listed(stac, "old", "2024-07-05T02:41:24Z", updated="2024-07-05T12:00:00Z")
    open_provider().search(GROUND, FIRST, LAST)
    time.passes(days=1)
    listed(stac, "new", "2024-07-06T02:41:24Z", updated="2024-08-02T12:00:00Z")
    assert ids(open_provider().search(GROUND, FIRST, LAST)) == ["old", "new"]
    assert stac.searches[-1]["filter-lang"] == ("cql2-text" if "GET" in kind else "cql2-json")


def test_a_service_that_says_nothing_of_dates_is_asked_for_late_days_again(stac, open_provider, time):
    for day in (5, 28):
        listed(stac, f"s{day:02d}", f"2024-07-{day:02d}T02:41:24Z")
        for name in ("created", "updated"):
            del stac.items[-1]["properties"][name]
    open_provider().search(GROUND, FIRST, LAST)
    asked = len(stac.searches)
    time.passes(hours=5)
    listed(stac, "late", "2024-07-29T02:41:24Z")
    assert ids(open_provider().search(GROUND, FIRST, LAST)) == ["s05", "s28", "late"]
    assert len(stac.searches) == asked + 1
    assert stac.searches[-1]["datetime"] == "2024-07-23T00:00:00Z/2024-07-31T23:59:59.999Z"
    time.passes(days=15)
    open_provider().search(GROUND, FIRST, LAST)  # they were asked about too soon after their end
    time.passes(days=1)
    asked = len(stac.searches)
    open_provider().search(GROUND, FIRST, LAST)
    assert len(stac.searches) == asked  # July is settled now


def test_a_damaged_index_costs_one_search(stac, open_provider, tmp_path):
    listed(stac, "good", "2024-07-05T02:41:24Z")
    open_provider().search(GROUND, FIRST, LAST)
    file = next((tmp_path / "index").glob("*.sqlite"))
    file.write_bytes(b"this is no database at all" * 1_000)
    with pytest.raises(ProviderError, match="was damaged and is deleted; search again"):
        open_provider().search(GROUND, FIRST, LAST)
    assert ids(open_provider().search(GROUND, FIRST, LAST)) == ["good"]


def test_an_index_of_another_version_is_made_anew(stac, open_provider, tmp_path):
    listed(stac, "good", "2024-07-05T02:41:24Z")
    open_provider().search(GROUND, FIRST, LAST)
    connection = sqlite3.connect(next((tmp_path / "index").glob("*.sqlite")))
    connection.execute("PRAGMA user_version = 99")
    connection.execute("ALTER TABLE item RENAME COLUMN content TO other")
    connection.close()
    assert ids(open_provider().search(GROUND, FIRST, LAST)) == ["good"]


# --- services that misbehave -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("repeating page", "repeats its pages"),
        ("same next", "repeats its pages"),
        ("empty page", "nothing in it"),
        ("foreign next", "sends its client on to http://127.0.0.1:9"),
    ],
)
def test_pages_that_lead_nowhere(stac, stac_module, open_provider, kind, reason):
    for day in range(1, 10):
        listed(stac, f"s{day:02d}", f"2024-07-{day:02d}T02:41:24Z")
    stac.page_items = 4
    stac.faults.append(stac_module.Fault(kind, "page", times=1 if kind == "foreign next" else 1_000_000))
    with pytest.raises(ProviderError, match=reason):
        open_provider().search(GROUND, dt.date(2024, 7, 2), LAST)
    assert len(stac.searches) < 20
    stac.faults.clear()
    assert len(open_provider().search(GROUND, dt.date(2024, 7, 2), LAST)) == 8


def test_an_empty_page_in_the_middle_is_not_the_end(stac, stac_module, open_provider):
    for day in range(1, 10):
        listed(stac, f"s{day:02d}", f"2024-07-{day:02d}T02:41:24Z")
    stac.page_items = 4
    stac.faults.append(stac_module.Fault("empty page", "page", times=1, skip=1))
    assert len(open_provider().search(GROUND, dt.date(2024, 7, 2), LAST)) == 8
    assert stac.counts["empty page"] == 1


PASSING = ["429 seconds", "429 date", "500", "502", "503", "html", "empty", "cut"]


@pytest.mark.parametrize("kind", PASSING)
def test_faults_of_the_api_that_pass(stac, stac_module, open_provider, time, kind):
    stac.skew_s = 7_200.0  # an HTTP date is meant by the server's own clock
    listed(stac, "good", "2024-07-05T02:41:24Z")
    stac.faults.append(stac_module.Fault(kind, "/v1", times=2, wait_s=7))
    assert ids(open_provider().search(GROUND, FIRST, LAST)) == ["good"]
    assert stac.counts[kind] == 2
    waited = [pause for pause in time.slept if pause >= 5.9]
    assert len(waited) == (2 if kind in ("429 seconds", "429 date", "503") else 0)
    assert all(pause <= 8.1 for pause in waited)


def test_a_slow_drip_is_cut_off_and_asked_again(stac, stac_module, open_provider):
    listed(stac, "good", "2024-07-05T02:41:24Z")
    stac.faults.append(stac_module.Fault("drip", "/v1$", times=1, wait_s=400))
    assert ids(open_provider().search(GROUND, FIRST, LAST)) == ["good"]
    assert stac.asked("/v1$") == 2


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("404", "does not exist"), ("401", "credentials"), ("403", "credentials"), ("bomb", "larger than the limit")],
)
def test_faults_of_the_api_that_do_not_pass(stac, stac_module, open_provider, kind, reason):
    listed(stac, "good", "2024-07-05T02:41:24Z")
    stac_module.bomb()
    stac.faults.append(stac_module.Fault(kind, "/v1/search", times=1_000))
    with pytest.raises(ProviderError, match=reason):
        open_provider().search(GROUND, FIRST, LAST)
    assert stac.counts[kind] < 10


def test_a_month_that_failed_does_not_cost_the_others(stac, stac_module, open_provider):
    listed(stac, "may", "2024-05-05T02:41:24Z")
    listed(stac, "june", "2024-06-05T02:41:24Z")
    stac.faults.append(stac_module.Fault("404", "/v1/search", times=1, skip=1))  # both were begun
    with pytest.raises(ProviderError):
        open_provider().search(GROUND, dt.date(2024, 5, 2), dt.date(2024, 6, 30))
    assert len(stac.searches) == 2
    assert len(open_provider().search(GROUND, dt.date(2024, 5, 2), dt.date(2024, 6, 30))) == 2
    assert len(stac.searches) == 3


@pytest.mark.parametrize("path", ["", "/v1/collections"])
def test_what_is_no_stac_api_is_said(stac, open_provider, tmp_path, time, path):
    config = StacConfig(url=f"{stac.url}{path}", collections=(S2,))
    provider = StacProvider.from_config("es", config, Cache(tmp_path / "c"), LIMITS, tmp_path, tmp_path, time.clock)
    with pytest.raises(ProviderError, match=r"check the url|does not exist"):
        provider.search(GROUND, FIRST, LAST)

"""The Sentinel Hub provider when the service throttles, breaks, expires and lies, and what may not leak meanwhile."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import rasterio
from hub_asked import DAY, FEW, L2A, PROCESS, SEARCH, TOKEN, fetched, ground, nothing

from imagery.errors import ProviderError
from imagery.providers.provider import Fetched
from imagery.remote.limits import Limits
from imagery.remote.retry import Clock


def blue(found: Fetched) -> bytes:
    with rasterio.open(found.scenes[0].assets["blue"].href) as source:
        return bytes(source.read(1).tobytes())


# --- each fault -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        ("429", "429"), ("429 date", "429"), ("500", "500"), ("502", "502"), ("503", "503"), ("504", "504"),
        ("cut", "broke off"), ("truncated", "damaged TIFF"), ("empty", "nothing"), ("html", "web page"),
        ("bomb", "larger than the limit"),
    ],
)  # fmt: skip
def test_a_fault_is_survived_and_counted(one, fault, make_hub, kind, counted, tmp_path) -> None:
    whole = blue(fetched(make_hub(cache=tmp_path / "other")))
    one.faults.append(fault(kind, times=2))
    provider = make_hub(FEW)
    assert blue(fetched(provider)) == whole
    assert one.counts[kind] == 2
    ((reason, times),) = provider.traffic.faults.items()
    assert counted in reason
    assert times == 2


@pytest.mark.parametrize("kind", ["429", "500", "cut", "empty", "html", "truncated", "bomb"])
@pytest.mark.parametrize("path", [SEARCH, TOKEN])
def test_catalogue_and_tokens_survive_them_too(one, fault, make_hub, path, kind) -> None:
    one.faults.append(fault(kind, path, times=2))
    assert make_hub(FEW).search(ground(), DAY, DAY)
    assert one.counts[kind] == 2


@pytest.mark.parametrize("kind", ["drip", "silence"])
def test_a_server_that_pretends_to_be_alive_is_left(one, fault, make_hub, kind) -> None:
    scenes = make_hub().search(ground(), DAY, DAY)
    provider = make_hub(Limits(attempts=2, timeout_s=1.0, deadline_s=30))
    one.faults.append(fault(kind, wait_s=30, times=2))
    start = time.monotonic()
    found = provider.fetch(scenes, ground(), nothing)
    assert time.monotonic() - start < 20
    assert found.scenes == ()
    assert one.counts[kind] >= 1
    assert "2 attempts" in found.quarantined[0].reason


@pytest.mark.parametrize("profile", [{"count": 3}, {"height": 100}, {"dtype": "float32"}, {"crs": "EPSG:32651"}])
def test_another_raster_than_asked_for_does_not_count(one, make_hub, profile) -> None:
    one.tiff = profile
    found = fetched(make_hub(FEW))
    assert found.scenes == ()
    assert "answered with" in found.quarantined[0].reason
    assert one.asked(PROCESS) == 3


def test_what_the_service_refuses_is_not_asked_again(one, fault, make_hub) -> None:
    one.faults.append(fault("400", times=9))
    found = fetched(make_hub())
    assert "status 400" in found.quarantined[0].reason
    assert one.asked(PROCESS) == 1


def test_a_fault_that_stays_is_quarantined_and_the_rest_arrives(one, hub_archive, fault, make_hub) -> None:
    place = ground(5_000)
    one.faults.append(fault("500", times=3))
    provider = make_hub(Limits(attempts=3, concurrency=1))
    scenes = provider.search(place, DAY, DAY)
    done: list[int] = []
    found = provider.fetch(scenes, place, lambda: done.append(1))
    assert len(found.quarantined) == 1
    assert [scene.id for scene in found.scenes] == [s.id for s in scenes if s.id != found.quarantined[0].scene_id]
    assert "status 500" in found.quarantined[0].reason
    assert "3 attempts" in found.quarantined[0].reason
    assert len(done) == len(scenes)


def test_a_service_that_is_down_is_not_asked_all_night(one, fault, make_hub) -> None:
    one.faults.append(fault("503", times=10_000))
    place = ground(9_000)
    provider = make_hub(Limits(attempts=2, concurrency=1))
    scenes = provider.search(place, DAY, DAY)
    assert len(scenes) > 12
    import imagery.providers.sh.delivery as delivery

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery, "MAX_FAILURES", 5)
        found = provider.fetch(scenes, place, nothing)
    assert len(found.quarantined) == len(scenes)
    assert one.asked(PROCESS) == 10
    assert "not asked for" in found.quarantined[-1].reason


# --- how long it waits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "said", "least_s", "most_s"),
    [("429", 7, 7, 8), ("503", 40, 40, 41), ("429 date", 30, 28, 31), ("429", 12_000, 12, 13)],
)
@pytest.mark.parametrize("skew_s", [0.0, 5_000.0, -5_000.0])
def test_it_waits_as_long_as_asked(one, fault, make_hub, kind, said, least_s, most_s, skew_s) -> None:
    """In seconds, or till a date by the server's own clock; what can only be milliseconds is read as such."""
    one.skew_s = skew_s
    one.faults.append(fault(kind, wait_s=said))
    slept: list[float] = []
    assert fetched(make_hub(clock=Clock(sleep=slept.append))).scenes
    (wait,) = slept
    assert least_s <= wait <= most_s


def test_it_does_not_wait_beyond_its_limit(one, fault, make_hub) -> None:
    one.faults.append(fault("429", wait_s=500, times=9))
    slept: list[float] = []
    found = fetched(make_hub(Limits(deadline_s=300), clock=Clock(sleep=slept.append)))
    assert "would miss the limit" in found.quarantined[0].reason
    assert slept == []


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_a_token_that_expired_early_is_replaced_once(one, make_hub) -> None:
    provider = make_hub()
    scenes = provider.search(ground(5_000), DAY, DAY)
    one.expire_all()
    found = provider.fetch(scenes, ground(5_000), nothing)
    assert not found.quarantined
    assert one.asked(TOKEN) == 2  # four threads, one new token
    assert 1 <= one.counts["refused token"] <= 4


def test_a_token_is_replaced_before_it_expires(one, make_hub) -> None:
    one.token_s = 0.5
    provider = make_hub()
    scenes = provider.search(ground(), DAY, DAY)
    time.sleep(0.6)
    assert provider.fetch(scenes, ground(), nothing).scenes
    assert one.asked(TOKEN) == 2
    assert one.counts["refused token"] == 0


def test_clock_skew_between_us_and_the_service_spoils_no_token(one, make_hub) -> None:
    one.skew_s = 86_400
    assert fetched(make_hub()).scenes
    assert one.asked(TOKEN) == 1


@pytest.mark.parametrize("kind", ["401", "403"])
def test_a_service_that_lets_nobody_in_ends_the_run(one, fault, make_hub, kind) -> None:
    provider = make_hub()
    scenes = provider.search(ground(5_000), DAY, DAY)
    one.faults.append(fault(kind, times=1_000))
    with pytest.raises(ProviderError, match="refuses"):
        provider.fetch(scenes, ground(5_000), nothing)
    assert one.counts[kind] <= 8  # twice for each thread


def test_a_wrong_secret_is_said_at_once(one, make_hub) -> None:
    one.client = ("the-client", "another-secret")
    with pytest.raises(ProviderError, match="does not accept the client id and secret") as caught:
        make_hub().search(ground(), DAY, DAY)
    assert "the-secret" not in str(caught.value)
    assert one.asked(TOKEN) == 1


def test_a_redirect_takes_no_secret_along(one, fault, make_hub) -> None:
    one.faults.append(fault("redirect", TOKEN))
    with pytest.raises(ProviderError):
        make_hub().search(ground(), DAY, DAY)
    assert [path for path, _ in one.requests] == [TOKEN]


# --- the catalogue ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("next_page", [7, 0])
def test_a_page_that_repeats_for_ever_is_noticed(one, fault, make_hub, next_page) -> None:
    """Whether it names the same next page again and again, or another one each time."""
    one.faults.append(fault("repeat", SEARCH, times=10_000, wait_s=next_page))
    with pytest.raises(ProviderError, match="repeat themselves"):
        make_hub().search(ground(), DAY, DAY)
    assert one.asked(SEARCH) <= 3


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../../etc/passwd"}, {"id": 7}, {"id": ["a", "b"]}, {"geometry": None}, {"properties": []},
        {"properties": {"datetime": "yesterday"}},
        {"properties": {"datetime": "2025-06-12T03:05:31Z", "proj:epsg": [1]}},
        {"geometry": {"type": "Point", "coordinates": [117, 48]}},
        {"geometry": {"type": "Polygon", "coordinates": [[[1e400, 0], [1, 1], [0, 1], [1e400, 0]]]}},
    ],
)  # fmt: skip
def test_an_acquisition_that_can_not_be_is_not_believed(one, make_hub, change) -> None:
    search = one.search

    def lying(asked: Any) -> Any:
        answer = search(asked)
        content = json.loads(answer.body)
        content["features"][0].update(change)
        answer.body = json.dumps(content).encode()
        return answer

    one.search = lying
    with pytest.raises(ProviderError, match="catalogue"):
        make_hub(FEW).search(ground(), DAY, DAY)


def test_one_acquisition_that_can_not_be_hides_no_other(one, hub_archive, make_hub) -> None:
    one.products.append(hub_archive.synthetic("S2B", time="2025-06-12T04:00:00+00:00", seed=3))
    provider = make_hub()
    scenes = provider.search(ground(), DAY, DAY)
    assert {scene.properties["product"] for scene in scenes} == {L2A}
    assert ["can not be" in one.reason for one in provider.refused] == [True]


# --- once is enough ---------------------------------------------------------------------------------------------------


def test_two_runs_fetch_once(one, make_hub) -> None:
    first = fetched(make_hub(), ground(3_000))
    asked = one.asked(PROCESS)
    second = fetched(make_hub(), ground(3_000))
    assert one.asked(PROCESS) == asked == len(first.scenes)
    assert first.scenes == second.scenes
    assert (first.bytes_cached, second.bytes_fetched) == (0, pytest.approx(0, abs=20_000))  # the catalogue's words
    assert second.bytes_cached > 100_000


def test_a_file_that_was_changed_is_fetched_again(one, make_hub, tmp_path) -> None:
    first = fetched(make_hub())
    good = blue(first)
    file = Path(first.scenes[0].assets["blue"].href)
    file.write_bytes(file.read_bytes()[:-1_000])
    second = fetched(make_hub())
    assert one.asked(PROCESS) == 2
    assert blue(second) == good


def test_a_scene_named_twice_is_fetched_once(one, make_hub) -> None:
    provider = make_hub()
    (scene,) = provider.search(ground(), DAY, DAY)
    assert len(provider.fetch([scene, scene], ground(), nothing).scenes) == 1
    assert one.asked(PROCESS) == 1


def test_scenes_of_another_source_are_not_taken(one, make_hub) -> None:
    (scene,) = make_hub(tile_px=512).search(ground(), DAY, DAY)
    found = make_hub().fetch([scene], ground(), nothing)
    assert "not of this source" in found.quarantined[0].reason


def test_the_byte_budget_ends_the_run_and_keeps_what_is_here(one, make_hub) -> None:
    provider = make_hub(Limits(budget_bytes=2_000_000, concurrency=1))
    scenes = provider.search(ground(9_000), DAY, DAY)
    with pytest.raises(ProviderError, match="budget"):
        provider.fetch(scenes, ground(9_000), nothing)
    assert 2_000_000 <= provider.traffic.bytes_fetched < 3_200_000
    assert make_hub().fetch(scenes, ground(9_000), nothing).bytes_cached > 1_000_000

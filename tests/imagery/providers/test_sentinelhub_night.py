"""The Sentinel Hub provider: what may not leak, and a night in which a fifth of all requests fails."""

import datetime as dt
import gc
import logging
import pickle
import random
import threading
import traceback
from typing import Any

import numpy as np
import pytest
import rasterio
from hub_asked import DAY, FEW, L2A, PROCESS, SEARCH, TOKEN, fetched, ground, nothing

from imagery.errors import ProviderError
from imagery.remote.limits import Limits

# --- secrets ----------------------------------------------------------------------------------------------------------


def test_no_secret_leaves_for_anywhere_but_the_token_address(
    one, fault, make_hub, caplog, capfd, tmp_path, monkeypatch
) -> None:
    """Planted id and secret, and every token that was given: not in logs of any library, errors, files or scenes."""
    one.client = ("planted-id-4711", "planted.secret~8/15+x=")
    config = tmp_path / "config" / "sentinelhub" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("this is no TOML and must not be read")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("WEIXUN_SENTINELHUB_CLIENT_ID", one.client[0])
    monkeypatch.setenv("WEIXUN_SENTINELHUB_CLIENT_SECRET", one.client[1])
    caplog.set_level(logging.DEBUG)
    for name in ("oauthlib", "requests_oauthlib", "urllib3", "requests", "sentinelhub"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    texts = [str(config), config.read_text()]
    provider = make_hub(FEW)
    texts += [repr(vars(provider)), repr(provider._from), repr(vars(provider._from.service))]
    one.faults += [fault("400", SEARCH, times=1), fault("500", times=2), fault("400", times=1, skip=0)]
    for attempt in range(3):
        if attempt == 2:
            one.client = ("planted-id-4711", "another")
            one.expire_all()
        try:
            found = fetched(provider, ground(3_000))
            texts += [repr(found), str(pickle.dumps(found))]
        except ProviderError as error:
            texts.append("".join(traceback.TracebackException.from_exception(error, capture_locals=False).format()))
            texts.append(repr(error.__context__) + repr(error.__cause__))
    texts += [record.getMessage() + str(record.__dict__) for record in caplog.records] + list(capfd.readouterr())
    texts += [file.read_bytes().decode("latin-1") for file in (tmp_path / "cache").rglob("*") if file.is_file()]
    assert one.asked(TOKEN) >= 2
    assert any("planted-id-4711" in str(body) for body in one.bodies("token"))
    secrets = ["planted-id-4711", "planted.secret", "planted.secret%7E8", *one.tokens]
    assert len(one.tokens) >= 1
    for text in texts:
        assert not [secret for secret in secrets if secret in text]
    assert config.read_text() == "this is no TOML and must not be read"
    assert not list((tmp_path / "secrets").glob("*"))


def test_the_account_of_the_surroundings_is_not_used(one, make_hub, monkeypatch) -> None:
    monkeypatch.setenv("SH_CLIENT_ID", "somebody-else")
    monkeypatch.setenv("SH_CLIENT_SECRET", "else-secret")
    assert fetched(make_hub()).scenes
    assert "somebody-else" not in str(one.requests)


# --- a night ----------------------------------------------------------------------------------------------------------

KINDS = ["429", "429 date", "500", "502", "503", "cut", "truncated", "empty", "html", "bomb", "401"]


def _night(hub: Any, hub_module: Any, hub_archive: Any, make_hub: Any, count: int) -> None:
    place = ground(7_000)
    start = dt.datetime(2025, 6, 12, 3, tzinfo=dt.UTC)
    scenes: tuple[Any, ...] = ()
    provider = make_hub(Limits(attempts=6, timeout_s=20, deadline_s=120, concurrency=4))
    while len(scenes) < count:
        number = len(hub.products)
        time_ = (start + dt.timedelta(minutes=10 * number)).isoformat()
        hub.products.append(hub_archive.synthetic(f"{L2A}_{number}", time=time_, seed=number))
        scenes = provider.search(place, DAY, DAY)
    scenes = scenes[:count]
    hub.dice = hub_module.shares(KINDS, 0.2, 7)
    found = provider.fetch(scenes, place, nothing)
    faults = sum(hub.counts[kind] for kind in KINDS)
    assert faults > count * 0.15
    assert {scene.id for scene in found.scenes} | {one.scene_id for one in found.quarantined} == {s.id for s in scenes}
    assert len(found.scenes) + len(found.quarantined) == count
    assert len(found.scenes) >= count * 0.98
    assert all(one.reason for one in found.quarantined)
    assert sum(provider.traffic.faults.values()) == faults - hub.counts["401"]
    products = {product.id: product for product in hub.products}
    for scene in random.Random(0).sample(found.scenes, 20):
        with rasterio.open(scene.assets["swir22"].href) as source:
            values, affine = source.read(scene.assets["swir22"].index), source.transform
        x, y = np.meshgrid(
            affine.c + (np.arange(values.shape[1]) + 0.5) * affine.a,
            affine.f + (np.arange(values.shape[0]) + 0.5) * affine.e,
        )
        np.testing.assert_array_equal(values, products[scene.properties["product"]].sample(32650, x, y)[0]["B12"])
    hub.dice = lambda path: None
    asked = hub.asked(PROCESS)
    again = provider.fetch(scenes, place, nothing)
    assert len(again.scenes) == count
    assert hub.asked(PROCESS) == asked + len(found.quarantined)
    gc.collect()
    assert threading.active_count() < 40


def test_an_evening_with_faults(hub, hub_module, hub_archive, make_hub) -> None:
    _night(hub, hub_module, hub_archive, make_hub, 30)


@pytest.mark.slow
def test_a_night_of_200_requests_with_a_fifth_of_faults(hub, hub_module, hub_archive, make_hub) -> None:
    _night(hub, hub_module, hub_archive, make_hub, 200)

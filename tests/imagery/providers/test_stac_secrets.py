"""Storage that wants signatures, tokens or keys: it gets them, and nobody else ever sees them."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from odc.geo.geobox import GeoBox
from stac_asked import FIRST, LAST, LIMITS, brought

from imagery.read import read_scene


def signing(stac):
    return {"sign_url": f"{stac.url}/token", "sign_hosts": "127.0.0.1"}


def test_one_token_serves_a_container_and_is_renewed_when_it_ends(served, open_provider, ground, tmp_path, caplog):
    caplog.set_level("DEBUG")
    served.signed = True
    here, gone = brought(open_provider(**signing(served)), ground)
    assert (len(here), gone) == (3, {})
    assert served.asked("/token/") == 1
    assert served.asked("/token/127/files$") == 1
    everything = "".join(map(repr, here.values())) + caplog.text
    assert "sig" not in everything.replace("signed", "").replace("signing", "")
    found = subprocess.run(["grep", "-rlaE", "sig-[0-9]", str(tmp_path)], capture_output=True, text=True, check=False)
    assert found.stdout == ""


def test_a_token_that_the_storage_takes_no_more_is_renewed_once(served, open_provider, ground):
    served.signed = True
    served.token_s = 3_600.0
    provider = open_provider(**signing(served))
    scenes = provider.search(ground, FIRST, LAST)
    provider.fetch(scenes[:1], ground, lambda: None)
    served._tokens.clear()  # the storage's keys were changed
    fetched = provider.fetch(scenes, ground, lambda: None)
    assert len(fetched.scenes) == 3
    assert 2 <= served.asked("/token/") <= 2 + LIMITS.concurrency


def test_clocks_that_differ_do_not_matter(served, open_provider, ground):
    served.signed = True
    for skew_s in (-86_400.0, 86_400.0):  # every token has ended long ago, or lasts for ever
        served.skew_s = skew_s
        here, gone = brought(open_provider(**signing(served)), ground)
        assert (len(here), gone) == (3, {})
    assert served.asked("/token/") <= 4


def test_a_bearer_token_goes_to_the_storage_and_nowhere_else(
    served, open_provider, ground, tmp_path, caplog, monkeypatch
):
    caplog.set_level("DEBUG")
    secret = "planted-secret-3141"
    monkeypatch.setenv("WEIXUN_LOOPBACK_TOKEN", secret)
    here, _ = brought(open_provider(credentials="bearer"), ground)
    assert served.authorized == {"/files/": {f"Bearer {secret}"}}
    assert secret not in "".join(map(repr, here.values())) + caplog.text
    found = subprocess.run(["grep", "-rla", secret, str(tmp_path)], capture_output=True, text=True, check=False)
    assert found.stdout == ""


# --- S3 --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(steppe, monkeypatch):
    """The simulated archive's files in an object storage."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="planted-id",
        aws_secret_access_key="planted-key",
    )  # fmt: skip
    client.create_bucket(Bucket="eodata")
    for scene in steppe.scenes():
        for asset in scene.assets.values():
            file = Path(asset.href)
            client.upload_file(str(file), "eodata", f"{file.parent.name}/{file.name}")
    yield url
    server.stop()


def test_assets_in_an_object_storage(served, bucket, steppe, open_provider, ground, tmp_path, caplog, monkeypatch):
    caplog.set_level("DEBUG")
    monkeypatch.setenv("WEIXUN_LOOPBACK_ACCESS_KEY", "planted-id")
    monkeypatch.setenv("WEIXUN_LOOPBACK_SECRET_KEY", "planted-key")
    for item in served.items:
        for asset in item["assets"].values():
            asset["href"] = "s3://eodata/" + asset["href"].partition("/files/")[2]
    provider = open_provider(credentials="s3", s3_endpoint=bucket, s3_region="us-east-1")
    here, gone = brought(provider, ground)
    assert (len(here), gone) == (3, {})
    where = GeoBox.from_bbox(ground.centroid.buffer(0.005).bounds, "EPSG:4326", shape=(90, 60))
    for scene in steppe.scenes():
        assert here[scene.id].assets["red"].href.startswith("s3://eodata/")
        found, sent = read_scene(here[scene.id], where), read_scene(scene, where)
        assert found.observed.any()
        np.testing.assert_array_equal(found.data, sent.data)
        np.testing.assert_array_equal(found.flags, sent.flags)
    assert "planted-key" not in caplog.text
    found = subprocess.run(
        ["grep", "-rlaE", "planted-key|X-Amz-Signature", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert found.stdout == ""

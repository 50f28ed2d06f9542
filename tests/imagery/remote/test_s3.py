"""Objects of a real S3 server (moto) and the addresses that are signed for it."""

import datetime as dt
from urllib.parse import parse_qs, urlsplit

import boto3
import botocore.auth
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from imagery.errors import ProviderError
from imagery.remote.http import Fetcher
from imagery.remote.limits import Limits
from imagery.remote.ranged import RangedFile
from imagery.remote.s3 import S3, Keys
from imagery.remote.secrets import Secret

KEYS = Keys(Secret("AKIDEXAMPLE"), Secret("secret/key+planted"), Secret("session-token"))


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def client(endpoint):
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-west-2", aws_access_key_id="x", aws_secret_access_key="y"
    )
    client.create_bucket(Bucket="scenes", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    return client


def test_an_object_arrives_whole_and_in_ranges(endpoint, client, cache, content):
    body = content(3_000_000)
    client.put_object(Bucket="scenes", Key="2025/T50 TPT/B04 (1).bin", Body=body)
    fetcher = Fetcher(cache, Limits(attempts=2, deadline_s=20), sign=S3(KEYS, endpoint=endpoint, requester_pays=True))
    href = "s3://scenes/2025/T50 TPT/B04 (1).bin"
    assert fetcher.file(href, "whole").read_bytes() == body
    file = RangedFile(fetcher, href)
    assert file.at(1_500_000, 1_000) == body[1_500_000:1_501_000]
    assert fetcher.traffic.bytes_fetched == 3_000_000 + 2 * 2**20


def test_an_object_that_is_not_there_is_refused_with_its_name(endpoint, client, cache):
    fetcher = Fetcher(cache, Limits(attempts=2, deadline_s=20), sign=S3(KEYS, endpoint=endpoint))
    with pytest.raises(ProviderError, match=r"s3://scenes/none\.bin: does not exist"):
        fetcher.file("s3://scenes/none.bin", "none")


@pytest.mark.parametrize("bucket", ["scenes", "a.dotted.bucket"])
@pytest.mark.parametrize("key", ["a/b.tif", "a b/ä+(1).tif"])
def test_the_signature_is_botos_own(monkeypatch, bucket, key):
    moment = dt.datetime(2025, 6, 12, 3, 0, tzinfo=dt.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: moment.replace(tzinfo=None))
    client = boto3.client(
        "s3", region_name="eu-central-1", endpoint_url="https://s3.eu-central-1.amazonaws.com",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret/key+planted", aws_session_token="session-token",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path" if "." in bucket else "virtual"}),
    )  # fmt: skip
    theirs = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key}, ExpiresIn=3600)
    ours = S3(KEYS, region="eu-central-1")(f"s3://{bucket}/{key}")
    assert urlsplit(ours)[:3] == urlsplit(theirs)[:3]
    assert parse_qs(urlsplit(ours).query) == parse_qs(urlsplit(theirs).query)


def test_who_pays_is_said_and_signed():
    asked = parse_qs(urlsplit(S3(KEYS, requester_pays=True)("s3://scenes/a.tif")).query)
    assert asked["x-amz-request-payer"] == ["requester"]


def test_a_wrong_region_is_corrected_by_the_answer(faulty, cache, content):
    body = content(1_000)
    with faulty.Server({}) as server:
        signer = S3(KEYS, region="us-east-1", endpoint=server.base)

        def answer(asked):
            if "eu-central-1" in asked.query:
                return faulty.Reply(200, {"ETag": '"1"'}, body)
            return faulty.Reply(301, {"x-amz-bucket-region": "eu-central-1"}, b"<Error/>")

        server.routes["/scenes/a.bin"] = answer
        fetcher = Fetcher(cache, Limits(attempts=2, deadline_s=20), sign=signer)
        assert fetcher.file("s3://scenes/a.bin", "a").read_bytes() == body
    assert len(server.asked) == 2


def test_a_public_bucket_is_asked_without_a_signature():
    assert S3(anonymous=True)("s3://scenes/a.tif") == "https://scenes.s3.us-west-2.amazonaws.com/a.tif"


def test_without_keys_it_says_what_to_set(monkeypatch):
    monkeypatch.setattr(boto3.Session, "get_credentials", lambda session: None)
    with pytest.raises(ProviderError, match="AWS_ACCESS_KEY_ID"):
        S3()("s3://scenes/a.tif")

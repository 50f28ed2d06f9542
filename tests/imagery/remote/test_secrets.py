"""A secret goes to the service it is for and nowhere else."""

import copy
import logging
import pickle
import traceback

import pytest

from imagery.errors import ProviderError
from imagery.remote.address import public, stable
from imagery.remote.http import Fetcher
from imagery.remote.limits import Limits
from imagery.remote.ranged import RangedFile
from imagery.remote.s3 import S3, Keys
from imagery.remote.secrets import Secret, credentials, variable

PLANTED = "pl4nted-s3cret"


def test_a_secret_shows_itself_to_who_asks_only():
    secret = Secret(PLANTED)
    assert secret.reveal() == PLANTED
    assert PLANTED not in f"{secret} {secret!r} {secret!s:>20} {[secret]} {vars(type(secret))}"
    assert secret == Secret(PLANTED) != Secret("other")
    assert bool(secret)
    assert not Secret("")
    for attempt in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not written anywhere"):
            attempt(secret)


def test_credentials_come_from_the_environment_first(tmp_path, monkeypatch):
    file = tmp_path / "cdse.toml"
    file.write_text('client_id = "from-file"\nclient_secret = "x"\n')
    file.chmod(0o600)
    monkeypatch.setenv("WEIXUN_CDSE_CLIENT_ID", "from-environment")
    found = credentials("cdse", ["client_id", "client_secret"], tmp_path)
    assert {name: secret.reveal() for name, secret in found.items()} == {
        "client_id": "from-environment",
        "client_secret": "x",
    }
    assert variable("earth-search", "api_key") == "WEIXUN_EARTH_SEARCH_API_KEY"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o622])
def test_a_file_that_others_can_read_is_refused_with_what_to_run(tmp_path, mode):
    file = tmp_path / "cdse.toml"
    file.write_text(f'client_id = "{PLANTED}"\n')
    file.chmod(mode)
    with pytest.raises(ProviderError, match=r"chmod 600 .*cdse\.toml") as caught:
        credentials("cdse", ["client_id"], tmp_path)
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("content", [f"client_id = {PLANTED}", f'client_id = "{PLANTED}', "\xff", "x" * 70_000])
def test_a_file_that_is_not_toml_is_refused_without_a_word_of_it(tmp_path, content):
    file = tmp_path / "cdse.toml"
    file.write_text(content, "latin-1")
    file.chmod(0o600)
    with pytest.raises(ProviderError, match="is not TOML") as caught:
        credentials("cdse", ["client_id"], tmp_path)
    assert PLANTED not in "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)


@pytest.mark.parametrize("content", ["", "client_id = 7", "client_id = ''"])
def test_what_is_missing_is_named(tmp_path, content):
    file = tmp_path / "cdse.toml"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(ProviderError, match=r"WEIXUN_CDSE_CLIENT_ID.*cdse\.toml"):
        credentials("cdse", ["client_id"], tmp_path)


def test_a_name_can_not_lead_elsewhere(tmp_path):
    with pytest.raises(ProviderError, match="no name of a provider"):
        credentials("../cdse", ["client_id"], tmp_path)


def test_what_signs_an_address_is_neither_shown_nor_part_of_its_key():
    signed = f"https://u:{PLANTED}@data.example/a.tif?sig={PLANTED}&se=2025&X-Amz-Signature={PLANTED}&item=7#{PLANTED}"
    assert public(signed) == "https://data.example/a.tif"
    assert stable(signed) == "https://data.example/a.tif?item=7"


@pytest.fixture
def everything_said(caplog):
    """All that any logger says, at its loudest."""
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "urllib3.connectionpool", "requests", "botocore", "botocore.auth", "boto3", "filelock"):
        caplog.set_level(logging.DEBUG, logger=name)
    return lambda: "\n".join(f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records)


FAULTS = [
    "500",
    "404",
    "403",
    "401",
    "cut",
    "reset",
    "hang",
    "html",
    "bomb",
    "empty",
    "429-seconds",
    "drip-head",
    "416",
]


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_a_planted_secret_is_nowhere_afterwards(faulty, cache, everything_said, fault):
    plan = faulty.Plan(always={} if fault is None else {"/B04.tif": fault, "/q": fault})
    body = b"II*\0" + bytes(5_000)
    with faulty.Server({"/B04.tif": body, "/q": b"{}"}, plan) as server:
        fetcher = Fetcher(
            cache,
            Limits(attempts=2, timeout_s=0.2, deadline_s=1),
            headers=lambda url: {"Authorization": f"Bearer {PLANTED}", "X-Api-Key": PLANTED},
            sign=lambda url: f"{url}&sig={PLANTED}" if "?" in url else f"{url}?sig={PLANTED}",
        )
        href = server.url(f"/B04.tif?token={PLANTED}").replace("http://", f"http://user:{PLANTED}@")
        said = [
            told(lambda: fetcher.file(href, "B04")),
            told(lambda: RangedFile(fetcher, href).read()),
            told(lambda: fetcher.json("GET", server.url(f"/q?token={PLANTED}"))),
        ]
        assert any(PLANTED in f"{asked.headers}{asked.query}" for asked in server.asked), "it must have been sent"
    assert PLANTED not in "\n".join(said) + everything_said() + repr(fetcher.traffic) + repr(vars(fetcher))
    check_folder(cache.folder)


def test_a_redirect_to_a_signed_address_is_not_told(faulty, cache, everything_said):
    with faulty.Server({}) as server:
        server.routes["/B04.tif"] = lambda asked: faulty.Reply(302, {"Location": f"/gone.tif?sig={PLANTED}"}, b"")
        said = told(lambda: Fetcher(cache, Limits(attempts=1)).file(server.url("/B04.tif"), "B04"))
        assert PLANTED in server.asked[-1].query
    assert "does not exist" in said
    assert PLANTED not in said + everything_said()
    check_folder(cache.folder)


def test_keys_of_s3_are_not_told(faulty, cache, everything_said):
    with faulty.Server({}) as server:
        signer = S3(Keys(Secret("AKID" + PLANTED), Secret(PLANTED), Secret(PLANTED)), endpoint=server.base)
        said = told(lambda: Fetcher(cache, Limits(attempts=2), sign=signer).file("s3://scenes/a.tif", "a"))
        assert PLANTED in server.asked[-1].query
    assert "s3://scenes/a.tif" in said
    assert PLANTED not in said + everything_said() + repr(signer) + repr(vars(signer))
    check_folder(cache.folder)


def told(act):
    """What an exception would print, with everything that hangs on it; empty if there is none."""
    try:
        act()
    except ProviderError as error:
        chain, seen = [], error
        while seen is not None:
            chain.append(f"{seen!r} {seen.args} {''.join(traceback.format_exception(seen))}")
            seen = seen.__cause__ or seen.__context__
        return "\n".join(chain)
    return ""


def check_folder(folder):
    for file in folder.rglob("*"):
        assert PLANTED not in str(file)
        assert not file.is_file() or PLANTED.encode() not in file.read_bytes()
